package upstream

import (
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

const ollamaEndpoint = "http://127.0.0.1:11434"

// planOllama is for Ollama's compatible routes, all below /v1, and for its own
// chat, at /api/chat. There is no route that counts tokens. Ollama itself wants no credential; one that is
// configured is for a proxy in front of it and goes as Bearer.
//
// Source: ollama/ollama server/routes.go, read 2026-08-21.
func planOllama(base *url.URL) plan {
	v1, root := versioned(base), unversioned(base)
	fixed := urls(v1, llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpEmbeddings, llm.OpMessages, llm.OpTranscription)
	fixed[llm.OpOllamaChat] = below(root, "/api/chat")
	return plan{
		fixed: fixed,
		root:  root,
		v1:    v1,
		key:   asBearer,
		pass:  passBearer,
	}
}
