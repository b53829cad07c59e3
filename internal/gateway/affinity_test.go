package gateway_test

import (
	"fmt"
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
