package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

const (
	maxValue    = 64 << 10 // bytes of one value once its references are resolved
	maxResolved = 8 << 20  // bytes of all of them
)

var referenceName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// A scalar is a value whose references are resolved.
type scalar struct {
	text  string // what it stands for
	ref   bool   // text came, wholly or in part, from outside the document
	shown string // if ref: the source, with everything literal in it redacted (for secrets)
}

// A refError is a fault without its place.
type refError struct{ msg, remedy string }

func (e *refError) Error() string { return e.msg }

// A resolver resolves references. It reads each file once.
type resolver struct {
	lookup func(string) (string, bool)
	open   func(string) (io.ReadCloser, error)
	files  map[string]string // :: path → contents
	total  int               // bytes resolved so far
}

// resolve replaces the references of one scalar: ${NAME}, ${NAME:-default},
// $$ for a dollar, and file:/path if that is all of it. What comes in for a
// reference is not looked at again.
func (r *resolver) resolve(src string) (scalar, error) {
	if name, ok := strings.CutPrefix(src, "file:"); ok {
		s, err := r.file(name)
		if err != nil {
			return scalar{}, err
		}
		return r.count(scalar{text: s, ref: true, shown: src})
	}
	var out scalar
	var text, shown strings.Builder
	literal := func(s string) {
		text.WriteString(s)
		if s != "" && !strings.HasSuffix(shown.String(), redacted) {
			shown.WriteString(redacted)
		}
	}
	for {
		before, after, found := strings.Cut(src, "$")
		literal(before)
		if !found {
			break
		}
		if rest, ok := strings.CutPrefix(after, "$"); ok {
			literal("$")
			src = rest
			continue
		}
		inner, rest, ok := strings.Cut(strings.TrimPrefix(after, "{"), "}")
		if !strings.HasPrefix(after, "{") || !ok {
			return scalar{}, &refError{"a lone $ in a value", "write ${NAME} for a variable of the environment, or $$ for a dollar"}
		}
		value, show, err := r.variable(inner)
		if err != nil {
			return scalar{}, err
		}
		text.WriteString(value)
		shown.WriteString(show)
		out.ref = true
		if text.Len() > maxValue {
			return scalar{}, &refError{"the value is longer than " + formatSize(maxValue), "check what the variables hold"}
		}
		src = rest
	}
	out.text, out.shown = text.String(), shown.String()
	return r.count(out)
}

// count charges a value against maxResolved.
func (r *resolver) count(s scalar) (scalar, error) {
	if s.ref {
		r.total += len(s.text)
	}
	if r.total > maxResolved {
		return scalar{}, &refError{"the references of this document come to more than " + formatSize(maxResolved), "check what the variables and files hold"}
	}
	return s, nil
}

// variable resolves the inside of ${…}.
func (r *resolver) variable(inner string) (value, shown string, err error) {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	if !referenceName.MatchString(name) || strings.ContainsAny(fallback, "${") {
		return "", "", &refError{"this is not a reference", "write ${NAME} or ${NAME:-default}; a name has letters, digits and _, a default neither $ nor braces; $$ is a dollar"}
	}
	value, set := r.lookup(name)
	switch {
	case hasFallback:
		shown = "${" + name + ":-" + redacted + "}"
		if fallback == "" {
			shown = "${" + name + ":-}"
		}
		if value == "" {
			value = fallback
		}
	case !set:
		return "", "", &refError{"the environment variable " + name + " is not set", "set it, or give a default: ${" + name + ":-default}"}
	default:
		shown = "${" + name + "}"
	}
	return value, shown, nil
}

// file reads the file of a file: reference, without one line end at its end.
func (r *resolver) file(name string) (string, error) {
	if !path.IsAbs(name) {
		return "", &refError{"a file reference needs an absolute path", "write file:/path/to/the/secret"}
	}
	if s, ok := r.files[name]; ok {
		return s, nil
	}
	data, err := readAll(r.open, name, maxValue)
	if err != nil {
		return "", &refError{fmt.Sprintf("the file of this reference cannot be read: %v", cause(err)), "check its name and that Weir may read it"}
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	r.files[name] = s
	return s, nil
}

var errTooLarge = errors.New("larger than allowed")

// readAll reads a file of at most limit bytes.
func readAll(open func(string) (io.ReadCloser, error), name string, limit int64) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge
	}
	return data, nil
}

// cause is an error without the name of the file, which the reader has seen
// in the document.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
