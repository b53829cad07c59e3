package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const ruled = `
upstreams:
  - { name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: plain, kind: compatible, endpoint: "${SIM}" }
  - { name: claude, kind: anthropic, endpoint: "${SIM}", auth: { api_key: made-up } }
models:
  - name: m
    targets:
      - { upstream: azure, model: good, quality: 9, price: { input: 10, output: 30 }, labels: { region: us } }
      - { upstream: plain, model: cheap, quality: 2, price: { input: 0.5, output: 1 }, labels: { region: eu } }
  - { name: other, targets: [{ upstream: claude }] }
routing:
  header: x-provider
  headers: [x-team]
  rules:
    - { name: night, when: 'header("x-team") == "night"', use: other }
    - { when: 'header("x-team") == "none"', reject: "not for this team" }
    - { when: 'header("x-team") == "short"', max_output: 50 }
    - { when: 'images && tools', reject: "images or tools" }
    - { when: '"batch" in roles', prefer: cost }
    - { when: 'metadata.where == "eu"', labels: { region: eu } }
    - { when: 'output_tokens > 9000', reject: "too long" }
keys:
  - { name: all, secret: all-0123456789abcdef }
  - { name: batch, secret: batch-0123456789abcdef, roles: [batch] }
  - { name: eu, secret: eu-0123456789abcdef, labels: { region: eu } }
  - { name: mars, secret: mars-0123456789abcdef, labels: { region: mars } }
  - { name: rule, secret: rule-0123456789abcdef, metadata: { where: eu }, prefer: quality }
  - { name: few, secret: few-0123456789abcdef, may_choose: [plain] }
  - { name: none, secret: none-0123456789abcdef, may_choose: [] }
`

// TestDecide: what keys, headers and rules say of where a request goes.
func TestDecide(t *testing.T) {
	g := gatetest.Start(t, ruled)
	for _, tt := range []struct {
		name, key, more string
		header          []string
		target          string
		code            llm.Code
		says            string
	}{
		{name: "the first", key: "all", target: "azure good"},
		{name: "quality", key: "all", header: []string{"x-weir-prefer", "quality"}, target: "azure good"},
		{name: "cost", key: "all", header: []string{"x-weir-prefer", " Cost"}, target: "plain cheap"},
		{name: "a preference that there is not", key: "all", header: []string{"x-weir-prefer", "speed"}, code: llm.CodeInvalidValue, says: "cost, quality or latency"},
		{name: "the rule's before the client's", key: "batch", header: []string{"x-weir-prefer", "quality"}, target: "plain cheap"},
		{name: "labels of the key", key: "eu", header: []string{"x-weir-prefer", "quality"}, target: "plain cheap"},
		{name: "labels of a rule", key: "rule", target: "plain cheap"},
		{name: "labels that no target has", key: "mars", code: llm.CodeNoTarget, says: "region=mars"},
		{name: "labels, and a choice", key: "eu", header: []string{"x-provider", "azure"}, code: llm.CodeNoTarget, says: "region=eu"},
		{name: "another model", key: "all", header: []string{"x-team", "night"}, target: "claude other"},
		{name: "refused", key: "all", header: []string{"x-team", "none"}, code: llm.CodeRuleRefused, says: "not for this team"},
		{name: "tools alone", key: "all", more: `,"tools":[{"type":"function","function":{"name":"f"}}]`, target: "azure good"},
		{
			name: "tools and images", key: "all", code: llm.CodeRuleRefused, says: "images or tools",
			more: `,"tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]`,
		},
		{name: "the output that is asked for", key: "all", more: `,"max_tokens":9001`, code: llm.CodeRuleRefused, says: "too long"},
		{name: "a choice that is allowed", key: "few", header: []string{"x-provider", "Plain"}, target: "plain cheap"},
		{name: "one that is not", key: "few", header: []string{"x-provider", "azure"}, code: llm.CodeProviderNotAllowed, says: "the key `few` may not choose azure by the header x-provider"},
		{name: "none is", key: "none", header: []string{"x-provider", "plain"}, code: llm.CodeProviderNotAllowed},
		{name: "none is needed", key: "none", target: "azure good"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Ledger.Total()
			body := `{"model":"m","messages":[{"role":"user","content":"hello"}]` + tt.more + `}`
			if strings.Contains(tt.more, `"messages"`) {
				body = `{"model":"m"` + tt.more + `}`
			}
			resp := g.Post(t, "/v1/chat/completions", body, append([]string{"Authorization", "Bearer " + tt.key + "-0123456789abcdef"}, tt.header...)...)
			answer := gatetest.Body(t, resp)
			entries := g.Entries(t, int(before)+1)
			e := entries[len(entries)-1]
			if got := strings.TrimSpace(e.Upstream + " " + e.Target); got != tt.target || e.Code != tt.code {
				t.Errorf("went to %q with code %q, want %q and %q: %s", got, e.Code, tt.target, tt.code, answer)
			}
			if want := http.StatusOK; tt.code == "" && resp.StatusCode != want || tt.code != "" && resp.StatusCode != tt.code.Row().Status {
				t.Errorf("status %d", resp.StatusCode)
			}
			if !strings.Contains(answer, tt.says) {
				t.Errorf("the answer does not say %q: %s", tt.says, answer)
			}
		})
	}
}

