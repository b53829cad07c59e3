package gateway

import "strings"

// isSound reports whether media is what speech is answered with.
func isSound(media string) bool {
	return strings.HasPrefix(media, "audio/") || media == "application/octet-stream"
}

// isText reports whether media is what transcripts and subtitles are answered
// with. A page is not.
func isText(media string) bool {
	switch media {
	case "text/plain", "text/vtt", "text/srt", "application/x-subrip":
		return true
	}
	return false
}

// relayBytes passes an answer on that nothing can be read from, as it comes.
// With hold, one that fits into the buffer is seen to be complete before its
// status is sent, as [exchange.relayWhole] does.
func (x *exchange) relayBytes(hold bool) error {
	s := x.h.memory.get(wholeBuffer)
	defer x.h.memory.put(s)
	buf := s.b[:cap(s.b)]
	for n := 0; ; {
		x.disarm()
		m, err := x.answer.Body.Read(buf[n:])
		n += m
		switch {
		case atEnd(err):
			if !x.sent {
				x.send(int64(n))
			}
			return x.write(buf[:n])
		case err != nil:
			return err
		case n == 0 || hold && n < len(buf):
			continue
		}
		if !x.sent {
			x.send(x.answer.ContentLength)
		}
		if err := x.write(buf[:n]); err != nil {
			return err
		}
		if err := x.flush(); err != nil {
			return err
		}
		n = 0
	}
}
