package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// door is a gateway that is nothing but a transparent door.
const door = `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", auth: passthrough }]
transparent: { upstream: up }
`

// An arrival is what an upstream saw of a request.
type arrival struct {
	Method, URI, Host string
	Header            http.Header
	Length            int64
	Transfer          []string
	Body              string
}

// A mirror is an upstream that keeps what arrives and answers as it is told.
type mirror struct {
	*httptest.Server
	mu   sync.Mutex
	last arrival // guarded by mu
}

func newMirror(t *testing.T, answer http.HandlerFunc) *mirror {
	t.Helper()
	m := &mirror{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.last = arrival{r.Method, r.RequestURI, r.Host, r.Header.Clone(), r.ContentLength, r.TransferEncoding, string(b)}
		m.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) arrived() arrival {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// An answered is what a client saw.
type answered struct {
	Status   int
	Header   http.Header
	Length   int64
	Transfer []string
	Body     string
	Informed []string
}

// converseRaw sends text to an address and reads one answer.
func converseRaw(t *testing.T, url, text string) answered {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a hung test says so
	go func() { _, _ = io.WriteString(conn, text) }()      // an answer may come first
	r := bufio.NewReader(conn)
	method, _, _ := strings.Cut(text, " ")
	var a answered
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("no answer to %.200q: %v", text, err)
		}
		if resp.StatusCode < 200 {
			a.Informed = append(a.Informed, fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Link")))
			continue
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("half an answer: %v", err)
		}
		resp.Header.Del("Date")
		a.Status, a.Header, a.Length, a.Transfer, a.Body = resp.StatusCode, resp.Header, resp.ContentLength, resp.TransferEncoding, string(b)
		return a
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

// passings are requests as they may come to the door, each after "Host: HOST".
var passings = []struct{ name, line, header, body string }{ // immutable
	{"a list", "GET /openai/models?api-version=2024-10-21", "api-key: azure-key-1", ""},
	{"a call of Azure's", "POST /openai/deployments/gpt-4o/chat/completions?api-version=2024-07-01-preview", "api-key: azure-key-1\r\nContent-Type: application/json\r\nContent-Length: 11", `{"a": "b" }`},
	{"a body in chunks", "PUT /a", "Transfer-Encoding: chunked", "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"},
	{"an empty body", "POST /a", "Content-Length: 0", ""},
	{"no body", "DELETE /a/b", "", ""},
	{"a body where none is usual", "DELETE /a/b", "Content-Length: 2", "{}"},
	{"HEAD", "HEAD /a", "", ""},
	{"OPTIONS", "OPTIONS /a", "", ""},
	{"a preflight", "OPTIONS /a", "Origin: https://chat.example.com\r\nAccess-Control-Request-Method: POST", ""},
	{"a page's request", "GET /a", "Origin: https://chat.example.com\r\nSec-Fetch-Site: cross-site", ""},
	{"PATCH", "PATCH /a", "Content-Length: 1", "x"},
	{"a method of its own", "PROPFIND /a", "", ""},
	{"the root", "GET /", "", ""},
	{"a slash at the end", "GET /a/b/", "", ""},
	{"escapes", "GET /a/b%2Fc%20d/%C3%A9?q=a%2fb&q=&r&s=1;2&t=%zz+x", "", ""},
	{"a question mark alone", "GET /a?q", "", ""},
	{"two credentials", "GET /a", "Authorization: Bearer one\r\napi-key: two\r\nx-api-key: three\r\nCookie: a=b; c=d\r\nCookie: e=f", ""},
	{"headers of all kinds", "GET /a", "Accept: */*\r\nAccept-Encoding: gzip, br\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 x\r\nx-request-id: mine\r\nX-Custom: a\r\nX-Custom: b\r\nOpenAI-Beta: x=1", ""},
	{"no user agent", "GET /a", "", ""},
	{"a user agent", "GET /a", "User-Agent: AzureOpenAI/Python 1.0", ""},
	{"form data", "POST /a", "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5", "--x--"},
	{"a body that is compressed", "POST /a", "Content-Encoding: gzip\r\nContent-Length: 3", "\x1f\x8b\x00"},
}

// TestTransparentRequests: an upstream sees the same whether a client calls it
// itself or through the door, but for the name by which it is called.
func TestTransparentRequests(t *testing.T) {
	m := newMirror(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	g := gatetest.Start(t, door, "UP", m.URL)
	for _, tt := range passings {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.line + " HTTP/1.1\r\nHost: HOST\r\n" + strings.TrimPrefix(tt.header+"\r\n", "\r\n") + "\r\n" + tt.body
			host := strings.TrimPrefix(m.URL, "http://")
			converseRaw(t, m.URL, strings.Replace(text, "HOST", host, 1))
			want := m.arrived()
			converseRaw(t, g.URL, strings.Replace(text, "HOST", "gw.example.com", 1))
			if diff := cmp.Diff(want, m.arrived()); diff != "" {
				t.Errorf("through the door it is another request (-direct +door):\n%s", diff)
			}
		})
	}
}

// TestTransparentHopByHop: what is for one connection alone stays behind.
func TestTransparentHopByHop(t *testing.T) {
	m := newMirror(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Connection", "X-Answered, keep-alive")
		h.Set("X-Answered", "here")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		h.Set("X-Weir-Simulator", "no")
		h.Set("X-Stays", "1")
	})
	g := gatetest.Start(t, door, "UP", m.URL)
	a := converseRaw(t, g.URL, "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: X-Mine, Close, api-key2\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"+
		"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic abc\r\nTE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Weir-Tags: a\r\nX-Weir-Key: k\r\nX-Stays: 1\r\n\r\n")
	if diff := cmp.Diff(http.Header{"X-Stays": {"1"}}, m.arrived().Header); diff != "" {
		t.Errorf("the upstream's headers (-want +got):\n%s", diff)
	}
	for _, name := range []string{"X-Answered", "Keep-Alive", "Proxy-Authenticate", "X-Weir-Simulator"} {
		if v := a.Header.Get(name); v != "" {
			t.Errorf("%s: %s reached the client", name, v)
		}
	}
	if a.Header.Get("X-Stays") != "1" {
		t.Errorf("X-Stays did not reach the client: %v", a.Header)
	}
}

// TestTransparentAnswers: a client sees the same whether it calls the upstream
// itself or through the door.
func TestTransparentAnswers(t *testing.T) {
	page := zipped(strings.Repeat("hello ", 1000))
	for _, tt := range []struct{ name, method, answer string }{
		{"a whole answer", "GET", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nServer: x\r\n\r\n{}"},
		{"in chunks", "GET", "200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"},
		{"without type", "GET", "200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>"},
		{"empty", "POST", "200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"compressed", "GET", "200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: " + strconv.Itoa(len(page)) + "\r\n\r\n" + page},
		{"a redirect", "GET", "307 Temporary Redirect\r\nLocation: https://other.example/x?y\r\nContent-Length: 0\r\n\r\n"},
		{"no content", "DELETE", "204 No Content\r\nX-A: 1\r\n\r\n"},
		{"not modified", "GET", "304 Not Modified\r\nEtag: \"x\"\r\n\r\n"},
		{"part of it", "GET", "206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab"},
		{"HEAD", "HEAD", "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12345\r\n\r\n"},
		{"HEAD of what has no length", "HEAD", "200 OK\r\nContent-Type: text/plain\r\n\r\n"},
		{"early hints", "GET", "103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{"a refusal", "POST", "401 Unauthorized\r\nContent-Type: application/json\r\nWWW-Authenticate: Bearer\r\nContent-Length: 48\r\n\r\n" + `{"error":{"code":"401","message":"Access denied"}`},
		{"an unknown path", "GET", "404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"},
		{"its limit", "POST", "429 Too Many Requests\r\nRetry-After-Ms: 20\r\nx-ratelimit-remaining-tokens: 0\r\nContent-Length: 2\r\n\r\n{}"},
		{"its failure", "POST", "503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno\n"},
		{"a status that nobody knows", "GET", "299 Odd\r\nContent-Length: 0\r\n\r\n"},
		{"its own request id", "GET", "200 OK\r\nx-request-id: theirs\r\napim-request-id: a\r\nContent-Length: 0\r\n\r\n"},
		{"its own rules for pages", "GET", "200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: Origin\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, func(c *upcall) { c.send("HTTP/1.1 " + tt.answer) })
			g := gatetest.Start(t, door, "UP", up.URL)
			text := tt.method + " /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
			want, got := converseRaw(t, up.URL, text), converseRaw(t, g.URL, text)
			got.Header.Del("Connection") // the provider closes without a word
			if want.Header.Get("X-Request-Id") == "" {
				if got.Header.Get("X-Request-Id") == "" {
					t.Error("the answer has no request id")
				}
				got.Header.Del("X-Request-Id")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("through the door it is another answer (-direct +door):\n%s", diff)
			}
			g.Entries(t, 1)
		})
	}
}

// TestTransparentBothWays: pieces pass as they come, up and down at once.
func TestTransparentBothWays(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		_ = rc.Flush()
		buf := make([]byte, 1<<10)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(bytes.ToUpper(buf[:n]))
			_ = rc.Flush()
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, door, "UP", up.URL)
	w := connect(t, g)
	w.send("POST /talk HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v, want a status before the body", resp, err)
	}
	buf := make([]byte, 100)
	for i := range 20 {
		piece := fmt.Sprintf("piece %d", i) // not a whole event
		w.send(chunk(piece))
		n, err := io.ReadAtLeast(resp.Body, buf, len(piece))
		if err != nil || string(buf[:n]) != strings.ToUpper(piece) {
			t.Fatalf("%q came back as %q, %v", piece, buf[:n], err)
		}
	}
	w.send("0\r\n\r\n")
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("%q behind the end, %v", rest, err)
	}
	if e := g.Entries(t, 1)[0]; e.Code != "" || e.BytesIn != e.BytesOut || e.BytesIn == 0 {
		t.Errorf("entry = %+v, want a success with as many bytes in as out", e)
	}
}

