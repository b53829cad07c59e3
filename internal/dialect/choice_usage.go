package dialect

import (
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// ReadChoiceUsage reads the usage of an answer that is made of choices, in
// OpenAI's words and in those of compatible servers (see choiceValues for who
// says what). It returns false for what says nothing: no object, or zeroes
// alone, which some servers put on every event but the last.
func ReadChoiceUsage(v jsontree.Value) (llm.Usage, bool) {
	if v.Kind() != jsontree.Object {
		return llm.Usage{}, false
	}
	prompt, completion := v.Get("prompt_tokens_details"), v.Get("completion_tokens_details")
	total := tokens(v.Get("total_tokens"))
	u := llm.Usage{
		Input:  tokens(v.Get("prompt_tokens")),
		Output: tokens(v.Get("completion_tokens")),
		CachedInput: max(tokens(prompt.Get("cached_tokens")), tokens(v.Get("prompt_cache_hit_tokens")),
			tokens(v.Get("cached_tokens"))),
		CacheWrite: max(tokens(prompt.Get("cache_write_tokens")), tokens(prompt.Get("cache_creation_tokens"))),
		Reasoning:  tokens(completion.Get("reasoning_tokens")),
		Provenance: llm.UsageReported,
	}
	if u.Input == 0 && u.Output == 0 {
		u.Input = total
	}
	u.Output = max(u.Output, total-u.Input) // some leave reasoning out of the completion
	u.CachedInput = min(u.CachedInput, u.Input)
	u.CacheWrite = min(u.CacheWrite, u.Input-u.CachedInput)
	u.Reasoning = min(u.Reasoning, u.Output)
	return u, u.Input != 0 || u.Output != 0
}

// tokens returns a count that can be believed, else 0.
func tokens(v jsontree.Value) int64 {
	f, ok := v.Float()
	if !ok || f < 0 || f > maxTokens {
		return 0
	}
	return int64(f)
}

// AppendChoiceUsage writes the usage of an answer that is made of choices,
// with the details that OpenAI's clients look for.
func AppendChoiceUsage(w *jsontree.Writer, u llm.Usage) {
	w.Open('{')
	w.Name("prompt_tokens").Int(u.Input)
	w.Name("completion_tokens").Int(u.Output)
	w.Name("total_tokens").Int(u.Input + u.Output)
	w.Name("prompt_tokens_details").Open('{').Name("cached_tokens").Int(u.CachedInput)
	if u.CacheWrite > 0 {
		w.Name("cache_write_tokens").Int(u.CacheWrite)
	}
	w.Name("audio_tokens").Int(0).Close('}')
	w.Name("completion_tokens_details").Open('{')
	w.Name("reasoning_tokens").Int(u.Reasoning)
	w.Name("audio_tokens").Int(0)
	w.Name("accepted_prediction_tokens").Int(0)
	w.Name("rejected_prediction_tokens").Int(0)
	w.Close('}').Close('}')
}
