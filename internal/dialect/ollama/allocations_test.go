//go:build !race

package ollama_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/llm"
)

const delta = `{"model":"qwen3:8b","created_at":"2026-11-21T10:00:00.123456789Z","message":{"role":"assistant","content":"some text"},"done":false}` + "\n"

// TestReaderAllocations checks that a line costs its text and nothing else.
func TestReaderAllocations(t *testing.T) {
	r := ollama.Dialect{}.NewReader(llm.NewBuilder(nil))
	line := []byte(delta)
	n := testing.AllocsPerRun(1000, func() {
		if err := r.Write(line); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("a line costs %v allocations, want 1", n)
	}
}

func BenchmarkReader(b *testing.B) {
	r := ollama.Dialect{}.NewReader(llm.NewBuilder(nil))
	line := []byte(delta)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
