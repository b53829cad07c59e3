package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// An End is one of the two sockets of a tunnel.
type End struct {
	conn *websocket.Conn
	wire *wire

	deadline limiter // nil if the connection has none
	mu       sync.Mutex
	writers  int // how many writes are under way; guarded by mu

	reading atomic.Bool  // somebody waits for what the peer sends next
	seen    atomic.Int64 // grows with whatever the peer sends
}

func newEnd(conn *websocket.Conn, w *wire, deadline limiter) *End {
	conn.SetReadLimit(-1) // the pumps have their own
	return &End{conn: conn, wire: w, deadline: deadline}
}

// Protocol returns the subprotocol that the two sides have agreed to, empty if
// to none.
func (e *End) Protocol() string { return e.conn.Subprotocol() }

// Break breaks the connection off without a word.
func (e *End) Break() { _ = e.wire.Close() }

// Close says goodbye with a code and a reason and waits for the answer, for
// as long as patience lasts. The connection is closed afterwards.
func (e *End) Close(g Goodbye, patience time.Duration) {
	done := make(chan struct{})
	limit := time.AfterFunc(patience, func() {
		e.Break() // ends whatever is waited for below
		close(done)
	})
	if g.Code == 0 {
		e.Break()
		_ = e.conn.CloseNow() // it is broken
	} else {
		_ = e.conn.Close(g.Code, fit(g.Reason)) // a peer that has left need not hear it
	}
	if !limit.Stop() {
		<-done
	}
	e.Break()
}

// A Goodbye is what a close frame says. Without a code the connection is
// broken off without one.
type Goodbye struct {
	Code   websocket.StatusCode
	Reason string
}

// maxReason is the longest reason that fits into a close frame, in bytes. RFC
// 6455 §5.5.
const maxReason = 123

// fit returns reason as a close frame can carry it: valid UTF-8, cut between
// two characters.
func fit(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	return reason
}

// read reads the next part of a message and notes that the peer is there. It
// returns io.EOF at the true end of the message alone.
func (e *End) read(r io.Reader, p []byte) (int, error) {
	e.reading.Store(true)
	n, err := r.Read(p)
	e.reading.Store(false)
	e.seen.Add(1)
	if isEnd(err) && e.wire.ended.Load() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next waits for the next message.
func (e *End) next() (websocket.MessageType, io.Reader, error) {
	e.reading.Store(true)
	// Without an end of its own the context costs nothing, and cannot close
	// the connection before a proper goodbye.
	kind, r, err := e.conn.Reader(context.Background())
	e.reading.Store(false)
	e.seen.Add(1)
	return kind, r, err
}

// within runs a write that must be done in limit, zero meaning any time. The
// deadline is taken off again: answers to pings are written at any time.
func (e *End) within(limit time.Duration, write func() error) error {
	if e.deadline == nil || limit <= 0 {
		return write()
	}
	e.mu.Lock()
	e.writers++
	_ = e.deadline.SetWriteDeadline(time.Now().Add(limit)) // fails only on a dead connection
	e.mu.Unlock()
	err := write()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writers--; e.writers == 0 {
		_ = e.deadline.SetWriteDeadline(time.Time{}) // fails only on a dead connection
	}
	return err
}

// dead asks the peer for a sign of life and reports whether there is none.
// While nobody reads from it, its answer could not be seen, so that nothing is
// known then. A connection that has ended meanwhile is for its reader to tell
// of.
func (e *End) dead(patience time.Duration) bool {
	seen := e.seen.Load()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := e.conn.Ping(ctx)
	return err != nil && ctx.Err() != nil && e.reading.Load() && e.seen.Load() == seen
}

// goodbye returns what the peer has said in its close frame, if err is one.
func goodbye(err error) (Goodbye, bool) {
	if ce, ok := errors.AsType[websocket.CloseError](err); ok {
		return Goodbye{ce.Code, ce.Reason}, true
	}
	return Goodbye{}, false
}

// lost reports whether err is a connection that has ended, and not something
// that cannot be understood.
func lost(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}
