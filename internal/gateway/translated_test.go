package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// oneEach is a model for each protocol of the upstream, which speaks no other.
const oneEach = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: as-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: as-ollama, targets: [{ upstream: sim, model: sim-1, dialects: [ollama] }] }
`

// speakers are requests of each protocol for the same, and where their answers
// say what.
var speakers = []struct { // immutable
	dialect  llm.Dialect
	path     string
	body     string // %s: the model
	tool     string // the same with a tool that is to be called
	terminal string // what the last events of a stream hold
}{
	{
		llm.Chat, "/v1/chat/completions",
		`{"model":"%s","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hello"}],"stream":STREAM}`,
		`{"model":"%s","messages":[{"role":"user","content":"call look {\"at\":\"x\"}"}],"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"at":{"type":"string"}}}}}],"stream":STREAM}`,
		"data: [DONE]",
	},
	{
		llm.Responses, "/v1/responses",
		`{"model":"%s","instructions":"be brief","input":"hello","stream":STREAM}`,
		`{"model":"%s","input":"call look {\"at\":\"x\"}","tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{"at":{"type":"string"}}},"strict":false}],"stream":STREAM}`,
		"event: response.completed",
	},
	{
		llm.Messages, "/v1/messages",
		`{"model":"%s","max_tokens":100,"system":"be brief","messages":[{"role":"user","content":"hello"}],"stream":STREAM}`,
		`{"model":"%s","max_tokens":100,"messages":[{"role":"user","content":"call look {\"at\":\"x\"}"}],"tools":[{"name":"look","input_schema":{"type":"object","properties":{"at":{"type":"string"}}}}],"stream":STREAM}`,
		"event: message_stop",
	},
}

func TestEveryClientToEveryUpstream(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	for _, client := range speakers {
		for _, up := range []string{"chat", "responses", "messages", "ollama"} {
			for _, stream := range []string{"false", "true"} {
				t.Run(string(client.dialect)+" to "+up+" stream="+stream, func(t *testing.T) {
					lane := llm.Translated
					if string(client.dialect) == up {
						lane = llm.Express
					}
					for _, body := range []string{client.body, client.tool} {
						before := int(g.Ledger.Total())
						body = strings.ReplaceAll(strings.Replace(body, "%s", "as-"+up, 1), "STREAM", stream)
						resp := g.Post(t, client.path, body)
						got := gatetest.Body(t, resp)
						want := "echo: hello"
						if strings.Contains(body, "call look") {
							want = `"look"`
						}
						if resp.StatusCode != http.StatusOK || !strings.Contains(joined(got), want) {
							t.Errorf("%s = %d, want %s in it:\n%s", body, resp.StatusCode, want, got)
						}
						if stream == "true" && (!strings.Contains(got, client.terminal) || !strings.HasSuffix(got, "\n\n")) {
							t.Errorf("the stream does not end with %s:\n%s", client.terminal, got)
						}
						if stream == "false" && !json.Valid([]byte(got)) {
							t.Errorf("not JSON: %s", got)
						}
						entries := g.Entries(t, before+1)
						e := entries[len(entries)-1]
						if e.Lane != lane || e.Code != "" || e.Usage.Provenance != llm.UsageReported || e.Usage.Input == 0 || e.Usage.Output == 0 || e.Target != "sim-1" {
							t.Errorf("entry = %+v, want lane %s and a reported usage", e, lane)
						}
					}
				})
			}
		}
	}
}

// joined returns a stream's text without what stands between its pieces.
func joined(body string) string {
	var b strings.Builder
	b.WriteString(body)
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var event struct {
			Delta   json.RawMessage `json:"delta"`
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if json.Unmarshal([]byte(data), &event) != nil {
			continue
		}
		var text string
		var delta struct {
			Text string `json:"text"`
		}
		switch {
		case json.Unmarshal(event.Delta, &text) == nil:
			b.WriteString(text)
		case json.Unmarshal(event.Delta, &delta) == nil:
			b.WriteString(delta.Text)
		}
		for _, c := range event.Choices {
			b.WriteString(c.Delta.Content)
		}
	}
	return b.String()
}

