package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// A breakage is one way in which an upstream breaks off; answer gets the head
// and the body of a good answer.
type breakage struct {
	name   string
	answer func(c *upcall, head, body string)
	code   llm.Code
	status int // of the attempt
	whole  ending
	stream ending
}

// breakages are found by the model's name.
var breakages = []breakage{ // immutable
	{"closes before the status", func(*upcall, string, string) {}, llm.CodeUpstreamLost, 0, endRefused, endRefused},
	{"reset before the status", func(c *upcall, _, _ string) { c.reset() }, llm.CodeUpstreamLost, 0, endRefused, endRefused},
	{"reset in the status", func(c *upcall, _, _ string) { c.send("HTTP/1.1 20"); c.reset() }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"closes in the status", func(c *upcall, _, _ string) { c.send("HTTP/1.1 20") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"reset in the head", func(c *upcall, head, _ string) { c.send(head[:len(head)-9]); c.reset() }, llm.CodeUpstreamLost, 0, endRefused, endRefused},
	{"closes in the head", func(c *upcall, head, _ string) { c.send(head[:len(head)-9]) }, llm.CodeUpstreamLost, 0, endRefused, endRefused},
	{"reset after the head", func(c *upcall, head, _ string) { c.send(chunked(head)); c.reset() }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"closes after the head", func(c *upcall, head, _ string) { c.send(chunked(head)) }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"reset in a chunk's size", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/3]), "1")
		c.reset()
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"closes in a chunk's size", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/3]), "1\r")
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"closes in a chunk", func(c *upcall, head, body string) {
		c.send(chunked(head), "ffff\r\n", body[:len(body)/2])
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"closes instead of the last chunk, in an event", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/2]))
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"ends properly in the middle of an event", func(c *upcall, head, body string) {
		c.keep = true
		c.send(chunked(head), chunk(body[:len(body)/2]), "0\r\n\r\n")
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"ends properly with nothing", func(c *upcall, head, _ string) { c.keep = true; c.send(chunked(head), "0\r\n\r\n") }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"closes a body without a length", func(c *upcall, head, body string) {
		c.send(head, "Connection: close\r\n\r\n", body[:len(body)/2])
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"a chunk that is none", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/3]), "zz\r\nhello\r\n")
	}, llm.CodeUpstreamInvalid, 200, endRefused, endFailed},
	{"a chunk of too many digits", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/3]), strings.Repeat("f", 20)+"\r\nhello\r\n")
	}, llm.CodeUpstreamInvalid, 200, endRefused, endFailed},
	{"a chunk longer than it says", func(c *upcall, head, body string) {
		c.send(chunked(head), "5\r\n"+body[:len(body)/3]+"\r\n")
	}, llm.CodeUpstreamInvalid, 200, endRefused, endFailed},
	{"a chunk with an endless extension", func(c *upcall, head, body string) {
		c.send(chunked(head), "5;"+strings.Repeat("x", 1<<20))
	}, llm.CodeUpstreamInvalid, 200, endRefused, endFailed},
}

// chunked completes a head.
func chunked(head string) string { return head + "Transfer-Encoding: chunked\r\n\r\n" }

// TestUpstreamBreaksOff is promise 2 for every place in which an answer can
// end, in every dialect.
func TestUpstreamBreaksOff(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		for _, b := range breakages {
			if b.name != c.model {
				continue
			}
			head, body := jsonHead, goodAnswers[c.path].whole
			if c.stream {
				head, body = streamHead, strings.Join(goodAnswers[c.path].events, "")
			}
			b.answer(c, head, body)
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			both(t, func(t *testing.T, c dialectCase, stream bool) {
				r := converse(t, g, c.path, c.ask(b.name, stream))
				end := b.whole
				if stream {
					end = b.stream
				}
				wantEnd(t, c, r, end, b.code)
				if got := r.entry.Attempts[0].Status; got != b.status {
					t.Errorf("the attempt's status = %d, want %d", got, b.status)
				}
				wantEstimate(t, r.entry, b.code)
			})
		})
	}
	g.Entries(t, len(breakages)*len(dialectCases)*2)
	up.idle(t)
}

