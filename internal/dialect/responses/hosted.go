package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

var toolReading = dialect.NewToolReading([]string{"tools", "input[].tools"}) // immutable

// HostedTool finds the first hosted tool of a request, also among those that
// its items declare.
func (Dialect) HostedTool(body []byte) (*llm.Tool, error) {
	return toolReading.Find(body, func(path string, v jsontree.Value) ([]llm.Tool, error) {
		d := decoder{r: &llm.Request{}}
		tools := d.tools(v, path)
		return tools, d.Err
	})
}
