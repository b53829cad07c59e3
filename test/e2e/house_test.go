package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"
)

// clientKey is the key of every client. No real provider has given it out.
const clientKey = "weir-e2e-made-up-client-key-000001"

// upstreamKey is what Weir shows the simulator, so that a test can tell it
// from the client's own.
const upstreamKey = "sk-e2e-made-up-upstream-key-000002"

// configuration has one upstream of every kind, all of them the simulator, one
// model for each, and the simulator's misbehaving models behind a kind that
// the test chooses. Nothing is tried again by Weir, so that what clients do
// about a failure is seen.
var configuration = template.Must(template.New("weir.yaml").Parse(`
listen: { address: "127.0.0.1:0", drain: 5s{{with .Pair}}, tls: { cert: {{.}}.crt, key: {{.}}.key }{{end}} }
timeouts: { connect: 5s, first_byte: 20s, idle: 20s, total: 30s }
upstreams:
  - { name: openai, kind: openai, retry: none, endpoint: "{{.Simulator}}/v1", auth: { api_key: {{.Key}} } }
  - { name: azure, kind: azure, retry: none, endpoint: "{{.Simulator}}", auth: { api_key: {{.Key}} } }
  - { name: classic, kind: azure, retry: none, api: classic, api_version: 2025-04-01-preview, endpoint: "{{.Simulator}}", auth: { api_key: {{.Key}} } }
  - { name: anthropic, kind: anthropic, retry: none, endpoint: "{{.Simulator}}", auth: { api_key: {{.Key}} } }
  - { name: ollama, kind: ollama, retry: none, endpoint: "{{.Simulator}}" }
  - { name: compatible, kind: compatible, retry: none, endpoint: "{{.Simulator}}", auth: { bearer: {{.Key}} } }
  - { name: simulator, kind: simulator, retry: none, endpoint: "{{.Simulator}}" }
models:
  - { name: m-openai, targets: [{ upstream: openai, model: gpt-5-mini }] }
  - { name: m-azure, targets: [{ upstream: azure, model: my-deployment }] }
  - { name: m-classic, targets: [{ upstream: classic, model: my-deployment }] }
  - { name: m-anthropic, targets: [{ upstream: anthropic, model: claude-opus-5 }] }
  - { name: m-ollama, targets: [{ upstream: ollama, model: "gpt-oss:20b" }] }
  - { name: m-compatible, targets: [{ upstream: compatible, model: qwen/qwen4, dialects: [chat, responses, completions] }] }
  - { name: m-simulator, targets: [{ upstream: simulator }] }
  - { name: gpt-5.6-luna, targets: [{ upstream: azure, model: my-deployment }] }
  - { name: "gpt-*", targets: [{ upstream: openai }] }
  - { name: "sim-*", targets: [{ upstream: {{.Misbehaving}} }] }
keys:
  - { name: client, tenant: e2e, secret: {{.ClientKey}} }
  - { name: narrow, tenant: e2e, secret: {{.ClientKey}}-narrow, models: [m-openai] }
`))

// A house is one Weir between one client and one simulator.
type house struct {
	url string // of Weir, for clients
	key string

	// authority is the file with the certificate that Weir shows; empty if it
	// speaks plain HTTP.
	authority string

	weir, simulator *process
	upstream        *recorder // between the two
}

// newHouse starts all of it. misbehaving is the upstream that serves the
// models sim-*.
func newHouse(t *testing.T, misbehaving string) *house {
	t.Helper()
	return buildHouse(t, misbehaving, "")
}

// newSecureHouse is newHouse with TLS between the client and Weir.
func newSecureHouse(t *testing.T, misbehaving string) *house {
	t.Helper()
	return buildHouse(t, misbehaving, writePair(t))
}

// buildHouse starts it. pair is the path of Weir's certificate and key, without
// their endings; empty for plain HTTP.
func buildHouse(t *testing.T, misbehaving, pair string) *house {
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
	err = configuration.Execute(file, map[string]string{
		"Simulator": h.upstream.url, "Key": upstreamKey, "ClientKey": clientKey, "Misbehaving": misbehaving, "Pair": pair,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.weir = start(t, "serve", "--config", path)
	h.url = "http://" + h.weir.address
	if pair != "" {
		h.url, h.authority = "https://"+h.weir.address, pair+".crt"
	}
	return h
}

// writePair writes a new certificate for 127.0.0.1 that signs itself, and its
// key, and returns their path without .crt and .key.
func writePair(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair := filepath.Join(t.TempDir(), "weir")
	for _, file := range []struct {
		path, kind string
		bytes      []byte
	}{
		{pair + ".crt", "CERTIFICATE", certificate}, {pair + ".key", "EC PRIVATE KEY", secret},
	} {
		if err := os.WriteFile(file.path, pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

// direct is a house without Weir: the client talks to the simulator. What
// fails here is not the gateway's fault.
func direct(t *testing.T) *house {
	t.Helper()
	h := &house{key: upstreamKey}
	h.simulator = start(t, "simulate", "--listen", "127.0.0.1:0", "--strict", "--key", upstreamKey)
	h.upstream = record(t, "http://"+h.simulator.address)
	h.url = h.upstream.url
	return h
}

// A served is one entry of the simulator's own account.
type served struct {
	Path       string  `json:"path"`
	Query      string  `json:"query"`
	Headers    header  `json:"headers"`
	BodySHA256 string  `json:"body_sha256"`
	Operation  string  `json:"operation"`
	Model      string  `json:"model"`
	Stream     bool    `json:"stream"`
	Status     int     `json:"status"`
	Ended      string  `json:"ended"`
	Usage      *counts `json:"usage"`      // what the client was told
	FullUsage  *counts `json:"full_usage"` // what it cost
}

type header = map[string][]string

// counts are tokens as the simulator and Weir's log count them.
type counts struct {
	Input     int64 `json:"input"`
	Cached    int64 `json:"cached"`
	Output    int64 `json:"output"`
	Reasoning int64 `json:"reasoning"`
}

// served returns what the simulator says it served, once nothing is in flight.
func (h *house) served(t *testing.T) []served {
	t.Helper()
	answer, err := http.Get("http://" + h.simulator.address + "/sim/served?wait=10s")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Requests []served }
	if err := json.Unmarshal(body, &report); err != nil {
		t.Fatalf("GET /sim/served = %q: %v", body, err)
	}
	return report.Requests
}

// A logged is the log line of one exchange.
type logged struct {
	RequestID string `json:"request_id"`
	Key       string `json:"key"`
	Tenant    string `json:"tenant"`
	Model     string `json:"model"`
	Upstream  string `json:"upstream"`
	Target    string `json:"target"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Attempts  int    `json:"attempts"`

	Usage     string `json:"usage"` // where the counts come from
	Input     int64  `json:"input_tokens"`
	Cached    int64  `json:"cached_tokens"`
	Output    int64  `json:"output_tokens"`
	Reasoning int64  `json:"reasoning_tokens"`

	Images     int64 `json:"images,omitempty"`
	Characters int64 `json:"characters,omitempty"`
}

// logged waits until Weir has logged n exchanges and returns all it has logged
// so far.
func (h *house) logged(t *testing.T, n int) []logged {
	t.Helper()
	var found []logged
	_, ok := h.weir.await(10*time.Second, func(line string) bool {
		var one struct {
			Msg string `json:"msg"`
			logged
		}
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &one) != nil || one.Msg != "exchange" {
			return false
		}
		found = append(found, one.logged)
		return len(found) >= n
	})
	if !ok && n > 0 {
		t.Errorf("Weir logged %d exchanges, want %d", len(found), n)
	}
	return found
}
