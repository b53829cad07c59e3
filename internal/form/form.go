package form

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// What a form may have at most.
const (
	MaxParts = 64      // parts
	MaxHead  = 8 << 10 // bytes of one part's head
	MaxValue = 4 << 20 // bytes of a part that is no file

	maxName     = 128  // bytes of a part's name
	maxFilename = 1024 // bytes of a file's name
	maxType     = 256  // bytes of a part's Content-Type

	maxOnce = 1 << 10 // bytes of a value that may come once

	// maxInMemory is the length up to which a value stays in memory. Longer
	// ones, and files, are stored.
	maxInMemory = 64 << 10
)

// A SyntaxError is one of the form itself: whoever sent it made it. All other
// errors of [Read] are those of its reader, its store and its budget.
type SyntaxError struct {
	Msg  string // what is wrong
	Part string // the name of the part that it is about; empty if it is none that is known
}

// Error returns the message.
func (e *SyntaxError) Error() string { return e.Msg }

func wrong(format string, args ...any) error { return &SyntaxError{Msg: fmt.Sprintf(format, args...)} }

// A StoreError is one of the store that Options name.
type StoreError struct{ Err error }

// Error returns the store's own text.
func (e *StoreError) Error() string { return "storing a part: " + e.Err.Error() }

// Unwrap returns the store's own error.
func (e *StoreError) Unwrap() error { return e.Err }

// A Store keeps what is written to it, one byte behind the other.
type Store interface {
	io.Writer
	io.ReaderAt
}

// Options say how a form is read.
type Options struct {
	// Boundary is what [Boundary] found. Required.
	Boundary string

	// Once are the names of which a form may have one part at most: a value,
	// its name spelled exactly like this.
	Once []string

	// Store returns where long parts go. It is called at most once, when the
	// first of them comes. Required.
	Store func() (Store, error)

	// Memory is asked before n more bytes are kept in memory. Nil means that
	// there is enough.
	Memory func(n int64) error
}

// A Part is one part of a form.
type Part struct {
	Name string

	// File is true if the part has a file's name, which may be empty.
	File     bool
	Filename string

	Type string // its Content-Type as it was given; empty if it was not

	Size int64 // of its content, in bytes

	value []byte // of a short value
	at    int64  // where the content is in the store; -1: it is value
}

// A Form is a whole form. It is immutable. It may be used by several
// goroutines at once if its store may.
type Form struct {
	Parts []Part // in the order in which they came

	store Store // nil if nothing was stored
}

// Value returns the value of this name, which must be one of Options.Once. The
// second result is false if there is none.
func (f *Form) Value(name string) (string, bool) {
	for i := range f.Parts {
		if f.Parts[i].Name == name {
			return string(f.Parts[i].value), true
		}
	}
	return "", false
}

func (f *Form) has(name string) bool {
	return slices.ContainsFunc(f.Parts, func(p Part) bool { return p.Name == name })
}

// Read reads the whole form in src. It reads src to its end unless it returns
// an error.
func Read(src io.Reader, o Options) (*Form, error) {
	l := &loader{Options: o, src: newScanner(src, o.Boundary), form: &Form{}}
	more, err := l.src.begin()
	for more && err == nil {
		if len(l.form.Parts) == MaxParts {
			return nil, wrong("the form has more than %d parts", MaxParts)
		}
		more, err = l.part()
	}
	if err != nil {
		return nil, err
	}
	l.form.store = l.store
	return l.form, l.src.end()
}

// A loader is a form that is being read.
type loader struct {
	Options
	src    *scanner
	form   *Form
	store  Store // nil until it is needed
	stored int64 // bytes of it
}

// part reads the next part. It returns false if it is the last.
func (l *loader) part() (more bool, err error) {
	head, err := l.src.head()
	if err != nil {
		return false, err
	}
	p, err := parseHead(head)
	if err != nil {
		return false, err
	}
	limit := int64(MaxValue)
	if once, err := l.admit(p); err != nil {
		return false, err
	} else if once {
		limit = maxOnce
	}
	p.at = -1
	if p.File {
		if err := l.open(&p); err != nil {
			return false, err
		}
	}
	for {
		piece, end, err := l.src.content()
		if err != nil {
			return false, about(p.Name, err)
		}
		if err := l.take(&p, piece, limit); err != nil {
			return false, err
		}
		if end != inside {
			l.form.Parts = append(l.form.Parts, p)
			return end == next, nil
		}
	}
}

// about says which part a syntax error is about.
func about(name string, err error) error {
	if e, ok := err.(*SyntaxError); ok { //nolint:errorlint // the scanner's own, never wrapped
		return &SyntaxError{Msg: e.Msg, Part: name}
	}
	return err
}

// admit checks the name of p against Once and the parts before it. It reports
// whether it is one of Once.
func (l *loader) admit(p Part) (once bool, err error) {
	// Some readers take brackets for an array of that name.
	base, _, _ := strings.Cut(p.Name, "[")
	for _, name := range l.Once {
		switch {
		case !strings.EqualFold(base, name):
			continue
		case p.Name != name:
			return false, &SyntaxError{Msg: fmt.Sprintf("the part `%s` could be taken for `%s`", p.Name, name), Part: p.Name}
		case p.File:
			return false, &SyntaxError{Msg: fmt.Sprintf("the part `%s` must be a value, not a file", name), Part: name}
		case l.form.has(name):
			return false, &SyntaxError{Msg: fmt.Sprintf("the part `%s` is there twice", name), Part: name}
		}
		return true, nil
	}
	if strings.EqualFold(p.Name, "_charset_") { // RFC 7578 §4.6
		return false, &SyntaxError{Msg: "the part `_charset_` would change how others are read: send UTF-8, without it", Part: p.Name}
	}
	return false, nil
}

// open makes the store the place of p's content.
func (l *loader) open(p *Part) error {
	if l.store == nil {
		s, err := l.Store()
		if err != nil {
			return &StoreError{err}
		}
		l.store = s
	}
	p.at = l.stored
	return nil
}

// take adds a piece to p's content. A value may have limit bytes.
func (l *loader) take(p *Part, piece []byte, limit int64) error {
	p.Size += int64(len(piece))
	if !p.File && p.Size > limit {
		return &SyntaxError{Msg: fmt.Sprintf("the value `%s` is longer than %d bytes", p.Name, limit), Part: p.Name}
	}
	if p.at < 0 && p.Size > maxInMemory {
		if err := l.open(p); err != nil {
			return err
		}
		if err := l.write(p.value); err != nil {
			return err
		}
		p.value = nil
	}
	if p.at >= 0 {
		return l.write(piece)
	}
	if l.Memory != nil && len(piece) > 0 {
		if err := l.Memory(int64(len(piece))); err != nil {
			return err
		}
	}
	p.value = append(p.value, piece...)
	return nil
}

func (l *loader) write(b []byte) error {
	n, err := l.store.Write(b)
	l.stored += int64(n)
	if err != nil {
		return &StoreError{err}
	}
	return nil
}
