package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestTransparentTooLarge: a body that is too large is refused before anything
// is sent, or cut where nobody knew.
func TestTransparentTooLarge(t *testing.T) {
	const limit = 4096
	var whole, cut atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		if r.URL.Path == "/early" {
			w.WriteHeader(200)
			_ = rc.Flush()
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			cut.Add(1)
			return
		}
		whole.Add(1)
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, "listen: { body_limit: 4KiB }\n"+door, "UP", up.URL)
	n := 0
	post := func(path, header, body string) *wire {
		w := connect(t, g)
		w.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n" + body)
		return w
	}

	w := post("/a", fmt.Sprintf("Content-Length: %d", limit+1), "")
	status, header, body := w.answer()
	wantFailure(t, status, header, body, llm.CodeBodyTooLarge)
	n++
	if e := lastEntry(t, g, n); e.Code != llm.CodeBodyTooLarge || len(e.Attempts) != 0 || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("entry = %+v, want a refusal without an attempt", e)
	}

	w = post("/a", "Transfer-Encoding: chunked", chunk(strings.Repeat("x", limit))+chunk("y")+"0\r\n\r\n")
	status, header, body = w.answer()
	wantFailure(t, status, header, body, llm.CodeBodyTooLarge)
	n++
	gatetest.Until(t, func() bool { return cut.Load() == 1 })
	if e := lastEntry(t, g, n); e.Code != llm.CodeBodyTooLarge || e.Status != 413 {
		t.Errorf("entry = %+v, want a refusal", e)
	}

	w = post("/early", "Transfer-Encoding: chunked", chunk("x"))
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v; want a status before the body has come", resp, err)
	}
	w.send(chunk(strings.Repeat("x", limit)))
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer ended well after %q", b)
	}
	n++
	gatetest.Until(t, func() bool { return cut.Load() == 2 })
	if e := lastEntry(t, g, n); e.Code != llm.CodeBodyTooLarge || e.Status != 200 {
		t.Errorf("entry = %+v, want one that was cut", e)
	}

	for _, body := range []string{"Content-Length: 4096\r\n\r\n" + strings.Repeat("x", limit), "Transfer-Encoding: chunked\r\n\r\n" + chunk(strings.Repeat("x", limit)) + "0\r\n\r\n"} {
		head, body, _ := strings.Cut(body, "\r\n\r\n")
		w := post("/a", head, body)
		if status, _, text := w.answer(); status != 200 {
			t.Errorf("%s: %d %s, want 200", head, status, text)
		}
	}
	if whole.Load() != 2 || cut.Load() != 2 {
		t.Errorf("the upstream got %d requests whole and %d cut, want 2 and 2", whole.Load(), cut.Load())
	}
}

// TestTransparentBadBodies: half a request never looks like a whole one.
func TestTransparentBadBodies(t *testing.T) {
	var whole atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, "listen: { timeouts: { body: 200ms } }\n"+door, "UP", up.URL)
	for i, tt := range []struct {
		name, header, body string
		leave              bool
		code               llm.Code
	}{
		{"silence", "Content-Length: 10", "abc", false, llm.CodeRequestTimeout},
		{"silence in a chunk", "Transfer-Encoding: chunked", "5\r\nab", false, llm.CodeRequestTimeout},
		{"silence before it", "Content-Length: 10", "", false, llm.CodeRequestTimeout},
		{"broken chunks", "Transfer-Encoding: chunked", "5\r\nabcdefghij", false, llm.CodeInvalidEncoding},
		{"the client leaves", "Content-Length: 10", "abc", true, llm.CodeClientClosed},
		{"the client leaves in a chunk", "Transfer-Encoding: chunked", "5\r\nab", true, llm.CodeClientClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := connect(t, g)
			w.send("POST /a HTTP/1.1\r\nHost: localhost\r\n" + tt.header + "\r\n\r\n" + tt.body)
			if tt.leave {
				w.Close()
			} else {
				status, header, body := w.answer()
				wantFailure(t, status, header, body, tt.code)
			}
			if e := lastEntry(t, g, i+1); e.Code != tt.code {
				t.Errorf("entry = %+v, want code %s", e, tt.code)
			}
		})
	}
	if n := whole.Load(); n != 0 {
		t.Errorf("the upstream took %d of them for whole", n)
	}
}

