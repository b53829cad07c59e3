package messages

import (
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// tools writes the tools, and which of them may or must be called. Of tools
// that are restricted to some, the others are left out.
func (e *encoder) tools() error {
	r := e.r
	written := 0
	for i := range r.Tools {
		t := &r.Tools[i]
		if t.Type == typeMCPServer || r.Choice.Mode == llm.ChoiceAllowed && !allowed(r.Choice.Allowed, t) {
			continue
		}
		if written == 0 {
			e.j.Name("tools").Open('[')
		}
		written++
		if err := e.tool(t); err != nil {
			return err
		}
	}
	if written > 0 {
		e.j.Close(']')
		e.choice()
	}
	return nil
}

func allowed(all []llm.Tool, t *llm.Tool) bool {
	return slices.ContainsFunc(all, func(a llm.Tool) bool {
		return a.Kind == t.Kind && a.Name == t.Name && (t.Kind != llm.ToolHosted || a.Type == t.Type)
	})
}

// typeWebSearch is the tool that searches the web in the form that every
// version of the protocol knows.
const typeWebSearch = "web_search_20250305"

func (e *encoder) tool(t *llm.Tool) error {
	j := &e.j
	switch {
	case e.own && t.Raw != nil:
		j.Raw(t.Raw)
	case t.Kind == llm.ToolFunction:
		j.Open('{').Name("name").Text(t.Name)
		if t.Description != "" {
			j.Name("description").Text(t.Description)
		}
		j.Name("input_schema").Raw(schemaOf(t.Schema)).Close('}')
	case t.Kind == llm.ToolHosted && t.Type == llm.HostedSearch:
		j.Open('{').Name("type").Text(typeWebSearch).Name("name").Text("web_search")
		if t.Search != nil {
			e.search(t.Search)
		}
		j.Close('}')
	default:
		return dialect.UnsupportedValue(t.Path+".type", "the target has no such tool")
	}
	return nil
}

func (e *encoder) search(s *llm.WebSearch) {
	e.domains("allowed_domains", s.Allowed)
	e.domains("blocked_domains", s.Blocked)
	if !s.Located() {
		return
	}
	e.j.Name("user_location").Open('{').Name("type").Text("approximate")
	for _, m := range [...]struct{ name, value string }{
		{"city", s.City}, {"country", s.Country}, {"region", s.Region}, {"timezone", s.TimeZone},
	} {
		if m.value != "" {
			e.j.Name(m.name).Text(m.value)
		}
	}
	e.j.Close('}')
}

func (e *encoder) domains(name string, all []string) {
	if len(all) == 0 {
		return
	}
	e.j.Name(name).Open('[')
	for _, d := range all {
		e.j.Text(d)
	}
	e.j.Close(']')
}

// schemaOf returns a schema whose type is object, as the servers demand.
func schemaOf(schema []byte) []byte {
	v, err := jsontree.Parse(schema)
	switch {
	case err != nil || v.Kind() != jsontree.Object:
		return []byte(`{"type":"object","properties":{}}`)
	case v.Get("type").Is("object"):
		return schema
	}
	w := new(jsontree.Writer)
	w.Open('{').Name("type").Text("object")
	for name, m := range v.Members() {
		if name != "type" {
			w.Name(name).Raw(m.Raw())
		}
	}
	return w.Close('}').Bytes()
}

func (e *encoder) choice() {
	c, j := &e.r.Choice, &e.j
	single := e.r.ParallelTools != nil && !*e.r.ParallelTools
	kind, name := "auto", ""
	switch c.Mode {
	case llm.ChoiceUnset:
		if !single {
			return
		}
	case llm.ChoiceNone:
		kind, single = "none", false
	case llm.ChoiceRequired:
		kind = "any"
	case llm.ChoiceAllowed:
		if c.Required {
			kind = "any"
		}
	case llm.ChoiceNamed:
		kind, name = "tool", c.Named.Name
	case llm.ChoiceHosted:
		kind, name = "tool", e.hostedName(c)
	}
	j.Name("tool_choice").Open('{').Name("type").Text(kind)
	if name != "" {
		j.Name("name").Text(name)
	}
	if single {
		j.Name("disable_parallel_tool_use").Bool(true)
	}
	j.Close('}')
}

// hostedName returns the name of the hosted tool that must be called. Other
// protocols say it in words of their own; one that searches the web is all
// that they have in common with this.
func (e *encoder) hostedName(c *llm.ToolChoice) string {
	if c.Named.Name != "" {
		return c.Named.Name
	}
	return "web_search"
}
