package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A field is what the tags of a struct's field say; config.go lists them.
type field struct {
	name     string
	index    int
	fallback string // the default as text
	enum     []string
	min, max int64
	off      bool
	required bool
	path     bool
	inherit  string // the path of the structure whose values are the defaults
}

// fieldsOf returns the fields of a struct that are part of the file, in order.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("json")
		if name == "" || name == "-" {
			continue
		}
		f := field{
			name: name, index: i, fallback: sf.Tag.Get("default"), off: sf.Tag.Get("off") == "true",
			required: sf.Tag.Get("required") == "true", path: sf.Tag.Get("path") == "true", inherit: sf.Tag.Get("inherit"),
		}
		if s := sf.Tag.Get("enum"); s != "" {
			f.enum = strings.Split(s, "|")
		}
		if low, high, ok := strings.Cut(sf.Tag.Get("range"), ".."); ok {
			of := sf.Type
			if of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			f.min, f.max = mustParse(f, of, low), mustParse(f, of, high)
		}
		out = append(out, f)
	}
	return out
}

// mustParse reads a value from a tag.
func mustParse(f field, t reflect.Type, s string) int64 {
	n, err := f.parse(t, s)
	if err != nil {
		panic(fmt.Sprintf("config: tag of %s: %q %v", f.name, s, err))
	}
	return n
}

// parse reads a duration, a size or a whole number.
func (f field) parse(t reflect.Type, s string) (int64, error) {
	if t == durationType {
		d, err := parseDuration(s)
		return int64(d), err
	}
	if t == dollarsType {
		return parseDollars(s)
	}
	if t.Kind() == reflect.Int {
		return parseCount(s)
	}
	return parseSize(s)
}

// format is the inverse of parse, with off.
func (f field) format(t reflect.Type, n int64) string {
	switch {
	case f.off && n == 0:
		return off
	case t == durationType:
		return formatDuration(time.Duration(n))
	case t == dollarsType:
		return formatDollars(n)
	case t.Kind() == reflect.Int:
		return strconv.FormatInt(n, 10)
	default:
		return formatSize(n)
	}
}

// rangeText is the end of a remedy: the values allowed.
func (f field) rangeText(t reflect.Type) string {
	s := fmt.Sprintf("; from %s to %s", f.format(t, f.min), f.format(t, f.max))
	if f.min == 0 {
		s = "; at most " + f.format(t, f.max)
	}
	if f.off {
		s += ", or off"
	}
	return s
}

// wanted names what the field holds.
func (f field) wanted(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t == durationType:
		return "a duration"
	case t == dollarsType:
		return "a sum of dollars"
	case t.Kind() == reflect.Int64:
		return "a size"
	case t.Kind() == reflect.Int:
		return "a whole number"
	default:
		return "a text"
	}
}

// hint is the remedy for a missing field.
func (f field) hint() string {
	switch {
	case len(f.enum) > 0:
		return "add " + f.name + ": " + strings.Join(f.enum, ", ") + " are the values allowed"
	case f.name == "upstreams":
		return "say where models run: upstreams: [{ name: local, kind: ollama, endpoint: \"http://127.0.0.1:11434\" }]"
	case f.name == "models":
		return "say what clients may ask for; every name goes to one upstream with models: [{ name: \"*\", targets: [{ upstream: NAME }] }]"
	case f.name == "targets":
		return "say what serves it: targets: [{ upstream: NAME }]"
	default:
		return "add " + f.name
	}
}

// setDefaults fills v, if it is a struct, with the defaults of its tags. Lists
// stay empty, but for one whose tag names its only item.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct || v.Type() == secretType {
		return
	}
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		switch {
		case fv.Kind() == reflect.Struct:
			setDefaults(fv)
		case f.fallback == "":
		case fv.Kind() == reflect.Slice:
			fv.Set(reflect.ValueOf([]string{f.fallback}))
		default:
			from := text
			if fv.Kind() == reflect.Bool {
				from = boolean
			}
			if err := set(fv, f, f.fallback, from); err != nil {
				panic(fmt.Sprintf("config: tag of %s: %q %v", f.name, f.fallback, err))
			}
		}
	}
}

// nearest returns the name that key was probably meant to be.
func nearest(key string, names []string) (best string, ok bool) {
	const longest = 40
	if len(key) > longest {
		return "", false
	}
	key = strings.ReplaceAll(strings.ToLower(key), "-", "_")
	least := max(1, len(key)/3) + 1
	for _, name := range names {
		if d := distance(key, name); d < least {
			best, least, ok = name, d, true
		}
	}
	return best, ok
}

// distance is how many bytes must be added, removed, exchanged or swapped
// with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	two, one, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(one[j+1]+1, row[j]+1, one[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], two[j-1]+1)
			}
		}
		two, one, row = one, row, two
	}
	return one[len(b)]
}

// fieldNamed is a required list, for its hint.
func fieldNamed(name string) field { return field{name: name, required: true} }
