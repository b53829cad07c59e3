package chat_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/llm"
)

// full is what OpenAI's own server takes, and more.
func full() dialect.Traits {
	return dialect.Traits{
		OpenAI: true, MaxCompletionTokens: true, Developer: true, ToolChoice: true, Files: true, Audio: true, ImageURLs: true,
		Tools: []llm.ToolKind{llm.ToolCustom}, Hosted: []string{llm.HostedSearch},
		Reasoning: "reasoning_content", ReasoningAlways: true, TopK: true, StreamUsage: true,
	}
}

func TestCodec(t *testing.T) {
	dialecttest.CodecSuite{
		Codec: chat.Dialect{}, Framed: true, Traits: full(), Options: options,
		Carries: dialecttest.Carries{
			Reasoning: true, Refusal: true, Annotations: true, Logprobs: true, Custom: true, Interleaved: true,
			Filtered: true, CacheWrite: true, ReasonTokens: true,
		},
	}.Run(t)
}
