package upstream

import (
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

// planCompatible is for any server that speaks OpenAI's or Anthropic's
// protocol: vLLM, LM Studio, llama.cpp, OpenRouter, Gemini's compatibility
// layer. It is believed to serve every operation; one that it does not serve
// it refuses itself. The key goes as Bearer; a server that wants it elsewhere
// takes mode none and an extra header.
func planCompatible(base *url.URL) plan {
	v1 := versioned(base)
	return plan{
		fixed: urls(v1, append([]llm.Operation{llm.OpMessages, llm.OpCountTokens}, openAIOperations...)...),
		root:  unversioned(base),
		v1:    v1,
		key:   asBearer,
		pass:  passBearer,
	}
}
