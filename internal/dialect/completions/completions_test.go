package completions_test

import (
	"flag"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/completions"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

func suite() dialecttest.Suite {
	return dialecttest.Suite{
		Dialect: completions.Dialect{},
		Name:    llm.Completions,
		Dir:     "testdata",
		Update:  *update,
		Injects: true,
		Begin:   `data: {"id":"cmpl-1","object":"text_completion","created":1700000001,"model":"gpt-3.5-turbo-instruct","choices":[{"index":0,"text":"","finish_reason":null}]}` + "\n\n",
		Content: `data: {"id":"cmpl-1","object":"text_completion","created":1700000001,"model":"gpt-3.5-turbo-instruct","choices":[{"index":0,"text":"some text","finish_reason":null}]}` + "\n\n",
	}
}

func TestDialect(t *testing.T) { suite().Run(t) }

func FuzzTap(f *testing.F) { suite().FuzzTap(f) }

func FuzzRequest(f *testing.F) { suite().FuzzRequest(f) }
