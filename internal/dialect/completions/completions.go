package completions

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// answers counts what the model puts out. Source: OpenAI's OpenAPI document,
// schema CreateCompletionResponse.
var answers = dialect.ChoiceSchema("choices[].text") // immutable

// Dialect is the legacy Completions protocol. The zero value is ready.
type Dialect struct{}

// Name returns [llm.Completions].
func (Dialect) Name() llm.Dialect { return llm.Completions }

// ReadRequest finds the facts of a request body.
func (Dialect) ReadRequest(body []byte) (dialect.Request, error) {
	return dialect.ReadChoiceRequest(body)
}

// UsageEdits returns the edits that set stream_options.include_usage.
func (Dialect) UsageEdits(r dialect.Request, body []byte) []jsonscan.Edit {
	return r.UsageEdits(body)
}

// NewTap returns a tap for one answer.
func (Dialect) NewTap(stream bool) *dialect.Tap { return dialect.NewTap(answers, stream) }

// Failure appends {"error":{…}}.
func (Dialect) Failure(dst []byte, f dialect.Failure) []byte { return f.AppendOpenAI(dst) }

// StreamFailure appends an event whose data is {"error":{…}}. OpenAI's SDKs
// raise it; no "[DONE]" follows.
func (Dialect) StreamFailure(dst []byte, f dialect.Failure, _ *dialect.Tap) []byte {
	return f.AppendOpenAIEvent(dst)
}
