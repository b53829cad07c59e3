package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// raw sends text as it is and returns the answer.
func raw(t *testing.T, g *gatetest.Gate, text string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a hung test says so
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", text, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// request is a raw request with a body.
func request(method, target, body string, header ...string) string {
	s := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, target)
	for _, h := range header {
		s += h + "\r\n"
	}
	if body != "" {
		s += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return s + "\r\n" + body
}

// failure is what every error of Weir's own holds, in either shape.
type failure struct {
	Type      string `json:"type"` // "error" in Anthropic's
	RequestID string `json:"request_id"`
	Error     struct {
		Message        string  `json:"message"`
		Type           string  `json:"type"`
		Param          *string `json:"param"`
		Code           string  `json:"code"`
		RequestID      string  `json:"request_id"`
		Retryable      *bool   `json:"retryable"`
		UpstreamStatus *int    `json:"upstream_status"`
	} `json:"error"`
}

// wantFailure checks one error answer and returns it.
func wantFailure(t *testing.T, status int, header http.Header, body string, code llm.Code) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		t.Fatalf("the error is not JSON: %v: %q", err, body)
	}
	id := f.Error.RequestID + f.RequestID
	if f.Error.Code != string(code) || status != code.Row().Status || f.Error.Message == "" || f.Error.Type == "" || f.Error.Retryable == nil {
		t.Errorf("error = %d %s, want code %s, status %d, and message, type, retryable", status, body, code, code.Row().Status)
	}
	if id == "" || id != header.Get("X-Request-Id") {
		t.Errorf("request_id = %q, want that of the header, %q", id, header.Get("X-Request-Id"))
	}
	return f
}

