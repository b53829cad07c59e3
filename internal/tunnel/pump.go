package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/coder/websocket"

	"github.com/weir-gateway/weir/internal/llm"
)

const (
	firstBuffer = 4 << 10

	// maxHeld is how much of an upstream's message is held back until its end
	// has come. Larger ones are passed on in pieces of this size.
	maxHeld = 64 << 10
)

// up passes the client's messages to the upstream, whole.
func (t *tunnel) up() {
	for {
		kind, r, err := t.Client.next()
		if err != nil {
			t.clientEnded(err)
			return
		}
		if !t.upMessage(kind, r) {
			return
		}
	}
}

// upMessage passes one message on. It returns false if the tunnel has ended.
func (t *tunnel) upMessage(kind websocket.MessageType, r io.Reader) bool {
	buf := t.Buffer()
	defer buf.Drop()
	message, ok := t.gather(buf, r)
	if !ok {
		return false
	}
	t.in.Messages++
	t.in.Bytes += int64(len(message))
	forward, answer := t.Traffic.FromClient(kind == websocket.MessageText, message)
	if answer != nil {
		said := func() error { return t.Client.conn.Write(context.Background(), websocket.MessageText, answer) }
		if !t.toClient(said) {
			return false
		}
	}
	if forward == nil {
		return true
	}
	t.writing.Store(int64(t.now()))
	err := t.Upstream.conn.Write(context.Background(), kind, forward)
	t.writing.Store(0)
	if err != nil {
		t.leave(func() { t.upstreamLost(err) })
		return false
	}
	t.touch()
	return true
}

// gather reads a whole message of the client into buf.
func (t *tunnel) gather(buf Buffer, r io.Reader) (message []byte, ok bool) {
	b, size := []byte(nil), 0
	for {
		if len(b) == size {
			// One byte beyond the limit is enough to see that it is passed.
			size = min(max(2*size, firstBuffer), t.MaxMessage+1)
			var err error
			if b, err = buf.Extend(b, size); err != nil {
				t.fail(llm.AsError(err))
				return nil, false
			}
		}
		n, err := t.Client.read(r, b[len(b):size])
		b = b[:len(b)+n]
		if len(b) > t.MaxMessage {
			t.fail(t.tooLarge("the client's message"))
			return nil, false
		}
		t.touch()
		switch {
		case isEnd(err):
			return b, true
		case err != nil:
			t.clientEnded(err)
			return nil, false
		}
	}
}

// isEnd reports whether err is the end of a message. An error that only wraps
// io.EOF is a connection that has ended.
func isEnd(err error) bool { return err == io.EOF } //nolint:errorlint // io.Reader's contract

func (t *tunnel) tooLarge(what string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeMessageTooLarge, Op: opRead,
		Public: fmt.Sprintf("%s is larger than %d bytes", what, t.MaxMessage),
	}
}

// down passes the upstream's messages to the client.
func (t *tunnel) down() {
	for {
		kind, r, err := t.Upstream.next()
		if err != nil {
			t.upstreamEnded(err)
			return
		}
		if !t.downMessage(kind, r) {
			return
		}
	}
}

// downMessage passes one message on: at once if it is small, else in pieces.
func (t *tunnel) downMessage(kind websocket.MessageType, r io.Reader) bool {
	d := download{t: t, kind: kind, buf: t.Buffer()}
	defer d.buf.Drop()
	b, size, total := []byte(nil), 0, 0
	for {
		if len(b) == size && size < maxHeld {
			grown, err := d.buf.Extend(b, min(max(2*size, firstBuffer), maxHeld))
			switch {
			case err == nil:
				b, size = grown, min(max(2*size, firstBuffer), maxHeld)
			case size == 0:
				t.fail(llm.AsError(err))
				return false
			}
		}
		if len(b) == size { // no more is held back
			if !d.pass(b, false) {
				return false
			}
			b = b[:0]
		}
		n, err := t.Upstream.read(r, b[len(b):size])
		b = b[:len(b)+n]
		if total += n; total > t.MaxMessage {
			t.failUpstream(t.tooLarge("a message of the upstream"), websocket.StatusMessageTooBig)
			return false
		}
		t.touch()
		switch {
		case err == nil:
		case isEnd(err):
			return d.pass(b, true)
		default:
			t.upstreamEnded(err)
			return false
		}
	}
}

// A download is one message on its way to the client.
type download struct {
	t    *tunnel
	kind websocket.MessageType
	buf  Buffer
	w    io.WriteCloser // nil until the first piece of several
}

