package chat_test

import (
	"flag"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

func suite() dialecttest.Suite {
	return dialecttest.Suite{
		Dialect: chat.Dialect{},
		Name:    llm.Chat,
		Dir:     "testdata",
		Update:  *update,
		Injects: true,
		Begin:   `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000001,"model":"gpt-5","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
		Content: `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000001,"model":"gpt-5","choices":[{"index":0,"delta":{"content":"some \"text\" é"},"finish_reason":null}],"usage":null}` + "\n\n",
	}
}

func TestDialect(t *testing.T) { suite().Run(t) }

func FuzzTap(f *testing.F) { suite().FuzzTap(f) }

func FuzzRequest(f *testing.F) { suite().FuzzRequest(f) }
