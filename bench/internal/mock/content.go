package mock

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AnswerSize is the length of [Answer] in bytes.
const AnswerSize = 1073

// Path is the one path that is served.
const Path = "/v1/chat/completions"

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
