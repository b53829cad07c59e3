package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// A rawH2 says in HTTP/2 (RFC 9113) what no client library says.
type rawH2 struct {
	*wire
	out bytes.Buffer
}

const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway, frameWindow = 0, 1, 3, 4, 7, 8

	endStream, endHeaders = 1, 4 // flags
)

// raw opens a connection and begins to speak.
func (g *secureGate) raw(t *testing.T) *rawH2 {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(g.URL, "https://"), &tls.Config{RootCAs: g.roots, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.NetConn().Close() }) // without waiting to say goodbye
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	h := &rawH2{wire: &wire{Conn: conn, t: t}}
	h.out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	return h
}

// frame adds a frame to what the next flush sends.
func (h *rawH2) frame(typ, flags byte, stream uint32, payload []byte) {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	h.out.Write(append(append(length[1:], typ, flags), binary.BigEndian.AppendUint32(nil, stream)...))
	h.out.Write(payload)
}

func (h *rawH2) flush() {
	h.t.Helper()
	h.send(h.out.String())
	h.out.Reset()
}

// block is a header block of literals without indexing (RFC 7541 §6.2.2), each
// shorter than 127 bytes.
func block(pairs ...string) []byte {
	var b bytes.Buffer
	for i, s := range pairs {
		if i%2 == 0 {
			b.WriteByte(0)
		}
		b.WriteByte(byte(len(s)))
		b.WriteString(s)
	}
	return b.Bytes()
}

// outcome reads until the stream is answered, reset, or lost with its
// connection. An answer is its header block.
func (h *rawH2) outcome(stream uint32) (typ byte, payload []byte) {
	h.t.Helper()
	for {
		var head [9]byte
		if _, err := io.ReadFull(h, head[:]); err != nil {
			return frameGoAway, nil
		}
		payload = make([]byte, binary.BigEndian.Uint32(append([]byte{0}, head[:3]...)))
		if _, err := io.ReadFull(h, payload); err != nil {
			return frameGoAway, nil
		}
		id := binary.BigEndian.Uint32(head[5:])
		if head[3] == frameGoAway || id == stream && (head[3] == frameHeaders || head[3] == frameReset) {
			return head[3], payload
		}
	}
}

// TestHTTP2Smuggling: what HTTP/2 can say and HTTP/1 forbids goes no further.
func TestHTTP2Smuggling(t *testing.T) {
	g := startTLS(t, "", simple)
	plain := []string{":method", "POST", ":scheme", "https", ":path", "/v1/chat/completions", ":authority", "localhost", "content-type", "application/json"}
	with := func(more ...string) []string { return append(slices.Clone(plain), more...) }
	but := func(name, value string) []string {
		b := slices.Clone(plain)
		if i := slices.Index(b, name); value == "" {
			return slices.Delete(b, i, i+2)
		} else {
			b[i+1] = value
		}
		return b
	}
	const ok, bad = "\x88", "\x8c" // :status 200 and 400 in the static table
	for _, tt := range []struct {
		name    string
		headers []string
		want    string // in the answer's header block; empty: reset, or the connection is closed
	}{
		{"nothing wrong", plain, ok},
		{"a path in absolute form is one of HTTP/1's", but(":path", "https://localhost/v1/chat/completions"), ok},
		{"connection", with("connection", "keep-alive"), bad},
		{"proxy-connection", with("proxy-connection", "keep-alive"), bad},
		{"keep-alive", with("keep-alive", "timeout=5"), bad},
		{"transfer-encoding", with("transfer-encoding", "chunked"), bad},
		{"upgrade", with("upgrade", "h2c"), bad},
		{"TE beside trailers", with("te", "gzip"), bad},
		{"a name in capitals", with("X-Api-Key", "k"), ""},
		{"a name with a space", with("x-api-key ", "k"), ""},
		{"a name with CR LF", with("x: a\r\nx-api-key", "k"), ""},
		{"a value with CR LF", with("user-agent", "a\r\nx-api-key: k"), ""},
		{"a value with LF", with("user-agent", "a\nx-api-key: k"), ""},
		{"a value with NUL", with("user-agent", "a\x00b"), ""},
		{"two paths", with(":path", "/v1/models"), ""},
		{"an unknown pseudo-header", with(":x", "y"), ""},
		{"WebSocket", with(":protocol", "websocket"), ""},
		{"no path", but(":path", ""), ""},
		{"no method", but(":method", ""), ""},
		{"a path with CR LF", but(":path", "/v1/models HTTP/1.1\r\nx: y"), ""},
		{"a path without slash", but(":path", "v1/chat/completions"), ""},
		{"a method with CR LF", but(":method", "POST / HTTP/1.1\r\nx: y"), ""},
		{"another authority than host", append(but(":authority", "evil.example"), "host", "localhost"), "403"},
		{"a body longer than it says", with("content-length", "10"), ""},
		{"a body shorter than it says", with("content-length", "1000"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Sim.Served().Total
			h := g.raw(t)
			h.frame(frameSettings, 0, 0, nil)
			h.frame(frameHeaders, endHeaders, 1, block(tt.headers...))
			h.frame(frameData, endStream, 1, []byte(hello))
			h.flush()
			typ, got := h.outcome(1)
			if answered := typ == frameHeaders; answered != (tt.want != "") || !bytes.Contains(got, []byte(tt.want)) {
				t.Errorf("frame %d with %q, want an answer with %q (if empty: none)", typ, got, tt.want)
			}
			if n := g.Sim.Served().Total - before; (n != 0) != (tt.want == ok) {
				t.Errorf("%d requests reached the upstream", n)
			}
		})
	}
	for _, e := range g.Entries(t, 4)[2:] { // those with bodies of another length
		if e.Code != llm.CodeClientClosed || len(e.Attempts) != 0 {
			t.Errorf("entry = %+v, want a client that broke off", e)
		}
	}
}

