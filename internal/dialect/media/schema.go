package media

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// maxImageEvent is the largest event of a stream of images: one of 3840 by
// 2160 points is up to 33 MB as PNG, in base64 a third more.
const maxImageEvent = 64 << 20

// Where all answers keep things.
const (
	inError = iota
	inErrorCode
	inErrorType
	inErrorMessage
	inEventType
	inCode
	inMessage
	inUsage
	inInput
	inOutput
	inTotal
	inCached
	inSeconds
	inDuration
)

// Source: OpenAI's OpenAPI document, schemas ImagesResponse, ImagesUsage,
// ImageGenCompletedEvent, TranscriptTextUsageTokens,
// TranscriptTextUsageDuration, CreateTranscriptionResponseVerboseJson,
// SpeechAudioDoneEvent. The same members are in whole answers and in the last
// events of streams.
var values = []string{ // immutable
	inError:        "error",
	inErrorCode:    "error.code",
	inErrorType:    "error.type",
	inErrorMessage: "error.message",
	inEventType:    "type",
	inCode:         "code",
	inMessage:      "message",
	inUsage:        "usage",
	inInput:        "usage.input_tokens",
	inOutput:       "usage.output_tokens",
	inTotal:        "usage.total_tokens",
	inCached:       "usage.input_tokens_details.cached_tokens",
	inSeconds:      "usage.seconds",
	inDuration:     "duration",
}

// images are the pictures themselves, or links to them.
var images = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: values,
		Count: []string{"b64_json", "data[].revised_prompt"},
	}),
	Read:     readImages,
	Done:     true,
	MaxEvent: maxImageEvent,
}

// audio are transcripts, and sound that comes as events.
var audio = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{
		Watch: values,
		Count: []string{"delta", "audio"},
	}),
	Read: readAudio,
	Done: true,
}

// moderations cost nothing.
var moderations = &dialect.Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{Watch: values}),
	Read: func(v dialect.Values, o *dialect.Outcome) {
		readFailure(v, o)
		o.Usage.Provenance = llm.UsageNone
	},
	Done: true,
}

func readFailure(v dialect.Values, o *dialect.Outcome) {
	dialect.ErrorAt{Object: inError, Code: inErrorCode, Type: inErrorType, Message: inErrorMessage}.Read(v, o)
	if v.Is(inEventType, "error") {
		o.Fail(v.Text(inCode), v.Text(inMessage))
	}
}

func readImages(v dialect.Values, o *dialect.Outcome) {
	readFailure(v, o)
	readTokens(v, o)
	switch {
	case v.Is(inEventType, "image_generation.completed"), v.Is(inEventType, "image_edit.completed"):
		o.Piece()
		o.Usage.Images = int64(o.Pieces())
	case v.Counts().Items > 0: // data[] is the only array that is looked into
		o.Usage.Images = v.Counts().Items
	}
}

func readAudio(v dialect.Values, o *dialect.Outcome) {
	readFailure(v, o)
	readTokens(v, o)
	switch {
	case v.Is(inEventType, "transcript.text.done"), v.Is(inEventType, "speech.audio.done"):
		o.Complete = true
	}
	heard, ok := v.Seconds(inSeconds)
	if !ok {
		heard, ok = v.Seconds(inDuration)
	}
	if ok {
		u := o.Usage
		u.Audio = heard
		o.Report(u)
	}
}

// readTokens notes the tokens of a usage, where they are what it counts.
func readTokens(v dialect.Values, o *dialect.Outcome) {
	if v.Kind(inUsage) != jsonscan.Object {
		return
	}
	u := o.Usage
	u.Input, u.CachedInput, u.Output = v.Largest(inInput), v.Largest(inCached), v.Largest(inOutput)
	u.Output = max(u.Output, v.Largest(inTotal)-u.Input)
	o.Report(u)
}
