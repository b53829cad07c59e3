package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const foundries = `
upstreams: [{ name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }]
models:
  - { name: chat, targets: [{ upstream: azure, model: gpt-5-mini, dialects: [chat], capabilities: foundry }] }
  - { name: responses, targets: [{ upstream: azure, model: gpt-5-mini, dialects: [responses], capabilities: foundry }] }
  - { name: old-chat, targets: [{ upstream: azure, model: gpt-35-turbo, dialects: [chat], capabilities: foundry }] }
  - { name: old-responses, targets: [{ upstream: azure, model: gpt-35-turbo-16k, dialects: [responses], capabilities: foundry }] }
  - { name: wide-chat, targets: [{ upstream: azure, model: mine, family: gpt-5, efforts: [minimal, low, xhigh], dialects: [chat], capabilities: foundry, web_search: allow }] }
  - { name: wide-responses, targets: [{ upstream: azure, model: mine, family: gpt-5, efforts: [minimal, low, xhigh], dialects: [responses], capabilities: foundry, web_search: allow }] }
`

// A foundryCase is one row of what the policy foundry does. Sent and wants hold
// members beside the conversation. What arrives must have those of wants, and
// none of gone.
type foundryCase struct {
	name   string
	client string // chat or responses
	model  string // without the protocol that the upstream is asked in
	sent   string
	wants  map[string]string // :: the protocol of the upstream → members
	gone   string
	lost   string
	param  string // of a refusal
}

var foundryCases = []foundryCase{ // immutable
	{
		name: "the limit", client: "chat", sent: `"max_tokens":20`, gone: "max_tokens",
		wants: map[string]string{"chat": `"max_completion_tokens":20`, "responses": `"max_output_tokens":20`},
	},
	{
		name: "both limits", client: "chat", sent: `"max_tokens":20,"max_completion_tokens":30`, gone: "max_tokens",
		wants: map[string]string{"chat": `"max_completion_tokens":30`, "responses": `"max_output_tokens":30`},
	},
	{
		name: "the limit of responses", client: "responses", sent: `"max_output_tokens":20`, gone: "max_tokens",
		wants: map[string]string{"chat": `"max_completion_tokens":20`, "responses": `"max_output_tokens":20`},
	},
	{name: "the limit of gpt-35", client: "chat", model: "old-", sent: `"max_tokens":20`, wants: map[string]string{"chat": `"max_tokens":20`}, gone: "max_completion_tokens"},
	{
		name: "log probabilities", client: "chat", sent: `"top_logprobs":2`,
		wants: map[string]string{"chat": `"logprobs":true,"top_logprobs":2`, "responses": `"top_logprobs":2`},
	},
	{
		name: "strip", client: "chat", sent: `"service_tier":"flex","serviceTier":"flex","verbosity":"low","top_k":4`,
		gone: "service_tier serviceTier verbosity top_k text", lost: "service_tier, serviceTier, top_k, verbosity",
	},
	{
		name: "strip of responses", client: "responses", sent: `"service_tier":"flex","top_k":4,"verbosity":"low"`,
		gone: "service_tier top_k verbosity", lost: "service_tier, top_k, verbosity",
	},
	{name: "usual values", client: "chat", sent: `"service_tier":"auto","verbosity":"medium"`, gone: "service_tier verbosity"},
	{
		name: "effort", client: "chat", sent: `"reasoning_effort":" Low "`,
		wants: map[string]string{"chat": `"reasoning_effort":"low"`, "responses": `"reasoning":{"effort":"low"}`},
	},
	{
		name: "xhigh", client: "chat", sent: `"reasoning_effort":"xhigh"`, lost: "reasoning_effort",
		wants: map[string]string{"chat": `"reasoning_effort":"high"`, "responses": `"reasoning":{"effort":"high"}`},
	},
	{
		name: "xhigh of a model that has it", model: "wide-", client: "chat", sent: `"reasoning_effort":"xhigh"`,
		wants: map[string]string{"chat": `"reasoning_effort":"xhigh"`, "responses": `"reasoning":{"effort":"xhigh"}`},
	},
	{
		name: "minimal of a model that has it", model: "wide-", client: "responses", sent: `"reasoning":{"effort":"minimal"}`,
		wants: map[string]string{"chat": `"reasoning_effort":"minimal"`, "responses": `"reasoning":{"effort":"minimal"}`},
	},
	{
		name: "effort of responses", client: "responses", sent: `"reasoning":{"effort":"XHIGH"}`, lost: "reasoning.effort",
		wants: map[string]string{"chat": `"reasoning_effort":"high"`, "responses": `"reasoning":{"effort":"high"}`},
	},
	{name: "minimal", client: "chat", sent: `"reasoning_effort":"minimal"`, param: "reasoning_effort"},
	{name: "minimal of responses", client: "responses", sent: `"reasoning":{"effort":"minimal"}`, param: "reasoning.effort"},
	{
		name: "reasoning", client: "chat", sent: `"reasoning":{"effort":"low"}`, gone: "thinking",
		wants: map[string]string{"chat": `"reasoning_effort":"low"`, "responses": `"reasoning":{"effort":"low"}`},
	},
	{
		name: "thinking", client: "chat", sent: `"thinking":{"effort":"low"}`, gone: "thinking",
		wants: map[string]string{"chat": `"reasoning_effort":"low"`, "responses": `"reasoning":{"effort":"low"}`},
	},
	{
		name: "thinking of responses", client: "responses", sent: `"thinking":{"effort":"low"}`, gone: "thinking",
		wants: map[string]string{"chat": `"reasoning_effort":"low"`, "responses": `"reasoning":{"effort":"low"}`},
	},
	{
		name: "effort of chat in responses", client: "responses", sent: `"reasoning":{"summary":"auto"},"reasoning_effort":"low","thinking":"high"`, gone: "thinking",
		wants: map[string]string{"chat": `"reasoning_effort":"low"`, "responses": `"reasoning":{"summary":"auto","effort":"low"}`},
	},
	{
		name: "merged for gpt-35", model: "old-", client: "chat", sent: `"thinking":{"effort":"max"}`, gone: "thinking",
		wants: map[string]string{"chat": `"reasoning_effort":"max"`, "responses": `"reasoning":{"effort":"max"}`},
	},
	{name: "options without a stream", client: "chat", sent: `"stream_options":{"include_usage":true}`, gone: "stream_options"},
	{name: "options without a stream of responses", client: "responses", sent: `"stream_options":{"include_obfuscation":true}`, gone: "stream_options"},
	{
		name: "options of a stream", client: "chat", sent: `"stream":true,"stream_options":{"include_usage":true}`,
		wants: map[string]string{"chat": `"stream":true,"stream_options":{"include_usage":true}`, "responses": `"stream":true`},
	},
	{name: "web search", client: "responses", sent: `"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false},{"type":"web_search"}]`, param: "tools"},
	{name: "web search preview", client: "responses", sent: `"tools":[{"type":"web_search_preview"}]`, param: "tools"},
	{name: "web search that is chosen", client: "responses", sent: `"tools":[{"type":"code_interpreter","container":{"type":"auto"}}],"tool_choice":{"type":"web_search_preview_2025_03_11"}`, param: "tool_choice"},
}

