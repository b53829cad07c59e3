package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// A conn knows whether somebody is waiting for its next byte.
type conn struct {
	net.Conn

	mu      sync.Mutex
	changed sync.Cond
	reading bool // guarded by mu
	closed  bool // guarded by mu
}

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
	c.note(&c.reading, true)
	n, err := c.Conn.Read(p)
	c.note(&c.reading, false)
	return n, err
}

func (c *conn) Close() error {
	c.note(&c.closed, true)
	return c.Conn.Close()
}

func (c *conn) note(what *bool, is bool) {
	c.mu.Lock()
	*what = is
	c.mu.Unlock()
	if is {
		c.changed.Broadcast()
	}
}

// settle returns when the last answer on a connection that is to be used again
// has been read to its end. An upstream can send more than it has announced,
// and net/http makes a connection available before it looks whether there is
// more: the rest of one client's answer would be the beginning of the next
// one's. While somebody waits for the next byte, there is no rest; if there is
// one, net/http closes the connection.
func settle(nc net.Conn) {
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
}
