package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// early is a gateway before an upstream that answers before it has read. Of
// the models, the one passes as it is, the other is renamed: its body is
// another buffer.
const early = `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", ca_file: "${CA}", auth: { bearer: "` + upstreamSecret + `" } }]
models:
  - { name: "plain*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }
  - { name: "renamed*", targets: [{ upstream: up, model: theirs, dialects: [chat, responses, messages, completions] }] }
`

// patterned is a request of about n bytes that says everywhere whose it is.
func patterned(model string, id, n int) string {
	const head, tail = `","messages":[{"role":"user","content":"`, `"}]}`
	return `{"model":"` + model + head + strings.Repeat(fmt.Sprintf("%07d ", id), n/8) + tail
}

// foreign returns what is wrong with a body that patterned made, or with the
// beginning of one: the first of its bytes that is not its own.
func foreign(body []byte) string {
	_, content, ok := bytes.Cut(body, []byte(`"content":"`))
	if !ok || len(content) < 8 {
		return "" // too little came
	}
	own := content[:8]
	for len(content) >= 8 && bytes.Equal(content[:8], own) {
		content = content[8:]
	}
	if end := []byte(`"}]}`); bytes.HasPrefix(own, content) || bytes.HasPrefix(end, content) || bytes.Equal(end, content) {
		return ""
	}
	return fmt.Sprintf("%q in the body of %q", tail(string(content[:min(len(content), 64)])), own)
}

// slowly reads r to its end in small pieces, so that whoever writes must wait.
func slowly(r io.Reader) []byte {
	var all []byte
	buf := make([]byte, 4<<10)
	for n := 0; ; n++ {
		if n%16 == 0 {
			<-time.After(8 * time.Millisecond)
		}
		m, err := r.Read(buf)
		if all = append(all, buf[:m]...); err != nil {
			return all
		}
	}
}

// narrow returns a listener whose connections take little before they are
// read, so that large requests are still being written when they are answered.
func narrow(t *testing.T) net.Listener {
	t.Helper()
	cfg := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if e := raw.Control(func(fd uintptr) {
			// A small segment size keeps the sender's own buffer small too.
			err = errors.Join(
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536))
		}); e != nil {
			return e
		}
		return err
	}}
	ln, err := cfg.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestEarlyAnswers: while an upstream goes on reading the body of a request
// that it has answered, the body's buffer is nobody else's.
func TestEarlyAnswers(t *testing.T) {
	var late atomic.Int64 // bodies that were read on behind the answer
	check := func(body []byte) {
		if fault := foreign(body); fault != "" {
			t.Errorf("the upstream got %s", fault)
		}
	}
	up := serveProvider(t, &provider{ln: narrow(t), early: true}, func(c *upcall) {
		// Each connection serves once: a used one has larger buffers.
		if c.header.Get("User-Agent") != "early" {
			b, _ := io.ReadAll(c.in) // a body that was cut is no fault
			check(b)
			body := goodAnswers[c.path].whole
			c.send(jsonHead, "Connection: close\r\n", length(len(body)), "\r\n", body)
			return
		}
		events := goodAnswers[c.path].events
		c.send(streamHead, "Connection: close\r\n\r\n", events[0])
		b := slowly(c.in)
		if len(b) > 200<<10 {
			late.Add(1)
		}
		check(b)
		c.send(events[1:]...)
	})
	g := gatetest.Start(t, early, "UP", strings.Replace(up.URL, "https", "http", 1), "CA", "")
	n := crowd(t, g)
	if late.Load() == 0 {
		t.Error("no body was read behind its answer; the test proves nothing")
	}
	g.Entries(t, n)
	up.idle(t)
}

