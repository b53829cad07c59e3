package jsontree

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// A Value is a value of a parsed text. The zero Value is absent: it has no
// kind, no bytes and no members, so that members can be asked for in a chain.
type Value struct {
	t *tree
	i int32
}

func (v Value) node() *node { return &v.t.nodes[v.i] }

// Kind returns v's kind, zero if v is absent.
func (v Value) Kind() Kind {
	if v.t == nil {
		return 0
	}
	return v.node().kind
}

// Given reports whether v is there and not null.
func (v Value) Given() bool { return v.Kind() > Null }

// Raw returns v's bytes as they came, nil if v is absent. They must not be
// changed.
func (v Value) Raw() []byte {
	if v.t == nil {
		return nil
	}
	n := v.node()
	return v.t.src[n.start:n.end:n.end]
}

// Text returns what a string says, and "" for everything else. Lone surrogates
// and bytes that are not UTF-8 become U+FFFD.
func (v Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	return unquote(v.Raw())
}

func unquote(raw []byte) string {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	if s, err := jsonscan.Unquote(raw); err == nil {
		return s
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is a string by grammar
	return s
}

// Is reports whether v is the string s.
func (v Value) Is(s string) bool {
	return v.Kind() == String && says(v.Raw(), s)
}

// says reports whether raw is the JSON string s.
func says(raw []byte, s string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:len(raw)-1]) == s
	}
	return unquote(raw) == s
}

// Int returns a number that is a whole one.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(v.Raw()), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	if n := int64(f); err == nil && float64(n) == f && -1<<53 < n && n < 1<<53 {
		return n, true
	}
	return 0, false
}

// Float returns a number.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	return f, err == nil
}

// True reports whether v is true.
func (v Value) True() bool { return v.Kind() == Bool && v.Raw()[0] == 't' }

// Get returns the member of an object by its name, the last of several. It is
// absent if there is none or v is no object.
func (v Value) Get(name string) Value {
	found := Value{}
	if v.Kind() != Object {
		return found
	}
	for i := v.i + 1; i < v.node().next; i = v.t.nodes[i].next {
		n := &v.t.nodes[i]
		if says(v.t.src[n.nameStart:n.nameEnd], name) {
			found = Value{v.t, i}
		}
	}
	return found
}

// Members yields the members of an object in their order, and nothing for
// other values.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for i := v.i + 1; i < v.node().next; i = v.t.nodes[i].next {
			n := &v.t.nodes[i]
			if !yield(unquote(v.t.src[n.nameStart:n.nameEnd]), Value{v.t, i}) {
				return
			}
		}
	}
}

// Elements yields the elements of an array, and nothing for other values.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != Array {
			return
		}
		k := 0
		for i := v.i + 1; i < v.node().next; i = v.t.nodes[i].next {
			if !yield(k, Value{v.t, i}) {
				return
			}
			k++
		}
	}
}

// Len returns how many members or elements v has.
func (v Value) Len() (n int) {
	if v.Kind() < Object {
		return 0
	}
	for i := v.i + 1; i < v.node().next; i = v.t.nodes[i].next {
		n++
	}
	return n
}

// Duplicate returns the name of a member that an object anywhere in v has
// twice, if there is one.
func (v Value) Duplicate() (name string, found bool) {
	if v.Kind() < Object {
		return "", false
	}
	var seen map[string]bool
	if v.Kind() == Object {
		seen = make(map[string]bool, 8)
	}
	for i := v.i + 1; i < v.node().next; i = v.t.nodes[i].next {
		n := &v.t.nodes[i]
		if seen != nil {
			name := unquote(v.t.src[n.nameStart:n.nameEnd])
			if seen[name] {
				return name, true
			}
			seen[name] = true
		}
		if name, found := (Value{v.t, i}).Duplicate(); found {
			return name, true
		}
	}
	return "", false
}
