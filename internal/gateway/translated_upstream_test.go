package gateway_test

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// A badDay is one way in which an upstream's answer goes wrong.
type badDay struct {
	name   string
	answer func(c *upcall, good goodAnswer, head string)
	code   llm.Code
	whole  ending // for a client that has asked for a whole answer
	stream ending
	keep   bool // as HTTP goes, nothing is wrong
}

var badDays = []badDay{ // immutable
	{"a page", func(c *upcall, _ goodAnswer, _ string) {
		c.send(chunked(ok("text/html")), chunk("<html>hi</html>"), "0\r\n\r\n")
	}, llm.CodeUpstreamInvalid, endRefused, endRefused, true},
	{"plain text", func(c *upcall, _ goodAnswer, _ string) {
		c.send(chunked(ok("text/plain")), chunk("hi"), "0\r\n\r\n")
	}, llm.CodeUpstreamInvalid, endRefused, endRefused, true},
	{"204", func(c *upcall, _ goodAnswer, _ string) { c.send("HTTP/1.1 204 No Content\r\n\r\n") }, llm.CodeUpstreamTruncated, endRefused, endRefused, true},
	{"a page that says it is JSON", func(c *upcall, _ goodAnswer, _ string) { c.whole("<html>hi</html>") }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"no body", func(c *upcall, _ goodAnswer, _ string) { c.whole("") }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"null", func(c *upcall, _ goodAnswer, _ string) { c.whole("null") }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"an array", func(c *upcall, _ goodAnswer, _ string) { c.whole("[]") }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"an empty object", func(c *upcall, _ goodAnswer, _ string) { c.whole("{}") }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"half of the JSON", func(c *upcall, good goodAnswer, _ string) { c.whole(good.whole[:len(good.whole)/2]) }, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"JSON that is cut", func(c *upcall, good goodAnswer, _ string) {
		c.send(chunked(jsonHead), chunk(good.whole[:len(good.whole)/2]))
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, false},
	{"JSON and a reset", func(c *upcall, good goodAnswer, _ string) {
		c.send(chunked(jsonHead), chunk(good.whole[:len(good.whole)/2]))
		c.reset()
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, false},
	{"a stream of nothing", func(c *upcall, _ goodAnswer, head string) { c.send(chunked(head), "0\r\n\r\n") }, llm.CodeUpstreamTruncated, endRefused, endFailed, true},
	{"a stream that is cut", func(c *upcall, good goodAnswer, head string) {
		c.send(chunked(head), chunk(strings.Join(good.events[:len(good.events)-1], "")[:100]))
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, false},
	{"a stream and a reset", func(c *upcall, good goodAnswer, head string) {
		c.send(chunked(head), chunk(good.events[0]))
		c.reset()
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, false},
	{"a stream without its end", func(c *upcall, good goodAnswer, head string) {
		c.send(chunked(head), chunk(good.events[0]), "0\r\n\r\n")
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, true},
	{"a chunk that is none", func(c *upcall, good goodAnswer, head string) {
		c.send(chunked(head), chunk(good.events[0]), "xyz\r\n")
	}, llm.CodeUpstreamInvalid, endRefused, endFailed, false},
	{"an event that is no JSON", func(c *upcall, good goodAnswer, head string) {
		begin, _, _ := strings.Cut(good.events[0], "{")
		c.send(chunked(head), chunk(good.events[0]+begin+"{\"type\":oh}\n\n"), "0\r\n\r\n")
	}, llm.CodeUpstreamInvalid, endRefused, endFailed, true},
	{"JSON that says it is a stream", func(c *upcall, _ goodAnswer, head string) {
		c.send(chunked(head), chunk(`{"error":"oh"`), "0\r\n\r\n")
	}, llm.CodeUpstreamTruncated, endRefused, endFailed, true},
}

// crossedBad answers as the bad day after the model's colon.
func crossedBad(c *upcall) {
	good, head := crossedGood(c.path)
	_, name, _ := strings.Cut(c.model, ":")
	for _, d := range badDays {
		if d.name == name {
			c.keep = d.keep
			d.answer(c, good, head)
		}
	}
}

// TestTranslatedBadDays: whatever an upstream of another protocol answers, the
// client is told in its own, by status where that is still possible, and never
// with a clean end.
func TestTranslatedBadDays(t *testing.T) {
	up := newProvider(t, crossedBad)
	g := gatetest.Start(t, crossed, "UP", up.URL)
	n := 0
	for _, d := range badDays {
		t.Run(d.name, func(t *testing.T) {
			eachPair(t, func(t *testing.T, p pair, stream bool) {
				r := converse(t, g, p.c.path, p.ask(d.name, stream))
				end := d.whole
				if stream {
					end = d.stream
				}
				wantEnd(t, p.c, r, end, d.code)
				wantEstimate(t, r.entry, d.code)
				n++
			})
		})
	}
	g.Entries(t, n)
	up.idle(t)
}

// crossedErrors are an upstream's own words for a failure, in a success, by
// protocol: whole, and as the first event of a stream.
var crossedErrors = map[string]goodAnswer{ // immutable
	"chat":      {`{"error":{"message":"oh no","type":"server_error","code":"oops"}}`, []string{`data: {"error":{"message":"oh no","type":"server_error","code":"oops"}}` + "\n\n"}},
	"responses": {`{"id":"resp_1","object":"response","status":"failed","model":"m","output":[],"error":{"code":"oops","message":"oh no"}}`, []string{"event: error\n" + `data: {"type":"error","code":"oops","message":"oh no","param":null,"sequence_number":0}` + "\n\n"}},
	"messages":  {`{"type":"error","error":{"type":"oops","message":"oh no"}}`, []string{"event: error\n" + `data: {"type":"error","error":{"type":"oops","message":"oh no"}}` + "\n\n"}},
	"ollama":    {`{"error":"oh no"}`, []string{`{"error":"oh no"}` + "\n"}},
}

// TestTranslatedErrorFirst: an answer that begins as a success and tells of a
// failure is one.
func TestTranslatedErrorFirst(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		said, form, _ := strings.Cut(c.model, ":")
		_, head := crossedGood(c.path)
		c.keep = true
		if form == "whole" {
			c.whole(crossedErrors[said].whole)
			return
		}
		c.send(chunked(head), chunk(crossedErrors[said].events[0]), "0\r\n\r\n")
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		for _, form := range []string{"whole", "stream"} {
			r := converse(t, g, p.c.path, p.ask(form, stream))
			if !stream {
				wantEnd(t, p.c, r, endRefused, llm.CodeUpstreamFailed)
				continue
			}
			if !strings.Contains(r.body, p.c.failure) || !strings.Contains(r.body, "oh no") || strings.Contains(r.body, p.c.clean) || r.entry.Code != llm.CodeUpstreamFailed {
				t.Errorf("%s: entry %+v, and the stream\n%s\nwant the upstream's words in the client's shape", form, r.entry, r.body)
			}
		}
	})
}

// TestTranslatedUsageAbsent: where the upstream does not say what was used, it
// is estimated, and said to be.
func TestTranslatedUsageAbsent(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		r := converse(t, g, p.c.path, p.c.ask("as-"+p.up, stream), "X-Sim-No-Usage", "1")
		wantEnd(t, p.c, r, endClean, "")
		if u := r.entry.Usage; u.Provenance != estimated || u.Input == 0 || u.Output == 0 {
			t.Errorf("usage = %+v, want an estimate of both", u)
		}
	})
}

// TestTranslatedStalls: silence has its limits.
func TestTranslatedStalls(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		switch _, name, _ := strings.Cut(c.model, ":"); name {
		case "head":
		case "first":
			c.send(chunked(head))
		case "json":
			c.send(chunked(jsonHead), chunk(good.whole[:20]))
		case "middle":
			c.send(chunked(head), chunk(good.events[0]))
		case "event":
			c.send(chunked(head), chunk(good.events[0]+good.events[1][:10]))
		}
		c.hang()
	})
	g := gatetest.Start(t, "timeouts: { idle: 700ms, first_byte: 700ms }\n"+crossed, "UP", up.URL)
	var asks []ask
	var want []ending
	var codes []llm.Code
	for _, p := range pairs() {
		for _, name := range []string{"head", "first", "json", "middle", "event"} {
			for _, stream := range []bool{false, true} {
				end, code := endFailed, llm.CodeIdleTimeout
				if name == "head" || name == "first" && stream {
					code = llm.CodeFirstByteTimeout
				}
				if name == "head" || !stream {
					end = endRefused
				}
				asks, want, codes = append(asks, ask{p.c, p.up + ":" + name, stream, nil}), append(want, end), append(codes, code)
			}
		}
	}
	for i, r := range converseAll(t, g, asks) {
		t.Run(asks[i].c.name+"/"+asks[i].model, func(t *testing.T) {
			wantEnd(t, asks[i].c, r, want[i], codes[i])
			wantEstimate(t, r.entry, codes[i])
		})
	}
	up.idle(t)
}

