package upstream

import (
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

const ollamaEndpoint = "http://127.0.0.1:11434"

// planOllama is for Ollama's compatible routes, all below /v1. There is no
// route that counts tokens. Ollama itself wants no credential; one that is
// configured is for a proxy in front of it and goes as Bearer.
//
// Source: ollama/ollama server/routes.go, read 2026-08-21.
func planOllama(base *url.URL) plan {
	return plan{
		fixed: urls(versioned(base), llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpEmbeddings, llm.OpMessages),
		key:   asBearer,
		pass:  passBearer,
	}
}
