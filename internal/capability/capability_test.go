package capability_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"gpt-5":                  "gpt-5",
		"gpt-5-mini-2025-08-07":  "gpt-5",
		"gpt-5mini":              "gpt-5",
		"my-gpt-5-deployment":    "gpt-5",
		"GPT-5-Nano":             "gpt-5",
		"gpt-5.1":                "gpt-5.1",
		"gpt-5.2-codex":          "gpt-5.1",
		"gpt-6-astra":            "gpt-5.1",
		"gpt-10":                 "gpt-5.1",
		"gpt-11-mini":            "gpt-5.1",
		"gpt-5-chatbot":          "gpt-5",
		"gpt-5-chat-latest":      "gpt-4",
		"gpt-4o":                 "gpt-4",
		"gpt-4.1-mini":           "gpt-4",
		"gpt-41":                 "gpt-4",
		"gpt-35-turbo":           "gpt-4",
		"gpt-35-turbo-16k":       "gpt-4",
		"gpt-45-preview":         "gpt-4",
		"gpt-3.5-turbo":          "gpt-4",
		"o1":                     "o",
		"o3-mini":                "o",
		"o10":                    "o",
		"team-o4-mini":           "o",
		"codex-mini-latest":      "codex",
		"claude-3-5-sonnet":      "claude",
		"claude-opus-4-5":        "claude",
		"claude-opus-4-7":        "claude, adaptive",
		"claude-opus-4.8":        "claude, adaptive",
		"claude-haiku-5-5":       "claude, adaptive",
		"claude-mythos-1":        "claude, adaptive",
		"claude-sonnet-4-5-2025": "claude",
		"gpt-oss-120b":           "",
		"foo1":                   "",
		"llama3.1":               "",
		"qwen3":                  "",
		"":                       "",
	} {
		if got := capability.Find(name); got.Name != want || got.Known() != (want != "") {
			t.Errorf("Find(%q) = %q, want %q", name, got.Name, want)
		}
	}
}

func TestResponsesOnly(t *testing.T) {
	for name, want := range map[string]bool{
		"o1-pro": true, "o3-pro": true, "o3-deep-research": true, "codex-mini": true, "gpt-5-codex": true, "gpt-5-pro": true, "gpt-5.2-pro": true,
		"gpt-5-prod": false, "gpt-5.1-project": false, "o3-prod": false,
		"o3": false, "gpt-5": false, "gpt-5.1": false, "gpt-4o": false,
	} {
		if got := capability.Find(name).ResponsesOnly; got != want {
			t.Errorf("%s is for Responses only: %v, want %v", name, got, want)
		}
	}
}

