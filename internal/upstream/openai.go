package upstream

import (
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

const openAIEndpoint = "https://api.openai.com"

// planOpenAI is for OpenAI's own API: everything below /v1, the key as Bearer.
//
// Source: https://platform.openai.com/docs/api-reference/authentication.
func planOpenAI(base *url.URL) plan {
	return plan{
		fixed: urls(versioned(base), llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpEmbeddings),
		key:   asBearer,
		pass:  passBearer,
	}
}