// TestTranslatedTooLarge: no line, event or answer is without end.
func TestTranslatedTooLarge(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 1<<16)
	up := newProvider(t, func(c *upcall) {
		_, head := crossedGood(c.path)
		switch _, name, _ := strings.Cut(c.model, ":"); name {
		case "line":
			c.send(chunked(head), chunk("data: "))
			for range 18 {
				c.send(chunk(text))
			}
		case "whole":
			c.send(chunked(jsonHead), chunk(`{"pad":"`))
			for range 66 {
				c.send(chunk(text))
			}
		case "texts":
			c.send(chunked(head))
			for range 66 {
				c.send(chunk(`data: {"choices":[{"index":0,"delta":{"content":"` + text + `"}}]}` + "\n\n"))
			}
		case "comments":
			c.send(chunked(head))
			for range 66 {
				c.send(chunk(": " + text + "\n\n"))
			}
		}
		c.hang()
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	by := func(name string) dialectCase {
		return dialectCases[slices.IndexFunc(dialectCases, func(c dialectCase) bool { return c.name == name })]
	}
	for _, tt := range []struct {
		client, model string
		stream        bool
	}{
		{"chat", "responses:line", true},
		{"responses", "messages:line", true},
		{"messages", "ollama:line", true},
		{"messages", "chat:line", false},
		{"chat", "responses:whole", false},
		{"responses", "messages:whole", true},
		{"messages", "ollama:whole", false},
		{"completions", "chat:whole", true},
		{"responses", "chat:texts", true},
		{"messages", "chat:texts", false},
		{"responses", "chat:comments", false},
	} {
		t.Run(tt.client+" to "+tt.model, func(t *testing.T) {
			c := by(tt.client)
			r := converse(t, g, c.path, c.ask(tt.model, tt.stream))
			end := endRefused
			if tt.stream {
				end = endFailed
				r.body = r.body[max(strings.LastIndex(r.body, c.failure), 0):]
			}
			wantEnd(t, c, r, end, llm.CodeUpstreamTooLarge)
		})
	}
	up.idle(t)
}

// TestTranslatedHugeEvent: an event of megabytes is an event like any other.
func TestTranslatedHugeEvent(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		r := converse(t, g, p.c.path, p.c.ask("as-"+p.up, stream), "X-Sim-Huge", "3MiB")
		wantEnd(t, p.c, r, endClean, "")
		if len(r.body) < 3<<20 {
			t.Errorf("%d bytes, want more than 3 MiB", len(r.body))
		}
	})
}

