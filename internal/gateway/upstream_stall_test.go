package gateway_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// impatient is a gateway whose models each have one timeout that a test can
// reach.
const impatient = `
upstreams:
  - { name: first, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" }, timeouts: { first_byte: 1s } }
  - { name: idle, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" }, timeouts: { idle: 700ms } }
  - { name: total, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" }, timeouts: { total: 2500ms } }
  - { name: stream, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" }, timeouts: { stream_total: 2500ms } }
models:
  - { name: "first*", targets: [{ upstream: first, dialects: [chat, responses, messages, completions] }] }
  - { name: "idle*", targets: [{ upstream: idle, dialects: [chat, responses, messages, completions] }] }
  - { name: "total*", targets: [{ upstream: total, dialects: [chat, responses, messages, completions] }] }
  - { name: "stream*", targets: [{ upstream: stream, dialects: [chat, responses, messages, completions] }] }
`

// trickle sends the same few bytes again and again until the gateway hangs up.
func (c *upcall) trickle(s string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	gone, stop := context.WithCancel(context.Background())
	go func() { defer stop(); c.hang() }()
	for {
		select {
		case <-tick.C:
			c.send(s)
		case <-gone.Done():
			return
		}
	}
}

// A stall is one way in which an upstream keeps a client waiting.
type stall struct {
	name   string // begins with the timeout that ends it
	answer func(c *upcall, head, body string)
	code   llm.Code
	whole  ending // or -1: not for whole answers
	stream ending // or -1: not for streams
}

const notAsked ending = -1

var stalls = []stall{ // immutable
	{"first: before the status", func(c *upcall, _, _ string) { c.hang() }, llm.CodeFirstByteTimeout, endRefused, endRefused},
	{"first: in the head", func(c *upcall, head, _ string) { c.send(head); c.hang() }, llm.CodeFirstByteTimeout, endRefused, endRefused},
	{"first: only 103s", func(c *upcall, _, _ string) { c.trickle("HTTP/1.1 103 Early Hints\r\n\r\n") }, llm.CodeFirstByteTimeout, endRefused, endRefused},
	{"first: a head that trickles", func(c *upcall, head, _ string) { c.send(head, "X-Filler: "); c.trickle("x") }, llm.CodeFirstByteTimeout, endRefused, endRefused},
	{"first: before the first byte of a stream", func(c *upcall, head, _ string) { c.send(chunked(head)); c.hang() }, llm.CodeFirstByteTimeout, notAsked, endFailed},
	{"idle: before the first byte", func(c *upcall, head, _ string) { c.send(chunked(head)); c.hang() }, llm.CodeIdleTimeout, endRefused, notAsked},
	{"idle: in the middle", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/2]))
		c.hang()
	}, llm.CodeIdleTimeout, endRefused, endFailed},
	{"idle: in a chunk's size", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/2]), "1")
		c.hang()
	}, llm.CodeIdleTimeout, endRefused, endFailed},
	{"idle: in a large answer", func(c *upcall, head, _ string) {
		c.send(chunked(head), chunk(`{"pad":"`+strings.Repeat("x", 300_000)))
		c.hang()
	}, llm.CodeIdleTimeout, endTorn, notAsked},
	{"idle: in a page", func(c *upcall, _, _ string) {
		c.send(chunked("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"), chunk("<html>"))
		c.hang()
	}, llm.CodeUpstreamInvalid, endRefused, endRefused},
	{"total: a whole answer that trickles", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:len(body)/2]))
		c.trickle(chunk(" "))
	}, llm.CodeTotalTimeout, endRefused, notAsked},
	{"total: a large answer that trickles", func(c *upcall, head, _ string) {
		c.send(chunked(head), chunk(`{"pad":"`+strings.Repeat("x", 300_000)))
		c.trickle(chunk("xxxxxxxx"))
	}, llm.CodeTotalTimeout, endTorn, notAsked},
	{"total: whole, though a stream was asked for", func(c *upcall, _, _ string) {
		c.send(chunked(jsonHead), chunk(`{"pad":"`))
		c.trickle(chunk("x"))
	}, llm.CodeTotalTimeout, endRefused, endRefused},
	{"total: a page that trickles", func(c *upcall, _, _ string) {
		c.send(chunked("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"), chunk("<html>"))
		c.trickle(chunk("x"))
	}, llm.CodeUpstreamInvalid, endRefused, endRefused},
	{"total: before the status", func(c *upcall, _, _ string) { c.hang() }, llm.CodeTotalTimeout, endRefused, endRefused},
	{"stream: comments for ever", func(c *upcall, head, body string) {
		c.send(chunked(head), chunk(body[:strings.Index(body, "\n\n")+2]))
		c.trickle(chunk(": still here\n\n"))
	}, llm.CodeTotalTimeout, notAsked, endFailed},
	{"stream: before the status", func(c *upcall, _, _ string) { c.hang() }, llm.CodeTotalTimeout, notAsked, endRefused},
}

