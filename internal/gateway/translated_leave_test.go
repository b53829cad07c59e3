package gateway_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestTranslatedClientLeaves is promise 4 in this lane.
func TestTranslatedClientLeaves(t *testing.T) {
	said, gone := make(chan struct{}), make(chan time.Time)
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		switch _, name, _ := strings.Cut(c.model, ":"); name {
		case "head":
		case "first":
			c.send(chunked(head))
		case "json":
			c.send(chunked(jsonHead), chunk(good.whole[:30]))
		case "middle":
			c.send(chunked(head), chunk(strings.Join(good.events[:2], "")))
		case "event":
			c.send(chunked(head), chunk(good.events[0]+good.events[1][:10]))
		}
		said <- struct{}{}
		c.hang()
		gone <- time.Now()
	})
	g := gatetest.Start(t, crossed, "UP", up.URL)
	n := 0
	eachPair(t, func(t *testing.T, p pair, stream bool) {
		for _, name := range []string{"head", "first", "json", "middle", "event"} {
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = converseOnce(ctx, g, p.c.path, p.ask(name, stream)) // fails: that is the point
			}()
			<-said
			<-time.After(2 * time.Millisecond) // most of what was said has arrived by then
			left := time.Now()
			leave()
			<-done
			if took := (<-gone).Sub(left); took > soon {
				t.Errorf("%s: the upstream was told after %v", name, took)
			}
			n++
			e := g.Entries(t, n)[n-1]
			if e.Code != llm.CodeClientClosed || e.Status != 499 && e.Status != 200 || len(e.Attempts) != 1 || e.Usage.Provenance != estimated || e.Usage.Input == 0 {
				t.Errorf("%s: entry %+v, want one of a client that has left, with an estimate", name, e)
			}
		}
	})
	up.idle(t)
	settle(t)
}

// lively is a gateway whose translated streams never fall silent.
const lively = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat], keepalive: 10ms }] }
  - { name: as-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses], keepalive: 10ms }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages], keepalive: 10ms }] }
`

// livelyPairs are those of a lively gateway; the express ones are among them.
func livelyPairs() []pair {
	var all []pair
	for _, c := range dialectCases {
		for _, up := range []string{"chat", "responses", "messages"} {
			all = append(all, pair{c, up})
		}
	}
	return all
}

// TestTranslatedSlowReader: who does not read is hung up on, over either HTTP,
// and neither signs of life nor events hold that up.
func TestTranslatedSlowReader(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "write: 300ms", lively)
	http2 := g.client(t)
	http1 := &http.Transport{TLSClientConfig: http2.TLSClientConfig.Clone(), DisableCompression: true}
	http1.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.Cleanup(http1.CloseIdleConnections)
	n := 0
	for _, p := range livelyPairs() {
		for _, tr := range []*http.Transport{http1, http2} {
			if p.c.name == "completions" {
				continue
			}
			resp, err := g.try(t.Context(), tr, "POST", p.c.path, strings.NewReader(p.c.ask("as-"+p.up, true)),
				"anthropic-version", "2023-06-01", "X-Sim-Events", "endless", "X-Sim-Event-Size", "60000")
			if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
			n++
			e := g.Entries(t, n)[n-1]
			if e.Code != llm.CodeClientTooSlow || e.BytesOut > 64<<20 {
				t.Errorf("%s over %s: entry %+v, want a client that is too slow", p, resp.Proto, e)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("%s over %s: the stream has a clean end", p, resp.Proto)
			}
			resp.Body.Close()
		}
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
}

// TestTranslatedSilenceIsNotSlowness: a stream may be silent for longer than a
// write may take, with signs of life and without.
func TestTranslatedSilenceIsNotSlowness(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "write: 200ms", lively+`
  - { name: quiet-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat], keepalive: off }] }
  - { name: quiet-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses], keepalive: off }] }
  - { name: quiet-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages], keepalive: off }] }
