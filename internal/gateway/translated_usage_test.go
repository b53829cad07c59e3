package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// usages are answers of each protocol that have used the same: 100 tokens of
// input, of which 30 came from a cache and 20 went into it, and 50 of output,
// 10 of them for reasoning. Ollama counts no more than 100 and 50.
var usages = map[string]string{ // immutable
	"/v1/chat/completions": `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":30,"cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":10}}}`,
	"/v1/responses": `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],` +
		`"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":30,"cache_write_tokens":20},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":10},"total_tokens":150}}`,
	"/v1/messages": `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,` +
		`"usage":{"input_tokens":50,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,"output_tokens":50,"output_tokens_details":{"thinking_tokens":10}}}`,
	"/api/chat": `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop","prompt_eval_count":100,"eval_count":50}`,
}

// TestTranslatedUsage: every client is told what was used in its own terms,
// with the details that its protocol demands, and nothing twice.
func TestTranslatedUsage(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, usages[r.URL.Path])
	}))
	t.Cleanup(srv.Close)
	g := gatetest.Start(t, strings.ReplaceAll(oneEach, "${SIM}", srv.URL))
	for _, client := range speakers {
		for _, up := range []string{"chat", "responses", "messages", "ollama"} {
			for _, stream := range []string{"false", "true"} {
				if string(client.dialect) == up {
					continue // as it came
				}
				t.Run(string(client.dialect)+" to "+up+" stream="+stream, func(t *testing.T) {
					body := strings.ReplaceAll(strings.Replace(client.body, "%s", "as-"+up, 1), "STREAM", stream)
					if client.dialect == llm.Chat && stream == "true" {
						body = strings.Replace(body, `"stream"`, `"stream_options":{"include_usage":true},"stream"`, 1)
					}
					r := converse(t, g, client.path, body)
					cached, written, thought := int64(30), int64(20), int64(10)
					if up == "ollama" {
						cached, written, thought = 0, 0, 0
					}
					want := llm.Usage{Input: 100, CachedInput: cached, CacheWrite: written, Output: 50, Reasoning: thought, Provenance: llm.UsageReported}
					if r.status != http.StatusOK || r.entry.Usage != want {
						t.Errorf("%d, the entry has %+v, want %+v: %s", r.status, r.entry.Usage, want, r.body)
					}
					got := lastUsage(t, r.body)
					for name, n := range inTermsOf(client.dialect, &want) {
						if told, ok := got[name]; !ok || told != n {
							t.Errorf("%s = %d, %v; want %d: %v", name, told, ok, n, got)
						}
					}
				})
			}
		}
	}
}

// inTermsOf returns the counts that a client must be told, by their paths.
func inTermsOf(d llm.Dialect, u *llm.Usage) map[string]int64 {
	switch d {
	case llm.Chat:
		counts := map[string]int64{
			"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
			"prompt_tokens_details.cached_tokens": u.CachedInput, "completion_tokens_details.reasoning_tokens": u.Reasoning,
		}
		if u.CacheWrite > 0 {
			counts["prompt_tokens_details.cache_write_tokens"] = u.CacheWrite
		}
		return counts
	case llm.Responses:
		return map[string]int64{
			"input_tokens": u.Input, "output_tokens": u.Output, "total_tokens": u.Input + u.Output,
			"input_tokens_details.cached_tokens": u.CachedInput, "input_tokens_details.cache_write_tokens": u.CacheWrite,
			"output_tokens_details.reasoning_tokens": u.Reasoning,
		}
	default:
		return map[string]int64{
			"input_tokens": u.Input - u.CachedInput - u.CacheWrite, "cache_read_input_tokens": u.CachedInput,
			"cache_creation_input_tokens": u.CacheWrite, "output_tokens": u.Output, "output_tokens_details.thinking_tokens": u.Reasoning,
		}
	}
}

// lastUsage returns the counts of the usage that an answer tells last, by their
// paths.
func lastUsage(t *testing.T, body string) map[string]int64 {
	t.Helper()
	var usage map[string]any
	for line := range strings.Lines(body) {
		var event struct {
			Usage    map[string]any
			Response struct{ Usage map[string]any }
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &event) != nil {
			continue
		}
		switch {
		case event.Usage != nil:
			usage = event.Usage
		case event.Response.Usage != nil:
			usage = event.Response.Usage
		}
	}
	counts := make(map[string]int64)
	for name, v := range usage {
		switch v := v.(type) {
		case float64:
			counts[name] = int64(v)
		case map[string]any:
			for inner, n := range v {
				if n, ok := n.(float64); ok {
					counts[name+"."+inner] = int64(n)
				}
			}
		}
	}
	return counts
}
