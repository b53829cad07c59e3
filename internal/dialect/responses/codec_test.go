package responses_test

import (
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

var _ dialect.Codec = responses.Dialect{}

func codecSuite() dialecttest.CodecSuite {
	return dialecttest.CodecSuite{
		Codec: responses.Dialect{}, Framed: true,
		Carries: dialecttest.Carries{
			Reasoning: true, Summary: true, Sealed: true, Refusal: true, Annotations: true, Logprobs: true, Custom: true,
			Namespace: true, Parts: true, Messages: true, Interleaved: true, Filtered: true, CacheWrite: true, ReasonTokens: true,
		},
		Traits: all,
		Options: func() *dialect.ReplyOptions {
			return &dialect.ReplyOptions{
				Request: &llm.Request{Dialect: llm.Responses, Model: "m", WantSealed: true},
				ID:      "0123456789", Time: time.Unix(1800000000, 0),
				Seal: func(item *llm.Item) string { return item.Sealed },
			}
		},
	}
}

// all is what OpenAI's own servers take.
var all = dialect.Traits{ // immutable
	OpenAI: true, Files: true, ImageURLs: true, Developer: true,
	Tools: []llm.ToolKind{llm.ToolCustom, llm.ToolNamespace, llm.ToolLocalShell, llm.ToolShell, llm.ToolApplyPatch, llm.ToolSearch},
}

func TestCodec(t *testing.T) { codecSuite().Run(t) }
