package mock

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Served counts what a [Server] was asked and what it saw in the bodies.
type Served struct {
	Answers  int64 // whole answers written
	Streams  int64 // streams begun
	Events   int64 // events of model output written
	Renamed  int64 // requests whose model was the one [Listen] was told
	Usage    int64 // streams that asked for their usage
	Rejected int64 // requests that were not understood
}

// Minus returns what was served since before was read.
func (s Served) Minus(before Served) Served {
	return Served{
		Answers: s.Answers - before.Answers, Streams: s.Streams - before.Streams, Events: s.Events - before.Events,
		Renamed: s.Renamed - before.Renamed, Usage: s.Usage - before.Usage, Rejected: s.Rejected - before.Rejected,
	}
}

// A Server is a running mock upstream. Its methods may be called from any
// goroutine.
type Server struct {
	ln      net.Listener
	renamed []byte // the member `"model":"…"` that a gateway writes
	answer  []byte // head and body of a whole answer
	other   []byte // the same in the protocol of ResponsesPath

	answers, streams, events, renames, usages, rejected atomic.Int64

	wg   sync.WaitGroup
	done chan struct{} // closed by Close

	mu      sync.Mutex // guards what follows
	release chan struct{}
	conns   map[net.Conn]struct{}
	closed  bool
}

// Listen starts a server on addr ("127.0.0.1:0"). renamed is the name that a
// gateway before it should give to the model; see [Served]. ctx bounds the
// start alone; [Server.Close] ends it.
func Listen(ctx context.Context, addr, renamed string) (*Server, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("mock: %w", err)
	}
	s := &Server{
		ln:      ln,
		renamed: []byte(`"model":` + strconv.Quote(renamed)),
		answer:  whole(Answer()),
		other:   whole(ResponsesAnswer()),
		done:    make(chan struct{}),
		release: make(chan struct{}),
		conns:   make(map[net.Conn]struct{}),
	}
	s.wg.Go(s.accept)
	return s, nil
}

// whole returns a whole answer with its head.
func whole(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"+
		"X-Request-Id: req_bench0001\r\nOpenai-Processing-Ms: 12\r\n\r\n%s", len(body), body)
}

// Addr returns the address it listens on, host:port.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Served returns the counts so far.
func (s *Server) Served() Served {
	return Served{
		Answers: s.answers.Load(), Streams: s.streams.Load(), Events: s.events.Load(),
		Renamed: s.renames.Load(), Usage: s.usages.Load(), Rejected: s.rejected.Load(),
	}
}

// Release lets the streams that are held at this moment come to their end.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	s.release = make(chan struct{})
}

// Close closes the listener and every connection and waits until nothing
// runs any more. It is called once.
func (s *Server) Close() error {
	close(s.done)
	err := s.ln.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return // closed, or out of descriptors: then clients run into their deadline
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.wg.Go(func() { s.serve(c) })
		s.mu.Unlock()
	}
}

// serve answers the requests of one connection until it ends or is not
// understood.
func (s *Server) serve(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	in := reader{r: bufio.NewReaderSize(c, 4<<10)}
	for {
		body, err := in.next()
		if err == nil {
			err = s.respond(c, body, in.responses)
		}
		if err == nil {
			continue
		}
		if bad, ok := errors.AsType[*requestError](err); ok {
			s.rejected.Add(1)
			fmt.Fprintf(c, "HTTP/1.1 %d Mock\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", bad.status, len(bad.why), bad.why)
		}
		return // anything else: the other side has gone, which it may
	}
}

// respond answers one request. body is the whole body, or the two ends of a
// large one; responses says in which protocol.
func (s *Server) respond(c net.Conn, body []byte, responses bool) error {
	if bytes.Contains(body, s.renamed) {
		s.renames.Add(1)
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		s.answers.Add(1)
		answer := s.answer
		if responses {
			answer = s.other
		}
		_, err := c.Write(answer)
		return err
	}
	st, err := parseStream(body)
	if err != nil {
		return &requestError{400, err.Error()}
	}
	usage := bytes.Contains(body, []byte(`"include_usage":true`))
	if responses {
		return s.stream(c, st, usage, responsesBegin(), responsesEvent(st.Size), responsesEnd())
	}
	return s.stream(c, st, usage, nil, event(st.Size, usage), ending(usage))
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n" +
	"X-Request-Id: req_bench0001\r\nTransfer-Encoding: chunked\r\n\r\n"

// stream writes one streamed answer: begin, events of model output, end. Usage
// says that it was asked for.
func (s *Server) stream(c net.Conn, st Stream, usage bool, begin, one, end []byte) error {
	s.mu.Lock()
	release := s.release // before the head is out: who sees an event may call Release
	s.mu.Unlock()
	s.streams.Add(1)
	if usage {
		s.usages.Add(1)
	}
	if _, err := c.Write(append([]byte(streamHead), begin...)); err != nil {
		return err
	}
	tick := time.NewTicker(max(st.Every, time.Microsecond))
	defer tick.Stop()
	for range st.Events {
		select {
		case <-tick.C:
		case <-s.done:
			return net.ErrClosed
		}
		if _, err := c.Write(one); err != nil {
			return err
		}
		s.events.Add(1)
	}
	if st.Hold {
		tick.Stop()
		select {
		case <-release:
		case <-s.done:
			return net.ErrClosed
		}
	}
	_, err := c.Write(end)
	return err
}
