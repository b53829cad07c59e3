package telemetry

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
)

// NewLogger returns a logger that writes one line per record to w, as JSON or,
// if text is true, as key=value pairs. Level may change while it is used.
func NewLogger(w io.Writer, level slog.Leveler, text bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if text {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// RequestID returns a new id: "req_", the time in milliseconds, and 80 random
// bits, in 32 hexadecimal digits. Ids sort by time. They are unique, not
// secret.
func RequestID(now time.Time) string {
	var b [16]byte
	high, low := rand.Uint64(), rand.Uint64() //nolint:gosec // unique is enough
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16|high>>48)
	binary.BigEndian.PutUint64(b[8:], low)
	var s [36]byte
	copy(s[:], "req_")
	hex.Encode(s[4:], b[:])
	return string(s[:])
}

var (
	schemes = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}`)
	keyLike = regexp.MustCompile(`\b(sk|pk|rk|ak)-[A-Za-z0-9_*.-]{6,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+`)
	params  = regexp.MustCompile(`(?i)\b((?:x-weir-|x-|ocp-apim-subscription-)?(?:api[-_]?)?key|token|secret|password|sig)=[^&\s"']+`)
)

// Scrub returns s with whatever looks like a credential replaced by
// [redacted], control characters made visible, and at most max bytes long.
// It is for text that comes from elsewhere: an upstream's error, a URL.
func Scrub(s string, max int) string {
	if len(s) > 4*max { // enough for the patterns to see whole secrets
		s = s[:4*max]
	}
	s = schemes.ReplaceAllString(s, "$1 [redacted]")
	s = keyLike.ReplaceAllString(s, "[redacted]")
	s = params.ReplaceAllString(s, "$1=[redacted]")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '·'
		}
		return r
	}, s)
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "") + "…"
	}
	return s
}
