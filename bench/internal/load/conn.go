package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// deadline bounds one connection's life. No measurement takes nearly as long.
const deadline = 2 * time.Minute

// A Request is one request as it goes over the wire, head and body.
type Request []byte

// NewRequest returns a POST of a JSON body to path at addr, with key as bearer
// token and the header fields that a plain client sends.
func NewRequest(addr, path, key string, body []byte) Request {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n"+
		"Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, addr, key, len(body), body)
}

// A conn is one client connection. One goroutine uses it at a time.
type conn struct {
	net net.Conn
	r   *bufio.Reader
}

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		c.Close()
		return nil, err
	}
	return &conn{net: c, r: bufio.NewReaderSize(c, 4<<10)}, nil
}

// A Want says whether the body of an answer is as it should be. It does not
// keep it.
type Want func(body []byte) error

// Exactly wants the bytes that the upstream sends.
func Exactly(want []byte) Want {
	return func(got []byte) error {
		if !bytes.Equal(got, want) {
			return fmt.Errorf("answer differs from the upstream's: %.200q", got)
		}
		return nil
	}
}

// Holding wants JSON in which each of some texts stands.
func Holding(texts ...string) Want {
	return func(got []byte) error {
		if len(got) < 2 || got[0] != '{' || got[len(bytes.TrimSpace(got))-1] != '}' {
			return fmt.Errorf("answer is no JSON object: %.200q", got)
		}
		for _, text := range texts {
			if !bytes.Contains(got, []byte(text)) {
				return fmt.Errorf("answer lacks %q: %.2000q", text, got)
			}
		}
		return nil
	}
}

// whole sends req and reads its answer, which must be 200 with the body that is
// wanted.
func (c *conn) whole(req Request, want Want) error {
	if _, err := c.net.Write(req); err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	h, err := c.head()
	if err != nil {
		return err
	}
	if h.size >= 0 && h.size <= c.r.Size() { // the usual case, without copying
		got, err := c.r.Peek(h.size)
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		if err := want(got); err != nil {
			return err
		}
		_, err = c.r.Discard(h.size)
		return err
	}
	got, err := io.ReadAll(c.body(h))
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return want(got)
}

// A head is what counts in the head of an answer with status 200.
type head struct {
	size int // Content-Length, -1 if the body is chunked
}

// head reads the head of an answer. A status other than 200 is an error that
// shows the beginning of the body.
func (c *conn) head() (head, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return head{}, fmt.Errorf("reading a status line: %w", err)
	}
	status := ""
	if f := bytes.Fields(line); len(f) >= 2 {
		status = string(f[1])
	}
	h := head{size: -1}
	chunked := false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return head{}, fmt.Errorf("reading a header: %w", err)
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.size, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return head{}, fmt.Errorf("reading a header: %w", err)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
		}
	}
	if h.size < 0 && !chunked {
		return head{}, errors.New("answer has neither Content-Length nor chunked coding")
	}
	if status != "200" {
		text, _ := io.ReadAll(io.LimitReader(c.body(h), 300)) // only to show it
		return head{}, fmt.Errorf("status %q: %.300q", status, text)
	}
	return h, nil
}

// body returns a reader of the body that follows h.
func (c *conn) body(h head) io.Reader {
	if h.size >= 0 {
		return io.LimitReader(c.r, int64(h.size))
	}
	return &chunkedBody{chunks: httputil.NewChunkedReader(c.r), r: c.r}
}

// A chunkedBody ends with io.EOF only after the last chunk's empty trailer, so
// that the connection can be used again.
type chunkedBody struct {
	chunks io.Reader
	r      *bufio.Reader
	ended  bool
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.chunks.Read(p)
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	b.ended = true
	line, err := b.r.ReadSlice('\n')
	if err != nil {
		return n, fmt.Errorf("reading the end of a chunked body: %w", err)
	}
	if len(line) != 2 {
		return n, fmt.Errorf("chunked body ends with %.50q", line)
	}
	return n, io.EOF
}
