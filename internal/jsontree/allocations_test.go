//go:build !race

package jsontree_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/jsontree"
)

// One event of a stream costs no allocation but for the texts that are asked
// for.
func TestParserAllocations(t *testing.T) {
	src := []byte(`{"id":"1","choices":[{"index":0,"delta":{"content":"some text"},"finish_reason":null}]}`)
	var p jsontree.Parser
	text := ""
	got := testing.AllocsPerRun(100, func() {
		v, err := p.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Get("choices").Elements() {
			if c.Get("finish_reason").Given() || !v.Get("id").Is("1") {
				t.Fatal("read wrongly")
			}
			text = c.Get("delta").Get("content").Text()
		}
	})
	if got > 1 || text != "some text" {
		t.Errorf("%v allocations for %q, want 1", got, text)
	}
}
