package responses

import "github.com/weir-gateway/weir/internal/llm"

// fields are what the protocol calls the settings of a request.
var fields = [llm.Fields]string{ // immutable
	llm.FieldInstructions:  "instructions",
	llm.FieldTools:         "tools",
	llm.FieldToolChoice:    "tool_choice",
	llm.FieldParallelTools: "parallel_tool_calls",
	llm.FieldFormat:        "text.format",
	llm.FieldVerbosity:     "text.verbosity",
	llm.FieldMaxOutput:     "max_output_tokens",
	llm.FieldEffort:        "reasoning.effort",
	llm.FieldSummary:       "reasoning.summary",
	llm.FieldTemperature:   "temperature",
	llm.FieldTopP:          "top_p",
	llm.FieldTopLogprobs:   "top_logprobs",
	llm.FieldLogprobs:      "include",
	llm.FieldStream:        "stream",
	llm.FieldStore:         "store",
	llm.FieldPreviousID:    "previous_response_id",
}

// The values of include that have a field of their own.
const (
	includeLogprobs = "message.output_text.logprobs"
	includeSealed   = "reasoning.encrypted_content"
)

// echoed are the members of a request that its response repeats.
var echoed = map[string]bool{ // immutable
	"instructions": true, "tools": true, "tool_choice": true, "text": true, "reasoning": true, "temperature": true, "top_p": true,
	"truncation": true, "parallel_tool_calls": true, "max_output_tokens": true, "max_tool_calls": true, "previous_response_id": true,
	"metadata": true, "user": true, "safety_identifier": true, "prompt_cache_key": true, "prompt_cache_retention": true,
	"top_logprobs": true, "presence_penalty": true, "frequency_penalty": true,
}

// itemTypes are the types of items that are calls of tools and what they give
// back, by the tool.
var (
	callTypes = map[string]llm.ToolKind{ // immutable
		"function_call":    llm.ToolFunction,
		"custom_tool_call": llm.ToolCustom,
		"local_shell_call": llm.ToolLocalShell,
		"shell_call":       llm.ToolShell,
		"apply_patch_call": llm.ToolApplyPatch,
		"tool_search_call": llm.ToolSearch,
	}
	outputTypes = map[string]llm.ToolKind{ // immutable
		"function_call_output":    llm.ToolFunction,
		"custom_tool_call_output": llm.ToolCustom,
		"local_shell_call_output": llm.ToolLocalShell,
		"shell_call_output":       llm.ToolShell,
		"apply_patch_call_output": llm.ToolApplyPatch,
		"tool_search_output":      llm.ToolSearch,
	}
	toolTypes = map[string]llm.ToolKind{ // immutable
		"function":    llm.ToolFunction,
		"custom":      llm.ToolCustom,
		"namespace":   llm.ToolNamespace,
		"local_shell": llm.ToolLocalShell,
		"shell":       llm.ToolShell,
		"apply_patch": llm.ToolApplyPatch,
		"tool_search": llm.ToolSearch,
	}
)

// hostedItems are the types of items that only the provider can read or run.
var hostedItems = map[string]bool{ // immutable
	"web_search_call": true, "file_search_call": true, "code_interpreter_call": true, "image_generation_call": true,
	"computer_call": true, "computer_call_output": true, "mcp_call": true, "mcp_list_tools": true, "mcp_approval_request": true,
	"mcp_approval_response": true, "compaction": true, "compaction_summary": true, "compaction_trigger": true,
	"program": true, "program_output": true,
}

// typeOf returns the type that a kind of tool has in a table above.
func typeOf(table map[string]llm.ToolKind, kind llm.ToolKind) string {
	for name, k := range table {
		if k == kind {
			return name
		}
	}
	return ""
}

// inputMember is the member of a call's item that holds what the tool is
// called with.
func inputMember(kind llm.ToolKind) string {
	switch kind {
	case llm.ToolCustom:
		return "input"
	case llm.ToolLocalShell, llm.ToolShell:
		return "action"
	case llm.ToolApplyPatch:
		return "operation"
	default:
		return "arguments"
	}
}
