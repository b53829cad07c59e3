package dialect

import (
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

// maxCapture is how many bytes of one value of an answer are kept to be read.
// The longest are error messages.
const maxCapture = 8 << 10

// doneData is the data of the event that ends a stream of choices.
const doneData = "[DONE]"

const opTap = "dialect.tap"

// A Boundary says what ended where [Tap.Next] stopped.
type Boundary uint8

// The boundaries.
const (
	None    Boundary = iota // nothing: the piece is used up
	Comment                 // a comment, or something else between events that is no event
	Event                   // an event
)

// A Schema says where the answers of one dialect keep what a tap looks for,
// and what to make of it. It is immutable and shared by all taps.
type Schema struct {
	// Paths are the values to look at. Their counts are of the model's text.
	Paths *jsonscan.Paths

	// Read is called once for each JSON value of an answer: the data of each
	// event, or the whole body. It notes what it finds in o.
	Read func(v Values, o *Outcome)

	// Done is true if "[DONE]" completes a stream. Elsewhere it is skipped.
	Done bool

	// MaxEvent is the largest event of a stream in bytes. Zero means
	// sse.DefaultMaxEvent.
	MaxEvent int
}

// A Tap watches one answer go by: it is given every byte, in pieces of any
// size, and finds out what was used, whether the answer came to its proper end
// and whether it was an error after all. It keeps neither events nor pieces,
// and what it finds does not depend on how the bytes were cut.
//
// A Tap is for one answer and for one goroutine.
type Tap struct {
	schema  *Schema
	scan    *jsonscan.Scanner
	tok     sse.Tokenizer
	out     Outcome
	text    int64 // bytes of model text in the values that are complete
	matched int   // how much of doneData the event's data begins with
	reading reading
	stream  bool
	over    bool // "[DONE]" was seen: nothing after it counts
	content bool
	tail    bool  // the last boundary is a CR, whose line feed may follow
	broken  error // of a whole body: its first syntax error
}

// reading is what is being done with the data of the present event.
type reading uint8

const (
	comparing reading = iota // with doneData, which it equals so far
	done                     // nothing more: it begins with doneData
	scanning                 // as JSON
	skipping                 // it is neither
)

// NewTap returns a tap for an event stream, or for a whole body.
func NewTap(schema *Schema, stream bool) *Tap {
	t := &Tap{
		schema: schema,
		out:    Outcome{Sequence: -1},
		stream: stream,
		tok:    sse.Tokenizer{MaxEvent: schema.MaxEvent},
	}
	if !stream {
		t.borrow()
	}
	return t
}

// borrow takes a scanner. A stream has one only while it is in the middle of a
// value: of thousands that are silent none needs the memory.
func (t *Tap) borrow() { t.scan = t.schema.Paths.NewScanner(maxCapture) }

// Free gives back what t has borrowed. It may still be asked for what it has
// found, but given no more.
func (t *Tap) Free() {
	if t.scan != nil {
		t.text += t.scanned()
		t.scan.Free()
		t.scan = nil
	}
}

// Expect says how many choices were asked for. A stream in which fewer have
// come to their end is not complete, unless it says so itself.
func (t *Tap) Expect(choices int) { t.out.expected = choices }

// Next consumes bytes of p up to and including the next boundary and returns
// how many. If it returns [None], all of p is consumed. A whole body has no
// boundaries. The error is an *llm.Error, CodeUpstreamTooLarge, if one event
// is larger than the schema's MaxEvent; the tap is of no more use then but for
// what it has found.
func (t *Tap) Next(p []byte) (n int, end Boundary, err error) {
	if !t.stream {
		t.whole(p)
		return len(p), None, nil
	}
	t.content = false
	if t.tail && len(p) > 0 {
		t.tail = false
		if p[0] == '\n' {
			// Drop stays as it is: this belongs to what ended before.
			n, _, err = t.tok.Next(p[:1])
			return n, Comment, err
		}
	}
	t.out.Drop = false
	for n < len(p) {
		k, tok, err := t.tok.Next(p[n:])
		n += k
		if err != nil {
			return n, None, &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: opTap, Err: err}
		}
		switch tok.Kind {
		case sse.Data:
			t.data(tok.Bytes)
		case sse.Break:
			t.tail = p[n-1] == '\r'
			return n, Comment, nil
		case sse.End:
			t.endEvent()
			t.tail = p[n-1] == '\r'
			return n, Event, nil
		}
	}
	return n, None, nil
}

// data looks at a part of an event's data.
func (t *Tap) data(b []byte) {
	if t.over {
		return
	}
	if t.reading == comparing {
		for len(b) > 0 && t.matched < len(doneData) && b[0] == doneData[t.matched] {
			t.matched++
			b = b[1:]
		}
		switch {
		case t.matched == len(doneData):
			t.reading = done
		case len(b) > 0:
			t.reading = scanning
			t.borrow()
			t.json([]byte(doneData[:t.matched]))
		}
	}
	t.json(b)
}

func (t *Tap) json(b []byte) {
	if t.reading == scanning && len(b) > 0 && t.scan.Write(b) != nil {
		t.reading = skipping
	}
}

// endEvent draws the conclusions from an event that has ended. It returns
// false if its data was nothing that a client could read.
func (t *Tap) endEvent() bool {
	readable := t.reading == done
	switch {
	case t.reading == done && t.schema.Done:
		t.over, t.out.Complete = true, true
	case t.reading == scanning && t.scan.Close() == nil:
		t.schema.Read(Values{t.scan}, &t.out)
		t.content = t.scanned() > 0
		readable = true
	}
	t.Free()
	t.reading, t.matched = comparing, 0
	return readable
}

