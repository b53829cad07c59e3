package e2e_test

import (
	"strings"
	"sync"
	"testing"
)

// An sdk is a client that is run against every lane.
type sdk struct {
	name  string
	model string
	run   func(t *testing.T, h *house, model string) []seen
}

var sdks = []sdk{ // immutable
	{"openai for Python", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.python(t, "openai_calls.py", "openai", model)
	}},
	{"openai for Python", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.python(t, "openai_more.py", model)
	}},
	{"openai for Node", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "openai", "openai_calls.mjs", "openai", model)
	}},
	{"openai for Node", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "openai", "openai_more.mjs", model)
	}},
	{"openai for Go", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return newGoClient(h, model, false).run(t.Context(), false)
	}},
	{"@anthropic-ai/sdk", "claude-opus-5", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "@anthropic-ai/sdk", "anthropic_calls.mjs", model)
	}},
	{"@anthropic-ai/sdk", "claude-opus-5", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "@anthropic-ai/sdk", "anthropic_more.mjs", model)
	}},
	{"AI SDK, openai", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "@ai-sdk/openai", "ai_calls.mjs", "openai", model)
	}},
	{"AI SDK, azure", "gpt-5-mini", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "@ai-sdk/azure", "ai_calls.mjs", "azure", model)
	}},
	{"AI SDK, anthropic", "claude-opus-5", func(t *testing.T, h *house, model string) []seen {
		return h.node(t, "@ai-sdk/anthropic", "ai_calls.mjs", "anthropic", model)
	}},
}

// sdks runs the SDKs. What their user sees is what is seen where nothing is in
// between.
func (c *compatibility) sdks(t *testing.T) {
	for i, client := range sdks {
		plain := sync.OnceValue(func() (list []seen) {
			t.Run(client.name+" to the simulator itself", func(t *testing.T) {
				list = client.run(t, direct(t), client.model)
			})
			for _, one := range list {
				c.row(feature{client.name, one.Case})
				if one.Fault != "" {
					t.Errorf("%s, %s: %s", client.name, one.Case, one.Fault)
				}
			}
			return list
		})
		for j, l := range lanes {
			if !runs(i, j) {
				continue
			}
			want := plain()
			t.Run(client.name+" to "+l.dialect, func(t *testing.T) {
				t.Parallel()
				h := newLaneHouse(t, l)
				front := record(t, h.url)
				h.url = front.url
				got, answers := client.run(t, h, client.model), front.requests()
				if len(got) != len(want) || len(answers) != len(want) {
					t.Fatalf("the client saw %d exchanges of %d requests, want %d of each", len(got), len(answers), len(want))
				}
				for k := range want {
					f := feature{client.name, want[k].Case}
					c.note(t, f, l, compare(t, got[k], want[k], answers[k]))
				}
			})
		}
	}
}

// compare says what has become of one exchange.
func compare(t *testing.T, got, want seen, answer request) string {
	t.Helper()
	verdict := judge(answer)
	if verdict == refused || verdict == none {
		return verdict
	}
	if verdict == guessed {
		// The order of magnitude is all that can be asked for.
		if got.Usage == nil || got.Usage.Input == 0 || got.Usage.Input > 10*want.Usage.Input {
			t.Errorf("the client was told %v tokens, without Weir %v", got.Usage, want.Usage)
		}
		got.Usage = want.Usage
	}
	for _, s := range []*seen{&got, &want} {
		s.Model, s.RequestID, s.Deltas, s.Vectors, s.Seconds = "", "", 0, nil, 0
		s.Signed = false // what is not Anthropic's has no signature
		if s.Usage == nil {
			continue
		}
		u := *s.Usage
		u.Reasoning = 0 // Anthropic and Ollama do not tell it apart
		if strings.Contains(s.Case, "custom tool") || strings.Contains(s.Case, "parse") || strings.Contains(s.Case, "structured") {
			u = usage{} // it costs more where it has to be described
		}
		s.Usage = &u
	}
	if g, w := text(got), text(want); g != w && verdict != lossy || got.Fault != "" {
		t.Errorf("the client saw\n\t%s\nand without Weir\n\t%s\nthe answer was %d %.2000s", g, w, answer.Status, answer.Reply)
		return broken
	}
	return verdict
}
