package messages

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

var toolReading = dialect.NewToolReading([]string{"tools"}, typeMCPServer) // immutable

// HostedTool finds the first hosted tool of a request.
func (Dialect) HostedTool(body []byte) (*llm.Tool, error) {
	return toolReading.Find(body, func(path string, v jsontree.Value) ([]llm.Tool, error) {
		d := decoder{r: &llm.Request{}}
		if path == typeMCPServer {
			d.mcpServers(v)
		} else {
			d.tools(v)
		}
		return d.r.Tools, d.Err
	})
}
