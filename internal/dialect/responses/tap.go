package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// Where a response keeps things, below the prefix of its kind of answer.
const (
	inID = iota
	inModel
	inCreated
	inError
	inErrorCode
	inErrorType
	inErrorMessage
	inUsage
	inInput
	inOutput
	inTotal
	inCached
	inCacheWrite
	inReasoning
	responseValues // how many there are
)

// Where an event keeps things.
const (
	inEventType = responseValues + iota
	inSequence
	inEventCode
	inEventMessage
	inEventError
	inEventErrorCode
	inEventErrorType
	inEventErrorMessage
	inItem
	inItemContainer
)

// Where a whole response keeps the ids of its items, and of the containers
// that its items have used.
const (
	inOutputItem = responseValues + iota
	inOutputContainer
	inStatus
)

// Source: OpenAI's OpenAPI document, schemas Response and ResponseUsage.
func watchResponse(prefix string) []string {
	paths := make([]string, responseValues)
	for i, name := range [...]string{
		inID:           "id",
		inModel:        "model",
		inCreated:      "created_at",
		inError:        "error",
		inErrorCode:    "error.code",
		inErrorType:    "error.type",
		inErrorMessage: "error.message",
		inUsage:        "usage",
		inInput:        "usage.input_tokens",
		inOutput:       "usage.output_tokens",
		inTotal:        "usage.total_tokens",
		inCached:       "usage.input_tokens_details.cached_tokens",
		inCacheWrite:   "usage.input_tokens_details.cache_write_tokens",
		inReasoning:    "usage.output_tokens_details.reasoning_tokens",
	} {
		paths[i] = prefix + name
	}
	return paths
}

// bodies are whole answers: the response itself.
var bodies = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: append(watchResponse(""), "output[].id", "output[].container_id", "status"),
		Count: []string{
			"output[].content[].text",
			"output[].content[].refusal",
			"output[].summary[].text",
			"output[].name",
			"output[].arguments",
			"output[].input",
		},
	}),
	Read: readBody,
}

// events are streamed answers. Every delta of whatever kind is a member of
// that name; the members of the same name in items are no strings.
var events = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: append(watchResponse("response."),
			"type", "sequence_number", "code", "message",
			"error", "error.code", "error.type", "error.message",
			"item.id", "item.container_id"),
		Count: []string{"delta"},
	}),
	Read: readEvent,
}

func readBody(v dialect.Values, o *dialect.Outcome) {
	readResponse(v, o)
	o.Unfinished = v.Is(inStatus, "queued") || v.Is(inStatus, "in_progress")
	if !o.Collects() {
		return
	}
	for id := range v.Texts(inOutputItem) {
		o.Make(id)
	}
	for id := range v.Texts(inOutputContainer) {
		o.Make(id)
	}
}

func readResponse(v dialect.Values, o *dialect.Outcome) {
	dialect.ErrorAt{Object: inError, Code: inErrorCode, Type: inErrorType, Message: inErrorMessage}.Read(v, o)
	o.Identify(v, inID, inModel)
	if n, ok := v.Count(inCreated); ok {
		o.Created = n
	}
	if v.Kind(inUsage) != jsonscan.Object {
		return
	}
	u := llm.Usage{
		Input:       v.Largest(inInput),
		Output:      v.Largest(inOutput),
		CachedInput: v.Largest(inCached),
		CacheWrite:  v.Largest(inCacheWrite),
		Reasoning:   v.Largest(inReasoning),
	}
	// As in answers that are made of choices.
	u.Output = max(u.Output, v.Largest(inTotal)-u.Input)
	o.Report(u)
}

// makeItem notes the ids of an item when it begins. What it runs in may be known
// only when it is done.
func makeItem(v dialect.Values, o *dialect.Outcome) {
	switch {
	case v.Is(inEventType, "response.output_item.added"):
		o.Make(v.Text(inItem))
		o.Make(v.Text(inItemContainer))
	case v.Is(inEventType, "response.output_item.done"):
		o.Make(v.Text(inItemContainer))
	}
}

func readEvent(v dialect.Values, o *dialect.Outcome) {
	readResponse(v, o)
	dialect.ErrorAt{Object: inEventError, Code: inEventErrorCode, Type: inEventErrorType, Message: inEventErrorMessage}.Read(v, o)
	if n, ok := v.Count(inSequence); ok {
		o.Sequence = n
	}
	if o.Collects() && v.Kind(inItem) != 0 {
		makeItem(v, o)
	}
	switch {
	case v.Is(inEventType, "response.completed"), v.Is(inEventType, "response.incomplete"):
		o.Complete = true
	case v.Is(inEventType, "response.failed"):
		o.Complete = true
		o.Fail("", "") // if the response has not said why
	case v.Is(inEventType, "error"):
		// A failure, but no end: clients that wait for the end find none.
		o.Fail(v.Text(inEventCode), v.Text(inEventMessage))
	}
}
