package jsonscan

// state is what the machine expects next.
type state byte

const (
	wantValue        state = iota // a value, and nothing else
	wantFirstElement              // a value or ]
	wantFirstName                 // a name or }
	wantName                      // a name
	wantColon                     // :
	wantComma                     // , or the end of the container
	wantNothing                   // white space: the value is complete
	inString                      // inside of a name or a string
	inNumber                      // inside of a number
	inLiteral                     // inside of true, false or null
	failed                        // a fault was found; see err
)

// machine is the grammar of RFC 8259 as a machine that can stop after any
// byte. It knows where on the watched paths it is, counts, and reports the
// values it was asked for: as hits in a whole body (strict), or as captured
// bytes (slots).
type machine struct {
	paths  *Paths
	strict bool // a request: no duplicates, no look-alikes, no lone surrogates
	state  state
	err    *SyntaxError

	// The open containers. The first watched of them lie on watched paths and
	// have a frame each; of the others only the kind is known.
	depth   int
	watched int
	objects [MaxDepth / 64]uint64 // bit set: the container is an object
	frames  []frame

	member *node // in a watched object: the node of the member that was named
	index  int   // array index at the first [] of the present path
	base   int64 // bytes read before the present piece

	token token // the string, number or literal being read

	counts Counts
	body   []byte    // strict: the piece, which is the whole body
	hits   []Hit     // strict
	top    Span      // strict: the top-level value
	listed int       // strict: hits at paths with []
	more   bool      // strict: hits were left out
	mark   byte      // strict: the first byte of the mark, 0 for none
	marked bool      // strict: a string value begins with the mark
	seen   []nameSet // strict: by frame, the names of the object so far

	slots      []slot // captured values by watched path, nil when strict
	active     int    // how many slots are being filled
	maxCapture int
}

// frame is an open container that lies on a watched path.
type frame struct {
	node  *node
	array bool
	count int // elements that have begun
	rec   int // what begin returned
	hits  int // strict: how many hits there were before it
}

// token is the scalar value or the name being read. It lives on between two
// pieces if the token is split.
type token struct {
	rec    int   // what begin returned
	start  int64 // offset of the first byte
	number numberState
	word   string // true, false or null
	wordAt int    // how much of word has been read
	text   text
}

func newMachine(p *Paths, strict bool) *machine {
	m := &machine{paths: p, strict: strict, frames: make([]frame, p.depth)}
	if strict {
		m.seen = make([]nameSet, p.depth)
		if p.mark != "" {
			m.mark = p.mark[0]
		}
	}
	return m
}

// reset makes the machine ready for another value.
func (m *machine) reset() {
	m.state, m.err = wantValue, nil
	m.depth, m.watched = 0, 0
	m.base = 0
	m.counts = Counts{}
	m.top = Span{}
}

// fail records the first fault, at index i of the piece, and returns the
// offset that ends the loop over it.
func (m *machine) fail(p []byte, i int, msg string) int {
	m.failAt(m.base+int64(i), msg)
	return len(p)
}

func (m *machine) failAt(offset int64, msg string) {
	m.state = failed
	m.err = &SyntaxError{Offset: offset, Msg: msg}
}

// run reads one piece.
func (m *machine) run(p []byte) {
	for i := 0; i < len(p); {
		switch m.state {
		case inString:
			i = m.stringRest(p, i)
		case inNumber:
			i = m.numberRest(p, i)
		case inLiteral:
			i = m.literalRest(p, i)
		case failed:
			return
		default:
			if c := p[i]; c == ' ' || c == '\n' || c == '\r' || c == '\t' {
				i++
				continue
			}
			i = m.step(p, i)
		}
	}
}

// step reads the token that begins at i, in a state between tokens.
func (m *machine) step(p []byte, i int) int {
	c := p[i]
	switch m.state {
	case wantFirstElement:
		if c == ']' {
			return m.pop(p, i)
		}
		return m.value(p, i)
	case wantValue:
		return m.value(p, i)
	case wantFirstName:
		if c == '}' {
			return m.pop(p, i)
		}
		return m.name(p, i)
	case wantName:
		return m.name(p, i)
	case wantColon:
		if c != ':' {
			return m.fail(p, i, "no colon after a member's name")
		}
		m.state = wantValue
		return i + 1
	case wantComma:
		return m.comma(p, i)
	default: // wantNothing
		return m.fail(p, i, "more after the end of the JSON value")
	}
}

