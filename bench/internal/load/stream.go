package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Protocol says what the events of a stream look like: what stands in the
// data of one that has model output, of the one that says why it ends, and of
// the last.
type Protocol struct {
	output, finished, done []byte
	others                 bool // there are events of other kinds too
}

// The protocols of streams. One of chat as the upstream sends it has nothing
// but output, a finish reason and [DONE], and no usage, which nobody here asks
// for; AnyChat is as others write it.
var (
	Chat      = &Protocol{[]byte(`"content":"`), []byte(`"finish_reason":"stop"`), []byte("[DONE]"), false}                                           // immutable
	AnyChat   = &Protocol{[]byte(`"delta":{"content":"`), []byte(`"finish_reason":"stop"`), []byte("[DONE]"), true}                                   // immutable
	Responses = &Protocol{[]byte(`"type":"response.output_text.delta"`), []byte(`"status":"completed"`), []byte(`"type":"response.completed"`), true} // immutable
	Messages  = &Protocol{[]byte(`"type":"content_block_delta"`), []byte(`"stop_reason":"end_turn"`), []byte(`"type":"message_stop"`), true}          // immutable
)

// Streams sends req on every connection, each a little later than the one
// before so that all have begun after spread, and reads every answer to its
// end. Each must be a stream of the protocol with model output in exactly as
// many events as events says, and properly ended.
func (p *Pool) Streams(ctx context.Context, req Request, protocol *Protocol, events int, spread time.Duration) error {
	defer interrupt(ctx, p.conns)()
	begin := time.Now()
	return each(ctx, len(p.conns), len(p.conns), func(i int) error {
		wait := time.NewTimer(time.Until(begin.Add(spread * time.Duration(i) / time.Duration(len(p.conns)))))
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s, err := p.conns[i].begin(req, protocol)
		if err != nil {
			return err
		}
		return s.finish(events)
	})
}

// Held is a number of streams of which the first event has been read and
// nothing more.
type Held struct {
	Pool
	addr    string
	streams []*stream
}

// Hold returns a Held of no streams yet at the peer addr.
func Hold(addr string) *Held { return &Held{addr: addr} }

// Open opens n more connections, sends req on each, and waits until each has
// had its first event.
func (h *Held) Open(ctx context.Context, n int, req Request) error {
	old := len(h.conns)
	if err := h.grow(ctx, h.addr, n); err != nil {
		return err
	}
	added := h.conns[old:]
	streams := make([]*stream, len(added))
	defer interrupt(ctx, added)()
	err := each(ctx, n, dialers, func(i int) error {
		s, err := added[i].begin(req, Chat)
		if err != nil {
			return err
		}
		streams[i] = s
		return s.event()
	})
	if err != nil {
		return err
	}
	h.streams = append(h.streams, streams...)
	return nil
}

// Finish reads every stream to its end, which its server must have been told
// to write. Each must have had model output in exactly as many events as
// events says.
func (h *Held) Finish(ctx context.Context, events int) error {
	defer interrupt(ctx, h.conns)()
	return each(ctx, len(h.streams), dialers, func(i int) error { return h.streams[i].finish(events) })
}

// A stream is the answer to one request, read event by event.
type stream struct {
	*Protocol
	lines  *bufio.Reader
	seen   int  // events of model output so far
	ending bool // the event that says why it ends has come
	over   bool // the last event has come
}

// begin sends req and reads the head of its answer.
func (c *conn) begin(req Request, protocol *Protocol) (*stream, error) {
	if _, err := c.net.Write(req); err != nil {
		return nil, fmt.Errorf("sending a request: %w", err)
	}
	h, err := c.head()
	if err != nil {
		return nil, err
	}
	size := 1 << 10
	if protocol.others { // the last event says all of it once more
		size = 128 << 10
	}
	return &stream{Protocol: protocol, lines: bufio.NewReaderSize(c.body(h), size)}, nil
}

// finish reads to the end of the answer and checks what was read.
func (s *stream) finish(events int) error {
	for {
		err := s.event()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if s.seen != events || !s.ending || !s.over {
		return fmt.Errorf("stream ended with %d of %d events, why it ends: %t, the last event: %t", s.seen, events, s.ending, s.over)
	}
	return nil
}

// event reads one event. It returns io.EOF at the end of the answer, and an
// error if the event is not one of those expected.
func (s *stream) event() error {
	for {
		line, err := s.lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("reading an event after %d: %w", s.seen, unexpected(err))
		}
		if s.others && bytes.HasPrefix(line, []byte("event: ")) {
			continue
		}
		if err := s.note(line); err != nil {
			return err
		}
		break
	}
	blank, err := s.lines.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading the blank line after an event: %w", unexpected(err))
	}
	if len(blank) != 1 {
		return fmt.Errorf("not a blank line after an event: %.50q", blank)
	}
	return nil
}

var usage = []byte(`"usage":{`) // immutable

// note takes the line of an event's data.
func (s *stream) note(line []byte) error {
	holds := func(text []byte) bool { return bytes.Contains(line, text) }
	known := false
	switch {
	case s.over:
		return fmt.Errorf("an event after the last: %.200q", line)
	case !bytes.HasPrefix(line, []byte("data: ")):
		return fmt.Errorf("not an event of the upstream: %.200q", line)
	case !s.others && holds(usage):
		return fmt.Errorf("usage that was not asked for: %.200q", line)
	}
	if holds(s.finished) {
		s.ending, known = true, true
	} else if holds(s.output) {
		s.seen, known = s.seen+1, true
	}
	if holds(s.done) {
		s.over, known = true, true
	}
	if !known && !s.others {
		return fmt.Errorf("not an event of the upstream: %.200q", line)
	}
	return nil
}

// unexpected returns io.ErrUnexpectedEOF for io.EOF and any other error as it
// is.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
