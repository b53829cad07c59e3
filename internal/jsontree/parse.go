package jsontree

import (
	"bytes"
	"fmt"
	"math"
)

const (
	// MaxDepth is how many arrays and objects may be open at once.
	MaxDepth = 128

	// MaxValues is how many values a text may hold: what is kept of each is
	// larger than the shortest of them.
	MaxValues = 1 << 20
)

// A Kind is the kind of a JSON value. The zero value means that there is none.
type Kind uint8

// The kinds.
const (
	Null Kind = iota + 1
	Bool
	Number
	String
	Object
	Array
)

// A SyntaxError says what is wrong with the bytes, and where.
type SyntaxError struct {
	Offset int
	Msg    string // quotes nothing of the bytes
}

// Error returns the message with the offset.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte offset %d", e.Msg, e.Offset) }

// A tree is a parsed text: its values in the order in which they begin.
type tree struct {
	src   []byte
	nodes []node
}

type node struct {
	start, end         int32 // of the value
	nameStart, nameEnd int32 // of the member's name, quotes included; 0, 0 for an element
	next               int32 // the index after the last value inside this one
	kind               Kind
}

// Parse reads src, which must be one JSON value (RFC 8259) with nothing but
// white space around it, less than 2 GiB long. The value refers to src: it
// must not change while the value is in use. Of members with one name the
// last counts. The error is a *SyntaxError.
func Parse(src []byte) (Value, error) {
	p := Parser{tree: tree{nodes: make([]node, 0, 8+len(src)/48)}}
	return p.Parse(src)
}

// keptNodes is how many values' places a Parser keeps the memory of.
const keptNodes = 4 << 10

// A Parser parses one text after another in the same memory. The zero Parser
// is ready.
type Parser struct {
	tree
	at     int
	depth  int
	nameTo int // the end of the name that was read last
}

// Parse is as the function of this name. The value, and all that come out of
// it, may be used until the next call.
func (p *Parser) Parse(src []byte) (Value, error) {
	if len(src) > math.MaxInt32-1 {
		return Value{}, &SyntaxError{0, "the text is too long"}
	}
	if cap(p.nodes) > keptNodes && len(src) < keptNodes {
		p.nodes = nil // one large text is no reason to hold on to its memory
	}
	*p = Parser{tree: tree{src: src, nodes: p.nodes[:0]}}
	p.space()
	err := p.value(0)
	if err == nil {
		if p.space(); p.at < len(src) {
			err = p.fault("more than one value")
		}
	}
	if err != nil {
		return Value{}, err
	}
	return Value{t: &p.tree}, nil
}

func (p *Parser) fault(msg string) error { return &SyntaxError{p.at, msg} }

func (p *Parser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// value reads the value that begins at p.at.
func (p *Parser) value(nameStart int) error {
	if p.at >= len(p.src) {
		return p.fault("the text ends where a value should begin")
	}
	if len(p.nodes) >= MaxValues {
		return p.fault("too many values")
	}
	i := len(p.nodes)
	nameEnd := 0
	if nameStart > 0 {
		nameEnd = p.nameTo
	}
	p.nodes = append(p.nodes, node{start: int32(p.at), nameStart: int32(nameStart), nameEnd: int32(nameEnd)})
	kind := Null
	var err error
	switch c := p.src[p.at]; {
	case c == '{':
		kind, err = Object, p.container('}')
	case c == '[':
		kind, err = Array, p.container(']')
	case c == '"':
		kind, err = String, p.text()
	case c == '-' || '0' <= c && c <= '9':
		kind, err = Number, p.number()
	case c == 't':
		kind, err = Bool, p.word("true")
	case c == 'f':
		kind, err = Bool, p.word("false")
	case c == 'n':
		err = p.word("null")
	default:
		err = p.fault("no value where one should begin")
	}
	if err != nil {
		return err
	}
	n := &p.nodes[i]
	n.kind, n.end, n.next = kind, int32(p.at), int32(len(p.nodes))
	return nil
}

// container reads an object or an array from its opening bracket to its end.
func (p *Parser) container(end byte) error {
	if p.depth++; p.depth > MaxDepth {
		return p.fault("nested too deep")
	}
	p.at++
	p.space()
	if p.at < len(p.src) && p.src[p.at] == end {
		p.at++
		p.depth--
		return nil
	}
	for {
		name := 0
		if end == '}' {
			var err error
			if name, err = p.name(); err != nil {
				return err
			}
		}
		if err := p.value(name); err != nil {
			return err
		}
		p.space()
		if p.at >= len(p.src) {
			return p.fault("the text ends inside an object or array")
		}
		switch c := p.src[p.at]; c {
		case ',':
			p.at++
			p.space()
		case end:
			p.at++
			p.depth--
			return nil
		default:
			return p.fault("neither a comma nor the end of the object or array")
		}
	}
}

// name reads a member's name and its colon, and returns where it begins.
func (p *Parser) name() (int, error) {
	if p.at >= len(p.src) || p.src[p.at] != '"' {
		return 0, p.fault("no member's name where one should begin")
	}
	start := p.at
	if err := p.text(); err != nil {
		return 0, err
	}
	p.nameTo = p.at
	p.space()
	if p.at >= len(p.src) || p.src[p.at] != ':' {
		return 0, p.fault("no colon after a member's name")
	}
	p.at++
	p.space()
	return start, nil
}

// text reads a string from its opening quote.
func (p *Parser) text() error {
	p.at++
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c == '"':
			p.at++
			return nil
		case c == '\\':
			if err := p.escape(); err != nil {
				return err
			}
		case c < ' ':
			return p.fault("a control character in a string")
		default:
			p.at++
		}
	}
	return p.fault("the text ends inside a string")
}

func (p *Parser) escape() error {
	if p.at+1 >= len(p.src) {
		return p.fault("the text ends inside a string")
	}
	switch p.src[p.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.at += 2
		return nil
	case 'u':
		for k := p.at + 2; k < p.at+6; k++ {
			if k >= len(p.src) || !isHex(p.src[k]) {
				return p.fault("a broken escape in a string")
			}
		}
		p.at += 6
		return nil
	}
	return p.fault("an unknown escape in a string")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (p *Parser) word(w string) error {
	if !bytes.HasPrefix(p.src[p.at:], []byte(w)) {
		return p.fault("no value where one should begin")
	}
	p.at += len(w)
	return nil
}

func (p *Parser) number() error {
	if p.src[p.at] == '-' {
		p.at++
	}
	if p.at < len(p.src) && p.src[p.at] == '0' {
		p.at++
	} else if p.digits() == 0 {
		return p.fault("a number without digits")
	}
	if p.at < len(p.src) && p.src[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return p.fault("a number without digits")
		}
	}
	if p.at < len(p.src) && p.src[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(p.src) && (p.src[p.at] == '+' || p.src[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return p.fault("a number without digits")
		}
	}
	return nil
}

func (p *Parser) digits() (n int) {
	for p.at < len(p.src) && '0' <= p.src[p.at] && p.src[p.at] <= '9' {
		p.at++
		n++
	}
	return n
}
