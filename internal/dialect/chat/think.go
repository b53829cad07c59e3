package chat

import "strings"

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// thinkTags divides text that begins with <think>…</think> into what is
// thought and what is said, in whatever pieces it comes. The zero value is at
// the beginning of the text.
type thinkTags struct {
	held   string // what cannot be told yet
	inside bool
	closed bool // behind the end of the thoughts, where line feeds are left out
	over   bool // the rest is said
}

// add takes a piece of the text and returns what is known of it and what was
// held.
func (t *thinkTags) add(piece string) (thought, said string) {
	t.held += piece
	if !t.inside && !t.closed {
		text := strings.TrimLeft(t.held, " \r\n\t")
		switch {
		case strings.HasPrefix(text, thinkOpen):
			t.inside, t.held = true, text[len(thinkOpen):]
		case strings.HasPrefix(thinkOpen, text):
			return "", ""
		default:
			t.over = true
			return "", t.take(len(t.held))
		}
	}
	if t.inside {
		end := strings.Index(t.held, thinkClose)
		if end < 0 {
			return t.take(len(t.held) - begun(t.held, thinkClose)), ""
		}
		thought = t.take(end)
		t.held = t.held[len(thinkClose):]
		t.inside, t.closed = false, true
	}
	t.held = strings.TrimLeft(t.held, "\r\n")
	t.over = t.held != ""
	return thought, t.take(len(t.held))
}

// rest returns what is held at the end of the text.
func (t *thinkTags) rest() (thought, said string) {
	if t.inside {
		return t.take(len(t.held)), ""
	}
	return "", t.take(len(t.held))
}

func (t *thinkTags) take(n int) string {
	s := t.held[:n]
	t.held = t.held[n:]
	return s
}

// begun returns how many of the last bytes of s may be the beginning of tag.
func begun(s, tag string) int {
	for n := min(len(s), len(tag)-1); n > 0; n-- {
		if strings.HasSuffix(s, tag[:n]) {
			return n
		}
	}
	return 0
}
