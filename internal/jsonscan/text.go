package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// text is a string or a name being read, after its opening quote.
type text struct {
	name    bool   // a member's name, not a value
	collect bool   // the decoded bytes are wanted: by buf or by class
	counted bool   // a value that Counts includes
	escape  byte   // 0, or afterBackslash, or how many hex digits are to come
	unit    uint16 // the hex digits so far
	high    uint16 // a high surrogate that waits for its low one, else 0
	size    int64  // decoded bytes so far
	class   base64Class
	buf     []byte // decoded name; kept between tokens
}

// afterBackslash is a text.escape: the byte after the backslash comes next.
const afterBackslash = 5

// plain returns how many bytes at the beginning of p can stand in a string as
// they are: it stops at a quote, a backslash or a control character.
//
// It looks at eight bytes at a time. Of a word, (x - n·ones) &^ x & highs has
// the high bit of each byte set that is less than n, and perhaps of bytes
// above one that is: the lowest bit set is always right. XOR with 0x02 moves
// the quote (0x22) down beside the control characters.
func plain(p []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; len(p)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		low, slash := w^0x02*ones, w^'\\'*ones
		if stop := ((low - 0x21*ones) | (slash - ones)) &^ w & highs; stop != 0 {
			return i + bits.TrailingZeros64(stop)/8
		}
	}
	for ; i < len(p); i++ {
		if c := p[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// stringValue reads a string from the byte after its opening quote.
func (m *machine) stringValue(p []byte, i int, n *node) int {
	counted := m.paths.countAll || n != nil && n.count
	if m.mark != 0 && i < len(p) && (p[i] == m.mark || p[i] == '\\') && !m.marked {
		m.marked = begins(p[i:], m.paths.mark)
	}
	j := i + plain(p[i:])
	if j < len(p) && p[j] == '"' { // the common case: all of it, no escape
		if counted {
			m.countString(p[i:j])
		}
		if n != nil && n.watch >= 0 {
			m.end(m.begin(n, String, i-1), p, j+1)
		}
		m.leave()
		return j + 1
	}
	m.token.rec = m.begin(n, String, i-1)
	m.openText(false, counted, counted)
	m.add(p[i:j])
	return m.stringRest(p, j)
}

// name reads a member's name from its opening quote.
func (m *machine) name(p []byte, i int) int {
	if p[i] != '"' {
		return m.fail(p, i, "no member's name where one should begin")
	}
	m.token.start = m.base + int64(i)
	i++
	wanted := m.depth == m.watched
	j := i + plain(p[i:])
	if j < len(p) && p[j] == '"' {
		m.state = wantColon
		if wanted && !m.named(p[i:j]) {
			return len(p)
		}
		return m.colon(p, j+1)
	}
	m.openText(true, false, wanted)
	m.add(p[i:j])
	return m.stringRest(p, j)
}

// colon goes on after a whole name with the colon and the value, as far as
// they follow at once; if not, the loop over the piece does it.
func (m *machine) colon(p []byte, i int) int {
	if i == len(p) || p[i] != ':' {
		return i
	}
	m.state = wantValue
	if i++; i < len(p) && p[i] > ' ' {
		return m.value(p, i)
	}
	return i
}

// openText sets up a string that did not end at once.
func (m *machine) openText(name, counted, collect bool) {
	m.state = inString
	t := &m.token.text
	*t = text{name: name, counted: counted, collect: collect, buf: t.buf[:0]}
}

// stringRest reads on in a string.
func (m *machine) stringRest(p []byte, i int) int {
	t := &m.token.text
	for i < len(p) {
		if t.escape != 0 {
			i = m.escape(p, i)
			continue
		}
		c := p[i]
		if t.high != 0 && c != '\\' && !m.loneSurrogate(p, i) {
			return len(p)
		}
		switch {
		case c == '"':
			return m.endString(p, i)
		case c == '\\':
			t.escape = afterBackslash
			i++
		case c < 0x20:
			return m.fail(p, i, "control character in a string")
		default:
			n := plain(p[i:])
			m.add(p[i : i+n])
			i += n
		}
	}
	return i
}

// endString closes the string whose closing quote is at i.
func (m *machine) endString(p []byte, i int) int {
	t := &m.token.text
	if t.name {
		m.state = wantColon
		if t.collect && !m.named(t.buf) {
			return len(p)
		}
		return i + 1
	}
	if t.counted {
		m.countText(t.size, t.class.base64(t.size))
	}
	m.end(m.token.rec, p, i+1)
	m.leave()
	return i + 1
}

// add takes decoded bytes of the string.
func (m *machine) add(b []byte) {
	t := &m.token.text
	t.size += int64(len(b))
	switch {
	case !t.collect:
	case !t.name:
		t.collect = t.class.feed(b)
	case m.strict:
		t.buf = append(t.buf, b...)
	default: // a name longer than all that are looked for need not be kept
		t.buf = append(t.buf, b[:min(len(b), m.paths.longest+1-len(t.buf))]...)
	}
}

func (m *machine) addRune(r rune) {
	if t := &m.token.text; !t.collect {
		t.size += int64(utf8.RuneLen(r))
		return
	}
	var b [utf8.UTFMax]byte
	m.add(b[:utf8.EncodeRune(b[:], r)])
}

// simpleEscapes maps the byte after a backslash to what it stands for.
var simpleEscapes = [256]byte{ // immutable
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape reads on after a backslash, to the end of the escape if it can.
func (m *machine) escape(p []byte, i int) int {
	t := &m.token.text
	if t.escape == afterBackslash {
		c := p[i]
		if c != 'u' {
			return m.simpleEscape(p, i, simpleEscapes[c])
		}
		t.escape, t.unit = 4, 0
		i++
	}
	for ; t.escape > 0; i++ {
		if i == len(p) {
			return i
		}
		digit := hexDigits[p[i]]
		if digit == 0 {
			return m.fail(p, i, "malformed \\u escape in a string")
		}
		t.unit = t.unit<<4 | uint16(digit-1)
		t.escape--
	}
	if !m.addUnit(p, i-1) {
		return len(p)
	}
	return i
}

// simpleEscape takes an escape that stands for one byte, 0 if there is no such
// escape.
func (m *machine) simpleEscape(p []byte, i int, decoded byte) int {
	t := &m.token.text
	if decoded == 0 {
		return m.fail(p, i, "unknown escape in a string")
	}
	if t.high != 0 && !m.loneSurrogate(p, i) {
		return len(p)
	}
	t.escape = 0
	m.addRune(rune(decoded))
	return i + 1
}

// hexDigits has the value of each hexadecimal digit plus one.
var hexDigits = func() (value [256]byte) { // immutable
	for i, c := range []byte("0123456789abcdef") {
		value[c] = byte(i + 1)
	}
	for i, c := range []byte("ABCDEF") {
		value[c] = byte(i + 11)
	}
	return value
}()

// addUnit takes the UTF-16 code unit of a \u escape that ends at i.
func (m *machine) addUnit(p []byte, i int) bool {
	t := &m.token.text
	switch u := t.unit; {
	case u >= 0xdc00 && u < 0xe000 && t.high != 0:
		m.addRune((rune(t.high)-0xd800)<<10 + rune(u) - 0xdc00 + 0x10000)
		t.high = 0
	case t.high != 0 && !m.loneSurrogate(p, i):
		return false
	case u >= 0xd800 && u < 0xdc00:
		t.high = u
	case u >= 0xdc00 && u < 0xe000:
		return m.loneSurrogate(p, i)
	default:
		m.addRune(rune(u))
	}
	return true
}

// loneSurrogate takes a surrogate without its other half, which no UTF-8 can
// hold: a fault in a request, U+FFFD in an answer.
func (m *machine) loneSurrogate(p []byte, i int) bool {
	if m.strict {
		m.fail(p, i, "lone surrogate in a string")
		return false
	}
	m.token.text.high = 0
	m.addRune(utf8.RuneError)
	return true
}