// TestTranslatedRefusals: what an upstream of another protocol refuses is told
// in the client's own.
func TestTranslatedRefusals(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	for _, client := range speakers {
		for _, up := range []string{"chat", "responses", "messages", "ollama"} {
			if string(client.dialect) == up {
				continue
			}
			body := strings.ReplaceAll(strings.Replace(client.body, "%s", "as-"+up, 1), "STREAM", "true")
			resp := g.Post(t, client.path, body, "x-sim-status", "429", "x-sim-header", "retry-after: 3")
			got := gatetest.Body(t, resp)
			var e struct {
				Type  string `json:"type"`
				Error struct {
					Type, Message string
				} `json:"error"`
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil || resp.StatusCode != http.StatusTooManyRequests || e.Error.Type != "rate_limit_error" || e.Error.Message == "" {
				t.Errorf("%s to %s: %d %s", client.dialect, up, resp.StatusCode, got)
			}
			if anthropic := client.dialect == llm.Messages; (e.Type == "error") != anthropic {
				t.Errorf("%s to %s: not the client's shape: %s", client.dialect, up, got)
			}
			if resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s to %s: no Retry-After", client.dialect, up)
			}
		}
	}
}

// TestTranslatedStreamsThatBreak: a stream that is cut, or tells of a failure,
// ends in the client's own failure and never cleanly.
func TestTranslatedStreamsThatBreak(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	for _, how := range [][]string{{"x-sim-cut", "2"}, {"x-sim-end-early", "2"}, {"x-sim-error", "middle"}} {
		for _, client := range speakers {
			for _, up := range []string{"chat", "responses", "messages", "ollama"} {
				if string(client.dialect) == up {
					continue
				}
				before := int(g.Ledger.Total())
				body := strings.ReplaceAll(strings.Replace(client.body, "%s", "as-"+up, 1), "STREAM", "true")
				resp := g.Post(t, client.path, body, how...)
				got := gatetest.Body(t, resp)
				if strings.Contains(got, client.terminal) {
					t.Errorf("%v: %s to %s ends as if all were well:\n%s", how, client.dialect, up, got)
				}
				failed := map[llm.Dialect]string{llm.Chat: `{"error":`, llm.Responses: "event: response.failed", llm.Messages: "event: error"}[client.dialect]
				if !strings.Contains(got, failed) {
					t.Errorf("%v: %s to %s does not end with %s:\n%s", how, client.dialect, up, failed, got)
				}
				entries := g.Entries(t, before+1)
				if e := entries[len(entries)-1]; e.Code == "" || e.Usage.Provenance == llm.UsageReported && e.Usage.Output == 0 {
					t.Errorf("%v: %s to %s: entry %+v, want a failure", how, client.dialect, up, e)
				}
			}
		}
	}
}

// TestKeepAlive: a client whose stream is silent is told that it is still
// there, between whole events and by what it skips.
func TestKeepAlive(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat], keepalive: 20ms }] }
  - { name: as-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses], keepalive: 20ms }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages], keepalive: 20ms }] }
  - { name: off, targets: [{ upstream: sim, model: sim-1, keepalive: off }] }
`)
	told := map[llm.Dialect]string{
		llm.Chat: "\n\n: ping\n\n", llm.Responses: "\n\nevent: keepalive\ndata: {\"type\":\"keepalive\"}\n\n", llm.Messages: "\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
	}
	for _, client := range speakers {
		for _, model := range []string{"as-chat", "as-responses", "as-messages", "off"} {
			body := strings.ReplaceAll(strings.Replace(client.body, "%s", model, 1), "STREAM", "true")
			resp := g.Post(t, client.path, body, "x-sim-event-delay", "60ms")
			got := gatetest.Body(t, resp)
			if !strings.Contains(joined(got), "echo: hello") || !strings.Contains(got, client.terminal) {
				t.Errorf("%s of %s is not whole:\n%s", client.dialect, model, got)
			}
			ping := told[client.dialect]
			if n := strings.Count(got, ping); (n < 2) != (model == "off") { // the upstream may send one itself
				t.Errorf("%s of %s is told %d times that it is alive:\n%s", client.dialect, model, n, got)
			}
		}
	}
}

// TestEchoIsTheClientsOwn: the end of a translated response repeats what was
// asked, long after the body's buffer has gone to somebody else.
func TestEchoIsTheClientsOwn(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	ask := func(mark string) string {
		return `{"model":"as-chat","instructions":"` + strings.Repeat(mark, 1000) + `","input":"hello","stream":true,"metadata":{"mark":"` + mark + `"}}`
	}
	resp := g.Post(t, "/v1/responses", ask("mine"), "x-sim-event-delay", "100ms")
	for range 30 {
		_ = gatetest.Body(t, g.Post(t, "/v1/responses", ask("them")))
	}
	got := gatetest.Body(t, resp)
	if strings.Contains(got, "them") || strings.Count(got, strings.Repeat("mine", 1000)) != 3 || !strings.Contains(got, "event: response.completed") {
		t.Errorf("the response repeats somebody else's request, or not its own:\n%.3000s", got)
	}
}
