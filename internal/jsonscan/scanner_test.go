package jsonscan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// answer is all that a Scanner says about what it has read.
type answer struct {
	Values map[string][]string // by path; "index: raw" each
	Kinds  map[string]jsonscan.ValueKind
	More   []string // paths with values left out
	Counts jsonscan.Counts
	Done   bool
	Err    *jsonscan.SyntaxError // of Write or Close
}

// scanPieces feeds s with the pieces and asks it everything.
func scanPieces(s *jsonscan.Scanner, spec jsonscan.Spec, pieces ...string) answer {
	var err error
	for _, p := range pieces {
		b := []byte(p)
		if err = s.Write(b); err != nil {
			break
		}
		clear(b) // the Scanner must not have kept it
	}
	if err == nil {
		err = s.Close()
	}
	a := answer{Values: map[string][]string{}, Kinds: map[string]jsonscan.ValueKind{}, Counts: s.Counts(), Done: s.Done()}
	a.Err, _ = errors.AsType[*jsonscan.SyntaxError](err)
	for path, name := range spec.Watch {
		last := []byte(nil)
		for index, raw := range s.Each(path) {
			a.Values[name] = append(a.Values[name], fmt.Sprintf("%d: %s", index, raw))
			last = raw
		}
		if v := s.Value(path); string(v) != string(last) {
			a.Values[name] = append(a.Values[name], fmt.Sprintf("but the last is %q", v))
		}
		if k := s.Kind(path); k != 0 {
			a.Kinds[name] = k
		}
		if s.More(path) {
			a.More = append(a.More, name)
		}
	}
	return a
}

var scannerSpec = jsonscan.Spec{Watch: []string{
	"usage", "usage.total_tokens", "choices[].finish_reason", "type", "response.usage", "delta", "choices",
}}

func TestScannerValues(t *testing.T) {
	type values = map[string][]string
	for _, tt := range []struct {
		name, data string
		want       values
	}{
		{"a chunk", `{"type":"x","choices":[{"finish_reason":null}],"usage":null}`, values{
			"type": {`-1: "x"`}, "choices": {`-1: [{"finish_reason":null}]`}, "choices[].finish_reason": {"0: null"}, "usage": {"-1: null"},
		}},
		{"white space", " {\n  \"usage\" : {\t\"total_tokens\" :  12\r\n}  } ", values{
			"usage": {"-1: {\t\"total_tokens\" :  12\r\n}"}, "usage.total_tokens": {"-1: 12"},
		}},
		{"elements with their index", `{"choices":[{"finish_reason":"stop"},{},{"finish_reason":"length"}]}`, values{
			"choices":                 {`-1: [{"finish_reason":"stop"},{},{"finish_reason":"length"}]`},
			"choices[].finish_reason": {`0: "stop"`, `2: "length"`},
		}},
		{"an escaped name", `{"\u0075sage":1,"ty\u0070e":2}`, values{"usage": {"-1: 1"}, "type": {"-1: 2"}}},
		{"usage planted in a schema", `{"response":{"text":{"usage":1,"response":{"usage":2}},"usage":3}}`, values{"response.usage": {"-1: 3"}}},
		{"usage planted in a string", `{"delta":"\",\"usage\":{\"total_tokens\":1}","a":"{\"usage\":1}"}`, values{
			"delta": {`-1: "\",\"usage\":{\"total_tokens\":1}"`},
		}},
		{"usage planted in an array", `{"choices":[{"usage":1,"choices":[{"finish_reason":2}]}],"x":[{"usage":3}]}`, values{
			"choices": {`-1: [{"usage":1,"choices":[{"finish_reason":2}]}]`},
		}},
		{"another case is another name", `{"Usage":1,"USAGE":2,"\u0055sage":3}`, values{}},
		{"a longer and a shorter name", `{"usages":1,"usag":2,"":3,"usage ":4,"type\u0073":5}`, values{}},
		{"a name longer than all, escaped", `{"choices":[{"finish_reason\u0073":1,"finish_reaso\u006e":2,"\u0066inish_reason is cut":3}]}`, values{
			"choices":                 {`-1: [{"finish_reason\u0073":1,"finish_reaso\u006e":2,"\u0066inish_reason is cut":3}]`},
			"choices[].finish_reason": {"0: 2"},
		}},
		{"the last of duplicates", `{"usage":1,"usage":{"total_tokens":2},"usage":3}`, values{"usage": {"-1: 3"}, "usage.total_tokens": {"-1: 2"}}},
		{"lists of duplicates go on", `{"choices":[{"finish_reason":1,"finish_reason":2}],"choices":[{"finish_reason":3}]}`, values{
			"choices": {`-1: [{"finish_reason":3}]`}, "choices[].finish_reason": {"0: 1", "0: 2", "0: 3"},
		}},
		{"lone surrogates and invalid UTF-8", `{"type":"\ud800","delta":"` + "\xff" + `"}`, values{"type": {`-1: "\ud800"`}, "delta": {"-1: \"\xff\""}}},
		{"no object", `[{"usage":1}]`, values{}},
		{"null", `null`, values{}},
		{"a number", ` -12e3`, values{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := jsonscan.Compile(scannerSpec).NewScanner(1000)
			whole := scanPieces(s, scannerSpec, tt.data)
			if diff := cmp.Diff(tt.want, whole.Values); diff != "" {
				t.Errorf("values of %q (-want +got):\n%s", tt.data, diff)
			}
			if whole.Err != nil || !whole.Done {
				t.Errorf("reading %q = %v, Done %t, want no error, true", tt.data, whole.Err, whole.Done)
			}
			checkSplits(t, s, scannerSpec, tt.data, whole)
		})
	}
}

