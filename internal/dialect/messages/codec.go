package messages

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

var _ dialect.Codec = Dialect{}

// names are what a client calls each setting.
var names = [llm.Fields]string{ // immutable
	llm.FieldInstructions:  "system",
	llm.FieldTools:         "tools",
	llm.FieldToolChoice:    "tool_choice",
	llm.FieldParallelTools: "tool_choice.disable_parallel_tool_use",
	llm.FieldFormat:        "output_config.format",
	llm.FieldMaxOutput:     "max_tokens",
	llm.FieldEffort:        "output_config.effort",
	llm.FieldSummary:       "thinking.display",
	llm.FieldThinking:      "thinking",
	llm.FieldTemperature:   "temperature",
	llm.FieldTopP:          "top_p",
	llm.FieldTopK:          "top_k",
	llm.FieldStop:          "stop_sequences",
	llm.FieldStream:        "stream",
}

// at returns the path of an element.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
