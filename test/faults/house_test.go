package faults_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/telemetry"
)

// A lane is what the client speaks, and what its target does.
type lane struct {
	client, target string
}

func (l lane) String() string {
	if l.client == l.target {
		return l.client
	}
	return l.client + " as " + l.target
}

// lanes are the express ones and the translated ones, by turns.
var lanes = []lane{ // immutable
	{"chat", "chat"},
	{"messages", "chat"},
	{"responses", "responses"},
	{"chat", "messages"},
	{"messages", "messages"},
	{"responses", "chat"},
}

// path is where the client asks.
func (l lane) path() string {
	return map[string]string{"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}[l.client]
}

// body is what it asks.
func (l lane) body(stream bool) string {
	const messages = `"messages":[{"role":"user","content":"hello there, who waits behind the weir"}]`
	return fmt.Sprintf(`{"model":"m","stream":%t,%s}`, stream, map[string]string{
		"chat": messages, "messages": `"max_tokens":99,` + messages, "responses": `"input":"hello there, who waits behind the weir"`,
	}[l.client])
}

// A bad simulator does to every request what it was told.
type bad struct {
	http.Handler
	sim []string
}

func (b bad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, s := range b.sim {
		r.Header.Add("X-Sim-"+before(s), after(s))
	}
	b.Handler.ServeHTTP(w, r)
}

func before(s string) string { name, _, _ := strings.Cut(s, ": "); return name }
func after(s string) string  { _, value, _ := strings.Cut(s, ": "); return value }

// serve runs a server until the test ends.
func serve(t *testing.T, h http.Handler, tls bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are the point
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// A witness notes how often it was told of attempts that have ended.
type witness struct {
	*telemetry.Ring // for all the rest

	mu       sync.Mutex
	attempts map[string]int // by exchange; guarded by mu
}

func newWitness() *witness {
	return &witness{Ring: telemetry.NewRing(1), attempts: make(map[string]int)}
}

func (w *witness) AttemptDone(id string, _ *ledger.Attempt, _ *llm.Error, _ string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts[id]++
}

// told returns how often it was told of an attempt of the exchange.
func (w *witness) told(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempts[id]
}

// A house is a gateway with an upstream that has a fault, behind toxiproxy, and
// perhaps one that has none.
type house struct {
	*gatetest.Gate
	*witness
}

// retries are as quick as they can be; what an upstream asks for is honoured up
// to a little more than a second.
const retries = "retry: { max_retries: 1, base: 10ms, max: 10ms, retry_after_max: 1100ms, budget: 0 }, health: { failures: off, ratio: off }"

// build builds a house around f.
func build(t *testing.T, p *toxiproxy, f *fault, l lane, two bool) *house {
	t.Helper()
	first := serve(t, bad{simulator.New(simulator.Options{}), f.sim}, f.tls)
	way := p.line(t, first)
	endpoint := before(strings.Replace(first, "://", ": ", 1)) + "://" + way.address
	if f.endpoint != "" {
		endpoint = f.endpoint
	}
	for _, x := range f.toxics {
		if err := way.add(x); err != nil {
			t.Fatal(err)
		}
	}
	if f.down {
		if err := way.enable(false); err != nil {
			t.Fatal(err)
		}
	}
	var ups, targets strings.Builder
	fmt.Fprintf(&ups, "  - { name: first, kind: compatible, endpoint: %q, %s%s }\n", endpoint, f.settings, retries)
	fmt.Fprintf(&targets, "{ upstream: first, dialects: [%s] }", l.target)
	if two {
		fmt.Fprintf(&ups, "  - { name: second, kind: compatible, endpoint: \"http://%s\", %s }\n", p.line(t, serve(t, simulator.New(simulator.Options{}), false)).address, retries)
		fmt.Fprintf(&targets, ", { upstream: second, dialects: [%s], priority: 2 }", l.target)
	}
	w := newWitness()
	g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{w}},
		"upstreams:\n"+ups.String()+"models: [{ name: m, targets: ["+targets.String()+"] }]\n")
	return &house{g, w}
}
