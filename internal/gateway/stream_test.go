package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// A dialectCase is one way to ask for a stream.
type dialectCase struct {
	name, path, body string
	failure          string // how a stream that has begun ends in failure
	clean            string // what must not be in one
}

var dialectCases = []dialectCase{ // immutable
	{"chat", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello there, good morning to all of you"}]}`, `data: {"error":{`, "[DONE]"},
	{"completions", "/v1/completions", `{"model":"m","stream":true,"prompt":"hello there, good morning to all of you"}`, `data: {"error":{`, "[DONE]"},
	{"responses", "/v1/responses", `{"model":"m","stream":true,"input":"hello there, good morning to all of you"}`, "event: response.failed\n", "response.completed"},
	{"messages", "/v1/messages", `{"model":"m","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"hello there, good morning to all of you"}]}`, "event: error\n", "message_stop"},
}

// streamed asks for a stream and returns what came until its end.
func streamed(t *testing.T, g *gatetest.Gate, c dialectCase, header ...string) string {
	t.Helper()
	resp := g.Post(t, c.path, c.body, append(header, "anthropic-version", "2023-06-01")...)
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s, error %v; want a stream", c.name, resp.StatusCode, b, err)
	}
	return string(b)
}

// TestBrokenStreams is promise 2: never a clean end.
func TestBrokenStreams(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code
	}{
		{"cut between events", []string{"X-Sim-Cut", "3"}, llm.CodeUpstreamTruncated},
		{"cut in an event", []string{"X-Sim-Cut", "2", "X-Sim-Cut-Bytes", "17"}, llm.CodeUpstreamTruncated},
		{"cut before any event", []string{"X-Sim-Cut", "0"}, llm.CodeUpstreamTruncated},
		{"a clean end too early", []string{"X-Sim-End-Early", "3"}, llm.CodeUpstreamTruncated},
		{"a clean end before any event", []string{"X-Sim-End-Early", "0"}, llm.CodeUpstreamTruncated},
		{"silence", []string{"X-Sim-Stall", "3"}, llm.CodeIdleTimeout},
		{"CRLF and cut", []string{"X-Sim-Crlf", "1", "X-Sim-Cut", "3"}, llm.CodeUpstreamTruncated},
		{"an endless line", []string{"X-Sim-Endless-Line", "1"}, llm.CodeUpstreamTooLarge},
	} {
		g := gatetest.Start(t, `
timeouts: { idle: 150ms }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`)
		for i, c := range dialectCases {
			t.Run(tt.name+"/"+c.name, func(t *testing.T) {
				got := streamed(t, g, c, tt.header...)
				if !strings.Contains(got, c.failure) || strings.Contains(got, c.clean) || !strings.HasSuffix(got, "\n\n") {
					t.Errorf("the stream does not end in its dialect's failure:\n%s", tail(got))
				}
				if !strings.Contains(got, string(tt.code)) {
					t.Errorf("the failure does not name %s:\n%s", tt.code, tail(got))
				}
				e := g.Entries(t, i+1)[i]
				wantEstimate(t, e, tt.code)
			})
		}
	}
}

func tail(s string) string {
	if len(s) > 600 {
		return "…" + s[len(s)-600:]
	}
	return s
}

// wantEstimate checks the entry of an exchange that was cut.
func wantEstimate(t *testing.T, e ledger.Entry, code llm.Code) {
	t.Helper()
	if e.Code != code || len(e.Attempts) != 1 || e.Attempts[0].Code != code {
		t.Errorf("entry = %+v, want code %s with one attempt", e, code)
	}
	if e.Usage.Provenance != llm.UsageEstimated || e.Usage.Input == 0 {
		t.Errorf("usage = %+v, want an estimate", e.Usage)
	}
}

// TestTheUpstreamsOwnFailurePasses: an error event of the upstream is passed
// on and nothing is added to it.
func TestTheUpstreamsOwnFailurePasses(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, c := range dialectCases {
		got := streamed(t, g, c, "X-Sim-Error", "middle")
		if strings.Contains(got, "upstream_") || strings.Contains(got, c.clean) {
			t.Errorf("%s: something was added to the upstream's failure:\n%s", c.name, tail(got))
		}
		if e := g.Entries(t, i+1)[i]; e.Code != llm.CodeUpstreamFailed || e.Status != http.StatusOK {
			t.Errorf("%s: entry = %+v, want status 200 with code %s", c.name, e, llm.CodeUpstreamFailed)
		}
	}
}

