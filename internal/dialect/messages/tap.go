package messages

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// Where a usage keeps its counts, in this order behind inUsage and inStart.
const (
	plainInput = 1 + iota
	cacheWrite
	cacheRead
	output
	thinking
	usageValues // how many there are, the usage itself included
)

// Where answers keep things.
const (
	inType = iota
	inError
	inErrorCode
	inErrorType
	inErrorMessage
	inID
	inModel
	inUsage     // and its counts
	inCounted   = inUsage + usageValues
	inContainer = inCounted + 1
)

// Where events keep more.
const (
	inStart            = inUsage + usageValues // and its counts
	inStopReason       = inStart + usageValues
	inStartedContainer = inStopReason + 1
	inEndedContainer   = inStopReason + 2
)

// Source: https://docs.claude.com/en/api/messages, schema Usage.
func watchUsage(path string) []string {
	return []string{
		0:          path,
		plainInput: path + ".input_tokens",
		cacheWrite: path + ".cache_creation_input_tokens",
		cacheRead:  path + ".cache_read_input_tokens",
		output:     path + ".output_tokens",
		thinking:   path + ".output_tokens_details.thinking_tokens",
	}
}

func watch(prefix string, more ...string) []string {
	paths := []string{"type", "error", "error.code", "error.type", "error.message", prefix + "id", prefix + "model"}
	paths = append(paths, watchUsage("usage")...)
	return append(paths, more...)
}

// bodies are whole answers: a message, or a count of tokens.
var bodies = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: watch("", "input_tokens", "container.id"),
		Count: []string{"content[].text", "content[].thinking", "content[].name"},
	}),
	Read: readBody,
}

// events are streamed answers.
var events = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: watch("message.", append(watchUsage("message.usage"), "delta.stop_reason", "message.container.id", "delta.container.id")...),
		Count: []string{
			"delta.text", "delta.thinking", "delta.partial_json",
			"content_block.text", "content_block.thinking", "content_block.name",
		},
	}),
	Read: readEvent,
}

func readError(v dialect.Values, o *dialect.Outcome) {
	dialect.ErrorAt{Object: inError, Code: inErrorCode, Type: inErrorType, Message: inErrorMessage}.Read(v, o)
	if v.Is(inType, "error") {
		o.Fail("", "") // if it has not said why
	}
}

func readBody(v dialect.Values, o *dialect.Outcome) {
	readError(v, o)
	o.Identify(v, inID, inModel)
	o.Make(v.Text(inContainer))
	readUsage(v, o, inUsage)
	if v.Kind(inCounted) == jsonscan.Number && v.Kind(inUsage) == 0 {
		o.Usage.Provenance = llm.UsageNone // count_tokens: no model was asked
	}
}

func readEvent(v dialect.Values, o *dialect.Outcome) {
	readError(v, o)
	o.Identify(v, inID, inModel)
	o.Make(v.Text(inStartedContainer))
	o.Make(v.Text(inEndedContainer))
	readUsage(v, o, inStart)
	readUsage(v, o, inUsage)
	switch {
	case v.Is(inType, "message_delta"):
		o.Final = o.Final || v.Kind(inStopReason) == jsonscan.String && v.Kind(inUsage+output) == jsonscan.Number
	case v.Is(inType, "message_stop"):
		o.Complete = true
	}
}

// readUsage takes over the counts of the usage at path. They are cumulative:
// each replaces what was there before, one that is absent, null or zero
// nothing. Anthropic counts what came from the cache and what went into it
// beside the input; an llm.Usage counts it within.
func readUsage(v dialect.Values, o *dialect.Outcome, path int) {
	if v.Kind(path) != jsonscan.Object {
		return
	}
	u := o.Usage
	plain := u.Input - u.CachedInput - u.CacheWrite
	for at, field := range [...]*int64{
		plainInput: &plain,
		cacheWrite: &u.CacheWrite,
		cacheRead:  &u.CachedInput,
		output:     &u.Output,
		thinking:   &u.Reasoning,
	} {
		if field == nil {
			continue
		}
		if n, _ := v.Count(path + at); n > 0 {
			*field = n
		}
	}
	u.Input = plain + u.CachedInput + u.CacheWrite
	o.Report(u)
}
