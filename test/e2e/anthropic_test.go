package e2e_test

import "testing"

// messageEvents are the types of a stream of the Messages API, in the order in
// which they first occur. The SDK hides pings.
var messageEvents = []string{ // immutable
	"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
}

func anthropicWants() []want {
	return []want{
		{operation: "messages", seen: seen{Case: "messages", Model: "any", Text: echo, Finish: "end_turn"}},
		{operation: "messages", seen: seen{Case: "messages stream", Text: echo, Finish: "end_turn", Events: messageEvents, Signed: true}},
		{operation: "messages", seen: seen{
			Case: "messages thinking", Text: "echo: think first", Reasoning: "thinking about: think first",
			Finish: "end_turn", Events: messageEvents, Signed: true,
		}},
		{operation: "messages", seen: seen{Case: "messages tools: call", Finish: "tool_use", Tools: asked, Events: messageEvents, Signed: true}},
		{operation: "messages", seen: seen{Case: "messages tools: answer", Text: forecasts, Finish: "end_turn"}},
		{operation: "messages", seen: seen{Case: "messages betas", Text: echo, Finish: "end_turn"}},
		{operation: "count_tokens", seen: seen{Case: "count tokens"}, counting: true},
	}
}

// TestAnthropic runs the good days of @anthropic-ai/sdk against the two kinds
// of upstream that speak its dialect, and once without Weir.
func TestAnthropic(t *testing.T) {
	t.Parallel()
	for _, upstream := range []string{"", "anthropic", "simulator"} {
		t.Run("to "+or(upstream, "the simulator itself"), func(t *testing.T) {
			t.Parallel()
			h, model := houseFor(t, upstream)
			if upstream == "" {
				h.check(t, model, h.node(t, "@anthropic-ai/sdk", "anthropic_calls.mjs", model), anthropicWants())
				return
			}
			got := h.node(t, "@anthropic-ai/sdk", "anthropic_calls.mjs", model, "models")
			got = checkModels(t, got, model)
			h.check(t, model, got, anthropicWants())
			h.checkArrived(t, upstream)
			h.checkHeaders(t)
		})
	}
}

// checkHeaders checks that the headers of Anthropic's protocol arrive.
func (h *house) checkHeaders(t *testing.T) {
	t.Helper()
	betas := 0
	for i, r := range h.upstream.requests() {
		if v := r.Header.Get("Anthropic-Version"); v != "2026-10-21" {
			t.Errorf("request %d has anthropic-version %q, want the client's", i, v)
		}
		if r.Header.Get("Anthropic-Beta") == "context-1m-2025-08-07,token-efficient-tools-2025-02-19" {
			betas++
		}
	}
	if betas != 1 {
		t.Errorf("%d requests arrived with anthropic-beta, want 1", betas)
	}
}
