package responses

import (
	"bytes"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// tools writes the tools and which of them may be called.
func (e *requestEncoder) tools() error {
	if len(e.r.Tools) > 0 {
		e.j.Name("tools").Open('[')
		for i := range e.r.Tools {
			if err := e.tool(&e.r.Tools[i]); err != nil {
				return err
			}
		}
		e.j.Close(']')
	}
	return e.choice()
}

// noParameters is the schema of a function that has none, which must be told.
const noParameters = `{"type":"object","properties":{}}`

func (e *requestEncoder) tool(t *llm.Tool) error {
	j := e.j
	switch {
	case e.own && t.Raw != nil && !e.deferred(t):
		j.Raw(t.Raw)
		return nil
	case t.Kind == llm.ToolHosted && t.Search != nil:
		e.search(t)
		return nil
	case t.Kind == llm.ToolHosted:
		return dialect.UnsupportedValue(t.Path+".type", "the tool `"+t.Type+"` cannot run where this model is served")
	}
	j.Open('{').Name("type").Text(toolTypes[t.Kind])
	if t.Name != "" {
		j.Name("name").Text(t.Name)
	}
	if t.Description != "" || t.Kind == llm.ToolNamespace {
		j.Name("description").Text(t.Description)
	}
	switch t.Kind {
	case llm.ToolFunction:
		schema := t.Schema
		if schema == nil {
			schema = []byte(noParameters)
		}
		j.Name("parameters").Raw(schema).Name("strict").Bool(t.Strict != nil && *t.Strict)
	case llm.ToolCustom:
		j.Name("format").Open('{')
		if t.Grammar == (llm.Grammar{}) {
			j.Name("type").Text("text")
		} else {
			j.Name("type").Text("grammar").Name("syntax").Text(t.Grammar.Syntax).Name("definition").Text(t.Grammar.Definition)
		}
		j.Close('}')
	case llm.ToolNamespace:
		j.Name("tools").Open('[')
		for i := range t.Tools {
			if err := e.tool(&t.Tools[i]); err != nil {
				return err
			}
		}
		j.Close(']')
	case llm.ToolSearch:
		j.Name("execution").Text("client")
		if t.Schema != nil {
			j.Name("parameters").Raw(t.Schema)
		}
	}
	j.Close('}')
	return nil
}

// deferred reports whether a tool waits to be found by a search that the
// server does not know: it is then a tool like any other.
func (e *requestEncoder) deferred(t *llm.Tool) bool {
	return t.Kind <= llm.ToolCustom && bytes.Contains(t.Raw, []byte(`"defer_loading"`)) && !slices.Contains(e.t.Traits.Tools, llm.ToolSearch)
}

// search writes the tool that searches the web.
func (e *requestEncoder) search(t *llm.Tool) {
	j, s := e.j, t.Search
	j.Open('{').Name("type").Text(llm.HostedSearch)
	if s.Context != "" {
		j.Name("search_context_size").Text(s.Context)
	}
	if len(s.Allowed) > 0 {
		j.Name("filters").Open('{').Name("allowed_domains").Open('[')
		for _, domain := range s.Allowed {
			j.Text(domain)
		}
		j.Close(']').Close('}')
	}
	if len(s.Blocked) > 0 {
		e.lose(t.Path, "the model's server cannot keep its search from single domains")
	}
	if s.Located() {
		j.Name("user_location").Open('{').Name("type").Text("approximate")
		for _, m := range [...]struct{ name, value string }{{"country", s.Country}, {"region", s.Region}, {"city", s.City}, {"timezone", s.TimeZone}} {
			if m.value != "" {
				j.Name(m.name).Text(m.value)
			}
		}
		j.Close('}')
	}
	j.Close('}')
}

func (e *requestEncoder) choice() error {
	c, j := &e.r.Choice, e.j
	if e.own && c.Raw != nil {
		j.Name("tool_choice").Raw(c.Raw)
		return nil
	}
	switch c.Mode {
	case llm.ChoiceAuto:
		j.Name("tool_choice").Text("auto")
	case llm.ChoiceNone:
		j.Name("tool_choice").Text("none")
	case llm.ChoiceRequired:
		j.Name("tool_choice").Text("required")
	case llm.ChoiceNamed:
		j.Name("tool_choice")
		e.chosen(&c.Named)
	case llm.ChoiceHosted:
		if c.Named.Type != llm.HostedSearch {
			return dialect.UnsupportedValue(e.r.Path(llm.FieldToolChoice), "the tool that must be called cannot run where this model is served")
		}
		j.Name("tool_choice").Open('{').Name("type").Text(llm.HostedSearch).Close('}')
	case llm.ChoiceAllowed:
		mode := "auto"
		if c.Required {
			mode = "required"
		}
		j.Name("tool_choice").Open('{').Name("type").Text("allowed_tools").Name("mode").Text(mode).Name("tools").Open('[')
		for i := range c.Allowed {
			e.chosen(&c.Allowed[i])
		}
		j.Close(']').Close('}')
	}
	return nil
}

// chosen writes a tool as a choice names it.
func (e *requestEncoder) chosen(t *llm.Tool) {
	j := e.j
	if t.Kind == llm.ToolHosted {
		if e.own && t.Raw != nil {
			j.Raw(t.Raw)
		} else {
			j.Open('{').Name("type").Text(t.Type).Close('}')
		}
		return
	}
	j.Open('{').Name("type").Text(toolTypes[t.Kind])
	if t.Name != "" {
		j.Name("name").Text(t.Name)
	}
	if t.Namespace != "" {
		j.Name("namespace").Text(t.Namespace)
	}
	j.Close('}')
}
