package gateway_test

import (
	"net/http"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestFoundryJoined: a conversation that Weir keeps is fitted to the model like
// any other.
func TestFoundryJoined(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }]
models: [{ name: m, targets: [{ upstream: azure, model: gpt-5-mini, dialects: [responses], capabilities: foundry, features: { state: false } }] }]
`)
	r := converse(t, g, "/v1/responses", `{"model":"m","input":"a","store":true,"service_tier":"flex","thinking":{"effort":" XHigh"}}`)
	if r.status != http.StatusOK || r.entry.Lane != llm.Joined || r.entry.Lossy != "service_tier, reasoning.effort" {
		t.Fatalf("%d %s, lane %s, lossy %q", r.status, r.body, r.entry.Lane, r.entry.Lossy)
	}
	requests := g.Sim.Served().Requests
	arrived(t, requests[len(requests)-1].Body, `"reasoning":{"effort":"high"}`, []string{"service_tier", "thinking"})
}