// checkSplits feeds data byte by byte and split at every single place, and
// wants the same answer.
func checkSplits(t *testing.T, s *jsonscan.Scanner, spec jsonscan.Spec, data string, want answer) {
	t.Helper()
	s.Reset()
	var bytes []string
	for i := range len(data) {
		bytes = append(bytes, data[i:i+1])
	}
	if diff := cmp.Diff(want, scanPieces(s, spec, bytes...)); diff != "" {
		t.Errorf("byte by byte, %q differs (-whole +bytes):\n%s", data, diff)
	}
	for i := range len(data) + 1 {
		s.Reset()
		if diff := cmp.Diff(want, scanPieces(s, spec, data[:i], data[i:])); diff != "" {
			t.Errorf("split at %d, %q differs (-whole +split):\n%s", i, data, diff)
		}
	}
}

func TestScannerRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		offset     int64
	}{
		{"nothing", ``, 0},
		{"white space", `  `, 2},
		{"done", `[DONE]`, 1},
		{"a cut object", `{"usage":{"a":1}`, 16},
		{"a cut string", `"abc`, 4},
		{"a cut number", `-`, 1},
		{"a cut literal", `nul`, 3},
		{"two values", `{} {}`, 3},
		{"two numbers", `1 2`, 2},
		{"a misspelt literal", `{"a":nulL}`, 8},
		{"a malformed number", `{"a":1.x}`, 7},
		{"a malformed escape", `{"a":"\u12x4"}`, 10},
		{"a control character", "{\"a\":\"\n\"}", 6},
		{"too deep", nested(129), 132},
		{"HTML", `<!DOCTYPE html>`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := jsonscan.Compile(scannerSpec).NewScanner(1000)
			got := scanPieces(s, scannerSpec, tt.data)
			if got.Err == nil || got.Err.Offset != tt.offset {
				t.Fatalf("reading %q = %v, want an error at offset %d", tt.data, got.Err, tt.offset)
			}
			if err := s.Write([]byte(" ")); err == nil {
				t.Error("Write after an error = nil, want the error again")
			}
			checkSplits(t, s, scannerSpec, tt.data, got)
			s.Reset()
			if err := s.Write([]byte(`{}`)); err != nil || !s.Done() {
				t.Errorf("after Reset, Write({}) = %v, Done %t, want no error, true", err, s.Done())
			}
		})
	}
}

func TestScannerBounds(t *testing.T) {
	spec := jsonscan.Spec{Watch: []string{"a", "b[]", "b"}}
	long := `"` + strings.Repeat("x", 20) + `"` // 22 bytes
	reasons := strings.Repeat("0,", jsonscan.MaxListed)
	for _, tt := range []struct {
		name, data string
		values     map[string][]string
		kinds      map[string]jsonscan.ValueKind
		more       []string
	}{
		{
			"a value that just fits", `{"a":` + long + `}`,
			map[string][]string{"a": {"-1: " + long}},
			map[string]jsonscan.ValueKind{"a": jsonscan.String},
			nil,
		},
		{
			"a value too long, its kind known", `{"a":[` + long + `]}`,
			map[string][]string{},
			map[string]jsonscan.ValueKind{"a": jsonscan.Array},
			nil,
		},
		{
			"a short value after one too long", `{"a":[` + long + `],"a":1}`,
			map[string][]string{"a": {"-1: 1"}},
			map[string]jsonscan.ValueKind{"a": jsonscan.Number},
			nil,
		},
		{
			"an element too long among short ones", `{"b":[1,[` + long + `],2]}`,
			map[string][]string{"b[]": {"0: 1", "2: 2"}},
			map[string]jsonscan.ValueKind{"b": jsonscan.Array, "b[]": jsonscan.Number},
			[]string{"b[]"},
		},
		{
			"elements too long together", `{"b":["01234567890","01234567890",7]}`,
			map[string][]string{"b[]": {`0: "01234567890"`, "2: 7"}},
			map[string]jsonscan.ValueKind{"b": jsonscan.Array, "b[]": jsonscan.Number},
			[]string{"b[]"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := jsonscan.Compile(spec).NewScanner(22)
			got := scanPieces(s, spec, tt.data)
			want := answer{Values: tt.values, Kinds: tt.kinds, More: tt.more, Counts: got.Counts, Done: true}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("reading %q (-want +got):\n%s", tt.data, diff)
			}
			checkSplits(t, s, spec, tt.data, got)
		})
	}
	t.Run("more elements than are listed", func(t *testing.T) {
		s := jsonscan.Compile(spec).NewScanner(1 << 20)
		got := scanPieces(s, spec, `{"b":[`+reasons+`1]}`)
		if n := len(got.Values["b[]"]); n != jsonscan.MaxListed || !s.More(1) {
			t.Errorf("%d elements are listed, More %t, want %d, true", n, s.More(1), jsonscan.MaxListed)
		}
	})
}