func TestUnknownPaths(t *testing.T) {
	g := gatetest.Start(t, simple)
	for _, tt := range []struct {
		method, target string
		header         string
		code           llm.Code
		anthropic      bool
	}{
		{"POST", "/v1/nothing", "", llm.CodeUnknownURL, false},
		{"GET", "/", "", llm.CodeUnknownURL, false},
		{"POST", "/v1/messages/batches", "", llm.CodeUnknownURL, true},
		{"GET", "/v1/threads/t/messages", "", llm.CodeUnknownURL, false},
		{"POST", "/anthropic/v1/nothing", "", llm.CodeUnknownURL, true},
		{"POST", "/v1/nothing", "Anthropic-Version: 2023-06-01", llm.CodeUnknownURL, true},
		{"GET", "/v1/completions", "", llm.CodeMethodNotAllowed, false},
		{"DELETE", "/v1/models", "", llm.CodeMethodNotAllowed, false},
		{"GET", "/v1/messages", "", llm.CodeMethodNotAllowed, true},
		{"PUT", "/openai/deployments/m/chat/completions", "", llm.CodeMethodNotAllowed, false},
		// Not canonical: 404 before any routing.
		{"POST", "/v1/chat/../chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/v1/%2e%2e/v1/chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/v1//chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/v1/chat/completions/", "", llm.CodeUnknownURL, false},
		{"POST", "/v1/%63hat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/v1/chat%2Fcompletions", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments/../responses", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments/..%2F../chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments/a%2f/chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments/a%5Cb/chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments/a%00b/chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/openai/deployments//chat/completions", "", llm.CodeUnknownURL, false},
		{"POST", "/v1\\chat/completions", "", llm.CodeUnknownURL, false},
	} {
		var extra []string
		if tt.header != "" {
			extra = append(extra, tt.header)
		}
		status, header, body := raw(t, g, request(tt.method, tt.target, `{"model":"m"}`, extra...))
		f := wantFailure(t, status, header, body, tt.code)
		if (f.Type == "error") != tt.anthropic {
			t.Errorf("%s %s: shape of %s, want Anthropic's: %v", tt.method, tt.target, body, tt.anthropic)
		}
		if !strings.Contains(f.Error.Message, tt.target) && !strings.Contains(f.Error.Message, strings.ReplaceAll(tt.target, `\`, `%5C`)) {
			t.Errorf("%s %s: message %q does not name the path", tt.method, tt.target, f.Error.Message)
		}
		if said := strings.Contains(f.Error.Message, "leave the slash at the end out"); said != (len(tt.target) > 1 && strings.HasSuffix(tt.target, "/")) {
			t.Errorf("%s %s: message %q", tt.method, tt.target, f.Error.Message)
		}
		if tt.code == llm.CodeMethodNotAllowed && header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.target)
		}
	}
	if n := g.Ledger.Total(); n != 0 {
		t.Errorf("%d ledger entries for requests that were nobody's exchange", n)
	}
	if n := len(g.Sim.Served().Requests); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	if lines := g.Log.Lines(t, "refused"); len(lines) == 0 || len(lines) > 25 {
		t.Errorf("%d log lines for refusals, want few but some", len(lines))
	}
	if n := g.App.Ring().Refusals(llm.CodeUnknownURL); n < 15 {
		t.Errorf("%d refusals counted, want all", n)
	}
}

// TestWrongBaseURL is the commonest mistake of all: one /v1 too few or too many.
func TestWrongBaseURL(t *testing.T) {
	g := gatetest.Start(t, simple)
	for target, meant := range map[string]string{
		"/chat/completions":    "/v1/chat/completions",
		"/v1/v1/messages":      "/v1/messages",
		"/messages":            "/v1/messages",
		"/v1/chat/completion":  "",
		"/v1/v2/messages/else": "",
	} {
		resp := g.Post(t, target, hello)
		f := wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeUnknownURL)
		if _, hint, found := strings.Cut(f.Error.Message, "did you mean `"); found != (meant != "") || !strings.HasPrefix(hint, meant) {
			t.Errorf("POST %s: message %q, want a hint at %q", target, f.Error.Message, meant)
		}
	}
}

func TestAzureForms(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: "org/big model:1", targets: [{ upstream: sim, model: theirs }] }
  - { name: plain, targets: [{ upstream: sim }] }
keys: [{ name: k, secret: 0123456789abcdef, models: ["org/*"] }]
`)
	const chatBody, input = `{"model":"plain","messages":[{"role":"user","content":"x"}]}`, `{"model":"plain","input":"x"}`
	for _, tt := range []struct {
		path, body string
		want       int
	}{
		{"/openai/deployments/org%2Fbig%20model:1/chat/completions?api-version=1999-01-01", chatBody, 200},
		{"/openai/deployments/org%2Fbig%20model%3A1/chat/completions?api-version=x&api-version=y", chatBody, 200},
		{"/openai/deployments/org%2Fbig%20model:1/embeddings?api-version=2024-10-21", `{"input":"x"}`, 200},
		{"/openai/deployments/org%2Fbig%20model:1/completions", `{"prompt":"x"}`, 200},
		{"/openai/deployments/org%2Fbig%20model:1/responses", input, 200},
		{"/deployments/org%2Fbig%20model:1/responses?api-version=2025-04-01-preview", input, 200},
		{"/deployments/org%2Fbig%20model:1/chat/completions", chatBody, 200},
		{"/openai/v1/chat/completions", `{"model":"org/big model:1","messages":[{"role":"user","content":"x"}]}`, 200},
		{"/openai/responses?api-version=2025-04-01-preview", `{"model":"org/big model:1","input":"x"}`, 200},
		{"/openai/v1/embeddings", `{"model":"org/big model:1","input":"x"}`, 200},
		// The path is what is authorised, whatever the body says.
		{"/openai/deployments/plain/chat/completions", `{"model":"org/big model:1","messages":[]}`, 403},
		{"/openai/responses", input, 403},
	} {
		before := len(g.Sim.Served().Requests)
		resp := g.Post(t, tt.path, tt.body, "api-key", "0123456789abcdef")
		body := gatetest.Body(t, resp)
		if resp.StatusCode != tt.want {
			t.Errorf("POST %s = %d %s, want %d", tt.path, resp.StatusCode, body, tt.want)
			continue
		}
		served := g.Sim.Served().Requests[before:]
		if tt.want != 200 {
			if len(served) != 0 {
				t.Errorf("POST %s reached the upstream", tt.path)
			}
			continue
		}
		if r := served[0]; r.Model != "theirs" || r.Query != "" || strings.Contains(r.Body, "plain") {
			t.Errorf("POST %s: upstream got model %q, query %q, body %s", tt.path, r.Model, r.Query, r.Body)
		}
	}
}

func TestWebSocketIsRefused(t *testing.T) {
	g := gatetest.Start(t, simple)
	status, header, body := raw(t, g, "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	wantFailure(t, status, header, body, llm.CodeWebSocketUnsupported)
	if header.Get("Upgrade") == "" {
		t.Error("a 426 without the Upgrade header that RFC 9110 demands")
	}
}

func TestHealth(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
keys: [{ name: k, secret: 0123456789abcdef }]
`)
	for _, path := range []string{"/healthz", "/readyz"} {
		resp := g.Do(t, http.MethodGet, path, "")
		if got := gatetest.Body(t, resp); resp.StatusCode != 200 || got != "{\"status\":\"ok\"}\n" {
			t.Errorf("GET %s without a key = %d %q, want ok", path, resp.StatusCode, got)
		}
	}
}