`)
	http2 := g.client(t)
	http1 := &http.Transport{TLSClientConfig: http2.TLSClientConfig.Clone(), DisableCompression: true}
	http1.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.Cleanup(http1.CloseIdleConnections)
	var wg sync.WaitGroup
	n := 0
	for _, p := range livelyPairs() {
		for _, model := range []string{"as-", "quiet-"} {
			for _, tr := range []*http.Transport{http1, http2} {
				n++
				wg.Go(func() {
					resp, err := g.try(t.Context(), tr, "POST", p.c.path, strings.NewReader(p.c.ask(model+p.up, true)), "anthropic-version", "2023-06-01", "X-Sim-Event-Delay", "250ms")
					if err != nil {
						t.Errorf("%s: %v", p, err)
						return
					}
					defer resp.Body.Close()
					if b, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(b), p.c.clean) {
						t.Errorf("%s, %s, %s: %v after\n%s", p, model, resp.Proto, err, tail(string(b)))
					}
				})
			}
		}
	}
	wg.Wait()
	for _, e := range g.Entries(t, n) {
		if e.Code != "" {
			t.Errorf("entry = %+v, want success", e)
		}
	}
}

// TestTranslatedAliveIsBetweenEvents: a sign of life never stands in an event,
// and none comes behind the last.
func TestTranslatedAliveIsBetweenEvents(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		good, head := crossedGood(c.path)
		all := strings.Join(good.events, "")
		c.keep = true
		c.send(chunked(head))
		for len(all) > 0 {
			n := min(len(all), 40)
			<-time.After(4 * time.Millisecond)
			c.send(chunk(all[:n]))
			all = all[n:]
		}
		<-time.After(20 * time.Millisecond)
		c.send("0\r\n\r\n")
	})
	g := gatetest.Start(t, strings.ReplaceAll(crossed, "] }] }", "], keepalive: 10ms }] }"), "UP", up.URL)
	both := append(pairs(), pair{dialectCases[0], "chat"}, pair{dialectCases[2], "responses"}, pair{dialectCases[3], "messages"})
	for _, p := range both {
		t.Run(p.String(), func(t *testing.T) {
			r := converse(t, g, p.c.path, p.ask("m", true))
			wantEnd(t, p.c, r, endClean, "")
			events := strings.Split(strings.TrimSuffix(r.body, "\n\n"), "\n\n")
			pings := 0
			for i, e := range events {
				if e == ": ping" || e == "event: keepalive\ndata: {\"type\":\"keepalive\"}" || e == "event: ping\ndata: {\"type\":\"ping\"}" {
					pings++
					if r.entry.Lane == llm.Translated && i == len(events)-1 {
						t.Error("a sign of life behind the end")
					}
				} else if strings.Count(e, "data: ") != 1 || strings.Contains(e, "ping") || strings.Contains(e, "keepalive") {
					t.Errorf("something stands in an event: %q", e)
				}
			}
			if pings == 0 {
				t.Error("no sign of life")
			}
		})
	}
}

// TestTranslatedShutdown: a stream that ends in the time for a shutdown ends
// well, one that does not is told so in its own words, and both are accounted
// for.
func TestTranslatedShutdown(t *testing.T) {
	for _, p := range pairs() {
		if p.up == "ollama" {
			continue // the simulator's lines have no delay in them that matters here
		}
		for _, cut := range []bool{false, true} {
			name := p.String() + " in time"
			drain, delay := "5s", "20ms"
			if cut {
				name, drain, delay = p.String()+" cut", "50ms", "400ms"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel() // it waits more than it works
				seen := make(chan struct{}, 1)
				g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{begun{seen: seen, token: true}}}, "listen: { drain: "+drain+" }\n"+oneEach)
				answers := make(chan heard, 1)
				go func() {
					r, err := converseOnce(t.Context(), g, p.c.path, p.c.ask("as-"+p.up, true), "X-Sim-Event-Delay", delay)
					if err != nil {
						t.Error(err)
					}
					answers <- r
				}()
				<-seen
				g.Stop(t)
				entries := g.Ledger.Entries()
				if len(entries) != 1 {
					t.Fatalf("%d entries at the end of the shutdown, want one", len(entries))
				}
				r := <-answers
				r.entry = entries[0]
				if !cut {
					wantEnd(t, p.c, r, endClean, "")
					return
				}
				wantEnd(t, p.c, r, endFailed, llm.CodeShuttingDown)
				if r.entry.Usage.Provenance != estimated || r.entry.Usage.Output == 0 {
					t.Errorf("usage = %+v, want an estimate", r.entry.Usage)
				}
			})
		}
	}
}

// TestTranslatedLeavesNothing: 200 streams, of which every fourth is left by
// its client, leave no goroutine and no count of memory.
func TestTranslatedLeavesNothing(t *testing.T) {
	const streams, atOnce = 200, 20
	g := gatetest.Start(t, "listen: { body_memory: 200KiB, body_limit: 100KiB }\n"+oneEach)
	ask := func(i int) {
		p := pairs()[i%len(pairs())]
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if i%4 == 0 {
			ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond)
		}
		defer cancel()
		header := []string{"X-Sim-Event-Delay", "1ms"}
		if i%5 == 0 {
			header = append(header, "X-Sim-Cut", "2")
		}
		r, err := converseOnce(ctx, g, p.c.path, p.c.ask("as-"+p.up, i%3 != 0), header...)
		if i%4 != 0 && (err != nil || r.status == 0) {
			t.Errorf("%s: %v", p, err)
		}
	}
	ask(1)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for worker := range atOnce {
		wg.Go(func() {
			for i := worker; i < streams; i += atOnce {
				ask(i)
			}
		})
	}
	wg.Wait()
	settle(t)
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	// Connections to the simulator stay, as many as there were streams at once.
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= before+6*atOnce })
	// What takes most of the memory that there is finds it free.
	large := strings.Replace(dialectCases[0].body, "hello there", strings.Repeat("x", 28<<10), 1)
	for _, model := range []string{"as-responses", "as-messages", "as-ollama"} {
		if r := converse(t, g, dialectCases[0].path, strings.Replace(large, `"m"`, `"`+model+`"`, 1)); r.status != http.StatusOK || r.entry.Code != "" {
			t.Errorf("%s: %d %s", model, r.status, tail(r.body))
		}
	}
}