// TestUpstreamStalls: each timeout has its own code, wherever it is reached,
// and what has been begun ends as what is cut does.
func TestUpstreamStalls(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		for _, s := range stalls {
			if s.name != c.model {
				continue
			}
			head, body := jsonHead, goodAnswers[c.path].whole
			if c.stream {
				head, body = streamHead, strings.Join(goodAnswers[c.path].events, "")
			}
			s.answer(c, head, body)
		}
	})
	g := gatetest.Start(t, impatient, "UP", up.URL)
	var asks []ask
	var want []ending
	for _, s := range stalls {
		for _, c := range dialectCases {
			if s.whole != notAsked {
				asks, want = append(asks, ask{c, s.name, false, nil}), append(want, s.whole)
			}
			if s.stream != notAsked {
				asks, want = append(asks, ask{c, s.name, true, nil}), append(want, s.stream)
			}
		}
	}
	for i, r := range converseAll(t, g, asks) {
		t.Run(fmt.Sprintf("%s/%s stream=%v", asks[i].model, asks[i].c.name, asks[i].stream), func(t *testing.T) {
			code := stalls[slices.IndexFunc(stalls, func(s stall) bool { return s.name == asks[i].model })].code
			wantEnd(t, asks[i].c, r, want[i], code)
			wantEstimate(t, r.entry, code)
		})
	}
	g.Entries(t, len(asks))
	up.idle(t)
}

// TestTotalIsNotForStreams: a stream may take longer than a whole answer may.
func TestTotalIsNotForStreams(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		events := goodAnswers[c.path].events
		c.send(chunked(streamHead), chunk(events[0]))
		timer := time.NewTimer(1200 * time.Millisecond)
		defer timer.Stop()
		<-timer.C
		c.send(chunk(strings.Join(events[1:], "")), chunked("0\r\n"))
	})
	g := gatetest.Start(t, strings.Replace(impatient, "total: 2500ms", "total: 1s", 1), "UP", up.URL)
	c := dialectCases[0]
	r := converse(t, g, c.path, c.ask("total: none", true))
	wantEnd(t, c, r, endClean, "")
	if !strings.HasSuffix(r.body, "data: [DONE]\n\n") {
		t.Errorf("a long stream was cut:\n%s", tail(r.body))
	}
}

// TestRefusalThatStalls: the status is known, so the client is told that, and
// waits no longer than for a whole answer.
func TestRefusalThatStalls(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.send(chunked("HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 9\r\n"), chunk(`{"error":{"message":"`))
		if strings.HasPrefix(c.model, "total") {
			c.trickle(chunk("x"))
		}
		c.hang()
	})
	g := gatetest.Start(t, impatient, "UP", up.URL)
	var asks []ask
	for _, model := range []string{"idle: an error", "total: an error"} {
		for _, c := range dialectCases {
			asks = append(asks, ask{c, model, false, nil}, ask{c, model, true, nil})
		}
	}
	for i, r := range converseAll(t, g, asks) {
		wantEnd(t, asks[i].c, r, endRefused, llm.CodeUpstreamLimited)
		if r.header.Get("Retry-After") != "9" || r.entry.Usage.Provenance != llm.UsageNone {
			t.Errorf("%+v: Retry-After = %q, usage %+v; want 9 and nothing used", asks[i], r.header.Get("Retry-After"), r.entry.Usage)
		}
	}
}

// TestConnectTimeout: an upstream that takes the connection and never answers
// the handshake.
func TestConnectTimeout(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	g := gatetest.Start(t, "timeouts: { connect: 200ms }\n"+wired, "UP", "https://"+ln.Addr().String())
	for _, c := range dialectCases {
		r := converse(t, g, c.path, c.ask("m", true))
		wantEnd(t, c, r, endRefused, llm.CodeConnectTimeout)
		if r.status != http.StatusGatewayTimeout || r.entry.Usage.Provenance != llm.UsageNone {
			t.Errorf("status %d, usage %+v; want 504 and nothing used", r.status, r.entry.Usage)
		}
	}
}
