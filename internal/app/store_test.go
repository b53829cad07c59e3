package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/store"
)

// twoKinds is a model whose upstream keeps nothing, and one whose upstream
// keeps what it answers. ${SIM2} outlives the gateway.
const twoKinds = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM2}" }]
models:
  - { name: weir-keeps, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: upstream-keeps, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
`

// ask makes a response, which goes on with another if there is one, and returns
// its id.
func ask(t *testing.T, g *gatetest.Gate, model, previous string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": model, "input": "Say hello.", "previous_response_id": previous, "store": true})
	if err != nil {
		t.Fatal(err)
	}
	resp := g.Post(t, "/v1/responses", strings.Replace(string(body), `"previous_response_id":"",`, "", 1))
	text := gatetest.Body(t, resp)
	var answer struct {
		ID    string `json:"id"`
		Store bool   `json:"store"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || resp.StatusCode != http.StatusOK || answer.ID == "" {
		t.Fatalf("%s, after %q: %d %s", model, previous, resp.StatusCode, text)
	}
	return answer.ID
}

// TestRestart: what clients were told is stored is there after a restart with a
// file, and not without one.
func TestRestart(t *testing.T) {
	sim := gatetest.StartSim(t, simulator.Options{Strict: true})
	for _, kind := range []string{"sqlite", "none"} {
		t.Run(kind, func(t *testing.T) {
			o := gatetest.Options{DataDir: t.TempDir(), Root: secret.Random()}
			yaml := twoKinds + "store: " + kind + "\n"
			g := gatetest.StartWith(t, o, yaml, "SIM2", sim.URL)
			ids := map[string]string{}
			for _, model := range []string{"weir-keeps", "upstream-keeps"} {
				ids[model] = ask(t, g, model, ask(t, g, model, ""))
			}
			g.Stop(t)
			if lost := strings.Contains(g.Log.String(), "unknown after a restart"); lost != (kind == "none") {
				t.Errorf("the log says that it is lost: %v", lost)
			}
			g = gatetest.StartWith(t, o, yaml, "SIM2", sim.URL)
			for model, id := range ids {
				resp := g.Do(t, http.MethodGet, "/v1/responses/"+id, "")
				text := gatetest.Body(t, resp)
				if want := map[string]int{"sqlite": 200, "none": 404}[kind]; resp.StatusCode != want {
					t.Errorf("%s: %d %s, want %d", model, resp.StatusCode, text, want)
				}
				if kind == "sqlite" {
					ask(t, g, model, id)
				}
			}
		})
	}
}

// TestDataDirInUse: a folder that somebody has named is one process's alone.
// With the one that Weir finds by itself it goes on in memory, and says so.
func TestDataDirInUse(t *testing.T) {
	home := t.TempDir()
	found := filepath.Join(home, ".local", "state", "weir")
	db, err := store.Open(t.Context(), found, store.Options{Root: secret.Random()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	start := func(named, kind string) (string, error) {
		t.Helper()
		cfg, err := config.Parse([]byte("upstreams: [{ name: sim, kind: simulator }]\nmodels: [{ name: m, targets: [{ upstream: sim }] }]\n"), config.Options{
			Listen: "127.0.0.1:0", DataDir: named,
			LookupEnv: func(name string) (string, bool) {
				v, ok := map[string]string{"HOME": home, "WEIR_STORE": kind}[name]
				return v, ok
			},
			Open: func(string) (io.ReadCloser, error) { return nil, os.ErrNotExist },
		})
		if err != nil {
			t.Fatal(err)
		}
		var log gatetest.Buffer
		a, err := app.New(context.Background(), app.Options{Config: cfg, Log: &log})
		if err != nil {
			return log.String(), err
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return log.String(), a.Run(ctx)
	}
	if _, err := start(found, ""); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), found) || !strings.Contains(err.Error(), "store: none") {
		t.Errorf("New = %v", err)
	}
	if log, err := start(found, "none"); err != nil || !strings.Contains(log, "unknown after a restart") {
		t.Errorf("with store: none: %v, log:\n%s", err, log)
	}
	if log, err := start("", ""); err != nil || !strings.Contains(log, "unknown after a restart") || !strings.Contains(log, "another process uses it") {
		t.Errorf("with the folder that was found: %v, log:\n%s", err, log)
	}
}
