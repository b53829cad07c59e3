package config

import (
	"fmt"
	"reflect"
)

// complete fills in the defaults that depend on other values.
func (d *decoder) complete(c *Config) {
	if least := 2 * c.Listen.BodyLimit; !d.given("listen.body_memory") && c.Listen.BodyMemory < least {
		c.Listen.BodyMemory = least
		d.notes["listen.body_memory"] = "twice body_limit"
	}
	if least := c.Listen.BodyLimit; !d.given("listen.body_disk") && c.Listen.BodyDisk < least {
		c.Listen.BodyDisk = least
		d.notes["listen.body_disk"] = "as body_limit"
	}
	if t := &c.Transparent; t.Upstream != "" && t.Prefix == "" {
		t.Prefix = "/"
	}
	for i := range c.Upstreams {
		u, path := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		d.inheritTimeouts(&u.Timeouts, c.Timeouts, path+".timeouts")
		d.completeUpstream(u, path)
		d.completeRetry(&u.Retry, path+".retry")
	}
	for i := range c.Keys {
		c.Keys[i].MayChooseGiven = d.given(fmt.Sprintf("keys[%d].may_choose", i))
	}
	refuses := make(map[string]bool)
	for i := range c.Upstreams {
		refuses[c.Upstreams[i].Name] = c.Upstreams[i].RefusesStreamUsage()
	}
	for i := range c.Models {
		d.completeTargets(c.Models[i].Targets, fmt.Sprintf("models[%d].targets", i), refuses)
	}
	for i := range c.Routing.Rules {
		d.completeTargets(c.Routing.Rules[i].Targets, fmt.Sprintf("routing.rules[%d].targets", i), refuses)
	}
}

// completeTargets fills in what depends on the upstreams of targets, of which
// some refuse to be asked for the usage of a stream, and on each other.
func (d *decoder) completeTargets(targets []Target, path string, refuses map[string]bool) {
	d.weights(targets, path)
	for i := range targets {
		t, at := &targets[i], fmt.Sprintf("%s[%d]", path, i)
		t.KeepAliveGiven = d.given(at + ".keepalive")
		t.Price.Given = d.given(at + ".price")
		if usage := at + ".stream_usage"; refuses[t.Upstream] && !d.given(usage) {
			t.StreamUsage = false
			d.notes[usage] = "because api_version is before " + usageVersion
		}
	}
}

// weights gives the targets of a list their shares, if any of them is to be
// anything but the next in the list.
func (d *decoder) weights(targets []Target, path string) {
	drawn := false
	for i := range targets {
		at := fmt.Sprintf("%s[%d]", path, i)
		drawn = drawn || d.given(at+".weight") || d.given(at+".priority")
	}
	for i := range targets {
		if at := fmt.Sprintf("%s[%d].weight", path, i); drawn && !d.given(at) {
			targets[i].Weight = 1
			d.notes[at] = "because a target of the model has a weight or a priority"
		}
	}
}

// usageVersion is Azure's first dated version whose chat completions take
// stream_options.include_usage.
const usageVersion = "2024-09-01-preview"

// Dialects returns the protocols in which an upstream can be asked where a
// target does not say, the one to translate to first.
func (u *Upstream) Dialects() []string {
	switch u.Kind {
	case KindAnthropic:
		return []string{"messages"}
	case KindOllama:
		return []string{"chat", "responses", "messages", "completions"}
	case KindCompatible:
		return []string{"chat", "completions"}
	case KindSimulator:
		return []string{"responses", "chat", "messages", "completions"}
	case KindAzure:
		if u.API == APIClassic {
			return []string{"chat", "responses", "completions"}
		}
	}
	return []string{"responses", "chat", "completions"}
}

// RefusesStreamUsage reports whether the upstream is known to refuse a stream
// that is asked for its usage. [Target.StreamUsage] has the last word.
func (u *Upstream) RefusesStreamUsage() bool {
	return u.Kind == KindAzure && u.API == APIClassic && len(u.APIVersion) >= len("2024-09-01") && u.APIVersion[:len("2024-09-01")] < usageVersion[:len("2024-09-01")]
}

// inheritTimeouts gives an upstream the common value of each timeout that it
// does not set itself.
func (d *decoder) inheritTimeouts(own *Timeouts, common Timeouts, path string) {
	to, from := reflect.ValueOf(own).Elem(), reflect.ValueOf(common)
	for _, f := range fieldsOf(to.Type()) {
		if at := join(path, f.name); !d.given(at) {
			to.Field(f.index).Set(from.Field(f.index))
			if d.given(join("timeouts", f.name)) {
				d.notes[at] = "as timeouts." + f.name
			}
		}
	}
}

// The defaults of an upstream that depend on its kind.
const (
	openAIEndpoint    = "https://api.openai.com/v1"
	anthropicEndpoint = "https://api.anthropic.com"
	classicVersion    = "2024-10-21" // the last dated version that is not a preview
)

// completeUpstream fills in what depends on the upstream's kind. What has no
// default stays empty.
func (d *decoder) completeUpstream(u *Upstream, path string) {
	fill := func(name string, value *string, fallback, why string) {
		if *value == "" {
			*value = fallback
			d.notes[path+name] = why
		}
	}
	switch u.Kind {
	case KindOpenAI:
		fill(".endpoint", &u.Endpoint, openAIEndpoint, "default of kind openai")
	case KindAnthropic:
		fill(".endpoint", &u.Endpoint, anthropicEndpoint, "default of kind anthropic")
	case KindAzure:
		fill(".api", (*string)(&u.API), string(APIv1), "default of kind azure")
		if u.API == APIClassic {
			fill(".api_version", &u.APIVersion, classicVersion, "because api is classic")
		}
	default:
		fill(".auth", (*string)(&u.Auth.Method), string(AuthNone), "default of kind "+string(u.Kind))
	}
}
