package mock

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AnswerSize is the length of [Answer] in bytes.
const AnswerSize = 1073

// The paths that are served: one for each protocol.
const (
	Path          = "/v1/chat/completions"
	ResponsesPath = "/v1/responses"
)

// A Stream says what a streamed answer looks like: Events events of model
// output of Size bytes each, the first after Every and then one every Every,
// then one with the finish reason, one with the usage if it was asked for, and
// [DONE]. If Hold is true the end comes only after [Server.Release].
type Stream struct {
	Events int
	Size   int // bytes, with the blank line; at least 160
	Every  time.Duration
	Hold   bool
}

const mark = "mock-stream "

// Prompt returns the text that, anywhere in a prompt, asks for s.
func (s Stream) Prompt() string {
	return fmt.Sprintf("%s%d,%d,%d,%t;", mark, s.Events, s.Size, s.Every, s.Hold)
}

// parseStream finds the text made by [Stream.Prompt] in body.
func parseStream(body []byte) (Stream, error) {
	_, rest, ok := bytes.Cut(body, []byte(mark))
	if !ok {
		return Stream{}, fmt.Errorf("mock: a stream is asked for, but the prompt has no %q", mark)
	}
	text, _, _ := bytes.Cut(rest, []byte(";"))
	field := strings.Split(string(text), ",")
	if len(field) != 4 {
		return Stream{}, fmt.Errorf("mock: malformed stream %q", text)
	}
	var n [3]int
	for i := range n {
		v, err := strconv.Atoi(field[i])
		if err != nil || v < 0 {
			return Stream{}, fmt.Errorf("mock: malformed number in stream %q", text)
		}
		n[i] = v
	}
	return Stream{Events: n[0], Size: n[1], Every: time.Duration(n[2]), Hold: field[3] == "true"}, nil
}

// Answer returns the whole answer, [AnswerSize] bytes of JSON, pretty-printed
// as OpenAI does. The caller owns it.
func Answer() []byte {
	const form = `{
  "id": "chatcmpl-bench0001",
  "object": "chat.completion",
  "created": 1790000000,
  "model": "bench-target",
  "choices": [
    {
      "index": 0,
      "message": {
        "role": "assistant",
        "content": "%s",
        "refusal": null,
        "annotations": []
      },
      "logprobs": null,
      "finish_reason": "stop"
    }
  ],
  "usage": {
    "prompt_tokens": 230,
    "completion_tokens": 64,
    "total_tokens": 294,
    "prompt_tokens_details": {
      "cached_tokens": 0,
      "audio_tokens": 0
    },
    "completion_tokens_details": {
      "reasoning_tokens": 0,
      "audio_tokens": 0
    }
  },
  "service_tier": "default"
}
`
	return padTo(form, AnswerSize)
}

const (
	eventForm      = `data: {"id":"chatcmpl-bench0001","object":"chat.completion.chunk","created":1790000000,"choices":[{"index":0,"delta":{"content":"%s"}}]}` + "\n\n"
	eventFormUsage = `data: {"id":"chatcmpl-bench0001","object":"chat.completion.chunk","created":1790000000,"choices":[{"index":0,"delta":{"content":"%s"}}],"usage":null}` + "\n\n"

	finishEvent = `data: {"id":"chatcmpl-bench0001","object":"chat.completion.chunk","created":1790000000,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usageEvent  = `data: {"id":"chatcmpl-bench0001","object":"chat.completion.chunk","created":1790000000,"choices":[],"usage":{"prompt_tokens":230,"completion_tokens":100,"total_tokens":330}}` + "\n\n"
	doneEvent   = "data: [DONE]\n\n"
)

// event returns one event of model output as one chunk of HTTP/1.1 chunked
// coding. As OpenAI does, every event says "usage":null once usage was asked
// for.
func event(size int, usage bool) []byte {
	form := eventForm
	if usage {
		form = eventFormUsage
	}
	return chunk(padTo(form, size))
}

// ending returns the chunks after the last event of model output.
func ending(usage bool) []byte {
	out := chunk([]byte(finishEvent))
	if usage {
		out = append(out, chunk([]byte(usageEvent))...)
	}
	out = append(out, chunk([]byte(doneEvent))...)
	return append(out, "0\r\n\r\n"...)
}

// Usage that every answer reports.
const (
	InputTokens  = 230
	OutputTokens = 64
)

// ResponsesAnswer is [Answer] in the protocol of [ResponsesPath], of the same
// text.
func ResponsesAnswer() []byte {
	return fmt.Appendf(nil, responseForm, "completed", fmt.Sprintf(itemForm, Text()), usageForm)
}

// Text returns what the model says in a whole answer.
func Text() string {
	_, rest, _ := bytes.Cut(Answer(), []byte(`"content": "`))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(text)
}

const (
	responseForm = `{"id":"resp_bench0001","object":"response","created_at":1790000000,"status":"%s","model":"bench-target","output":[%s],` +
		`"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"parallel_tool_calls":true,"temperature":0.2,"tool_choice":"auto","tools":[],"top_p":1,"usage":%s}`
	itemForm  = `{"id":"msg_bench0001","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"%s"}]}`
	usageForm = `{"input_tokens":230,"input_tokens_details":{"cached_tokens":0},"output_tokens":64,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":294}`

	deltaForm = "event: response.output_text.delta\n" +
		`data: {"type":"response.output_text.delta","sequence_number":9,"item_id":"msg_bench0001","output_index":0,"content_index":0,"delta":"%s"}` + "\n\n"
)

// responsesEvent is [event] in the protocol of [ResponsesPath].
func responsesEvent(size int) []byte { return chunk(padTo(deltaForm, size)) }

// responsesBegin and responsesEnd return the chunks before and after the
// events of model output.
func responsesBegin() []byte {
	return typed("response.created", fmt.Sprintf(`"response":`+responseForm, "in_progress", "", "null"),
		"response.output_item.added", `"output_index":0,"item":{"id":"msg_bench0001","type":"message","status":"in_progress","role":"assistant","content":[]}`,
		"response.content_part.added", `"item_id":"msg_bench0001","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}`)
}

func responsesEnd() []byte {
	item := fmt.Sprintf(itemForm, "")
	out := typed("response.output_text.done", `"item_id":"msg_bench0001","output_index":0,"content_index":0,"text":""`,
		"response.output_item.done", `"output_index":0,"item":`+item,
		"response.completed", fmt.Sprintf(`"response":`+responseForm, "completed", item, usageForm))
	return append(out, "0\r\n\r\n"...)
}

// typed returns chunks of events: their types, each with its members.
func typed(pairs ...string) (out []byte) {
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, chunk(fmt.Appendf(nil, "event: %s\ndata: {\"type\":\"%[1]s\",\"sequence_number\":9,%s}\n\n", pair[0], pair[1]))...)
	}
	return out
}

// padTo fills the %s of form so that the result has size bytes, or with
// nothing if form is longer.
func padTo(form string, size int) []byte {
	const words = "the river takes what it is given and gives it on; "
	n := max(size-(len(form)-len("%s")), 0)
	text := strings.Repeat(words, n/len(words)+1)[:n]
	return []byte(strings.Replace(form, "%s", text, 1))
}

// chunk frames data for chunked coding. RFC 9112 §7.1.
func chunk(data []byte) []byte {
	out := strconv.AppendInt(nil, int64(len(data)), 16)
	out = append(out, "\r\n"...)
	out = append(out, data...)
	return append(out, "\r\n"...)
}
