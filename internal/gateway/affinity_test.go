package gateway_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// TestAffinity: what a client says belongs together goes to one of equals, and
// what it alone can read goes nowhere else.
func TestAffinity(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: a, kind: simulator, endpoint: "${SIM}" }, { name: b, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: a, weight: 1 }, { upstream: b, weight: 1 }] }]
`)
	n := 0
	ask := func(body string, header ...string) string {
		gatetest.Body(t, g.Post(t, "/v1/responses", body, header...))
		n++
		e := g.Entries(t, n)[n-1]
		if e.Code != "" {
			t.Fatalf("%s: %s", body, e.Code)
		}
		return e.Upstream
	}
	seen := map[string]bool{}
	for i := range 12 {
		seen[ask(`{"model":"m","input":"x","store":false}`)] = true
		key := fmt.Sprintf(`{"model":"m","input":"x","store":false,"prompt_cache_key":"k%d"}`, i)
		session := []string{"session_id", fmt.Sprint("s", i)}
		by, other := ask(key), ask(`{"model":"m","input":"x","store":false}`, session...)
		for range 3 {
			if got := ask(key); got != by {
				t.Errorf("the cache's key %d went to %s, and then to %s", i, by, got)
			}
			if got := ask(`{"model":"m","input":"x","store":false}`, session...); got != other {
				t.Errorf("session %d went to %s, and then to %s", i, other, got)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("what belongs to nothing always goes to %v", seen)
	}
}

// TestBound: what one upstream alone can read goes there again, and where it
// fails to another without it, of which the client is told.
func TestBound(t *testing.T) {
	const answer = `{"id":"resp_1","object":"response","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`
	var down atomic.Pointer[string]
	var read [2]atomic.Int64
	serve := func(i int, name string) string {
		return newProvider(t, func(c *upcall) {
			c.keep = true
			if by := down.Load(); by != nil && *by == name {
				c.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
				return
			}
			if strings.Contains(c.body, "gAAAA-sealed") {
				read[i].Add(1)
			}
			c.whole(answer)
		}).URL
	}
	g := gatetest.Start(t, `
upstreams:
  - { name: a, kind: openai, endpoint: "${A}", auth: { api_key: made-up-key-0001 }, retry: { profile: standard, max_retries: 0 } }
  - { name: b, kind: openai, endpoint: "${B}", auth: { api_key: made-up-key-0002 }, retry: { profile: standard, max_retries: 0 } }
models: [{ name: m, targets: [{ upstream: a, weight: 1 }, { upstream: b, weight: 1 }] }]
listen: { open: true }
`, "A", serve(0, "a"), "B", serve(1, "b"))
	body := `{"model":"m","store":false,"input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAA-sealed"},{"role":"user","content":"go on"}]}`
	first := converse(t, g, "/v1/responses", body)
	by := first.entry.Upstream
	for range 8 {
		if r := converse(t, g, "/v1/responses", body); r.entry.Upstream != by || r.header.Get("X-Weir-Lossy") != "" {
			t.Errorf("it went to %s, want %s; lossy %q", r.entry.Upstream, by, r.header.Get("X-Weir-Lossy"))
		}
	}
	down.Store(&by)
	before := read[0].Load() + read[1].Load()
	r := converse(t, g, "/v1/responses", body)
	if r.status != 200 || r.entry.Upstream == by || len(r.entry.Attempts) != 2 {
		t.Errorf("status %d, attempts %+v; want the other upstream's answer", r.status, r.entry.Attempts)
	}
	if lines := g.Log.Lines(t, "attempt failed"); len(lines) != 1 || lines[0]["upstream"] != by || lines[0]["status"] != 503.0 || lines[0]["next"] != "the next target: status 503" {
		t.Errorf("the log tells of the attempts that failed: %v", lines)
	}
	if n := read[0].Load() + read[1].Load(); n != before || !strings.Contains(r.header.Get("X-Weir-Lossy"), "input[0]") {
		t.Errorf("the other has read it %d times; lossy %q", n-before, r.header.Get("X-Weir-Lossy"))
	}
}
