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

// Streams sends req on every connection, each a little later than the one
// before so that all have begun after spread, and reads every answer to its
// end. Each must be a chat stream of model output in exactly as many events as
// events says, a finish reason and [DONE], and without usage, which req does
// not ask for.
func (p *Pool) Streams(ctx context.Context, req Request, events int, spread time.Duration) error {
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
		s, err := p.conns[i].begin(req)
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
		s, err := added[i].begin(req)
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
	lines    *bufio.Reader
	output   int // events of model output so far
	finished bool
	done     bool
}

// begin sends req and reads the head of its answer.
func (c *conn) begin(req Request) (*stream, error) {
	if _, err := c.net.Write(req); err != nil {
		return nil, fmt.Errorf("sending a request: %w", err)
	}
	h, err := c.head()
	if err != nil {
		return nil, err
	}
	return &stream{lines: bufio.NewReaderSize(c.body(h), 1<<10)}, nil
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
	if s.output != events || !s.finished || !s.done {
		return fmt.Errorf("stream ended with %d of %d events, finish reason: %t, [DONE]: %t", s.output, events, s.finished, s.done)
	}
	return nil
}

// event reads one event. It returns io.EOF at the end of the answer, and an
// error if the event is not one of those expected.
func (s *stream) event() error {
	line, err := s.lines.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("reading an event after %d: %w", s.output, unexpected(err))
	}
	switch {
	case s.done:
		return fmt.Errorf("an event after [DONE]: %.200q", line)
	case bytes.HasPrefix(line, []byte("data: [DONE]")):
		s.done = true
	case bytes.Contains(line, []byte(`"usage":{`)):
		return fmt.Errorf("usage that was not asked for: %.200q", line)
	case bytes.Contains(line, []byte(`"finish_reason":"stop"`)):
		s.finished = true
	case bytes.HasPrefix(line, []byte("data: {")) && bytes.Contains(line, []byte(`"content":"`)):
		s.output++
	default:
		return fmt.Errorf("not an event of the upstream: %.200q", line)
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

// unexpected returns io.ErrUnexpectedEOF for io.EOF and any other error as it
// is.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