// TestWholeAnswersThatBreak: a status where one can still be sent, a broken
// connection where not.
func TestWholeAnswersThatBreak(t *testing.T) {
	const huge = "300KiB"
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code
		abort  bool
	}{
		{"HTML", []string{"X-Sim-Html", "1"}, llm.CodeUpstreamInvalid, false},
		{"cut, small", []string{"X-Sim-Cut", "0"}, llm.CodeUpstreamTruncated, false},
		{"ends too early, small", []string{"X-Sim-End-Early", "0"}, llm.CodeUpstreamTruncated, false},
		{"longer than it says", []string{"X-Sim-Wrong-Length", "-5"}, llm.CodeUpstreamTruncated, false},
		{"shorter than it says", []string{"X-Sim-Wrong-Length", "+5"}, llm.CodeUpstreamTruncated, false},
		{"reset", []string{"X-Sim-Reset", "1"}, llm.CodeUpstreamLost, false},
		{"no first byte", []string{"X-Sim-First-Byte", "5s"}, llm.CodeFirstByteTimeout, false},
		{"cut, large", []string{"X-Sim-Huge", huge, "X-Sim-Cut", "0"}, llm.CodeUpstreamTruncated, true},
		{"a redirect", []string{"X-Sim-Status", "307", "X-Sim-Header", "Location: http://127.0.0.1:1/"}, llm.CodeUpstreamInvalid, false},
		{"401", []string{"X-Sim-Status", "401"}, llm.CodeUpstreamAuth, false},
		{"403", []string{"X-Sim-Status", "403"}, llm.CodeUpstreamAuth, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.Start(t, `
timeouts: { first_byte: 200ms }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`)
			resp := g.Post(t, "/v1/chat/completions", hello, tt.header...)
			b, err := io.ReadAll(resp.Body)
			switch {
			case tt.abort && (resp.StatusCode != http.StatusOK || err == nil):
				t.Errorf("%d, read error %v; want a success that breaks off", resp.StatusCode, err)
			case !tt.abort:
				f := wantFailure(t, resp.StatusCode, resp.Header, string(b), tt.code)
				if strings.Contains(f.Error.Message, "127.0.0.1") {
					t.Errorf("the message shows the upstream's host: %s", f.Error.Message)
				}
			}
			if e := g.Entries(t, 1)[0]; e.Code != tt.code {
				t.Errorf("entry = %+v, want code %s", e, tt.code)
			}
		})
	}
}

// TestRefusalsPass: what an upstream refuses reaches the client as it was
// said, with advice that SDKs understand.
func TestRefusalsPass(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, tt := range []struct {
		status     int
		header     []string
		code       llm.Code
		retryAfter string
	}{
		{400, nil, llm.CodeUpstreamRejected, ""},
		{409, nil, llm.CodeUpstreamRejected, ""},
		{422, nil, llm.CodeUpstreamRejected, ""},
		{429, []string{"X-Sim-Header", "Retry-After: 3"}, llm.CodeUpstreamLimited, "3"},
		{429, nil, llm.CodeUpstreamLimited, "1"},
		{429, []string{"X-Sim-Header", "Retry-After-Ms: 2500"}, llm.CodeUpstreamLimited, "3"},
		{500, nil, llm.CodeUpstreamFailed, ""},
		{503, []string{"X-Sim-Header", "Retry-After: 7"}, llm.CodeUpstreamFailed, "7"},
		{529, nil, llm.CodeUpstreamFailed, ""},
	} {
		resp := g.Post(t, "/v1/chat/completions", hello, append(tt.header, "X-Sim-Status", strconv.Itoa(tt.status))...)
		body := gatetest.Body(t, resp)
		if resp.StatusCode != tt.status || strings.Contains(body, "request_id") || !strings.Contains(body, `"error"`) {
			t.Errorf("%d: got %d %s, want the upstream's own answer", tt.status, resp.StatusCode, body)
		}
		if got := resp.Header.Get("Retry-After"); got != tt.retryAfter {
			t.Errorf("%d %v: Retry-After = %q, want %q", tt.status, tt.header, got, tt.retryAfter)
		}
		if e := g.Entries(t, i+1)[i]; e.Code != tt.code || e.Status != tt.status || e.Attempts[0].Status != tt.status || e.Usage.Provenance != llm.UsageNone {
			t.Errorf("%d: entry = %+v, want code %s and nothing used", tt.status, e, tt.code)
		}
	}
}

