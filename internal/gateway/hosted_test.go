package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const refusers = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}", passthrough_paths: [/v1/odd] }]
models:
  - { name: refused, targets: [{ upstream: sim, model: sim-1, hosted_tools: refuse }] }
  - { name: free, targets: [{ upstream: sim, model: sim-1 }] }
  - { name: elsewhere, targets: [{ upstream: sim, model: sim-1, dialects: [responses], hosted_tools: refuse }] }
keys:
  - { name: free, secret: free-made-up-key-for-tests }
  - { name: bound, secret: bound-made-up-key-for-tests, hosted_tools: refuse }
transparent: { upstream: door, prefix: /door }
`

// TestHostedToolsRefused: where a target or a key refuses hosted tools, they
// are refused with their place, whatever the lane and whatever the upstream
// runs.
func TestHostedToolsRefused(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(refusers, "}]\nmodels", "}, { name: door, kind: compatible, endpoint: \"${SIM}\", auth: passthrough }]\nmodels", 1))
	const f = `{"type":"function","name":"f","parameters":{"type":"object"},"strict":false}`
	for _, tt := range []struct{ name, path, members, param string }{
		{"responses", "/v1/responses", `"input":"x","tools":[` + f + `,{"type":"web_search"}]`, "tools[1].type"},
		{"within a namespace", "/v1/responses", `"input":"x","tools":[{"type":"namespace","name":"n","description":"d","tools":[{"type":"mcp","server_label":"a"}]}]`, "tools[0].tools[0].type"},
		{"declared on the way", "/v1/responses", `"input":[{"role":"user","content":"x"},{"type":"additional_tools","role":"developer","tools":[{"type":"code_interpreter"}]}]`, "input[1].tools[0].type"},
		{"a shell that runs there", "/v1/responses", `"input":"x","tools":[{"type":"shell","environment":{"type":"container_auto"}}]`, "tools[0].type"},
		{"compacted", "/v1/responses/compact", `"input":[{"role":"user","content":"x"},{"type":"additional_tools","role":"developer","tools":[{"type":"web_search"}]}]`, "input[1].tools[0].type"},
		{"chat", "/v1/chat/completions", `"messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search"}]`, "tools[0].type"},
		{"chat that searches", "/v1/chat/completions", `"messages":[{"role":"user","content":"x"}],"web_search_options":{}`, "web_search_options"},
		{"messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search_20250305","name":"web_search"}]`, "tools[0]"},
		{"servers of messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":"x"}],"mcp_servers":[{"type":"url","url":"https://a.example","name":"a"}]`, "mcp_servers[0]"},
		{"two readers", "/v1/responses", `"input":"x","tools":[{"type":"function","name":"f","type":"web_search"}]`, ""},
		{"other tools", "/v1/responses", `"input":"x","tools":[` + f + `,{"type":"shell","environment":{"type":"local"}},{"type":"apply_patch"}]`, "-"},
		{"other tools of messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"type":"bash_20250124","name":"bash"}]`, "-"},
	} {
		for _, who := range [...][2]string{{"refused", "free"}, {"free", "bound"}, {"elsewhere", "free"}} {
			if who[0] == "elsewhere" && tt.param == "-" {
				continue
			}
			t.Run(tt.name+" "+who[0]+" "+who[1], func(t *testing.T) {
				r := converse(t, g, tt.path, `{"model":"`+who[0]+`",`+tt.members+`}`, "x-weir-key", who[1]+"-made-up-key-for-tests")
				if tt.param == "-" {
					if r.status != http.StatusOK {
						t.Errorf("%d %s", r.status, r.body)
					}
					return
				}
				var e struct {
					Error struct{ Param, Message string }
				}
				_ = json.Unmarshal([]byte(r.body), &e)
				place := strings.TrimSuffix(tt.param, ".type")
				if r.status != http.StatusBadRequest || tt.path != "/v1/messages" && tt.param != "" && e.Error.Param != tt.param || !strings.Contains(e.Error.Message, place) || len(r.entry.Attempts) != 0 {
					t.Errorf("%d %s, want a refusal of %s", r.status, r.body, tt.param)
				}
			})
		}
	}
	for _, path := range []string{"/v1/odd", "/door/v1/responses"} {
		r := converse(t, g, path, `{"model":"free","input":"x"}`, "x-weir-key", "bound-made-up-key-for-tests")
		if r.status != http.StatusForbidden || !strings.Contains(r.body, "hosted tools") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestStrict: a key or a target that is strict refuses what would be lost.
func TestStrict(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: lossy, targets: [{ upstream: sim, model: gpt-5, capabilities: drop }] }
  - { name: strict, targets: [{ upstream: sim, model: gpt-5, capabilities: drop, strict: true }] }
  - { name: lossy-elsewhere, targets: [{ upstream: sim, model: gpt-5, capabilities: drop, dialects: [responses] }] }
  - { name: strict-elsewhere, targets: [{ upstream: sim, model: gpt-5, capabilities: drop, strict: true, dialects: [responses] }] }
keys:
  - { name: free, secret: free-made-up-key-for-tests }
  - { name: bound, secret: bound-made-up-key-for-tests, strict: true }
`)
	for _, tt := range []struct {
		model, key string
		status     int
	}{
		{"lossy", "free", 200},
		{"lossy-elsewhere", "free", 200},
		{"lossy", "bound", 400},
		{"lossy-elsewhere", "bound", 400},
		{"strict", "free", 400},
		{"strict-elsewhere", "free", 400},
	} {
		for _, sent := range []string{`"temperature":0.5,"logit_bias":{"1":1}`, `"temperature":1`} {
			r := converse(t, g, "/v1/chat/completions", `{"model":"`+tt.model+`","messages":[{"role":"user","content":"x"}],`+sent+`}`, "x-weir-key", tt.key+"-made-up-key-for-tests", "X-Weir-Strict", "false")
			want, lossy := tt.status, ""
			if strings.HasSuffix(sent, ":1") {
				want = http.StatusOK // nothing is lost
			} else if want == http.StatusOK {
				lossy = "temperature, logit_bias"
			}
			if r.status != want || want == http.StatusBadRequest && !strings.Contains(r.body, `"param":"temperature"`) {
				t.Errorf("%s, %s, %s: %d %s", tt.model, tt.key, sent, r.status, r.body)
			}
			if r.header.Get("X-Weir-Lossy") != lossy || r.entry.Lossy != lossy {
				t.Errorf("%s: lossy %q, in the entry %q; want %q", tt.model, r.header.Get("X-Weir-Lossy"), r.entry.Lossy, lossy)
			}
		}
	}
	lines := 0
	for _, l := range g.Log.Lines(t, "exchange") {
		if l["lossy"] == "temperature, logit_bias" && l["code"] == "" {
			lines++
		}
	}
	if lines != 2 {
		t.Errorf("%d lines tell what was lost, want 2", lines)
	}
}

// TestLossesAreBounded: a client cannot fill a header or a log line by what it
// calls its members.
func TestLossesAreBounded(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(oneEach, "as-chat", "gpt-4o", 1))
	var b strings.Builder
	for i := range 300 {
		b.WriteString(`,{"type":"web_search_` + strings.Repeat("x", i%50) + `"}`)
	}
	r := converse(t, g, "/v1/responses", `{"model":"gpt-4o","input":"x","tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false}`+b.String()+`]}`)
	if n := len(r.entry.Lossy); r.status != http.StatusOK || n < 1000 || n > 2<<10 || r.header.Get("X-Weir-Lossy") != r.entry.Lossy || r.entry.Lane != llm.Translated {
		t.Errorf("%d, %d bytes of losses", r.status, n)
	}
}
