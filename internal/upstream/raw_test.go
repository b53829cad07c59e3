package upstream_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A conn is one connection to a server that speaks HTTP only as far as its
// test wants it to.
type conn struct {
	*net.TCPConn
	r *bufio.Reader
	t testing.TB
}

// raw runs script for every connection, each in a goroutine of its own, and
// closes the connection when script returns. It returns the server's URL and
// how many connections there have been.
func raw(t testing.TB, script func(n int, c *conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var scripts sync.WaitGroup
	scripts.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Errorf("accepting: %v", err)
				return
			}
			scripts.Go(func() {
				defer c.Close()
				script(n, &conn{c.(*net.TCPConn), bufio.NewReader(c), t})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		scripts.Wait()
	})
	return "http://" + l.Addr().String()
}

// request reads one request with its body and returns the body, or false if
// the connection ended instead.
func (c *conn) request() (string, bool) {
	r, err := http.ReadRequest(c.r)
	if err != nil {
		return "", false
	}
	b, err := io.ReadAll(r.Body)
	return string(b), err == nil
}

// send writes s. The other side may be gone already.
func (c *conn) send(s ...string) { _, _ = io.WriteString(c, strings.Join(s, "")) }

// reset ends the connection with a RST.
func (c *conn) reset() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// wait returns when the other side has closed the connection.
func (c *conn) wait() { _, _ = io.Copy(io.Discard, c.r) }

const (
	sse     = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk   = "5\r\nhello\r\n"
	noChunk = "0\r\n\r\n"
)
