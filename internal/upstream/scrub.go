package upstream

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// minSecret is the shortest secret that is looked for in texts: replacing
	// a shorter one would damage words that only look like it.
	minSecret = 8

	maxPublic = 512 // bytes of an upstream's message that are shown
	maxSample = 512 // bytes of an upstream's body that are logged

	maxScrubbed = 64 << 10 // bytes that are looked through for the sake of a sample
)

// keyTail matches what providers quote of a key that they refuse, whole or
// shortened: sk-proj-****abcd, sk-…abcd, also with the dots escaped.
var keyTail = regexp.MustCompile(`\b(?:sk|rk|sess|ek)-(?:[A-Za-z0-9_*.…-]|\\u2026){3,}[A-Za-z0-9*]`)

// A scrubber takes an upstream's secrets and address out of what it answers.
type scrubber struct {
	secrets [][]byte       // as they are, and as JSON strings show them
	host    *regexp.Regexp // nil if the address says nothing about anybody
	tails   bool           // whether keyTail applies: not to a client's own key
}

func newScrubber(s Settings, base *url.URL) *scrubber {
	c := &scrubber{tails: s.Auth.mode() != AuthPassthrough}
	c.add(s.Auth.Secret)
	for _, value := range s.Headers {
		c.add(value)
	}
	host := base.Hostname()
	// A name of one label ("localhost", "ollama") is a word of the language.
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() || err != nil && strings.Contains(host, ".") {
		c.host = regexp.MustCompile(`(?i)` + regexp.QuoteMeta(host))
	}
	return c
}

func (c *scrubber) add(secret string) {
	if len(secret) < minSecret {
		return
	}
	c.secrets = append(c.secrets, []byte(secret))
	if quoted, err := json.Marshal(secret); err == nil {
		if inner := quoted[1 : len(quoted)-1]; string(inner) != secret {
			c.secrets = append(c.secrets, inner)
		}
	}
}

// clean returns b without secrets, key tails and the upstream's host name. It
// does not write to b. What stands in place of them is valid inside a JSON
// string.
func (c *scrubber) clean(b []byte) []byte {
	for _, secret := range c.secrets {
		b = bytes.ReplaceAll(b, secret, []byte(redacted))
	}
	if c.tails {
		b = keyTail.ReplaceAllLiteral(b, []byte(redacted))
	}
	if c.host != nil {
		b = c.host.ReplaceAllLiteral(b, []byte("[upstream]"))
	}
	return b
}

// public returns an upstream's message as it may be shown: scrubbed, on one
// line, of bounded length.
func (c *scrubber) public(message string) string {
	s := strings.ToValidUTF8(string(c.clean([]byte(message))), "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	return shorten(s, maxPublic)
}

// sample returns the beginning of a body for the log, without the client's
// own credential too.
func (c *scrubber) sample(body []byte, own *Credential) string {
	all := scrubber{host: c.host, secrets: slices.Clip(c.secrets), tails: true}
	if own != nil {
		all.add(own.Value)
	}
	// Cut only after it is scrubbed: half a secret would not be found.
	body = all.clean(body[:min(len(body), maxScrubbed)])
	return shorten(strings.ToValidUTF8(string(body), "\uFFFD"), maxSample)
}

// shorten returns the first n bytes of s at most, and whole characters only.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