// TestTransparentUpstreamFails: before the first byte the client is told in
// OpenAI's words, afterwards by a connection that breaks off.
func TestTransparentUpstreamFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(c *upcall)
		code   llm.Code
		status int // sent before it failed; 0: none
	}{
		{"no answer", func(c *upcall) { c.hang() }, llm.CodeFirstByteTimeout, 0},
		{"it hangs up", func(*upcall) {}, llm.CodeUpstreamLost, 0},
		{"a reset", func(c *upcall) { c.reset() }, llm.CodeUpstreamLost, 0},
		{"no HTTP", func(c *upcall) { c.send("SSH-2.0-x\r\n") }, llm.CodeUpstreamInvalid, 0},
		{"a switch that was not asked for", func(c *upcall) {
			c.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		}, llm.CodeUpstreamInvalid, 0},
		{"half a body", func(c *upcall) { c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") }, llm.CodeUpstreamTruncated, 200},
		{"half a refusal", func(c *upcall) { c.send("HTTP/1.1 400 No\r\nContent-Length: 10\r\n\r\nabc") }, llm.CodeUpstreamTruncated, 400},
		{"chunks without end", func(c *upcall) { c.send(chunked(jsonHead), chunk("{")) }, llm.CodeUpstreamTruncated, 200},
		{"a stream that is cut", func(c *upcall) {
			c.send(chunked(streamHead), chunk(goodAnswers["/v1/chat/completions"].events[0]))
		}, llm.CodeUpstreamTruncated, 200},
		{"a stream that is reset", func(c *upcall) { c.send(chunked(streamHead), chunk("data: x\n\n")); c.reset() }, "", 200},
		{"bad chunks", func(c *upcall) { c.send(chunked(streamHead), "zz\r\n") }, llm.CodeUpstreamInvalid, 200},
		{"silence", func(c *upcall) { c.send(chunked(streamHead), chunk("data: x\n\n")); c.hang() }, llm.CodeIdleTimeout, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, tt.answer)
			g := gatetest.Start(t, "timeouts: { first_byte: 300ms, idle: 300ms }\n"+door, "UP", up.URL)
			w := connect(t, g)
			w.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
			if tt.status == 0 {
				status, header, body := w.answer()
				f := wantFailure(t, status, header, body, tt.code)
				if strings.Contains(f.Error.Message, strings.TrimPrefix(up.URL, "http://")) {
					t.Errorf("the message shows the upstream's address: %s", body)
				}
			} else {
				resp, err := http.ReadResponse(w.r, nil)
				if err != nil || resp.StatusCode != tt.status {
					t.Fatalf("%v, %v; want status %d", resp, err, tt.status)
				}
				if b, err := io.ReadAll(resp.Body); err == nil {
					t.Errorf("the answer ended well after %q", b)
				} else if strings.Contains(string(b), "error") {
					t.Errorf("something was put into the answer: %q", b)
				}
			}
			e := lastEntry(t, g, 1)
			if e.Code != tt.code && tt.code != "" || e.Code == "" || tt.status != 0 && e.Status != tt.status {
				t.Errorf("entry = %+v, want code %s", e, tt.code)
			}
		})
	}
	nowhere := gatetest.Start(t, door, "UP", "http://127.0.0.1:1")
	resp := nowhere.Do(t, "GET", "/v1/messages", "")
	f := wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeUpstreamConnect)
	if f.Type == "error" {
		t.Error("the error is in Anthropic's shape")
	}
}

// TestTransparentRefusalInLog: whoever looks for the reason of a refusal that
// has passed finds in one line where the request went and what the upstream
// said, and no credential.
func TestTransparentRefusalInLog(t *testing.T) {
	const path, key = "/openai/deployments/my-gpt/chat/completions", "azure-key-0123456789"
	for _, tt := range []struct {
		name, coding, body string
		want               string
	}{
		{"in Azure's words", "", `{"error":{"code":"DeploymentNotFound","message":"There is no such deployment."}}`, "status 404, code DeploymentNotFound: There is no such deployment."},
		{"in no known words", "", "<html>Nothing here", "status 404, and the answer begins: <html>Nothing here"},
		{"one that quotes a key", "", `{"error":{"message":"the key ` + key + ` of ` + key + ` is bad"}}`, "status 404: the key [redacted] of [redacted] is bad"},
		{"a long one", "", strings.Repeat("x", 100_000), "status 404, and the answer begins: " + strings.Repeat("x", 400)},
		{"compressed", "gzip", "\x1f\x8b123", "status 404, and nothing of a body"},
		{"without a body", "", "", "status 404, and nothing of a body"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMirror(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.coding != "" {
					w.Header().Set("Content-Encoding", tt.coding)
				}
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, tt.body)
			})
			g := gatetest.Start(t, door, "UP", m.URL)
			resp := g.Do(t, "POST", path+"?api-version=1&api-key="+key, "{}", "api-key", key, "accept-encoding", "gzip")
			if body := gatetest.Body(t, resp); body != tt.body {
				t.Errorf("body = %.100q, want it unchanged", body)
			}
			if e := lastEntry(t, g, 1); e.Method != "POST" || e.Path != path {
				t.Errorf("entry = %s %s", e.Method, e.Path)
			}
			var lines []map[string]any
			gatetest.Until(t, func() bool { // the line comes behind the entry
				lines = g.Log.Lines(t, "exchange")
				return len(lines) == 1
			})
			cause, _ := lines[0]["error"].(string)
			if !strings.Contains(cause, tt.want) || len(cause) > 2000 || lines[0]["method"] != "POST" || lines[0]["path"] != path {
				t.Errorf("line = %v, want an error with %q", lines[0], tt.want)
			}
			if strings.Contains(g.Log.String(), key) {
				t.Errorf("the log shows the key: %s", g.Log)
			}
		})
	}
}

