package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"text/template"
)

// A lane is an upstream that is asked in one protocol and no other.
type lane struct {
	dialect string
	kind    string // of the upstream
	model   string // that the upstream is asked for; empty for the client's own name
}

// operation is what the simulator calls it.
func (l lane) operation() string {
	if l.dialect == "ollama" {
		return "ollama_chat"
	}
	return l.dialect
}

// lanes are the upstreams of whose protocols every client must be none the
// wiser.
var lanes = []lane{ // immutable
	{dialect: "chat", kind: "compatible", model: "qwen/qwen4"},
	{dialect: "messages", kind: "anthropic", model: "claude-opus-5"},
	{dialect: "responses", kind: "openai"},
	{dialect: "ollama", kind: "ollama", model: "gpt-oss:20b"},
}

// laneConfiguration leads every model to one upstream, of which nothing is
// tried again by Weir.
var laneConfiguration = template.Must(template.New("lane.yaml").Parse(`
listen: { address: "127.0.0.1:0", drain: 5s }
timeouts: { connect: 5s, first_byte: 20s, idle: 20s, total: 30s }
upstreams: [{ name: sim, kind: {{.Kind}}, retry: none, endpoint: "{{.Simulator}}", {{with .Key}}auth: { api_key: {{.}} }{{end}} }]
models: [{ name: "*", targets: [{ upstream: sim, dialects: [{{.Dialect}}]{{with .Model}}, model: "{{.}}"{{end}} }] }]
keys: [{ name: client, tenant: e2e, secret: {{.ClientKey}} }]
`))

// newLaneHouse is a house whose upstream is asked as l says.
func newLaneHouse(t *testing.T, l lane) *house {
	t.Helper()
	h := &house{key: clientKey}
	h.simulator = start(t, "simulate", "--listen", "127.0.0.1:0", "--strict")
	h.upstream = record(t, "http://"+h.simulator.address)
	path := filepath.Join(t.TempDir(), "weir.yaml")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	simulator, key := h.upstream.url, upstreamKey
	if l.kind == "openai" {
		simulator += "/v1"
	}
	if l.kind == "ollama" {
		key = ""
	}
	if err := laneConfiguration.Execute(file, map[string]string{
		"Simulator": simulator, "Key": key, "ClientKey": clientKey,
		"Kind": l.kind, "Dialect": l.dialect, "Model": l.model,
	}); err != nil {
		t.Fatal(err)
	}
	h.weir = start(t, "serve", "--config", path)
	h.url = "http://" + h.weir.address
	return h
}

// runs reports whether lane j runs case i: of each two neighbouring cases one,
// so that the normal run is short, or all with WEIR_MATRIX.
func runs(i, j int) bool {
	return os.Getenv("WEIR_MATRIX") != "" || (i+j)%2 == 0
}

// TestLanes runs every client against upstreams of every protocol, and compares
// what becomes of it with docs/compatibility.md.
func TestLanes(t *testing.T) {
	t.Parallel()
	c := newCompatibility(t)
	c.codex(t)
	c.compaction(t)
	c.sdks(t)
}
