package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/llm"
)

// The translated_*_test.go files are the bad days of the translated lane, as
// upstream_*_test.go and hostile_*_test.go are those of the express lane.

// crossed is a gateway that asks a provider in the one protocol that the
// model's name begins with.
const crossed = `
upstreams:
  - { name: up, kind: compatible, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" } }
  - { name: lines, kind: ollama, endpoint: "${UP}", auth: { bearer: "` + upstreamSecret + `" } }
models:
  - { name: "chat:*", targets: [{ upstream: up, dialects: [chat] }] }
  - { name: "responses:*", targets: [{ upstream: up, dialects: [responses] }] }
  - { name: "messages:*", targets: [{ upstream: up, dialects: [messages] }] }
  - { name: "ollama:*", targets: [{ upstream: lines, dialects: [ollama] }] }
`

const linesHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"

// crossedGood is what a good server answers, and the head of a stream of its.
func crossedGood(path string) (answer goodAnswer, head string) {
	switch path {
	case "/v1/responses": // with the events that a reader cannot do without
		answer = goodAnswers[path]
		answer.events = slices.Insert(slices.Clone(answer.events), 1, "event: response.output_item.added\n"+
			`data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}}`+"\n\n")
		return answer, streamHead
	case "/api/chat":
	default:
		return goodAnswers[path], streamHead
	}
	const begin = `{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":`
	return goodAnswer{
		begin + `"hi there"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":5}`,
		[]string{
			begin + `"hi"},"done":false}` + "\n",
			begin + `" there"},"done":false}` + "\n",
			begin + `""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":5}` + "\n",
		},
	}, linesHead
}

// A pair is a client of one protocol and a provider of another.
type pair struct {
	c  dialectCase
	up string
}

func (p pair) String() string { return p.c.name + " to " + p.up }

// ask returns the client's request for a model of the provider's protocol.
func (p pair) ask(name string, stream bool) string { return p.c.ask(p.up+":"+name, stream) }

// pairs are all of them.
func pairs() []pair {
	var all []pair
	for _, c := range dialectCases {
		for _, up := range []string{"chat", "responses", "messages", "ollama"} {
			if c.name != up {
				all = append(all, pair{c, up})
			}
		}
	}
	return all
}

// eachPair runs f for every pair, whole and streamed.
func eachPair(t *testing.T, f func(t *testing.T, p pair, stream bool)) {
	t.Helper()
	for _, p := range pairs() {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s stream=%v", p, stream), func(t *testing.T) { f(t, p, stream) })
		}
	}
}

// wantWhole checks a success of 7 tokens in and 5 out that says "hi there".
func wantWhole(t *testing.T, p pair, stream bool, r heard) {
	t.Helper()
	wantEnd(t, p.c, r, endClean, "")
	media := "application/json"
	if stream {
		media = "text/event-stream; charset=utf-8"
	}
	if got := r.header.Get("Content-Type"); got != media {
		t.Errorf("Content-Type = %q, want %q", got, media)
	}
	if stream && (!strings.Contains(r.body, p.c.clean) || !strings.HasSuffix(r.body, "\n\n")) || !stream && !json.Valid([]byte(r.body)) {
		t.Errorf("the answer has not the form that was asked for:\n%s", r.body)
	}
	if !strings.Contains(crossedText(r.body), "hi there") {
		t.Errorf("the answer does not say hi there:\n%s", r.body)
	}
	if u := r.entry.Usage; u.Input != 7 || u.Output != 5 || u.Provenance != reported || r.entry.Lane != llm.Translated {
		t.Errorf("usage = %+v, lane %s; want 7 in and 5 out, translated", u, r.entry.Lane)
	}
}

// crossedText is joined, for streams of completions too.
func crossedText(body string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		var event struct {
			Choices []struct{ Text string }
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &event) == nil {
			for _, c := range event.Choices {
				b.WriteString(c.Text)
			}
		}
	}
	return joined(body) + b.String()
}

