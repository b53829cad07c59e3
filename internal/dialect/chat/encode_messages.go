package chat

import (
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// between is what stands between two texts that become one.
const between = dialect.Between

// message writes one message.
func (e *encoder) message(m *dialect.Turn) error {
	e.w.Open('{').Name("role").Text(string(m.Role))
	e.text("name", m.Name)
	var err error
	switch m.Role {
	case llm.RoleAssistant:
		err = e.assistant(m)
	case dialect.RoleTool:
		e.w.Name("tool_call_id").Text(m.Call.CallID)
		e.w.Name("content").Text(m.Text("\n"))
	case llm.RoleUser:
		err = e.user(m)
	default:
		for i := range m.Parts {
			if m.Parts[i].Kind != llm.PartText {
				return noSuchPart(&m.Parts[i])
			}
		}
		e.w.Name("content").Text(m.Text(between))
	}
	e.w.Close('}')
	return err
}

func noSuchPart(p *llm.Part) error {
	return dialect.UnsupportedValue(p.Path, "the target takes no such content here")
}

// user writes what a user says: as plain text if it is nothing else.
func (e *encoder) user(m *dialect.Turn) error {
	plain := true
	for i := range m.Parts {
		plain = plain && m.Parts[i].Kind == llm.PartText
	}
	e.w.Name("content")
	if plain {
		e.w.Text(m.Text(between))
		return nil
	}
	e.w.Open('[')
	for i := range m.Parts {
		if err := e.part(&m.Parts[i]); err != nil {
			return err
		}
	}
	e.w.Close(']')
	return nil
}

func (e *encoder) part(p *llm.Part) error {
	switch {
	case p.Kind == llm.PartText:
		e.w.Open('{').Name("type").Text("text").Name("text").Text(p.Text).Close('}')
	case p.Kind == llm.PartImage:
		return e.image(p)
	case p.Kind == llm.PartFile && e.t.Files && p.Data != "":
		data := p.Data
		if p.Media != "" {
			data = dialect.DataURL(p.Media, data)
		}
		e.w.Open('{').Name("type").Text("file").Name("file").Open('{')
		e.text("filename", p.Name)
		e.w.Name("file_data").Text(data).Close('}').Close('}')
	case p.Kind == llm.PartFile && e.t.Files && e.t.OpenAI && p.FileID != "":
		e.w.Open('{').Name("type").Text("file").Name("file").Open('{').Name("file_id").Text(p.FileID).Close('}').Close('}')
	case p.Kind == llm.PartAudio && e.t.Audio:
		e.w.Open('{').Name("type").Text("input_audio").Name("input_audio").Open('{')
		e.w.Name("data").Text(p.Data).Name("format").Text(p.Media).Close('}').Close('}')
	case p.Kind == llm.PartUnknown:
		return dialect.UnsupportedValue(p.Path+".type", "the target takes no such content here")
	default:
		return noSuchPart(p)
	}
	return nil
}

func (e *encoder) image(p *llm.Part) error {
	url := p.URL
	if url == "" && p.Data != "" {
		url = dialect.DataURL(p.Media, p.Data)
	}
	switch {
	case url == "":
		return dialect.UnsupportedValue(p.Path, "the target does not know the file `"+p.FileID+"`")
	case !e.t.ImageURLs && !strings.HasPrefix(url, "data:"):
		return dialect.UnsupportedValue(p.Path, "the target fetches no images: send it as a data URL")
	}
	e.w.Open('{').Name("type").Text("image_url").Name("image_url").Open('{').Name("url").Text(url)
	detail := p.Detail
	if detail == "original" {
		detail = "high"
		e.lose(p.Path, "the target knows no detail above high")
	}
	e.text("detail", detail)
	e.w.Close('}').Close('}')
	return nil
}

// assistant writes what the model has said and done before.
func (e *encoder) assistant(m *dialect.Turn) error {
	var text, refusal strings.Builder
	for i := range m.Parts {
		switch p := &m.Parts[i]; p.Kind {
		case llm.PartText:
			text.WriteString(p.Text)
		case llm.PartRefusal:
			if e.t.OpenAI {
				refusal.WriteString(p.Text)
			} else {
				text.WriteString(p.Text)
			}
		default:
			return noSuchPart(p)
		}
	}
	e.w.Name("content")
	if text.Len() == 0 && e.t.OpenAI && (len(m.Calls) > 0 || refusal.Len() > 0) {
		e.w.Null()
	} else {
		e.w.Text(text.String()) // null is refused by some servers
	}
	e.text("refusal", refusal.String())
	if name := e.t.Reasoning; name != "" && (m.Reasoning != "" || e.t.ReasoningAlways && len(m.Calls) > 0) {
		e.w.Name(name).Text(m.Reasoning)
	}
	if len(m.Calls) == 0 {
		return nil
	}
	e.w.Name("tool_calls").Open('[')
	for _, c := range m.Calls {
		e.call(c)
	}
	e.w.Close(']')
	return nil
}

func (e *encoder) call(c *llm.Item) {
	kind, input := "function", "arguments"
	if c.Tool == llm.ToolCustom {
		kind, input = "custom", "input"
	}
	e.w.Open('{').Name("id").Text(c.CallID).Name("type").Text(kind)
	e.w.Name(kind).Open('{').Name("name").Text(c.Name).Name(input)
	if kind == "function" {
		e.w.Text(e.arguments(c))
	} else {
		e.w.Text(c.Input)
	}
	e.w.Close('}')
	if c.Sealed != "" {
		e.w.Name("extra_content").Open('{').Name("google").Open('{').Name("thought_signature").Text(c.Sealed).Close('}').Close('}')
	}
	e.w.Close('}')
}

// arguments returns what a function is called with. Servers that put it into a
// template refuse what is no JSON object, and a model that once wrote something
// else must not stop the conversation for good.
func (e *encoder) arguments(c *llm.Item) string {
	if strings.TrimSpace(c.Input) == "" {
		return "{}"
	}
	if e.t.OpenAI {
		return c.Input
	}
	if v, err := jsontree.Parse([]byte(c.Input)); err == nil && v.Kind() == jsontree.Object {
		return c.Input
	}
	e.lose(c.Path, "the target takes no arguments that are not a JSON object: they are in one called input")
	var w jsontree.Writer
	w.Open('{').Name(llm.WrappedInput).Text(c.Input).Close('}')
	return string(w.Bytes())
}