// TestScannerIncomplete wants no value before it is whole.
func TestScannerIncomplete(t *testing.T) {
	s := jsonscan.Compile(jsonscan.Spec{Watch: []string{"usage"}}).NewScanner(100)
	for _, tt := range []struct {
		piece string
		value string
		done  bool
	}{
		{`{"usage":{"a":`, "", false},
		{`1`, "", false},
		{`}`, `{"a":1}`, false},
		{`,"usage":12`, "", false}, // the first is gone, the second may go on
		{`3`, "", false},
		{` `, `123`, false},
		{`}`, `123`, true},
		{"\n", `123`, true},
	} {
		if err := s.Write([]byte(tt.piece)); err != nil {
			t.Fatalf("Write(%q) = %v", tt.piece, err)
		}
		if got := string(s.Value(0)); got != tt.value || s.Done() != tt.done {
			t.Errorf("after %q, Value() = %q, Done %t, want %q, %t", tt.piece, got, s.Done(), tt.value, tt.done)
		}
	}
}

// TestScannerGrammar compares with encoding/json, which asks for the grammar
// and no more.
func TestScannerGrammar(t *testing.T) {
	s := jsonscan.Compile(scannerSpec).NewScanner(10)
	tokens := []string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `1`, ` `, `null`}
	var try func(data string, left int)
	try = func(data string, left int) {
		s.Reset()
		err := s.Write([]byte(data))
		if err == nil {
			err = s.Close()
		}
		if want := json.Valid([]byte(data)); (err == nil) != want {
			t.Errorf("reading %q = %v, but encoding/json says valid = %t", data, err, want)
		}
		if left > 0 {
			for _, tok := range tokens {
				try(data+tok, left-1)
			}
		}
	}
	try("", 5)
}

// TestScannerAfterLongValue reads a short value after one whose buffer is not
// worth keeping.
func TestScannerAfterLongValue(t *testing.T) {
	s := jsonscan.Compile(jsonscan.Spec{Watch: []string{"a", "b[]"}}).NewScanner(1 << 20)
	for _, value := range []string{`"` + strings.Repeat("x", 100_000) + `"`, `"y"`} {
		s.Reset()
		if err := s.Write([]byte(`{"a":` + value + `,"b":[` + value + `,1]}`)); err != nil {
			t.Fatal(err)
		}
		if got := string(s.Value(0)); got != value {
			t.Errorf("Value() is %d bytes, want %d", len(got), len(value))
		}
		for index, raw := range s.Each(1) {
			if index != 0 || string(raw) != value {
				t.Errorf("Each() begins with %d bytes at index %d, want %d at 0", len(raw), index, len(value))
			}
			break
		}
	}
}

// TestFree: what a scanner has seen does not show in the one that follows it.
func TestFree(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{Watch: []string{"a", "b[]"}})
	for range 100 {
		s := p.NewScanner(64)
		for path := range 2 {
			if s.Value(path) != nil || s.Kind(path) != 0 || s.More(path) || s.Done() || s.Counts() != (jsonscan.Counts{}) {
				t.Fatalf("a new Scanner knows of path %d", path)
			}
		}
		if err := s.Write([]byte(`{"a":"secret","b":[1,2,` + strings.Repeat("3,", 100))); err != nil {
			t.Fatal(err)
		}
		if string(s.Value(0)) != `"secret"` {
			t.Fatalf("Value(0) = %s", s.Value(0))
		}
		s.Free() // in the middle of a value
	}
}
