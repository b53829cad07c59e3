package gateway_test

import (
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

const twoAccounts = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: other, kind: simulator, endpoint: "${SIM}", auth: { bearer: another-account } }
models:
  - { name: messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: messages-elsewhere, targets: [{ upstream: other, model: sim-1, dialects: [messages] }] }
  - { name: responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
  - { name: responses-elsewhere, targets: [{ upstream: other, model: sim-1, dialects: [responses] }] }
  - { name: chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: either, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }, { upstream: other, model: sim-1, dialects: [messages] }] }
keys:
  - { name: alice, tenant: blue, secret: alice-0123456789abcdef }
`

// TestSealedGoesOn: what only its maker can read goes on with the conversation
// there, and is left out elsewhere, which the client is told.
func TestSealedGoesOn(t *testing.T) {
	g := gatetest.Start(t, twoAccounts)
	for _, stream := range []bool{false, true} {
		c := &stateClient{t, g, "alice"}
		for _, tt := range []struct{ model, member string }{
			{"messages", `"signature"`}, {"responses", `"encrypted_content"`},
		} {
			root := c.ask("chat", `"hello"`, stream) // so that Weir keeps what follows
			more := []string{previous(root)}
			if tt.model == "responses" {
				more = append(more, `"include":["reasoning.encrypted_content"]`)
			}
			thought := c.ask(tt.model, `"think"`, stream, more...)
			there := c.ask(tt.model, `"and on"`, stream, previous(thought))
			if sent := lastServed(t, g).Body; there.status != 200 || there.lossy != "" || !strings.Contains(sent, tt.member) || strings.Contains(sent, "weir1.") {
				t.Errorf("%s: %d, lossy %q; its maker is sent %s", tt.model, there.status, there.lossy, sent)
			}
			for _, model := range []string{"messages-elsewhere", "responses-elsewhere"} {
				r := c.ask(model, `"and on"`, stream, previous(there))
				if sent := lastServed(t, g).Body; r.status != 200 || r.lossy != "previous_response_id" || strings.Contains(sent, tt.member) || strings.Contains(sent, "weir1.") || !strings.Contains(sent, "and on") {
					t.Errorf("%s at %s: %d, lossy %q; %s is sent", tt.model, model, r.status, r.lossy, sent)
				}
			}
		}
	}
}

// TestSealedStays: of several upstreams, the one goes on that can read all.
func TestSealedStays(t *testing.T) {
	g := gatetest.Start(t, twoAccounts)
	c := &stateClient{t, g, "alice"}
	for range 8 {
		last := c.ask("either", `"think"`, false)
		for range 3 {
			last = c.ask("either", `"and on"`, false, previous(last))
			if sent := lastServed(t, g).Body; last.lossy != "" || !strings.Contains(sent, `"signature"`) {
				t.Fatalf("lossy %q, %s is sent", last.lossy, sent)
			}
		}
	}
}
