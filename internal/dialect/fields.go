package dialect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// Fields reads the members of a request, each by the path that the client
// knows it by, and remembers the first fault. What is absent or null is not
// given and no fault.
type Fields struct {
	Err error // an *llm.Error; nil if there was no fault
}

// Fault notes that the value at path cannot be used: "path must be what".
func (f *Fields) Fault(path, what string) {
	if f.Err == nil {
		f.Err = Invalid(path, path+" must be "+what)
	}
}

// Missing notes that the value at path is needed and not given.
func (f *Fields) Missing(path string) {
	if f.Err == nil {
		f.Err = &llm.Error{Code: llm.CodeMissingParameter, Op: opRead, Param: path, Public: "you must provide " + path}
	}
}

// is reports whether v is given and of one of these kinds.
func (f *Fields) is(v jsontree.Value, path, what string, kind jsontree.Kind) bool {
	if v.Given() && v.Kind() != kind {
		f.Fault(path, what)
	}
	return v.Kind() == kind
}

// Text returns a string, "" if it is not given.
func (f *Fields) Text(v jsontree.Value, path string) string {
	f.is(v, path, "a string", jsontree.String)
	return v.Text()
}

// Need returns a string that must be given and not empty.
func (f *Fields) Need(v jsontree.Value, path string) string {
	s := f.Text(v, path)
	if s == "" {
		f.Missing(path)
	}
	return s
}

// Word returns a string that must be one of these.
func (f *Fields) Word(v jsontree.Value, path string, words ...string) string {
	s := f.Text(v, path)
	if v.Given() && !slices.Contains(words, s) {
		f.Fault(path, "one of "+strings.Join(words, ", "))
	}
	return s
}

// Bool returns a boolean, nil if it is not given.
func (f *Fields) Bool(v jsontree.Value, path string) *bool {
	if !f.is(v, path, "a boolean", jsontree.Bool) {
		return nil
	}
	b := v.True()
	return &b
}

// Int returns a whole number that is not below least, nil if it is not given.
func (f *Fields) Int(v jsontree.Value, path string, least int64) *int64 {
	if !v.Given() {
		return nil
	}
	n, ok := v.Int()
	if !ok || n < least {
		f.Fault(path, "a whole number, not below "+strconv.FormatInt(least, 10))
		return nil
	}
	return &n
}

// Number returns a number as it was written.
func (f *Fields) Number(v jsontree.Value, path string) llm.Number {
	if !f.is(v, path, "a number", jsontree.Number) {
		return ""
	}
	return llm.Number(v.Raw())
}

// Object returns the bytes of an object, nil if it is not given.
func (f *Fields) Object(v jsontree.Value, path string) []byte {
	if !f.is(v, path, "an object", jsontree.Object) {
		return nil
	}
	return v.Raw()
}

// List reports whether v is an array.
func (f *Fields) List(v jsontree.Value, path string) bool {
	return f.is(v, path, "an array", jsontree.Array)
}

// Stop returns stop sequences: a string, or an array of strings.
func (f *Fields) Stop(v jsontree.Value, path string) (all []string) {
	if v.Kind() == jsontree.String {
		return []string{v.Text()}
	}
	for _, e := range v.Elements() {
		if e.Kind() != jsontree.String {
			f.Fault(path, "a string or an array of strings")
		}
		all = append(all, e.Text())
	}
	if v.Given() && v.Kind() != jsontree.Array {
		f.Fault(path, "a string or an array of strings")
	}
	return all
}
