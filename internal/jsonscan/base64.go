package jsonscan

// minBase64 is how many bytes of nothing but the base64 alphabets make a
// string base64. Words of prose and identifiers are shorter.
const minBase64 = 256

// base64Class finds out, from the decoded bytes of a string that come in
// pieces, whether the string is base64 in the sense of [Counts.Base64Bytes].
// The zero value is ready.
type base64Class struct {
	state   classState
	matched uint8 // bytes of scheme or of base64Mark that have just been seen
}

type classState byte

const (
	classScheme   classState = iota // the beginning of "data:" so far
	classHeader                     // between "data:" and the first comma
	classPayload                    // after ";base64,", nothing but the alphabets
	classAlphabet                   // nothing but the alphabets, no data URL
	classText                       // not base64, whatever follows
)

// A base64 data URL begins with scheme and ends its header with base64Mark and
// a comma. RFC 2397 section 3.
const (
	scheme     = "data:"
	base64Mark = ";base64"
)

// base64 tells what the string is, given its whole size.
func (c base64Class) base64(size int64) bool {
	return c.state == classPayload || c.state == classAlphabet && size >= minBase64
}

// feed takes the next bytes. It returns false if no more bytes are needed
// because the string is not base64.
func (c *base64Class) feed(b []byte) bool {
	for len(b) > 0 && c.state < classPayload {
		c.feedHeader(b[0])
		if c.state != classAlphabet {
			b = b[1:]
		}
	}
	if c.state < classPayload {
		return true
	}
	if c.state != classText && !allBase64(b) {
		c.state = classText
	}
	return c.state != classText
}

// feedHeader takes one byte that may belong to the header of a data URL. If
// the state becomes classAlphabet the byte is not taken.
func (c *base64Class) feedHeader(b byte) {
	switch {
	case c.state == classScheme && b == scheme[c.matched]:
		if c.matched++; int(c.matched) == len(scheme) {
			c.state, c.matched = classHeader, 0
		}
	case c.state == classScheme: // all of the scheme before its colon is in the alphabet
		c.state = classAlphabet
	case b == ',' && int(c.matched) == len(base64Mark):
		c.state = classPayload
	case b == ',':
		c.state = classText
	case int(c.matched) < len(base64Mark) && b == base64Mark[c.matched]:
		c.matched++
	case b == base64Mark[0]:
		c.matched = 1
	default:
		c.matched = 0
	}
}

// inBase64 has a 1 for each byte of the alphabets of RFC 4648 sections 4 and
// 5, the padding included.
var inBase64 = func() (in [256]uint8) { // immutable
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") {
		in[c] = 1
	}
	return in
}()

func allBase64(b []byte) bool {
	for len(b) >= 8 {
		w := b[:8:8]
		if inBase64[w[0]]&inBase64[w[1]]&inBase64[w[2]]&inBase64[w[3]]&
			inBase64[w[4]]&inBase64[w[5]]&inBase64[w[6]]&inBase64[w[7]] == 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if inBase64[c] == 0 {
			return false
		}
	}
	return true
}

// countString counts a string value that lies in one piece without escapes.
func (m *machine) countString(b []byte) {
	if len(b) < minBase64 && (len(b) == 0 || b[0] != scheme[0]) {
		m.counts.TextBytes += int64(len(b))
		return
	}
	var class base64Class
	class.feed(b)
	m.countText(int64(len(b)), class.base64(int64(len(b))))
}

func (m *machine) countText(size int64, base64 bool) {
	if base64 {
		m.counts.Base64Bytes += size
	} else {
		m.counts.TextBytes += size
	}
}
