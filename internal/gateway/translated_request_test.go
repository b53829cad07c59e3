package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestTranslatedRequestRefused: what cannot be carried is refused with the
// client's own field, before the upstream is asked.
func TestTranslatedRequestRefused(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(oneEach, "models:", `models:
  - { name: hosted-refused, targets: [{ upstream: sim, model: sim-1, dialects: [chat], hosted_tools: refuse }] }`, 1))
	const look = `{"type":"function","name":"look","parameters":{"type":"object"},"strict":false}`
	for _, tt := range []struct {
		name, path, body string
		code             llm.Code
		param            string
	}{
		{"an unknown item", "/v1/responses", `{"model":"as-chat","input":[{"role":"user","content":"a"},{"type":"odd_call","x":1}]}`, "", "input[1].type"},
		{"an unknown item, to messages", "/v1/responses", `{"model":"as-messages","input":[{"type":"odd_call","x":1}]}`, "", "input[0].type"},
		{"an unknown part", "/v1/responses", `{"model":"as-chat","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_odd"}]}]}`, "", "input[0].content[1].type"},
		{"an unknown part of chat", "/v1/chat/completions", `{"model":"as-responses","messages":[{"role":"user","content":[{"type":"odd"}]}]}`, "", "messages[0].content[0].type"},
		{"an unknown block", "/v1/messages", `{"model":"as-chat","max_tokens":9,"messages":[{"role":"user","content":[{"type":"odd"}]}]}`, "", "messages[0].content[0].type"},
		{"a response that nobody knows", "/v1/responses", `{"model":"as-chat","previous_response_id":"resp_1","input":"x"}`, llm.CodePreviousNotFound, "previous_response_id"},
		{"one of Weir's", "/v1/responses", `{"model":"as-messages","previous_response_id":"resp_weir_1","input":"x"}`, llm.CodePreviousNotFound, "previous_response_id"},
		{"a reference", "/v1/responses", `{"model":"as-chat","input":[{"type":"item_reference","id":"msg_1"}]}`, llm.CodeForeignReference, "input[0].id"},
		{"a hosted tool alone", "/v1/responses", `{"model":"as-chat","input":"x","tools":[{"type":"web_search"}]}`, "", "tools[0]"},
		{"a hosted tool that is demanded", "/v1/responses", `{"model":"as-chat","input":"x","tools":[` + look + `,{"type":"web_search"}],"tool_choice":{"type":"web_search"}}`, "", "tool_choice"},
		{"a hosted tool where they are refused", "/v1/responses", `{"model":"hosted-refused","input":"x","tools":[` + look + `,{"type":"web_search"}]}`, "", "tools[1]"},
		{"a wrong type", "/v1/chat/completions", `{"model":"as-responses","messages":7}`, llm.CodeInvalidValue, "messages"},
		{"a wrong type deep inside", "/v1/chat/completions", `{"model":"as-responses","messages":[{"role":"user","content":"a"},{"role":7,"content":"b"}]}`, llm.CodeInvalidValue, "messages[1].role"},
		{"a wrong type in a tool", "/v1/responses", `{"model":"as-chat","input":"x","tools":[{"type":"function","name":7}]}`, llm.CodeInvalidValue, "tools[0].name"},
		{"no messages", "/v1/messages", `{"model":"as-chat","max_tokens":9}`, "", "messages"},
		{"no role", "/v1/messages", `{"model":"as-chat","max_tokens":9,"messages":[{"content":"x"}]}`, "", "messages[0].role"},
		{"several prompts", "/v1/completions", `{"model":"as-chat","prompt":["a","b"]}`, "", "prompt"},
		{"several answers", "/v1/chat/completions", `{"model":"as-messages","n":2,"messages":[{"role":"user","content":"a"}]}`, "", "n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Sim.Served().Total
			r := converse(t, g, tt.path, tt.body)
			var e struct {
				Type  string
				Error struct{ Message, Type, Code, Param string }
			}
			if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != http.StatusBadRequest || e.Error.Type != "invalid_request_error" {
				t.Fatalf("%d %s, want 400", r.status, r.body)
			}
			if tt.path != "/v1/messages" && !strings.HasPrefix(e.Error.Param, tt.param) || !strings.Contains(e.Error.Message, tt.param) && !strings.Contains(e.Error.Message, "web_search") && tt.code != llm.CodePreviousNotFound && tt.code != llm.CodeForeignReference {
				t.Errorf("param %q, message %q; want %s in both", e.Error.Param, e.Error.Message, tt.param)
			}
			if tt.code != "" && r.entry.Code != tt.code || r.entry.Usage.Provenance != llm.UsageNone || len(r.entry.Attempts) != 0 {
				t.Errorf("entry = %+v, want %s and nothing sent", r.entry, tt.code)
			}
			if n := g.Sim.Served().Total - before; n != 0 {
				t.Errorf("%d requests reached the upstream", n)
			}
		})
	}
}

