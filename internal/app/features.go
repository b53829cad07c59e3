package app

import (
	"slices"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// ollamaLacks is what Ollama's form of the Responses protocol does not take,
// or takes and does not do.
//
// Source: ollama/ollama openai/responses.go, read and tried 2026-08-21.
const ollamaLacks = llm.FeatureCustomTools | llm.FeatureNamespaces | llm.FeatureClientTools | llm.FeatureToolItems |
	llm.FeatureState | llm.FeatureUnknownItems

// lacks returns what an upstream's kind does not take in d.
func lacks(u *config.Upstream, d llm.Dialect) llm.Features {
	if u.Kind == config.KindOllama && d == llm.Responses {
		return ollamaLacks
	}
	return 0
}

// features changes what a kind takes in d by what a target says, and returns
// what is lacking then.
func features(f *config.Features, d llm.Dialect, lacks llm.Features, out *dialect.Traits) llm.Features {
	for _, s := range [...]struct {
		given   *bool
		feature llm.Features
		tools   []llm.ToolKind
	}{
		{f.CustomTools, llm.FeatureCustomTools, []llm.ToolKind{llm.ToolCustom}},
		{f.Namespaces, llm.FeatureNamespaces, []llm.ToolKind{llm.ToolNamespace}},
		{f.ClientTools, llm.FeatureClientTools, []llm.ToolKind{llm.ToolLocalShell, llm.ToolShell, llm.ToolApplyPatch, llm.ToolSearch}},
		{f.ToolItems, llm.FeatureToolItems, nil},
		{f.UnknownItems, llm.FeatureUnknownItems, nil},
		{f.State, llm.FeatureState, nil},
	} {
		if s.given == nil || d != llm.Responses && (d != llm.Chat || s.feature != llm.FeatureCustomTools) {
			continue // chat has nothing of these but custom tools, the others nothing at all
		}
		out.Tools = slices.DeleteFunc(slices.Clone(out.Tools), func(k llm.ToolKind) bool { return slices.Contains(s.tools, k) })
		if *s.given {
			lacks &^= s.feature
			out.Tools = append(out.Tools, s.tools...)
		} else {
			lacks |= s.feature
		}
	}
	given(&out.ToolChoice, f.ToolChoice)
	given(&out.Files, f.Files)
	given(&out.Audio, f.Audio)
	given(&out.ImageURLs, f.ImageURLs)
	return lacks
}

func given(trait, value *bool) {
	if value != nil {
		*trait = *value
	}
}

// echo says how a model is sent what it thought.
func echo(e config.EchoReasoning, out *dialect.Traits) {
	const usual = "reasoning_content"
	switch e {
	case config.EchoRequired, config.EchoOptional:
		out.Reasoning = firstOf(out.Reasoning, usual)
		out.ReasoningAlways = e == config.EchoRequired
	case config.EchoForbidden:
		out.Reasoning = ""
	default:
		out.ReasoningAlways = out.Reasoning == usual
	}
}
