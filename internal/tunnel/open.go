package tunnel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Accept answers the handshake of r, which must be a valid one, and returns
// the client's end. Whoever calls it has decided about the Origin. protocol is
// the subprotocol that is agreed to, one that the client has offered; empty
// agrees to none. When it fails, w has been answered or its client is gone.
func Accept(w http.ResponseWriter, r *http.Request, protocol string) (*End, error) {
	h := &hijacked{ResponseWriter: w}
	conn, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{protocol},
		InsecureSkipVerify: true, // of the Origin, not of any certificate
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, err
	}
	return newEnd(conn, h.wire, h.conn), nil
}

// hijacked remembers the connection that was taken from a server.
type hijacked struct {
	http.ResponseWriter
	wire *wire
	conn net.Conn
}

// Hijack implements [http.Hijacker].
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire, h.conn = &wire{ReadWriteCloser: conn}, conn
	return hijackedConn{conn, h.wire}, rw, nil
}

// hijackedConn reads by way of a wire.
type hijackedConn struct {
	net.Conn
	wire *wire
}

// Read implements [io.Reader].
func (c hijackedConn) Read(p []byte) (int, error) { return c.wire.Read(p) }

// Dial asks the server at url, an http or https URL, for a WebSocket, through
// a transport that speaks HTTP/1.1 for that. The response is what it has
// answered, nil if it has not: then the error is that of the transport.
//
// The end is nil unless the server has agreed. The body of a response with
// another status than 101 is whole, and the caller's to close.
func Dial(ctx context.Context, through http.RoundTripper, url string, header http.Header, protocols []string) (*End, *http.Response, error) {
	h := &handshake{through: through}
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: h},
		HTTPHeader:      header,
		Subprotocols:    protocols,
		CompressionMode: websocket.CompressionDisabled,
	})
	switch {
	case err == nil:
		return newEnd(conn, h.wire, nil), h.resp, nil
	case h.err != nil:
		return nil, nil, h.err // without what the client of HTTP says about it
	default:
		return nil, h.resp, err
	}
}

// A handshake carries one request through a transport and keeps what came
// back: the library that asks keeps only a part of it.
type handshake struct {
	through http.RoundTripper
	resp    *http.Response
	err     error
	wire    *wire
}

var errNotAgreed = errors.New("the server did not agree to a WebSocket")

// RoundTrip returns an answer that agrees, and an error otherwise, so that no
// redirect is ever followed.
func (h *handshake) RoundTrip(r *http.Request) (*http.Response, error) {
	h.resp, h.err = h.through.RoundTrip(r)
	if h.err != nil {
		return nil, h.err
	}
	if h.resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, errNotAgreed
	}
	conn, ok := h.resp.Body.(io.ReadWriteCloser)
	if !ok {
		_ = h.resp.Body.Close() // it cannot be used
		return nil, fmt.Errorf("the transport gives no connection but a %T", h.resp.Body)
	}
	h.wire = &wire{ReadWriteCloser: conn}
	agreed := *h.resp // the library takes the body out of it
	agreed.Body = h.wire
	return &agreed, nil
}

// A wire is the connection below a socket. It remembers that it has come to
// its end: the library takes that for the end of a message, if it comes in the
// middle of one.
type wire struct {
	io.ReadWriteCloser
	err   error       // to be returned by the next Read
	ended atomic.Bool // Read has returned an error
}

// Read implements [io.Reader]. It never returns bytes and an error together.
func (w *wire) Read(p []byte) (int, error) {
	if w.err != nil {
		w.ended.Store(true)
		return 0, w.err
	}
	n, err := w.ReadWriteCloser.Read(p)
	switch {
	case err != nil && n > 0:
		w.err = err
		return n, nil
	case err != nil:
		w.ended.Store(true)
	}
	return n, err
}

// A limiter limits the time of writes.
type limiter interface{ SetWriteDeadline(t time.Time) error }
