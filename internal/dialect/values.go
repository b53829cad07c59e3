package dialect

import (
	"iter"
	"strconv"
	"time"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// maxTokens is the largest count that is believed.
const maxTokens = 1e12

// Values are what a tap's scanner holds of one JSON value.
type Values struct {
	*jsonscan.Scanner
}

// Count returns the number at path. It returns false if there is none, or one
// that cannot be a count.
func (v Values) Count(path int) (int64, bool) {
	if v.Kind(path) != jsonscan.Number {
		return 0, false
	}
	return count(v.Value(path))
}

// Text returns the string at path, empty if there is none.
func (v Values) Text(path int) string {
	if v.Kind(path) != jsonscan.String {
		return ""
	}
	return text(v.Value(path))
}

// text returns what a JSON string says, empty if raw is none.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return "" // longer than what is kept
	}
	if s, err := jsonscan.Unquote(raw); err == nil {
		return s
	}
	return string(raw[1 : len(raw)-1]) // lone surrogates: as it is spelled
}

// Texts returns the strings at path, which has [], without the empty ones.
func (v Values) Texts(path int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, raw := range v.Each(path) {
			if s := text(raw); s != "" && !yield(s) {
				return
			}
		}
	}
}

// Is reports whether the value at path is the string s, spelled without
// escapes.
func (v Values) Is(path int, s string) bool {
	raw := v.Value(path)
	return len(raw) == len(s)+2 && raw[0] == '"' && string(raw[1:len(raw)-1]) == s
}

// count reads a JSON number as a count of something.
func count(raw []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, 0 <= n && n <= maxTokens
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(0 <= f && f <= maxTokens) {
		return 0, false
	}
	return int64(f), true
}

// Seconds returns the number of seconds at path. It returns false if there is
// none, or one that cannot be a length of time.
func (v Values) Seconds(path int) (time.Duration, bool) {
	const most = 1e8
	if v.Kind(path) != jsonscan.Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Value(path)), 64)
	if err != nil || !(0 <= f && f <= most) {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// Largest returns the largest count at these paths, 0 if there is none.
func (v Values) Largest(paths ...int) (n int64) {
	for _, path := range paths {
		c, _ := v.Count(path)
		n = max(n, c)
	}
	return n
}

// ErrorAt are the paths of an error object and of its members.
type ErrorAt struct{ Object, Code, Type, Message int }

// Read notes the failure, if there is one: an object, or nothing but a text.
func (at ErrorAt) Read(v Values, o *Outcome) {
	switch v.Kind(at.Object) {
	case jsonscan.Object:
		o.Fail(v.errorCode(at.Code, at.Type), v.Text(at.Message))
	case jsonscan.String:
		if !v.Is(at.Object, "") {
			o.Fail("", v.Text(at.Object))
		}
	}
}

// errorCode returns the code of an error: a string, a number as it is
// spelled, or else the error's type.
func (v Values) errorCode(code, typ int) string {
	if v.Kind(code) == jsonscan.Number {
		return string(v.Value(code))
	}
	if s := v.Text(code); s != "" {
		return s
	}
	return v.Text(typ)
}
