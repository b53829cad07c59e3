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
	return plan{
		fixed: urls(versioned(base), llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpEmbeddings,
			llm.OpMessages, llm.OpCountTokens),
		key:  asBearer,
		pass: passBearer,
	}
}
