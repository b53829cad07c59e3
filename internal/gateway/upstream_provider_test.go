package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// upstreamSecret is the credential of the upstreams in these tests. No client
// and no log may ever see it.
const upstreamSecret = "sk-upstream-0123456789abcdefghijkl"

// wired is a gateway before one provider that serves every model.
const wired = `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" } }]
models: [{ name: "*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`

// A provider is an upstream written by hand: it reads requests and answers
// each with whatever bytes the test has for it.
type provider struct {
	URL  string
	busy atomic.Int64 // calls that are being answered

	ln    net.Listener
	early bool // a call's body is left unread
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
}

// An upcall is one request on a provider.
type upcall struct {
	net.Conn
	r      *bufio.Reader
	in     io.Reader // the body, where the provider has not read it
	header http.Header
	path   string
	body   string
	model  string
	stream bool
	keep   bool // the connection takes another call after this one
}

// newProvider serves until the test ends. Each connection has a goroutine of its
// own, in which answer is called; afterwards the connection is closed, unless
// the call says keep.
func newProvider(t testing.TB, answer func(c *upcall)) *provider {
	t.Helper()
	return serveProvider(t, &provider{}, answer)
}

// serveProvider is newProvider with a provider that may have a listener and options.
func serveProvider(t testing.TB, p *provider, answer func(c *upcall)) *provider {
	t.Helper()
	scheme := "https://"
	if p.ln == nil {
		var err error
		if p.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		scheme = "http://"
	}
	p.URL, p.conns = scheme+p.ln.Addr().String(), map[net.Conn]bool{}
	p.wg.Go(func() {
		for {
			conn, err := p.ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns[conn] = true
			p.mu.Unlock()
			p.wg.Go(func() { p.serve(conn, answer) })
		}
	})
	t.Cleanup(func() {
		p.ln.Close()
		p.mu.Lock()
		for conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *provider) serve(conn net.Conn, answer func(c *upcall)) {
	defer func() {
		conn.Close()
		p.mu.Lock()
		delete(p.conns, conn)
		p.mu.Unlock()
	}()
	r := bufio.NewReader(conn)
	for again := true; again; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		c := &upcall{Conn: conn, r: r, in: req.Body, header: req.Header, path: req.URL.Path}
		p.busy.Add(1)
		if !p.early {
			b, _ := io.ReadAll(req.Body) // a request that was cut is answered all the same
			var asked struct {
				Model  string `json:"model"`
				Stream bool   `json:"stream"`
			}
			_ = json.Unmarshal(b, &asked)
			c.body, c.model, c.stream = string(b), asked.Model, asked.Stream
		}
		answer(c)
		p.busy.Add(-1)
		again = c.keep
	}
}

// idle waits until no upcall is being answered any more.
func (p *provider) idle(t testing.TB) {
	t.Helper()
	gatetest.Until(t, func() bool { return p.busy.Load() == 0 })
}

// send writes parts. A peer that has gone is what some tests want.
func (c *upcall) send(parts ...string) {
	for _, p := range parts {
		if _, err := io.WriteString(c, p); err != nil {
			return
		}
	}
}

// hang waits until the gateway hangs up.
func (c *upcall) hang() { _, _ = io.Copy(io.Discard, c.r) }

// reset ends the connection with a TCP reset.
func (c *upcall) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

const (
	jsonHead   = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
)

// whole goodAnswers with JSON of the right length.
func (c *upcall) whole(body string) {
	c.send(jsonHead, fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), body)
}

// events goodAnswers with a stream in chunks that ends properly as HTTP goes.
func (c *upcall) events(events ...string) {
	c.send(streamHead, "Transfer-Encoding: chunked\r\n\r\n")
	for _, e := range events {
		c.send(chunk(e))
	}
	c.send("0\r\n\r\n")
}

func chunk(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%x\r\n%s\r\n", len(s), s)
}

// good goodAnswers as a good server does, in the call's dialect.
func (c *upcall) good() {
	f := goodAnswers[c.path]
	c.keep = true
	if c.stream {
		c.events(f.events...)
		return
	}
	c.whole(f.whole)
}

// A goodAnswer is what a good server says.
type goodAnswer struct {
	whole  string
	events []string
}

