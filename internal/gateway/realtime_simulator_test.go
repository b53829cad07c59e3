package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestRealtimeSimulator: a conversation as clients have it, with a server that
// checks what it is told and counts by itself.
func TestRealtimeSimulator(t *testing.T) {
	g := gatetest.Start(t, `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: classic, kind: azure, endpoint: "${SIM}", api: classic, api_version: 2025-04-01-preview, auth: { api_key: made-up } }
models:
  - { name: m, targets: [{ upstream: sim, model: far-away }] }
  - { name: c, targets: [{ upstream: classic, model: far-away }] }
  - { name: "sim-*", targets: [{ upstream: sim }] }
`)
	for i, target := range []string{"/v1/realtime?model=m", "/openai/realtime?api-version=2024-10-01-preview&deployment=c"} {
		c := open(t, g, target)
		name := target[len(target)-1:]
		await := func(kind string) map[string]any {
			t.Helper()
			for {
				var event map[string]any
				if err := json.Unmarshal([]byte(hear(t, c)), &event); err != nil {
					t.Fatal(err)
				}
				switch event["type"] {
				case kind:
					return event
				case "error":
					t.Fatalf("%s: %v", target, event)
				}
			}
		}
		await("session.created")
		say(t, c, `{"type":"session.update","session":{"type":"realtime","model":"`+name+`","output_modalities":["text"]}}`)
		await("session.updated")
		say(t, c, `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}}`)
		say(t, c, `{"type":"response.create"}`)
		done := await("response.done")
		if b, _ := json.Marshal(done); !strings.Contains(string(b), "echo: hello") {
			t.Errorf("%s: %s", target, b)
		}
		say(t, c, `{"type":"response.create","response":{"output_modalities":["audio"]}}`)
		spoken := await("response.done")
		c.Close(websocket.StatusNormalClosure, "")
		entries := byID(g.Entries(t, 3*(i+1))[3*i:])
		for j, event := range []map[string]any{done, spoken} {
			usage, _ := event["response"].(map[string]any)["usage"].(map[string]any)
			e := entries[j+1]
			if e.Usage.Provenance != llm.UsageReported || fmt.Sprint(e.Usage.Input, e.Usage.Output) != fmt.Sprint(usage["input_tokens"], usage["output_tokens"]) {
				t.Errorf("%s: usage %+v, the server says %v", target, e.Usage, usage)
			}
			if spoke := j == 1; (e.Usage.OutputAudio > 0) != spoke {
				t.Errorf("%s: usage %+v", target, e.Usage)
			}
		}
	}
}

// TestRealtimeMisbehaviour: what the simulator does on request.
func TestRealtimeMisbehaviour(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, tt := range []struct {
		name   string
		header []string
		status websocket.StatusCode
		code   llm.Code
	}{
		{"a cut", []string{"X-Sim-Cut", "1"}, websocket.StatusBadGateway, llm.CodeUpstreamTruncated},
		{"an early end", []string{"X-Sim-End-Early", "1"}, websocket.StatusNormalClosure, ""},
	} {
		c := open(t, g, "/v1/realtime?model=sim-1", tt.header...)
		say(t, c, `{"type":"input_audio_buffer.clear"}`)
		if end, last := ends(t, c); end.Code != tt.status && last != "" {
			t.Errorf("%s: %v after %s", tt.name, end, last)
		}
		if e := g.Entries(t, i+1)[i]; e.Code != tt.code {
			t.Errorf("%s: entry %+v", tt.name, e)
		}
	}
	status, header, body := raw(t, g, upgrade("/v1/realtime?model=sim-1", "X-Sim-Status: 429"))
	if status != 429 || header.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, body)
	}
}
