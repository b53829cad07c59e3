package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestObjectIDsThatAreNone: what could be taken for more of a path or a query
// is no id, also where the upstream decides about ids that nobody has seen.
func TestObjectIDsThatAreNone(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}", unknown_ids: forward }]
models: [{ name: m, targets: [{ upstream: sim }] }]
keys: [{ name: red, secret: red-0123456789abcdef }]
`)
	red := caller{t, g, "red"}
	for _, id := range []string{"a%3Fb=c", "a%23b", "a%2Fb", "a%20b", "a%25b", "a;b", "a@b", strings.Repeat("x", 257), "%C3%A9"} {
		for _, path := range []string{"/v1/responses/" + id, "/v1/responses/" + id + "/input_items", "/v1/chat/completions/" + id} {
			before := len(g.Sim.Served().Requests)
			resp := red.send("GET", path, "")
			wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeObjectNotFound)
			if len(g.Sim.Served().Requests) != before {
				t.Errorf("GET %s reaches the upstream", path)
			}
		}
	}
}

// TestUploadsEndBeforeAnswers: what an upstream has been sent is not kept on
// disk for as long as it takes to answer.
func TestUploadsEndBeforeAnswers(t *testing.T) {
	goOn := make(chan struct{})
	release := sync.OnceFunc(func() { close(goOn) })
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n")
		w.(http.Flusher).Flush()
		<-goOn
		_, _ = io.WriteString(w, "data: {\"type\":\"transcript.text.done\",\"text\":\"a\"}\n\n")
	}))
	defer up.Close()
	defer release()
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", auth: none }]
models: [{ name: m, targets: [{ upstream: up }] }]
`, "UP", up.URL)
	body, contentType := formed(t, val("model", "m"), val("stream", "true"), sound(100_000))
	resp := g.Do(t, "POST", "/v1/audio/transcriptions", body, "Content-Type", contentType)
	gatetest.Until(t, func() bool { return g.App.Spool().Files() == 0 && g.App.Spool().Used() == 0 })
	release()
	if got := gatetest.Body(t, resp); resp.StatusCode != 200 || !strings.Contains(got, "transcript.text.done") {
		t.Errorf("the answer is %d %s", resp.StatusCode, got)
	}
}

// TestPassagesAndVersions: which version of Azure's API answers is the
// configuration's to say, however a client spells its own wish.
func TestPassagesAndVersions(t *testing.T) {
	for _, tt := range []struct{ api, target, sent string }{
		{"api: classic, api_version: 2024-10-21", "/openai/files?api-version=2023-01-01&a=b", "/openai/files?a=b&api-version=2024-10-21"},
		{"api: classic, api_version: 2024-10-21", "/openai/files?API-Version=1&api%2Dversion=2&api-version", "/openai/files?api-version=2024-10-21"},
		{"api: v1", "/v1/files?a=b&Api-Version=2023-01-01", "/openai/v1/files?a=b"},
		{"api: v1", "/openai/v1/files?api-version=2023-01-01", "/openai/v1/files"},
	} {
		rec := newRecorder(t, `{}`)
		g := gatetest.Start(t, `
upstreams: [{ name: up, kind: azure, `+tt.api+`, endpoint: "${UP}", auth: { api_key: k }, passthrough_paths: [/v1/files, /openai/files, /openai/v1/files] }]
models: [{ name: m, targets: [{ upstream: up }] }]
`, "UP", rec.URL)
		status, body := caller{t, g, ""}.ask("GET", tt.target, "")
		if status != 200 {
			t.Errorf("GET %s = %d %s", tt.target, status, body)
			continue
		}
		if got := <-rec.requests; got.uri != tt.sent {
			t.Errorf("%s: GET %s arrives as %s, want %s", tt.api, tt.target, got.uri, tt.sent)
		}
	}
}