// goodAnswers are one for each path, with 7 tokens in and 5 out.
var goodAnswers = map[string]goodAnswer{ // immutable
	"/v1/chat/completions": {
		`{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}`,
		[]string{
			`data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}` + "\n\n",
			"data: [DONE]\n\n",
		},
	},
	"/v1/completions": {
		`{"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":"hi there","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}`,
		[]string{
			`data: {"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":"hi","finish_reason":null}]}` + "\n\n",
			`data: {"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":" there","finish_reason":"stop"}]}` + "\n\n",
			`data: {"id":"c1","object":"text_completion","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}` + "\n\n",
			"data: [DONE]\n\n",
		},
	},
	"/v1/responses": {
		`{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"hi there"}]}],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}`,
		[]string{
			"event: response.created\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1700000000,"status":"in_progress","model":"m","output":[],"usage":null}}` + "\n\n",
			"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi there"}` + "\n\n",
			"event: response.completed\n" + `data: {"type":"response.completed","sequence_number":2,"response":{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"m","output":[],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}}` + "\n\n",
		},
	},
	"/v1/messages": {
		`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi there"}],"stop_reason":"end_turn","usage":{"input_tokens":4,"cache_read_input_tokens":2,"cache_creation_input_tokens":1,"output_tokens":5}}`,
		[]string{
			"event: message_start\n" + `data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":4,"cache_read_input_tokens":2,"cache_creation_input_tokens":1,"output_tokens":1}}}` + "\n\n",
			"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi there"}}` + "\n\n",
			"event: message_delta\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}` + "\n\n",
			"event: message_stop\n" + `data: {"type":"message_stop"}` + "\n\n",
		},
	},
}

// ask returns a request of a dialect's case for a model.
func (c dialectCase) ask(model string, stream bool) string {
	body := strings.Replace(c.body, `"model":"m"`, `"model":"`+model+`"`, 1)
	if !stream {
		body = strings.Replace(body, `"stream":true,`, "", 1)
	}
	return body
}

// What was heard is an exchange as the client saw it, and what became of it.
type heard struct {
	status int
	header http.Header
	body   string
	broken error // of reading the answer
	entry  ledger.Entry
}

// converse makes one request, reads the answer to its end and waits for the
// one entry.
func converse(t testing.TB, g *gatetest.Gate, path, body string, header ...string) heard {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // a hung test says so
	defer cancel()
	r, err := converseOnce(ctx, g, path, body, header...)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	r.entry = entryOf(t, g, r.header.Get("X-Request-Id"))
	return r
}

// converseOnce makes one request on a connection of its own. The error is that of a
// client that gets no answer.
func converseOnce(ctx context.Context, g *gatetest.Gate, path, body string, header ...string) (r heard, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+path, strings.NewReader(body))
	if err != nil {
		return r, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("anthropic-version", "2023-06-01")
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return heard{status: resp.StatusCode, header: resp.Header, body: string(b), broken: err}, nil
}

// An ask is one of several requests that are made at the same time.
type ask struct {
	c      dialectCase
	model  string
	stream bool
	header []string
}

// converseAll makes all requests at the same time: where most of an exchange
// is waiting, waiting once is enough.
func converseAll(t testing.TB, g *gatetest.Gate, asks []ask) []heard {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a hung test says so
	defer cancel()
	got := make([]heard, len(asks))
	var wg sync.WaitGroup
	for i, a := range asks {
		wg.Go(func() {
			var err error
			if got[i], err = converseOnce(ctx, g, a.c.path, a.c.ask(a.model, a.stream), a.header...); err != nil {
				t.Errorf("%s, %s, stream %v: %v", a.c.name, a.model, a.stream, err)
			}
		})
	}
	wg.Wait()
	for i := range got {
		if !t.Failed() {
			got[i].entry = entryOf(t, g, got[i].header.Get("X-Request-Id"))
		}
	}
	return got
}