// listed is a model as the catalog shows it: what OpenAI shows, and behind it
// what it showed to the clients of 2023.
func listed(id string) string {
	return `{"id":"` + id + `","object":"model","created":1767225600,"owned_by":"weir","permission":[{"id":"","object":"model_permission","created":1767225600,` +
		`"allow_create_engine":true,"allow_sampling":true,"allow_logprobs":true,"allow_search_indices":true,"allow_view":true,"allow_fine_tuning":true,` +
		`"organization":"*","group":null,"is_blocking":false}],"root":"` + id + `","parent":null}`
}

func TestModels(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: gpt-5, targets: [{ upstream: sim }] }
  - { name: house, targets: [{ upstream: sim }] }
  - { name: secret, targets: [{ upstream: sim }] }
  - { name: "any-*", targets: [{ upstream: sim }] }
keys: [{ name: k, secret: 0123456789abcdef, models: [gpt-5, house, "any-*"] }]
`)
	key := []string{"Authorization", "Bearer 0123456789abcdef"}
	anthropic := append([]string{"anthropic-version", "2023-06-01"}, key...)
	for _, tt := range []struct {
		path   string
		header []string
		status int
		want   string
	}{
		{"/v1/models", key, 200, `{"object":"list","data":[` + listed("gpt-5") + `,` + listed("house") + `]}`},
		{"/openai/models?api-version=2024-10-21", key, 200, `{"object":"list","data":[{"id":"gpt-5",`},
		{"/openai/models/house?api-version=2024-10-21", key, 200, `{"id":"house",`},
		{"/openai/v1/models", key, 200, `{"object":"list","data":[{"id":"gpt-5",`},
		{"/v1/models/house", key, 200, listed("house")},
		{"/v1/models/any-thing", key, 200, `{"id":"any-thing","object":"model"`},
		{"/v1/models", anthropic, 200, `{"data":[{"type":"model","id":"gpt-5","display_name":"gpt-5","created_at":"2026-01-01T00:00:00Z"},{"type":"model","id":"house","display_name":"house","created_at":"2026-01-01T00:00:00Z"}],"has_more":false,"first_id":"gpt-5","last_id":"house"}`},
		{"/v1/models/house", anthropic, 200, `{"type":"model","id":"house"`},
		{"/v1/models?client_version=0.169.0", key, 200, `{"models":[{"slug":"house",`},
		{"/v1/models/secret", key, 403, `"code":"model_not_allowed"`},
		{"/v1/models/any%2Fone", key, 403, `"code":"model_not_allowed"`},
		{"/v1/models", nil, 401, `"code":"missing_api_key"`},
	} {
		resp := g.Do(t, http.MethodGet, tt.path, "", tt.header...)
		if body := gatetest.Body(t, resp); resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("GET %s %v = %d %s, want %d with %s", tt.path, tt.header, resp.StatusCode, body, tt.status, tt.want)
		}
	}
	if n := g.Ledger.Total(); n != 0 {
		t.Errorf("%d ledger entries for lists of models, want none", n)
	}
}
