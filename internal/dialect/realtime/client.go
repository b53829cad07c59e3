package realtime

import (
	"errors"
	"fmt"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

const opRead = "realtime.read"

// A ClientEvent is what must be known of a message before it goes upstream.
type ClientEvent struct {
	Type string // empty if it has none that could be one
	ID   string // event_id; empty if the client gave none

	// Models are the models that it names, in the order of the message.
	Models []NamedModel
}

// A NamedModel is a model that an event names.
type NamedModel struct {
	Name string
	Path string        // of the member, as in "session.model"
	Span jsonscan.Span // of its value

	// Transcriber is true for the model that writes down what the user says,
	// which is another one than the one that is spoken with.
	Transcriber bool
}

// The members that a client's event is read for.
const (
	atType = iota
	atID
	atSessionModel
	atResponseModel
	atTranscriber
	atOldTranscriber
)

var clientMembers = []string{ // immutable
	atType:           "type",
	atID:             "event_id",
	atSessionModel:   "session.model",
	atResponseModel:  "response.model",
	atTranscriber:    "session.audio.input.transcription.model",
	atOldTranscriber: "session.input_audio_transcription.model",
}

var clientPaths = jsonscan.Compile(jsonscan.Spec{Watch: clientMembers}) // immutable

// ReadClient reads a client's event. It does not keep message. Its error is an
// *llm.Error, CodeInvalidJSON or CodeInvalidValue; the event then has what
// could be read.
func ReadClient(message []byte) (ClientEvent, error) {
	var buf [8]jsonscan.Hit
	var e ClientEvent
	found, err := clientPaths.Scan(message, buf[:0])
	if err != nil {
		if se, ok := errors.AsType[*jsonscan.SyntaxError](err); ok {
			return e, &llm.Error{
				Code: llm.CodeInvalidJSON, Op: opRead,
				Public: fmt.Sprintf("the event is not valid JSON: %s at byte offset %d", se.Msg, se.Offset),
			}
		}
		return e, &llm.Error{Code: llm.CodeInvalidJSON, Op: opRead, Err: err}
	}
	var fault error
	for _, h := range found.Hits {
		fault = errors.Join(fault, e.take(h, message[h.Span.Start:h.Span.End]))
	}
	if fault != nil {
		return e, llm.AsError(fault)
	}
	return e, nil
}

// maxID is the longest event_id that is remembered.
const maxID = 512

// take notes one member, whose value is raw.
func (e *ClientEvent) take(h jsonscan.Hit, raw []byte) error {
	if h.Path == atType || h.Path == atID {
		if text, err := jsonscan.Unquote(raw); err == nil && len(text) <= maxID {
			if h.Path == atType {
				e.Type = text
			} else {
				e.ID = text
			}
		}
		return nil
	}
	path := clientMembers[h.Path]
	switch h.Kind {
	case jsonscan.Null:
		return nil
	case jsonscan.String:
	default:
		return &llm.Error{Code: llm.CodeInvalidValue, Op: opRead, Param: path, Public: path + " must be a string"}
	}
	name, err := jsonscan.Unquote(raw)
	if err != nil {
		return &llm.Error{Code: llm.CodeInvalidJSON, Op: opRead, Err: err}
	}
	if err := dialect.CheckModel(name); err != nil {
		wrong := *llm.AsError(err)
		wrong.Param = path
		return &wrong
	}
	e.Models = append(e.Models, NamedModel{
		Name: name, Path: path, Span: h.Span,
		Transcriber: h.Path == atTranscriber || h.Path == atOldTranscriber,
	})
	return nil
}
