package dialecttest

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Suite is what a leaf brings to the tests that all leaves pass.
type Suite struct {
	Dialect dialect.Dialect
	Name    llm.Dialect

	// Dir is the folder of the cases.
	Dir string

	// Update writes what was found into the cases instead of comparing.
	Update bool

	// Injects is true if the dialect's streams report usage only on demand.
	Injects bool

	// MaxEvent is the largest event in bytes. Zero means sse.DefaultMaxEvent.
	MaxEvent int

	// Begin is the beginning of a stream, Content one event of it that carries
	// output of the model and could come any number of times.
	Begin, Content string
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	if got := s.Dialect.Name(); got != s.Name {
		t.Errorf("Name() = %q, want %q", got, s.Name)
	}
	t.Run("requests", s.testRequests)
	t.Run("refused requests", s.testRefusals)
	t.Run("options", s.testOptions)
	t.Run("edits", s.testEdits)
	t.Run("answers", s.testAnswers)
	t.Run("too large", s.testTooLarge)
	t.Run("failures", s.testFailures)
	t.Run("failures in full", s.testEveryCode)
	t.Run("failure behind a torn event", s.testTorn)
	t.Run("failure before anything", s.testUnbegun)
	t.Run("hostile message", s.testHostileMessage)
}
