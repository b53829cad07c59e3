package dialect

import (
	"time"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Dialect is one wire protocol. Implementations hold no state and may be
// used by any number of goroutines.
type Dialect interface {
	// Name returns the name of the protocol.
	Name() llm.Dialect

	// ReadRequest finds the facts of a request body. It does not keep body.
	// The error is an *llm.Error: CodeInvalidJSON with the offset in its
	// message, or CodeInvalidValue with the member in Param. A missing model
	// is no error here, since the path may name one: see Request.NeedModel.
	ReadRequest(body []byte) (Request, error)

	// UsageEdits returns the edits that make the upstream report its usage in
	// the stream that r asks for, in ascending order. It returns nil where
	// nothing has to be asked for, or nothing can be. r must be what
	// ReadRequest returned for body. If the result is not nil, the client did
	// not ask for usage, and the event for which Tap.Drop is true is to be
	// left out of its stream.
	UsageEdits(r Request, body []byte) []jsonscan.Edit

	// NewTap returns a tap for one successful answer: an event stream or a
	// whole body. Which of the two is the upstream's choice, told by the
	// content type of its answer, whatever was asked for.
	NewTap(stream bool) *Tap

	// Failure appends the body of an answer that failed before its first byte.
	Failure(dst []byte, f Failure) []byte

	// StreamFailure appends the events that end a stream which has begun and
	// can not be brought to its proper end. They end with an empty line and
	// nothing may follow them. t is the tap that watched the stream so far; it
	// may be nil.
	StreamFailure(dst []byte, f Failure, t *Tap) []byte
}

// A Failure is what a client is told of an exchange that failed.
type Failure struct {
	// Err says what happened. Nil means an internal error.
	Err *llm.Error

	// RequestID is the gateway's own id of the exchange.
	RequestID string

	// Time is when it happened. Only StreamFailure of the responses dialect
	// tells it, and only if the stream has not told when it was created.
	Time time.Time

	// ResponseID is for StreamFailure of the responses dialect: the id that the
	// client knows the response by, where that is not the stream's own.
	ResponseID string

	// Torn is for StreamFailure: a part of an unfinished event has been passed
	// to the client. An empty line then goes before everything else, so that
	// the failure is not taken for more of that event. A caller that passes on
	// whole events only leaves it false.
	Torn bool
}

// tornEnd ends an event that was torn in two: whatever its last byte was,
// behind these two line feeds a new event begins.
const tornEnd = "\n\n"

// row returns what the table of codes says of f.
func (f Failure) row() llm.Row {
	if f.Err == nil {
		return llm.CodeInternal.Row()
	}
	return f.Err.Code.Row()
}
