package config

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

func (d *decoder) keys(c *Config) {
	names := make(map[string]string, len(c.Keys))
	secrets := make(map[[sha256.Size]byte]string, len(c.Keys))
	upstreams := d.upstreamNames(c.Upstreams)
	var match *matcher // nil: without models there is nothing to match
	if len(c.Models) > 0 {
		match = newMatcher(c.Models)
	}
	for i, k := range c.Keys {
		path := fmt.Sprintf("keys[%d]", i)
		d.name(path+".name", k.Name, keyNameForm, names)
		if at := path + ".tenant"; d.given(at) && d.sound(at) && !nameForm.MatchString(k.Tenant) {
			d.fault(at, d.quoteValue(at, k.Tenant)+" is not a name", nameRemedy)
		}
		if at := path + ".secret"; d.given(at) && d.sound(at) {
			d.keySecret(at, k.Secret, secrets)
		}
		d.keyModels(path+".models", k.Models, match)
		d.keyRouting(path, &k, upstreams)
	}
}

// keySecret checks the secret of one key against the rules and the others.
func (d *decoder) keySecret(path string, secret Secret, seen map[[sha256.Size]byte]string) {
	s := secret.Reveal()
	switch {
	case d.placeholder(path, s):
	case !d.headerSafe(path, s):
	case len(s) < minSecret && d.environment:
		d.warn(path, fmt.Sprintf("has %d characters, and could be guessed", len(s)), "use 32 random ones: openssl rand -hex 32")
		d.notes[path] = fmt.Sprintf("in a file at least %d characters are demanded", minSecret)
	case len(s) < minSecret:
		d.fault(path, fmt.Sprintf("has %d characters", len(s)), fmt.Sprintf("use at least %d, better 32 random ones: openssl rand -hex 32", minSecret))
	default:
		sum := sha256.Sum256([]byte(s))
		if other, twice := seen[sum]; twice {
			d.fault(path, "is the secret of "+other+" too", "give each key a secret of its own")
			return
		}
		seen[sum] = strings.TrimSuffix(path, ".secret")
	}
}

// headerSafe checks that a credential can stand in a header as it is.
func (d *decoder) headerSafe(path, s string) bool {
	if !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return true
	}
	d.fault(path, "has a space, a line break or a character beyond ASCII, which no header can carry", "use visible ASCII characters only; look for a space at either end")
	return false
}

// keyModels checks the names a key may ask for.
func (d *decoder) keyModels(path string, patterns []string, match *matcher) {
	if len(patterns) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty: the key could not ask for any model", "remove it to allow all, or set disabled: true")
	}
	for i, p := range patterns {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !d.sound(at):
		case !isModelName(p):
			d.fault(at, d.quoteValue(at, p)+" is not a model's name", "use 1 to 256 bytes without control characters, and no space at either end")
		case match != nil && !match.any(p):
			d.warn(at, d.quoteValue(at, p)+" matches no model", "check its spelling against models")
		}
	}
}

// A matcher tells whether a pattern can match a name that models serve.
type matcher struct {
	models []string
	exact  map[string]bool
	work   int // steps left; a document that needs more is not checked further
}

func newMatcher(models []Model) *matcher {
	m := &matcher{exact: make(map[string]bool, len(models)), work: 20_000_000}
	for _, model := range models {
		m.models = append(m.models, model.Name)
		m.exact[model.Name] = true
	}
	return m
}

func (m *matcher) any(pattern string) bool {
	if m.exact[pattern] {
		return true
	}
	for _, name := range m.models {
		if m.work -= (len(name) + 1) * (len(pattern) + 1); m.work < 0 || meet(name, pattern) {
			return true
		}
	}
	return false
}

// meet reports whether some name matches both patterns.
func meet(a, b string) bool {
	// row[j] says whether a[i:] and b[j:] meet; rows are made from the end.
	next, row := make([]bool, len(b)+1), make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = next[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && next[j]
			default:
				row[j] = i < len(a) && j < len(b) && a[i] == b[j] && next[j+1]
			}
		}
		next, row = row, next
	}
	return next[0]
}
