package form

import (
	"bytes"
	"io"
)

const (
	// Window is how much of a body is in memory while it is read, beside the
	// values. It holds any head.
	Window = 32 << 10

	// maxPadding is how much white space may stand between a boundary and the
	// end of its line (RFC 2046 §5.1.1).
	maxPadding = 64
)

// A bound says what ends where a piece of content does.
type bound uint8

const (
	inside bound = iota // nothing: more of it follows
	next                // the part; another one follows
	last                // the part and the form
)

// A scanner finds the parts of a body. It holds one Window of it.
type scanner struct {
	src   io.Reader
	buf   []byte // what was read and is not used up
	space []byte // what buf lies in
	err   error  // of src, sticky
	delim []byte // CRLF "--" boundary
	fresh bool   // nothing of the present part's content has been given
}

func newScanner(src io.Reader, boundary string) *scanner {
	return &scanner{src: src, space: make([]byte, Window), delim: []byte("\r\n--" + boundary)}
}

// errCut is the error of a body that ends where it must not.
var errCut = &SyntaxError{Msg: "the body ends before its closing boundary"} // immutable

// fill reads until at least n bytes are there, n being no more than a Window.
// Fewer are there at the end of the body; any other error is returned.
func (s *scanner) fill(n int) error {
	if len(s.buf) < n && cap(s.buf) < Window { // buf does not begin where space does
		s.buf = s.space[:copy(s.space, s.buf)]
	}
	for empty := 0; len(s.buf) < n && s.err == nil; {
		m, err := s.src.Read(s.buf[len(s.buf):Window])
		s.buf, s.err = s.buf[:len(s.buf)+m], err
		if empty++; m > 0 {
			empty = 0
		} else if empty > 100 && err == nil {
			s.err = io.ErrNoProgress
		}
	}
	if len(s.buf) < n && s.err != io.EOF { //nolint:errorlint // io.Reader's contract: what wraps the end is not the end
		return s.err
	}
	return nil
}

// skip uses up n bytes.
func (s *scanner) skip(n int) { s.buf = s.buf[n:] }

// begin goes behind the first boundary. It returns false if it is the last one
// too.
func (s *scanner) begin() (more bool, err error) {
	if err := s.fill(len(s.delim)); err != nil {
		return false, err
	}
	switch {
	case bytes.HasPrefix(s.buf, s.delim): // an empty preamble
		s.skip(len(s.delim))
	case bytes.HasPrefix(s.buf, s.delim[2:]):
		s.skip(len(s.delim) - 2)
	case len(s.buf) == 0:
		return false, wrong("the body is empty")
	default:
		return false, wrong("the body does not begin with the boundary that Content-Type names")
	}
	end, err := s.bound()
	return end == next, err
}

// bound reads what stands behind a boundary on its line.
func (s *scanner) bound() (bound, error) {
	if err := s.fill(maxPadding + 4); err != nil {
		return inside, err
	}
	end := next
	if bytes.HasPrefix(s.buf, []byte("--")) {
		s.skip(2)
		end = last
	}
	padding := 0
	for padding < min(maxPadding, len(s.buf)) && (s.buf[padding] == ' ' || s.buf[padding] == '\t') {
		padding++
	}
	s.skip(padding)
	switch {
	case bytes.HasPrefix(s.buf, []byte("\r\n")):
		s.skip(2)
		return end, nil
	case len(s.buf) == 0 && end == last:
		return end, nil
	case len(s.buf) == 0, len(s.buf) == 1 && s.buf[0] == '\r':
		return inside, errCut
	}
	return inside, wrong("something else stands on the line of a boundary; lines end in CRLF")
}

// head reads a part's head, up to and including the empty line.
func (s *scanner) head() ([]byte, error) {
	const end = "\r\n\r\n"
	if err := s.fill(MaxHead); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(s.buf, []byte("\r\n")) {
		return nil, wrong("a part has no head")
	}
	limited := s.buf[:min(len(s.buf), MaxHead)]
	i := bytes.Index(limited, []byte(end))
	switch {
	case i >= 0:
		head := limited[:i]
		s.skip(i + len(end))
		s.fresh = true
		return head, nil
	case len(limited) < MaxHead:
		return nil, errCut
	}
	return nil, wrong("a part's head is longer than %d bytes, or its lines do not end in CRLF", MaxHead)
}

// content returns the next piece of a part's content, and what ends with it.
// The piece is there until the next call.
func (s *scanner) content() (piece []byte, end bound, err error) {
	if s.fresh {
		s.fresh = false
		if err := s.fill(len(s.delim) - 2); err != nil {
			return nil, inside, err
		}
		// The head's last CRLF could be the boundary's first.
		if bytes.HasPrefix(s.buf, s.delim[2:]) {
			return nil, inside, wrong("a part's content begins with the boundary")
		}
	}
	if err := s.fill(len(s.delim)); err != nil {
		return nil, inside, err
	}
	whole := bytes.Index(s.buf, s.delim)
	switch {
	case whole == 0:
		s.skip(len(s.delim))
		end, err := s.bound()
		return nil, end, err
	case whole < 0: // the last bytes may be the beginning of a boundary
		whole = len(s.buf) - (len(s.delim) - 1)
	}
	if whole <= 0 {
		return nil, inside, errCut
	}
	piece = s.buf[:whole:whole]
	s.skip(whole)
	return piece, inside, nil
}

// end reads what stands behind the last boundary: nothing but white space.
func (s *scanner) end() error {
	for {
		if err := s.fill(1); err != nil {
			return err
		}
		if len(s.buf) == 0 {
			return nil
		}
		if len(bytes.Trim(s.buf, "\r\n\t ")) > 0 {
			return wrong("something stands behind the closing boundary")
		}
		s.skip(len(s.buf))
	}
}
