package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// misdeeds are what the simulator is asked for; %d is a small number.
var misdeeds = []string{ // immutable
	"", "", "", "X-Sim-Cut: %d", "X-Sim-Cut: %d|X-Sim-Cut-Bytes: 11", "X-Sim-End-Early: %d", "X-Sim-Stall: %d",
	"X-Sim-Status: 400", "X-Sim-Status: 401", "X-Sim-Status: 404", "X-Sim-Status: 429", "X-Sim-Status: 500", "X-Sim-Status: 503",
	"X-Sim-Error: first", "X-Sim-Error: middle", "X-Sim-No-Usage: 1", "X-Sim-No-Done: 1", "X-Sim-Crlf: 1", "X-Sim-Comments: 1",
	"X-Sim-One-Byte: 1", "X-Sim-Huge: 100KiB", "X-Sim-Huge: 100KiB|X-Sim-Cut: %d", "X-Sim-Events: 50", "X-Sim-Wrong-Length: +9", "X-Sim-Wrong-Length: -9",
	"X-Sim-Early-Answer: 1", "X-Sim-Reset: 1", "X-Sim-Json-To-Stream: 1", "X-Sim-Stream-To-Json: 1", "X-Sim-Html: 1", "X-Sim-Html: 1|X-Sim-Status: 502",
	"X-Sim-First-Byte: 5ms", "X-Sim-Crlf: 1|X-Sim-Cut: %d", "X-Sim-Think: 1|X-Sim-Comments: 1",
}

// TestMixedMisbehaviour: whatever upstreams and clients do at the same time,
// each answer is one of those that are allowed, each exchange has its entry,
// and nothing is left behind.
func TestMixedMisbehaviour(t *testing.T) {
	quiet(t)
	const workers, each = 30, 30
	start := runtime.NumGoroutine()
	g := gatetest.Start(t, `
timeouts: { idle: 300ms, first_byte: 500ms }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: plain, targets: [{ upstream: sim }] }
  - { name: renamed, targets: [{ upstream: sim, model: theirs }] }
  - { name: as-chat, targets: [{ upstream: sim, dialects: [chat], keepalive: 10ms }] }
  - { name: as-responses, targets: [{ upstream: sim, dialects: [responses], keepalive: 10ms }] }
  - { name: as-messages, targets: [{ upstream: sim, dialects: [messages], keepalive: 10ms }] }
  - { name: as-ollama, targets: [{ upstream: sim, dialects: [ollama], keepalive: 10ms }] }
`)
	models := []string{"plain", "renamed", "as-chat", "as-responses", "as-messages", "as-ollama"}
	type spoken struct {
		c     dialectCase
		deed  string
		r     heard
		left  bool
		err   error
		whole bool
	}
	said := make([]spoken, workers*each)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker))) // the same every time
			for i := range each {
				s := &said[worker*each+i]
				s.c = dialectCases[random.IntN(len(dialectCases))]
				s.whole = random.IntN(3) == 0
				s.deed = strings.ReplaceAll(misdeeds[random.IntN(len(misdeeds))], "%d", strconv.Itoa(random.IntN(5)))
				s.left = random.IntN(10) == 0
				var header []string
				for line := range strings.SplitSeq(s.deed, "|") {
					if name, value, ok := strings.Cut(line, ": "); ok {
						header = append(header, name, value)
					}
				}
				patience := 15 * time.Second // a hung test says so
				if s.left {
					patience = time.Duration(random.IntN(8)) * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				s.r, s.err = converseOnce(ctx, g, s.c.path, s.c.ask(models[random.IntN(len(models))], !s.whole), header...)
				cancel()
			}
		})
	}
	all.Wait()
	asked := 0
	for i := range said {
		if said[i].r.status != 0 || !said[i].left {
			asked++
		}
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 && g.Ledger.Total() >= int64(asked) })
	g.Stop(t)
	byID := map[string]ledger.Entry{}
	for _, e := range g.Ledger.Entries() {
		if _, twice := byID[e.ID]; twice || len(tries(&e)) > 1 || e.Usage.Provenance == llm.UsageUnknown {
			t.Errorf("entry %s: twice %v, attempts %+v, usage %+v", e.ID, twice, e.Attempts, e.Usage)
		}
		byID[e.ID] = e
	}
	if len(byID) > len(said) || len(byID) < asked {
		t.Errorf("%d entries of between %d and %d exchanges", len(byID), asked, len(said))
	}
	for _, s := range said {
		if s.err != nil || s.r.status == 0 {
			if !s.left {
				t.Errorf("%s, %q: %v", s.c.name, s.deed, s.err)
			}
			continue
		}
		e, ok := byID[s.r.header.Get("X-Request-Id")]
		if !ok {
			t.Errorf("%s, %q: no entry of %s", s.c.name, s.deed, s.r.header.Get("X-Request-Id"))
		} else if fault := implausible(s.c, s.r, e); fault != "" && !s.left {
			t.Errorf("%s, whole %v, %q: %s: %d, %v, entry %s %s:\n%s", s.c.name, s.whole, s.deed, fault, s.r.status, s.r.broken, e.Code, e.Usage.Provenance, tail(s.r.body))
		}
	}
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= start+3 }) // the simulator's listener stays
}

// implausible says why an answer is not one of those that are allowed, given
// what the ledger has of it.
func implausible(c dialectCase, r heard, e ledger.Entry) string {
	isStream := strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream")
	switch {
	case e.Status != r.status:
		return fmt.Sprintf("the entry has status %d", e.Status)
	case r.status != http.StatusOK:
		if e.Code == "" || !json.Valid([]byte(r.body)) || !strings.Contains(r.body, `"error"`) {
			return "an error without a reason"
		}
	case !isStream && r.broken != nil:
		if e.Code == "" {
			return "a whole answer is broken off, and the entry does not say why"
		}
	case !isStream:
		if !json.Valid([]byte(r.body)) {
			return "a whole answer that is no JSON"
		}
	case r.broken != nil || !strings.HasSuffix(strings.ReplaceAll(r.body, "\r", ""), "\n\n"):
		return "a stream without an end"
	case e.Code == "" && !strings.Contains(r.body, c.clean) && !strings.Contains(r.body, `"finish_reason": "stop"`) && !strings.Contains(r.body, `"finish_reason":"stop"`):
		return "a stream that was cut ends well"
	case e.Code != "" && !strings.Contains(r.body, "error"):
		return "a stream that failed does not say so"
	}
	return ""
}