// TestTranslatedForwardedReferences: an upstream that decides itself about ids
// cannot where it is asked in a protocol that has none.
func TestTranslatedForwardedReferences(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(oneEach, `endpoint: "${SIM}"`, `endpoint: "${SIM}", unknown_ids: forward`, 1))
	for _, tt := range []struct {
		model, body string
		status      int
		code, param string
	}{
		{"as-chat", `"previous_response_id":"resp_1","input":"x"`, 400, "previous_response_not_found", "previous_response_id"},
		{"as-ollama", `"previous_response_id":"resp_1","input":"x","stream":true`, 400, "previous_response_not_found", "previous_response_id"},
		{"as-messages", `"input":[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"x"}]`, 400, "", "input[0]"},
		{"as-messages", `"conversation":"conv_1","input":"x"`, 400, "", "conversation"},
	} {
		r := converse(t, g, "/v1/responses", `{"model":"`+tt.model+`",`+tt.body+`}`)
		var e struct{ Error struct{ Code, Param string } }
		_ = json.Unmarshal([]byte(r.body), &e)
		if r.status != tt.status || tt.code != "" && e.Error.Code != tt.code || !strings.HasPrefix(e.Error.Param, tt.param) || len(r.entry.Attempts) != 0 {
			t.Errorf("%s %s: %d %s", tt.model, tt.body, r.status, r.body)
		}
	}
}

