package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
)

const explained = `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: { api_key: made-up-key-0123 } }]
models:
  - { name: m, targets: [{ upstream: up, model: théirs }] }
keys:
  - { name: curious, tenant: t, secret: 0123456789abcdef01, explain: true }
  - { name: plain, secret: 0123456789abcdef02 }
`

// TestExplainedToTheClient: an answer says why it came from where it came, to
// whom may know.
func TestExplainedToTheClient(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.keep = true
		c.whole(`{"id":"x","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}`)
	})
	g := gatetest.Start(t, explained, "UP", up.URL)
	for _, tt := range []struct {
		key, body, ask, want string
	}{
		{"0123456789abcdef01", `{"model":"m","messages":[]}`, "true", `"targets":[{"upstream":"up","model":"th\u00e9irs","lane":"express"`},
		{"0123456789abcdef01", `{"model":"m","messages":[]}`, "true", `"attempts":[{"upstream":"up","model":"th\u00e9irs"`},
		{"0123456789abcdef01", `{"model":"m","messages":[]}`, "no", ""},
		{"0123456789abcdef02", `{"model":"m","messages":[]}`, "true", ""},
	} {
		resp := g.Do(t, "POST", "/v1/chat/completions", tt.body, "Authorization", "Bearer "+tt.key, "X-Weir-Explain", tt.ask)
		gatetest.Body(t, resp)
		got := resp.Header.Get("X-Weir-Explanation")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("key %s: explanation %q, want one with %q", tt.key, got, tt.want)
		}
		if got != "" {
			var e gateway.Explanation
			if err := json.Unmarshal([]byte(got), &e); err != nil || e.Tenant != "t" || e.RequestID != resp.Header.Get("X-Request-Id") {
				t.Errorf("%v: %+v", err, e)
			}
		}
		e, ok := g.App.Explained(resp.Header.Get("X-Request-Id"))
		if !ok || len(e.Attempts) != 1 || e.Attempts[0].Status != 200 || e.Attempts[0].TookMS <= 0 {
			t.Errorf("kept: %+v, %v", e, ok)
		}
	}
	if _, ok := g.App.Explained("req_nobodys"); ok {
		t.Error("an exchange that never was is explained")
	}
}
