package messages_test

import (
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// options are those of a client that takes everything.
func options() *dialect.ReplyOptions {
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: llm.Messages, Model: "m", Thinking: "adaptive", WantSealed: true},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
		Seal: func(item *llm.Item) string { return item.Sealed },
	}
}

func codecSuite() dialecttest.CodecSuite {
	return dialecttest.CodecSuite{
		Codec: messages.Dialect{}, Framed: true, Options: options,
		Carries: dialecttest.Carries{
			Reasoning: true, Sealed: true, Parts: true, Interleaved: true, Filtered: true, CacheWrite: true, ReasonTokens: true,
			StopSequence: true,
		},
		Traits: dialect.Traits{Files: true, ImageURLs: true, Effort: true},
	}
}

func TestCodec(t *testing.T) { codecSuite().Run(t) }
