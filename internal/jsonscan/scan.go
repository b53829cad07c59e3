package jsonscan

import (
	"math"
	"unicode/utf8"
)

// keptNames is how many bytes of scratch space for escaped names a pooled
// machine keeps.
const keptNames = 4096

// Scan reads a whole request body and returns the values at the watched paths
// and the counts, in one pass. Hits are appended to hits[:0], which may be nil;
// the caller may reuse the slice once it is done with the Result. Scan does
// not keep body.
//
// The body must be UTF-8 and exactly one JSON object (RFC 8259), with nothing
// but white space around it, at most [MaxDepth] deep and less than 2 GiB long.
// Beyond the grammar Scan refuses what two readers could understand
// differently:
//
//   - a byte order mark, and escapes of lone surrogates;
//   - two members of one name, however written, in the top-level object and in
//     any object that a path of the Spec goes through;
//   - in these objects, a name that is not on a path but equals one that is
//     under case folding: Go's encoding/json would take it for the same.
//
// The error is a *[SyntaxError]; the Result is then the zero Result. Scan may
// be called from any number of goroutines.
func (p *Paths) Scan(body []byte, hits []Hit) (Result, error) {
	if err := checkText(body); err != nil {
		return Result{}, err
	}
	m := p.requests.Get().(*machine)
	m.reset()
	m.body, m.hits, m.listed, m.more, m.marked = body, hits[:0], 0, false, false
	m.run(body)
	r, err := m.result()
	m.body, m.hits = nil, nil
	if cap(m.token.text.buf) > keptNames {
		m.token.text.buf = nil
	}
	for i := range m.seen {
		m.seen[i].reset()
	}
	p.requests.Put(m)
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

// result turns a machine that has read its whole body into what Scan returns.
func (m *machine) result() (Result, *SyntaxError) {
	switch {
	case m.err != nil:
		return Result{}, m.err
	case m.state != wantNothing:
		return Result{}, &SyntaxError{Offset: int64(len(m.body)), Msg: "end of the body within the JSON value"}
	}
	return Result{Hits: m.hits, More: m.more, Marked: m.marked, Counts: m.counts, Object: m.top}, nil
}

// checkText checks what concerns the body as a whole.
func checkText(body []byte) error {
	switch {
	case len(body) > math.MaxInt32:
		return &SyntaxError{Offset: math.MaxInt32, Msg: "body of 2 GiB or more"}
	case len(body) >= 3 && string(body[:3]) == "\ufeff":
		return &SyntaxError{Offset: 0, Msg: "byte order mark before the JSON value"}
	case !utf8.Valid(body):
		return &SyntaxError{Offset: invalidUTF8(body), Msg: "invalid UTF-8"}
	}
	return nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8.
func invalidUTF8(b []byte) int64 {
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return int64(i)
		}
		i += n
	}
}
