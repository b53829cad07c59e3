package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestCodexErrors checks that Codex ends, or goes on, as it does without a
// gateway, except that a 429 is never final: Weir adds a Retry-After where the
// upstream gives none.
func TestCodexErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		model   string
		key     string            // instead of the right one
		first   map[string]string // headers that make the first request misbehave
		exit    int
		posts   int // requests that Codex makes
		said    []string
		atLeast time.Duration
	}{
		{
			name: "429 with Retry-After is retried after it", model: classicModel,
			first: map[string]string{"x-sim-status": "429", "x-sim-header": "retry-after: 2"},
			posts: 2, said: []string{"echo: hi"}, atLeast: 2 * time.Second,
		},
		{
			name: "429 without Retry-After is retried", model: classicModel,
			first: map[string]string{"x-sim-status": "429"},
			posts: 2, said: []string{"echo: hi"},
		},
		{
			name: "500 is retried", model: classicModel,
			first: map[string]string{"x-sim-status": "500"},
			posts: 2, said: []string{"echo: hi"},
		},
		{
			name: "a cut stream is retried", model: classicModel,
			first: map[string]string{"x-sim-cut": "6"},
			posts: 2, said: []string{"echo: hi"},
		},
		{
			name: "a stream that ends too early is retried", model: codeModel,
			first: map[string]string{"x-sim-end-early": "6"},
			posts: 2, said: []string{"echo: hi"},
		},
		{
			name: "a lost connection is retried", model: codeModel,
			first: map[string]string{"x-sim-reset": "true"},
			posts: 2, said: []string{"echo: hi"},
		},
		{
			name: "400 is final and shown", model: "sim-400",
			exit: 1, posts: 1, said: []string{"asked to answer 400"},
		},
		{
			name: "429 again and again is final in the end", model: "sim-429",
			exit: 1, posts: 6, said: []string{"429"},
		},
		{
			// Four more tries, and five times all of it once more.
			name: "500 again and again is final in the end", model: "sim-500",
			exit: 1, posts: 30, said: []string{"500"},
		},
		{
			name: "a stream cut every time is final in the end", model: "sim-cut",
			exit: 1, posts: 6, said: []string{"ERROR"},
		},
		{
			name: "a wrong key is final in the end", model: classicModel, key: "weir-e2e-made-up-wrong-key-000003",
			exit: 1, posts: 6, said: []string{"401", "req_"},
		},
		{
			// Codex takes the code model_not_found for final; another 404 it
			// would try six times.
			name: "an unknown model is final and shown", model: "nobody-knows",
			exit: 1, posts: 1, said: []string{"the model `nobody-knows` does not exist"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "openai")
			h.upstream.meddle = func(n int, header http.Header) {
				if n > 0 {
					return
				}
				for name, text := range tt.first {
					header.Set(name, text)
				}
			}
			if tt.key != "" {
				h.key = tt.key
			}
			c := newCodex(t, h)
			r := c.ask(t, tt.model, "hi")
			if r.exit != tt.exit {
				t.Errorf("Codex ended with exit code %d, want %d", r.exit, tt.exit)
			}
			if n := len(c.posts()); n != tt.posts {
				t.Errorf("Codex sent %d requests, want %d", n, tt.posts)
			}
			for _, said := range tt.said {
				if !strings.Contains(r.stdout+r.stderr, said) {
					t.Errorf("Codex did not show %q", said)
				}
			}
			if r.took < tt.atLeast {
				t.Errorf("Codex was done after %v, want at least %v", r.took, tt.atLeast)
			}
			for i, post := range c.posts() {
				if post.Status == http.StatusTooManyRequests && post.Answer.Get("Retry-After") == "" {
					t.Errorf("answer %d is a 429 without Retry-After", i)
				}
			}
		})
	}
}
