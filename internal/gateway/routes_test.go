package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

const routed = `
upstreams:
  - name: foundry
    kind: azure
    endpoint: "${UP}/openai/v1"
    auth: none
    routes: { chat/completions: /openai/v1/chat/completions, responses: /deep/openai/v1/responses, images/generations: /openai/v1/images/generations }
  - name: gateway
    kind: anthropic
    endpoint: "${UP}/anthropic"
    auth: none
    routes: { chat/completions: /compat/chat/completions, preview: "/preview/responses?v=2" }
  - { name: bare, kind: anthropic, endpoint: "${UP}", auth: none }
models:
  - { name: plain, targets: [{ upstream: foundry, model: sim-1 }] }
  - { name: codex, targets: [{ upstream: foundry, model: sim-1, routes: { "*": responses } }] }
  - { name: old, targets: [{ upstream: foundry, model: sim-1, routes: { responses: chat/completions } }] }
  - { name: direct, targets: [{ upstream: foundry, model: sim-1, routes: { "*": /side/v1/responses, chat/completions: "/side/{deployment}/chat/completions?d={deployment}" } }] }
  - { name: sim-1, targets: [{ upstream: foundry, routes: { chat/completions: "/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21" } }] }
  - { name: a/b, targets: [{ upstream: foundry, routes: { chat/completions: "/openai/deployments/{deployment}/chat/completions" } }] }
  - { name: claude, targets: [{ upstream: gateway, model: sim-1 }] }
  - { name: named, targets: [{ upstream: gateway, model: sim-1, routes: { chat/completions: preview } }] }
  - { name: alone, targets: [{ upstream: bare, model: sim-1 }] }
`

// An askedFor is an upstream that has the simulator's operations at any path
// that ends like theirs, and knows what it was asked for last.
type askedFor struct {
	mu        sync.Mutex
	uri, body string
}

var anyOperation = regexp.MustCompile(`(chat/completions|completions|responses(/resp_[^/?]*)?|messages|images/generations|embeddings|api/chat)(\?|$)`)

func (r *askedFor) serve(t *testing.T) (url string) {
	sim := simulator.New(simulator.Options{Strict: true})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.uri, r.body = req.RequestURI, string(body)
		r.mu.Unlock()
		end := anyOperation.FindStringSubmatch(req.RequestURI)
		if end == nil {
			http.Error(w, "no such operation", http.StatusNotFound)
			return
		}
		path := "/v1/" + end[1]
		if end[1] == "api/chat" {
			path = "/api/chat"
		}
		again := req.Clone(req.Context())
		again.URL.Path, again.URL.RawPath, again.URL.RawQuery, again.RequestURI = path, "", "", path
		again.Body = io.NopCloser(strings.NewReader(string(body)))
		sim.ServeHTTP(w, again)
	}))
	t.Cleanup(up.Close)
	return up.URL
}

func (r *askedFor) last() (uri, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	uri, body = r.uri, r.body
	r.uri, r.body = "", ""
	return uri, body
}

const (
	askChat     = `{"model":"%s","messages":[{"role":"user","content":"hello"}]}`
	askResponse = `{"model":"%s","input":"hello"}`
	askMessage  = `{"model":"%s","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}`
	askImage    = `{"model":"%s","prompt":"a cat"}`
	askVector   = `{"model":"%s","input":"hello"}`
)

