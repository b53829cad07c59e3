package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)
	keyNameForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}$`)
	hostForm     = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?)*$`)
	placeholders = regexp.MustCompile(`(?i)YOUR[-_]RESOURCE[-_]NAME|(^|[^a-z])CHANGE[-_]?ME($|[^a-z])|\[redacted\]`)
)

const nameRemedy = "use letters, digits, . _ - and +, at most 64, the first a letter or a digit"

// minSecret is the length of the shortest key.
const minSecret = 16

// validate applies the rules that types cannot say. Rules about one value are
// left out where that value has a fault already.
func (d *decoder) validate(c *Config) {
	d.listen(&c.Listen)
	d.upstreams(c)
	d.models(c)
	d.routes(c)
	d.keys(c)
	d.passages(c)
	d.whoMayCall(c)
	d.routing(c.Routing)
	d.rules(c)
	d.cors(c)
	d.transparent(c)
}

// name checks that a name is well formed and not among those seen.
func (d *decoder) name(path, name string, form *regexp.Regexp, seen map[string]string) {
	remedy := nameRemedy
	if form == keyNameForm {
		remedy = strings.Replace(remedy, "and +", "+ and @", 1)
	}
	switch {
	case !d.given(path) || !d.sound(path):
		return
	case !form.MatchString(name):
		d.fault(path, d.quoteValue(path, name)+" is not a name", remedy)
	case seen[name] != "":
		d.fault(path, d.quoteValue(path, name)+" is the name of "+seen[name]+" too", "give each a name of its own")
	default:
		seen[name] = path[:strings.LastIndexByte(path, '.')]
	}
}

const (
	placeholderLeft   = "a placeholder is left in"
	placeholderRemedy = "put the real value in its place"
)

// placeholder reports whether a value still holds what an example left to
// fill in.
func (d *decoder) placeholder(path, value string) bool {
	if !placeholders.MatchString(value) {
		return false
	}
	d.fault(path, placeholderLeft, placeholderRemedy)
	return true
}

func (d *decoder) listen(l *Listen) {
	d.address("listen.address", l.Address)
	for i, host := range l.Hosts {
		path := fmt.Sprintf("listen.hosts[%d]", i)
		if _, err := netip.ParseAddr(host); err != nil && host != "*" && !isHost(host) {
			d.fault(path, d.quoteValue(path, host)+" is not a host's name", "write it without scheme, port and path: gw.example.com; * is any")
		}
	}
	const memory = "listen.body_memory"
	if l.BodyMemory/2 < l.BodyLimit && d.sound(memory) && d.sound("listen.body_limit") {
		d.fault(memory, "is less than twice listen.body_limit: a body may be there twice, as it came and as it is sent on, so the largest could never be served", "make it several times body_limit")
	}
	const disk = "listen.body_disk"
	if l.BodyDisk < l.BodyLimit && d.sound(disk) && d.sound("listen.body_limit") {
		d.fault(disk, "is less than listen.body_limit, so the largest upload could never be served", "make it several times body_limit")
	}
	d.certificate("listen.tls", l.TLS)
}

// address checks where a listener is to listen. One that is not there is none.
func (d *decoder) address(at, address string) {
	if !d.sound(at) || address == "" && !d.given(at) {
		return
	}
	host, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16)
	_, ipErr := netip.ParseAddr(host)
	switch {
	case err != nil:
		d.fault(at, d.quoteValue(at, address)+" is not host:port", "write for example 127.0.0.1:8787, [::1]:8787, or :8787 for every interface")
	case portErr != nil:
		d.fault(at, "the port in "+d.quoteValue(at, address)+" is not a number up to 65535", "write for example 127.0.0.1:8787")
	case host != "" && ipErr != nil && !isHost(host):
		d.fault(at, "the host in "+d.quoteValue(at, address)+" is neither an IP address nor a name", "write for example 127.0.0.1:8787")
	}
}

func isHost(s string) bool { return len(s) <= 253 && hostForm.MatchString(s) }

// certificate checks that both files of a listener are there and belong
// together.
func (d *decoder) certificate(at string, t TLS) {
	cert, key := at+".cert", at+".key"
	if t == (TLS{}) {
		if d.given(at) && d.sound(at) && d.sound(cert) && d.sound(key) {
			d.fault(at, "names no certificate", "add cert and key, or remove it")
		}
		return
	}
	if t.Cert == "" || t.Key == "" {
		if d.sound(cert) && d.sound(key) {
			d.fault(at, "has only one of cert and key", "name both files")
		}
		return
	}
	certPEM, okCert := d.read(cert, t.Cert)
	keyPEM, okKey := d.read(key, t.Key)
	if !okCert || !okKey {
		return
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		d.fault(cert, "is not a certificate that goes with "+key+": "+strings.TrimPrefix(err.Error(), "tls: "), "name a PEM certificate and its own PEM key")
	}
}

