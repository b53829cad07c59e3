package sse

import (
	"bytes"
	"errors"
)

// DefaultMaxEvent is the largest event, in bytes of the stream, that is taken
// where nothing else is said. Partial images and final response objects are
// events of megabytes; nothing known comes near this.
const DefaultMaxEvent = 16 << 20

// ErrEventTooLarge is returned when an event, or a comment between events, is
// larger than the limit. The stream cannot be read on after it.
var ErrEventTooLarge = errors.New("sse: event too large")

// A Kind says what a [Token] is.
type Kind uint8

// The kinds. End and Break are boundaries: everything up to them is whole.
const (
	None  Kind = iota // the piece is used up and there is nothing to tell
	Data              // a part of the event's data
	Name              // a part of the event's name, the value of its "event" field
	End               // an empty line ended an event that has data
	Break             // something else between events ended: a comment line, an empty line, fields without data
)

// A Token is one finding in a stream.
type Token struct {
	Kind Kind

	// First is true for the token that begins an "event" field. Its value
	// replaces the name found so far.
	First bool

	// Bytes is the part of the data or of the name. Several lines of data come
	// joined by the line feeds that the standard puts between them. It points
	// into the piece that was given to Next, or into constant bytes: it must
	// not be changed, nor kept after the piece.
	Bytes []byte
}

type state uint8

const (
	atStart   state = iota // nothing seen but a part of a byte order mark
	lineStart              // at the first byte of a line
	inName                 // in a field name that may still be one of ours
	afterName              // behind the colon, where one space is skipped
	inValue                // in the value of a field
	inComment              // behind the colon that begins a comment
)

const (
	byteOrderMark = "\xEF\xBB\xBF"
	dataField     = "data"
	nameField     = "event"
)

var newline = []byte("\n") // immutable

// A Tokenizer finds the parts of one event stream. The zero value is ready for
// the beginning of a stream and limits events to [DefaultMaxEvent]. It is not
// safe for use by several goroutines.
type Tokenizer struct {
	// MaxEvent is the largest event in bytes, its line ends included. Zero or
	// less means DefaultMaxEvent. The line feed of a CRLF is not counted.
	MaxEvent int

	size    int    // bytes since the last boundary
	field   string // the field that this line may be or is; empty for one that is skipped
	matched int    // how much of field, or of the byte order mark, has been seen
	state   state
	crSeen  bool // the last byte was a CR: a line feed now belongs to it
	fields  bool // a field line has been seen since the last boundary
	data    bool // a data line has been seen since the last boundary
}

// Next consumes bytes of p up to and including the next token and returns how
// many, which may be none: a line can tell two things at one place. A token of
// kind [None] means that all of p is consumed. The tokens do
// not depend on how the stream was cut into pieces, except that data and names
// come in more or fewer parts.
//
// At the end of a stream, an event that no empty line has ended can be had by
// giving Next two line feeds; the standard would discard it.
func (t *Tokenizer) Next(p []byte) (n int, tok Token, err error) {
	for n < len(p) {
		if t.crSeen {
			t.crSeen = false
			if p[n] == '\n' {
				n++
				continue
			}
		}
		k, tok := t.step(p[n:])
		n += k
		t.size += k
		if t.size > t.limit() {
			return n, Token{}, ErrEventTooLarge
		}
		switch tok.Kind {
		case None:
			continue
		case End, Break:
			n += t.endBlock(p[n:])
		}
		return n, tok, nil
	}
	return n, Token{}, nil
}

// Pending reports whether a part of an event, or of a comment, has been
// consumed since the last boundary.
func (t *Tokenizer) Pending() bool { return t.size > 0 }

func (t *Tokenizer) limit() int {
	if t.MaxEvent > 0 {
		return t.MaxEvent
	}
	return DefaultMaxEvent
}

// endBlock prepares for the next event. It returns 1 if p begins with the line
// feed of the CRLF that ended the last one, so that a boundary never lies
// inside a line end that arrived whole.
func (t *Tokenizer) endBlock(p []byte) int {
	t.size, t.fields, t.data = 0, false, false
	if t.crSeen && len(p) > 0 && p[0] == '\n' {
		t.crSeen = false
		return 1
	}
	return 0
}

// step makes one transition on a p that is not empty. It may consume nothing,
// but then the state has changed.
func (t *Tokenizer) step(p []byte) (n int, tok Token) {
	switch t.state {
	case atStart:
		return t.start(p[0]), Token{}
	case lineStart:
		return t.beginLine(p[0])
	case inName:
		return t.fieldName(p)
	case afterName:
		t.state = inValue
		if p[0] == ' ' {
			return 1, Token{}
		}
		return 0, Token{}
	default:
		return t.rest(p)
	}
}

func (t *Tokenizer) start(c byte) int {
	if c == byteOrderMark[t.matched] {
		t.matched++
		if t.matched == len(byteOrderMark) {
			t.state = lineStart
		}
		return 1
	}
	if t.matched == 0 {
		t.state = lineStart
		return 0
	}
	// Part of a mark is no mark: these bytes begin an unknown field.
	t.state, t.field, t.fields = inValue, "", true
	return 0
}

func (t *Tokenizer) beginLine(c byte) (int, Token) {
	t.matched = 0
	switch c {
	case '\n', '\r':
		t.crSeen = c == '\r'
		if t.data {
			return 1, Token{Kind: End}
		}
		return 1, Token{Kind: Break}
	case ':':
		t.state = inComment
		return 1, Token{}
	case dataField[0]:
		t.state, t.field = inName, dataField
	case nameField[0]:
		t.state, t.field = inName, nameField
	default:
		t.state, t.field = inValue, ""
	}
	t.fields = true
	return 0, Token{}
}

// fieldName compares with the one field that the line may still be.
func (t *Tokenizer) fieldName(p []byte) (n int, tok Token) {
	for n < len(p) && t.matched < len(t.field) && p[n] == t.field[t.matched] {
		n++
		t.matched++
	}
	if n == len(p) {
		return n, Token{}
	}
	c := p[n]
	switch {
	case t.matched == len(t.field) && c == ':':
		n++
		t.state = afterName
	case t.matched == len(t.field) && (c == '\n' || c == '\r'):
		t.state = inValue // a field without colon has an empty value
	default:
		t.state, t.field = inValue, ""
		return n, Token{}
	}
	if t.field == nameField {
		return n, Token{Kind: Name, First: true}
	}
	if t.data {
		return n, Token{Kind: Data, Bytes: newline}
	}
	t.data = true
	return n, Token{}
}

// rest reads what is left of a line whose kind is known.
func (t *Tokenizer) rest(p []byte) (int, Token) {
	if i := lineEnd(p); i > 0 {
		switch {
		case t.state == inComment || t.field == "":
			return i, Token{}
		case t.field == nameField:
			return i, Token{Kind: Name, Bytes: p[:i]}
		default:
			return i, Token{Kind: Data, Bytes: p[:i]}
		}
	}
	comment := t.state == inComment
	t.crSeen = p[0] == '\r'
	t.state = lineStart
	if comment && !t.fields {
		return 1, Token{Kind: Break}
	}
	return 1, Token{}
}

// lineEnd returns the index of the first CR or LF in p, or len(p).
func lineEnd(p []byte) int {
	// In steps, so that many short lines that end in CR alone do not each
	// search the whole piece for a line feed.
	const stride = 512
	for from := 0; from < len(p); from += stride {
		part := p[from:min(from+stride, len(p))]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		if cr := bytes.IndexByte(part, '\r'); cr >= 0 {
			return from + cr
		}
		if lf >= 0 {
			return from + lf
		}
	}
	return len(p)
}
