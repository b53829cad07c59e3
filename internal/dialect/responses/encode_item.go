package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// item writes an item of the conversation. One that the client wrote in this
// protocol, and that nobody has changed, goes as it came.
func (e *requestEncoder) item(item *llm.Item) error {
	if e.own && item.Raw != nil {
		e.j.Raw(item.Raw)
		return nil
	}
	switch item.Kind {
	case llm.ItemMessage:
		return e.message(item)
	case llm.ItemReasoning:
		e.think(item)
		return nil
	case llm.ItemCall:
		e.call(item)
		return nil
	case llm.ItemOutput:
		return e.output(item)
	default:
		return dialect.UnsupportedValue(item.Path+".type", "the model that serves this request cannot be given an item of the type "+item.Type)
	}
}

func (e *requestEncoder) message(item *llm.Item) error {
	if len(item.Parts) == 0 {
		return nil // of a turn that was nothing but calls
	}
	j := e.j
	j.Open('{').Name("type").Text("message").Name("role").Text(string(item.Role)).Name("content").Open('[')
	for i := range item.Parts {
		if err := e.part(&item.Parts[i], item.Role == llm.RoleAssistant); err != nil {
			return err
		}
	}
	j.Close(']').Close('}')
	return nil
}

// part writes a part of a message or of a tool's output.
func (e *requestEncoder) part(p *llm.Part, answered bool) error {
	j := e.j
	switch p.Kind {
	case llm.PartText:
		if answered {
			j.Open('{').Name("type").Text("output_text").Name("text").Text(p.Text).Name("annotations").Open('[').Close(']').Close('}')
			return nil
		}
		j.Open('{').Name("type").Text("input_text").Name("text").Text(p.Text).Close('}')
	case llm.PartRefusal:
		j.Open('{').Name("type").Text("refusal").Name("refusal").Text(p.Text).Close('}')
	case llm.PartImage:
		e.image(p)
	case llm.PartFile:
		e.file(p)
	case llm.PartAudio:
		return dialect.UnsupportedValue(p.Path+".type", "the model that serves this request cannot listen")
	default:
		return dialect.UnsupportedValue(p.Path+".type", "the model that serves this request cannot be given a part of the type "+p.Type)
	}
	return nil
}

func (e *requestEncoder) image(p *llm.Part) {
	j, detail := e.j, p.Detail
	if detail == "" {
		detail = "auto"
	}
	j.Open('{').Name("type").Text("input_image").Name("detail").Text(detail)
	if p.FileID != "" {
		j.Name("file_id").Text(p.FileID)
	} else {
		j.Name("image_url").Text(p.URL)
	}
	j.Close('}')
}

func (e *requestEncoder) file(p *llm.Part) {
	j := e.j
	j.Open('{').Name("type").Text("input_file")
	switch {
	case p.FileID != "":
		j.Name("file_id").Text(p.FileID)
	case p.URL != "":
		j.Name("file_url").Text(p.URL)
	default:
		data := p.Data
		if p.Media != "" {
			data = dialect.DataURL(p.Media, data)
		}
		j.Name("file_data").Text(data)
		name := p.Name
		if name == "" {
			name = "file" // demanded beside data
		}
		j.Name("filename").Text(name)
	}
	j.Close('}')
}

// think writes reasoning that its maker has sealed. Other reasoning is text
// that somebody else's model has thought: OpenAI's take none.
func (e *requestEncoder) think(item *llm.Item) {
	if item.Sealed == "" || item.ID == "" && !e.own {
		return
	}
	j := e.j
	j.Open('{').Name("type").Text("reasoning")
	if item.ID != "" {
		j.Name("id").Text(item.ID)
	}
	j.Name("summary").Open('[')
	for _, p := range item.Parts {
		if p.Kind == llm.PartSummary {
			j.Open('{').Name("type").Text("summary_text").Name("text").Text(p.Text).Close('}')
		}
	}
	j.Close(']').Name("encrypted_content").Text(item.Sealed).Close('}')
}

