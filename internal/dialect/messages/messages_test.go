package messages_test

import (
	"flag"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

func suite() dialecttest.Suite {
	return dialecttest.Suite{
		Dialect: messages.Dialect{},
		Name:    llm.Messages,
		Dir:     "testdata",
		Update:  *update,
		Begin: "event: message_start\n" +
			`data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-5","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}` + "\n\n",
		Content: "event: content_block_delta\n" +
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some text"}}` + "\n\n",
	}
}

func TestDialect(t *testing.T) { suite().Run(t) }

func FuzzTap(f *testing.F) { suite().FuzzTap(f) }

func FuzzRequest(f *testing.F) { suite().FuzzRequest(f) }