func TestEffort(t *testing.T) {
	for _, tt := range []struct{ model, effort, want string }{
		{"gpt-5", "none", "minimal"},
		{"gpt-5", "xhigh", "high"},
		{"gpt-5.1", "minimal", "none"},
		{"gpt-5.1", "xhigh", "high"},
		{"gpt-5.2", "xhigh", "xhigh"},
		{"gpt-5.1-codex", "xhigh", "high"},
		{"gpt-5.1-codex-max", "xhigh", "xhigh"},
		{"gpt-5.2-codex", "none", "low"},
		{"o3", "minimal", "low"},
		{"o3", "unheard-of", "unheard-of"},
		{"claude-opus-4-7", "xhigh", "high"},
		{"gpt-4o", "low", "low"},
		{"llama", "none", "none"},
	} {
		got, other := capability.Find(tt.model).Effort(tt.effort)
		if got != tt.want || other != (tt.effort != tt.want) {
			t.Errorf("%s: effort %s becomes %s, %v; want %s", tt.model, tt.effort, got, other, tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	zero, five, no := int64(0), int64(5), false
	harmless := llm.Request{
		Temperature: "1.0", TopP: "1", PresencePenalty: "0", FrequencyPenalty: "0.0", LogitBias: []byte("{}"),
		Stop: []string{}, N: 1, TopLogprobs: &zero, Effort: "xhigh",
	}
	harmful := llm.Request{
		Temperature: "0.2", TopP: "0.5", PresencePenalty: "1", LogitBias: []byte(`{"1":2}`), Stop: []string{"x"},
		Logprobs: true, TopLogprobs: &five, Verbosity: "low", ParallelTools: &no, Effort: "low",
	}
	for _, tt := range []struct {
		name   string
		model  string
		policy capability.Policy
		in     llm.Request
		want   llm.Request
		told   int // losses
	}{
		{"off", "o3", capability.Off, harmful, harmful, 0},
		{"unknown model", "llama", capability.Drop, harmful, harmful, 0},
		{"safe leaves out what changes nothing", "o3", capability.Safe, harmless, llm.Request{Effort: "high"}, 1},
		{"safe keeps the rest", "o3", capability.Safe, harmful, harmful, 0},
		{"drop", "o3", capability.Drop, harmful, llm.Request{Effort: "low"}, 8},
		{"a model that takes all but effort", "gpt-4o", capability.Safe, llm.Request{Temperature: "1", Effort: "low"}, llm.Request{Temperature: "1", Effort: "low"}, 0},
		{"effort dropped", "gpt-4o", capability.Drop, llm.Request{Temperature: "0.2", Effort: "low"}, llm.Request{Temperature: "0.2"}, 1},
		{"sampling without work", "gpt-5.1", capability.Drop, llm.Request{Temperature: "0.2", Effort: "none"}, llm.Request{Temperature: "0.2", Effort: "none"}, 0},
		{"sampling with work", "gpt-5.1", capability.Drop, llm.Request{Temperature: "0.2", Effort: "low"}, llm.Request{Effort: "low"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.in
			losses, err := capability.Apply(&got, capability.Rules{Policy: tt.policy, Family: capability.Find(tt.model), As: llm.Chat})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if len(losses) != tt.told {
				t.Errorf("%d losses, want %d: %+v", len(losses), tt.told, losses)
			}
		})
	}
}

// TestEffortOfTwoAsNear: the lesser is taken, in whatever order they are named.
func TestEffortOfTwoAsNear(t *testing.T) {
	for _, own := range [][]string{{"low", "high"}, {"high", "low"}} {
		if got, _ := (capability.Family{}).WithEfforts(own).Effort("medium"); got != "low" {
			t.Errorf("of %v, the nearest to medium is %s, want low", own, got)
		}
	}
}

func TestStop(t *testing.T) {
	for name, want := range map[string]bool{"o1": true, "o1-mini": true, "o3": false, "o4-mini": false, "gpt-5": false, "gpt-4o": true} {
		if got := capability.Find(name).Stop; got != want {
			t.Errorf("%s takes stop: %v, want %v", name, got, want)
		}
	}
}

// TestNoThinking: a client that wants no thinking gets as little as the model
// can, in every protocol that asks for an effort.
func TestNoThinking(t *testing.T) {
	for _, tt := range []struct {
		model          string
		as             llm.Dialect
		effort, thinks string // what is left of either
		told           int
	}{
		{"gpt-5", llm.Chat, "minimal", "disabled", 1},
		{"gpt-5", llm.Responses, "minimal", "disabled", 1},
		{"gpt-5.1", llm.Responses, "", "disabled", 0},
		{"gpt-4o", llm.Responses, "", "", 0},
		{"gpt-5", llm.Messages, "", "disabled", 0},
		{"gpt-5", llm.Ollama, "", "disabled", 0},
	} {
		r := llm.Request{Dialect: llm.Messages, Thinking: "disabled"}
		losses, err := capability.Apply(&r, capability.Rules{Policy: capability.Safe, Family: capability.Find(tt.model), As: tt.as})
		if err != nil || r.Effort != tt.effort || r.Thinking != tt.thinks || len(losses) != tt.told {
			t.Errorf("%s in %s: effort %q, thinking %q, lost %v, %v; want %+v", tt.model, tt.as, r.Effort, r.Thinking, losses, err, tt)
		}
	}
}

// TestFoundryElsewhere: in protocols that are not OpenAI's the policy is Safe.
func TestFoundryElsewhere(t *testing.T) {
	for _, as := range []llm.Dialect{llm.Messages, llm.Ollama} {
		r := llm.Request{Dialect: llm.Chat, Effort: "minimal", Temperature: "1", TopK: "3"}
		losses, err := capability.Apply(&r, capability.Rules{Policy: capability.Foundry, Family: capability.Find("o3"), As: as})
		if err != nil || r.Effort != "low" || r.Temperature != "" || r.TopK != "3" || len(losses) != 1 {
			t.Errorf("%s: %+v, lost %v, %v", as, r, losses, err)
		}
	}
}