// entryOf waits for the entry of an exchange.
func entryOf(t testing.TB, g *gatetest.Gate, id string) (found ledger.Entry) {
	t.Helper()
	gatetest.Until(t, func() bool {
		n := 0
		for _, e := range g.Ledger.Entries() {
			if e.ID == id {
				found = e
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d entries of the exchange %s", n, id)
		}
		return n == 1
	})
	return found
}

// An ending is how an exchange ends for the client.
type ending int

const (
	endClean   ending = iota // a success
	endRefused               // an error instead of an answer
	endFailed                // a stream that tells of its failure
	endTorn                  // a connection that is broken off
)

// wantEnd checks an exchange: what the client got, what the ledger says, and
// that nothing is shown that must not be. It returns the parsed error of an
// exchange that was refused.
func wantEnd(t *testing.T, c dialectCase, r heard, end ending, code llm.Code) (f failure) {
	t.Helper()
	wantNoLeak(t, r)
	if (end == endTorn) != (r.broken != nil) {
		t.Errorf("reading the answer ended with %v, want torn: %v; body: %s", r.broken, end == endTorn, tail(r.body))
	}
	switch end {
	case endRefused:
		f = wantFailure(t, r.status, r.header, r.body, code)
		if (f.Type == "error") != (c.name == "messages") {
			t.Errorf("%s: the error has another dialect's shape: %s", c.name, r.body)
		}
	case endFailed:
		wantFailedStream(t, c, r, code)
	case endClean, endTorn:
		if r.status != http.StatusOK {
			t.Errorf("status %d %s, want 200", r.status, tail(r.body))
		}
	}
	e := r.entry
	if tried := tries(&e); e.Code != code || e.Status != r.status || len(tried) != 1 || tried[0].Code != code {
		t.Errorf("entry: code %q, status %d, attempts %+v; want code %q, status %d and one attempt with the code", e.Code, e.Status, e.Attempts, code, r.status)
	}
	if e.Usage.Provenance == llm.UsageUnknown {
		t.Errorf("usage = %+v, want one that somebody has reported or estimated", e.Usage)
	}
	return f
}

// wantFailedStream checks that a stream ends in its dialect's failure.
func wantFailedStream(t *testing.T, c dialectCase, r heard, code llm.Code) {
	t.Helper()
	if r.status != http.StatusOK || !strings.Contains(r.body, c.failure) || strings.Contains(r.body, c.clean) {
		t.Errorf("%s: %d, the stream does not end in its dialect's failure:\n%s", c.name, r.status, tail(r.body))
	}
	if !strings.HasSuffix(r.body, "\n\n") || !strings.Contains(r.body, `"`+string(code)+`"`) {
		t.Errorf("%s: the last event has no blank line behind it, or does not name %s:\n%s", c.name, code, tail(r.body))
	}
	for data := range strings.Lines(r.body) {
		text, ok := strings.CutPrefix(data, "data: ")
		if ok && text != "[DONE]\n" && !json.Valid([]byte(text)) {
			t.Errorf("%s: the client is shown something that is no JSON: %.200q", c.name, text)
		}
	}
}

// wantNoLeak checks that an answer shows neither the upstream's address nor
// its credential nor its pages.
func wantNoLeak(t *testing.T, r heard) {
	t.Helper()
	var head strings.Builder
	_ = r.header.Write(&head)
	for _, what := range []string{"127.0.0.1", "localhost", ".invalid", upstreamSecret, upstreamSecret[8:24], "<html", "goroutine "} {
		if strings.Contains(head.String(), what) || strings.Contains(r.body, what) {
			t.Errorf("the answer shows %q:\n%s\n%s", what, head.String(), tail(r.body))
		}
	}
}

// both runs f for every dialect, whole and streamed.
func both(t *testing.T, f func(t *testing.T, c dialectCase, stream bool)) {
	t.Helper()
	for _, c := range dialectCases {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s stream=%v", c.name, stream), func(t *testing.T) { f(t, c, stream) })
		}
	}
}

// tlsProvider returns a listener for a provider that speaks TLS.
func tlsProvider(t testing.TB, cfg *tls.Config) *provider {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &provider{ln: tls.NewListener(ln, cfg)}
}

// soon is how long something may take that should not take any time, on a
// machine that has other things to do.
const soon = 1500 * time.Millisecond

func pemOf(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }

// tries returns e's attempts but for the free one, which comes first if the
// upstream has closed a connection that was used before.
func tries(e *ledger.Entry) []ledger.Attempt {
	if len(e.Attempts) > 1 && e.Attempts[0].Code == llm.CodeUpstreamLost && e.Attempts[0].Status == 0 {
		return e.Attempts[1:]
	}
	return e.Attempts
}
