package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// bodies are seeds for every target.
var bodies = []string{
	`{}`, ` { "a" : [ 1 , -2.5e+3 , true , false , null , "x" ] } `,
	`{"model":"gpt","stream":true,"messages":[{"role":"user","content":"hi\n\u00e9\ud83d\ude00"}]}`,
	`{"model":"gpt","stream_options":{"include_usage":false,"include_obfuscation":false}}`,
	`{"stream_options":null,"model":1}`, `{"stream_options":{}}`, `{"stream_options":{ },"stream":1}`,
	`{"input":[{"content":[{"type":"input_text","text":"data:image/png;base64,AAAA"}]},"b",[[]],{}]}`,
	`{"\u006dodel":1,"model":2}`, `{"Model":1}`, `{"ſtream":1}`, "{\"\u212a\":1}", `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`,
	`{"a":"\ud800"}`, `{"a":"\ud800\u0041"}`, `{"a":"\udc00"}`, "{\"a\":\"\xff\"}", "\xef\xbb\xbf{}", `{"a":01}`, `{"a":1.}`, `{"a":-}`,
	`{"a":1,}`, `{"a":[1,]}`, `{} {}`, `[]`, `null`, `1`, ``, `{"a":"\x"}`, `{"a":"\u12"}`, `{"":{"":[{"":""}]}}`, `{"a.b":1,"a[]":[2]}`,
	event, usageEvent, nested(128), nested(129), manyNames(40),
}

// FuzzScan checks that Scan accepts and returns what a strict token decoder
// and the rules of its doc comment say, and that it is not quadratic in
// anything by simply coming to an end.
func FuzzScan(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	all := testSpec
	some := jsonscan.Spec{Watch: all.Watch, Count: []string{"messages[].content", "input[].content[].text", "model"}}
	allPaths, somePaths := jsonscan.Compile(all), jsonscan.Compile(some)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		checkScan(t, allPaths, all, body)
		checkScan(t, somePaths, some, body)
		if !bytes.Equal(before, body) {
			t.Error("Scan changed the body")
		}
	})
}

func checkScan(t *testing.T, p *jsonscan.Paths, spec jsonscan.Spec, body []byte) {
	t.Helper()
	got, err := p.Scan(body, nil)
	want, oracleErr := scanByOracle(spec, body)
	if (err == nil) != (oracleErr == nil) {
		t.Fatalf("Scan(%q) = %v, but the oracle says %v", body, err, oracleErr)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && diff != "" {
		t.Errorf("Scan(%q) differs from the oracle (-want +got):\n%s", body, diff)
	}
}

// FuzzScanner checks that a Scanner says the same however its input is split,
// that it accepts what encoding/json accepts, and that it finds what Scan
// finds in whatever Scan accepts.
func FuzzScanner(f *testing.F) {
	for i, b := range bodies {
		f.Add([]byte(b), []byte{byte(i), 1, 7})
	}
	p := jsonscan.Compile(testSpec)
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		s := p.NewScanner(1 << 20)
		whole := scanPieces(s, testSpec, string(data))
		var pieces []string
		rest := data
		for i := 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, int(sizes[i%len(sizes)]))
				if n == 0 && i%len(sizes) == len(sizes)-1 {
					n = 1 // come to an end even with sizes that are all zero
				}
			}
			pieces = append(pieces, string(rest[:n]))
			rest = rest[n:]
		}
		s.Reset()
		if diff := cmp.Diff(whole, scanPieces(s, testSpec, pieces...)); diff != "" {
			t.Errorf("split into %q, the answer differs (-whole +split):\n%s", pieces, diff)
		}
		tooDeep := whole.Err != nil && whole.Err.Msg == "nesting deeper than 128"
		if valid := json.Valid(data); valid != (whole.Err == nil) && !tooDeep {
			t.Errorf("reading %q = %v, but encoding/json says valid = %t", data, whole.Err, valid)
		}
		checkAgainstScan(t, p, s, data)
	})
}

// checkAgainstScan compares what s has read with what Scan says.
func checkAgainstScan(t *testing.T, p *jsonscan.Paths, s *jsonscan.Scanner, data []byte) {
	t.Helper()
	r, err := p.Scan(data, nil)
	if err != nil {
		return
	}
	if s.Counts() != r.Counts {
		t.Errorf("counts of %q = %+v, but Scan says %+v", data, s.Counts(), r.Counts)
	}
	type value struct {
		Index int
		Raw   string
	}
	var want, got [len("123456789")][]value // by path of testSpec
	for _, h := range r.Hits {
		if len(want[h.Path]) < jsonscan.MaxListed {
			want[h.Path] = append(want[h.Path], value{h.Index, string(data[h.Span.Start:h.Span.End])})
		}
	}
	for path := range testSpec.Watch {
		for index, raw := range s.Each(path) {
			got[path] = append(got[path], value{index, string(raw)})
		}
		if diff := cmp.Diff(want[path], got[path], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("values of %s in %q differ (-Scan +Scanner):\n%s", testSpec.Watch[path], data, diff)
		}
	}
}

