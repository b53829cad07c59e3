package jsonscan

import "iter"

// Scanner reads one JSON value that arrives in pieces, for example the data of
// one event or a whole answer, and keeps the raw bytes of the values at the
// watched paths. It asks for JSON grammar and [MaxDepth] only: duplicates are
// allowed (the last value counts), lone surrogates and invalid UTF-8 too, and
// the value need not be an object. Pieces may end anywhere.
//
// A Scanner holds at most maxCapture bytes per watched path. It is for one
// goroutine.
type Scanner struct {
	m machine
}

// slot is what has been captured at one watched path.
type slot struct {
	kind  ValueKind // of the last value; zero if there is none
	begun ValueKind // of the value being read
	list  bool      // the path has []
	more  bool      // list: values were left out
	over  bool      // the value being read, or not a list: the last one, does not fit
	open  bool      // a value is being read
	from  int       // open: where in the present piece its uncaptured bytes begin
	start int       // open: where in buf its captured bytes begin
	index int       // open: its array index
	buf   []byte
	items []item // list: the values in buf
}

// item is one captured value of a path with [].
type item struct {
	index      int
	start, end int // in buf
}

// keptCapture is how many bytes of a slot's buffer outlive the value.
const keptCapture = 4096

// NewScanner returns a Scanner that keeps values up to maxCapture bytes each;
// the values of one path with [] share as much.
func (p *Paths) NewScanner(maxCapture int) *Scanner {
	if s, ok := p.answers.Get().(*Scanner); ok && s.m.maxCapture == maxCapture {
		return s
	}
	s := &Scanner{m: *newMachine(p, false)}
	s.m.maxCapture = maxCapture
	s.m.slots = make([]slot, p.watched)
	for i, list := range p.lists {
		s.m.slots[i].list = list
	}
	return s
}

// Write reads the next piece. It does not keep b. The error is a
// *[SyntaxError]; it stays until Reset.
func (s *Scanner) Write(b []byte) error {
	m := &s.m
	m.run(b)
	if m.err != nil {
		return m.err
	}
	if m.active > 0 { // values go on in the next piece
		for i := range m.slots {
			if sl := &m.slots[i]; sl.open {
				sl.capture(b[sl.from:], m.maxCapture)
				sl.from = 0
			}
		}
	}
	m.base += int64(len(b))
	return nil
}

// Close says that no more pieces come. It returns a *[SyntaxError] if the
// value is not complete, for example because nothing but white space came.
// Afterwards only Reset and the getters may be called.
func (s *Scanner) Close() error {
	m := &s.m
	if m.err == nil && m.depth == 0 && m.state == inNumber && m.token.number.whole() {
		m.endNumber(nil, 0)
	}
	switch {
	case m.err != nil:
		return m.err
	case m.state != wantNothing:
		m.failAt(m.base, "end of the input within the JSON value")
		return m.err
	}
	return nil
}

// Reset makes the Scanner ready for another value. It frees no memory that the
// next value of the same size needs.
func (s *Scanner) Reset() {
	m := &s.m
	m.reset()
	m.active = 0
	for i := range m.slots {
		sl := &m.slots[i]
		sl.kind, sl.open, sl.over, sl.more = 0, false, false, false
		if sl.buf = sl.buf[:0]; cap(sl.buf) > keptCapture {
			sl.buf = nil
		}
		sl.items = sl.items[:0]
	}
}

// Free gives the Scanner back, for a later NewScanner of the same paths. It
// must not be used any more.
func (s *Scanner) Free() {
	s.Reset()
	s.m.paths.answers.Put(s)
}

// Done tells whether a whole value has been read. A number at the top level is
// known to be whole only after Close.
func (s *Scanner) Done() bool { return s.m.state == wantNothing }

// Counts returns the counts so far.
func (s *Scanner) Counts() Counts { return s.m.counts }

// Kind returns the kind of the last whole value at path, an index into
// Spec.Watch, and zero if there is none. It is known even if the value was too
// long to be kept.
func (s *Scanner) Kind(path int) ValueKind { return s.m.slots[path].kind }

// Value returns the raw bytes of the last whole value at path, an index into
// Spec.Watch. It returns nil if there is none or if it was longer than
// maxCapture. The bytes are valid until the next Write or Reset.
func (s *Scanner) Value(path int) []byte {
	sl := &s.m.slots[path]
	switch {
	case sl.list && len(sl.items) > 0:
		last := sl.items[len(sl.items)-1]
		return sl.buf[last.start:last.end]
	case sl.list || sl.kind == 0 || sl.over:
		return nil
	}
	return sl.buf
}

// Each returns the values at path, an index into Spec.Watch, with their array
// index at its first []. For a path without [] it is the value, if any, at
// index -1. The bytes are valid until the next Write or Reset.
func (s *Scanner) Each(path int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		sl := &s.m.slots[path]
		if !sl.list {
			if v := s.Value(path); v != nil {
				yield(-1, v)
			}
			return
		}
		for _, it := range sl.items {
			if !yield(it.index, sl.buf[it.start:it.end]) {
				return
			}
		}
	}
}

// More tells whether values at path were left out of Each, because there were
// more than [MaxListed] or they were too long.
func (s *Scanner) More(path int) bool { return s.m.slots[path].more }

// beginSlot notes that a value at a watched path begins at index i of the
// piece.
func (m *machine) beginSlot(n *node, kind ValueKind, i int) int {
	sl := &m.slots[n.watch]
	if !sl.list {
		sl.kind = 0
		sl.buf = sl.buf[:0]
	} else if len(sl.items) == MaxListed {
		sl.more = true
		return -1
	}
	sl.open, sl.over = true, false
	sl.begun, sl.index = kind, m.index
	sl.from, sl.start = i, len(sl.buf)
	m.active++
	return n.watch
}

// endSlot notes that the value ends before index i of the piece.
func (m *machine) endSlot(path int, p []byte, i int) {
	sl := &m.slots[path]
	sl.capture(p[sl.from:i], m.maxCapture)
	sl.open = false
	sl.kind = sl.begun
	m.active--
	switch {
	case !sl.list:
	case sl.over:
		sl.more = true
	default:
		sl.items = append(sl.items, item{sl.index, sl.start, len(sl.buf)})
	}
}

// capture takes the next bytes of the value being read.
func (s *slot) capture(b []byte, limit int) {
	if s.over {
		return
	}
	if len(s.buf)+len(b) > limit {
		s.over = true
		s.buf = s.buf[:s.start]
		return
	}
	s.buf = append(s.buf, b...)
}
