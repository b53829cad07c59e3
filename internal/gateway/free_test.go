package gateway_test

import (
	"net/http"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestStaleConnection: an upstream that closes a connection at the moment at
// which it is used again costs the client nothing. The next attempt is sent the
// same bytes.
func TestStaleConnection(t *testing.T) {
	const whole = `{"id":"x","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}`
	for name, tt := range map[string]struct {
		stale    int // calls that find their connection closed, after the first
		status   int
		attempts int
	}{
		"once":         {1, http.StatusOK, 2},
		"and the next": {2, http.StatusBadGateway, 2},
	} {
		t.Run(name, func(t *testing.T) {
			calls, left := 0, tt.stale
			up := newProvider(t, func(c *upcall) {
				if calls++; calls > 1 && left > 0 {
					left--
					c.reset()
					return
				}
				c.keep = true
				c.whole(whole)
			})
			g := gatetest.Start(t, wired, "UP", up.URL)
			body := `{"model":"stale","messages":[{"role":"user","content":"hello"}]}`
			converse(t, g, "/v1/chat/completions", body)
			r := converse(t, g, "/v1/chat/completions", body)
			if r.status != tt.status || len(r.entry.Attempts) != tt.attempts {
				t.Fatalf("status %d after the attempts %+v, want %d after %d", r.status, r.entry.Attempts, tt.status, tt.attempts)
			}
			if first := r.entry.Attempts[0]; first.Code != llm.CodeUpstreamLost || first.Total <= 0 {
				t.Errorf("the first attempt is %+v, want one that was lost", first)
			}
			if tt.status == http.StatusOK && (r.body != whole || r.entry.Code != "" || r.entry.Usage.Input != 7) {
				t.Errorf("got %s, entry %+v", r.body, r.entry)
			}
		})
	}
}
