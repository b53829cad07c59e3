package simulator

import (
	"bytes"
	"strings"
)

// Schemas may be recursive, and lists in lists grow fast.
const (
	schemaDepth   = 16       // of an instance
	instanceLimit = 64 << 10 // bytes after which only nulls follow
)

// instance returns a small JSON value that fits schema. It knows the keywords
// that structured outputs and tool definitions use; for anything else it
// returns what is likely.
func instance(schema value) []byte {
	if !schema.isObject() {
		return []byte("{}")
	}
	b := builder{root: schema}
	return b.value(nil, schema, 0)
}

type builder struct{ root value }

func (b *builder) value(dst []byte, schema value, depth int) []byte {
	s := schema.object()
	if depth > schemaDepth || len(dst) > instanceLimit {
		return append(dst, "null"...)
	}
	if ref := s.get("$ref"); ref.isString() {
		return b.value(dst, b.resolve(ref.str()), depth+1)
	}
	if v := s.get("const"); len(v) > 0 {
		return append(dst, v.compact()...)
	}
	if v := s.get("enum").elems(); len(v) > 0 {
		return append(dst, v[0].compact()...)
	}
	for _, name := range []string{"anyOf", "oneOf", "allOf"} {
		if v := s.get(name).elems(); len(v) > 0 && !s.get("properties").exists() {
			return b.value(dst, v[0], depth+1)
		}
	}
	switch typeOf(s) {
	case "string":
		return appendString(dst, text(s))
	case "integer", "number":
		return append(dst, s.get("minimum").or("0")...)
	case "boolean":
		return append(dst, "false"...)
	case "null":
		return append(dst, "null"...)
	case "array":
		return b.array(dst, s, depth)
	}
	return b.object(dst, s, depth)
}

func (b *builder) object(dst []byte, s object, depth int) []byte {
	required := make(map[string]bool)
	for _, name := range s.get("required").elems() {
		required[name.str()] = true
	}
	dst = append(dst, '{')
	first := true
	for _, p := range s.get("properties").object() {
		if !required[p.name] {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, p.name), ':')
		dst = b.value(dst, p.value, depth+1)
	}
	return append(dst, '}')
}

func (b *builder) array(dst []byte, s object, depth int) []byte {
	n, _ := s.get("minItems").integer()
	dst = append(dst, '[')
	for i := range min(n, 64) {
		if len(dst) > instanceLimit {
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = b.value(dst, s.get("items"), depth+1)
	}
	return append(dst, ']')
}

// resolve follows a reference inside the schema.
func (b *builder) resolve(ref string) value {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	v := b.root
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if name == "" {
			continue
		}
		v = v.object().get(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return v
}

// typeOf returns the type a schema wants, the first if it lists several.
func typeOf(s object) string {
	t := s.get("type")
	if list := t.elems(); len(list) > 0 {
		t = list[0]
	}
	if t.isString() {
		return t.str()
	}
	if s.get("items").exists() {
		return "array"
	}
	return "object"
}

// text returns a string of the format and length a schema wants.
func text(s object) string {
	switch s.get("format").str() {
	case "date-time":
		return "2026-01-02T03:04:05Z"
	case "date":
		return "2026-01-02"
	case "time":
		return "03:04:05Z"
	case "email":
		return "sim@example.com"
	case "uri":
		return "https://example.com/"
	case "uuid":
		return "00000000-0000-4000-8000-000000000000"
	}
	n, _ := s.get("minLength").integer()
	if n = min(n, echoLimit); n > 3 {
		return string(bytes.Repeat([]byte{'s'}, n))
	}
	return "sim"
}
