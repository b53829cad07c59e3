package jsonscan

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A SyntaxError says what is wrong with the bytes that were read, and where.
//
// Msg may quote the name of a member, escaped and cut at 64 bytes, but never
// a value: it can be shown to a client and written to a log.
type SyntaxError struct {
	Offset int64 // bytes before the fault, counted from the first byte read
	Msg    string
}

// Error returns the message with the offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at offset %d", e.Msg, e.Offset)
}

// maxQuoted is how many bytes of a member's name an error message shows.
const maxQuoted = 64

// quoteName renders a member's name for an error message.
func quoteName(name []byte) string {
	if len(name) <= maxQuoted {
		return strconv.QuoteToASCII(string(name))
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return strconv.QuoteToASCII(string(name[:cut])) + "..."
}
