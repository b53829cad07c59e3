package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
)

// A conn keeps what is left of one answer from becoming the beginning of the
// next. An upstream can send more than it has announced, and net/http makes a
// connection available before it looks whether there is more. What arrives
// only after the next request was written nobody can tell from its answer.
type conn struct {
	net.Conn

	mu      sync.Mutex
	changed sync.Cond
	reading bool // somebody waits for the next byte; guarded by mu
	closed  bool // guarded by mu
	taken   bool // by a request of which nothing has been written; guarded by mu
}

// errLeftover is what the reader gets instead of bytes that no request has
// asked for. It closes the connection.
var errLeftover = fmt.Errorf("the upstream had sent more than it announced: %w", io.ErrUnexpectedEOF) // immutable

// watched returns a function that dials as d does and returns a *conn.
func watched(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: plain}
		c.changed.L = &c.mu
		return c, nil
	}
}

func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	c.reading = true
	c.mu.Unlock()
	c.changed.Broadcast()
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
	if n > 0 && c.taken {
		return 0, errLeftover
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.taken = false
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.changed.Broadcast()
	return c.Conn.Close()
}

// take prepares a connection that has served before for another request. It
// returns when the last answer has been read to its end: while somebody waits
// for the next byte, nothing is left of it in any buffer. What comes from now
// on until the request is written is nobody's.
func take(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return // its frames say whose they are
		}
		nc = t.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.reading && !c.closed {
		c.changed.Wait()
	}
	c.taken = true
}
