package messages_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// Whatever a client sends, it is refused or comes out as JSON that is read
// again.
func FuzzDecodeRequest(f *testing.F) {
	for _, r := range recordings(f, "requests", 10) {
		body, _ := r.file("client")
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d messages.Dialect
		if _, err := d.ReadRequest(body); err != nil {
			return
		}
		r, err := d.DecodeRequest(body)
		if err != nil {
			if e := llm.AsError(err); e.Code == llm.CodeInternal {
				t.Fatalf("%v is no error for a client", err)
			}
			return
		}
		for _, client := range []llm.Dialect{llm.Messages, llm.Chat} {
			r.Dialect = client
			e, err := d.EncodeRequest(r, &dialect.Target{Model: "m", Traits: capable})
			if err != nil {
				continue
			}
			if !json.Valid(e.Body) {
				t.Fatalf("no JSON: %s", e.Body)
			}
			if _, err := d.DecodeRequest(e.Body); err != nil {
				t.Fatalf("what was written is refused: %v\n%s", err, e.Body)
			}
		}
	})
}

// Whatever an upstream sends, the client's stream is in order, and does not
// depend on how the bytes came.
func FuzzReader(f *testing.F) {
	for _, r := range recordings(f, "answers", 14) {
		if stream, ok := r.file("stream"); ok {
			f.Add(stream, uint8(3), true)
		}
		if whole, ok := r.file("whole"); ok {
			f.Add(whole, uint8(3), false)
		}
	}
	f.Fuzz(func(t *testing.T, answer string, size uint8, own bool) {
		d := messages.Dialect{Own: own}
		if _, a, err := decode(d, answer); err == nil && a.Status != llm.StatusFailed {
			if wire := d.EncodeReply(nil, a, options()); !json.Valid(wire) {
				t.Fatalf("no JSON: %s", wire)
			}
		}
		want, wire := relay(d, options(), answer)
		var pieces []string
		for piece := range slices.Chunk([]byte(answer), int(size%16)+1) {
			pieces = append(pieces, string(piece))
		}
		if got, _ := relay(d, options(), pieces...); !slices.Equal(got, want) {
			t.Fatalf("cut every %d bytes it is\n%q\nwant\n%q", size%16+1, got, want)
		}
		if len(wire) > 0 {
			accumulate(t, string(wire))
		}
	})
}
