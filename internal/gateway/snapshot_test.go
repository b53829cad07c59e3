package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/upstream"
)

// snapshotOf serves the model m by the upstream called name at url, under
// another name, to the one key.
func snapshotOf(t *testing.T, name, url, key string) *gateway.Snapshot {
	t.Helper()
	up, err := upstream.New(upstream.Settings{Name: name, Kind: upstream.Simulator, Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.CloseIdle)
	return &gateway.Snapshot{
		Keys: auth.New([]auth.Key{{Name: name, Secret: key}}),
		Routes: route.New([]route.Model{{Name: "m", Targets: []route.Target{
			{Upstream: name, Model: "model-of-" + name, Serves: []llm.Operation{llm.OpChat}},
		}}}),
		Upstreams: map[string]*upstream.Upstream{name: up},
		BodyLimit: 1 << 20, BodyMemory: 1 << 20,
	}
}

// A starter tells when an exchange has begun.
type starter struct {
	panicker
	started chan<- struct{}
}

func (s starter) ExchangeStarted(string, time.Time) { s.started <- struct{}{} }

// TestSwap is promise 1: a new configuration does not change an exchange in
// flight, at whatever step it is.
func TestSwap(t *testing.T) {
	before := gatetest.StartSim(t, simulator.Options{})
	after := gatetest.StartSim(t, simulator.Options{})
	entries := ledger.NewMemory(10)
	started := make(chan struct{}, 10)
	h := gateway.New(gateway.Options{
		Snapshot:  snapshotOf(t, "before", before.URL, "key-before"),
		Observers: []gateway.Observer{starter{started: started}},
		Ledger:    entries, NewID: func(time.Time) string { return "req_x" },
	})
	srv := httptest.NewServer(h)
	defer srv.Close()
	ask := func(key string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader(dialectCases[0].body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	// One exchange has only begun: its body is still to come.
	body, more := io.Pipe()
	begun := make(chan *http.Response, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/v1/chat/completions", body)
		req.Header.Set("Authorization", "Bearer key-before")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
		}
		begun <- resp
	}()
	if _, err := io.WriteString(more, dialectCases[0].body[:10]); err != nil {
		t.Fatal(err)
	}
	<-started
	flying := ask("key-before", "X-Sim-Event-Delay", "30ms") // its status is here, its events are to come
	h.Swap(snapshotOf(t, "after", after.URL, "key-after"))

	if _, err := io.WriteString(more, dialectCases[0].body[10:]); err != nil {
		t.Fatal(err)
	}
	more.Close()

	refused, served := ask("key-before"), ask("key-after")
	if refused.StatusCode != http.StatusUnauthorized || served.StatusCode != http.StatusOK {
		t.Errorf("after the swap the old key gets %d and the new one %d, want 401 and 200", refused.StatusCode, served.StatusCode)
	}
	for _, resp := range []*http.Response{refused, served, flying, <-begun} {
		body := gatetest.Body(t, resp)
		resp.Body.Close()
		if resp == flying && !strings.HasSuffix(body, "data: [DONE]\n\n") {
			t.Errorf("the swap ended a stream that was in flight:\n%s", tail(body))
		}
	}
	gatetest.Until(t, func() bool { return entries.Total() == 3 })
	for _, e := range entries.Entries() {
		if e.Code != "" || e.Target != "model-of-"+e.Upstream || e.Key != e.Upstream {
			t.Errorf("entry = %+v, want key, upstream and target of one configuration", e)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestSwapAwayFromObjects: what is kept by an upstream that is not configured
// any more is not there, and the log says why.
func TestSwapAwayFromObjects(t *testing.T) {
	before := gatetest.StartSim(t, simulator.Options{})
	log := &objectLog{}
	first := snapshotOf(t, "before", before.URL, "the-key")
	pins := pin.New(0)
	pins.Note(auth.DefaultTenant, "resp_1", pin.Pin{Upstream: "before"})
	h := gateway.New(gateway.Options{
		Snapshot: first, Observers: []gateway.Observer{log}, Pins: pins,
		Ledger: ledger.NewMemory(10), NewID: func(time.Time) string { return "req_x" },
	})
	srv := httptest.NewServer(h)
	defer srv.Close()
	second := snapshotOf(t, "after", before.URL, "the-key")
	second.Forwards = []string{"after"} // which is not asked: the id is known
	h.Swap(second)
	for _, tt := range []struct{ method, path, body, code string }{
		{http.MethodGet, "/v1/responses/resp_1", "", "not_found"},
		{http.MethodPost, "/v1/responses", `{"model":"m","previous_response_id":"resp_1","input":"x"}`, "previous_response_not_found"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, srv.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer the-key")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := gatetest.Body(t, resp); !strings.Contains(body, tt.code) {
			t.Errorf("%s %s = %d %s, want %s", tt.method, tt.path, resp.StatusCode, body, tt.code)
		}
		resp.Body.Close()
		const why = `the upstream "before", which is not configured any more`
		gatetest.Until(t, func() bool { return strings.Contains(log.text(), why) })
		log.reset()
	}
	http.DefaultClient.CloseIdleConnections()
	if n := len(before.Served().Requests); n != 0 {
		t.Errorf("%d requests reached an upstream", n)
	}
}

// An objectLog keeps the errors that observers are told of.
type objectLog struct {
	panicker
	mu sync.Mutex
	b  strings.Builder // guarded by mu
}

func (l *objectLog) ObjectDone(_ *ledger.Entry, _, _ string, err *llm.Error) { l.add(err) }

func (l *objectLog) ExchangeDone(_ *ledger.Entry, err *llm.Error) { l.add(err) }

func (l *objectLog) add(err *llm.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.WriteString(err.Error())
}

func (l *objectLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *objectLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
