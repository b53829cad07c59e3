package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// BenchmarkWhole is one small request with its answer over sockets: client,
// gateway and upstream in one process. Its allocations are those of all
// three; the client's and the upstream's are few, because they are raw.
func BenchmarkWhole(b *testing.B) {
	const answer = `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	c := dialRaw(b, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer))
	b.ReportAllocs()
	for b.Loop() {
		c.roundTrip(b, hello)
	}
}

// BenchmarkEvents is one stream of 1,000 events.
func BenchmarkEvents(b *testing.B) {
	event := "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("y", 100) + "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
	var s strings.Builder
	s.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 1000 {
		fmt.Fprintf(&s, "%x\r\n%s\r\n", len(event), event)
	}
	fmt.Fprintf(&s, "%x\r\n%s\r\n0\r\n\r\n", 14, "data: [DONE]\n\n")
	c := dialRaw(b, s.String())
	b.ReportAllocs()
	for b.Loop() {
		c.roundTrip(b, `{"model":"m","stream":true,"messages":[]}`)
	}
}

// A rawClient sends requests over one connection to a gateway whose upstream
// answers the same to everything.
type rawClient struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialRaw(b *testing.B, answer string) *rawClient {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerAll(conn, answer)
		}
	}()
	b.Cleanup(func() { ln.Close() })
	g := gatetest.Start(b, `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: { api_key: made-up-key-0123 } }]
models: [{ name: m, targets: [{ upstream: up, model: theirs }] }]
keys: [{ name: k, secret: 0123456789abcdef }]
`, "UP", "http://"+ln.Addr().String())
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &rawClient{conn, bufio.NewReader(conn)}
}

// answerAll reads requests with a Content-Length and answers each.
func answerAll(conn net.Conn, answer string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if n, _ := fmt.Sscanf(string(line), "Content-Length: %d", &length); n == 1 {
				continue
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

func (c *rawClient) roundTrip(b *testing.B, body string) {
	b.Helper()
	_, err := fmt.Fprintf(c.conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer 0123456789abcdef\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		b.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n == 0 || resp.StatusCode != 200 {
		b.Fatalf("status %d, %d bytes, %v", resp.StatusCode, n, err)
	}
}
