//go:build !race

package chat_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestAllocations(t *testing.T) { suite().Allocations(t) }

// One event costs no more memory than its text.
func TestCodecAllocations(t *testing.T) {
	r := chat.Dialect{}.NewReader(llm.NewBuilder(nil))
	event := []byte(chunk(`{"content":"some words "}`))
	for range 1000 { // the answer's own text grows seldom by then
		if err := r.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(200, func() {
		if err := r.Write(event); err != nil {
			t.Fatal(err)
		}
	}); got > 1 {
		t.Errorf("reading an event makes %v allocations, want 1", got)
	}
	e, w := textEvent()
	dst := make([]byte, 0, 4<<10)
	if got := testing.AllocsPerRun(200, func() { dst = w.Append(dst[:0], e) }); got > 0 {
		t.Errorf("writing an event makes %v allocations, want none", got)
	}
}