// TestRoutes: what arrives upstream is at the path that the routes name, and in
// the protocol that is spoken there.
func TestRoutes(t *testing.T) {
	var up askedFor
	g := gatetest.Start(t, routed, "UP", up.serve(t))
	for _, tt := range []struct {
		model, path, body string
		uri, sent         string // what arrives; empty: nothing
		lane              llm.Lane
		answer            string
	}{
		{"plain", "/v1/chat/completions", askChat, "/openai/v1/chat/completions", `"messages"`, llm.Express, `"chat.completion"`},
		{"plain", "/v1/responses", askResponse, "/deep/openai/v1/responses", `"input"`, llm.Express, `"object":"response"`},
		{"plain", "/v1/messages", askMessage, "/deep/openai/v1/responses", `"input"`, llm.Translated, `"type":"message"`},
		{"plain", "/v1/embeddings", askVector, "/openai/v1/embeddings", `"input"`, llm.Express, `"embedding"`},
		{"codex", "/v1/chat/completions", askChat, "/deep/openai/v1/responses", `"input"`, llm.Translated, `"chat.completion"`},
		{"codex", "/v1/responses", askResponse, "/deep/openai/v1/responses", `"input"`, llm.Express, `"object":"response"`},
		{"codex", "/v1/images/generations", askImage, "/openai/v1/images/generations", `"prompt"`, llm.Express, `b64_json`},
		{"codex", "/v1/embeddings", askVector, "/openai/v1/embeddings", `"input"`, llm.Express, `"embedding"`},
		{"old", "/v1/responses", askResponse, "/openai/v1/chat/completions", `"messages"`, llm.Translated, `"object":"response"`},
		{"old", "/v1/messages", askMessage, "/openai/v1/chat/completions", `"messages"`, llm.Translated, `"type":"message"`},
		{"direct", "/v1/chat/completions", askChat, "/side/sim-1/chat/completions?d=sim-1", `"messages"`, llm.Express, `"chat.completion"`},
		{"direct", "/v1/messages", askMessage, "/side/v1/responses", `"input"`, llm.Translated, `"type":"message"`},
		{"direct", "/v1/images/generations", askImage, "/openai/v1/images/generations", `"prompt"`, llm.Express, `b64_json`},
		{"sim-1", "/v1/chat/completions", askChat, "/openai/deployments/sim-1/chat/completions?api-version=2024-10-21", `"model":"sim-1"`, llm.Express, `"chat.completion"`},
		{"a/b", "/v1/chat/completions", askChat, "", "", llm.Express, `"invalid_value"`},
		{"claude", "/v1/chat/completions", askChat, "/compat/chat/completions", `"messages"`, llm.Express, `"chat.completion"`},
		{"claude", "/v1/messages", askMessage, "/anthropic/v1/messages", `"max_tokens"`, llm.Express, `"type":"message"`},
		{"claude", "/v1/responses", askResponse, "/anthropic/v1/messages", `"max_tokens"`, llm.Translated, `"object":"response"`},
		{"named", "/v1/chat/completions", askChat, "/preview/responses?v=2", `"input"`, llm.Translated, `"chat.completion"`},
		{"alone", "/v1/embeddings", askVector, "", "", "", `"unsupported_operation"`},
	} {
		for _, stream := range []bool{false, true} {
			body := strings.Replace(tt.body, "%s", tt.model, 1)
			want := tt.answer
			if stream {
				if tt.uri == "" || strings.Contains(tt.path, "images") || strings.Contains(tt.path, "embeddings") {
					continue
				}
				body = strings.Replace(body, "{", `{"stream":true,`, 1)
				want = "data: "
			}
			t.Run(tt.model+tt.path, func(t *testing.T) {
				before := int(g.Ledger.Total())
				answer := strings.ReplaceAll(gatetest.Body(t, g.Post(t, tt.path, body)), `": `, `":`)
				uri, sent := up.last()
				if uri != tt.uri || !strings.Contains(sent, tt.sent) {
					t.Errorf("asked for %s with %s, want %s with %s", uri, sent, tt.uri, tt.sent)
				}
				if !strings.Contains(answer, want) {
					t.Errorf("answer = %s, want %s in it", answer, want)
				}
				entries := g.Entries(t, before+1)
				if got := entries[len(entries)-1].Lane; got != tt.lane {
					t.Errorf("lane = %s, want %s", got, tt.lane)
				}
			})
		}
	}
}

// TestRouteOfObjects: what an upstream keeps is where its responses are made.
func TestRouteOfObjects(t *testing.T) {
	var up askedFor
	g := gatetest.Start(t, routed, "UP", up.serve(t))
	made := gatetest.Body(t, g.Post(t, "/v1/responses", `{"model":"plain","input":"hello","store":true}`))
	id := regexp.MustCompile(`resp_[A-Za-z0-9]+`).FindString(made)
	resp := g.Do(t, http.MethodGet, "/v1/responses/"+id, "")
	body := gatetest.Body(t, resp)
	if uri, _ := up.last(); uri != "/deep/openai/v1/responses/"+id || resp.StatusCode != http.StatusOK {
		t.Errorf("asked for %s = %d %s", uri, resp.StatusCode, body)
	}
}