// comma reads what may follow a value inside of a container, and goes on with
// the name after a comma if it can.
func (m *machine) comma(p []byte, i int) int {
	object := m.inObject()
	switch c := p[i]; {
	case c == ',' && object:
		if i++; i < len(p) && p[i] == '"' {
			return m.name(p, i)
		}
		m.state = wantName
		return i
	case c == ',':
		m.state = wantValue
	case c == '}' && object, c == ']' && !object:
		return m.pop(p, i)
	case object:
		return m.fail(p, i, "no comma or closing brace after a member")
	default:
		return m.fail(p, i, "no comma or closing bracket after an element")
	}
	return i + 1
}

// value reads the beginning of a value, and all of it if it can.
func (m *machine) value(p []byte, i int) int {
	if m.strict && m.depth == 0 && p[i] != '{' {
		return m.fail(p, i, "no JSON object where one should begin")
	}
	n := m.enter()
	switch c := p[i]; c {
	case '"':
		return m.stringValue(p, i+1, n)
	case '{':
		return m.push(p, i, n, Object)
	case '[':
		return m.push(p, i, n, Array)
	case 't':
		return m.literal(p, i, n, "true", Bool)
	case 'f':
		return m.literal(p, i, n, "false", Bool)
	case 'n':
		return m.literal(p, i, n, "null", Null)
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return m.number(p, i, n)
		}
		return m.fail(p, i, "no value where one should begin")
	}
}

// enter returns the node of the value that begins, nil if no path goes there.
func (m *machine) enter() *node {
	if m.depth > m.watched {
		return nil
	}
	if m.depth == 0 {
		return m.paths.root
	}
	f := &m.frames[m.depth-1]
	if !f.array {
		return m.member
	}
	n := f.node.element
	if n != nil {
		if m.depth == 2 {
			m.counts.Items++
		}
		if n.arrays == 1 {
			m.index = f.count
		}
		f.count++
	}
	return n
}

// leave sets the state after a complete value.
func (m *machine) leave() {
	if m.depth == 0 {
		m.state = wantNothing
		return
	}
	m.state = wantComma
}

func (m *machine) inObject() bool {
	d := uint(m.depth - 1)
	return m.objects[d/64]>>(d%64)&1 != 0
}

// push opens a container.
func (m *machine) push(p []byte, i int, n *node, kind ValueKind) int {
	if m.depth == MaxDepth {
		return m.fail(p, i, "nesting deeper than 128")
	}
	if n != nil {
		m.frames[m.depth] = frame{node: n, array: kind == Array, hits: len(m.hits), rec: m.begin(n, kind, i)}
		m.watched = m.depth + 1
		if m.strict {
			m.seen[m.depth].reset()
		}
	}
	if m.depth == 0 {
		m.top.Start = i
	}
	d := uint(m.depth)
	if kind == Object {
		m.objects[d/64] |= 1 << (d % 64)
		m.state = wantFirstName
	} else {
		m.objects[d/64] &^= 1 << (d % 64)
		m.state = wantFirstElement
	}
	m.depth++
	return i + 1
}

// pop closes the innermost container.
func (m *machine) pop(p []byte, i int) int {
	if m.watched == m.depth {
		m.watched--
		f := &m.frames[m.watched]
		m.end(f.rec, p, i+1)
		if f.node.sieve != nil && len(m.hits) > f.hits {
			m.sift(f)
		}
	}
	if m.depth--; m.depth == 0 {
		m.top.End = i + 1
	}
	m.leave()
	return i + 1
}

// begin notes that a value begins at index i of the piece, if it is watched.
// What it returns goes to end.
func (m *machine) begin(n *node, kind ValueKind, i int) int {
	switch {
	case n == nil || n.watch < 0:
		return -1
	case m.strict:
		return m.beginHit(n, kind, i)
	}
	return m.beginSlot(n, kind, i)
}

func (m *machine) beginHit(n *node, kind ValueKind, i int) int {
	h := Hit{Path: n.watch, Kind: kind, Span: Span{Start: i}, Index: -1}
	if n.arrays > 0 {
		if m.listed == MaxHits {
			m.more = true
			return -1
		}
		m.listed++
		h.Index = m.index
	}
	m.hits = append(m.hits, h)
	return len(m.hits) - 1
}

// sift keeps of the hits in f what its sieve lets pass. All of them are at
// paths with [].
func (m *machine) sift(f *frame) {
	kept := f.hits + f.node.sieve(m.body, m.hits[f.hits:])
	m.listed -= len(m.hits) - kept
	m.hits = m.hits[:kept]
}

// end notes that the value ends before index i of the piece.
func (m *machine) end(rec int, p []byte, i int) {
	switch {
	case rec < 0:
	case m.strict:
		m.hits[rec].Span.End = i
	default:
		m.endSlot(rec, p, i)
	}
}