// pass writes one piece. It returns false if the tunnel has ended.
func (d *download) pass(piece []byte, last bool) bool {
	t := d.t
	t.Traffic.FromUpstream(d.kind == websocket.MessageText, piece, last)
	ok := t.toClient(func() error {
		if d.w == nil {
			if last {
				return t.Client.conn.Write(context.Background(), d.kind, piece)
			}
			w, err := t.Client.conn.Writer(context.Background(), d.kind)
			if err != nil {
				return err
			}
			d.w = w
			t.torn.Store(true)
		}
		if _, err := d.w.Write(piece); err != nil || !last {
			return err
		}
		if err := d.w.Close(); err != nil {
			return err
		}
		t.torn.Store(false)
		return nil
	})
	if !ok {
		return false
	}
	t.out.Bytes += int64(len(piece))
	if last {
		t.out.Messages++
	}
	t.Traffic.Sent(len(piece))
	return true
}

// toClient runs a write to the client. It returns false if the tunnel has
// ended.
func (t *tunnel) toClient(write func() error) bool {
	err := t.Client.within(t.WriteTimeout, write)
	switch {
	case err == nil:
		t.touch()
		return true
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.end(ending{
			err: &llm.Error{Code: llm.CodeClientTooSlow, Op: opRun, Err: err}, byClient: true,
			upstream: Goodbye{websocket.StatusGoingAway, clientHasLeft},
		})
	default:
		t.leave(func() { t.clientLost(err) })
	}
	return false
}

// leaveTime is how long a failed write waits for what the side that was
// written to has said before: a close frame says more than a lost connection.
const leaveTime = 500 * time.Millisecond

// leave ends the tunnel by lost, unless somebody else does it before.
func (t *tunnel) leave(lost func()) {
	timer := time.NewTimer(leaveTime)
	defer timer.Stop()
	select {
	case <-t.over:
	case <-timer.C:
		lost()
	}
}

const clientHasLeft = "the client has left"

// clientEnded ends the tunnel because nothing more can be read of the client.
func (t *tunnel) clientEnded(err error) {
	if said, ok := goodbye(err); ok {
		t.end(ending{byClient: true, client: said, upstream: said})
		return
	}
	if lost(err) {
		t.clientLost(err)
		return
	}
	how := ending{
		err:      &llm.Error{Code: llm.CodeInvalidValue, Op: opRead, Public: "the client's frames are not those of a WebSocket (RFC 6455)", Err: err},
		byClient: true, client: Goodbye{websocket.StatusProtocolError, ""}, upstream: Goodbye{websocket.StatusGoingAway, clientHasLeft},
	}
	t.end(how)
}

// clientLost ends the tunnel because the client has gone without a word.
func (t *tunnel) clientLost(err error) {
	t.end(ending{
		err: &llm.Error{Code: llm.CodeClientClosed, Op: opRead, Err: err}, byClient: true,
		upstream: Goodbye{websocket.StatusGoingAway, clientHasLeft},
	})
}

// upstreamEnded ends the tunnel because nothing more can be read of the
// upstream.
func (t *tunnel) upstreamEnded(err error) {
	said, ok := goodbye(err)
	if !ok {
		if lost(err) {
			t.upstreamLost(err)
			return
		}
		t.failUpstream(&llm.Error{Code: llm.CodeUpstreamInvalid, Op: opRead, Err: err}, websocket.StatusProtocolError)
		return
	}
	said.Reason = t.Traffic.Reason(said.Reason)
	how := ending{client: said, upstream: said}
	switch said.Code {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
	default:
		how.err = &llm.Error{Code: llm.CodeUpstreamFailed, Op: opRead, Err: fmt.Errorf("it closed the socket with code %d: %q", said.Code, said.Reason)}
	}
	t.end(how)
}

// upstreamLost ends the tunnel because the upstream has gone without a word.
func (t *tunnel) upstreamLost(err error) {
	t.failUpstream(&llm.Error{Code: llm.CodeUpstreamTruncated, Op: opRead, Public: "the connection to the upstream was lost", Err: err}, 0)
}

// failUpstream is fail for what the upstream is to blame for. It is told by
// code, if that is not zero.
func (t *tunnel) failUpstream(err *llm.Error, code websocket.StatusCode) {
	client := websocket.StatusBadGateway
	if err.Code == llm.CodeMessageTooLarge {
		client = websocket.StatusMessageTooBig
	}
	t.end(ending{err: err, told: true, client: Goodbye{client, err.Message()}, upstream: Goodbye{code, ""}})
}