// read reads a file that the document names.
func (d *decoder) read(path, name string) ([]byte, bool) {
	if !d.sound(path) {
		return nil, false
	}
	data, err := readAll(d.refs.open, name, maxSource)
	if err != nil {
		d.fault(path, "the file "+d.quoteValue(path, name)+" cannot be read: "+cause(err).Error(), "check its name and that Weir may read it")
		return nil, false
	}
	return data, true
}

func (d *decoder) models(c *Config) {
	switch {
	case len(c.Models) > 0 || !d.sound("models") || !d.sound(""):
	case d.given("models"):
		d.fault("models", "is empty", fieldNamed("models").hint())
	case !c.Transparent.takesAll():
		d.fault("models", "missing", fieldNamed("models").hint())
	}
	upstreams := d.upstreamNames(c.Upstreams)
	seen := make(map[string]string, len(c.Models))
	for i, m := range c.Models {
		path := fmt.Sprintf("models[%d]", i)
		if at := path + ".name"; d.given(at) && d.sound(at) {
			switch {
			case !isModelName(m.Name):
				d.fault(at, d.quoteValue(at, m.Name)+" is not a model's name", "use 1 to 256 bytes without control characters, and no space at either end")
			case seen[m.Name] != "":
				d.fault(at, d.quoteValue(at, m.Name)+" is the name of "+seen[m.Name]+" too", "put all targets under one of them")
			default:
				seen[m.Name] = path
			}
		}
		d.targets(m.Targets, path+".targets", upstreams)
	}
}

// isModelName reports whether s may be a model's name or pattern.
func isModelName(s string) bool {
	return s != "" && len(s) <= 256 && s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// isDeployment reports whether a model's name can be one segment of a path.
func isDeployment(s string) bool {
	return strings.Trim(s, ".") != "" && !strings.ContainsAny(s, `/\%`)
}

func (d *decoder) targets(targets []Target, path string, upstreams nameSet) {
	if len(targets) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty", fieldNamed("targets").hint())
	}
	type target struct{ upstream, model string }
	seen := make(map[target]bool, len(targets))
	for i, t := range targets {
		at := fmt.Sprintf("%s[%d]", path, i)
		if up := at + ".upstream"; d.given(up) && d.sound(up) && d.sound("upstreams") && !upstreams.has(t.Upstream) {
			d.fault(up, "there is no upstream "+d.quoteValue(up, t.Upstream), upstreams.remedy(t.Upstream))
		}
		if name := at + ".model"; d.given(name) && d.sound(name) && t.Model != "" {
			switch {
			case !isModelName(t.Model):
				d.fault(name, d.quoteValue(name, t.Model)+" is not a model's name", "use 1 to 256 bytes without control characters, and no space at either end")
			case strings.Contains(t.Model, "*"):
				d.fault(name, d.quoteValue(name, t.Model)+" is a pattern", "name one model of the upstream, or leave it out to use the name the client asked for")
			case upstreams.classic[t.Upstream] && !isDeployment(t.Model):
				d.fault(name, d.quoteValue(name, t.Model)+" cannot be the name of a deployment", "write the deployment's name alone: without /, \\ and %")
			}
		}
		d.strip(at+".strip", t)
		d.labels(at+".labels", t.Labels)
		d.dialects(at+".dialects", t.Dialects)
		d.family(at+".family", t.Family)
		d.efforts(at+".efforts", t.Efforts)
		d.ollama(at+".ollama", t, upstreams.kind[t.Upstream])
		if key := (target{t.Upstream, t.Model}); d.sound(at) && t.Upstream != "" {
			if seen[key] {
				d.fault(at, "is the same as a target before it", "remove it")
			}
			seen[key] = true
		}
	}
}

// A nameSet is the names of the upstreams there are.
type nameSet struct {
	all   map[string]bool
	first []string // some of them, for advice; none that came from a reference

	kind    map[string]Kind
	classic map[string]bool // those that have a model's name in their paths
}

func (d *decoder) upstreamNames(upstreams []Upstream) nameSet {
	const most = 50
	s := nameSet{all: make(map[string]bool, len(upstreams)), kind: make(map[string]Kind, len(upstreams)), classic: make(map[string]bool)}
	for i, u := range upstreams {
		s.all[u.Name], s.kind[u.Name] = true, u.Kind
		s.classic[u.Name] = u.Kind == KindAzure && u.API == APIClassic
		if _, ref := d.shown[fmt.Sprintf("upstreams[%d].name", i)]; !ref && len(s.first) < most {
			s.first = append(s.first, u.Name)
		}
	}
	return s
}

// has reports whether an upstream is there. If the name of one has a fault of
// its own, nobody knows, and none is called missing.
func (s nameSet) has(name string) bool { return s.all[name] || s.all[""] }

// remedy is what to do about a name that no upstream has.
func (s nameSet) remedy(name string) string {
	if best, ok := nearest(name, s.first); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	const most = 8
	if len(s.first) == 0 {
		return "name one of the upstreams"
	}
	return "name one of the upstreams: " + strings.Join(s.first[:min(len(s.first), most)], ", ")
}
