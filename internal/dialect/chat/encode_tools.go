package chat

import (
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// tools writes the tools, what is said of their choice, and the search that a
// search model's server does.
func (e *encoder) tools() error {
	tools := slices.Clone(e.r.Tools)
	search := slices.IndexFunc(tools, func(t llm.Tool) bool { return t.Kind == llm.ToolHosted && t.Type == llm.HostedSearch })
	if search >= 0 && slices.Contains(e.t.Hosted, llm.HostedSearch) {
		e.webSearch(tools[search].Search)
		tools = slices.DeleteFunc(tools, func(t llm.Tool) bool { return t.Kind == llm.ToolHosted && t.Type == llm.HostedSearch })
	}
	tools, choose := e.choosable(tools)
	if len(tools) == 0 {
		return e.nothingToChoose()
	}
	e.w.Name("tools").Open('[')
	for i := range tools {
		if err := e.tool(&tools[i]); err != nil {
			return err
		}
	}
	e.w.Close(']')
	if choose {
		if err := e.choice(); err != nil {
			return err
		}
	}
	if e.r.ParallelTools != nil {
		e.w.Name("parallel_tool_calls").Bool(*e.r.ParallelTools)
	}
	return nil
}

// choosable returns the tools that the model may call, and whether it has to
// be said which it must.
func (e *encoder) choosable(tools []llm.Tool) (may []llm.Tool, choose bool) {
	c := &e.r.Choice
	path := e.r.Path(llm.FieldToolChoice)
	switch {
	case c.Mode == llm.ChoiceAllowed && !e.t.OpenAI:
		e.lose(path, "the tools that may not be called are left out")
		return slices.DeleteFunc(tools, func(t llm.Tool) bool {
			return !slices.ContainsFunc(c.Allowed, func(a llm.Tool) bool { return a.Kind == t.Kind && a.Name == t.Name })
		}), true
	case e.t.OpenAI || e.t.ToolChoice:
	case c.Mode == llm.ChoiceNone:
		return nil, false
	case c.Mode == llm.ChoiceRequired || c.Mode == llm.ChoiceNamed:
		e.lose(path, "the target may call a tool or not, as it likes")
	}
	return tools, true
}

// nothingToChoose returns an error if a tool must be called and there is none.
func (e *encoder) nothingToChoose() error {
	c := &e.r.Choice
	if c.Mode == llm.ChoiceRequired || c.Mode == llm.ChoiceNamed || c.Mode == llm.ChoiceAllowed && c.Required {
		return dialect.UnsupportedValue(e.r.Path(llm.FieldToolChoice), "there is no tool that could be called")
	}
	return nil
}

func (e *encoder) tool(t *llm.Tool) error {
	switch {
	case t.Kind == llm.ToolFunction:
		e.w.Open('{').Name("type").Text("function").Name("function").Open('{')
		e.w.Name("name").Text(t.Name)
		e.text("description", t.Description)
		e.w.Name("parameters").Raw(dialect.ObjectSchema(t.Schema))
		if t.Strict != nil {
			e.w.Name("strict").Bool(*t.Strict)
		}
		e.w.Close('}').Close('}')
	case t.Kind == llm.ToolCustom && slices.Contains(e.t.Tools, llm.ToolCustom):
		e.w.Open('{').Name("type").Text("custom").Name("custom").Open('{')
		e.w.Name("name").Text(t.Name)
		e.text("description", t.Description)
		if t.Grammar != (llm.Grammar{}) {
			e.w.Name("format").Open('{').Name("type").Text("grammar").Name("grammar").Open('{')
			e.w.Name("syntax").Text(t.Grammar.Syntax)
			e.w.Name("definition").Text(t.Grammar.Definition)
			e.w.Close('}').Close('}')
		}
		e.w.Close('}').Close('}')
	case t.Kind == llm.ToolHosted && slices.Contains(e.t.Hosted, t.Type) && e.r.Dialect == llm.Chat:
		e.w.Raw(t.Raw) // a tool of this server's own
	default:
		return dialect.UnsupportedValue(t.Path+".type", "the target has no such tool")
	}
	return nil
}

func (e *encoder) choice() error {
	c := &e.r.Choice
	words := map[llm.ChoiceMode]string{llm.ChoiceAuto: "auto", llm.ChoiceNone: "none", llm.ChoiceRequired: "required"}
	switch c.Mode {
	case llm.ChoiceUnset:
	case llm.ChoiceNamed:
		e.w.Name("tool_choice")
		e.chosen(&c.Named)
	case llm.ChoiceAllowed:
		mode := "auto"
		if c.Required {
			mode = "required"
		}
		if !e.t.OpenAI {
			e.w.Name("tool_choice").Text(mode)
			return nil
		}
		e.w.Name("tool_choice").Open('{').Name("type").Text("allowed_tools").Name("allowed_tools").Open('{')
		e.w.Name("mode").Text(mode).Name("tools").Open('[')
		for i := range c.Allowed {
			e.chosen(&c.Allowed[i])
		}
		e.w.Close(']').Close('}').Close('}')
	case llm.ChoiceHosted:
		if e.r.Dialect != llm.Chat {
			return dialect.UnsupportedValue(e.r.Path(llm.FieldToolChoice), "the target cannot be made to call this tool")
		}
		e.w.Name("tool_choice").Raw(c.Raw)
	default:
		e.w.Name("tool_choice").Text(words[c.Mode])
	}
	return nil
}

// chosen writes {"type":"function","function":{"name":…}} and its like.
func (e *encoder) chosen(t *llm.Tool) {
	kind := "function"
	if t.Kind == llm.ToolCustom {
		kind = "custom"
	}
	e.w.Open('{').Name("type").Text(kind).Name(kind).Open('{').Name("name").Text(t.Name).Close('}').Close('}')
}

func (e *encoder) webSearch(s *llm.WebSearch) {
	e.w.Name("web_search_options").Open('{')
	if s != nil {
		e.text("search_context_size", s.Context)
	}
	if s.Located() {
		e.w.Name("user_location").Open('{').Name("type").Text("approximate").Name("approximate").Open('{')
		e.text("country", s.Country)
		e.text("region", s.Region)
		e.text("city", s.City)
		e.text("timezone", s.TimeZone)
		e.w.Close('}').Close('}')
	}
	e.w.Close('}')
}
