package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// OneTenant reports whether everybody who may call is of one tenant. A key
// that is disabled counts: what was made with it is still there.
func (c *Config) OneTenant() bool {
	for _, k := range c.Keys {
		if k.Tenant != c.Keys[0].Tenant {
			return false
		}
	}
	return true
}

const (
	maxGlobs = 100
	maxGlob  = 200
)

// globForm is a path without escapes: what is in it means itself, but for *.
var globForm = regexp.MustCompile(`^/(v1|openai)(/[A-Za-z0-9_.*:-]+)+$`)

// operationNames are the first names, behind the version, of the paths of
// Weir's own operations. Nothing at or below them passes unread.
var operationNames = []string{ // immutable
	"audio", "chat", "completions", "deployments", "embeddings", "images", "messages", "models", "moderations", "realtime", "responses",
}

// adminNames are the first names of paths that manage an account. Its own
// holder alone may go there.
var adminNames = []string{"organization", "projects"} // immutable

// referringNames are the first names of paths whose requests name, in bodies
// that nobody reads, what others have made: files, most often. What comes of
// them is the caller's own, and would open others' files to it.
var referringNames = []string{ // immutable
	"assistants", "batches", "containers", "conversations", "evals", "fine_tuning", "threads", "vector_stores", "videos",
}

// passages checks the paths that pass to upstreams, and who decides about ids.
func (d *decoder) passages(c *Config) {
	type place struct {
		upstream int
		at, glob string
	}
	var seen []place
	for i := range c.Upstreams {
		u, at := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		alone := c.OneTenant() || u.Auth.Method == AuthPassthrough || !d.sound("keys") || !d.sound(at+".auth")
		if p := at + ".unknown_ids"; u.UnknownIDs == UnknownForward && d.sound(p) && !alone {
			d.fault(p, "lets each tenant ask for what others have made", "remove it, or give all keys one tenant, or the upstream auth: passthrough")
		}
		if p := at + ".passthrough_paths"; len(u.PassthroughPaths) > maxGlobs && d.sound(p) {
			d.fault(p, fmt.Sprintf("has %d paths", len(u.PassthroughPaths)), fmt.Sprintf("use at most %d; ** stands for many", maxGlobs))
			continue
		}
		for j, glob := range u.PassthroughPaths {
			p := fmt.Sprintf("%s.passthrough_paths[%d]", at, j)
			if !d.sound(p) || !d.glob(p, glob, u.Auth.Method, alone) {
				continue
			}
			for _, other := range seen {
				if other.upstream != i && globsMeet(other.glob, glob) {
					d.fault(p, d.quoteValue(p, glob)+" takes paths that "+other.at+" takes too", "let one upstream take them")
					break
				}
			}
			seen = append(seen, place{i, p, glob})
		}
	}
}

// glob checks one pattern of paths by itself.
func (d *decoder) glob(p, glob string, auth AuthMethod, alone bool) bool {
	shown := d.quoteValue(p, glob)
	switch taken := takes(glob, operationNames); {
	case len(glob) > maxGlob || !globForm.MatchString(glob) || !plainPath(glob):
		d.fault(p, shown+" is not a pattern of paths", "begin it with /v1/ or /openai/ and use letters, digits, . _ - : and *, without empty or dot segments, at most "+strconv.Itoa(maxGlob))
	case taken != "":
		d.fault(p, shown+" takes paths of Weir's own, as "+taken, "take those of other operations only: /v1/files, /v1/files/**")
	case auth != AuthPassthrough && takes(glob, adminNames) != "":
		d.fault(p, shown+" would let every client manage the account", "remove it, or give the upstream auth: passthrough")
	case !alone && bearsIDs(glob):
		d.fault(p, shown+" takes ids, by which each tenant could reach what others have made", "take single collections only, as /v1/files, or give all keys one tenant, or the upstream auth: passthrough")
	case !alone && takes(glob, referringNames) != "":
		d.fault(p, shown+" takes requests that name files, by which each tenant could reach what others have made", "remove it, or give all keys one tenant, or the upstream auth: passthrough")
	default:
		return true
	}
	return false
}

// plainPath reports whether no segment of a pattern can be empty or a dot
// segment only.
func plainPath(glob string) bool {
	for segment := range strings.SplitSeq(glob[1:], "/") {
		if strings.Trim(segment, ".") == "" || strings.Contains(segment, "***") {
			return false
		}
	}
	return true
}

// bases are what stands in front of the names of collections.
var bases = []string{"/v1/", "/openai/v1/", "/openai/"} // immutable

// takes returns a path at or below one of these names that the pattern
// matches, or "".
func takes(glob string, names []string) string {
	for _, base := range bases {
		for _, name := range names {
			if globsMeet(glob, base+name) || globsMeet(glob, base+name+"/**") {
				return base + name
			}
		}
	}
	return ""
}

// bearsIDs reports whether a pattern takes paths with ids in them: all do but
// the name of a collection right behind the version.
func bearsIDs(glob string) bool {
	for _, base := range bases {
		if name, ok := strings.CutPrefix(glob, base); ok {
			return strings.ContainsAny(name, "/*")
		}
	}
	return true
}

// globsMeet reports whether some path matches both patterns. In them * is any
// run of characters but slashes, ** of any.
func globsMeet(a, b string) bool {
	x, y := globSteps(a), globSteps(b)
	// row[j] says whether x[i:] and y[j:] meet; rows are made from the end.
	next, row := make([]bool, len(y)+1), make([]bool, len(y)+1)
	for i := len(x); i >= 0; i-- {
		for j := len(y); j >= 0; j-- {
			row[j] = i == len(x) && j == len(y)
			switch {
			case row[j]:
			case i < len(x) && x[i].star() && j < len(y) && y[j].star():
				row[j] = next[j] || row[j+1]
			case i < len(x) && x[i].star():
				row[j] = next[j] || j < len(y) && x[i].takes(y[j]) && row[j+1]
			case j < len(y) && y[j].star():
				row[j] = row[j+1] || i < len(x) && y[j].takes(x[i]) && next[j]
			default:
				row[j] = i < len(x) && j < len(y) && x[i] == y[j] && next[j+1]
			}
		}
		next, row = row, next
	}
	return next[0]
}

// A globStep is a byte of a path, or one of the two stars.
type globStep int

const (
	oneStar globStep = -1 - iota
	twoStars
)

func (s globStep) star() bool { return s < 0 }

// takes reports whether a star stands for a byte.
func (s globStep) takes(c globStep) bool { return s == twoStars || c != '/' }

func globSteps(glob string) []globStep {
	steps := make([]globStep, 0, len(glob))
	for i := 0; i < len(glob); i++ {
		switch {
		case strings.HasPrefix(glob[i:], "**"):
			steps = append(steps, twoStars)
			i++
		case glob[i] == '*':
			steps = append(steps, oneStar)
		default:
			steps = append(steps, globStep(glob[i]))
		}
	}
	return steps
}
