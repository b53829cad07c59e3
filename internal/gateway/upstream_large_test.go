package gateway_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// largeEvent returns an event of about n bytes of a dialect, and how its
// stream goes on to its end.
func largeEvent(c dialectCase, n int) (event, rest string) {
	text := strings.Repeat("0123456789abcdef", n/16)
	switch c.name {
	case "chat":
		return `data: {"choices":[{"index":0,"delta":{"content":"` + text + `"}}]}` + "\n\n", stream(finishEvent, usageEvent, doneEvent)
	case "completions":
		return `data: {"choices":[{"index":0,"text":"` + text + `","finish_reason":"stop"}]}` + "\n\n", stream(usageEvent, doneEvent)
	case "responses":
		return "event: response.completed\n" + `data: {"type":"response.completed","response":{"id":"resp_1","output":[{"type":"image_generation_call","result":"` + text + `"}],"usage":{"input_tokens":7,"output_tokens":5}}}` + "\n\n", ""
	default:
		return "event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}` + "\n\n",
			goodAnswers[c.path].events[0] + strings.Join(goodAnswers[c.path].events[2:], "")
	}
}

// TestLargeEvents: an event of megabytes passes, at any size of its pieces; one
// that is larger than anything known is the end, and the client is told so.
func TestLargeEvents(t *testing.T) {
	const passes, tooLarge = 2 << 20, 17 << 20
	up := newProvider(t, func(c *upcall) {
		var d dialectCase
		for _, d = range dialectCases {
			if d.path == c.path {
				break
			}
		}
		c.send(chunked(streamHead))
		c.keep = true
		switch c.model {
		case "passes":
			event, rest := largeEvent(d, passes)
			c.send(chunk(event), chunk(rest), "0\r\n\r\n")
		case "pieces":
			event, rest := largeEvent(d, passes)
			for len(event) > 0 {
				n := min(len(event), 10_007)
				c.send(chunk(event[:n]))
				event = event[n:]
			}
			c.send(chunk(rest), "0\r\n\r\n")
		case "an event":
			event, _ := largeEvent(d, tooLarge)
			c.send(chunk(event))
			c.hang()
		case "a line":
			block := chunk("data: " + strings.Repeat("x", 1<<20))
			for range tooLarge >> 20 {
				c.send(block)
			}
			c.hang()
		case "many lines":
			block := chunk(strings.Repeat("data: x\n", 1<<17))
			for range tooLarge >> 20 {
				c.send(block)
			}
			c.hang()
		case "fields without data":
			block := chunk(strings.Repeat("id: x\n", 1<<17))
			for range tooLarge >> 19 {
				c.send(block)
			}
			c.hang()
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	for _, c := range dialectCases {
		for _, model := range []string{"passes", "pieces"} {
			if model == "pieces" && c.name != "responses" {
				continue // the framing is everybody's
			}
			r := converse(t, g, c.path, c.ask(model, true))
			wantEnd(t, c, r, endClean, "")
			event, rest := largeEvent(c, passes)
			if want := event + strings.Replace(rest, usageEvent+"\n\n", "", 1); r.body != want {
				t.Errorf("%s, %s: got %d bytes, want %d; first difference at %d", c.name, model, len(r.body), len(want), diff(r.body, want))
			}
			if u := r.entry.Usage; u.Input != 7 || u.Output != 5 || u.Provenance != reported {
				t.Errorf("%s, %s: usage = %+v, want 7 in and 5 out", c.name, model, u)
			}
		}
	}
	for i, model := range []string{"an event", "a line", "many lines", "fields without data"} {
		c := dialectCases[i]
		r := converse(t, g, c.path, c.ask(model, true))
		at := strings.LastIndex(r.body, "\n\n"+c.failure)
		if at < 0 {
			t.Fatalf("%s: the failure is not an event of its own:\n%s", model, tail(r.body))
		}
		r.body = r.body[at+2:] // before it stands what was torn
		wantEnd(t, c, r, endFailed, llm.CodeUpstreamTooLarge)
	}
	up.idle(t)
}

// TestMemoryOfLargeEvents is promise 7: what is held of an event does not grow
// with it, nor what is held of all of them.
func TestMemoryOfLargeEvents(t *testing.T) {
	const (
		streams = 50
		sent    = 2 << 20
		allowed = 40 << 20 // of 100 MiB; the rest are sockets' buffers and the test's own
	)
	block := chunk("data: " + strings.Repeat("x", sent))
	up := newProvider(t, func(c *upcall) {
		c.send(chunked(streamHead), block)
		c.hang()
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var arrived sync.WaitGroup
	var bodies []io.Closer
	for range streams {
		resp := g.Post(t, "/v1/chat/completions", dialectCases[0].body)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
		bodies = append(bodies, resp.Body)
		arrived.Go(func() {
			if _, err := io.CopyN(io.Discard, resp.Body, sent-128<<10); err != nil {
				t.Error(err)
			}
		})
	}
	arrived.Wait()
	if grown := heap() - before; grown > allowed {
		t.Errorf("%d streams in the middle of an event of %d bytes take %d bytes, want at most %d", streams, sent, grown, allowed)
	}
	for _, b := range bodies {
		b.Close()
	}
	up.idle(t)
	for _, e := range g.Entries(t, streams) {
		if e.Code != llm.CodeClientClosed {
			t.Fatalf("code %q, want a client that has left", e.Code)
		}
	}
}

// TestTornBehindTheFinish: a huge event that is cut is passed on in part, and
// so the stream cannot end well any more.
func TestTornBehindTheFinish(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.send(chunked(streamHead), chunk(stream(firstEvent, finishEvent)+"data: {\"pad\":\""+strings.Repeat("x", 200_000)), "0\r\n\r\n")
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	c := dialectCases[0]
	r := converse(t, g, c.path, c.ask("m", true))
	at := strings.LastIndex(r.body, "\n\n"+c.failure)
	if at < 100_000 {
		t.Fatalf("the failure is not an event of its own behind what was torn:\n%s", tail(r.body))
	}
	r.body = r.body[at+2:]
	wantEnd(t, c, r, endFailed, llm.CodeUpstreamTruncated)
}
