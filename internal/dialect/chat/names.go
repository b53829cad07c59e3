package chat

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

var _ dialect.Codec = Dialect{}

// names are what a chat client calls each setting.
var names = [llm.Fields]string{ // immutable
	llm.FieldInstructions:     "messages",
	llm.FieldTools:            "tools",
	llm.FieldToolChoice:       "tool_choice",
	llm.FieldParallelTools:    "parallel_tool_calls",
	llm.FieldFormat:           "response_format",
	llm.FieldVerbosity:        "verbosity",
	llm.FieldMaxOutput:        "max_completion_tokens",
	llm.FieldEffort:           "reasoning_effort",
	llm.FieldSummary:          "include_reasoning",
	llm.FieldTemperature:      "temperature",
	llm.FieldTopP:             "top_p",
	llm.FieldTopK:             "top_k",
	llm.FieldSeed:             "seed",
	llm.FieldPresencePenalty:  "presence_penalty",
	llm.FieldFrequencyPenalty: "frequency_penalty",
	llm.FieldLogitBias:        "logit_bias",
	llm.FieldStop:             "stop",
	llm.FieldN:                "n",
	llm.FieldLogprobs:         "logprobs",
	llm.FieldTopLogprobs:      "top_logprobs",
	llm.FieldStream:           "stream",
	llm.FieldStore:            "store",
}