// TestTransparentClientLeaves: the upstream is told within a second.
func TestTransparentClientLeaves(t *testing.T) {
	for i, say := range []string{
		"", "HTTP/1.1 200 OK\r\n", chunked(streamHead), chunked(streamHead) + chunk("data: x\n\n"),
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nabc",
	} {
		said, gone := make(chan struct{}), make(chan struct{})
		up := newProvider(t, func(c *upcall) {
			c.send(say)
			close(said)
			c.hang()
			close(gone)
		})
		g := gatetest.Start(t, door, "UP", up.URL)
		w := connect(t, g)
		w.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
		<-said
		if strings.Contains(say, "\r\n\r\n") {
			if _, err := w.r.ReadByte(); err != nil { // the client has seen something of it
				t.Fatal(err)
			}
		}
		left := time.Now()
		w.Close()
		<-gone
		if took := time.Since(left); took > soon {
			t.Errorf("%d: the upstream was told after %v", i, took)
		}
		if e := lastEntry(t, g, 1); e.Code != llm.CodeClientClosed {
			t.Errorf("%d: entry = %+v, want a client that has left", i, e)
		}
	}
}

// TestTransparentSlowReader: who does not read holds the upstream up, and not
// the memory, until the time for a write is over.
func TestTransparentSlowReader(t *testing.T) {
	var sent atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := bytes.Repeat([]byte("x"), 64<<10)
		for {
			n, err := w.Write(piece)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, "listen: { timeouts: { write: 500ms } }\n"+door, "UP", up.URL)
	w := connect(t, g)
	w.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
	e := lastEntry(t, g, 1)
	if n := sent.Load(); e.Code != llm.CodeClientTooSlow || n > 64<<20 {
		t.Errorf("entry = %+v after %d bytes, want a client that is too slow, after no more than the sockets hold", e, n)
	}
}

// TestTransparentEarlyAnswer: an answer that comes before the body reaches a
// client that is still sending.
func TestTransparentEarlyAnswer(t *testing.T) {
	up := serveProvider(t, &provider{early: true}, func(c *upcall) {
		c.send("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}")
		c.hang()
	})
	g := gatetest.Start(t, "listen: { timeouts: { body: 300ms } }\n"+door, "UP", up.URL)
	w := connect(t, g)
	w.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1000))
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := gatetest.Body(t, resp); resp.StatusCode != 401 || body != "{}" || !resp.Close {
		t.Errorf("%v %q, want the upstream's answer, as the last on this connection", resp, body)
	}
	w.send(strings.Repeat("x", 1000)) // it may still send
	if rest := w.end(); rest != "" {
		t.Errorf("%q behind what was to be the last answer on this connection", rest)
	}
	if e := lastEntry(t, g, 1); e.Status != 401 || e.Code != llm.CodeUpstreamRejected {
		t.Errorf("entry = %+v, want the upstream's refusal", e)
	}
	settle(t)
}

// TestTransparentReuse: one connection carries many exchanges.
func TestTransparentReuse(t *testing.T) {
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
	g := gatetest.Start(t, door, "UP", m.URL)
	w := connect(t, g)
	for i := range 10 {
		path := fmt.Sprint("/", i)
		for _, text := range []string{
			"GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
			"POST " + path + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		} {
			w.send(text)
			if status, _, body := w.answer(); status != 200 || body != path {
				t.Fatalf("%d %q, want %q", status, body, path)
			}
		}
	}
	g.Entries(t, 30)
}

// TestTransparentStop: a stop cuts what passes, and accounts for it.
func TestTransparentStop(t *testing.T) {
	up := newProvider(t, func(c *upcall) { c.send(chunked(streamHead), chunk("data: x\n\n")); c.hang() })
	g := gatetest.Start(t, `
listen: { drain: 50ms }
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", auth: passthrough }]
models: [{ name: m, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
transparent: { upstream: up, address: "127.0.0.1:0" }
`, "UP", up.URL)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, g.App.DoorURL()+"/v1/chat/completions", strings.NewReader("{}"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	g.Stop(t)
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer ended well after %q", b)
	}
	if e := lastEntry(t, g, 1); e.Code != llm.CodeShuttingDown {
		t.Errorf("entry = %+v, want one that a stop has cut", e)
	}
}