// TestStreamsArriveAsTheyCome: an event is not held back until the next one.
func TestStreamsArriveAsTheyCome(t *testing.T) {
	g := gatetest.Start(t, simple)
	for _, c := range dialectCases {
		resp := g.Post(t, c.path, c.body, "anthropic-version", "2023-06-01", "X-Sim-Stall", "2")
		r := bufio.NewReader(resp.Body)
		for events := 0; events < 2; {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v before two events came", c.name, err)
			}
			if line == "\n" {
				events++
			}
		}
		resp.Body.Close()
	}
	// Leaving cancels the upstream calls within a second (promise 4).
	left := time.Now()
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	if took := time.Since(left); took > 3*time.Second {
		t.Errorf("upstream calls ended %v after the clients had left", took)
	}
	for _, e := range g.Entries(t, len(dialectCases)) {
		if e.Code != llm.CodeClientClosed {
			t.Errorf("entry = %+v, want a client that has left", e)
		}
		wantEstimate(t, e, llm.CodeClientClosed)
	}
	for _, r := range g.Sim.Served().Requests {
		if r.Ended != "client_gone" {
			t.Errorf("the upstream's call ended as %q, want client_gone", r.Ended)
		}
	}
}

// TestClientsHangUpAtTheLastEvent, as SDKs and Codex do, and have got all they
// wanted.
func TestClientsHangUpAtTheLastEvent(t *testing.T) {
	const stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n" +
		"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}\n\ndata: [DONE]\n\n"
	up := rawUpstream(t, func(conn *net.TCPConn) {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n%s", stream)
		_, _ = io.Copy(io.Discard, conn) // holds the connection until the gateway closes it
	})
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: "*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`, "UP", up)
	resp := g.Post(t, "/v1/chat/completions", dialectCases[0].body)
	r := bufio.NewReader(resp.Body)
	for line := ""; line != "data: [DONE]\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	resp.Body.Close()
	if e := g.Entries(t, 1)[0]; e.Code != "" || e.Usage.Provenance != llm.UsageReported || e.Usage.Output != 1 {
		t.Errorf("entry = %+v, want a success with its usage", e)
	}
}

// TestCutAfterTheFinish: choices that have finished are complete without
// [DONE], but not where the connection breaks off: usage may be missing.
func TestCutAfterTheFinish(t *testing.T) {
	const finish = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
	for _, tt := range []struct {
		name, answer string
		code         llm.Code
	}{
		{"a clean end", "Connection: close\r\n\r\n" + finish, ""},
		{"a torn one", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(finish), finish), llm.CodeUpstreamTruncated},
	} {
		up := rawUpstream(t, func(conn *net.TCPConn) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%s", tt.answer)
		})
		g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: "*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`, "UP", up)
		got := streamed(t, g, dialectCases[0])
		if strings.Contains(got, string(llm.CodeUpstreamTruncated)) != (tt.code != "") {
			t.Errorf("%s after the finish gives\n%s", tt.name, got)
		}
		if e := g.Entries(t, 1)[0]; e.Code != tt.code {
			t.Errorf("%s after the finish: entry = %+v, want code %q", tt.name, e, tt.code)
		}
	}
}

// TestSlowReader is a client that does not read: the write's time is up, the
// upstream is cancelled, and memory stays bounded.
func TestSlowReader(t *testing.T) {
	g := gatetest.Start(t, `
listen: { timeouts: { write: 300ms } }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`)
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"model":"sim-endless","stream":true,"messages":[{"role":"user","content":"x"}]}`
	io.WriteString(conn, request("POST", "/v1/chat/completions", body, "X-Sim-Event-Delay: 1us", "X-Sim-Event-Size: 60000"))
	e := g.Entries(t, 1)[0]
	if e.Code != llm.CodeClientTooSlow || e.BytesOut > 64<<20 {
		t.Errorf("entry = %+v, want a client that is too slow, after no more than the sockets hold", e)
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
}
