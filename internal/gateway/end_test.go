package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// TestStopWithStreamsOpen is promise 11: running streams get their time, then
// each ends in its dialect's failure and is accounted.
func TestStopWithStreamsOpen(t *testing.T) {
	const streams = 200
	g := gatetest.Start(t, `
listen: { drain: 500ms }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`)
	var begun, ended sync.WaitGroup
	bodies := make([]string, streams)
	for i := range streams {
		c := dialectCases[i%len(dialectCases)]
		begun.Add(1)
		ended.Go(func() {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+c.path, strings.NewReader(c.body))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("anthropic-version", "2023-06-01")
			req.Header.Set("X-Sim-Stall", "2")
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				begun.Done()
				return
			}
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			first, _ := r.ReadString('\n')
			begun.Done()
			rest, err := io.ReadAll(r)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			bodies[i] = first + string(rest)
		})
	}
	begun.Wait()
	g.Stop(t)
	ended.Wait()
	for i, body := range bodies {
		c := dialectCases[i%len(dialectCases)]
		if !strings.Contains(body, c.failure) || !strings.Contains(body, string(llm.CodeShuttingDown)) || strings.Contains(body, c.clean) {
			t.Fatalf("%s: the stream was cut by the stop without saying so:\n%s", c.name, tail(body))
		}
	}
	for _, e := range g.Entries(t, streams) {
		if e.Code != llm.CodeShuttingDown || e.Usage.Provenance != llm.UsageEstimated {
			t.Fatalf("entry = %+v, want a stop with an estimate", e)
		}
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
}

// TestStopWaits: a stream that ends within the drain ends by itself.
func TestStopWaits(t *testing.T) {
	g := gatetest.Start(t, simple)
	resp := g.Post(t, "/v1/chat/completions", dialectCases[0].body, "X-Sim-Event-Delay", "20ms")
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.Stop(t) }()
	if body := gatetest.Body(t, resp); !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("a stream was cut although there was time:\n%s", tail(body))
	}
	<-stopped
	if e := g.Entries(t, 1)[0]; e.Code != "" || e.Usage.Provenance != llm.UsageReported {
		t.Errorf("entry = %+v, want success", e)
	}
}

