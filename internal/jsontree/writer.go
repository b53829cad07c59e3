package jsontree

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// A Writer appends JSON to a slice. It sets the commas; that brackets match
// and that members have names is for the caller to see to. The zero Writer is
// ready.
type Writer struct {
	buf   []byte
	comma bool // a value stands before, in the same container
}

// NewWriter returns a Writer that appends to dst.
func NewWriter(dst []byte) *Writer { return &Writer{buf: dst} }

// Reset makes w append to dst, as a new Writer does.
func (w *Writer) Reset(dst []byte) { w.buf, w.comma = dst, false }

// Bytes returns what dst has become.
func (w *Writer) Bytes() []byte { return w.buf }

// Len returns how many bytes there are.
func (w *Writer) Len() int { return len(w.buf) }

func (w *Writer) next() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

// Open begins an object ('{') or an array ('[').
func (w *Writer) Open(bracket byte) *Writer {
	w.next()
	w.buf = append(w.buf, bracket)
	w.comma = false
	return w
}

// Close ends an object ('}') or an array (']').
func (w *Writer) Close(bracket byte) *Writer {
	w.buf = append(w.buf, bracket)
	w.comma = true
	return w
}

// Name begins a member.
func (w *Writer) Name(name string) *Writer {
	w.next()
	w.buf = append(jsonscan.AppendQuote(w.buf, name), ':')
	w.comma = false
	return w
}

// Text writes a string.
func (w *Writer) Text(s string) *Writer {
	w.next()
	w.buf = jsonscan.AppendQuote(w.buf, s)
	return w
}

// Raw writes JSON as it is. It must be one value.
func (w *Writer) Raw(b []byte) *Writer {
	w.next()
	w.buf = append(w.buf, b...)
	return w
}

// Int writes a whole number.
func (w *Writer) Int(n int64) *Writer {
	w.next()
	w.buf = strconv.AppendInt(w.buf, n, 10)
	return w
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) *Writer {
	w.next()
	w.buf = strconv.AppendBool(w.buf, b)
	return w
}

// Null writes null.
func (w *Writer) Null() *Writer {
	w.next()
	w.buf = append(w.buf, "null"...)
	return w
}
