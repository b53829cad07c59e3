package e2e_test

import (
	"slices"
	"testing"
)

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
			return h.python(t, "openai_calls.py", form, model, h.lists())
		}},
		{"node", func(t *testing.T, h *house, form, model string) []seen {
			return h.node(t, "openai", "openai_calls.mjs", form, model, h.lists())
		}},
		{"go", func(t *testing.T, h *house, form, model string) []seen {
			return newGoClient(h, model, form == "azure").run(t.Context(), h.weir != nil)
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
				if h.weir != nil {
					got = checkModels(t, got, model)
				}
				h.check(t, model, got, openAIWants())
				h.checkArrived(t, tt.upstream)
			})
		}
	}
}

// lists is the argument that makes a program list the models, which is a
// question to Weir alone.
func (h *house) lists() string {
	if h.weir == nil {
		return ""
	}
	return "models"
}

// checkModels checks the last thing a client saw, the list of models: the
// catalog of the configuration, without patterns. It returns the rest.
func checkModels(t *testing.T, got []seen, model string) []seen {
	t.Helper()
	last := len(got) - 1
	if got[last].Case != "models" || got[last].Model != model {
		t.Errorf("asked for the model %s the client saw %s", model, text(got[last]))
	}
	for upstream := range addresses {
		if one := "model m-" + upstream + " true"; !slices.Contains(got[last].IDs, one) {
			t.Errorf("the list of models is %q, want %q in it", got[last].IDs, one)
		}
	}
	return got[:last]
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