// TestDrainingRefuses: what comes while a stop waits is told to come again.
func TestDrainingRefuses(t *testing.T) {
	entries := ledger.NewMemory(10)
	h := gateway.New(gateway.Options{
		Snapshot: &gateway.Snapshot{Keys: auth.New(nil), Routes: route.New(nil), BodyLimit: 1 << 20, BodyMemory: 1 << 20},
		Ledger:   entries, NewID: func(time.Time) string { return "req_x" },
	})
	srv := httptest.NewServer(h)
	defer srv.Close()
	h.Drain()
	// The real listener takes no connection any more; what comes over those
	// that are open is answered by the handler.
	resp, err := http.Get(srv.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "shutting_down") {
		t.Errorf("GET /readyz while draining = %d %s, want 503 with the reason", resp.StatusCode, body)
	}
	resp.Body.Close()
	resp, err = http.Post(srv.URL+"/v1/chat/completions", "application/json", strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeShuttingDown)
	object, err := http.Get(srv.URL + "/v1/responses/resp_1")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	wantFailure(t, object.StatusCode, object.Header, gatetest.Body(t, object), llm.CodeShuttingDown)
	if got := entries.Entries(); len(got) != 1 || got[0].Code != llm.CodeShuttingDown {
		t.Errorf("entries = %+v, want the refusal", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A panicker panics where it is told to.
type panicker struct {
	gateway.Observer
	at string
}

func (p panicker) FirstToken(string, time.Duration) {
	if p.at == "token" {
		panic("a bug")
	}
}

func (p panicker) StepDone(_ string, step gateway.Step, _ time.Duration) {
	if p.at == step {
		panic("a bug")
	}
}
func (panicker) Event(string, int)                       {}
func (panicker) Refused(_, _, _, _ string, _ *llm.Error) {}
func (panicker) KeepFailed(*ledger.Entry, error)         {}
func (panicker) LedgerFailed(*ledger.Entry, error)       {}
func (panicker) ConfigLoaded([]string)                   {}
func (panicker) ConfigRefused(error)                     {}

func (p panicker) ExchangeStarted(string, time.Time) {
	if p.at == "started" {
		panic("a bug")
	}
}

func (p panicker) AttemptDone(string, *ledger.Attempt, *llm.Error, string) {
	if p.at == "attempt done" {
		panic("a bug")
	}
}

func (p panicker) ExchangeDone(*ledger.Entry, *llm.Error) {
	if p.at == "exchange done" {
		panic("a bug")
	}
}

// TestPanicAtTheEnd: an observer that fails when everything is over costs no
// entry either.
func TestPanicAtTheEnd(t *testing.T) {
	for _, at := range []string{"attempt done", "exchange done"} {
		g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{panicker{at: at}}}, simple)
		resp, err := http.Post(g.URL+"/v1/chat/completions", "application/json", strings.NewReader(hello))
		if err == nil { // else the connection has ended with the panic
			resp.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		if e := g.Entries(t, 1)[0]; e.Code != "" || e.Usage.Provenance != llm.UsageReported {
			t.Errorf("entry = %+v, want the success that it was", e)
		}
	}
}

// TestPanic is promise 5 for our own bugs: one entry, the client is told, and
// the next request is served.
func TestPanic(t *testing.T) {
	for _, step := range []string{"started", gateway.StepRead, gateway.StepAdmit, gateway.StepAttempt, "token"} {
		g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{panicker{at: step}}}, simple)
		resp := g.Post(t, "/v1/chat/completions", dialectCases[0].body)
		body := gatetest.Body(t, resp)
		if step != "token" {
			wantFailure(t, resp.StatusCode, resp.Header, body, llm.CodeInternal)
		} else if !strings.Contains(body, `"code":"internal_error"`) || strings.Contains(body, "[DONE]") {
			t.Errorf("a panic in a stream ends it as %s", tail(body))
		}
		if strings.Contains(body, "a bug") {
			t.Errorf("the client is shown the cause: %s", body)
		}
		if e := g.Entries(t, 1)[0]; e.Code != llm.CodeInternal {
			t.Errorf("entry = %+v, want %s", e, llm.CodeInternal)
		}
		lines := g.Log.Lines(t, "exchange")
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(lines[0]["error"].(string), "a bug") {
			t.Errorf("log lines = %v, want one error with the cause", lines)
		}
		gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	}
}

// A broken ledger takes nothing.
type broken struct{}

func (broken) Record(*ledger.Entry) error { return errors.New("disk full") }

// TestLedgerFails: what the ledger does not take stands in the log, whole.
func TestLedgerFails(t *testing.T) {
	g := gatetest.StartWith(t, gatetest.Options{Ledger: broken{}}, simple)
	gatetest.Body(t, g.Post(t, "/v1/chat/completions", hello))
	gatetest.Until(t, func() bool { return len(g.Log.Lines(t, "ledger did not take an entry")) == 1 })
	entry, ok := g.Log.Lines(t, "ledger did not take an entry")[0]["entry"].(map[string]any)
	if !ok || entry["Model"] != "m" || entry["Usage"] == nil {
		t.Errorf("the log has %v, want the whole entry", entry)
	}
}

// TestGoroutinesComeBack: after any kind of end, nothing is left running.
func TestGoroutinesComeBack(t *testing.T) {
	g := gatetest.Start(t, simple)
	gatetest.Body(t, g.Post(t, "/v1/chat/completions", hello))
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	before := runtime.NumGoroutine()
	for i := range 40 {
		c := dialectCases[i%len(dialectCases)]
		resp := g.Post(t, c.path, c.body, "anthropic-version", "2023-06-01", []string{"X-Sim-Stall", "X-Sim-Cut"}[i/4%2], "2")
		if i%2 == 0 {
			_, _ = io.ReadAll(io.LimitReader(resp.Body, 10))
		}
		resp.Body.Close()
	}
	g.Entries(t, 41)
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= before+4 }) // idle connections to the upstream keep two each
}
