package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const counting = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: bare, kind: compatible, endpoint: "${BARE}" }
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: as-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: either, targets: [{ upstream: bare, dialects: [chat] }, { upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: bare, targets: [{ upstream: bare, dialects: [responses, messages] }] }
`

// asked are the same conversation in both protocols that can be counted in.
var asked = map[string]string{ // immutable
	"/v1/messages/count_tokens":  `{"model":"M","system":"You measure weirs.","messages":[{"role":"user","content":"hello there"}],"tools":[{"name":"look","input_schema":{"type":"object","properties":{}}}]}`,
	"/v1/responses/input_tokens": `{"model":"M","instructions":"You measure weirs.","input":[{"role":"user","content":"hello there"}],"tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]}`,
}

// TestCounts: whoever asks how many tokens a request has is told, by the
// upstream in whichever protocol it counts, or about.
func TestCounts(t *testing.T) {
	bare := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(bare.Close)
	g := gatetest.Start(t, counting, "BARE", bare.URL)
	for path, body := range asked {
		for model, want := range map[string]struct {
			lane     llm.Lane
			path     string // of the upstream; empty if it is not asked
			attempts int
		}{
			"as-chat":      {llm.Estimated, "", 0},
			"as-responses": {llm.Translated, "/v1/responses/input_tokens", 1},
			"as-messages":  {llm.Translated, "/v1/messages/count_tokens", 1},
			"either":       {llm.Translated, "/v1/messages/count_tokens", 1},
			"bare":         {llm.Express, "", 1},
		} {
			t.Run(model+path, func(t *testing.T) {
				before := g.Sim.Served().Total
				got := converse(t, g, path, strings.Replace(body, `"M"`, `"`+model+`"`, 1))
				if want.path == path {
					want.lane = llm.Express
				}
				var count map[string]any
				if err := json.Unmarshal([]byte(got.body), &count); err != nil || got.status != http.StatusOK {
					t.Fatalf("%v: %d %s", err, got.status, got.body)
				}
				n, _ := count["input_tokens"].(float64)
				estimated := want.path == ""
				if low, high := 8.0, 12.0; !estimated && (n < low || n > high) || estimated && (n < 15 || n > 60) {
					t.Errorf("%v tokens", n)
				}
				members := 1
				if strings.HasPrefix(path, "/v1/responses") {
					members = 2
				}
				if got.header.Get("X-Weir-Estimated") == "true" != estimated || members == 2 && count["object"] != "response.input_tokens" || len(count) != members {
					t.Errorf("%s, headers %v", got.body, got.header)
				}
				e := got.entry
				if e.Lane != want.lane || len(e.Attempts) != want.attempts || e.Code != "" || e.Status != http.StatusOK || e.Usage != (llm.Usage{Provenance: llm.UsageNone}) {
					t.Errorf("the entry is %+v, want lane %s", e, want.lane)
				}
				if requests := g.Sim.Served().Requests; want.path != "" && requests[len(requests)-1].Path != want.path || want.path == "" && g.Sim.Served().Total != before {
					t.Errorf("the upstream was asked %+v", requests[len(requests)-1])
				}
			})
		}
	}
}

// TestCountsOfWhatIsRefused: what could not be asked cannot be counted either.
func TestCountsOfWhatIsRefused(t *testing.T) {
	bare := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(bare.Close)
	g := gatetest.Start(t, counting, "BARE", bare.URL)
	for _, tt := range []struct{ path, body, want string }{
		{"/v1/messages/count_tokens", `{"model":"as-chat","messages":"x"}`, "messages"},
		{"/v1/messages/count_tokens", `{"model":"nobody","messages":[]}`, "model"},
		{"/v1/responses/input_tokens", `{"model":"as-chat","input":"x","previous_response_id":"resp_1"}`, "previous_response_id"},
		{"/v1/responses/input_tokens", `{"model":"as-messages","input":7}`, "input"},
	} {
		got := converse(t, g, tt.path, tt.body)
		if got.status/100 != 4 || !strings.Contains(got.body, tt.want) || got.header.Get("X-Weir-Estimated") != "" {
			t.Errorf("%s: %d %s", tt.body, got.status, got.body)
		}
	}
}
