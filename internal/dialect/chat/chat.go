package chat

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// answers counts what the model puts out, in the members of a message and in
// the same members of a delta. Sources: OpenAI's OpenAPI document, schema
// ChatCompletionStreamResponseDelta; reasoning_content is DeepSeek's and
// vLLM's, reasoning Ollama's and OpenRouter's, content of parts Mistral's.
var answers = dialect.ChoiceSchema( // immutable
	"choices[].delta.content",
	"choices[].delta.content[].text",
	"choices[].delta.reasoning_content",
	"choices[].delta.reasoning",
	"choices[].delta.refusal",
	"choices[].delta.tool_calls[].function.name",
	"choices[].delta.tool_calls[].function.arguments",
	"choices[].delta.tool_calls[].custom.name",
	"choices[].delta.tool_calls[].custom.input",
	"choices[].delta.function_call.name",
	"choices[].delta.function_call.arguments",
	"choices[].delta.audio.transcript",
	"choices[].message.content",
	"choices[].message.content[].text",
	"choices[].message.reasoning_content",
	"choices[].message.reasoning",
	"choices[].message.refusal",
	"choices[].message.tool_calls[].function.name",
	"choices[].message.tool_calls[].function.arguments",
	"choices[].message.tool_calls[].custom.name",
	"choices[].message.tool_calls[].custom.input",
	"choices[].message.function_call.name",
	"choices[].message.function_call.arguments",
	"choices[].message.audio.transcript",
)

// Dialect is the Chat Completions protocol. The zero value is ready.
type Dialect struct {
	// ThinkTags is true for a codec whose upstream's model writes what it
	// thinks between <think> and </think> at the beginning of its text. Then
	// that is reasoning; otherwise it is text like any other.
	ThinkTags bool
}

// Name returns [llm.Chat].
func (Dialect) Name() llm.Dialect { return llm.Chat }

// reading notes images, and the files that messages refer to: an upstream keeps
// them, and they may be another tenant's.
//
// Source: OpenAI's OpenAPI document, schema
// ChatCompletionRequestMessageContentPartFile.
var reading = dialect.NewChoiceReading([]string{"messages[].content[].image_url"}, "messages[].content[].file.file_id") // immutable

// ReadRequest finds the facts of a request body.
func (Dialect) ReadRequest(body []byte) (dialect.Request, error) {
	return reading.ReadChoices(body)
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
