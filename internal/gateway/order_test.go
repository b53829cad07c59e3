package gateway_test

import (
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// ordered is a house with a provider of its own for models whose names say so,
// one for who may use it, one for everything else, and one that is only ever
// chosen.
const ordered = `
upstreams:
  - { name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: ollama, kind: ollama, endpoint: "${SIM}" }
  - { name: best, kind: openai, endpoint: "${SIM}/v1", auth: { api_key: made-up } }
  - { name: custom, kind: compatible, endpoint: "${SIM}" }
models:
  - { name: "*gpt-oss*", targets: [{ upstream: ollama }] }
  - { name: "*", targets: [{ upstream: azure }] }
routing:
  header: x-provider
  timezone: UTC
  rules:
    - { name: permission, when: '"premium" in roles && !(model contains "gpt-oss")', targets: [{ upstream: best }] }
    - { name: never, when: 'hour(now) > 23', targets: [{ upstream: custom }] }
keys:
  - { name: all, secret: all-0123456789abcdef }
  - { name: premium, secret: premium-0123456789abcdef, roles: [premium] }
  - { name: none, secret: none-0123456789abcdef, may_choose: [azure, ollama] }
`

// TestOrderOfDecisions: the provider that the client names comes before the
// model's name, that before the rules of the business, and those before the
// default. What the client may not name, or nobody has, is refused.
func TestOrderOfDecisions(t *testing.T) {
	g := gatetest.Start(t, ordered)
	for _, tt := range []struct {
		name, key, model, provider string
		upstream                   string
		code                       llm.Code
		status                     int
	}{
		{name: "the default", key: "all", model: "gpt-5", upstream: "azure"},
		{name: "a model's name", key: "all", model: "gpt-oss:20b", upstream: "ollama"},
		{name: "in the middle of it", key: "all", model: "my-gpt-oss-120b", upstream: "ollama"},
		{name: "a permission", key: "premium", model: "gpt-5", upstream: "best"},
		{name: "a model's name before a permission", key: "premium", model: "gpt-oss:20b", upstream: "ollama"},
		{name: "the client before the default", key: "all", model: "gpt-5", provider: "custom", upstream: "custom"},
		{name: "the client before a model's name", key: "all", model: "gpt-oss:20b", provider: "azure", upstream: "azure"},
		{name: "the client before a permission", key: "premium", model: "gpt-5", provider: "ollama", upstream: "ollama"},
		{name: "a client that may name it", key: "none", model: "gpt-5", provider: "ollama", upstream: "ollama"},
		{name: "a client that may not", key: "none", model: "gpt-5", provider: "custom", code: llm.CodeProviderNotAllowed, status: 403},
		{name: "a provider that there is not", key: "all", model: "gpt-5", provider: "bedrock", code: llm.CodeUnknownProvider, status: 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Ledger.Total()
			header := []string{"Authorization", "Bearer " + tt.key + "-0123456789abcdef"}
			if tt.provider != "" {
				header = append(header, "X-Provider", tt.provider)
			}
			resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1), header...)
			body := gatetest.Body(t, resp)
			entries := g.Entries(t, int(before)+1)
			if e := entries[len(entries)-1]; e.Upstream != tt.upstream || e.Code != tt.code {
				t.Errorf("went to %q with code %q, want %q and %q: %s", e.Upstream, e.Code, tt.upstream, tt.code, body)
			}
			if tt.status == 0 {
				tt.status = 200
			}
			if resp.StatusCode != tt.status {
				t.Errorf("status = %d, want %d: %s", resp.StatusCode, tt.status, body)
			}
		})
	}
}