// scanned returns how many bytes of model text the present value holds.
func (t *Tap) scanned() int64 {
	if t.scan == nil {
		return 0
	}
	c := t.scan.Counts()
	return c.TextBytes + c.Base64Bytes
}

// whole looks at a part of a whole body.
func (t *Tap) whole(p []byte) {
	if t.broken == nil {
		t.broken = t.scan.Write(p)
	}
}

// Close says that the answer has ended, properly or not. The error is nil if
// it is what its dialect calls complete, or if it told of its own failure (see
// Failed). Otherwise it is an *llm.Error, CodeUpstreamTruncated or
// CodeUpstreamInvalid. The facts of a whole body are known only after Close.
//
// The boundary is [Event] if the bytes since the last one are an event that
// lacks nothing but its empty line: they may be passed on, unless Drop, and
// the empty line written behind them. Otherwise they are nothing that a client
// could read: a torn event, a comment, or something behind "[DONE]".
func (t *Tap) Close() (Boundary, error) {
	if !t.stream {
		return None, t.closeWhole()
	}
	end := None
	t.out.Drop, t.content = false, false
	for p := []byte("\n\n"); t.tok.Pending() && len(p) > 0; {
		n, tok, err := t.tok.Next(p)
		if err != nil {
			break
		}
		if tok.Kind == sse.Data {
			t.data(tok.Bytes)
		}
		if tok.Kind == sse.End && t.endEvent() {
			end = Event
		}
		p = p[n:]
	}
	if t.out.complete() || t.out.Failed {
		return end, nil
	}
	return end, &llm.Error{Code: llm.CodeUpstreamTruncated, Op: opTap}
}

func (t *Tap) closeWhole() error {
	code, err := llm.CodeUpstreamInvalid, t.broken
	if err == nil {
		code, err = llm.CodeUpstreamTruncated, t.scan.Close()
	}
	t.schema.Read(Values{t.scan}, &t.out)
	t.out.Complete, t.out.seen = err == nil, choiceSet{} // a finish inside a body does not complete it
	if err != nil {
		return &llm.Error{Code: code, Op: opTap, Err: err}
	}
	return nil
}

// Broken reports whether a whole body is known not to be JSON: more of it
// cannot change the error that Close returns.
func (t *Tap) Broken() bool { return t.broken != nil }

// Pending reports whether bytes of an event, or of a comment, have been
// consumed since the last boundary.
func (t *Tap) Pending() bool { return t.stream && t.tok.Pending() }

// Drop reports whether the bytes up to the boundary that Next has just
// returned, whichever it is, are (the rest of) the event that exists only because UsageEdits asked for it: no
// choices, a usage and no filter results. If the client asked for it itself
// it is the client's.
func (t *Tap) Drop() bool { return t.out.Drop }

// Content reports whether the event that has just ended carried output of the
// model: text, reasoning, a tool call.
func (t *Tap) Content() bool { return t.content }

// Usage returns what the upstream has reported. Its provenance is
// UsageReported if that is all there will be, UsageCounted if the pictures of a
// complete answer are, UsageEstimated if the answer was cut before the last
// count (which is then a lower bound), UsageNone if the operation uses nothing,
// and UsageUnknown if nothing was reported, or nothing but zeroes: see
// OutputBytes.
func (t *Tap) Usage() llm.Usage { return t.out.usage() }

// Complete reports whether the answer has come to its proper end, a failure
// that the dialect has a proper end for included.
func (t *Tap) Complete() bool { return t.out.complete() }

// Ended reports whether the answer has said itself that it has come to its
// proper end, with its dialect's last event. Choices that have all finished
// are complete without it, but a connection that breaks off then has taken
// something away.
func (t *Tap) Ended() bool { return t.out.Complete }

// Unfinished reports whether the answer says that the model goes on with it in
// the background: what it will have used nobody knows yet.
func (t *Tap) Unfinished() bool { return t.out.Unfinished }

// Failed returns what the upstream said of its own failure inside an answer
// that began as a success, for logs only: at most 64 and 512 bytes, either of
// which may be empty. The client has been told by the same bytes.
func (t *Tap) Failed() (code, message string, ok bool) {
	return t.out.Code, t.out.Message, t.out.Failed
}

// OutputBytes returns how many bytes of text the model has put out so far, for
// an estimate where the upstream reports no usage.
func (t *Tap) OutputBytes() int64 { return t.text + t.scanned() }

// Sequence returns the last sequence_number of a responses stream, -1 if there
// was none.
func (t *Tap) Sequence() int64 { return t.out.Sequence }

// ResponseID returns the id that the answer carries, empty if it has not told.
func (t *Tap) ResponseID() string { return t.out.ID }

// Collect makes t collect the ids for Made.
func (t *Tap) Collect() { t.out.collect = true }

// Made returns the ids of what the answer has brought since the last call, for
// later requests to refer to, beside ResponseID: items, containers. It is
// empty without Collect. The slice is good until the next call of Next or Close.
func (t *Tap) Made() []string {
	made := t.out.made
	t.out.made = made[:0]
	return made
}

// Done reports whether all of a whole body's value has come.
func (t *Tap) Done() bool { return !t.stream && t.scan != nil && t.scan.Done() }

// Model returns the name that the answer says its model has, empty if it has
// not told.
func (t *Tap) Model() string { return t.out.Model }

// Created returns when the answer says it was created, in seconds of Unix
// time, 0 if it has not told.
func (t *Tap) Created() int64 { return t.out.Created }