// TestSettingsOfTargets: what a target says of its endpoint arrives there.
func TestSettingsOfTargets(t *testing.T) {
	var up askedFor
	g := gatetest.Start(t, `
upstreams:
  - { name: local, kind: ollama, endpoint: "${UP}" }
  - { name: vllm, kind: compatible, endpoint: "${UP}" }
models:
  - { name: long, targets: [{ upstream: local, model: sim-1, ollama: { num_ctx: 32768, keep_alive: forever } }] }
  - { name: short, targets: [{ upstream: local, model: sim-1, ollama: { keep_alive: 30m } }] }
  - { name: required, targets: [{ upstream: vllm, model: sim-1 }] }
  - { name: optional, targets: [{ upstream: vllm, model: sim-1, echo_reasoning: optional }] }
  - { name: forbidden, targets: [{ upstream: vllm, model: sim-1, echo_reasoning: forbidden }] }
  - { name: lowered, targets: [{ upstream: vllm, model: sim-1, dialects: [responses, chat], features: { custom_tools: false } }] }
  - { name: taken, targets: [{ upstream: vllm, model: sim-1, dialects: [chat], features: { custom_tools: true } }] }
  - { name: believed, targets: [{ upstream: vllm, model: sim-1, dialects: [responses, chat] }] }
`, "UP", up.serve(t))
	const (
		calls  = `{"model":"%s","input":[{"type":"message","role":"user","content":"q"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}]}`
		custom = `{"model":"%s","input":"q","tools":[{"type":"custom","name":"p"}]}`
		thinks = `{"model":"%s","input":[{"type":"message","role":"user","content":"q"},{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"type":"message","role":"assistant","content":"a"},{"type":"message","role":"user","content":"q"}]}`
	)
	for _, tt := range []struct{ model, body, uri, sent, not string }{
		{"long", askResponse, "/api/chat", `"options":{"num_ctx":32768},"keep_alive":-1`, ""},
		{"short", askChat, "/api/chat", `"keep_alive":"30m"`, "num_ctx"},
		{"required", calls, "/v1/chat/completions", `"reasoning_content":""`, ""},
		{"optional", calls, "/v1/chat/completions", `"tool_calls"`, "reasoning_content"},
		{"optional", thinks, "/v1/chat/completions", `"reasoning_content":"hm"`, ""},
		{"forbidden", thinks, "/v1/chat/completions", `"messages"`, "hm"},
		{"lowered", custom, "/v1/chat/completions", `"type":"function"`, "custom"},
		{"taken", custom, "/v1/chat/completions", `"type":"custom"`, ""},
		{"believed", custom, "/v1/responses", `"type":"custom"`, ""},
	} {
		path := "/v1/responses"
		if tt.body == askChat {
			path = "/v1/chat/completions"
		}
		resp := g.Post(t, path, strings.Replace(tt.body, "%s", tt.model, 1))
		answer := gatetest.Body(t, resp)
		uri, sent := up.last()
		if uri != tt.uri || !strings.Contains(sent, tt.sent) || tt.not != "" && strings.Contains(sent, tt.not) {
			t.Errorf("%s: asked for %s with %s, want %s with %s and without %q; answer %s", tt.model, uri, sent, tt.uri, tt.sent, tt.not, answer)
		}
	}
}

// TestThinkTags: what a server leaves in the text is reasoning where the target
// says so.
func TestThinkTags(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"<think>hm</think>\n\nhello"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, `
upstreams: [{ name: vllm, kind: compatible, endpoint: "${UP}" }]
models:
  - { name: tags, targets: [{ upstream: vllm, model: m, think_tags: true }] }
  - { name: text, targets: [{ upstream: vllm, model: m }] }
`, "UP", up.URL)
	for model, want := range map[string]string{"tags": `"text":"hello"`, "text": `"text":"<think>hm</think>\n\nhello"`} {
		got := gatetest.Body(t, g.Post(t, "/v1/responses", strings.Replace(askResponse, "%s", model, 1)))
		if !strings.Contains(got, want) || strings.Contains(got, `"reasoning_text"`) != (model == "tags") {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

// TestThoughtSignatures: what Gemini wants back with a call comes back with it,
// whatever the client speaks, and goes to nobody else.
func TestThoughtSignatures(t *testing.T) {
	const call = `{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"SIGNED"}}}`
	var mu sync.Mutex
	var sent string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		sent = string(body)
		mu.Unlock()
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[`+call+`]},"finish_reason":"tool_calls"}]}`+"\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[`+call+`]},"finish_reason":"tool_calls"}]}`)
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, `
upstreams: [{ name: gemini, kind: compatible, endpoint: "${UP}" }, { name: other, kind: compatible, endpoint: "${UP}/v1" }]
models:
  - { name: gemini, targets: [{ upstream: gemini, model: m }] }
  - { name: other, targets: [{ upstream: other, model: m }] }
`, "UP", up.URL)
	const back = `"extra_content":{"google":{"thought_signature":"SIGNED"}}`
	for _, tt := range []struct {
		name, path, tools, sealed string
		again                     string // %s: the model, then what was sealed
	}{
		{
			"responses", "/v1/responses", `"input":"q","include":["reasoning.encrypted_content"],"store":false,"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false}]`, `"encrypted_content": ?"([^"]+)"`,
			`{"model":"MODEL","input":[{"type":"message","role":"user","content":"q"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"SEALED"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"x"}]}`,
		},
		{
			"messages", "/v1/messages", `"max_tokens":100,"messages":[{"role":"user","content":"q"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]`, `"data": ?"([^"]+)"`,
			`{"model":"MODEL","max_tokens":100,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"SEALED"},{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"x"}]}]}`,
		},
	} {
		for _, stream := range []string{"false", "true"} {
			answer := gatetest.Body(t, g.Post(t, tt.path, `{"model":"gemini","stream":`+stream+`,`+tt.tools+`}`))
			found := regexp.MustCompile(tt.sealed).FindStringSubmatch(answer)
			if found == nil || strings.Contains(answer, "SIGNED") {
				t.Errorf("%s, stream %s: nothing is sealed: %s", tt.name, stream, answer)
				continue
			}
			for model, want := range map[string]bool{"gemini": true, "other": false} {
				body := strings.NewReplacer("MODEL", model, "SEALED", found[1]).Replace(tt.again)
				answer := gatetest.Body(t, g.Post(t, tt.path, body))
				mu.Lock()
				got := sent
				mu.Unlock()
				if strings.Contains(got, back) != want || strings.Contains(got, "weir1.") {
					t.Errorf("%s, stream %s, to %s: sent %s; answer %s", tt.name, stream, model, got, answer)
				}
			}
		}
	}
}
