package simulator

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// echoLimit bounds in bytes what an answer repeats of one text of the request.
const echoLimit = 4096

// pieceLimit bounds in bytes one delta of a stream whose size was not asked
// for.
const pieceLimit = 32

// An answer is one choice before a dialect has given it a shape.
type answer struct {
	reasoning string
	text      string
	calls     []call
	cut       bool // the client's token limit ended it
	piece     int  // bytes of every delta; 0 is a word
	endless   bool // the last delta repeats until the client leaves
}

// usage counts tokens, and what is counted where there are none. Output
// includes reasoning, input includes cached.
type usage struct {
	input, cached, output, reasoning int
	images, seconds, characters      int
}

// tokens is the one tokenizer: four bytes are a token, a started one counts.
func tokens(bytes int) int { return (bytes + 3) / 4 }

// answers returns one answer for each choice the client wants, and what they
// cost.
func (x *exchange) answers(t *turn) ([]answer, usage) {
	u := usage{input: tokens(t.size)}
	u.cached = min(x.m.cached, u.input)
	if x.m.halfCached {
		u.cached = u.input / 2
	}
	list := make([]answer, t.n)
	for i := range list {
		a := x.answer(t, i)
		u.reasoning += tokens(len(a.reasoning))
		u.output += tokens(len(a.reasoning)) + tokens(len(a.text))
		for _, c := range a.calls {
			u.output += tokens(len(c.tool.name) + len(c.input))
		}
		list[i] = a
	}
	return list, u
}

// answer composes the answer for choice i.
func (x *exchange) answer(t *turn, i int) answer {
	a := answer{piece: x.m.eventSize, endless: x.m.endless}
	if x.m.huge > 0 {
		a.piece = x.m.huge // in one delta
	}
	if x.m.think || len(t.outputs) == 0 && wordIndex(t.user, "think") >= 0 {
		a.reasoning = "thinking about: " + clip(t.user, echoLimit)
	}
	a.calls = t.calls()
	if len(a.calls) == 0 {
		a.text = x.text(t, i)
	}
	if t.max > 0 && x.m.huge == 0 && x.m.events == 0 {
		a.limit(t.max)
	}
	return a
}

// text is what an answer without tool calls says.
func (x *exchange) text(t *turn, i int) string {
	var text string
	room := maxText / max(t.n, t.share)
	switch {
	case x.m.huge > 0:
		return filler(min(x.m.huge, room))
	case x.m.events > 0:
		return filler(min(x.m.events*x.m.eventSize, room))
	case t.format.exists():
		return structured(t)
	case len(t.outputs) > 0:
		lines := make([]string, len(t.outputs))
		for j, o := range t.outputs {
			lines[j] = "tool said: " + clip(o, echoLimit)
		}
		text = strings.Join(lines, "\n")
	default:
		text = "echo: " + clip(t.user, echoLimit)
	}
	if i > 0 {
		text += fmt.Sprintf(" (choice %d)", i)
	}
	return text
}

// structured answers a request for JSON.
func structured(t *turn) string {
	if t.format.object().get("properties").exists() || t.format.object().get("type").str() != "object" {
		return string(instance(t.format))
	}
	return `{"echo":` + quote(clip(t.user, echoLimit)) + `}`
}

// limit shortens a to at most n tokens: reasoning first, then text, then whole
// calls.
func (a *answer) limit(n int) {
	whole := len(a.reasoning) + len(a.text)
	if n < 1<<40 { // so that a count of bytes does not overflow
		a.reasoning = clip(a.reasoning, 4*n)
		n -= tokens(len(a.reasoning))
		a.text = clip(a.text, 4*n)
		n -= tokens(len(a.text))
	}
	a.cut = len(a.reasoning)+len(a.text) < whole
	for i, c := range a.calls {
		if n -= tokens(len(c.tool.name) + len(c.input)); n < 0 {
			a.calls, a.cut = a.calls[:i], true
			return
		}
	}
}

// A cutter cuts a text into the deltas of a stream.
type cutter struct {
	rest  string
	size  int    // bytes of a delta; 0 is a word
	last  string // the delta just cut
	again int    // how often the last delta repeats
}

// cutter returns one for text that ends.
func (a *answer) cutter(s string) cutter { return cutter{rest: s, size: a.piece} }

// textCutter returns one for the text of the answer, which may be endless.
func (a *answer) textCutter() cutter {
	c := a.cutter(a.text)
	if a.endless {
		c.again = maxEndless
	}
	return c
}

// next returns the next delta and whether there was one.
func (c *cutter) next() (string, bool) {
	if c.rest == "" {
		c.again--
		return c.last, c.again >= 0
	}
	piece := clip(c.rest, c.size)
	switch {
	case c.size == 0:
		piece = firstWord(c.rest)
	case piece == "": // a character longer than the size asked for
		piece = clip(c.rest, utf8.UTFMax)
	}
	c.rest, c.last = c.rest[len(piece):], piece
	return piece, true
}

// A cursor yields all deltas of an answer in their order.
type cursor struct {
	a     *answer
	stage stage
	begun bool
	cut   cutter
}

// A stage is a part of an answer: reasoning, text, then its calls by number.
type stage int

const (
	stageReasoning stage = iota
	stageText
	stageCall // stageCall+i is call i
)

// next returns the next delta and its stage. A call begins with an empty
// delta, for which first is true.
func (c *cursor) next() (s stage, piece string, first, ok bool) {
	for int(c.stage) < int(stageCall)+len(c.a.calls) {
		if !c.begun {
			c.begin()
			if c.stage >= stageCall {
				return c.stage, "", true, true
			}
		}
		if piece, ok := c.cut.next(); ok {
			return c.stage, piece, false, true
		}
		c.stage, c.begun = c.stage+1, false
	}
	return 0, "", false, false
}

func (c *cursor) begin() {
	c.begun = true
	switch c.stage {
	case stageReasoning:
		c.cut = c.a.cutter(c.a.reasoning)
	case stageText:
		c.cut = c.a.textCutter()
	default:
		c.cut = c.a.cutter(c.a.calls[c.stage-stageCall].input)
	}
}

// firstWord returns s up to the first space after its first byte.
func firstWord(s string) string {
	word := s
	if i := strings.IndexByte(s[1:], ' '); i >= 0 {
		word = s[:i+1]
	}
	if word = clip(word, pieceLimit); word == "" {
		return s
	}
	return word
}

// filler returns n bytes of text.
func filler(n int) string {
	const words = "lorem ipsum dolor sit amet "
	return strings.Repeat(words, n/len(words)+1)[:n]
}
