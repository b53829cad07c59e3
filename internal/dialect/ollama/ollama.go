package ollama

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// Dialect is the protocol. The zero value is ready.
type Dialect struct{}

var _ dialect.UpstreamCodec = Dialect{}

// Name returns [llm.Ollama].
func (Dialect) Name() llm.Dialect { return llm.Ollama }
