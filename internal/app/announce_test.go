package app_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStartLines: what serves where, how upstreams are called, who may call.
func TestStartLines(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		env       map[string]string
		want      string
	}{
		{
			name: "the simulator",
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: built-in)
  no file: the simulator serves; weir init writes one to begin with
  upstream simulator: simulator, built in, without a key
  model sim-1 → simulator as the name asked for
  model sim-* → simulator as the name asked for
  no keys: every program on this machine is served, and no other
  OpenAI clients: base URL http://127.0.0.1:PORT/v1    Anthropic clients: http://127.0.0.1:PORT
  data: DATA
`,
		},
		{
			name: "variables",
			env:  map[string]string{"OPENAI_API_KEY": "secret-of-openai", "OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1", "PROXY_API_KEY": "secret-of-clients-that-is-long"},
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: environment)
  no file: the environment decides; weir check --print shows why
  upstream openai: openai, api.openai.com, with OPENAI_API_KEY
  upstream ollama: ollama, http://127.0.0.1:11434, without a key
  model *gpt-oss* → ollama as the name asked for
  model * → openai as the name asked for
  clients may choose an upstream by its name, in the header x-provider
  GET /v1/models lists none: names with * are not listed, so clients must be told a model's name
  keys: proxy
  OpenAI clients: base URL http://127.0.0.1:PORT/v1    Anthropic clients: http://127.0.0.1:PORT
  data: DATA
`,
		},
		{
			name: "variables of azure-openai-proxy",
			env:  map[string]string{"AZURE_OPENAI_ENDPOINT": "https://my-resource.openai.azure.com", "AZURE_OPENAI_LEGACY_NAMES": "1", "PROXY_API_KEY": "secret-of-clients-that-is-long"},
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: environment (azure-openai-proxy))
  no file: the environment decides; weir check --print shows why
  upstream azure: azure, my-resource.openai.azure.com, with the caller's own key
  model gpt-3.5-turbo → azure as gpt-35-turbo
  model gpt-3.5-turbo-0301 → azure as gpt-35-turbo-0301
  model * → azure as the name asked for without .:
  keys: proxy
  clients of azure send Weir's key in x-weir-key, and their own where they always did
  OpenAI clients: base URL http://127.0.0.1:PORT/v1
  data: DATA
`,
		},
		{
			name: "a file",
			doc: `
upstreams:
  - { name: a, kind: azure, endpoint: "https://my-resource.openai.azure.com/openai", auth: { api_key: "${A_KEY}" } }
  - { name: b, kind: anthropic, auth: { bearer: secret-in-the-file } }
  - { name: c, kind: compatible, endpoint: "http://127.0.0.1:8000/v1", headers: { X-A: secret-in-the-file } }
models: [{ name: m, targets: [{ upstream: a, model: x }, { upstream: c }] }]
keys: [{ name: old, secret: made-up-secret-of-old, disabled: true }]
`,
			env: map[string]string{"A_KEY": "secret-of-a"},
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: weir.yaml)
  upstream a: azure, my-resource.openai.azure.com, with A_KEY
  upstream b: anthropic, api.anthropic.com, with a token of the configuration
  upstream c: compatible, http://127.0.0.1:8000, with headers of the configuration
  model m → a as x, else c as the name asked for
  keys: all are disabled, nobody may call
  OpenAI clients: base URL http://127.0.0.1:PORT/v1    Anthropic clients: http://127.0.0.1:PORT
  data: DATA
`,
		},
		{
			name: "a transparent door, and nothing else",
			doc: `
upstreams: [{ name: a, kind: azure, endpoint: "https://my-resource.openai.azure.com", auth: passthrough }]
transparent: { upstream: a }
`,
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: weir.yaml)
  upstream a: azure, my-resource.openai.azure.com, with the caller's own key
  every path below http://127.0.0.1:PORT/ → upstream a, as it is
  no keys: every program on this machine is served, and no other
  Azure OpenAI clients: endpoint http://127.0.0.1:PORT
  data: DATA
