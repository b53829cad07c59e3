package sse

import (
	"errors"
	"io"
	"iter"
)

// readSize is how much is asked of a reader at once.
const readSize = 4 << 10

// An Event is one whole event. Its slices are valid until the next one is
// asked for.
type Event struct {
	Name []byte // the value of the "event" field; empty if there was none
	Data []byte // the data lines, joined by line feeds
}

// Events returns the events of r one after another. An event that only the end
// of r ends is yielded like any other. An event larger than maxEvent bytes
// (zero or less: [DefaultMaxEvent]) yields an error wrapping
// [ErrEventTooLarge]; a read error is yielded as it is. Both end the sequence,
// which can be used once.
func Events(r io.Reader, maxEvent int) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var (
			c   = collector{tok: Tokenizer{MaxEvent: maxEvent}}
			buf = make([]byte, readSize)
		)
		for {
			n, err := r.Read(buf)
			if !c.feed(buf[:n], yield) {
				return
			}
			if errors.Is(err, io.EOF) {
				c.feed([]byte("\n\n"), yield)
				return
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// A collector puts the parts of an event together.
type collector struct {
	tok Tokenizer
	ev  Event
}

// feed yields the events that end in p. It returns false if there is to be no
// other: the caller of the sequence has had enough, or the stream is broken.
func (c *collector) feed(p []byte, yield func(Event, error) bool) bool {
	for len(p) > 0 {
		n, tok, err := c.tok.Next(p)
		if err != nil {
			yield(Event{}, err)
			return false
		}
		p = p[n:]
		switch tok.Kind {
		case Data:
			c.ev.Data = append(c.ev.Data, tok.Bytes...)
		case Name:
			if tok.First {
				c.ev.Name = c.ev.Name[:0]
			}
			c.ev.Name = append(c.ev.Name, tok.Bytes...)
		case End:
			if !yield(c.ev, nil) {
				return false
			}
			fallthrough
		case Break:
			c.ev.Data, c.ev.Name = c.ev.Data[:0], c.ev.Name[:0]
		}
	}
	return true
}
