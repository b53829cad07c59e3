package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

const (
	v1      = upstream.APIv1
	classic = upstream.APIClassic
)

func TestURL(t *testing.T) {
	var got string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.Method + " " + r.RequestURI })

	type settings = upstream.Settings
	for _, tt := range []struct {
		name     string
		settings settings // Endpoint is only the path
		op       llm.Operation
		model    string
		want     string
	}{
		{name: "openai, bare host", settings: settings{Kind: upstream.OpenAI}, op: llm.OpChat, want: "/v1/chat/completions"},
		{name: "openai, slash", settings: settings{Kind: upstream.OpenAI, Endpoint: "/"}, op: llm.OpCompletions, want: "/v1/completions"},
		{name: "openai, v1", settings: settings{Kind: upstream.OpenAI, Endpoint: "/v1"}, op: llm.OpResponses, want: "/v1/responses"},
		{name: "openai, v1 and slashes", settings: settings{Kind: upstream.OpenAI, Endpoint: "/v1//"}, op: llm.OpEmbeddings, want: "/v1/embeddings"},
		{name: "openai, behind a prefix", settings: settings{Kind: upstream.OpenAI, Endpoint: "/proxy/openai"}, op: llm.OpChat, want: "/proxy/openai/v1/chat/completions"},
		{name: "openai, escaped prefix", settings: settings{Kind: upstream.OpenAI, Endpoint: "/a%2Fb/"}, op: llm.OpChat, want: "/a%2Fb/v1/chat/completions"},

		{name: "compatible, another version", settings: settings{Endpoint: "/api/paas/v4/"}, op: llm.OpChat, want: "/api/paas/v4/chat/completions"},
		{name: "compatible, version in the middle", settings: settings{Endpoint: "/v1beta/openai"}, op: llm.OpChat, want: "/v1beta/openai/chat/completions"},
		{name: "compatible, messages", settings: settings{}, op: llm.OpMessages, want: "/v1/messages"},
		{name: "compatible, count_tokens", settings: settings{Endpoint: "/v1"}, op: llm.OpCountTokens, want: "/v1/messages/count_tokens"},
		{name: "simulator", settings: settings{Kind: upstream.Simulator}, op: llm.OpCountTokens, want: "/v1/messages/count_tokens"},
		{name: "ollama", settings: settings{Kind: upstream.Ollama}, op: llm.OpChat, want: "/v1/chat/completions"},
		{name: "ollama, v1", settings: settings{Kind: upstream.Ollama, Endpoint: "/v1/"}, op: llm.OpMessages, want: "/v1/messages"},

		{name: "anthropic", settings: settings{Kind: upstream.Anthropic}, op: llm.OpMessages, want: "/v1/messages"},
		{name: "anthropic, v1", settings: settings{Kind: upstream.Anthropic, Endpoint: "/v1/"}, op: llm.OpCountTokens, want: "/v1/messages/count_tokens"},
		{name: "anthropic on foundry", settings: settings{Kind: upstream.Anthropic, Endpoint: "/anthropic"}, op: llm.OpMessages, want: "/anthropic/v1/messages"},
		{name: "anthropic behind a proxy with a version", settings: settings{Kind: upstream.Anthropic, Endpoint: "/v1/acct/anthropic"}, op: llm.OpMessages, want: "/v1/acct/anthropic/v1/messages"},

		{name: "azure v1 is the default", settings: settings{Kind: upstream.Azure}, op: llm.OpChat, want: "/openai/v1/chat/completions"},
		{name: "azure v1, slash", settings: settings{Kind: upstream.Azure, API: v1, Endpoint: "/"}, op: llm.OpCompletions, want: "/openai/v1/completions"},
		{name: "azure v1, openai", settings: settings{Kind: upstream.Azure, API: v1, Endpoint: "/openai/"}, op: llm.OpEmbeddings, want: "/openai/v1/embeddings"},
		{name: "azure v1, openai/v1", settings: settings{Kind: upstream.Azure, API: v1, Endpoint: "/openai/v1"}, op: llm.OpResponses, want: "/openai/v1/responses"},
		{name: "azure v1, openai/v1 and slash", settings: settings{Kind: upstream.Azure, API: v1, Endpoint: "/openai/v1/"}, op: llm.OpResponses, want: "/openai/v1/responses"},
		{name: "azure v1, preview", settings: settings{Kind: upstream.Azure, API: v1, APIVersion: "preview"}, op: llm.OpResponses, want: "/openai/v1/responses?api-version=preview"},
		{name: "azure v1 behind API management", settings: settings{Kind: upstream.Azure, Endpoint: "/team-a"}, op: llm.OpChat, want: "/team-a/openai/v1/chat/completions"},

		{name: "azure classic chat", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21"}, op: llm.OpChat, model: "dep", want: "/openai/deployments/dep/chat/completions?api-version=2024-10-21"},
		{name: "azure classic completions", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21", Endpoint: "/openai"}, op: llm.OpCompletions, model: "dep", want: "/openai/deployments/dep/completions?api-version=2024-10-21"},
		{name: "azure classic embeddings", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21", Endpoint: "/openai/v1/"}, op: llm.OpEmbeddings, model: "dep", want: "/openai/deployments/dep/embeddings?api-version=2024-10-21"},
		{name: "azure classic responses has no deployment", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2025-04-01-preview", Endpoint: "/"}, op: llm.OpResponses, model: "dep", want: "/openai/responses?api-version=2025-04-01-preview"},
		{name: "azure classic escapes the deployment", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21"}, op: llm.OpChat, model: "a b?c#d:é", want: "/openai/deployments/a%20b%3Fc%23d:%C3%A9/chat/completions?api-version=2024-10-21"},
		{name: "azure classic keeps an escaped prefix", settings: settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21", Endpoint: "/a%2Fb"}, op: llm.OpChat, model: "x", want: "/a%2Fb/openai/deployments/x/chat/completions?api-version=2024-10-21"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Endpoint = base + tt.settings.Endpoint
			u := open(t, tt.settings)
			c := call()
			c.Op, c.Model = tt.op, tt.model
			do(t, u, c)
			if want := "POST " + tt.want; got != want {
				t.Errorf("Do(%s) sent %q, want %q", tt.op, got, want)
			}
		})
	}
}

func TestDeploymentThatIsNoSegment(t *testing.T) {
	reached := false
	u := open(t, upstream.Settings{
		Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21",
		Endpoint: serve(t, func(http.ResponseWriter, *http.Request) { reached = true }),
	})
	for _, model := range []string{"", ".", "..", "...", "../x", "a/b", `a\b`, "a%2fb", "a\x00", "a\r\nb", strings.Repeat("x", 257)} {
		c := call()
		c.Model = model
		_, err := u.Do(patient(t), c)
		e := llm.AsError(err)
		if e == nil || e.Code != llm.CodeInvalidValue || e.Param != "model" || e.Upstream != "test" {
			t.Errorf("Do(model %q) error = %v, want %s for param model", model, err, llm.CodeInvalidValue)
		}
	}
	if reached {
		t.Error("the upstream was asked for one of them")
	}
}

func TestServes(t *testing.T) {
	ops := []llm.Operation{llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpEmbeddings, llm.OpMessages, llm.OpCountTokens, llm.OpModels}
	for _, tt := range []struct {
		settings upstream.Settings
		want     string
	}{
		{upstream.Settings{Kind: upstream.OpenAI}, "chat completions responses embeddings"},
		{upstream.Settings{Kind: upstream.Azure, Endpoint: "https://a.example"}, "chat completions responses embeddings"},
		{upstream.Settings{Kind: upstream.Azure, Endpoint: "https://a.example", API: classic, APIVersion: "2024-10-21"}, "chat completions responses embeddings"},
		{upstream.Settings{Kind: upstream.Ollama}, "chat completions responses embeddings messages"},
		{upstream.Settings{Kind: upstream.Anthropic}, "messages count_tokens"},
		{upstream.Settings{Kind: upstream.Compatible, Endpoint: "https://a.example"}, "chat completions responses embeddings messages count_tokens"},
		{upstream.Settings{Kind: upstream.Simulator, Endpoint: "https://a.example"}, "chat completions responses embeddings messages count_tokens"},
	} {
		u := open(t, tt.settings)
		var got []string
		for _, op := range ops {
			if u.Serves(op) {
				got = append(got, string(op))
				continue
			}
			c := call()
			c.Op = op
			if _, err := u.Do(patient(t), c); err == nil || llm.AsError(err).Code != llm.CodeUnsupportedOperation {
				t.Errorf("%v: Do(%s) error = %v, want %s", u, op, err, llm.CodeUnsupportedOperation)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%v serves %q, want %q", u, got, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	type settings = upstream.Settings
	auth := upstream.Auth{Mode: upstream.AuthAPIKey, Secret: "k"}
	for _, tt := range []struct {
		name     string
		settings settings
		want     string // in the error
	}{
		{"no name", settings{Kind: upstream.OpenAI}, "no name"},
		{"no kind", settings{Name: "u", Endpoint: "https://a.example"}, "kind"},
		{"unknown kind", settings{Name: "u", Kind: "bedrock", Endpoint: "https://a.example"}, "unknown"},
		{"azure without endpoint", settings{Name: "u", Kind: upstream.Azure}, "endpoint"},
		{"compatible without endpoint", settings{Name: "u", Kind: upstream.Compatible}, "endpoint"},
		{"another scheme", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "ftp://a.example"}, "https://"},
		{"no scheme", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "a.example"}, "https://"},
		{"no host", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https:///v1"}, "host"},
		{"not a URL", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://a\x7f.example"}, "URL"},
		{"user in the URL", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://me:sesame@a.example"}, "auth"},
		{"query", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example/?api-version=2024-10-21"}, "api_version"},
		{"fragment", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://a.example/#x"}, "fragment"},
		{"dot segment", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://a.example/x/../v1"}, "dot segment"},
		{"escaped dot segment", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://a.example/%2e%2e/v1"}, "dot segment"},
		{"path of an operation", settings{Name: "u", Kind: upstream.OpenAI, Endpoint: "https://a.example/v1/chat/completions"}, "one operation"},
		{"path of a deployment", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example/openai/deployments/d"}, "deployment"},
		{"unknown api", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example", API: "v2"}, "v1 nor classic"},
		{"classic without version", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example", API: classic}, "api_version"},
		{"version that smuggles", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example", API: classic, APIVersion: "1&x=2"}, "api_version"},
		{"dated version for v1", settings{Name: "u", Kind: upstream.Azure, Endpoint: "https://a.example", APIVersion: "2024-10-21"}, "preview"},
		{"version for another kind", settings{Name: "u", Kind: upstream.OpenAI, APIVersion: "2024-10-21"}, "azure alone"},
		{"key without secret", settings{Name: "u", Kind: upstream.OpenAI, Auth: upstream.Auth{Mode: upstream.AuthAPIKey}}, "secret"},
		{"secret with a line end", settings{Name: "u", Kind: upstream.OpenAI, Auth: upstream.Auth{Mode: upstream.AuthBearer, Secret: "sesame\n"}}, "line end"},
		{"secret without mode", settings{Name: "u", Kind: upstream.OpenAI, Auth: upstream.Auth{Secret: "sesame"}}, "no secret"},
		{"unknown mode", settings{Name: "u", Kind: upstream.OpenAI, Auth: upstream.Auth{Mode: "basic"}}, "unknown mode"},
		{"header name", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"a b": "x"}}, "header name"},
		{"header value", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"x-a": "sesame\r\nx: y"}}, "no header can carry"},
		{"header of the framing", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"content-length": "0"}}, "Content-Length"},
		{"header of the connection", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"Transfer-Encoding": "chunked"}}, "Transfer-Encoding"},
		{"header of ours", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"x-weir-key": "sesame"}}, "X-Weir-Key"},
		{"header of the credential", settings{Name: "u", Kind: upstream.OpenAI, Auth: auth, Headers: map[string]string{"authorization": "sesame"}}, "set by auth"},
		{"header in two spellings", settings{Name: "u", Kind: upstream.OpenAI, Headers: map[string]string{"x-a": "1", "X-A": "2"}}, "twice"},
		{"negative timeout", settings{Name: "u", Kind: upstream.OpenAI, Timeouts: upstream.Timeouts{Idle: -1}}, "negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := upstream.New(tt.settings)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("New error = %v, want one that says %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("New error = %v, which shows a secret", err)
			}
		})
	}
}

// A client's query has no way upstream: Call has no place for one. What is
// left is that the configured query is the only one, whatever the model is.
func TestOneAPIVersion(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.URL.RawQuery }))
	defer s.Close()
	u := open(t, upstream.Settings{Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21", Endpoint: s.URL})
	c := call()
	c.Model = "d?api-version=2023-01-01&x=y"
	do(t, u, c)
	if want := "api-version=2024-10-21"; got != want {
		t.Errorf("query = %q, want %q", got, want)
	}
}
