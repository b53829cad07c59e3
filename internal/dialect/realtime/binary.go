package realtime

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// anyPaths watches nothing: it is for the grammar alone.
var anyPaths = jsonscan.Compile(jsonscan.Spec{}) // immutable

// MayBeEvent reports whether a reader that does not care how a message was
// marked could take a binary one for an event: it is a JSON object in UTF-8,
// UTF-16 or UTF-32, as RFC 7159 allowed. No sound is one.
func MayBeEvent(message []byte) bool {
	return isObject(message, 1, nil) ||
		isObject(message, 2, binary.LittleEndian) || isObject(message, 2, binary.BigEndian) ||
		isObject(message, 4, binary.LittleEndian) || isObject(message, 4, binary.BigEndian)
}

// isObject reports whether message is a JSON object in units of width bytes.
// A byte order mark may go before it.
func isObject(message []byte, width int, order binary.ByteOrder) bool {
	if len(message)%width != 0 {
		return false
	}
	scan := anyPaths.NewScanner(0)
	defer scan.Free()
	var buf [512]byte
	out, begun := buf[:0], false
	for i := 0; i < len(message); {
		r, n := unit(message[i:], width, order)
		switch {
		case i == 0 && r == 0xfeff:
			i += n
			continue
		case begun || r == ' ' || r == '\t' || r == '\n' || r == '\r':
		case r != '{':
			return false
		default:
			begun = true
		}
		if r == utf8.RuneError && width == 1 {
			out = append(out, message[i:i+n]...) // the scanner does not mind
		} else {
			out = utf8.AppendRune(out, r)
		}
		i += n
		if len(out) > len(buf)-utf8.UTFMax {
			if scan.Write(out) != nil {
				return false
			}
			out = buf[:0]
		}
	}
	return begun && scan.Write(out) == nil && scan.Close() == nil
}

// unit returns the first character of b, which is not empty, and how many
// bytes it takes.
func unit(b []byte, width int, order binary.ByteOrder) (r rune, n int) {
	switch width {
	case 1:
		return utf8.DecodeRune(b)
	case 2:
		r = rune(order.Uint16(b))
		if len(b) >= 4 && utf16.IsSurrogate(r) {
			if both := utf16.DecodeRune(r, rune(order.Uint16(b[2:]))); both != utf8.RuneError {
				return both, 4
			}
		}
		return r, 2
	default:
		return rune(order.Uint32(b)), 4
	}
}
