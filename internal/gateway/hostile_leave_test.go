package gateway_test

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// keylessPost is a POST to the keyless listener, on a connection that stays.
func keylessPost(path, body string, header ...string) string {
	head := "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nanthropic-version: 2023-06-01\r\n"
	for _, h := range header {
		head += h + "\r\n"
	}
	return head + sized(body)
}

// TestClientsThatLeave: whenever a client leaves, its call is cancelled within
// a second and its exchange accounted once. To close one's half of the
// connection is to leave: no HTTP client does it and wants an answer, and
// nothing else would tell of one that has died.
func TestClientsThatLeave(t *testing.T) {
	hangUp := func(c net.Conn) { c.Close() }
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() }
	halfClose := func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }
	stream := dialectCases[2].body
	for _, tt := range []struct {
		name, text string
		until      string // what is read before the client leaves
		leave      func(net.Conn)
		want       llm.Usage // of the provenance alone
		called     bool
	}{
		{"before the body", posted("Content-Length: 1000"), "", hangUp, llm.Usage{Provenance: llm.UsageNone}, false},
		{"before the body, by half", posted("Content-Length: 1000"), "", halfClose, llm.Usage{Provenance: llm.UsageNone}, false},
		{"before the body, in chunks", posted("Transfer-Encoding: chunked"), "", hangUp, llm.Usage{Provenance: llm.UsageNone}, false},
		{"in the body", posted("Content-Length: 1000") + `{"model":`, "", hangUp, llm.Usage{Provenance: llm.UsageNone}, false},
		{"in a chunk", posted("Transfer-Encoding: chunked") + "ff\r\n" + `{"model":`, "", reset, llm.Usage{Provenance: llm.UsageNone}, false},
		{"between two chunks", posted("Transfer-Encoding: chunked") + "1\r\n{\r\n", "", hangUp, llm.Usage{Provenance: llm.UsageNone}, false},
		{"while the upstream thinks", keylessPost("/v1/chat/completions", hello, "X-Sim-First-Byte: 30s"), "", hangUp, llm.Usage{Provenance: llm.UsageEstimated}, true},
		{"while the upstream thinks, by reset", keylessPost("/v1/chat/completions", hello, "X-Sim-First-Byte: 30s"), "", reset, llm.Usage{Provenance: llm.UsageEstimated}, true},
		{"while the upstream thinks, by half", keylessPost("/v1/chat/completions", hello, "X-Sim-First-Byte: 30s"), "", halfClose, llm.Usage{Provenance: llm.UsageEstimated}, true},
		{"in a stream", keylessPost("/v1/responses", stream, "X-Sim-Stall: 5"), "response.created", hangUp, llm.Usage{Provenance: llm.UsageEstimated}, true},
		{"in a stream, by half", keylessPost("/v1/responses", stream, "X-Sim-Stall: 5"), "response.created", halfClose, llm.Usage{Provenance: llm.UsageEstimated}, true},
		{"in a stream that flows", keylessPost("/v1/responses", stream, "X-Sim-Event-Delay: 10ms", "X-Sim-Events: endless"), "response.created", reset, llm.Usage{Provenance: llm.UsageEstimated}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.Start(t, simple)
			w := connect(t, g)
			w.send(tt.text)
			if tt.called {
				gatetest.Until(t, func() bool { return g.Sim.Served().Total == 1 })
			}
			for got := ""; !strings.Contains(got, tt.until); {
				line, err := w.r.ReadString('\n')
				if err != nil {
					t.Fatalf("%v after %q", err, got)
				}
				got += line
			}
			left := time.Now()
			tt.leave(w.Conn)
			e := g.Entries(t, 1)[0]
			if took := time.Since(left); took > 3*time.Second {
				t.Errorf("accounted after %v, want within a second", took)
			}
			if e.Code != llm.CodeClientClosed || e.Usage.Provenance != tt.want.Provenance || len(e.Attempts) != int(g.Sim.Served().Total) {
				t.Errorf("entry = %+v, want %s with usage %s", e, llm.CodeClientClosed, tt.want.Provenance)
			}
			gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
			for _, r := range g.Sim.Served().Requests {
				if r.Ended != "client_gone" {
					t.Errorf("the upstream's call ended as %q, want client_gone", r.Ended)
				}
			}
		})
	}
}

// TestClientLeavesAtTheEnd: who has read everything has been served.
func TestClientLeavesAtTheEnd(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, c := range dialectCases {
		w := connect(t, g)
		w.send(keylessPost(c.path, c.body))
		if status, _, body := w.answer(); status != http.StatusOK || !strings.Contains(body, c.clean) {
			t.Errorf("%s: %d %s", c.name, status, tail(body))
		}
		w.Close()
		if e := g.Entries(t, i+1)[i]; e.Code != "" || e.Usage.Provenance != llm.UsageReported {
			t.Errorf("%s: entry = %+v, want success", c.name, e)
		}
	}
}

