package chat

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

var toolReading = dialect.NewToolReading([]string{"tools"}, "web_search_options") // immutable

// HostedTool finds the first hosted tool of a request.
func (Dialect) HostedTool(body []byte) (*llm.Tool, error) {
	return toolReading.Find(body, func(path string, v jsontree.Value) ([]llm.Tool, error) {
		d := decoder{r: &llm.Request{}}
		members[path](&d, v)
		return d.r.Tools, d.Err
	})
}
