package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestRoutingHeader: a client may choose the upstream.
func TestRoutingHeader(t *testing.T) {
	g := gatetest.Start(t, `
upstreams:
  - { name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: Twin, kind: simulator, endpoint: "${SIM}" }
  - { name: twin, kind: simulator, endpoint: "${SIM}" }
  - { name: claude, kind: anthropic, endpoint: "${SIM}", auth: { api_key: made-up } }
models:
  - { name: m, targets: [{ upstream: azure, model: deployment }, { upstream: twin, model: at-twin }] }
  - { name: other, targets: [{ upstream: azure, model: other-deployment }] }
routing: { header: X-Provider }
keys:
  - { name: all, secret: all-0123456789abcdef }
  - { name: few, secret: few-0123456789abcdef, models: [m, "new*"] }
`)
	const few, all = "few-0123456789abcdef", "all-0123456789abcdef"
	for _, tt := range []struct {
		name, key, model string
		header           []string
		upstream, target string
		code             llm.Code
		says             string
	}{
		{name: "not given", key: all, model: "m", upstream: "azure", target: "deployment"},
		{name: "the first target", key: all, model: "m", header: []string{"x-provider", "azure"}, upstream: "azure", target: "deployment"},
		{name: "the second target", key: all, model: "m", header: []string{"x-provider", "twin"}, upstream: "twin", target: "at-twin"},
		{name: "no target there: its own name", key: all, model: "m", header: []string{"x-provider", "Twin"}, upstream: "Twin", target: "m"},
		{name: "no target there either", key: all, model: "other", header: []string{"x-provider", "twin"}, upstream: "twin", target: "other"},
		{name: "the model is not known at all", key: all, model: "new-model", header: []string{"x-provider", "azure"}, upstream: "azure", target: "new-model"},
		{name: "not known, and nothing chosen", key: all, model: "new-model", code: llm.CodeModelNotFound},
		{name: "another case", key: all, model: "m", header: []string{"X-PROVIDER", " AZURE "}, upstream: "azure", target: "deployment"},
		{name: "another case, of two names that differ in case alone", key: all, model: "m", header: []string{"x-provider", "TWIN"}, code: llm.CodeUnknownProvider, says: "TWIN"},
		{name: "the same twice", key: all, model: "m", header: []string{"x-provider", "azure", "x-provider", "Azure"}, upstream: "azure", target: "deployment"},
		{name: "two different ones", key: all, model: "m", header: []string{"x-provider", "azure", "x-provider", "twin"}, code: llm.CodeUnknownProvider, says: "two different values"},
		{name: "an empty one", key: all, model: "m", header: []string{"x-provider", ""}, upstream: "azure", target: "deployment"},
		{name: "an empty one, and a name that nobody knows", key: all, model: "new-model", header: []string{"x-provider", ""}, code: llm.CodeModelNotFound},
		{name: "unknown", key: all, model: "m", header: []string{"x-provider", "openai"}, code: llm.CodeUnknownProvider, says: "the header x-provider names no upstream: there is no \"openai\"; it may be one of azure, Twin, twin, claude, or be left out"},
		{name: "a model that the key may use", key: few, model: "new-model", header: []string{"x-provider", "twin"}, upstream: "twin", target: "new-model"},
		{name: "a model that the key may not use", key: few, model: "other", header: []string{"x-provider", "twin"}, code: llm.CodeModelNotAllowed},
		{name: "nor one that nobody knows", key: few, model: "unknown", header: []string{"x-provider", "twin"}, code: llm.CodeModelNotAllowed},
		{name: "an upstream of another protocol", key: all, model: "m", header: []string{"x-provider", "claude"}, upstream: "claude", target: "m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Ledger.Total()
			header := append([]string{"Authorization", "Bearer " + tt.key}, tt.header...)
			resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1), header...)
			body := gatetest.Body(t, resp)
			entries := g.Entries(t, int(before)+1)
			e := entries[len(entries)-1]
			if e.Code != tt.code || e.Upstream != tt.upstream || e.Target != tt.target || e.Model != tt.model {
				t.Errorf("entry = model %s at %s as %s, code %q; want %s at %s as %s, code %q", e.Model, e.Upstream, e.Target, e.Code, tt.model, tt.upstream, tt.target, tt.code)
			}
			if tt.code == "" && resp.StatusCode != http.StatusOK || tt.code != "" && resp.StatusCode != tt.code.Row().Status {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
			if !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), tt.says) {
				t.Errorf("the answer does not say %q: %s", tt.says, body)
			}
		})
	}
	resp := g.Post(t, "/v1/embeddings", `{"model":"m","input":"x"}`, "Authorization", "Bearer "+all, "x-provider", "claude")
	if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "x-provider has chosen claude") {
		t.Errorf("embeddings of an upstream that has none = %d %s", resp.StatusCode, body)
	}
	for _, r := range g.Sim.Served().Requests {
		if r.Headers.Get("X-Provider") != "" {
			t.Errorf("the header went upstream: %v", r.Headers)
		}
	}
}

// TestRoutingHeaderThatUpstreamsTake: a header on the list of those that pass
// stays here too where it is the one that routes.
func TestRoutingHeaderThatUpstreamsTake(t *testing.T) {
	g := gatetest.Start(t, simple+"routing: { header: originator }\n")
	resp := g.Post(t, "/v1/responses", `{"model":"m","input":"hello"}`, "Originator", "sim")
	if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	if h := g.Sim.Served().Requests[0].Headers; h.Get("Originator") != "" {
		t.Errorf("the header went upstream: %v", h)
	}
}

// TestNoRoutingHeader: a header that is not configured is no one's.
func TestNoRoutingHeader(t *testing.T) {
	g := gatetest.Start(t, simple)
	resp := g.Post(t, "/v1/chat/completions", hello, "X-Provider", "nobody")
	if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusOK {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

// TestStrip: the characters go, and the name that the client sees stays.
func TestStrip(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: azure, kind: azure, endpoint: "${SIM}", api: classic, auth: { api_key: made-up } }]
models: [{ name: "*", targets: [{ upstream: azure, strip: ".:" }] }]
`)
	for i, tt := range []struct{ model, target string }{
		{"gpt-4.1", "gpt-41"},
		{"ft:gpt-4o.x", "ftgpt-4ox"},
		{"gpt-4o", "gpt-4o"},
	} {
		resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1))
		body := gatetest.Body(t, resp)
		e := g.Entries(t, i+1)[i]
		if resp.StatusCode != http.StatusOK || e.Target != tt.target || e.Model != tt.model {
			t.Errorf("%s is served as %s (%d %s), want %s", e.Model, e.Target, resp.StatusCode, body, tt.target)
		}
		if r := g.Sim.Served().Requests[i]; !strings.Contains(r.Path, "/deployments/"+tt.target+"/") {
			t.Errorf("%s was sent to %s, want the deployment %s", tt.model, r.Path, tt.target)
		}
	}
}

// TestAnyHost: "*" in listen.hosts is any name, absolute requests included.
func TestAnyHost(t *testing.T) {
	g := gatetest.Start(t, simple+`listen: { hosts: ["*"] }`)
	for _, tt := range []struct{ name, from, to string }{
		{"another name", "Host: localhost", "Host: gw.example.com:8080"},
		{"as a proxy is asked", "POST /v1/chat/completions", "POST http://api.openai.com/v1/chat/completions"},
	} {
		text := strings.Replace(request("POST", "/v1/chat/completions", hello), tt.from, tt.to, 1)
		if status, _, body := raw(t, g, text); status != http.StatusOK {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
}
