package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestReloadUnderLoad: a thousand reloads, of which each changes an upstream,
// lose nothing that four clients ask for meanwhile, and leave nothing behind.
func TestReloadUnderLoad(t *testing.T) {
	text := func(i int) string {
		return fmt.Sprintf(`
upstreams:
  - { name: same, kind: simulator, endpoint: "${SIM}" }
  - { name: other, kind: simulator, endpoint: "${SIM}", timeouts: { idle: %dm } }
models:
  - { name: m, targets: [{ upstream: %s }] }
keys:
  - { name: alice, secret: alice-0123456789abcdef }
  - { name: bob, tenant: t%d, secret: bob-0123456789abcdef }
`, 1+i%7, []string{"same", "other", "other"}[i%3], i%5)
	}
	g, o := start(t, text(0))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	var asked atomic.Int64
	for i := range 4 {
		key := []string{alice, bob}[i%2]
		clients.Go(func() {
			for ctx.Err() == nil {
				asked.Add(1)
				if err := complete(g.URL, key, i%4 < 2); err != nil {
					t.Errorf("an answer was lost: %v", err)
					return
				}
			}
		})
	}
	begun := time.Now()
	for i := range 1000 {
		if err := g.Configure(t, text(i)); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	took := time.Since(begun)
	stop()
	clients.Wait()
	http.DefaultClient.CloseIdleConnections()
	total := int(asked.Load())
	t.Logf("1000 reloads and %d requests in %s", total, took)
	if total < 100 {
		t.Errorf("only %d requests were made: there was no load", total)
	}
	for _, e := range g.Entries(t, total) {
		if e.Code != "" || e.Status != http.StatusOK || e.Usage.Provenance != llm.UsageReported || e.Upstream != "same" && e.Upstream != "other" {
			t.Errorf("entry = %+v, want success", e)
		}
	}
	if loaded, refused := o.counts(); loaded < 1001 || refused != 0 {
		t.Errorf("%d configurations were loaded and %d refused, want 1001 and none", loaded, refused)
	}
}

// complete asks for a completion, with a connection of its own every so often,
// and checks that it is whole.
func complete(url, key string, stream bool) error {
	body, end := hello, "}"
	if stream {
		body, end = strings.Replace(hello, "{", `{"stream":true,`, 1), "data: [DONE]"
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", key)
	req.Header.Set("Content-Type", "application/json")
	req.Close = rand.IntN(10) == 0
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d: %s", resp.StatusCode, b)
	case !strings.Contains(string(b), "hello") || !strings.HasSuffix(strings.TrimSpace(string(b)), end):
		return fmt.Errorf("the answer is not whole: %s", b)
	}
	return nil
}

// TestReloadSequence: whatever files follow one another, the last good one is
// served, whole, and /readyz knows whether it is the last.
func TestReloadSequence(t *testing.T) {
	secret := func(i int) string { return fmt.Sprintf("key-%d-0123456789abcdef", i) }
	good := func(i int) string {
		return fmt.Sprintf("upstreams: [{ name: sim, kind: simulator, endpoint: \"${SIM}\" }]\nmodels: [{ name: m%d, targets: [{ upstream: sim }] }]\nkeys: [{ name: k, secret: %s }]\n", i, secret(i))
	}
	bad := []func(i int) string{ // all of them with a model and a key of their own
		func(i int) string { return good(i) + "nonsense: 1\n" },
		func(i int) string { return strings.Replace(good(i), "upstream: sim", "upstream: sum", 1) },
		func(i int) string { return strings.Replace(good(i), "simulator", "openai", 1) },
		func(i int) string { return good(i)[:20+i%40] },
		func(int) string { return "" },
		func(i int) string { return good(i) + "\x00" },
		func(i int) string { return strings.Replace(good(i), "}]", "}", 1) },
		func(i int) string { return good(i) + "listen: { body_limit: 1B }\n" },
		func(i int) string { return good(i) + "# ${\nlog: { level: \"${NOBODY}\" }\n" },
	}
	served := func(g *gatetest.Gate) string {
		var out []string
		for i := range 40 {
			resp := g.Do(t, http.MethodGet, "/v1/models", "", "Authorization", "Bearer "+secret(i))
			if body := gatetest.Body(t, resp); resp.StatusCode == http.StatusOK {
				out = append(out, fmt.Sprintf("key %d sees m%d: %t", i, i, strings.Contains(body, fmt.Sprintf(`"m%d"`, i))))
			}
		}
		return strings.Join(out, ", ")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	g, _ := start(t, good(0))
	last := 0
	for i := 1; i < 40; i++ {
		text, isGood := good(i), random.IntN(3) == 0
		if !isGood {
			text = bad[random.IntN(len(bad))](i)
		}
		err := g.Configure(t, text)
		if isGood {
			last = i
		}
		reason := ready(t, g) == `{"status":"ok","reasons":["config_refused"]}`
		_, faults := errors.AsType[config.Faults](err)
		if isGood != (err == nil) || isGood == reason || isGood == faults {
			t.Fatalf("file %d (good: %t): %v; /readyz says refused: %t\n%s", i, isGood, err, reason, text)
		}
		if want, got := fmt.Sprintf("key %d sees m%d: true", last, last), served(g); got != want {
			t.Fatalf("after file %d: %q, want %q of the last good file", i, got, want)
		}
	}
}
