package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/capability"
)

// dialectNames are the protocols in which an upstream can be asked.
var dialectNames = []string{"chat", "responses", "messages", "completions", "ollama"} // immutable

// DialectsOf returns the protocols in which t can be asked at u, the one to
// translate to first, but for those that routes lead to.
func (u *Upstream) DialectsOf(t *Target) []string {
	switch {
	case len(t.Dialects) > 0:
		return t.Dialects
	case t.Ollama != (OllamaSettings{}):
		return []string{"ollama"}
	default:
		return u.Dialects()
	}
}

// ollama checks what only Ollama's own protocol can say.
func (d *decoder) ollama(path string, t Target, kind Kind) {
	if t.Ollama == (OllamaSettings{}) || !d.sound(path) {
		return
	}
	if kind != "" && kind != KindOllama && kind != KindSimulator {
		d.fault(path, "is for upstreams of kind ollama only, this is "+string(kind), "remove it")
		return
	}
	if len(t.Dialects) > 0 && !slices.Contains(t.Dialects, "ollama") {
		d.fault(path, "has no effect, because dialects do not name ollama", "remove dialects, or add ollama to them")
	}
	at := path + ".keep_alive"
	if keep := t.Ollama.KeepAlive; keep != "" && keep != Forever && d.sound(at) {
		if _, err := parseDuration(keep); err != nil {
			d.fault(at, d.quoteValue(at, keep)+" "+err.Error(), durationRemedy+", or "+Forever)
		}
	}
}

// Forever is the keep_alive of a model that is never unloaded.
const Forever = "forever"

// dialects checks the protocols of a target.
func (d *decoder) dialects(path string, names []string) {
	if len(names) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty", "remove it, or name "+strings.Join(dialectNames, ", "))
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !d.sound(at):
		case !slices.Contains(dialectNames, name):
			d.fault(at, d.quoteValue(at, name)+" is not a protocol", "write "+strings.Join(dialectNames, ", "))
		case slices.Contains(names[:i], name):
			d.fault(at, d.quoteValue(at, name)+" is there twice", "remove one of the two")
		}
	}
}

// family checks that the family of a target's model is one of which something
// is known: of another name everything would pass, unnoticed.
func (d *decoder) family(path, name string) {
	if name != "" && d.sound(path) && !capability.Find(name).Known() {
		d.fault(path, d.quoteValue(path, name)+" says nothing of what the model takes",
			"write a model's name such as gpt-5, gpt-5.1, gpt-4o, o3 or claude-opus-4-7, or remove it")
	}
}

// effortNames are the values of reasoning effort that any model knows.
var effortNames = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"} // immutable

// efforts checks the values of reasoning effort of a target.
func (d *decoder) efforts(path string, values []string) {
	if len(values) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty", "remove it, or name what the model knows")
	}
	for i, value := range values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if d.sound(at) && !slices.Contains(effortNames, value) {
			d.fault(at, d.quoteValue(at, value)+" is no reasoning effort", "write "+strings.Join(effortNames, ", "))
		}
	}
}
