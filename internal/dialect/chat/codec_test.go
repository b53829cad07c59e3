package chat_test

import (
	"testing"
	"time"

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
		Reasoning: "reasoning_content", TopK: true, StreamUsage: true,
	}
}

// options are those of a client that wants all there is.
func options() *dialect.ReplyOptions {
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: llm.Chat, Model: "m", Summary: "auto", Logprobs: true, IncludeUsage: true, Stream: true},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
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
