package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// simple is a gateway with one model of each kind of dialect, all simulated.
const simple = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`

func TestWholeAndStream(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, tt := range []struct{ path, body, want string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hello"}]}`, "echo: hello"},
		{"/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`, "data: [DONE]\n\n"},
		{"/v1/completions", `{"model":"m","prompt":"hello"}`, "echo: hello"},
		{"/v1/completions", `{"model":"m","prompt":"hello","stream":true}`, "data: [DONE]\n\n"},
		{"/v1/responses", `{"model":"m","input":"hello"}`, "echo: hello"},
		{"/v1/responses", `{"model":"m","input":"hello","stream":true}`, "event: response.completed\n"},
		{"/v1/embeddings", `{"model":"m","input":"hello"}`, `"embedding"`},
		{"/v1/messages", `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"hello"}]}`, "echo: hello"},
		{"/v1/messages", `{"model":"m","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"hello"}]}`, "event: message_stop\n"},
		{"/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hello"}]}`, `"input_tokens"`},
	} {
		resp := g.Post(t, tt.path, tt.body, "anthropic-version", "2023-06-01")
		body := gatetest.Body(t, resp)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, tt.want) {
			t.Errorf("POST %s %s = %d %s, want 200 with %q", tt.path, tt.body, resp.StatusCode, body, tt.want)
		}
		if strings.Contains(body, `"choices":[],"usage"`) {
			t.Errorf("POST %s shows a usage event that the client did not ask for:\n%s", tt.path, body)
		}
		e := g.Entries(t, i+1)[i]
		want := llm.UsageReported
		if e.Operation == llm.OpCountTokens {
			want = llm.UsageNone
		}
		if e.Code != "" || e.Status != 200 || e.Usage.Provenance != want {
			t.Errorf("entry of %s = %+v, want success with usage %s", tt.path, e, want)
		}
	}
	var line map[string]any
	lines := g.Log.Lines(t, "exchange")
	if len(lines) != 10 {
		t.Fatalf("%d log lines for 10 exchanges", len(lines))
	}
	line = lines[0]
	b, _ := json.Marshal(line)
	if line["usage"] != "reported" || line["upstream"] != "sim" || line["lane"] != "express" {
		t.Errorf("log line = %s", b)
	}
}
