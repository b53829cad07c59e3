package ollama_test

import (
	"bytes"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

// A line without end is given up before it takes all memory.
func TestEndlessLine(t *testing.T) {
	r := ollama.Dialect{}.NewReader(llm.NewBuilder(nil))
	piece := bytes.Repeat([]byte("x"), 1<<20)
	var err error
	for n := 0; err == nil && n <= sse.DefaultMaxEvent; n += len(piece) {
		err = r.Write(piece)
	}
	if llm.AsError(err).Code != llm.CodeUpstreamTooLarge {
		t.Fatalf("error = %v, want %s", err, llm.CodeUpstreamTooLarge)
	}
	if again := r.Close(); again == nil {
		t.Error("Close says that all is well")
	}
}

// The last line lacks its end, and nothing else.
func TestLastLineWithoutEnd(t *testing.T) {
	b := llm.NewBuilder(nil)
	r := ollama.Dialect{}.NewReader(b)
	if err := r.Write([]byte(`{"model":"m","message":{"content":"hi"},"done":true,"done_reason":"stop"}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || b.Reply().Status != llm.StatusCompleted {
		t.Errorf("Close() = %v, status %s", err, b.Reply().Status)
	}
}

// A line that was torn is no answer that cannot be read: it was cut short.
func TestTornLine(t *testing.T) {
	r := ollama.Dialect{}.NewReader(llm.NewBuilder(nil))
	if err := r.Write([]byte(`{"model":"m","message":{"content":"hi"},"done":false}` + "\n" + `{"model":"m","mess`)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); llm.AsError(err).Code != llm.CodeUpstreamTruncated {
		t.Errorf("Close() = %v, want %s", err, llm.CodeUpstreamTruncated)
	}
}
