package telemetry

import (
	"io"
	"sync"
	"time"
)

const (
	// bufferSize is how much is collected before it is written at once.
	bufferSize = 32 << 10

	// bufferDelay is how long a line waits to be written, at most.
	bufferDelay = 50 * time.Millisecond
)

// Buffered collects log lines and writes many of them in one go: under load a
// system call for each would be the dearest part of a line. A line is written
// at the latest 50 milliseconds after it came, so that a person who looks on
// notices nothing; a process that is killed loses that much.
//
// It may be used by several goroutines at once. Close must be called.
type Buffered struct {
	w io.Writer

	mu     sync.Mutex
	buf    []byte      // what has not been written; guarded by mu
	timer  *time.Timer // writes it when it is time; guarded by mu
	armed  bool        // timer is running; guarded by mu
	closed bool
	err    error // of the last write; guarded by mu
}

// NewBuffered returns a buffer in front of w.
func NewBuffered(w io.Writer) *Buffered {
	b := &Buffered{w: w, buf: make([]byte, 0, bufferSize)}
	b.timer = time.AfterFunc(time.Hour, b.tick)
	b.timer.Stop()
	return b
}

// Write takes p. Its error is that of an earlier write to the writer behind.
func (b *Buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buf)+len(p) > bufferSize {
		b.flush()
	}
	b.buf = append(b.buf, p...)
	switch {
	case len(b.buf) > bufferSize: // one line of that size: not to be kept
		b.flush()
		b.buf = make([]byte, 0, bufferSize)
	case b.closed:
		b.flush()
	case !b.armed:
		b.armed = true
		b.timer.Reset(bufferDelay)
	}
	err := b.err
	b.err = nil
	return len(p), err
}

// Close writes what is left. What is written after Close is written at once.
func (b *Buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.timer.Stop()
	b.flush()
	return b.err
}

func (b *Buffered) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	b.flush()
}

// flush writes what has been collected. b.mu is held.
func (b *Buffered) flush() {
	if len(b.buf) == 0 {
		return
	}
	if _, err := b.w.Write(b.buf); err != nil {
		b.err = err
	}
	b.buf = b.buf[:0]
}
