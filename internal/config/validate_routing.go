package config

import (
	"net/textproto"
	"slices"
	"strings"
)

// routing checks the header that may name an upstream.
func (d *decoder) routing(r Routing) {
	const path = "routing.header"
	if r.Header == "" || !d.sound(path) {
		return
	}
	canonical := textproto.CanonicalMIMEHeaderKey(r.Header)
	switch {
	case !headerName.MatchString(r.Header):
		d.fault(path, d.quoteValue(path, r.Header)+" is not a header's name", "write for example x-provider")
	case slices.Contains(spoken, canonical) || slices.Contains(reserved, canonical) || strings.HasPrefix(canonical, "Proxy-") || strings.HasPrefix(canonical, "X-Weir-"):
		d.fault(path, d.quoteValue(path, r.Header)+" has a meaning of its own", "choose a name that nothing else uses: x-provider")
	}
}

// spoken are headers that clients send for a purpose of their own, beside
// those that are reserved.
var spoken = []string{ // immutable
	"Accept", "Accept-Language", "Anthropic-Beta", "Anthropic-Version", "Api-Key", "Cookie", "Openai-Beta", "Openai-Organization",
	"Openai-Project", "Origin", "Range", "User-Agent", "X-Api-Key", "X-Request-Id",
}

// strip checks the characters that a target takes out of a name.
func (d *decoder) strip(path string, t Target) {
	const longest = 16
	if t.Strip == "" || !d.sound(path) {
		return
	}
	punctuation := func(r rune) bool {
		return '!' <= r && r <= '~' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	switch {
	case t.Model != "":
		d.fault(path, "does not go with model, which is sent as it is", "remove one of the two")
	case len(t.Strip) > longest || strings.ContainsFunc(t.Strip, func(r rune) bool { return !punctuation(r) }):
		d.fault(path, d.quoteValue(path, t.Strip)+" is not a list of punctuation characters", `write for example ".:"`)
	}
}

// takesAll reports whether the door takes every path of the main listener.
func (t Transparent) takesAll() bool { return t.Upstream != "" && t.Address == "" && t.Prefix == "/" }
