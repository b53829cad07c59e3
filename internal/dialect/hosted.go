package dialect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A HostFinder is a [Dialect] whose requests can ask for hosted tools: tools
// that run at the provider.
type HostFinder interface {
	// HostedTool returns the first hosted tool that a request declares, nil if
	// it declares none. body has passed ReadRequest. The error is an
	// *llm.Error: tools that cannot be told apart for sure.
	HostedTool(body []byte) (*llm.Tool, error)
}

// RefuseHosted is the refusal of a hosted tool where all of them are refused.
func RefuseHosted(t *llm.Tool) error {
	return &llm.Error{
		Code: llm.CodeUnsupportedValue, Op: "dialect.refuse_hosted", Param: typePath(t.Path),
		Public: t.Path + ": the tool `" + t.Type + "` would run at the provider, and such tools are refused here (hosted_tools); leave it out",
	}
}

// A ToolReading finds the tools of requests that are not decoded. It is
// immutable.
type ToolReading struct {
	paths *jsonscan.Paths
	names []string // of the members; further paths follow
}

// NewToolReading returns a reading of the members in which a protocol declares
// tools. Those that are given before others are lists whose elements have a
// type.
func NewToolReading(lists []string, others ...string) *ToolReading {
	names := slices.Concat(lists, others)
	watch := slices.Clone(names)
	for _, path := range lists {
		watch = append(watch, path+"[].type") // so that no two readers see two tools in one
	}
	return &ToolReading{jsonscan.Compile(jsonscan.Spec{Watch: watch}), names}
}

// Find gives each member that is there to read, with the client's path of it,
// and returns the first hosted tool that comes of them.
func (g *ToolReading) Find(body []byte, read func(path string, v jsontree.Value) ([]llm.Tool, error)) (*llm.Tool, error) {
	found, err := g.paths.Scan(body, nil)
	if err != nil {
		return nil, syntaxError(err)
	}
	if found.More {
		return nil, invalid("tools", fmt.Sprintf("there are more than %d tools", jsonscan.MaxHits))
	}
	for _, h := range found.Hits {
		if h.Path >= len(g.names) || h.Kind == jsonscan.Null {
			continue
		}
		path := g.names[h.Path]
		if h.Index >= 0 {
			path = strings.Replace(path, "[]", fmt.Sprintf("[%d]", h.Index), 1)
		}
		v, err := jsontree.Parse(body[h.Span.Start:h.Span.End])
		if err != nil {
			return nil, invalid(path, path+": "+err.Error())
		}
		if name, twice := v.Duplicate(); twice {
			return nil, invalid(path, fmt.Sprintf("%s has the member %.64q twice in one object", path, name))
		}
		tools, err := read(path, v)
		if err != nil {
			return nil, err
		}
		if t := firstHosted(tools); t != nil {
			return t, nil
		}
	}
	return nil, nil
}

func firstHosted(tools []llm.Tool) *llm.Tool {
	for i := range tools {
		if tools[i].Kind == llm.ToolHosted {
			return &tools[i]
		}
		if t := firstHosted(tools[i].Tools); t != nil {
			return t
		}
	}
	return nil
}