// TestFoundryLanes: what the policy does arrives at the upstream, whether the
// request passes as it came or is translated.
func TestFoundryLanes(t *testing.T) {
	g := gatetest.Start(t, foundries)
	for _, tt := range foundryCases {
		for _, up := range []string{"chat", "responses"} {
			t.Run(tt.name+" to "+up, func(t *testing.T) {
				path, members, lane := "/v1/responses", `"input":"hi"`, llm.Translated
				if tt.client == "chat" {
					path, members = "/v1/chat/completions", `"messages":[{"role":"user","content":"hi"}]`
				}
				if tt.client == up {
					lane = llm.Express
				}
				before := g.Sim.Served().Total
				r := converse(t, g, path, `{"model":"`+tt.model+up+`",`+members+`,`+tt.sent+`}`)
				if tt.param != "" {
					var e struct {
						Error struct{ Param, Message string }
					}
					_ = json.Unmarshal([]byte(r.body), &e)
					if r.status != http.StatusBadRequest || e.Error.Param != tt.param || !strings.Contains(e.Error.Message, tt.param) || g.Sim.Served().Total != before {
						t.Errorf("%d %s, want a refusal of %s and nothing sent", r.status, r.body, tt.param)
					}
					return
				}
				requests := g.Sim.Served().Requests
				sent := requests[len(requests)-1]
				if g.Sim.Served().Total != before+1 || r.entry.Lane != lane || r.header.Get("X-Weir-Lossy") != tt.lost {
					t.Fatalf("%d %s, lane %s, lossy %q; want %s, %q", r.status, r.body, r.entry.Lane, r.header.Get("X-Weir-Lossy"), lane, tt.lost)
				}
				arrived(t, sent.Body, tt.wants[up], strings.Fields(tt.gone))
			})
		}
	}
}

// arrived checks what an upstream was sent: it has the members of want, and
// none of gone.
func arrived(t *testing.T, body, want string, gone []string) {
	t.Helper()
	var got, wanted map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal([]byte("{"+want+"}"), &wanted); err != nil {
		t.Fatal(err)
	}
	for name, value := range wanted {
		a, _ := json.Marshal(got[name])
		b, _ := json.Marshal(value)
		if string(a) != string(b) {
			t.Errorf("%s is %s, want %s: %s", name, a, b, body)
		}
	}
	for _, name := range gone {
		if _, there := got[name]; there {
			t.Errorf("%s has arrived: %s", name, body)
		}
	}
}