// TestLargeAnswersThatBreak: their status has been sent, so nothing but a
// broken connection can tell that they are not whole.
func TestLargeAnswersThatBreak(t *testing.T) {
	const size = 300_000
	head, begin := chunked(jsonHead), chunk(`{"pad":"`+strings.Repeat("x", size))
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n", size+20)
	rows := map[string]struct {
		answer func(c *upcall)
		code   llm.Code
	}{
		"closes in a chunk":            {func(c *upcall) { c.send(head, begin, "ff\r\nx") }, llm.CodeUpstreamTruncated},
		"closes between chunks":        {func(c *upcall) { c.send(head, begin) }, llm.CodeUpstreamTruncated},
		"reset":                        {func(c *upcall) { c.send(head, begin); c.reset() }, llm.CodeUpstreamTruncated},
		"ends properly, but too early": {func(c *upcall) { c.keep = true; c.send(head, begin, "0\r\n\r\n") }, llm.CodeUpstreamTruncated},
		"shorter than it says":         {func(c *upcall) { c.send(jsonHead, length, `{"pad":"`, strings.Repeat("x", size)) }, llm.CodeUpstreamTruncated},
		"no length and half of it":     {func(c *upcall) { c.send(jsonHead, "\r\n", `{"pad":"`, strings.Repeat("x", size)) }, llm.CodeUpstreamTruncated},
		"a chunk that is none":         {func(c *upcall) { c.send(head, begin, "zz\r\n") }, llm.CodeUpstreamInvalid},
		"something that is no JSON":    {func(c *upcall) { c.keep = true; c.send(head, begin, chunk("\"}]"), "0\r\n\r\n") }, llm.CodeUpstreamInvalid},
	}
	up := newProvider(t, func(c *upcall) { rows[c.model].answer(c) })
	g := gatetest.Start(t, wired, "UP", up.URL)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			for _, c := range dialectCases {
				for _, stream := range []bool{false, true} {
					r := converse(t, g, c.path, c.ask(name, stream))
					wantEnd(t, c, r, endTorn, row.code)
					if r.entry.BytesOut < 32<<10 {
						t.Errorf("%d bytes were passed on before the end was known, want most", r.entry.BytesOut)
					}
				}
			}
		})
	}
	up.idle(t)
}

// TestOtherOperationsThatBreak: embeddings and counts of tokens are whole
// answers like any other.
func TestOtherOperationsThatBreak(t *testing.T) {
	bodies := map[string]string{
		"/v1/embeddings":            `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-3` + strings.Repeat(",0.25", 20_000) + `]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		"/v1/messages/count_tokens": `{"input_tokens":7}`,
	}
	up := newProvider(t, func(c *upcall) {
		body := bodies[c.path]
		switch c.model {
		case "good":
			c.keep = true
			c.whole(body)
		case "nothing":
			c.reset()
		case "page":
			c.keep = true
			c.send(ok("text/html"), length(len(page)), "\r\n", page)
		case "cut":
			c.send(jsonHead, length(len(body)), "\r\n", body[:len(body)-2])
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	for path := range bodies {
		large := path == "/v1/embeddings"
		c := dialectCase{name: map[bool]string{true: "chat", false: "messages"}[large]}
		for model, want := range map[string]struct {
			code llm.Code
			end  ending
		}{
			"good":    {"", endClean},
			"nothing": {llm.CodeUpstreamLost, endRefused},
			"page":    {llm.CodeUpstreamInvalid, endRefused},
			"cut":     {llm.CodeUpstreamTruncated, map[bool]ending{true: endTorn, false: endRefused}[large]},
		} {
			r := converse(t, g, path, `{"model":"`+model+`","input":"hello there","messages":[]}`)
			wantEnd(t, c, r, want.end, want.code)
			u := llm.Usage{Provenance: llm.UsageNone} // counting uses nothing, however it ends
			if large && model == "good" {
				u = llm.Usage{Input: 7, Provenance: reported}
			} else if large {
				u = llm.Usage{Input: r.entry.Usage.Input, Provenance: estimated}
			}
			if r.entry.Usage != u || large && u.Input == 0 {
				t.Errorf("%s, %s: usage = %+v, want %+v", path, model, r.entry.Usage, u)
			}
			if model == "good" && r.body != bodies[path] {
				t.Errorf("%s: got %d bytes, want the same %d", path, len(r.body), len(bodies[path]))
			}
		}
	}
	up.idle(t)
}

// TestHTTP2UpstreamBreaksOff: there it is a stream that is reset, and the
// connection goes on serving others.
func TestHTTP2UpstreamBreaksOff(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		answer := goodAnswers[r.URL.Path]
		body, contentType := answer.whole, "application/json"
		if bytes.Contains(b, []byte(`"stream":true`)) {
			body, contentType = strings.Join(answer.events, ""), "text/event-stream"
		}
		if bytes.Contains(b, []byte("before the head")) {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", contentType)
		if !bytes.Contains(b, []byte("in the middle")) {
			_, _ = io.WriteString(w, body)
			return
		}
		_, _ = io.WriteString(w, body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	g := gatetest.Start(t, secured, "UP", srv.URL, "CA", caFile(t, srv.TLS), "ANY", "false")
	both(t, func(t *testing.T, c dialectCase, stream bool) {
		wantEnd(t, c, converse(t, g, c.path, c.ask("before the head", stream)), endRefused, llm.CodeUpstreamLost)
		end := endRefused
		if stream {
			end = endFailed
		}
		wantEnd(t, c, converse(t, g, c.path, c.ask("in the middle", stream)), end, llm.CodeUpstreamTruncated)
		r := converse(t, g, c.path, c.ask("good", stream))
		wantEnd(t, c, r, endClean, "")
		wantGood(t, c, r, stream)
	})
}
