package realtime

import (
	"errors"
	"fmt"
	"strings"

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

	// Hosted is the first tool that it declares that would run at the provider.
	// Its Path is empty if there is none.
	Hosted llm.Tool
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
	atSessionTools
	atResponseTools
)

var clientMembers = []string{ // immutable
	atType:           "type",
	atID:             "event_id",
	atSessionModel:   "session.model",
	atResponseModel:  "response.model",
	atTranscriber:    "session.audio.input.transcription.model",
	atOldTranscriber: "session.input_audio_transcription.model",
	atSessionTools:   "session.tools[].type",
	atResponseTools:  "response.tools[].type",
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
	if found.More {
		return e, &llm.Error{
			Code: llm.CodeInvalidValue, Op: opRead, Param: "session.tools",
			Public: fmt.Sprintf("the event has more than %d tools", jsonscan.MaxHits),
		}
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

// takeTool notes a tool by its type, which is at path.
func (e *ClientEvent) takeTool(path string, raw []byte) {
	kind, _ := jsonscan.Unquote(raw) // what is no string is no function either
	if kind != "function" && e.Hosted.Path == "" {
		e.Hosted = llm.Tool{Kind: llm.ToolHosted, Type: kind, Path: strings.TrimSuffix(path, ".type")}
	}
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
	if h.Path == atSessionTools || h.Path == atResponseTools {
		e.takeTool(strings.Replace(path, "[]", fmt.Sprintf("[%d]", h.Index), 1), raw)
		return nil
	}
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
