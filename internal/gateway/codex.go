package gateway

import "strings"

// codexModel is what Codex must be told of a model that it does not know. All
// members are demanded by its decoder; with these values it behaves as it does
// for a model that nobody has told it about, but without warning of it.
//
// Source: codex-cli 0.169.0, seen on the wire on 2026-11-21.
type codexModel struct {
	Slug                       string         `json:"slug"`
	DisplayName                string         `json:"display_name"`
	Description                *string        `json:"description"`
	SupportedReasoningLevels   []any          `json:"supported_reasoning_levels"`
	ShellType                  string         `json:"shell_type"`
	Visibility                 string         `json:"visibility"`
	SupportedInAPI             bool           `json:"supported_in_api"`
	Priority                   int            `json:"priority"`
	BaseInstructions           string         `json:"base_instructions"` // empty: its own
	SupportVerbosity           bool           `json:"support_verbosity"`
	TruncationPolicy           map[string]any `json:"truncation_policy"`
	ExperimentalSupportedTools []any          `json:"experimental_supported_tools"`
	SupportsParallelToolCalls  bool           `json:"supports_parallel_tool_calls"`
}

// codexModels returns the names that Codex does not know by itself. Of the
// others it knows more than Weir does (tools, reasoning levels), and would
// forget it for what it is told here.
func codexModels(names []string) []codexModel {
	list := []codexModel{}
	for _, name := range names {
		if strings.HasPrefix(name, "gpt-") || strings.HasPrefix(name, "codex-") {
			continue
		}
		list = append(list, codexModel{
			Slug: name, DisplayName: name,
			SupportedReasoningLevels: []any{}, ExperimentalSupportedTools: []any{},
			ShellType: "unified_exec", Visibility: "list", SupportedInAPI: true, Priority: 100,
			TruncationPolicy:          map[string]any{"mode": "tokens", "limit": 10000},
			SupportsParallelToolCalls: true,
		})
	}
	return list
}
