package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A value is one valid JSON value without the white space around it; the zero
// value is an absent one. Names compare exactly, which encoding/json's struct
// decoding does not.
type value []byte

// A member is one name and value of an object, the name unescaped.
type member struct {
	name  string
	value value
}

// An object is the members of a JSON object in their order.
type object []member

// get returns the last member called name, or an absent value.
func (o object) get(name string) value {
	for _, m := range slices.Backward(o) {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// duplicate returns the first name that occurs twice.
func (o object) duplicate() (string, bool) {
	seen := make(map[string]bool, len(o))
	for _, m := range o {
		if seen[m.name] {
			return m.name, true
		}
		seen[m.name] = true
	}
	return "", false
}

// parseObject checks that body is one JSON object and returns its members.
func parseObject(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("body is not valid UTF-8")
	}
	if !json.Valid(body) {
		var syntax *json.SyntaxError
		var raw json.RawMessage
		if err := json.Unmarshal(body, &raw); errors.As(err, &syntax) {
			return nil, fmt.Errorf("body is not valid JSON at offset %d: %w", syntax.Offset, syntax)
		}
		return nil, errors.New("body is not valid JSON")
	}
	v := value(bytes.TrimSpace(body))
	if !v.isObject() {
		return nil, fmt.Errorf("body is not a JSON object but %s", v.kind())
	}
	return v.object(), nil
}

func (v value) exists() bool   { return len(v) > 0 && v[0] != 'n' } // present and not null
func (v value) isString() bool { return len(v) > 0 && v[0] == '"' }
func (v value) isObject() bool { return len(v) > 0 && v[0] == '{' }
func (v value) isArray() bool  { return len(v) > 0 && v[0] == '[' }
func (v value) isBool() bool   { return len(v) > 0 && (v[0] == 't' || v[0] == 'f') }
func (v value) isNumber() bool { return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') }
func (v value) isTrue() bool   { return len(v) > 0 && v[0] == 't' }

// kind names v's JSON type with its article, for messages.
func (v value) kind() string {
	switch {
	case len(v) == 0:
		return "nothing"
	case v.isString():
		return "a string"
	case v.isObject():
		return "an object"
	case v.isArray():
		return "an array"
	case v.isBool():
		return "a boolean"
	case v.isNumber():
		return "a number"
	}
	return "null"
}

// str returns the string v stands for, or "" if v is not a string.
func (v value) str() string {
	if !v.isString() {
		return ""
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// integer returns v if it is a whole number that fits.
func (v value) integer() (int, bool) {
	n, err := strconv.Atoi(string(v))
	return n, err == nil
}

// object returns v's members, or nil if v is not an object.
func (v value) object() object {
	if !v.isObject() {
		return nil
	}
	members := object{} // not nil, even if it is empty
	for i := skipSpace(v, 1); v[i] != '}'; {
		end := skipValue(v, i)
		name := v[i:end].str()
		i = skipSpace(v, skipSpace(v, end)+1) // over the colon
		end = skipValue(v, i)
		members = append(members, member{name, v[i:end]})
		if i = skipSpace(v, end); v[i] == ',' {
			i = skipSpace(v, i+1)
		}
	}
	return members
}

// elems returns v's elements, or nil if v is not an array.
func (v value) elems() []value {
	if !v.isArray() {
		return nil
	}
	var elems []value
	for i := skipSpace(v, 1); v[i] != ']'; {
		end := skipValue(v, i)
		elems = append(elems, v[i:end])
		if i = skipSpace(v, end); v[i] == ',' {
			i = skipSpace(v, i+1)
		}
	}
	return elems
}

// compact returns v without white space between its tokens.
func (v value) compact() value {
	var out bytes.Buffer
	if json.Compact(&out, v) != nil {
		return v
	}
	return out.Bytes()
}

// isJSONObject reports whether s is exactly one JSON object.
func isJSONObject(s string) bool {
	b := bytes.TrimSpace([]byte(s))
	return len(b) > 0 && b[0] == '{' && json.Valid(b)
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns the offset after the value that begins at b[i]. b is valid
// JSON, so nothing is checked.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = skipString(b, i) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				return skipScalar(b, i)
			}
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipScalar(b []byte, i int) int {
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	return i
}

// appendString appends s as a JSON string. Unlike encoding/json it leaves <, >
// and & alone, as the providers do.
func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			// Only strings of our own reach this, and parseObject took valid
			// UTF-8 alone, so that no byte has to be replaced.
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// quote returns s as a JSON string.
func quote(s string) string { return string(appendString(nil, s)) }

// or returns v, or the JSON text def if v is absent or null.
func (v value) or(def string) value {
	if v.exists() {
		return v
	}
	return value(def)
}

// indent returns the compact JSON text b as the providers send whole answers:
// over many lines, two spaces a level.
func indent(b []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(b) + len(b)/2)
	if json.Indent(&out, b, "", "  ") != nil {
		return b
	}
	out.WriteByte('\n')
	return out.Bytes()
}