// TestHTTP2NeverReads: a client that lets the connection itself fill up. What
// waits in it cannot be reset, so the connection is closed.
func TestHTTP2NeverReads(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "write: 300ms", simple)
	h := g.raw(t)
	h.frame(frameSettings, 0, 0, []byte{0, 4, 0x7f, 0xff, 0xff, 0xff}) // INITIAL_WINDOW_SIZE: the largest
	h.frame(frameWindow, 0, 0, []byte{0x7f, 0xff, 0, 0})
	h.frame(frameHeaders, endHeaders, 1, block(":method", "POST", ":scheme", "https", ":path", "/v1/chat/completions", ":authority", "localhost",
		"content-type", "application/json", "x-sim-event-delay", "1us", "x-sim-event-size", "60000"))
	h.frame(frameData, endStream, 1, []byte(`{"model":"sim-endless","stream":true,"messages":[{"role":"user","content":"x"}]}`))
	h.flush()
	// Which of the two it is depends on whether the exchange was writing.
	e := g.Entries(t, 1)[0]
	if e.Code != llm.CodeClientTooSlow && e.Code != llm.CodeClientClosed || e.BytesOut > 64<<20 {
		t.Errorf("entry = %+v, want a client that is too slow, after no more than the sockets hold", e)
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
}

// TestTLSSlowness: who is slow to begin, in TLS or in HTTP/2, is hung up on.
func TestTLSSlowness(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "header: 300ms, idle: 300ms", simple)
	plain := func(text string) *wire {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		w := &wire{Conn: conn, r: bufio.NewReader(conn), t: t}
		w.send(text)
		return w
	}
	h2 := func(frames func(*rawH2)) *wire {
		h := g.raw(t)
		h.frame(frameSettings, 0, 0, nil)
		frames(h)
		h.flush()
		h.r = bufio.NewReader(h.Conn)
		return h.wire
	}
	for name, w := range map[string]*wire{
		"no handshake":        plain(""),
		"half a handshake":    plain("\x16\x03\x01\x02\x00\x01\x00"),
		"HTTP without TLS":    plain("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"no stream":           h2(func(*rawH2) {}),
		"headers without end": h2(func(h *rawH2) { h.frame(frameHeaders, 0, 1, block(":method", "POST")) }),
		"half a frame":        h2(func(h *rawH2) { h.out.WriteString("\x00\x10\x00\x01") }),
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.end()
		})
	}
	wantNothing(t, g.Gate)
}