func (e *requestEncoder) call(item *llm.Item) {
	j := e.j
	j.Open('{').Name("type").Text(typeOf(callTypes, item.Tool)).Name("call_id").Text(callID(item.CallID))
	if item.Tool == llm.ToolFunction || item.Tool == llm.ToolCustom {
		j.Name("name").Text(item.Name)
		if item.Namespace != "" {
			j.Name("namespace").Text(item.Namespace)
		}
		input := item.Input
		if input == "" && item.Tool == llm.ToolFunction {
			input = "{}"
		}
		j.Name(inputMember(item.Tool)).Text(input)
	} else {
		j.Name(inputMember(item.Tool)).Raw(action(item.Tool, item.Input))
		if item.Tool == llm.ToolSearch {
			j.Name("execution").Text("client")
		}
	}
	j.Close('}')
}

// output writes what a tool gave back: a text where that is all there is.
func (e *requestEncoder) output(item *llm.Item) error {
	j := e.j
	typ := typeOf(outputTypes, item.Tool)
	if item.Tool != llm.ToolCustom {
		typ = "function_call_output"
	}
	j.Open('{').Name("type").Text(typ).Name("call_id").Text(callID(item.CallID)).Name("output")
	plain := true
	for _, p := range item.Parts {
		plain = plain && p.Kind == llm.PartText
	}
	if plain {
		j.Text(item.Text(llm.PartText)).Close('}')
		return nil
	}
	j.Open('[')
	for i := range item.Parts {
		if err := e.part(&item.Parts[i], false); err != nil {
			return err
		}
	}
	j.Close(']').Close('}')
	return nil
}

// tools writes the tools and which of them may be called.
func (e *requestEncoder) tools() {
	r, j := e.r, e.j
	if len(r.Tools) > 0 {
		j.Name("tools").Open('[')
		for i := range r.Tools {
			e.tool(&r.Tools[i])
		}
		j.Close(']')
	}
	e.choice()
}

func (e *requestEncoder) tool(t *llm.Tool) {
	j := e.j
	if t.Search != nil && !e.own {
		if len(t.Search.Blocked) > 0 {
			e.lose(t.Path, "the target can be told where to search, and not where not to")
		}
		e.webSearch(t.Search)
		return
	}
	if t.Raw != nil && (e.own || t.Kind == llm.ToolHosted) {
		j.Raw(t.Raw)
		return
	}
	j.Open('{').Name("type").Text(typeOf(toolTypes, t.Kind))
	if t.Name != "" {
		j.Name("name").Text(t.Name)
	}
	if t.Description != "" {
		j.Name("description").Text(t.Description)
	}
	switch t.Kind {
	case llm.ToolFunction:
		j.Name("parameters")
		if t.Schema != nil {
			j.Raw(t.Schema)
		} else {
			j.Raw([]byte(`{"type":"object","properties":{}}`))
		}
		j.Name("strict").Bool(t.Strict != nil && *t.Strict)
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
			e.tool(&t.Tools[i])
		}
		j.Close(']')
	case llm.ToolSearch:
		j.Name("execution").Text("client")
		if t.Schema != nil {
			j.Name("parameters").Raw(t.Schema)
		}
	}
	j.Close('}')
}

// webSearch writes a search of the web that was declared in another protocol.
func (e *requestEncoder) webSearch(s *llm.WebSearch) {
	j := e.j
	j.Open('{').Name("type").Text(llm.HostedSearch)
	e.word("search_context_size", s.Context)
	if len(s.Allowed) > 0 {
		j.Name("filters").Open('{').Name("allowed_domains").Open('[')
		for _, domain := range s.Allowed {
			j.Text(domain)
		}
		j.Close(']').Close('}')
	}
	if s.Located() {
		j.Name("user_location").Open('{').Name("type").Text("approximate")
		e.word("country", s.Country)
		e.word("region", s.Region)
		e.word("city", s.City)
		e.word("timezone", s.TimeZone)
		j.Close('}')
	}
	j.Close('}')
}

func (e *requestEncoder) word(name, s string) {
	if s != "" {
		e.j.Name(name).Text(s)
	}
}

func (e *requestEncoder) choice() {
	c, j := e.r.Choice, e.j
	if e.own && c.Raw != nil {
		j.Name("tool_choice").Raw(c.Raw)
		return
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
}

func (e *requestEncoder) chosen(t *llm.Tool) {
	j := e.j
	if t.Kind == llm.ToolHosted && t.Raw != nil {
		j.Raw(t.Raw)
		return
	}
	j.Open('{').Name("type").Text(typeOf(toolTypes, t.Kind))
	if t.Name != "" {
		j.Name("name").Text(t.Name)
	}
	if t.Namespace != "" {
		j.Name("namespace").Text(t.Namespace)
	}
	j.Close('}')
}
