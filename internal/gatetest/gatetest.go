package gatetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/simulator"
)

// A Gate is a running gateway.
type Gate struct {
	URL    string // http://127.0.0.1:port
	Sim    *Sim   // the simulator that ${SIM} in the configuration stands for
	App    *app.App
	Ledger *ledger.Memory
	Log    *Buffer
	File   string // the configuration's, with Options.File

	stop func() error
	once sync.Once
}

// A Sim is a running simulator.
type Sim struct {
	URL string
	*simulator.Simulator
}

// StartSim runs a simulator until the test ends.
func StartSim(t testing.TB, o simulator.Options) *Sim {
	t.Helper()
	sim := simulator.New(o)
	srv := httptest.NewServer(sim)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return &Sim{URL: srv.URL, Simulator: sim}
}

// Start runs a gateway with the given configuration until the test ends.
// listen.address is a free port of 127.0.0.1, whatever the configuration says.
// Environment variables are what env says, in pairs, and SIM, the URL of a
// strict simulator of its own; the process's own are not seen. Where the
// configuration says nothing of retries there are none, so that a test sees
// each failure as it is, and at once.
func Start(t testing.TB, yaml string, env ...string) *Gate {
	t.Helper()
	return StartWith(t, Options{}, yaml, env...)
}

// StartEnvironment runs a gateway that has no configuration but variables, in
// pairs; see [Options.Environment].
func StartEnvironment(t testing.TB, env ...string) *Gate {
	t.Helper()
	return StartWith(t, Options{Environment: true}, "", env...)
}

// Options are what a gateway for a test may have beside its configuration.
type Options struct {
	Ledger    gateway.Ledger     // instead of Gate.Ledger, which is nil then
	Observers []gateway.Observer // beside the log and the ring
	Trace     io.Writer          // what passes is shown there; may be nil
	Root      *secret.Root       // the root secret; nil means one of its own, in memory

	// DataDir is the gateway's data_dir; empty means one of its own. What is in
	// there is kept only with `store: sqlite`.
	DataDir string

	// File says that the configuration is in a file, which is looked at while
	// the gateway runs; see [Gate.Configure].
	File bool

	// Responses keep what upstreams do not; nil means what the configuration says.
	Responses gateway.Responses

	// Environment says that there is no configuration: env alone decides. In
	// its values ${SIM} is the simulator's URL.
	Environment bool
}

// StartWith is Start with further options.
func StartWith(t testing.TB, o Options, yaml string, env ...string) *Gate {
	t.Helper()
	sim := StartSim(t, simulator.Options{Strict: true, KeepBodies: true, ShowCredentials: true})
	vars := map[string]string{"SIM": sim.URL, "WEIR_STORE": "none"} // a file for each would take its time
	for i := 0; i < len(env); i += 2 {
		vars[env[i]] = strings.ReplaceAll(env[i+1], "${SIM}", sim.URL)
	}
	g := &Gate{Sim: sim, Log: &Buffer{}}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.Ledger == nil {
		g.Ledger = ledger.NewMemory(20_000)
		o.Ledger = g.Ledger
	}
	co := config.Options{
		Path: "test.yaml", Listen: "127.0.0.1:0", DataDir: o.DataDir,
		LookupEnv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		Open:      func(name string) (io.ReadCloser, error) { return os.Open(name) },
	}
	load := func() (*config.Config, error) { return config.Parse([]byte(yaml), co) }
	var source *config.Source
	if o.File {
		g.File = filepath.Join(t.TempDir(), "weir.yaml")
		g.Write(t, yaml)
		co.Path = g.File
		source = config.NewSource(co)
		load = source.Load
	}
	if o.Environment {
		co.Path, co.Open = "", func(name string) (io.ReadCloser, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		load = func() (*config.Config, error) { return config.Load(co) }
	}
	cfg, err := load()
	if err != nil {
		t.Fatalf("the test's configuration: %v", err)
	}
	if !o.File && !o.Environment && !strings.Contains(yaml, "retry:") {
		for i := range cfg.Upstreams {
			cfg.Upstreams[i].Retry = config.Retry{Profile: config.RetryNone, Attempts: 1}
		}
	}
	if o.Root == nil {
		o.Root = secret.Random()
	}
	g.App, err = app.New(context.Background(), app.Options{
		Config: cfg, Source: source, Log: g.Log, Ledger: o.Ledger, Observers: o.Observers, Trace: o.Trace, Root: o.Root, Responses: o.Responses,
	})
	if err != nil {
		t.Fatalf("building the gateway: %v", err)
	}
	g.URL = g.App.URL()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.App.Run(ctx) }()
	g.stop = func() error { cancel(); return <-done }
	t.Cleanup(func() { g.Stop(t) })
	return g
}

// Write puts a configuration into the gateway's file, in one step.
func (g *Gate) Write(t testing.TB, yaml string) {
	t.Helper()
	if err := os.WriteFile(g.File+".new", []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(g.File+".new", g.File); err != nil {
		t.Fatal(err)
	}
}

// Configure is Write, and waits until the gateway has tried to serve by it. It
// returns what is wrong with it.
func (g *Gate) Configure(t testing.TB, yaml string) error {
	t.Helper()
	g.Write(t, yaml)
	return g.App.Reload("test")
}

// Stop ends the gateway as SIGTERM does and waits until it has drained. It may
// be called again.
func (g *Gate) Stop(t testing.TB) {
	t.Helper()
	g.once.Do(func() {
		if err := g.stop(); err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
	})
}

// Do sends a request with a client of its own and returns the answer, which
// is closed when the test ends. A body is JSON unless header says otherwise.
func (g *Gate) Do(t testing.TB, method, path, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if http.CanonicalHeaderKey(header[i]) == "Content-Type" {
			req.Header.Del("Content-Type") // the one from above
		}
		req.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	t.Cleanup(func() {
		resp.Body.Close()
		transport.CloseIdleConnections()
	})
	return resp
}

// Post is Do for POST.
func (g *Gate) Post(t testing.TB, path, body string, header ...string) *http.Response {
	t.Helper()
	return g.Do(t, http.MethodPost, path, body, header...)
}

// Body reads an answer to its end.
func Body(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v (after %q)", err, b)
	}
	return string(b)
}

// Entries waits until the ledger has n entries in all, for up to ten seconds,
// and returns those it keeps.
func (g *Gate) Entries(t testing.TB, n int) []ledger.Entry {
	t.Helper()
	Until(t, func() bool { return g.Ledger.Total() >= int64(n) })
	if got := g.Ledger.Total(); got != int64(n) {
		t.Fatalf("the ledger has %d entries, want %d", got, n)
	}
	return g.Ledger.Entries()
}

// Until asks ok again and again, for up to ten seconds.
func Until(t testing.TB, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("what was waited for did not come true in 30s")
		}
	}
}

// Buffer collects log lines. It may be used by several goroutines at once.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns everything that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Lines returns the log lines with the given message, decoded.
func (b *Buffer) Lines(t testing.TB, msg string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("a log line is not JSON: %v: %s", err, line)
		}
		if m["msg"] == msg {
			out = append(out, m)
		}
	}
	return out
}
