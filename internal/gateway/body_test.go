package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// small is a gateway whose limits a test can reach.
const small = `
listen: { body_limit: 100KiB, body_memory: 200KiB, timeouts: { body: 200ms } }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
`

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t testing.TB, s string, o ...zstd.EOption) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderConcurrency(1)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(s), nil))
}

// padded is a request of n bytes.
func padded(n int) string {
	const head, tail = `{"model":"m","messages":[{"role":"user","content":"`, `"}]}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestBodyLimits(t *testing.T) {
	g := gatetest.Start(t, small)
	const limit = 100 << 10
	for _, tt := range []struct {
		name, encoding, body string
		code                 llm.Code
	}{
		{"just fits", "", padded(limit), ""},
		{"one byte more", "", padded(limit + 1), llm.CodeBodyTooLarge},
		{"gzip", "gzip", gzipped(t, hello), ""},
		{"gzip in capitals", "GZIP", gzipped(t, hello), ""},
		{"zstd", "zstd", zstandard(t, hello), ""},
		{"identity", "identity", hello, ""},
		{"gzip that decodes to too much", "gzip", gzipped(t, padded(limit+1)), llm.CodeBodyTooLarge},
		{"zstd that decodes to too much", "zstd", zstandard(t, padded(limit+1)), llm.CodeBodyTooLarge},
		{"zstd that says so", "zstd", zstandard(t, padded(1<<20)), llm.CodeBodyTooLarge},
		{"gzip that is none", "gzip", hello, llm.CodeInvalidEncoding},
		{"gzip that is cut", "gzip", gzipped(t, hello)[:30], llm.CodeInvalidEncoding},
		{"zstd that is none", "zstd", hello, llm.CodeInvalidEncoding},
		{"an empty gzip body", "gzip", "", llm.CodeInvalidEncoding},
		{"twice", "gzip, gzip", gzipped(t, gzipped(t, hello)), llm.CodeUnsupportedEncoding},
		{"brotli", "br", hello, llm.CodeUnsupportedEncoding},
		{"deflate", "deflate", hello, llm.CodeUnsupportedEncoding},
		{"no body", "", "", llm.CodeInvalidJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{"Content-Type", "application/json"}
			if tt.encoding != "" {
				header = append(header, "Content-Encoding", tt.encoding)
			}
			for _, chunked := range []bool{false, true} {
				status, h, body := post(t, g, tt.body, chunked, header...)
				if tt.code != "" {
					wantFailure(t, status, h, body, tt.code)
				} else if status != http.StatusOK {
					t.Errorf("chunked %v: %d %s, want 200", chunked, status, body)
				}
			}
		})
	}
	for _, r := range g.Sim.Served().Requests {
		if r.Headers.Get("Content-Encoding") != "" || r.BodySize == 0 {
			t.Errorf("upstream got an encoded or empty body: %v", r.Headers)
		}
	}
}

// post sends a body with its length, or in chunks without it.
func post(t *testing.T, g *gatetest.Gate, body string, chunked bool, header ...string) (int, http.Header, string) {
	t.Helper()
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for i := 0; i < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	if !chunked {
		return raw(t, g, head+"Content-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
	}
	head += "Transfer-Encoding: chunked\r\n\r\n"
	for len(body) > 0 {
		n := min(len(body), 7000)
		head += fmt.Sprintf("%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return raw(t, g, head+"0\r\n\r\n")
}

func TestBombs(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
`)
	zeros := strings.Repeat("\x00", 40<<20)
	var wide bytes.Buffer // a window of 64 MiB
	w, err := zstd.NewWriter(&wide, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, zeros)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// A frame that says its window is 64 MiB and then holds nothing large: the
	// magic number, a descriptor without checksum and size, the window, and one
	// last raw block (RFC 8878 §3.1.1).
	asking := "\x28\xb5\x2f\xfd\x00\x80" + "\x11\x00\x00" + "{}"
	for _, tt := range []struct{ name, encoding, body string }{
		{"zstd window, nothing in it", "zstd", asking},
		{"gzip", "gzip", gzipped(t, zeros)},
		{"zstd", "zstd", zstandard(t, zeros, zstd.WithWindowSize(1<<20))},
		{"zstd window", "zstd", wide.String()},
	} {
		status, h, body := post(t, g, tt.body, false, "Content-Type", "application/json", "Content-Encoding", tt.encoding)
		wantFailure(t, status, h, body, llm.CodeUnsupportedEncoding)
	}
}

// TestBodyMemory is promise 7 for all bodies together: clients that hold
// their bodies back keep others out with a 503, and let them in when they go.
func TestBodyMemory(t *testing.T) {
	g := gatetest.Start(t, small)
	body := padded(100 << 10)
	var held []net.Conn
	hold := func() { // each may take 128 KiB of 200
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Sim-First-Byte: 30s\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)-1])
	}
	defer func() {
		for _, conn := range held {
			conn.Close()
		}
	}()
	gatetest.Until(t, func() bool {
		hold() // again: those who are silent for too long are not waited for
		resp := g.Post(t, "/v1/chat/completions", body)
		b := gatetest.Body(t, resp)
		if resp.StatusCode == http.StatusOK {
			return false
		}
		wantFailure(t, resp.StatusCode, resp.Header, b, llm.CodeOverloaded)
		if resp.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After = %q, want 1", resp.Header.Get("Retry-After"))
		}
		return true
	})
	for _, conn := range held {
		conn.Close()
	}
	gatetest.Until(t, func() bool {
		resp := g.Post(t, "/v1/chat/completions", body)
		gatetest.Body(t, resp)
		return resp.StatusCode == http.StatusOK
	})
}

// TestSlowBody is about clients that stop sending, or trickle.
func TestSlowBody(t *testing.T) {
	g := gatetest.Start(t, small)
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a hung test says so
	io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // one byte now and then, far below the slowest rate
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := conn.Write([]byte("{")); err != nil {
					return
				}
			case <-stop:
				return
			}
		}
	}()
	answer, _ := io.ReadAll(conn) // ends with a reset where bytes were left unread
	close(stop)
	<-done
	if !bytes.Contains(answer, []byte("408 Request Timeout")) || !bytes.Contains(answer, []byte(llm.CodeRequestTimeout)) {
		t.Errorf("a trickling client got %q, want 408", answer)
	}
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeRequestTimeout || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("entry = %+v, want a request timeout that used nothing", e)
	}
}

// TestClientLeavesWhileSending leaves an entry and nothing else.
func TestClientLeavesWhileSending(t *testing.T) {
	g := gatetest.Start(t, small)
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	conn.Close()
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeClientClosed || e.Status != 499 || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("entry = %+v, want a client that has left and used nothing", e)
	}
}
