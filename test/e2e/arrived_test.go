package e2e_test

import (
	"net/url"
	"strings"
	"testing"
)

// An address says how a kind of upstream is spoken to.
type address struct {
	path       string // what every path begins with
	model      string // the name the upstream knows
	deployment bool   // paths name the model, but for responses
	version    string // api-version, if one is sent
	header     string // where the credential is; "" if there is none
}

// addresses are those of the upstreams in configuration.
//
// Source: the providers' own clients, in their forms for these endpoints.
var addresses = map[string]address{ // immutable
	"openai":     {path: "/v1/", model: "gpt-5-mini", header: "Authorization"},
	"azure":      {path: "/openai/v1/", model: "my-deployment", header: "Api-Key"},
	"classic":    {path: "/openai/", model: "my-deployment", deployment: true, version: "2025-04-01-preview", header: "Api-Key"},
	"anthropic":  {path: "/v1/messages", model: "claude-opus-5", header: "X-Api-Key"},
	"ollama":     {path: "/v1/", model: "gpt-oss:20b"},
	"compatible": {path: "/v1/", model: "qwen/qwen4", header: "Authorization"},
	"simulator":  {path: "/v1/", model: "m-simulator"},
}

// checkArrived checks paths, api-version, model and credentials of what
// reached the upstream: its own credential in its own place, and never the
// client's.
func (h *house) checkArrived(t *testing.T, upstream string) {
	t.Helper()
	a, ok := addresses[upstream]
	if !ok {
		return
	}
	for i, r := range h.upstream.requests() {
		uri, err := url.Parse(r.URI)
		if err != nil {
			t.Fatal(err)
		}
		prefix := a.path
		if a.deployment && !strings.HasSuffix(uri.Path, "/responses") {
			prefix += "deployments/" + a.model + "/"
		}
		if !strings.HasPrefix(uri.Path, prefix) {
			t.Errorf("request %d went to %s, want a path that begins with %s", i, uri.Path, prefix)
		}
		if got := strings.Join(uri.Query()["api-version"], ","); got != a.version {
			t.Errorf("request %d has api-version %q, want %q", i, got, a.version)
		}
		if !strings.Contains(string(r.Body), `"model":"`+a.model+`"`) && !strings.Contains(string(r.Body), `"model": "`+a.model+`"`) {
			t.Errorf("request %d does not ask for model %q: %.200s", i, a.model, r.Body)
		}
		for name, texts := range r.Header {
			value := strings.Join(texts, ",")
			if strings.Contains(value, clientKey) {
				t.Errorf("request %d shows the upstream the client's key in %s", i, name)
			}
			if has := strings.Contains(value, upstreamKey); has != (name == a.header) {
				t.Errorf("request %d: %s has the upstream's credential: %t, want %t", i, name, has, name == a.header)
			}
		}
		if a.header != "" && r.Header.Get(a.header) == "" {
			t.Errorf("request %d has no %s", i, a.header)
		}
	}
}