// TestTranslatedLosses: what will not be done is named in a header, by the
// client's own names, and refused instead if the client wants all or nothing.
func TestTranslatedLosses(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	const look = `{"type":"function","name":"look","parameters":{"type":"object"},"strict":false}`
	for _, tt := range []struct{ name, path, body, lost string }{
		{"nothing", "/v1/responses", `{"model":"as-chat","input":"x"}`, ""},
		{"hosted tools", "/v1/responses", `{"model":"as-chat","input":"x","tools":[` + look + `,{"type":"web_search"},{"type":"file_search","vector_store_ids":[]}]}`, "tools[1], tools[2]"},
		{"settings", "/v1/chat/completions", `{"model":"as-messages","seed":1,"temperature":1.5,"messages":[{"role":"user","content":"a"}]}`, "temperature"},
		{"a limit", "/v1/messages", `{"model":"as-responses","max_tokens":9,"messages":[{"role":"user","content":"a"}]}`, "max_tokens"},
		{"the express lane", "/v1/chat/completions", `{"model":"as-chat","seed":1,"messages":[{"role":"user","content":"a"}]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := converse(t, g, tt.path, tt.body)
			got := r.header.Get("X-Weir-Lossy")
			if r.status != http.StatusOK || (got == "") != (tt.lost == "") {
				t.Fatalf("%d %s, lossy %q, want %q", r.status, r.body, got, tt.lost)
			}
			first := ""
			for want := range strings.FieldsFuncSeq(tt.lost, func(r rune) bool { return r == ' ' || r == ',' }) {
				if !strings.Contains(", "+got+",", ", "+want+",") {
					t.Errorf("lossy %q, want %s in it", got, want)
				}
				first = want
			}
			if n := strings.Count(got, ","); tt.lost != "" && n != strings.Count(tt.lost, ",") {
				t.Errorf("lossy %q, want %q", got, tt.lost)
			}
			strict := converse(t, g, tt.path, tt.body, "X-Weir-Strict", "True")
			if first == "" {
				if strict.status != http.StatusOK {
					t.Errorf("strict: %d %s", strict.status, strict.body)
				}
				return
			}
			var e struct {
				Error struct{ Param, Message string }
			}
			_ = json.Unmarshal([]byte(strict.body), &e)
			name, _, _ := strings.Cut(got, ",")
			if strict.status != http.StatusBadRequest || tt.path != "/v1/messages" && e.Error.Param != name || !strings.Contains(e.Error.Message, name) || len(strict.entry.Attempts) != 0 {
				t.Errorf("strict: %d %s, want 400 about %s", strict.status, strict.body, name)
			}
		})
	}
	for _, req := range g.Sim.Served().Requests {
		if req.Headers.Get("X-Weir-Strict") != "" {
			t.Error("x-weir-strict has gone upstream")
		}
	}
}

// TestTranslatedLossyIsAHeader: a client's own names can be anything; the
// header that repeats them cannot.
func TestTranslatedLossyIsAHeader(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	odd := `{"model":"as-messages","x\r\nSet-Cookie: a=b":1,"a, b":2,"é":3,"messages":[{"role":"user","content":"a"}]`
	r := converse(t, g, "/v1/chat/completions", odd+`}`)
	if r.status != http.StatusOK || r.header.Get("Set-Cookie") != "" {
		t.Fatalf("%d %s %v", r.status, r.body, r.header)
	}
	for path := range strings.SplitSeq(r.header.Get("X-Weir-Lossy"), ", ") {
		if strings.ContainsAny(path, " ,\r\n") {
			t.Errorf("lossy has %q in it", path)
		}
	}
	var many strings.Builder
	for range 3000 {
		many.WriteString(`,"` + strings.Repeat("z", many.Len()%97+1) + `":1`)
	}
	r = converse(t, g, "/v1/chat/completions", odd+strings.ReplaceAll(many.String(), `,"z":1`, "")+`}`)
	if got := r.header.Get("X-Weir-Lossy"); len(got) > 4<<10 {
		t.Errorf("the header has %d bytes", len(got))
	}
}

// TestTranslatedModel: the model is what the path names, and what the key may
// use, in this lane too; the answer calls it what the client calls it.
func TestTranslatedModel(t *testing.T) {
	g := gatetest.Start(t, oneEach+`
keys: [{ name: alice, secret: `+aliceKey+`, models: ["as-*"] }]
`)
	const chat = `"messages":[{"role":"user","content":"hello"}]}`
	for _, tt := range []struct {
		name, path, body string
		status           int
		model            string
	}{
		{"in the path", "/openai/deployments/as-messages/chat/completions?api-version=2024-10-21", `{` + chat, 200, "as-messages"},
		{"in the path and otherwise in the body", "/openai/deployments/as-responses/chat/completions?api-version=2024-10-21", `{"model":"secret",` + chat, 200, "as-responses"},
		{"a completion by the path", "/openai/deployments/as-chat/completions?api-version=2024-10-21", `{"prompt":"hello"}`, 200, "as-chat"},
		{"not allowed", "/v1/chat/completions", `{"model":"secret",` + chat, 403, ""},
		{"not allowed by the path", "/openai/deployments/secret/chat/completions?api-version=2024-10-21", `{"model":"as-messages",` + chat, 403, ""},
		{"allowed, and not there", "/v1/chat/completions", `{"model":"as-odd",` + chat, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := converse(t, g, tt.path, tt.body, "x-weir-key", aliceKey)
			var a struct{ Model string }
			_ = json.Unmarshal([]byte(r.body), &a)
			if r.status != tt.status || a.Model != tt.model {
				t.Fatalf("%d %s, want %d of %q", r.status, r.body, tt.status, tt.model)
			}
			if tt.status == http.StatusOK && (r.entry.Model != tt.model || r.entry.Target != "sim-1" || r.entry.Lane != llm.Translated || !strings.Contains(r.body, "echo: hello")) {
				t.Errorf("entry %+v\n%s", r.entry, r.body)
			}
		})
	}
}

// TestTranslatedLegacyCompletions: a client of 2022 has the models of today.
func TestTranslatedLegacyCompletions(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	for _, model := range []string{"as-chat", "as-responses", "as-messages", "as-ollama"} {
		for _, prompt := range []string{`"hello"`, `["hello"]`} {
			r := converse(t, g, "/v1/completions", `{"model":"`+model+`","prompt":`+prompt+`,"max_tokens":50,"temperature":0}`)
			var a struct {
				Object  string
				Choices []struct {
					Text   string
					Finish string `json:"finish_reason"`
				}
				Usage struct {
					Total int `json:"total_tokens"`
				}
			}
			if err := json.Unmarshal([]byte(r.body), &a); err != nil || a.Object != "text_completion" || len(a.Choices) != 1 || a.Choices[0].Text != "echo: hello" || a.Choices[0].Finish != "stop" || a.Usage.Total == 0 {
				t.Errorf("%s, %s: %d %s", model, prompt, r.status, r.body)
			}
		}
	}
}

// TestOllamaLanes: Ollama's form of the Responses protocol serves those who need
// no more than it has, and its chat the others.
func TestOllamaLanes(t *testing.T) {
	up := newProvider(t, func(c *upcall) { c.good() })
	g := gatetest.Start(t, `
upstreams: [{ name: ollama, kind: ollama, endpoint: "${UP}" }]
models: [{ name: "*", targets: [{ upstream: ollama }] }]
`, "UP", up.URL)
	const user = `{"role":"user","content":"x"}`
	for _, tt := range []struct {
		name, body string
		lane       llm.Lane
	}{
		{"plain", `"input":"x","store":false`, llm.Express},
		{"a function", `"input":"x","store":false,"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]`, llm.Express},
		{"to be kept", `"input":"x"`, llm.Joined},
		{"a custom tool", `"input":"x","tools":[{"type":"custom","name":"exec"}]`, llm.Translated},
		{"a custom tool in a namespace", `"input":"x","tools":[{"type":"namespace","name":"n","description":"d","tools":[{"type":"custom","name":"exec"}]}]`, llm.Translated},
		{"a shell", `"input":"x","tools":[{"type":"local_shell"}]`, llm.Translated},
		{"tools on the way", `"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"custom","name":"exec"}]},` + user + `]`, llm.Translated},
		{"a call of a custom tool", `"input":[` + user + `,{"type":"custom_tool_call","call_id":"c","name":"exec","input":"i"},{"type":"custom_tool_call_output","call_id":"c","output":"o"}]`, llm.Translated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, stream := range []string{"", `,"stream":true`} {
				r := converse(t, g, "/v1/responses", `{"model":"m",`+tt.body+stream+`}`)
				if r.status != http.StatusOK || r.entry.Lane != tt.lane || r.entry.Code != "" || !strings.Contains(r.body, "hi there") {
					t.Errorf("%d, lane %s, %s\n%s; want lane %s", r.status, r.entry.Lane, r.entry.Code, r.body, tt.lane)
				}
			}
		})
	}
	for path, body := range map[string]string{
		"/v1/messages":         `{"model":"m","max_tokens":9,"messages":[` + user + `]}`,
		"/v1/chat/completions": `{"model":"m","messages":[` + user + `]}`,
	} {
		if r := converse(t, g, path, body); r.status != http.StatusOK || r.entry.Lane != llm.Express {
			t.Errorf("%s: %d, lane %s, want express", path, r.status, r.entry.Lane)
		}
	}
}
