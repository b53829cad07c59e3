package e2e_test

import (
	"testing"
	"time"
)

// TestOpenAIErrors runs the bad days of the OpenAI SDKs.
func TestOpenAIErrors(t *testing.T) {
	t.Parallel()
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		runBad(t, "openai", openAIBad(), func(h *house, specs string) []seen {
			return h.python(t, "openai_errors.py", specs)
		})
	})
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		runBad(t, "openai", openAIBad(), func(h *house, specs string) []seen {
			return h.node(t, "openai", "openai_errors.mjs", specs)
		})
	})
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		days := openAIBad()
		runBad(t, "openai", days, func(h *house, _ string) []seen {
			return runGoBad(t.Context(), h, days)
		})
	})
}

// TestAnthropicErrors runs the bad days of @anthropic-ai/sdk.
func TestAnthropicErrors(t *testing.T) {
	t.Parallel()
	runBad(t, "anthropic", anthropicBad(), func(h *house, specs string) []seen {
		return h.node(t, "@anthropic-ai/sdk", "anthropic_errors.mjs", specs)
	})
}

// TestAIErrors runs the bad days of the AI SDK. It heeds Retry-After but not
// x-should-retry, and waits two seconds where nothing tells it how long.
func TestAIErrors(t *testing.T) {
	t.Parallel()
	days := []bad{
		{
			spec:   spec{Case: "a wrong key", Call: "responses", Model: "m-openai", Key: wrongKey, Retries: 2},
			status: 401, code: "invalid_api_key", typ: "invalid_request_error", sent: 1, ownError: true,
		},
		{
			spec:   spec{Case: "a wrong key, Azure's way", Call: "responses", Model: "m-azure", Key: wrongKey, Azure: true, Retries: 2},
			status: 401, code: "invalid_api_key", typ: "invalid_request_error", sent: 1, ownError: true,
		},
		{
			spec:   spec{Case: "a model that nobody knows", Call: "chat", Model: "nobody-knows", Retries: 2},
			status: 404, code: "model_not_found", typ: "invalid_request_error", says: "nobody-knows", sent: 1, logged: "model_not_found", ownError: true,
		},
		{
			spec:   spec{Case: "429 with Retry-After", Call: "chat", Model: "sim-429", Retries: 2},
			status: 429, code: "rate_limit_exceeded", typ: "rate_limit_error", says: "asked to answer 429",
			headers: map[string]string{"retry-after": "1"}, sent: 3, reached: 3, took: 2 * time.Second, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "500", Call: "responses stream", Model: "sim-500", Retries: 1},
			status: 500, typ: "server_error", says: "asked to answer 500", sent: 2, reached: 2, took: 2 * time.Second, logged: "upstream_failed",
		},
		{
			spec: spec{Case: "a cut chat stream", Call: "chat stream", Model: "sim-cut"},
			says: "ended too early", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a cut responses stream", Call: "responses stream", Model: "sim-cut"},
			says: "ended too early", sent: 1, reached: 1, logged: "upstream_truncated",
		},
	}
	runBad(t, "openai", days, func(h *house, specs string) []seen {
		return h.node(t, "@ai-sdk/openai", "ai_errors.mjs", specs)
	})
}
