package messages_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/messages"
)

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
