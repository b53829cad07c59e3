//go:build !race

package responses_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	announced = `data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}` + "\n\n"
	delta     = "event: response.output_text.delta\n" +
		`data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"some text","logprobs":[]}` + "\n\n"
)

// relay returns what reads one event and writes it again.
func relay(t testing.TB) func() {
	w := responses.Dialect{}.NewWriter(codecSuite().Options())
	var buf []byte
	b := llm.NewBuilder(func(e llm.Event) { buf = w.Append(buf[:0], e) })
	r := responses.Dialect{}.NewReader(b)
	event := []byte(delta)
	step := func(p []byte) {
		if err := r.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	step([]byte(announced))
	step(event)
	return func() { step(event) }
}

// One event costs its text, and what the whole text grows by.
func TestRelayAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(1000, relay(t)); n > 1 {
		t.Errorf("an event costs %v allocations, want 1", n)
	}
}

func BenchmarkRelay(b *testing.B) {
	step := relay(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(delta)))
	for b.Loop() {
		step()
	}
}