// TestTranslatedUnfinished: a response that goes on in the background is no
// answer for those who cannot ask for it later.
func TestTranslatedUnfinished(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.keep = true
		_, status, _ := strings.Cut(c.model, ":")
		c.whole(`{"id":"resp_1","object":"response","status":"` + status + `","model":"m","output":[]}`)
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	for _, p := range pairs() {
		if p.up != "responses" {
			continue
		}
		for _, status := range []string{"queued", "in_progress", "paused"} {
			for _, stream := range []bool{false, true} {
				r := converse(t, g, p.c.path, p.ask(status, stream))
				if r.entry.Code == "" || strings.Contains(r.body, p.c.clean) || !strings.Contains(r.body, "error") || !stream && r.status/100 != 5 {
					t.Errorf("%s, %s: entry %+v\n%d %s\nwant a failure", p, status, r.entry, r.status, r.body)
				}
			}
		}
	}
}

// TestTranslatedKeepsConnections: an upstream's connection serves one exchange
// after another.
func TestTranslatedKeepsConnections(t *testing.T) {
	var mu sync.Mutex
	used := map[net.Conn]bool{}
	up := newProvider(t, func(c *upcall) {
		mu.Lock()
		used[c.Conn] = true
		mu.Unlock()
		good, head := crossedGood(c.path)
		c.keep = true
		if !c.stream {
			c.whole(good.whole)
			return
		}
		c.send(chunked(head), chunk(strings.Join(good.events, "")))
		<-time.After(5 * time.Millisecond)
		c.send("0\r\n\r\n") // in a packet of its own, as servers do
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	n := 0
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		wantWhole(t, p, stream, converse(t, g, p.c.path, p.ask("m", stream)))
		n++
	})
	mu.Lock()
	defer mu.Unlock()
	if len(used) > 3 { // one for each upstream, and one that was late
		t.Errorf("%d connections for %d exchanges", len(used), n)
	}
}

// TestTranslatedBehindTheEnd: who has the last event has everything, also if
// the upstream does not hang up.
func TestTranslatedBehindTheEnd(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		c.send(chunked(head), chunk(strings.Join(good.events, "")))
		c.hang()
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		r := converse(t, g, p.c.path, p.ask("m", stream))
		wantWhole(t, p, stream, r)
		if r.entry.Total > soon {
			t.Errorf("the exchange took %v", r.entry.Total)
		}
	})
	up.idle(t)
}
