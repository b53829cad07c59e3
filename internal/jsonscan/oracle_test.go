package jsonscan_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// oracle says what Scan should return for a Spec, by way of a token decoder
// and plain strings for paths. It is slow and simple on purpose.
type oracle struct {
	spec   jsonscan.Spec
	dec    *jsontext.Decoder
	result jsonscan.Result
}

// scanByOracle is Scan by other means. The error says why a body is refused.
func scanByOracle(spec jsonscan.Spec, body []byte) (jsonscan.Result, error) {
	o := &oracle{spec: spec, dec: jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true))}
	if o.dec.PeekKind() != '{' {
		return jsonscan.Result{}, errors.New("no object")
	}
	if err := o.value("", -1, 1); err != nil {
		return jsonscan.Result{}, err
	}
	switch _, err := o.dec.ReadToken(); {
	case err == nil:
		return jsonscan.Result{}, errors.New("a second value")
	case !errors.Is(err, io.EOF):
		return jsonscan.Result{}, fmt.Errorf("after the object: %w", err)
	}
	return o.result, nil
}

// value reads one value at path. index is the array index at the first [] of
// the path, depth how deep the value would be if it were a container.
func (o *oracle) value(path string, index, depth int) error {
	kind := o.dec.PeekKind()
	hit := -1
	for i, w := range o.spec.Watch {
		if w == path {
			hit = len(o.result.Hits)
			o.result.Hits = append(o.result.Hits, jsonscan.Hit{Path: i, Kind: kinds[kind], Index: index})
		}
	}
	var start int
	var err error
	switch kind {
	case '{', '[':
		if depth > jsonscan.MaxDepth {
			return errors.New("too deep")
		}
		if _, err = o.dec.ReadToken(); err != nil {
			return err
		}
		start = int(o.dec.InputOffset()) - 1
		if kind == '{' {
			err = o.object(path, index, depth)
		} else {
			err = o.array(path, index, depth)
		}
	default:
		var raw jsontext.Value
		raw, err = o.dec.ReadValue()
		start = int(o.dec.InputOffset()) - len(raw)
		if err == nil && kind == '"' {
			o.count(path, raw)
		}
	}
	if err != nil {
		return err
	}
	span := jsonscan.Span{Start: start, End: int(o.dec.InputOffset())}
	if hit >= 0 {
		o.result.Hits[hit].Span = span
	}
	if path == "" {
		o.result.Object = span
	}
	return nil
}

var kinds = map[jsontext.Kind]jsonscan.ValueKind{
	'n': jsonscan.Null, 't': jsonscan.Bool, 'f': jsonscan.Bool, '0': jsonscan.Number,
	'"': jsonscan.String, '{': jsonscan.Object, '[': jsonscan.Array,
}

// under returns the names that may follow path in the Spec.
func (o *oracle) under(path string) map[string]bool {
	names := map[string]bool{}
	prefix := path + "."
	if path == "" {
		prefix = ""
	}
	for _, w := range append(append([]string{}, o.spec.Watch...), o.spec.Count...) {
		if rest, ok := strings.CutPrefix(w, prefix); ok {
			names[rest[:len(rest)-len(strings.TrimLeft(rest, letters))]] = true
		}
	}
	return names
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$"

func (o *oracle) object(path string, index, depth int) error {
	watched := o.under(path)
	seen := map[string]bool{}
	for o.dec.PeekKind() != '}' {
		tok, err := o.dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		if len(watched) > 0 || path == "" {
			if seen[name] {
				return errors.New("duplicate")
			}
			seen[name] = true
			for w := range watched {
				if name != w && strings.EqualFold(name, w) {
					return errors.New("lookalike")
				}
			}
		}
		member := path + "." + name
		switch {
		case path == "":
			member = name
		case path[0] == '?':
			member = "?"
		}
		if strings.Trim(name, letters) != "" || name == "" {
			member = "?" // on no path: it cannot be written as one
		}
		if err := o.value(member, index, depth+1); err != nil {
			return err
		}
	}
	_, err := o.dec.ReadToken()
	return err
}

func (o *oracle) array(path string, index, depth int) error {
	entered := false
	for _, w := range append(append([]string{}, o.spec.Watch...), o.spec.Count...) {
		entered = entered || strings.HasPrefix(w, path+"[]")
	}
	for n := 0; o.dec.PeekKind() != ']'; n++ {
		if entered && depth == 2 {
			o.result.Counts.Items++
		}
		i := index
		if index < 0 {
			i = n
		}
		if err := o.value(path+"[]", i, depth+1); err != nil {
			return err
		}
	}
	_, err := o.dec.ReadToken()
	return err
}

var (
	longBase64 = regexp.MustCompile(`^[A-Za-z0-9+/_=-]{256,}$`)
	dataURL    = regexp.MustCompile(`^data:[^,]*;base64,[A-Za-z0-9+/_=-]*$`)
)

func (o *oracle) count(path string, raw []byte) {
	counted := len(o.spec.Count) == 0
	for _, c := range o.spec.Count {
		counted = counted || c == path
	}
	if !counted {
		return
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	switch {
	case err != nil:
		panic(err) // ReadValue has checked it
	case longBase64.Match(s) || dataURL.Match(s):
		o.result.Counts.Base64Bytes += int64(len(s))
	default:
		o.result.Counts.TextBytes += int64(len(s))
	}
}