// TestManyClientsLeave: 200 clients leave at random moments.
func TestManyClientsLeave(t *testing.T) {
	const clients = 200
	g := gatetest.Start(t, simple)
	random := rand.New(rand.NewPCG(1, 2)) // the same moments each time
	var wg sync.WaitGroup
	for i := range clients {
		c, bytes, how := dialectCases[i%len(dialectCases)], random.IntN(4000), random.IntN(3)
		wg.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = io.WriteString(conn, keylessPost(c.path, c.body, "X-Sim-Event-Delay: 1ms", "Connection: close"))
			if how == 0 {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
			_, _ = io.CopyN(io.Discard, conn, int64(1+bytes)) // it has begun: the exchange exists
		})
	}
	wg.Wait()
	codes := map[llm.Code]int{}
	for _, e := range g.Entries(t, clients) {
		codes[e.Code]++
		if e.Usage.Provenance == llm.UsageNone || e.Usage.Input == 0 {
			t.Errorf("entry = %+v, want what was used", e)
		}
	}
	if n := codes[""] + codes[llm.CodeClientClosed]; n != clients || codes[llm.CodeClientClosed] == 0 {
		t.Errorf("the exchanges ended as %v, want successes and clients that have left", codes)
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	settle(t)
}

// TestOneConnection is a thousand requests of all kinds on one connection.
func TestOneConnection(t *testing.T) {
	g := gatetest.Start(t, simple)
	kinds := []struct {
		text, want string
		status     int
		entry      bool
	}{
		{keylessPost("/v1/chat/completions", hello), "echo: hello", 200, true},
		{keylessPost("/v1/chat/completions", dialectCases[0].body), "data: [DONE]\n\n", 200, true},
		{keylessPost("/v1/chat/completions", `{"model":"m",}`), "invalid_json", 400, true},
		{keylessPost("/v1/responses", dialectCases[2].body), "response.completed", 200, true},
		{keylessPost("/v1/messages", dialectCases[3].body), "message_stop", 200, true},
		{keylessPost("/v1/chat/completions", hello, "X-Sim-Status: 429"), "error", 429, true},
		{keylessPost("/v1/chat/completions", hello, "X-Sim-Status: 401"), "upstream_authentication_failed", 502, true},
		{keylessPost("/v1/chat/completions", hello, "X-Sim-Html: 1"), "upstream_invalid_response", 502, true},
		{keylessPost("/v1/responses", dialectCases[2].body, "X-Sim-Cut: 3"), "response.failed", 200, true},
		{keylessPost("/v1/chat/completions", hello, "Content-Encoding: identity"), "echo: hello", 200, true},
		{strings.Replace(posted("Transfer-Encoding: chunked")+inChunks(hello), "Content-Type", "content-type", 1), "echo: hello", 200, true},
		{posted("Content-Encoding: gzip\r\nContent-Length: ") + "", "", 0, false}, // replaced below
		{"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", `"object":"list"`, 200, false},
		{"GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "unknown_url", 404, false},
		{"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\n\r\n", "method_not_allowed", 405, false},
		{"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "ok", 200, false},
	}
	z := gzipped(t, hello)
	kinds[11].text = strings.Replace(keylessPost("/v1/chat/completions", z), "Host:", "Content-Encoding: gzip\r\nHost:", 1)
	kinds[11].want, kinds[11].status, kinds[11].entry = "echo: hello", 200, true
	w := connect(t, g)
	ids := map[string]bool{}
	entries := 0
	for i := range 1000 {
		k := kinds[(i*7+i/len(kinds))%len(kinds)]
		w.send(k.text)
		status, header, body := w.answer()
		if status != k.status || !strings.Contains(body, k.want) {
			t.Fatalf("request %d: %d %s, want %d with %q\n%s", i, status, tail(body), k.status, k.want, k.text)
		}
		if id := header.Get("X-Request-Id"); id == "" || ids[id] {
			t.Errorf("request %d has the id %q, want a new one", i, id)
		}
		ids[header.Get("X-Request-Id")] = true
		if k.entry {
			entries++
		}
	}
	for _, e := range g.Entries(t, entries) {
		if !ids[e.ID] {
			t.Errorf("entry %+v of no request", e)
		}
	}
}

// TestWriteDeadlineEndsWithItsRequest: what one answer may take does not count
// against the next on the same connection.
func TestWriteDeadlineEndsWithItsRequest(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := gatetest.Start(t, `
listen: { timeouts: { write: 100ms } }
`+simple)
	w := connect(t, g)
	for i := range 4 {
		w.send(posted("Expect: 100-continue", "Content-Length: "+strconv.Itoa(len(hello))))
		if status, _, _ := w.answer(); status != http.StatusContinue {
			t.Fatalf("request %d: %d, want 100", i, status)
		}
		w.send(hello)
		if status, _, body := w.answer(); status != http.StatusOK {
			t.Fatalf("request %d: %d %s, want 200", i, status, body)
		}
		<-time.After(150 * time.Millisecond) // longer than a write may take
	}
	g.Entries(t, 4)
}
