package dialect

import (
	"bytes"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

const opStream = "dialect.stream"

// Events puts the events of an upstream's stream together, in whatever pieces
// it comes. A StreamReader of a protocol of server-sent events stands on it.
// It is for one stream and one goroutine.
type Events struct {
	// Handle is called for each event that has data. name is empty if the
	// event has none; neither may be kept. An error ends the stream.
	Handle func(name, data []byte) error

	tok        sse.Tokenizer
	name, data []byte
}

// Write takes the next piece. The error is Handle's, or an *llm.Error,
// CodeUpstreamTooLarge, for an event larger than sse.DefaultMaxEvent.
func (e *Events) Write(p []byte) error {
	for len(p) > 0 {
		n, tok, err := e.tok.Next(p)
		if err != nil {
			return &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: opStream, Err: err}
		}
		p = p[n:]
		switch tok.Kind {
		case sse.Name:
			if tok.First {
				e.name = e.name[:0]
			}
			e.name = append(e.name, tok.Bytes...)
		case sse.Data:
			e.data = append(e.data, tok.Bytes...)
		case sse.End:
			err := e.Handle(e.name, e.data)
			e.reset()
			if err != nil {
				return err
			}
		case sse.Break:
			e.reset()
		}
	}
	return nil
}

// keptEvent is how much memory a stream that waits keeps for its next event.
const keptEvent = 16 << 10

func (e *Events) reset() {
	e.name, e.data = e.name[:0], e.data[:0]
	if cap(e.data) > keptEvent {
		e.data = nil
	}
}

// Close ends the stream. An event that lacks nothing but its blank line is
// handled like any other; if its data is no whole JSON it was torn, and is
// dropped.
func (e *Events) Close() error {
	data := bytes.TrimSpace(e.data)
	if len(data) == 0 {
		return nil
	}
	if _, err := jsontree.Parse(data); err != nil && !bytes.Equal(data, []byte(doneData)) {
		return nil
	}
	return e.Write([]byte("\n\n"))
}

// IsDone reports whether an event's data is what ends a stream of choices.
func IsDone(data []byte) bool { return bytes.HasPrefix(data, []byte(doneData)) }

// Truncated is the error of a stream that ended before its answer did.
func Truncated() error { return &llm.Error{Code: llm.CodeUpstreamTruncated, Op: opStream} }

// Unreadable is the error of an answer that is not what its protocol says.
func Unreadable(err error) error {
	return &llm.Error{Code: llm.CodeUpstreamInvalid, Op: opStream, Err: err}
}

// Invalid is the error of a request's field that has a value it cannot have.
func Invalid(param, public string) error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: opRead, Param: param, Public: public}
}

// Unsupported is the error of a field that a target cannot take at all.
func Unsupported(param string) error {
	return &llm.Error{
		Code: llm.CodeUnsupportedParameter, Op: opLower, Param: param,
		Public: param + " is not possible with the model that serves this request",
	}
}

// UnsupportedValue is the error of a field of which a target cannot take the
// value.
func UnsupportedValue(param, why string) error {
	return &llm.Error{Code: llm.CodeUnsupportedValue, Op: opLower, Param: param, Public: param + ": " + why}
}