// TestTransparentLarge: megabytes pass unharmed, and without being collected.
func TestTransparentLarge(t *testing.T) {
	const size = 30 << 20
	sum := make(chan [sha256.Size]byte, 1)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		_, _ = io.Copy(h, r.Body)
		sum <- [sha256.Size]byte(h.Sum(nil))
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("y", size)))
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, "listen: { body_limit: 40MiB, body_memory: 80MiB }\n"+door, "UP", up.URL)
	body := strings.Repeat("0123456789abcdef", size/16)
	resp := g.Do(t, "PUT", "/large", body)
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes came back, %v; want %d", n, err, size)
	}
	if got := <-sum; got != sha256.Sum256([]byte(body)) {
		t.Error("the upstream got other bytes")
	}
	if e := g.Entries(t, 1)[0]; e.BytesIn != size || e.BytesOut != size {
		t.Errorf("entry = %d bytes in, %d out, want %d", e.BytesIn, e.BytesOut, size)
	}
}

// TestTransparentAccount: one entry for each exchange, with what the answer
// tells where its shape is known.
func TestTransparentAccount(t *testing.T) {
	var answer func(c *upcall)
	up := newProvider(t, func(c *upcall) { c.keep = true; answer(c) })
	g := gatetest.Start(t, door, "UP", up.URL)
	whole := func(path string) func(*upcall) { return func(c *upcall) { c.whole(goodAnswers[path].whole) } }
	stream := func(path string) func(*upcall) { return func(c *upcall) { c.events(goodAnswers[path].events...) } }
	const chat = "/v1/chat/completions"
	for i, tt := range []struct {
		name, method, path string
		answer             func(*upcall)
		model              string
		usage              llm.Usage
		code               llm.Code
	}{
		{"chat of Azure's", "POST", "/openai/deployments/my-gpt/chat/completions?api-version=2024-07-01-preview", whole(chat), "my-gpt", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"chat, streamed", "POST", "/openai/deployments/my%20gpt/chat/completions", stream(chat), "my gpt", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"chat of OpenAI's", "POST", chat, whole(chat), "m", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"responses", "POST", "/openai/v1/responses", whole("/v1/responses"), "m", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"responses, streamed", "POST", "/openai/responses", stream("/v1/responses"), "m", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"messages, streamed", "POST", "/anthropic/v1/messages", stream("/v1/messages"), "m", llm.Usage{Input: 7, CachedInput: 2, CacheWrite: 1, Output: 5, Provenance: reported}, ""},
		{"completions", "POST", "/openai/deployments/d/completions", whole("/v1/completions"), "d", llm.Usage{Input: 7, Output: 5, Provenance: reported}, ""},
		{"a shape that is not known", "POST", "/v1/audio/speech", whole(chat), "", llm.Usage{}, ""},
		{"a stream that does not tell", "POST", chat, func(c *upcall) { c.events(goodAnswers[chat].events[0], "data: [DONE]\n\n") }, "m", llm.Usage{}, ""},
		{"compressed", "POST", chat, func(c *upcall) {
			body := zipped(goodAnswers[chat].whole)
			c.send(jsonHead, "Content-Encoding: gzip\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), body)
		}, "", llm.Usage{}, ""},
		{"another type", "POST", chat, func(c *upcall) { c.send(ok("text/html") + "Content-Length: 2\r\n\r\nhi") }, "", llm.Usage{}, ""},
		{"no JSON", "POST", chat, func(c *upcall) { c.whole(`{"usage":{"prompt_tokens":7`) }, "", llm.Usage{}, ""},
		{"nothing to be used", "GET", "/openai/models", whole(chat), "", llm.Usage{Provenance: llm.UsageNone}, ""},
		{"refused", "POST", chat, func(c *upcall) { c.send("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}") }, "", llm.Usage{Provenance: llm.UsageNone}, llm.CodeUpstreamRejected},
		{"limited", "POST", chat, func(c *upcall) { c.send("HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\n{}") }, "", llm.Usage{Provenance: llm.UsageNone}, llm.CodeUpstreamLimited},
		{"failed", "POST", chat, func(c *upcall) { c.send("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}") }, "", llm.Usage{Provenance: llm.UsageNone}, llm.CodeUpstreamFailed},
		{"failed in the middle", "POST", chat, func(c *upcall) {
			c.events(goodAnswers[chat].events[0], `data: {"error":{"message":"oh","code":"server_error"}}`+"\n\n")
		}, "m", llm.Usage{}, llm.CodeUpstreamFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.answer
			body := ""
			if tt.method == "POST" {
				body = `{"secret":"prompt"}`
			}
			resp := g.Do(t, tt.method, tt.path, body, "api-key", "azure-key-0123456789")
			gatetest.Body(t, resp)
			e := g.Entries(t, i+1)[i]
			if e.Operation != llm.OpTransparent || e.Model != tt.model || e.Usage != tt.usage || e.Code != tt.code || e.Status != resp.StatusCode ||
				e.Upstream != "up" || len(e.Attempts) != 1 || e.Attempts[0].Status != resp.StatusCode || e.Attempts[0].Code != tt.code {
				t.Errorf("entry = %+v", e)
			}
		})
	}
	for _, secret := range []string{"azure-key-0123456789", "prompt\""} {
		if strings.Contains(g.Log.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, g.Log)
		}
	}
}

// lastEntry waits for the next entry.
func lastEntry(t *testing.T, g *gatetest.Gate, n int) ledger.Entry {
	t.Helper()
	return g.Entries(t, n)[n-1]
}
