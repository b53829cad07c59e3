package dialect

import (
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// Where the answers that are made of choices keep things: Chat Completions,
// legacy Completions and, for their usage, embeddings.
const (
	inError = iota
	inErrorCode
	inErrorType
	inErrorMessage
	inID
	inModel
	inChoices
	inIndex
	inFinish
	inFilterResults
	inUsage
	inPrompt
	inCompletion
	inTotal
	inCached
	inCacheHit
	inTopCached
	inCacheWrite
	inCacheCreation
	inReasoning
)

// Sources: https://github.com/openai/openai-openapi, schemas
// CreateChatCompletionStreamResponse and CompletionUsage. Assumptions, seen of
// compatible servers: prompt_cache_hit_tokens is DeepSeek's, cached_tokens
// beside the totals Moonshot's, cache_creation_tokens Envoy AI Gateway's.
var choiceValues = []string{ // immutable
	inError:         "error",
	inErrorCode:     "error.code",
	inErrorType:     "error.type",
	inErrorMessage:  "error.message",
	inID:            "id",
	inModel:         "model",
	inChoices:       "choices",
	inIndex:         "choices[].index",
	inFinish:        "choices[].finish_reason",
	inFilterResults: "prompt_filter_results",
	inUsage:         "usage",
	inPrompt:        "usage.prompt_tokens",
	inCompletion:    "usage.completion_tokens",
	inTotal:         "usage.total_tokens",
	inCached:        "usage.prompt_tokens_details.cached_tokens",
	inCacheHit:      "usage.prompt_cache_hit_tokens",
	inTopCached:     "usage.cached_tokens",
	inCacheWrite:    "usage.prompt_tokens_details.cache_write_tokens",
	inCacheCreation: "usage.prompt_tokens_details.cache_creation_tokens",
	inReasoning:     "usage.completion_tokens_details.reasoning_tokens",
}

// ChoiceSchema returns the schema of answers that are made of choices, whole
// and streamed. text lists the paths of the strings that the model put out.
func ChoiceSchema(text ...string) *Schema {
	return &Schema{
		Paths: jsonscan.Compile(jsonscan.Spec{Watch: choiceValues, Count: text}),
		Read:  readChoices,
		Done:  true,
	}
}

func readChoices(v Values, o *Outcome) {
	ErrorAt{inError, inErrorCode, inErrorType, inErrorMessage}.Read(v, o)
	o.Identify(v, inID, inModel)
	none := v.Kind(inChoices) == jsonscan.Array && v.Counts().Items == 0
	for at := range min(v.Counts().Items, maxChoices) {
		o.Choice(choiceIndex(v, at), choiceFinished(v, at))
	}
	if v.Kind(inUsage) != jsonscan.Object {
		return
	}
	o.Report(choiceUsage(v))
	o.Drop = none && v.Kind(inFilterResults) <= jsonscan.Null
}

// choiceIndex returns the index of the choice at this place of the array,
// which is the place itself for servers that leave it out.
func choiceIndex(v Values, at int64) int64 {
	if n, ok := count(element(v, inIndex, at)); ok {
		return n
	}
	return at
}

func choiceFinished(v Values, at int64) bool {
	raw := element(v, inFinish, at)
	return len(raw) > len(`""`) && raw[0] == '"'
}

// element returns the value at path in the element at this place.
func element(v Values, path int, at int64) []byte {
	for i, raw := range v.Each(path) {
		if int64(i) == at {
			return raw
		}
	}
	return nil
}

func choiceUsage(v Values) llm.Usage {
	u := llm.Usage{
		Input:       v.Largest(inPrompt),
		Output:      v.Largest(inCompletion),
		CachedInput: v.Largest(inCached, inCacheHit, inTopCached),
		CacheWrite:  v.Largest(inCacheWrite, inCacheCreation),
		Reasoning:   v.Largest(inReasoning),
	}
	if u.Input == 0 && u.Output == 0 {
		u.Input = v.Largest(inTotal) // embeddings of some servers
	}
	// Assumption, seen of compatible servers: where the total is more than the
	// two, they left reasoning out of the completion.
	u.Output = max(u.Output, v.Largest(inTotal)-u.Input)
	return u
}