`,
		},
		{
			name: "a transparent door beside models",
			doc: `
upstreams:
  - { name: a, kind: openai, auth: passthrough }
  - { name: b, kind: anthropic, auth: { bearer: secret-in-the-file } }
models: [{ name: m, targets: [{ upstream: b }] }]
transparent: { upstream: a, prefix: /direct }
`,
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: weir.yaml)
  upstream a: openai, api.openai.com, with the caller's own key
  upstream b: anthropic, api.anthropic.com, with a token of the configuration
  model m → b as the name asked for
  every path below http://127.0.0.1:PORT/direct → upstream a, as it is
  no keys: every program on this machine is served, and no other
  OpenAI clients: base URL http://127.0.0.1:PORT/direct/v1
  Anthropic clients: http://127.0.0.1:PORT
  data: DATA
`,
		},
		{
			name: "long lists",
			doc:  many(),
			want: `weir listens on http://127.0.0.1:PORT (address 127.0.0.1:PORT, configuration: weir.yaml)
  upstream up: ollama, http://127.0.0.1:11434, without a key
  model m-0 → up as the name asked for
  model m-1 → up as the name asked for
  model m-2 → up as the name asked for
  model m-3 → up as the name asked for
  model m-4 → up as the name asked for
  model m-5 → up as the name asked for
  model m-6 → up as the name asked for
  model m-7 → up as the name asked for
  model m-8 → up as the name asked for
  model m-9 → up as the name asked for
  … and 2 more models
  keys: key-0, key-1, key-2, key-4, key-5, key-6, key-7, key-8, key-9, key-10, … and 1 more
  OpenAI clients: base URL http://127.0.0.1:PORT/v1    Anthropic clients: http://127.0.0.1:PORT
  data: DATA
`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := t.TempDir()
			got := startLines(t, config.Options{
				Listen: "127.0.0.1:0", DataDir: data,
				LookupEnv: func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok },
				Open: func(name string) (io.ReadCloser, error) {
					if tt.doc == "" || name != "weir.yaml" {
						return nil, fs.ErrNotExist
					}
					return io.NopCloser(strings.NewReader(tt.doc)), nil
				},
			})
			got = strings.ReplaceAll(withoutPorts(got), data, "DATA")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("start lines (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "secret-") {
				t.Errorf("a secret is shown:\n%s", got)
			}
		})
	}
}

// withoutPorts returns start lines with PORT for every port that was free.
func withoutPorts(lines string) string {
	return regexp.MustCompile(`127\.0\.0\.1:[0-9]{5}([ /),\n])`).ReplaceAllStringFunc(lines, func(s string) string {
		if strings.Contains(s, "11434") {
			return s
		}
		return "127.0.0.1:PORT" + s[len(s)-1:]
	})
}

// many is a configuration with more keys and models than are shown.
func many() string {
	var b strings.Builder
	b.WriteString("upstreams: [{ name: up, kind: ollama, endpoint: 'http://127.0.0.1:11434' }]\nkeys:\n")
	for i := range 12 {
		fmt.Fprintf(&b, "  - { name: key-%d, secret: made-up-secret-no-%d, disabled: %v }\n", i, i, i == 3)
	}
	b.WriteString("models:\n")
	for i := range 12 {
		fmt.Fprintf(&b, "  - { name: m-%d, targets: [{ upstream: up }] }\n", i)
	}
	return b.String()
}

// startLines runs a gateway until it has said what it serves.
func startLines(t *testing.T, o config.Options) string {
	t.Helper()
	cfg, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	var log, notes gatetest.Buffer
	a, err := app.New(context.Background(), app.Options{Config: cfg, Log: &log, Notes: &notes})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	gatetest.Until(t, func() bool { return strings.Contains(notes.String(), "  data: ") })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "secret-") {
		t.Errorf("a secret is logged:\n%s", log.String())
	}
	return notes.String()
}
