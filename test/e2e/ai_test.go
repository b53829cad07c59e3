package e2e_test

import "testing"

func aiWants() (wants []want) {
	for _, api := range []string{"responses", "chat"} {
		for _, s := range []seen{
			{Case: api, Model: "any", Text: echo, Finish: "stop"},
			{Case: api + " stream", Text: echo, Finish: "stop", Deltas: 3},
			{Case: api + " tools: call", Finish: "tool-calls", Tools: asked},
			{Case: api + " tools: answer", Text: forecasts, Finish: "stop"},
			{Case: api + " tools stream: call", Finish: "tool-calls", Tools: asked},
			{Case: api + " tools stream: answer", Text: forecasts, Finish: "stop"},
		} {
			wants = append(wants, want{operation: api, seen: s})
		}
	}
	return append(wants, want{operation: "embeddings", seen: seen{Case: "embeddings", Dimensions: []int{dimensions}}})
}

// TestAI runs the good days of the AI SDK with its providers for OpenAI and
// Azure. The latter's URLs with a deployment are those of no other client.
func TestAI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ form, module, upstream string }{
		{"openai", "@ai-sdk/openai", ""},
		{"openai", "@ai-sdk/openai", "openai"},
		{"openai", "@ai-sdk/openai", "ollama"},
		{"azure", "@ai-sdk/azure", ""},
		{"azure", "@ai-sdk/azure", "azure"},
		{"azure", "@ai-sdk/azure", "classic"},
		{"deployments", "@ai-sdk/azure", "azure"},
		{"deployments", "@ai-sdk/azure", "classic"},
		{"deployments", "@ai-sdk/azure", "openai"},
	} {
		t.Run(tt.form+" to "+or(tt.upstream, "the simulator itself"), func(t *testing.T) {
			t.Parallel()
			h, model := houseFor(t, tt.upstream)
			got := h.node(t, tt.module, "ai_calls.mjs", tt.form, model)
			h.check(t, model, got, aiWants())
			h.checkArrived(t, tt.upstream)
		})
	}
}
