package gateway_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// quiet silences what net/http writes to the standard logger of connections
// with bytes left over; the program has its own place for it.
func quiet(t *testing.T) {
	t.Helper()
	w := log.Writer()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(w) })
}

// An oddity is an answer in odd HTTP. Its send gets the content type and the
// body of a good answer.
type oddity struct {
	name   string
	send   func(c *upcall, contentType, body string)
	code   llm.Code // empty: the answer passes, byte for byte
	status int      // of the attempt
	whole  ending
	stream ending
}

func ok(contentType string) string { return "HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\n" }

func length(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }

var oddities = []oddity{ // immutable
	// Lies about length.
	{"longer than it says", func(c *upcall, ct, body string) {
		c.keep = true
		c.send(ok(ct) + length(len(body)) + "\r\n" + body + "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}, "", 200, endClean, endClean},
	{"much longer than it says", func(c *upcall, ct, body string) {
		c.send(ok(ct), length(len(body)/2), "\r\n", body)
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"shorter than it says", func(c *upcall, ct, body string) {
		c.send(ok(ct), length(len(body)+10), "\r\n", body[:len(body)/2])
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"a negative length", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Content-Length: -5\r\n\r\n", body)
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a length that is no number", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Content-Length: 5, 6\r\n\r\n", body)
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"two lengths", func(c *upcall, ct, body string) {
		c.send(ok(ct), length(len(body)), length(len(body)+1), "\r\n", body)
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"the same length twice", func(c *upcall, ct, body string) {
		c.send(ok(ct), length(len(body)), length(len(body)), "\r\n", body)
	}, "", 200, endClean, endClean},
	{"a length of 9 EB", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Content-Length: 9223372036854775807\r\n\r\n", body[:len(body)/2])
	}, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"a length and chunks", func(c *upcall, ct, body string) {
		c.send(ok(ct), length(3), "Transfer-Encoding: chunked\r\n\r\n", chunk(body), "0\r\n\r\n")
	}, "", 200, endClean, endClean},
	{"an unknown transfer encoding", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Transfer-Encoding: gzip, chunked\r\n\r\n", chunk(body), "0\r\n\r\n")
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"HTTP/1.0 without a length", func(c *upcall, ct, body string) {
		c.send("HTTP/1.0 200 OK\r\nContent-Type: ", ct, "\r\n\r\n", body)
	}, "", 200, endClean, endClean},
	{"line feeds alone", func(c *upcall, ct, body string) {
		c.send("HTTP/1.1 200 OK\nContent-Type: ", ct, "\n\n", body)
	}, "", 200, endClean, endClean},
	{"trailers", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Trailer: X-Codex-Late\r\n", chunked(""), chunk(body), "0\r\nX-Codex-Late: 1\r\nX-Secret: 1\r\n\r\n")
	}, "", 200, endClean, endClean},
	{"trailers without end", func(c *upcall, ct, body string) {
		c.send(ok(ct), chunked(""), chunk(body), "0\r\n", strings.Repeat("X-Late: "+strings.Repeat("x", 1000)+"\r\n", 2000))
	}, llm.CodeUpstreamInvalid, 200, endRefused, endClean},

	// Garbage.
	{"no HTTP", func(c *upcall, _, _ string) { c.send("hello there\r\n\r\n") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"HTTP/0.9", func(c *upcall, _, _ string) { c.send("<html><body>hello</body></html>") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"an endless first line", func(c *upcall, _, _ string) { c.send("HTTP/1.1 200 " + strings.Repeat("x", 1<<20)) }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"SSH", func(c *upcall, _, _ string) { c.send("SSH-2.0-OpenSSH_9.6\r\n") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"zeroes", func(c *upcall, _, _ string) { c.send(strings.Repeat("\x00", 5000)) }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a status of 99", func(c *upcall, _, _ string) { c.send("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a status of four digits", func(c *upcall, _, _ string) { c.send("HTTP/1.1 2000 OK\r\n\r\n") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"switching protocols", func(c *upcall, _, _ string) {
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a broken header line", func(c *upcall, ct, body string) { c.send(ok(ct), "no colon\r\n\r\n", body) }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"headers of 1 MiB", func(c *upcall, ct, body string) {
		c.send(ok(ct), strings.Repeat("X-Codex-Filler: "+strings.Repeat("x", 1000)+"\r\n", 1000), length(len(body)), "\r\n", body)
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a redirect", func(c *upcall, _, _ string) {
		c.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/?key=" + upstreamSecret + "\r\nContent-Length: 0\r\n\r\n")
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"not modified", func(c *upcall, _, _ string) { c.send("HTTP/1.1 304 Not Modified\r\n\r\n") }, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},

	// Interim answers.
	{"a few interim answers", func(c *upcall, ct, body string) {
		c.send("HTTP/1.1 100 Continue\r\n\r\n", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 4), ok(ct), length(len(body)), "\r\n", body)
	}, "", 200, endClean, endClean},
	{"a flood of interim answers", func(c *upcall, _, _ string) {
		for range 500 {
			c.send("HTTP/1.1 103 Early Hints\r\nLink: </" + strings.Repeat("x", 500) + ">\r\n\r\n")
		}
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"a flood of continues", func(c *upcall, _, _ string) {
		for range 500 {
			c.send("HTTP/1.1 100 Continue\r\nX-Filler: " + strings.Repeat("x", 500) + "\r\n\r\n")
		}
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},

	// No body.
	{"204", func(c *upcall, _, _ string) { c.send("HTTP/1.1 204 No Content\r\n\r\n") }, llm.CodeUpstreamTruncated, 204, endRefused, endRefused},
	{"204 as a stream", func(c *upcall, _, _ string) {
		c.send("HTTP/1.1 204 No Content\r\nContent-Type: text/event-stream\r\n\r\n")
	}, llm.CodeUpstreamTruncated, 204, endRefused, endRefused},
	{"an empty body", func(c *upcall, ct, _ string) { c.send(ok(ct), length(0), "\r\n") }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"an empty body without type", func(c *upcall, _, _ string) { c.send("HTTP/1.1 200 OK\r\n", length(0), "\r\n") }, llm.CodeUpstreamTruncated, 200, endRefused, endRefused},
	{"as if HEAD had been asked", func(c *upcall, ct, body string) { c.send(ok(ct), length(len(body)), "\r\n") }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},
	{"nothing but white space", func(c *upcall, ct, _ string) { c.send(ok(ct), length(9), "\r\n", " \n \r\n \n ") }, llm.CodeUpstreamTruncated, 200, endRefused, endFailed},

	// Encodings and types.
	{"gzip", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Content-Encoding: gzip\r\n", length(len(body)), "\r\n", body)
	}, llm.CodeUpstreamInvalid, 0, endRefused, endRefused},
	{"identity, said", func(c *upcall, ct, body string) {
		c.send(ok(ct), "Content-Encoding: identity\r\n", length(len(body)), "\r\n", body)
	}, "", 200, endClean, endClean},
	{"a type in capitals", func(c *upcall, ct, body string) { c.send(ok(strings.ToUpper(ct)), length(len(body)), "\r\n", body) }, "", 200, endClean, endClean},
	{"a type with parameters", func(c *upcall, ct, body string) {
		c.send(ok(ct+" ; charset=latin1; boundary=\"a;b\""), length(len(body)), "\r\n", body)
	}, "", 200, endClean, endClean},
	{"a type with a broken parameter", func(c *upcall, ct, body string) { c.send(ok(ct+"; charset"), length(len(body)), "\r\n", body) }, "", 200, endClean, endClean},
	{"a type with a semicolon at its end", func(c *upcall, ct, body string) { c.send(ok(ct+";"), length(len(body)), "\r\n", body) }, "", 200, endClean, endClean},
}

// TestOddHTTP: what can be understood passes byte for byte; everything else is
// told by a status, or by the end of a stream, and never mixed up with the
// answers that follow.
func TestOddHTTP(t *testing.T) {
	quiet(t)
	up := newProvider(t, func(c *upcall) {
		for _, o := range oddities {
			switch {
			case o.name != c.model:
			case c.stream:
				o.send(c, "text/event-stream", strings.Join(goodAnswers[c.path].events, ""))
			default:
				o.send(c, "application/json", goodAnswers[c.path].whole)
			}
		}
		if c.model == "good" {
			c.good()
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	for _, o := range oddities {
		t.Run(o.name, func(t *testing.T) {
			both(t, func(t *testing.T, c dialectCase, stream bool) {
				r := converse(t, g, c.path, c.ask(o.name, stream))
				end := o.whole
				if stream {
					end = o.stream
				}
				code := o.code
				if end == endClean {
					code = ""
				}
				wantEnd(t, c, r, end, code)
				if got := r.entry.Attempts[0].Status; got != o.status && (o.status != 0 || got/100 == 2) {
					t.Errorf("the attempt's status = %d, want %d", got, o.status)
				}
				if end == endClean {
					wantGood(t, c, r, stream)
				}
				for name := range r.header {
					if strings.HasPrefix(name, "X-Secret") || strings.HasPrefix(name, "X-Codex") {
						t.Errorf("the answer has the header %s", name)
					}
				}
				if len(r.header["Trailer"]) > 0 {
					t.Errorf("the answer announces trailers: %v", r.header["Trailer"])
				}
				wantNext(t, g, c, stream)
			})
		})
	}
	up.idle(t)
}

// wantNext checks that the next answer is not mixed up with the last one. It
// may run into a connection that the upstream has just closed.
func wantNext(t *testing.T, g *gatetest.Gate, c dialectCase, stream bool) {
	t.Helper()
	for range 100 {
		r := converse(t, g, c.path, c.ask("good", stream))
		if r.entry.Code == llm.CodeUpstreamLost {
			continue
		}
		wantEnd(t, c, r, endClean, "")
		wantGood(t, c, r, stream)
		return
	}
	t.Error("the upstream was lost a hundred times")
}

// wantGood checks that an answer is the good one, but for the event that only
// Weir has asked for, and that its usage is right.
func wantGood(t *testing.T, c dialectCase, r heard, stream bool) {
	t.Helper()
	want := goodAnswers[c.path].whole
	if stream {
		want = ""
		for _, e := range goodAnswers[c.path].events {
			if !strings.Contains(e, `"choices":[],"usage"`) {
				want += e
			}
		}
	}
	if r.status != http.StatusOK || r.body != want {
		t.Errorf("got %d\n%s\nwant 200\n%s", r.status, r.body, want)
	}
	u := r.entry.Usage
	if u.Input != 7 || u.Output != 5 || u.Provenance != llm.UsageReported {
		t.Errorf("usage = %+v, want 7 in and 5 out, reported", u)
	}
	if c.name == "messages" && (u.CachedInput != 2 || u.CacheWrite != 1) {
		t.Errorf("usage = %+v, want 2 from the cache and 1 into it", u)
	}
}
