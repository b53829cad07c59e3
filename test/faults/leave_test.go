package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

// TestClientLeaves: who leaves while Weir waits ends the exchange, whatever it
// waits for: within a second, with one entry.
func TestClientLeaves(t *testing.T) {
	const patient = "retry: { max_retries: 3, base: 30s, max: 30s, retry_after_max: 1h }"
	for _, tt := range []struct {
		name, settings string
		sim            []string
		stream, two    bool
		attempt        llm.Code // of the only one
	}{
		{name: "before the next try", settings: patient, sim: []string{"status: 503"}, attempt: llm.CodeUpstreamFailed},
		{name: "before the time that the upstream has said", settings: patient, sim: []string{"status: 429", "header: retry-after: 60"}, attempt: llm.CodeUpstreamLimited},
		{name: "before the next try of a stream", settings: patient, sim: []string{"error: first"}, stream: true, two: true, attempt: llm.CodeUpstreamFailed},
		{name: "while a stream is held", settings: patient, sim: []string{"stall: 1"}, stream: true, two: true, attempt: llm.CodeClientClosed},
		{name: "while a stream goes on", settings: patient, sim: []string{"stall: 4"}, stream: true, attempt: llm.CodeClientClosed},
		{name: "before the first byte", settings: patient, sim: []string{"first-byte: 1m"}, attempt: llm.CodeClientClosed},
		{name: "in the queue", settings: "max_in_flight: 1, queue: { length: 1, wait: 1m }", sim: []string{"first-byte: 1m"}},
	} {
		for _, l := range lanes[:2] {
			t.Run(tt.name+", "+l.String(), func(t *testing.T) {
				came := make(chan struct{}, 10)
				up := bad{simulator.New(simulator.Options{}), tt.sim}
				url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { came <- struct{}{}; up.ServeHTTP(w, r) }), false)
				targets := fmt.Sprintf("{ upstream: first, dialects: [%s] }", l.target)
				if tt.two {
					targets += fmt.Sprintf(", { upstream: first, model: other, dialects: [%s], priority: 2 }", l.target)
				}
				g := gatetest.Start(t, fmt.Sprintf("upstreams: [{ name: first, kind: compatible, endpoint: %q, %s }]\nmodels: [{ name: m, targets: [%s] }]\n# retry: as it is\n", url, tt.settings, targets))
				n := 1
				if tt.attempt == "" {
					n = 2
				}
				var leave []func()
				for range n {
					leave = append(leave, ask(t, g, l, tt.stream))
				}
				<-came
				<-time.After(100 * time.Millisecond) // by then Weir waits
				left := time.Now()
				for _, f := range leave {
					f()
				}
				for _, e := range g.Entries(t, n) {
					if e.Code != llm.CodeClientClosed || e.Status != 499 && e.Status != 200 {
						t.Errorf("entry has code %q and status %d, want a client that has left", e.Code, e.Status)
					}
					if tt.attempt != "" && (len(e.Attempts) != 1 || e.Attempts[0].Code != tt.attempt) {
						t.Errorf("attempts = %+v, want one with %q", e.Attempts, tt.attempt)
					}
				}
				if took := time.Since(left); took > time.Second {
					t.Errorf("the exchange ended %v after its client had left", took)
				}
			})
		}
	}
}

// ask sends a request, whose client leaves when the returned function is called.
func ask(t *testing.T, g *gatetest.Gate, l lane, stream bool) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+l.path(), strings.NewReader(l.body(stream)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{}
	go func() {
		defer close(done)
		if resp, err := transport.RoundTrip(req); err == nil {
			<-ctx.Done()
			resp.Body.Close()
		}
	}()
	return func() {
		cancel()
		<-done
		transport.CloseIdleConnections()
	}
}

// TestBodiesAreReleased: what an exchange has kept of its request for attempts
// that never came, or failed, is there for the next one.
func TestBodiesAreReleased(t *testing.T) {
	const memory = "listen: { body_limit: 16KiB, body_memory: 256KiB }\n"
	for _, sim := range [][]string{
		{"status: 503"}, {"status: 400"}, {"status: 429", "header: retry-after: 600"}, {"reset: true"}, {"error: first"}, {"cut: 1"}, nil,
	} {
		for _, l := range lanes[:2] {
			for _, two := range []string{"", ", { upstream: second, dialects: [" + l.target + "], priority: 2 }"} {
				t.Run(fmt.Sprintf("%q, %s, %t", sim, l, two != ""), func(t *testing.T) {
					t.Parallel()
					g := gatetest.Start(t, memory+fmt.Sprintf("upstreams: [{ name: first, kind: compatible, endpoint: %q, %s }, { name: second, kind: simulator, endpoint: \"${SIM}\" }]\nmodels: [{ name: m, targets: [{ upstream: first, dialects: [%s] }%s] }]\n",
						serve(t, bad{simulator.New(simulator.Options{}), sim}, false), retries, l.target, two))
					for i := range 24 {
						body := strings.Replace(l.body(i%2 == 0), "hello there", strings.Repeat("hello there ", 1000), 1)
						answer := gatetest.Body(t, g.Post(t, l.path(), body))
						if strings.Contains(answer, string(llm.CodeOverloaded)) {
							t.Fatalf("request %d: %s", i, answer)
						}
					}
				})
			}
		}
	}
}
