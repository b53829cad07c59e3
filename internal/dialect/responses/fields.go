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

// types are the protocol's words for the kinds of tools, in one place.
type types [llm.ToolHosted]string

var (
	callTypes = types{ // immutable
		llm.ToolFunction:   "function_call",
		llm.ToolCustom:     "custom_tool_call",
		llm.ToolLocalShell: "local_shell_call",
		llm.ToolShell:      "shell_call",
		llm.ToolApplyPatch: "apply_patch_call",
		llm.ToolSearch:     "tool_search_call",
	}
	outputTypes = types{ // immutable
		llm.ToolFunction:   "function_call_output",
		llm.ToolCustom:     "custom_tool_call_output",
		llm.ToolLocalShell: "local_shell_call_output",
		llm.ToolShell:      "shell_call_output",
		llm.ToolApplyPatch: "apply_patch_call_output",
		llm.ToolSearch:     "tool_search_output",
	}
	toolTypes = types{ // immutable
		llm.ToolFunction:   "function",
		llm.ToolCustom:     "custom",
		llm.ToolNamespace:  "namespace",
		llm.ToolLocalShell: "local_shell",
		llm.ToolShell:      "shell",
		llm.ToolApplyPatch: "apply_patch",
		llm.ToolSearch:     "tool_search",
	}
)

// kind returns the kind of tool that a type is of.
func (t *types) kind(typ string) (llm.ToolKind, bool) {
	for kind, name := range t {
		if name == typ && name != "" {
			return llm.ToolKind(kind), true
		}
	}
	return 0, false
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

// hostedItems are the types of items that only the provider can read or run.
var hostedItems = map[string]bool{ // immutable
	"web_search_call": true, "file_search_call": true, "code_interpreter_call": true, "image_generation_call": true,
	"computer_call": true, "computer_call_output": true, "mcp_call": true, "mcp_list_tools": true, "mcp_approval_request": true,
	"mcp_approval_response": true, "compaction": true, "compaction_summary": true, "compaction_trigger": true,
	"program": true, "program_output": true,
}

// isOurs reports whether a type is of an item of this protocol.
func isOurs(typ string) bool {
	_, call := callTypes.kind(typ)
	_, output := outputTypes.kind(typ)
	return call || output || hostedItems[typ] || typ == "additional_tools"
}

// spelled are the members of items that the neutral form has fields for.
var spelled = map[string]bool{ // immutable
	"id": true, "type": true, "status": true, "role": true, "content": true, "summary": true, "encrypted_content": true,
	"call_id": true, "name": true, "namespace": true, "arguments": true, "input": true, "action": true, "operation": true, "execution": true,
}