// TestTranslatedForms: the client gets the form that it asked for, whatever
// form the upstream answers in.
func TestTranslatedForms(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		_, form, _ := strings.Cut(c.model, ":")
		c.keep = true
		switch form {
		case "whole":
			c.whole(good.whole)
		case "no type":
			c.send("HTTP/1.1 200 OK\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good.whole)), good.whole)
		case "odd type":
			c.send("HTTP/1.1 200 OK\r\nContent-Type: Application/Problem+JSON; charset\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good.whole)), good.whole)
		case "stream":
			c.send(chunked(head), chunk(strings.Join(good.events, "")), "0\r\n\r\n")
		case "bytes":
			c.send(chunked(head))
			for _, b := range []byte(strings.Join(good.events, "")) {
				c.send(chunk(string(b)))
			}
			c.send("0\r\n\r\n")
		}
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		for _, form := range []string{"whole", "no type", "odd type", "stream", "bytes"} {
			wantWhole(t, p, stream, converse(t, g, p.c.path, p.ask(form, stream)))
		}
	})
}

// TestTranslatedOtherForm is the same with what the simulator makes of each
// protocol.
func TestTranslatedOtherForm(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		how := "X-Sim-Stream-To-Json"
		if stream {
			how = "X-Sim-Json-To-Stream"
		}
		r := converse(t, g, p.c.path, p.c.ask("as-"+p.up, stream), how, "1")
		wantEnd(t, p.c, r, endClean, "")
		if isStream := strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream"); isStream != stream {
			t.Errorf("Content-Type = %q", r.header.Get("Content-Type"))
		}
		if !strings.Contains(crossedText(r.body), "echo: hello there") || stream && !strings.Contains(r.body, p.c.clean) || r.entry.Usage.Output == 0 {
			t.Errorf("usage %+v, and the answer:\n%s", r.entry.Usage, r.body)
		}
	})
}

// TestTranslatedAtOnce: the first event leaves as soon as the upstream has said
// that it will answer, and everything else as soon as it has come.
func TestTranslatedAtOnce(t *testing.T) {
	next := make(chan struct{}, 2)
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		text := slices.IndexFunc(good.events, func(e string) bool { return strings.Contains(e, "hi") })
		c.send(chunked(head))
		<-next
		c.send(chunk(strings.Join(good.events[:text+1], "")))
		<-next
		c.send(chunk(strings.Join(good.events[text+1:], "")), "0\r\n\r\n")
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			resp := g.Post(t, p.c.path, p.ask("slow", true))
			late := time.AfterFunc(5*time.Second, func() { resp.Body.Close() })
			defer late.Stop()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d", resp.StatusCode)
			}
			got := ""
			read := func(what string) {
				t.Helper()
				buf := make([]byte, 4096)
				for !strings.Contains(got, what) {
					n, err := resp.Body.Read(buf)
					if got += string(buf[:n]); err != nil && !strings.Contains(got, what) {
						t.Fatalf("%v before %q:\n%s", err, what, got)
					}
				}
			}
			read("data: {") // before the upstream has said anything
			next <- struct{}{}
			read(`hi`)
			next <- struct{}{}
			read(p.c.clean)
		})
	}
	up.idle(t)
}

// writes counts what is written to clients in one piece.
type writes struct {
	begun // does nothing that this does not
	n     *atomic.Int64
}

func (w writes) Event(string, int) { w.n.Add(1) }

// TestTranslatedWrites: what one read has brought is one write, however many
// events it becomes.
func TestTranslatedWrites(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		c.keep = true
		c.send(chunked(head) + chunk(strings.Join(good.events, "")) + "0\r\n\r\n")
	})
	var n atomic.Int64
	seen := begun{seen: make(chan struct{}, 1)}
	g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{writes{seen, &n}}}, crossed, "UP", up.URL)
	for _, p := range pairs() {
		n.Store(0)
		wantWhole(t, p, true, converse(t, g, p.c.path, p.ask("one", true)))
		want := int64(2)
		if p.c.path == "/v1/responses" {
			want = 3 // the end of an answer that Weir keeps is written when it is kept
		}
		if got := n.Load(); got != want {
			t.Errorf("%s: %d writes, want %d: one for the beginning and one for the rest", p, got, want)
		}
	}
}
