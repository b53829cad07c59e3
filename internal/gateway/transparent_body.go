package gateway

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// A passingBody is the body of a request on its way through the transparent
// door. A goroutine of the transport reads it, perhaps when the exchange has
// ended already: leave keeps it from the connection then.
type passingBody struct {
	x      *exchange
	cancel context.CancelCauseFunc // ends the call to the upstream
	limit  int64                   // in bytes

	reading sync.Mutex // held by Read

	mu   sync.Mutex // not held while the client is waited for
	n    int64      // bytes read; guarded by mu, as are all below
	done bool       // it has been read to its end
	left bool       // it is not to be read any more
	err  error      // why it could not be read to its end
}

var errBodyLeft = errors.New("the exchange has ended")

func newPassingBody(x *exchange, cancel context.CancelCauseFunc) *passingBody {
	return &passingBody{x: x, cancel: cancel, limit: x.snap.BodyLimit}
}

// Read gives a piece of the body as it comes. An error ends the call to the
// upstream: half a request must not look like a whole one.
func (b *passingBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.await(); err != nil {
		return 0, err
	}
	n, err := b.x.r.Body.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += int64(n)
	switch {
	case b.left:
		return 0, errBodyLeft
	case b.n > b.limit:
		err = tooLarge(b.limit)
		n = 0
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		b.finish()
		return n, err
	case err == nil && b.n == b.x.r.ContentLength:
		b.finish()
		return n, nil
	case err == nil:
		return n, nil
	default:
		err = b.failed(err)
	}
	b.err = err
	b.cancel(err)
	return n, err
}

// because returns why the body could not be read, if that is why the call to
// the upstream has ended with err. net/http cancels a request when a read of its
// body fails, before anybody learns why.
func (b *passingBody) because(err error) error {
	if b == nil || !isCancelled(err) || b.x.r.Context().Err() == nil || b.complete() {
		return err
	}
	b.reading.Lock() // a read that has failed is about to say so
	defer b.reading.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	return err
}

// await gives the next read its deadline. Silence for too long ends it.
func (b *passingBody) await() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left {
		return errBodyLeft
	}
	if silence := b.x.h.bodyTimeout; silence > 0 && !b.done {
		if err := b.x.rc.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
	}
	if b.x.cut() {
		return ErrShutdown // heedShutdown may have been before the deadline above
	}
	return nil
}

// finish takes the deadline off again, for the reason that [bodyReader.finish]
// has. It is called with mu held.
func (b *passingBody) finish() {
	if !b.done && b.x.h.bodyTimeout > 0 {
		_ = b.x.rc.SetReadDeadline(time.Time{}) // fails only on a dead connection
	}
	b.done = true
}

// failed tells a client that stopped sending from one that has left.
func (b *passingBody) failed(err error) error {
	in := intake{raw: &bodyReader{x: b.x, err: err}}
	return in.error(err)
}

// complete reports whether the body has been read to its end.
func (b *passingBody) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

// leave keeps the body from being read any more. A read that is waiting for
// the client goes on until its deadline. It returns whether the body has been
// read to its end, and how many bytes of it were.
func (b *passingBody) leave() (complete bool, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = true
	return b.done, b.n
}