// FuzzSplice makes the two edits of a gateway, another model and the request
// for usage, and checks with a strict decoder that nothing else has changed.
func FuzzSplice(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b), "deployment")
	}
	f.Add([]byte(`{"stream_options":{"include_usage":false},"model":"a"}`), "\"\\\n\xff")
	p := jsonscan.Compile(testSpec)
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		r, err := p.Scan(body, nil)
		if err != nil {
			return
		}
		edits := gatewayEdits(r, body, name)
		out := jsonscan.Splice(nil, body, edits...)
		after, err := p.Scan(out, nil)
		if err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		checkUntouched(t, body, out, edits)

		quoted := string(jsonscan.AppendQuote(nil, name))
		if h, ok := after.First(model); ok && string(out[h.Span.Start:h.Span.End]) != quoted {
			t.Errorf("%q became %q, whose model is not %s", body, out, quoted)
		}
		members, options := decodeRequest(t, body)
		if _, ok := r.First(model); ok {
			members = setMember(members, "model", quoted)
		}
		members = setMember(members, "stream_options", "{}")
		options = setMember(options, "include_usage", "true")
		outMembers, outOptions := decodeRequest(t, out)
		if diff := cmp.Diff(members, outMembers); diff != "" {
			t.Errorf("%q became %q (-want +got):\n%s", body, out, diff)
		}
		if diff := cmp.Diff(options, outOptions); diff != "" {
			t.Errorf("stream_options of %q became those of %q (-want +got):\n%s", body, out, diff)
		}
	})
}

// gatewayEdits returns the edits in the order of their places.
func gatewayEdits(r jsonscan.Result, body []byte, name string) []jsonscan.Edit {
	var edits []jsonscan.Edit
	add := func(e jsonscan.Edit) {
		edits = append(edits, e)
		if n := len(edits); n == 2 && edits[0].Span.Start > edits[1].Span.Start {
			edits[0], edits[1] = edits[1], edits[0]
		}
	}
	if h, ok := r.First(model); ok {
		add(jsonscan.Edit{Span: h.Span, Text: jsonscan.AppendQuote(nil, name)})
	}
	options, hasOptions := r.First(streamOptions)
	include, hasInclude := r.First(includeUsage)
	switch {
	case hasInclude:
		add(jsonscan.Edit{Span: include.Span, Text: []byte(`true`)})
	case hasOptions && options.Kind == jsonscan.Object:
		add(jsonscan.InsertMember(body, options.Span, []byte(`"include_usage":true`)))
	case hasOptions:
		add(jsonscan.Edit{Span: options.Span, Text: []byte(`{"include_usage":true}`)})
	default:
		add(jsonscan.InsertMember(body, r.Object, []byte(`"stream_options":{"include_usage":true}`)))
	}
	return edits
}

// checkUntouched wants out to be body but for the edits, byte by byte.
func checkUntouched(t *testing.T, body, out []byte, edits []jsonscan.Edit) {
	t.Helper()
	from := 0
	for _, e := range edits {
		for _, part := range [][]byte{body[from:e.Span.Start], e.Text} {
			rest, ok := bytes.CutPrefix(out, part)
			if !ok {
				t.Fatalf("Splice of %q, edits %+v: %q does not go on with %q", body, edits, out, part)
			}
			out = rest
		}
		from = e.Span.End
	}
	if !bytes.Equal(out, body[from:]) {
		t.Fatalf("Splice of %q, edits %+v: the rest is %q, want %q", body, edits, out, body[from:])
	}
}

// rawMember is a member with its value as it was written.
type rawMember struct{ Name, Raw string }

// decodeMembers returns the members of an object by a strict decoder.
func decodeMembers(t *testing.T, object []byte) []rawMember {
	t.Helper()
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatalf("decoding %q: %v", object, err)
	}
	var members []rawMember
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			t.Fatalf("decoding %q: %v", object, err)
		}
		m := rawMember{Name: name.String()}
		raw, err := dec.ReadValue()
		if err != nil {
			t.Fatalf("decoding %q: %v", object, err)
		}
		m.Raw = string(raw)
		members = append(members, m)
	}
	return members
}

// decodeRequest returns the members of a request, and those of
// stream_options, if it is an object, apart.
func decodeRequest(t *testing.T, body []byte) (members, options []rawMember) {
	t.Helper()
	members = decodeMembers(t, body)
	for i := range members {
		if m := &members[i]; m.Name == "stream_options" && m.Raw[0] == '{' {
			options = decodeMembers(t, []byte(m.Raw))
			m.Raw = "{}"
		}
	}
	return members, options
}

// setMember changes the member called name, or adds it at the end.
func setMember(members []rawMember, name, raw string) []rawMember {
	for i := range members {
		if members[i].Name == name {
			members[i].Raw = raw
			return members
		}
	}
	return append(members, rawMember{name, raw})
}