// crowd sends requests whose bodies share the sizes of pooled buffers, one in
// four of them to be answered early, and checks the answers. It returns how
// many there were.
func crowd(t *testing.T, g *gatetest.Gate) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // a hung test says so
	defer cancel()
	sizes := [...]int{1 << 10, 20 << 10, 100 << 10, 200 << 10, 225 << 10, 250 << 10}
	var clients sync.WaitGroup
	for client := range 16 {
		const each = 16
		n += each
		clients.Go(func() {
			for i := range each {
				model, agent := [...]string{"plain", "renamed"}[i%2], "prompt"
				if (client+i)%4 == 0 {
					agent = "early"
				}
				body := patterned(model, client*1000+i, sizes[(client+i)%len(sizes)])
				r, err := converseOnce(ctx, g, "/v1/chat/completions", body, "User-Agent", agent)
				if err != nil || r.status != http.StatusOK || r.broken != nil || !strings.Contains(r.body, "hi") {
					t.Errorf("%s, %s, %d bytes: %v, %+v; want the answer", agent, model, len(body), err, r)
					return
				}
			}
		})
	}
	clients.Wait()
	return n
}

// TestEarlyAnswersHTTP2 is TestEarlyAnswers for an upstream that speaks
// HTTP/2, where all requests share a connection and the windows are narrow.
func TestEarlyAnswersHTTP2(t *testing.T) {
	var late atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came over %s", r.Proto)
		}
		var body []byte
		if r.Header.Get("User-Agent") != "early" {
			body, _ = io.ReadAll(r.Body)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, goodAnswers[r.URL.Path].whole)
		if body == nil {
			_ = http.NewResponseController(w).Flush()
			if body = slowly(r.Body); len(body) > 200<<10 {
				late.Add(1)
			}
		}
		if fault := foreign(body); fault != "" {
			t.Errorf("the upstream got %s", fault)
		}
	}))
	srv.EnableHTTP2 = true
	srv.Config.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20}
	srv.StartTLS()
	defer srv.Close()
	g := gatetest.Start(t, early, "UP", srv.URL, "CA", caFile(t, srv.TLS))
	n := crowd(t, g)
	if late.Load() == 0 {
		t.Error("no body was read behind its answer; the test proves nothing")
	}
	g.Entries(t, n)
}

// caFile writes the certificate of a test server into a file.
func caFile(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pemOf(cfg.Certificates[0].Certificate[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestLargeBodiesThatNobodyReads: bodies of 8 MiB, and an upstream that answers
// and then reads nothing, or resets.
func TestLargeBodiesThatNobodyReads(t *testing.T) {
	const size = 8 << 20
	for _, tt := range []struct {
		name  string
		after func(c *upcall)
		codes map[llm.Code]bool
	}{
		{"reads nothing", func(c *upcall) { c.wait(t) }, map[llm.Code]bool{"": true}},
		{"resets", func(c *upcall) { c.reset() }, map[llm.Code]bool{"": true, llm.CodeUpstreamLost: true, llm.CodeUpstreamTruncated: true}},
		{"refuses and closes", func(*upcall) {}, map[llm.Code]bool{llm.CodeUpstreamRejected: true, llm.CodeUpstreamLost: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := serveProvider(t, &provider{ln: narrow(t), early: true}, func(c *upcall) {
				if strings.HasPrefix(tt.name, "refuses") {
					const body = `{"error":{"message":"too large","type":"invalid_request_error","param":null,"code":"x"}}`
					c.send("HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n", length(len(body)), "\r\n", body)
				} else {
					c.good()
					c.keep = false
				}
				tt.after(c)
			})
			g := gatetest.Start(t, early, "UP", strings.Replace(up.URL, "https", "http", 1), "CA", "")
			const clients = 4
			var all sync.WaitGroup
			for i := range clients {
				all.Go(func() {
					model := [...]string{"plain", "renamed"}[i%2]
					if _, err := converseOnce(t.Context(), g, "/v1/chat/completions", patterned(model, i, size)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for _, e := range g.Entries(t, clients) {
				if !tt.codes[e.Code] || len(e.Attempts) != 1 {
					t.Errorf("entry: code %q, attempts %+v; want one of %v", e.Code, e.Attempts, tt.codes)
				}
			}
			up.idle(t)
		})
	}
}

// wait waits until the gateway has closed the connection, without reading.
func (c *upcall) wait(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write([]byte(" ")); err != nil {
			return
		}
	}
}