// TestPolicyInEveryLane: a policy that is given counts in the express lane too,
// and none there is given by default.
func TestPolicyInEveryLane(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: plain, targets: [{ upstream: sim, model: o3-mini }] }
  - { name: "off", targets: [{ upstream: sim, model: o3-mini, capabilities: off, dialects: [messages] }] }
  - { name: safe, targets: [{ upstream: sim, model: o3-mini, capabilities: safe }] }
  - { name: drop, targets: [{ upstream: sim, model: o3-mini, capabilities: drop }] }
  - { name: gpt-4o, targets: [{ upstream: sim, model: o3-mini, capabilities: drop }] }
  - { name: search, targets: [{ upstream: sim, model: sim-1, web_search: refuse }] }
  - { name: claude, targets: [{ upstream: sim, model: claude-opus-4-7, capabilities: drop, dialects: [messages] }] }
`)
	const chat = `"messages": [{"role":"user","content":"h\u0069"}],"temperature" : 1.0, "stop":["x"],"unknown":1e3`
	for _, tt := range []struct{ model, path, sent, want, lost string }{
		{"plain", "/v1/chat/completions", chat, chat, ""},
		{"off", "/v1/messages", `"max_tokens":5,"temperature":1,"messages":[{"role":"user","content":"a"}]`, `"max_tokens":5,"temperature":1,"messages":[{"role":"user","content":"a"}]`, ""},
		{"safe", "/v1/chat/completions", chat, `"messages": [{"role":"user","content":"h\u0069"}],"stop":["x"],"unknown":1e3`, ""},
		{"drop", "/v1/chat/completions", chat, `"messages": [{"role":"user","content":"h\u0069"}],"unknown":1e3`, "stop"},
		{"claude", "/v1/messages", `"max_tokens":5,"temperature":0.5,"messages":[{"role":"user","content":"a"}]`, `"max_tokens":5,"messages":[{"role":"user","content":"a"}]`, "temperature"},
		{"gpt-4o", "/v1/chat/completions", `"max_tokens":20,"messages":[]`, `"max_tokens":20,"messages":[]`, ""}, // the client's name goes first
		{"claude", "/v1/messages/count_tokens", `"messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled","budget_tokens":1024}`, `"messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled","budget_tokens":1024}`, ""},
	} {
		r := converse(t, g, tt.path, `{"model":"`+tt.model+`",`+tt.sent+`}`)
		requests := g.Sim.Served().Requests
		got := requests[len(requests)-1].Body
		_, members, _ := strings.Cut(got, ",")
		if members != tt.want+"}" || r.entry.Lane != llm.Express || r.header.Get("X-Weir-Lossy") != tt.lost {
			t.Errorf("%s: %s has arrived, lossy %q; want %s, %q", tt.model, got, r.header.Get("X-Weir-Lossy"), tt.want, tt.lost)
		}
		if tt.lost != "" {
			if strict := converse(t, g, tt.path, `{"model":"`+tt.model+`",`+tt.sent+`}`, "X-Weir-Strict", "true"); strict.status != http.StatusBadRequest || !strings.Contains(strict.body, tt.lost) {
				t.Errorf("%s, strict: %d %s", tt.model, strict.status, strict.body)
			}
		}
	}
	if r := converse(t, g, "/v1/responses", `{"model":"search","input":"a","tools":[{"type":"web_search"}]}`); r.status != http.StatusBadRequest || !strings.Contains(r.body, `"tools"`) {
		t.Errorf("search: %d %s", r.status, r.body)
	}
}

// TestClaudeThinks: how a Claude model is told to think goes by its family,
// wherever the name of that stands.
func TestClaudeThinks(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: anthropic, endpoint: "${SIM}", auth: { api_key: made-up } }]
models:
  - { name: claude-opus-4-7, targets: [{ upstream: sim }] }
  - { name: "claude-opus-4-8*", targets: [{ upstream: sim, model: sim-1 }] }
  - { name: told, targets: [{ upstream: sim, model: sim-1, family: claude-opus-4-7, capabilities: off }] }
  - { name: behind, targets: [{ upstream: sim, model: claude-opus-4-7 }] }
  - { name: gpt-5, targets: [{ upstream: sim, model: claude-opus-4-7 }] }
  - { name: claude-sonnet-4-5, targets: [{ upstream: sim }] }
  - { name: claude-opus-5, targets: [{ upstream: sim, model: sim-1, family: claude-3-7-sonnet }] }
`)
	const adaptive = `"thinking":{"type":"adaptive"}`
	for model, thinks := range map[string]bool{
		"claude-opus-4-7": true, "claude-opus-4-8": true, "told": true, "behind": true, "gpt-5": true, "claude-sonnet-4-5": false, "claude-opus-5": false,
	} {
		r := converse(t, g, "/v1/chat/completions", `{"model":"`+model+`","reasoning_effort":"low","messages":[{"role":"user","content":"a"}]}`)
		requests := g.Sim.Served().Requests
		got := requests[len(requests)-1].Body
		lost := ""
		if !thinks {
			lost = "reasoning_effort"
		}
		if r.status != http.StatusOK || strings.Contains(got, adaptive) != thinks || strings.Contains(got, `"effort":"low"`) != thinks || r.header.Get("X-Weir-Lossy") != lost {
			t.Errorf("%s: %d, %s has arrived, lossy %q, want %q", model, r.status, got, r.header.Get("X-Weir-Lossy"), lost)
		}
	}
}
