package app_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/telemetry"
)

const (
	oneKey = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
keys: [{ name: alice, secret: alice-0123456789abcdef }]
`

	alice = "Bearer alice-0123456789abcdef"
	bob   = "Bearer bob-0123456789abcdef"
	hello = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
)

var withBob = strings.Replace(oneKey, "keys: [", "keys: [{ name: bob, secret: bob-0123456789abcdef }, ", 1) // immutable

// configObserver notes what becomes of configurations.
type configObserver struct {
	*telemetry.Ring // for all the rest

	mu      sync.Mutex
	loaded  [][]string // guarded by mu, as is refused
	refused []error
}

func (o *configObserver) ConfigLoaded(waiting []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loaded = append(o.loaded, waiting)
}

func (o *configObserver) ConfigRefused(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, err)
}

func (o *configObserver) counts() (loaded, refused int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.loaded), len(o.refused)
}

// start runs a gateway with a configuration in a file.
func start(t *testing.T, yaml string) (*gatetest.Gate, *configObserver) {
	t.Helper()
	o := &configObserver{Ring: telemetry.NewRing(1)}
	return gatetest.StartWith(t, gatetest.Options{File: true, Observers: []gateway.Observer{o}}, yaml), o
}

func status(t *testing.T, g *gatetest.Gate, key string) int {
	t.Helper()
	resp := g.Post(t, "/v1/chat/completions", hello, "Authorization", key)
	gatetest.Body(t, resp)
	return resp.StatusCode
}

func ready(t *testing.T, g *gatetest.Gate) string {
	t.Helper()
	resp := g.Do(t, http.MethodGet, "/readyz", "")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET /readyz = %d, want 200", resp.StatusCode)
	}
	return strings.TrimSpace(gatetest.Body(t, resp))
}

// TestReload: a changed file is served, a wrong one changes nothing and is
// told everywhere, and a good one mends that.
func TestReload(t *testing.T) {
	g, o := start(t, oneKey)
	if a, b := status(t, g, alice), status(t, g, bob); a != 200 || b != 401 {
		t.Fatalf("alice gets %d and bob %d, want 200 and 401", a, b)
	}
	g.Write(t, withBob) // nobody says so
	gatetest.Until(t, func() bool { loaded, _ := o.counts(); return loaded == 2 })
	if a, b := status(t, g, alice), status(t, g, bob); a != 200 || b != 200 {
		t.Fatalf("after the file has changed alice gets %d and bob %d, want 200 and 200", a, b)
	}

	wrong := strings.Replace(withBob, "kind: simulator", "kind: simulater", 1) + "lag: { level: debug }\n"
	g.Write(t, wrong)
	gatetest.Until(t, func() bool { _, refused := o.counts(); return refused == 1 })
	if got := ready(t, g); got != `{"status":"ok","reasons":["config_refused"]}` {
		t.Errorf("GET /readyz says %s of a configuration that was refused", got)
	}
	if b := status(t, g, bob); b != 200 {
		t.Errorf("with a wrong file bob gets %d, want 200 as before", b)
	}
	faults := g.Log.Lines(t, "configuration fault")
	if len(faults) != 2 || faults[0]["at"] != g.File+":2:32" || faults[1]["at"] != g.File+":5:1" || faults[0]["remedy"] == "" {
		t.Errorf("the log has %v, want both faults with their places and remedies", faults)
	}
	if strings.Contains(g.Log.String(), "0123456789abcdef") {
		t.Error("a secret is in the log")
	}

	if err := g.Configure(t, oneKey); err != nil {
		t.Fatal(err)
	}
	if a, b, r := status(t, g, alice), status(t, g, bob), ready(t, g); a != 200 || b != 401 || r != `{"status":"ok"}` {
		t.Errorf("after the file was mended alice gets %d, bob %d, /readyz says %s; want 200, 401 and nothing but ok", a, b, r)
	}
}

// TestReloadRestart: what needs a restart is told, and the rest is served.
func TestReloadRestart(t *testing.T) {
	g, o := start(t, oneKey)
	changed := withBob + "data_dir: /nowhere\nlog: { format: text, level: error }\nlisten: { timeouts: { idle: 1m }, drain: 1s }\n"
	if err := g.Configure(t, changed); err != nil {
		t.Fatal(err)
	}
	if b, r := status(t, g, bob), ready(t, g); b != 200 || r != `{"status":"ok","reasons":["restart_required"]}` {
		t.Errorf("bob gets %d, /readyz says %s; want 200 and that a restart is required", b, r)
	}
	o.mu.Lock()
	if got := strings.Join(o.loaded[len(o.loaded)-1], " "); got != "listen.timeouts log.format" {
		t.Errorf("waiting for a restart: %s; want listen.timeouts and log.format (data_dir is a flag's)", got)
	}
	o.mu.Unlock()
	if len(g.Log.Lines(t, "exchange")) != 0 { // level error
		t.Error("the level of the log did not change")
	}
	wrong := changed + "nonsense: 1\n"
	if g.Configure(t, wrong) == nil || ready(t, g) != `{"status":"ok","reasons":["config_refused","restart_required"]}` {
		t.Errorf("/readyz says %s, want both reasons", ready(t, g))
	}
	if err := g.Configure(t, oneKey); err != nil || ready(t, g) != `{"status":"ok"}` {
		t.Errorf("%v, /readyz says %s after the changes were taken back", err, ready(t, g))
	}
}

// A counted server counts its connections.
type counted struct {
	*httptest.Server
	opened, closed atomic.Int64
}

func count(t *testing.T) *counted {
	t.Helper()
	c := &counted{Server: httptest.NewUnstartedServer(simulator.New(simulator.Options{}))}
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			c.opened.Add(1)
		case http.StateClosed:
			c.closed.Add(1)
		case http.StateActive, http.StateIdle, http.StateHijacked:
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// TestReloadKeepsConnections: an upstream that stays as it is keeps its
// connections. One that changes loses them, but not before the last exchange
// that uses it has ended.
func TestReloadKeepsConnections(t *testing.T) {
	same, other := count(t), count(t)
	text := func(timeout string) string {
		return "upstreams:\n  - { name: same, kind: simulator, endpoint: " + same.URL + " }\n" +
			"  - { name: other, kind: simulator, endpoint: " + other.URL + ", timeouts: { idle: " + timeout + " } }\n" +
			"models: [{ name: m, targets: [{ upstream: same }] }, { name: o, targets: [{ upstream: other }] }]\n"
	}
	g, _ := start(t, text("1m"))
	ask := func(model string, header ...string) *http.Response {
		return g.Post(t, "/v1/chat/completions", `{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"hello"}]}`, header...)
	}
	flying := ask("o", "X-Sim-Event-Delay", "200ms")
	for i := range 20 {
		if err := g.Configure(t, text([]string{"2m", "3m"}[i%2])); err != nil {
			t.Fatal(err)
		}
		gatetest.Body(t, ask("m"))
		gatetest.Body(t, ask("o"))
	}
	// A request may come a moment before the connection of the last is free.
	if n := same.opened.Load(); n > 3 || same.closed.Load() != 0 {
		t.Errorf("an upstream that stayed as it was had %d connections, %d closed; want one that stays", n, same.closed.Load())
	}
	gatetest.Until(t, func() bool { return other.opened.Load() == 21 && other.closed.Load() >= 19 }) // more, if the stream has ended
	if body := gatetest.Body(t, flying); !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("a reload ended a stream:\n%s", body)
	}
	gatetest.Until(t, func() bool { return other.closed.Load() == 20 })
	g.Stop(t)
	gatetest.Until(t, func() bool { return other.closed.Load() == 21 && same.closed.Load() == same.opened.Load() })
}

// TestReloadCertificates: of a file that the configuration names, what it holds
// counts, not its name.
func TestReloadCertificates(t *testing.T) {
	upstream := httptest.NewTLSServer(simulator.New(simulator.Options{}))
	t.Cleanup(upstream.Close)
	upstream.Config.ErrorLog = log.New(io.Discard, "", 0)
	file := filepath.Join(t.TempDir(), "ca.pem")
	trust := func(der []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	other, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	trust(other)
	g, o := start(t, strings.Replace(oneKey, "${SIM}\"", upstream.URL+"\", ca_file: "+file, 1))
	if got := status(t, g, alice); got != http.StatusBadGateway {
		t.Fatalf("with a certificate that is not trusted: %d, want 502", got)
	}
	trust(upstream.Certificate().Raw)
	gatetest.Until(t, func() bool { loaded, _ := o.counts(); return loaded == 2 })
	if got := status(t, g, alice); got != http.StatusOK {
		t.Errorf("after ca_file has changed: %d, want 200", got)
	}
}

// TestReloadSimulator: the simulator within comes and goes with its upstreams.
func TestReloadSimulator(t *testing.T) {
	within := strings.Replace(oneKey, `, endpoint: "${SIM}"`, "", 1)
	g, _ := start(t, oneKey)
	for range 3 {
		if err := g.Configure(t, within); err != nil || status(t, g, alice) != 200 {
			t.Fatalf("with the simulator within: %v", err)
		}
		if err := g.Configure(t, oneKey); err != nil || status(t, g, alice) != 200 {
			t.Fatalf("with one outside: %v", err)
		}
	}
	if n := len(g.Sim.Served().Requests); n != 3 {
		t.Errorf("the simulator outside has served %d requests, want 3", n)
	}
}

// TestReloadFixed: without a source, and after the end, nothing changes.
func TestReloadFixed(t *testing.T) {
	g := gatetest.Start(t, oneKey)
	if err := g.App.Reload("test"); err != app.ErrFixed { //nolint:errorlint // it is that one
		t.Errorf("without a source: %v", err)
	}
	h, _ := start(t, oneKey)
	h.Stop(t)
	if err := h.App.Reload("test"); err != app.ErrFixed { //nolint:errorlint // it is that one
		t.Errorf("after the end: %v", err)
	}
}