// TestLimitedOutput: an answer has at most what a rule allows, whatever the
// request calls it, and the client is told where it wanted more.
func TestLimitedOutput(t *testing.T) {
	g := gatetest.Start(t, ruled)
	for _, tt := range []struct {
		path, provider, said string
		want                 string // what the upstream is told
		lossy                string
	}{
		{"/v1/chat/completions", "azure", ``, `max_completion_tokens=50`, ""},
		{"/v1/chat/completions", "plain", ``, `max_tokens=50`, ""},
		{"/v1/chat/completions", "plain", `,"max_tokens":49`, `max_tokens=49`, ""},
		{"/v1/chat/completions", "plain", `,"max_tokens":51`, `max_tokens=50`, "max_tokens"},
		{"/v1/chat/completions", "azure", `,"max_tokens":51`, `max_tokens=50`, "max_tokens"},
		{"/v1/chat/completions", "azure", `,"max_completion_tokens":8000`, `max_completion_tokens=50`, "max_completion_tokens"},
		{"/v1/chat/completions", "azure", `,"max_completion_tokens":null`, `max_completion_tokens=50`, ""},
		{"/v1/chat/completions", "azure", `,"max_tokens":null`, `max_completion_tokens=50`, ""},
		{"/v1/chat/completions", "plain", `,"max_tokens":-1`, `max_tokens=50`, "max_tokens"},
		{"/v1/chat/completions", "plain", `,"max_tokens":1e9`, `max_tokens=50`, "max_tokens"},
		{"/v1/chat/completions", "claude", `,"max_tokens":51`, `max_tokens=50`, "max_tokens"},
		{"/v1/chat/completions", "claude", ``, `max_tokens=50`, ""},
		{"/v1/responses", "azure", ``, `max_output_tokens=50`, ""},
		{"/v1/responses", "azure", `,"max_output_tokens":null`, `max_output_tokens=50`, ""},
		{"/v1/responses", "azure", `,"max_output_tokens":400`, `max_output_tokens=50`, "max_output_tokens"},
		{"/v1/responses", "plain", ``, `max_tokens=50`, ""},
		{"/v1/messages", "claude", `,"max_tokens":400`, `max_tokens=50`, "max_tokens"},
	} {
		before := len(g.Sim.Served().Requests)
		const messages = `"messages":[{"role":"user","content":"hello"}]`
		ask := messages
		if tt.path == "/v1/responses" {
			ask = `"input":"hello"`
		}
		resp := g.Post(t, tt.path, `{"model":"m",`+ask+tt.said+`}`, "Authorization", "Bearer all-0123456789abcdef", "x-provider", tt.provider, "x-team", "short")
		answer := gatetest.Body(t, resp)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s at %s with %q = %d %s", tt.path, tt.provider, tt.said, resp.StatusCode, answer)
			continue
		}
		if got := resp.Header.Get("X-Weir-Lossy"); got != tt.lossy {
			t.Errorf("%s at %s with %q lost %q, want %q", tt.path, tt.provider, tt.said, got, tt.lossy)
		}
		var sent map[string]any
		if err := json.Unmarshal([]byte(g.Sim.Served().Requests[before].Body), &sent); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"max_tokens", "max_completion_tokens", "max_output_tokens"} {
			if v, there := sent[name]; there {
				got = append(got, fmt.Sprintf("%s=%v", name, v))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s at %s with %q sends %q, want %q", tt.path, tt.provider, tt.said, got, tt.want)
		}
	}
}
