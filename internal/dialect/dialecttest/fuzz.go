package dialecttest

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzTap checks that a tap finds the same in an answer however it is cut,
// whatever the answer is.
func (s Suite) FuzzTap(f *testing.F) {
	for _, a := range archives(f, filepath.Join(s.Dir, "answers")) {
		if answer, ok := a.file("stream"); ok {
			f.Add(answer, true, uint8(3))
		}
		if answer, ok := a.file("whole"); ok {
			f.Add(answer, false, uint8(5))
		}
	}
	f.Fuzz(func(t *testing.T, answer string, stream bool, size uint8) {
		want := watch(t, s.Dialect.NewTap(stream), answer)
		var pieces []string
		for rest := answer; rest != ""; {
			n := min(int(size%16)+1, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if got := watch(t, s.Dialect.NewTap(stream), pieces...); got != want {
			t.Errorf("cut every %d bytes, a tap finds\n%s\nwant\n%s", size%16+1, got, want)
		}
	})
}

// FuzzRequest checks that the edits of a request change what they should and
// no other byte, and that what comes out is read as what was meant.
func (s Suite) FuzzRequest(f *testing.F) {
	f.Add(`{"model":"m","stream":true,"stream_options":{"include_usage":false},"messages":[{"role":"user","content":"hi"}]}`)
	f.Add(`{"stream":true,"stream_options":null,"input":[]}`)
	f.Add(`{"n":3,"stream":true,"x":1e400,"data_sources":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := s.Dialect.ReadRequest([]byte(body))
		if err != nil {
			return
		}
		out := s.rewrite(t, body)
		again, err := s.Dialect.ReadRequest([]byte(out))
		if err != nil {
			t.Fatalf("edits of %q give %q, which is refused: %v", body, out, err)
		}
		if again.Model != "new" || again.Stream != r.Stream || again.DataSources != r.DataSources || again.Choices != r.Choices {
			t.Fatalf("edits of %q give %q, which is read as %+v, want the model new and the rest of %+v", body, out, again, r)
		}
		edits := s.Dialect.UsageEdits(again, []byte(out))
		if len(edits) != 0 {
			t.Fatalf("edits of %q give %q, which needs %d more, want none", body, out, len(edits))
		}
		want, got := members(t, body), members(t, out)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("edits of %q give %q: without model and usage it is %v, want %v", body, out, got, want)
		}
	})
}

// members decodes a body without the members that edits may change.
func members(t *testing.T, body string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	add := func(prefix, object string) {
		var raw map[string]json.RawMessage
		if err := json.Unmarshal([]byte(object), &raw); err != nil {
			t.Fatalf("%q: %v", object, err)
		}
		for name, value := range raw {
			all[prefix+name] = string(value)
		}
	}
	add("", body)
	if options := all["stream_options"]; strings.HasPrefix(options, "{") {
		add("stream_options.", options)
	}
	for _, name := range []string{"model", "stream_options", "stream_options.include_usage"} {
		delete(all, name)
	}
	return all
}
