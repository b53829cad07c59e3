package config

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/route/rule"
)

// secretHeaders are headers that no rule may read, for they hold credentials.
var secretHeaders = []string{ // immutable
	"Api-Key", "Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Weir-Key",
}

// maxReject is the length of the longest message of a rule.
const maxReject = 500

// rules checks what rules may read, and the rules.
func (d *decoder) rules(c *Config) {
	options := rule.Options{Headers: c.Routing.Headers}
	for i, name := range c.Routing.Headers {
		at := fmt.Sprintf("routing.headers[%d]", i)
		switch {
		case !d.sound(at):
		case !headerName.MatchString(name):
			d.fault(at, d.quoteValue(at, name)+" is not a header's name", "write for example x-team")
		case slices.Contains(secretHeaders, textproto.CanonicalMIMEHeaderKey(name)):
			d.fault(at, d.quoteValue(at, name)+" holds credentials, which rules cannot see", "ask for key, tenant, roles or metadata instead")
		}
	}
	const zone = "routing.timezone"
	if d.sound(zone) {
		var err error
		if options.Zone, err = time.LoadLocation(c.Routing.TimeZone); err != nil || c.Routing.TimeZone == "Local" {
			d.fault(zone, "there is no time zone "+d.quoteValue(zone, c.Routing.TimeZone), "write one as Europe/Berlin, Asia/Tokyo or UTC")
			options.Zone = nil
		}
	}
	names, upstreams, match := make(map[string]string), d.upstreamNames(c.Upstreams), newMatcher(c.Models)
	for i := range c.Routing.Rules {
		r, at := &c.Routing.Rules[i], fmt.Sprintf("routing.rules[%d]", i)
		d.name(at+".name", r.Name, nameForm, names)
		d.when(at+".when", r.When, options)
		d.effect(at, r, match)
		d.targets(r.Targets, at+".targets", upstreams)
		d.labels(at+".labels", r.Labels)
	}
	d.demands(c)
}

// when compiles the condition of a rule.
func (d *decoder) when(at, source string, o rule.Options) {
	if !d.given(at) || !d.sound(at) {
		return
	}
	if _, ref := d.shown[at]; ref {
		d.fault(at, "holds a reference", "write the condition here as it is; $$ is a dollar")
		return
	}
	_, err := rule.Compile(source, o)
	if err == nil {
		return
	}
	e, ok := errors.AsType[*rule.Error](err)
	if !ok {
		e = &rule.Error{Line: 1, Column: 1, Msg: err.Error()}
	}
	d.fault(at, e.Msg, "docs/guides/routing.md lists what a condition can say")
	d.faults[len(d.faults)-1].point(d.source, source, e.Line, e.Column)
}

// effect checks what a rule does.
func (d *decoder) effect(at string, r *Rule, match *matcher) {
	said := 0
	for _, name := range []string{"use", "targets", "reject"} {
		if d.given(at + "." + name) {
			said++
		}
	}
	switch {
	case !d.sound(at):
	case said > 1:
		d.fault(at, "has more than one of use, targets and reject", "keep one, or make two rules of it")
	case said == 0 && !d.given(at+".max_output") && !d.given(at+".prefer") && !d.given(at+".labels"):
		d.fault(at, "does nothing", "add use, targets, reject, max_output, prefer or labels")
	}
	if use := at + ".use"; d.given(use) && d.sound(use) && d.sound("models") && (strings.Contains(r.Use, "*") || !match.any(r.Use)) {
		d.fault(use, "no model is called "+d.quoteValue(use, r.Use), "name one of the models")
	}
	if reject := at + ".reject"; d.given(reject) && d.sound(reject) && (strings.TrimSpace(r.Reject) == "" || len(r.Reject) > maxReject) {
		d.fault(reject, "is not a message", fmt.Sprintf("tell the client what it may do, in 1 to %d bytes", maxReject))
	}
}

// labels checks names and values of labels and of metadata.
func (d *decoder) labels(at string, all map[string]string) {
	const longest = 256
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, item := all[name], join(at, plainOrQuoted(name))
		switch {
		case !d.sound(item):
		case !nameForm.MatchString(name):
			d.fault(item, quote(name)+" is not a name", nameRemedy)
		case value == "" || len(value) > longest:
			d.fault(item, "is not a text of 1 to 256 bytes", "give it a value, or remove it")
		}
	}
}

// demands warns of labels that are demanded and that no target has.
func (d *decoder) demands(c *Config) {
	has := make(map[[2]string]bool)
	note := func(targets []Target) {
		for i := range targets {
			for name, value := range targets[i].Labels {
				has[[2]string{name, value}] = true
			}
		}
	}
	for i := range c.Models {
		note(c.Models[i].Targets)
	}
	for i := range c.Routing.Rules {
		note(c.Routing.Rules[i].Targets)
	}
	check := func(at string, labels map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			if item := join(at, plainOrQuoted(name)); d.sound(item) && !has[[2]string{name, labels[name]}] {
				d.warn(item, "no target has "+name+": "+d.quoteValue(item, labels[name])+", so nothing can be served", "add it to the labels of the targets that have it")
			}
		}
	}
	for i := range c.Routing.Rules {
		check(fmt.Sprintf("routing.rules[%d].labels", i), c.Routing.Rules[i].Labels)
	}
	for i := range c.Keys {
		check(fmt.Sprintf("keys[%d].labels", i), c.Keys[i].Labels)
	}
}

// keyRouting checks what a key says of where its requests go.
func (d *decoder) keyRouting(path string, k *Key, upstreams nameSet) {
	d.labels(path+".labels", k.Labels)
	d.labels(path+".metadata", k.Metadata)
	for i, role := range k.Roles {
		if at := fmt.Sprintf("%s.roles[%d]", path, i); d.sound(at) && !nameForm.MatchString(role) {
			d.fault(at, d.quoteValue(at, role)+" is not a name", nameRemedy)
		}
	}
	for i, name := range k.MayChoose {
		if at := fmt.Sprintf("%s.may_choose[%d]", path, i); d.sound(at) && d.sound("upstreams") && !upstreams.has(name) {
			d.fault(at, "there is no upstream "+d.quoteValue(at, name), upstreams.remedy(name))
		}
	}
}
