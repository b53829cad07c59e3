package telemetry

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// redacted stands where a credential stood.
const redacted = "[redacted]"

// minVeiled is the length of the shortest value that is looked for: shorter
// ones are words.
const minVeiled = 6

// A veil takes known values out of a text that comes in pieces, wherever they
// are cut. The text holds no part of one then, but for what is shorter than
// minVeiled.
type veil struct {
	secrets []string // longest first
	held    string   // may be the beginning of one, or of a character
}

func newVeil(secrets []string) *veil {
	v := &veil{}
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s)} {
			if len(form) >= minVeiled && !slices.Contains(v.secrets, form) {
				v.secrets = append(v.secrets, form)
			}
		}
	}
	slices.SortStableFunc(v.secrets, func(a, b string) int { return len(b) - len(a) })
	return v
}

// all returns a whole text without the values.
func (v *veil) all(s string) string { return v.next([]byte(s)) + v.rest() }

// next returns what can be shown once b has come.
func (v *veil) next(b []byte) string {
	s := v.held + string(b)
	v.held = ""
	var out strings.Builder
	for i := 0; i < len(s); {
		n, whole := v.match(s[i:])
		switch {
		case n > 0 && !whole:
			v.held = s[i:]
			return patterns(out.String())
		case n > 0:
			out.WriteString(redacted)
			i += n
		case !utf8.FullRuneInString(s[i:]):
			v.held = s[i:]
			return patterns(out.String())
		default:
			_, size := utf8.DecodeRuneInString(s[i:])
			out.WriteString(s[i : i+size])
			i += size
		}
	}
	return patterns(out.String())
}

// match returns how much of the beginning of s is one of the values, or, if it
// is not the whole of one, may become one.
func (v *veil) match(s string) (n int, whole bool) {
	for _, secret := range v.secrets {
		switch {
		case len(s) < len(secret) && strings.HasPrefix(secret, s):
			return len(s), false
		case strings.HasPrefix(s, secret):
			return len(secret), true
		}
	}
	return 0, false
}

// rest returns what was held back, when no more comes.
func (v *veil) rest() string {
	s := v.held
	v.held = ""
	for _, secret := range v.secrets {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	// The beginning of a value tells something of it.
	for _, secret := range v.secrets {
		if len(s) >= minVeiled && strings.HasPrefix(secret, s) {
			return redacted
		}
	}
	return s
}

// patterns takes out what looks like a credential.
func patterns(s string) string {
	s = schemes.ReplaceAllString(s, "$1 "+redacted)
	s = keyLike.ReplaceAllString(s, redacted)
	return params.ReplaceAllString(s, "$1="+redacted)
}

// clean returns s with everything spelled out that a terminal would act on, and
// so on one line.
func clean(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && strings.HasPrefix(s[i:], "\uFFFD"), r == ' ', r != utf8.RuneError && unicode.IsPrint(r):
			b.WriteRune(r)
		case r == utf8.RuneError:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
