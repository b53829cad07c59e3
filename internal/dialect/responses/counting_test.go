package responses_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestCounting: a request to count tokens has no member that the API of it does
// not know.
//
// Source: OpenAI's OpenAPI document, schema TokenCountsBody, read 2026-11-21.
func TestCounting(t *testing.T) {
	most, yes := int64(100), true
	r := &llm.Request{
		Dialect: llm.Messages, Items: []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Text: "hi"}}}},
		Instructions: "be brief", MaxOutput: &most, Temperature: "0.5", Stream: true, WantSealed: true, ParallelTools: &yes, Effort: "low",
		Format: llm.Format{Kind: llm.FormatObject}, Tools: []llm.Tool{{Name: "look", Schema: []byte(`{"type":"object"}`)}},
		Others: []llm.Member{{Name: "metadata", Value: []byte(`{"a":"b"}`)}},
	}
	e, err := responses.Dialect{Counting: true}.EncodeRequest(r, &dialect.Target{Model: "m", Traits: dialect.Traits{OpenAI: true}})
	const want = `{"model":"m","instructions":"be brief","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],` +
		`"tools":[{"type":"function","name":"look","parameters":{"type":"object"},"strict":false}],` +
		`"parallel_tool_calls":true,"reasoning":{"effort":"low"},"text":{"format":{"type":"json_object"}}}`
	if err != nil || string(e.Body) != want || len(e.Losses) > 0 {
		t.Errorf("%s, %v, %v\nwant %s", e.Body, e.Losses, err, want)
	}
}
