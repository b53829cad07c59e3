package realtime

import (
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// The types of the server's events that are acted upon.
const (
	ResponseCreated      = "response.created"
	ResponseDone         = "response.done"
	TranscriptionDone    = "conversation.item.input_audio_transcription.completed"
	ErrorEvent           = "error"
	ClientResponseCreate = "response.create" // a client's
)

// A ServerEvent is what is known of a message of the model's side. Its zero
// value is a message that is no event.
type ServerEvent struct {
	Type     string
	Response string // the id of the response that it belongs to; empty if to none
	Status   string // of the response, in its last event

	// Failed is true if it tells of a failure; Code, Message and Param are
	// then what it says, each of which may be empty, and Culprit is the
	// event_id of the client's event that is to blame.
	Failed               bool
	Code, Message, Param string
	Culprit              string

	// Usage is what it reports, if HasUsage.
	Usage    llm.Usage
	HasUsage bool

	// Text and Sound are the bytes of model output in it: of text, and of
	// sound in base64.
	Text, Sound int64
}

// Where a server's event keeps things.
const (
	inType = iota
	inResponseID
	inResponse
	inStatus
	inErrorCode
	inErrorType
	inErrorMessage
	inErrorParam
	inErrorEvent
	inWhy
	inWhyCode
	inWhyType
	inWhyMessage
	inUsage
	inInput
	inOutput
	inTotal
	inCached
	inInputAudio
	inOutputAudio
	inHeard
	inHeardInput
	inHeardOutput
	inHeardAudio
	inHeardSeconds
)

// Source: OpenAI's OpenAPI document, schemas RealtimeServerEvent…,
// RealtimeResponse and RealtimeServerEventError.
var serverPaths = jsonscan.Compile(jsonscan.Spec{ // immutable
	Watch: []string{
		inType:         "type",
		inResponseID:   "response_id",
		inResponse:     "response.id",
		inStatus:       "response.status",
		inErrorCode:    "error.code",
		inErrorType:    "error.type",
		inErrorMessage: "error.message",
		inErrorParam:   "error.param",
		inErrorEvent:   "error.event_id",
		inWhy:          "response.status_details.error",
		inWhyCode:      "response.status_details.error.code",
		inWhyType:      "response.status_details.error.type",
		inWhyMessage:   "response.status_details.error.message",
		inUsage:        "response.usage",
		inInput:        "response.usage.input_tokens",
		inOutput:       "response.usage.output_tokens",
		inTotal:        "response.usage.total_tokens",
		inCached:       "response.usage.input_token_details.cached_tokens",
		inInputAudio:   "response.usage.input_token_details.audio_tokens",
		inOutputAudio:  "response.usage.output_token_details.audio_tokens",
		inHeard:        "usage",
		inHeardInput:   "usage.input_tokens",
		inHeardOutput:  "usage.output_tokens",
		inHeardAudio:   "usage.input_token_details.audio_tokens",
		inHeardSeconds: "usage.seconds",
	},
	Count: []string{"delta"},
})

// maxCapture is how many bytes of one value of an event are kept to be read.
const maxCapture = 2 << 10

// A Reader reads one server's event after the other, each in pieces of any
// size. It is for one goroutine. The zero value is ready.
type Reader struct {
	scan   *jsonscan.Scanner
	broken bool
}

// Write reads the next piece of an event. It does not keep piece.
func (r *Reader) Write(piece []byte) {
	if r.scan == nil {
		r.scan = serverPaths.NewScanner(maxCapture)
	}
	r.broken = r.broken || r.scan.Write(piece) != nil
}

// Close ends the event and returns it. The next piece begins another one.
func (r *Reader) Close() ServerEvent {
	if r.scan == nil {
		return ServerEvent{}
	}
	defer r.Free()
	if r.scan.Close() != nil || r.broken {
		return ServerEvent{}
	}
	v := dialect.Values{Scanner: r.scan}
	e := ServerEvent{Type: v.Text(inType), Response: v.Text(inResponseID)}
	if e.Response == "" {
		e.Response = v.Text(inResponse)
	}
	if strings.HasPrefix(e.Type, "response.") {
		c := r.scan.Counts()
		e.Text, e.Sound = c.TextBytes, c.Base64Bytes
	}
	switch e.Type {
	case ResponseDone:
		e.readDone(v)
	case TranscriptionDone:
		e.readHeard(v)
	case ErrorEvent:
		e.Failed = true
		e.Code, e.Message = firstOf(v.Text(inErrorCode), v.Text(inErrorType)), v.Text(inErrorMessage)
		e.Param, e.Culprit = v.Text(inErrorParam), v.Text(inErrorEvent)
	}
	return e
}

// Free gives back what r has borrowed for an event that will not be ended.
func (r *Reader) Free() {
	if r.scan != nil {
		r.scan.Free()
	}
	*r = Reader{}
}

// readDone reads the end of a response.
func (e *ServerEvent) readDone(v dialect.Values) {
	e.Status = v.Text(inStatus)
	e.Failed = e.Status == "failed" || v.Kind(inWhy) == jsonscan.Object
	if e.Failed {
		e.Code, e.Message = firstOf(v.Text(inWhyCode), v.Text(inWhyType)), v.Text(inWhyMessage)
	}
	if e.HasUsage = v.Kind(inUsage) == jsonscan.Object; !e.HasUsage {
		return
	}
	u := llm.Usage{
		Input: v.Largest(inInput), CachedInput: v.Largest(inCached), Output: v.Largest(inOutput),
		InputAudio: v.Largest(inInputAudio), OutputAudio: v.Largest(inOutputAudio),
		Provenance: llm.UsageReported,
	}
	u.Output = max(u.Output, v.Largest(inTotal)-u.Input)
	u.CachedInput = min(u.CachedInput, u.Input)
	u.InputAudio, u.OutputAudio = min(u.InputAudio, u.Input), min(u.OutputAudio, u.Output)
	// A server that counts nothing says zero. So does one that has done nothing.
	e.HasUsage = u.Input > 0 || u.Output > 0 || e.Status != "completed"
	e.Usage = u
}

// readHeard reads what the transcription of the user's words has used: tokens,
// or seconds of sound.
func (e *ServerEvent) readHeard(v dialect.Values) {
	if e.HasUsage = v.Kind(inHeard) == jsonscan.Object; !e.HasUsage {
		return
	}
	e.Usage = llm.Usage{
		Input: v.Largest(inHeardInput), Output: v.Largest(inHeardOutput),
		InputAudio: v.Largest(inHeardAudio), Provenance: llm.UsageReported,
	}
	e.Usage.InputAudio = min(e.Usage.InputAudio, e.Usage.Input)
	if v.Kind(inHeardSeconds) == jsonscan.Number {
		if s, err := strconv.ParseFloat(string(v.Value(inHeardSeconds)), 64); err == nil && s > 0 {
			e.Usage.Audio = time.Duration(min(s, maxSeconds) * float64(time.Second))
		}
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// maxSeconds bounds what is believed of a length of sound.
const maxSeconds = 24 * 60 * 60
