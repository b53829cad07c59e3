package e2e_test

import "testing"

// TestOpenAIClients runs the good days of the OpenAI SDKs, in both of their
// forms, against every kind of upstream that speaks their dialects, and once
// without Weir.
func TestOpenAIClients(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name string
		run  func(t *testing.T, h *house, form, model string) []seen
	}{
		{"python", func(t *testing.T, h *house, form, model string) []seen {
			return h.python(t, "openai_calls.py", form, model)
		}},
		{"node", func(t *testing.T, h *house, form, model string) []seen {
			return h.node(t, "openai", "openai_calls.mjs", form, model)
		}},
		{"go", func(t *testing.T, h *house, form, model string) []seen {
			return newGoClient(h, model, form == "azure").run(t.Context())
		}},
	} {
		for _, tt := range []struct{ form, upstream string }{
			{"openai", ""},
			{"openai", "openai"},
			{"openai", "azure"},
			{"openai", "classic"},
			{"openai", "ollama"},
			{"openai", "compatible"},
			{"openai", "simulator"},
			{"azure", ""},
			{"azure", "azure"},
			{"azure", "classic"},
			{"azure", "openai"},
		} {
			t.Run(client.name+" "+tt.form+" to "+or(tt.upstream, "the simulator itself"), func(t *testing.T) {
				t.Parallel()
				h, model := houseFor(t, tt.upstream)
				got := client.run(t, h, tt.form, model)
				h.check(t, model, got, openAIWants())
				h.checkArrived(t, tt.upstream)
			})
		}
	}
}

// houseFor returns a house and the model that leads to upstream in it. No
// upstream is a house without Weir.
func houseFor(t *testing.T, upstream string) (h *house, model string) {
	t.Helper()
	if upstream == "" {
		return direct(t), "gpt-5-mini"
	}
	return newHouse(t, upstream), "m-" + upstream
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
