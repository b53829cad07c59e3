package upstream

import (
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

// headerSimulator is the prefix of the headers that tell the simulator how to
// misbehave. They pass to this kind alone.
const headerSimulator = "X-Sim-"

// planSimulator is for Weir's own model server, which serves every operation,
// Ollama's own chat too.
func planSimulator(base *url.URL) plan {
	p := planCompatible(base)
	p.fixed[llm.OpOllamaChat] = below(p.root, "/api/chat")
	return p
}
