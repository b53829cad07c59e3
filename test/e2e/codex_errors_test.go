package e2e_test

import (
	"fmt"
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

// TestCodexWebSocket lets the built-in provider try a WebSocket: Weir refuses
// it in the way that makes Codex go on over HTTP at once.
func TestCodexWebSocket(t *testing.T) {
	t.Parallel()
	c := newCodex(t, newHouse(t, "openai"))
	config := fmt.Sprintf("model = %q\nopenai_base_url = \"%s/v1\"\n", classicModel, c.front.url)
	r := c.exec(t, config, "hi", "CODEX_API_KEY="+c.house.key)
	if r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and echo: hi", r.exit, r.stdout)
	}
	var upgrades, refused int
	for _, one := range c.front.requests() {
		if strings.EqualFold(one.Header.Get("Upgrade"), "websocket") {
			upgrades++
		}
		if one.Status == http.StatusUpgradeRequired {
			refused++
		}
	}
	if upgrades != 1 || refused != 1 || len(c.posts()) != 1 {
		t.Errorf("Codex tried %d upgrades, of which %d got 426, and posted %d times; want 1, 1, 1", upgrades, refused, len(c.posts()))
	}
	c.checkUntouched(t, classicModel, classicModel)
	c.checkAccount(t, classicModel, 1)
}

// TestCodexModels lets a provider with a command for its key ask for the list
// of models, which Codex wants in a shape of its own.
func TestCodexModels(t *testing.T) {
	t.Parallel()
	c := newCodex(t, newHouse(t, "openai"))
	config := fmt.Sprintf("model = %q\n"+provider+"[model_providers.weir.auth]\ncommand = \"echo\"\nargs = [%q]\n",
		classicModel, c.front.url, c.house.key)
	r := c.exec(t, config, "hi")
	if r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and echo: hi", r.exit, r.stdout)
	}
	if strings.Contains(r.stderr, "ERROR") {
		t.Error("Codex complains about the list of models")
	}
	var lists int
	for _, one := range c.front.requests() {
		if strings.HasPrefix(one.URI, "/v1/models?client_version=") && one.Status == http.StatusOK {
			lists++
		}
	}
	if lists == 0 {
		t.Error("Codex did not ask for the list of models, or did not get it")
	}
	c.checkAccount(t, classicModel, 1)
}
