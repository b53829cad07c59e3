package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// deployment stands in a path for the upstream's name of the model.
const deployment = "{deployment}"

var routeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$`)

const routeRemedy = "write a path on the upstream's host, such as /openai/v1/responses, or the name of an operation, such as responses"

// routes checks the routes of every upstream and of its targets, once all of
// them are known.
func (d *decoder) routes(c *Config) {
	byName := make(map[string]*Upstream, len(c.Upstreams))
	named := make(map[string]map[string]bool) // :: upstream → the names that its targets lead to
	for i := range c.Upstreams {
		byName[c.Upstreams[i].Name] = &c.Upstreams[i]
		named[c.Upstreams[i].Name] = map[string]bool{}
		for _, value := range c.Upstreams[i].Routes {
			named[c.Upstreams[i].Name][value] = true
		}
	}
	for i := range c.Models {
		for j := range c.Models[i].Targets {
			t := &c.Models[i].Targets[j]
			if u := byName[t.Upstream]; u != nil {
				for _, value := range t.Routes {
					named[t.Upstream][value] = true
				}
				d.targetRoutes(u, t, fmt.Sprintf("models[%d].targets[%d]", i, j))
			}
		}
	}
	for i := range c.Upstreams {
		u, at := &c.Upstreams[i], fmt.Sprintf("upstreams[%d].routes", i)
		for _, name := range slices.Sorted(maps.Keys(u.Routes)) {
			p := join(at, plainOrQuoted(name))
			if !d.sound(p) {
				continue
			}
			if !isRoute(name) && name != anyRoute && routeForm.MatchString(name) && named[u.Name][name] {
				d.ownRoute(p, u.Routes[name])
				continue
			}
			d.route(u, p, name, u.Routes[name])
		}
	}
}

// targetRoutes checks the routes of one target.
func (d *decoder) targetRoutes(u *Upstream, t *Target, at string) {
	for _, name := range slices.Sorted(maps.Keys(t.Routes)) {
		if p := join(at+".routes", plainOrQuoted(name)); d.sound(p) {
			d.route(u, p, name, t.Routes[name])
		}
	}
	if model := at + ".model"; t.Model != "" && d.sound(model) && !isDeployment(t.Model) && u.inPath(t) {
		d.fault(model, d.quoteValue(model, t.Model)+" cannot stand for "+deployment+" in a path", "write the deployment's name alone: without /, \\ and %")
	}
}

// inPath reports whether a path that t is asked at has the deployment in it,
// before its query.
func (u *Upstream) inPath(t *Target) bool {
	for _, table := range []map[string]string{t.Routes, u.Routes} {
		for _, path := range table {
			if before, _, _ := strings.Cut(path, "?"); strings.Contains(before, deployment) {
				return true
			}
		}
	}
	return false
}

// route checks one route of an operation.
func (d *decoder) route(u *Upstream, at, name, value string) {
	switch {
	case name != anyRoute && !isRoute(name):
		d.fault(at, "is no operation that can have a route, and no other route leads to it", d.routeNames(name))
		return
	case value == "":
		d.fault(at, "is empty", "remove it, or "+routeRemedy)
		return
	case strings.HasPrefix(value, "/"):
		if why := badPath(value); why != "" {
			d.fault(at, d.quoteValue(at, value)+" "+why, "write a path such as /openai/v1/responses or /deployments/"+deployment+"/chat/completions?api-version=2024-10-21")
			return
		}
	case strings.HasPrefix(u.Routes[value], "/"):
	case !isRoute(value):
		d.fault(at, d.quoteValue(at, value)+" is neither a path nor an operation, and the upstream has no path of this name", d.routeNames(value))
		return
	case u.Kind != "" && !u.Has(value):
		d.fault(at, "the upstream has no path for "+value, "add "+value+" to its routes, with a path")
		return
	}
	d.goes(u, at, name, value)
}

// goes checks that a route leads where the operation can go.
func (d *decoder) goes(u *Upstream, at, name, value string) {
	as := u.lead(value, name).Route
	switch {
	case name != anyRoute && as != "" && !goesAs(name, as):
		d.fault(at, name+" cannot be asked as "+as, "lead it to a path that ends in /"+name)
	case name == anyRoute && as != "" && !isConversation(as):
		d.fault(at, "leads every operation to "+as+", as which no other can be asked", "write "+as+" in place of *")
	}
}

// ownRoute checks a route that only targets name.
func (d *decoder) ownRoute(at, value string) {
	if !strings.HasPrefix(value, "/") || badPath(value) != "" {
		d.fault(at, d.quoteValue(at, value)+" is no path", "write a path such as /openai/v1/responses, which targets can lead to by this name")
	}
}

// badPath says what is wrong with a path, if anything is.
func badPath(path string) string {
	const longest = 2048
	plain := strings.ReplaceAll(path, deployment, "d")
	before, query, _ := strings.Cut(plain, "?")
	_, err := url.ParseQuery(query)
	switch {
	case strings.ContainsAny(plain, "{}"):
		return "has something in { } that is not " + deployment
	case len(path) > longest:
		return "is too long"
	case strings.ContainsFunc(plain, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"#<>\^|`+"`", r) }):
		return "has a character that cannot stand in a path"
	case strings.Contains(before, "//"):
		return "has // in it"
	case strings.ContainsAny(before, "%;"):
		return "has an escape or a parameter in it"
	case slices.Contains(strings.Split(before, "/"), "."), slices.Contains(strings.Split(before, "/"), ".."):
		return "has a . or .. in it"
	case err != nil:
		return "has a query that cannot be read"
	}
	return ""
}

// routeNames is the remedy for a name that is no operation.
func (d *decoder) routeNames(name string) string {
	all := slices.Concat(conversations, otherRoutes)
	if best, ok := nearest(name, all); ok && !d.full() {
		return "did you mean " + best + "?"
	}
	return "the operations are " + strings.Join(all, ", ") + ", and * is for every other"
}
