package chat

import (
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// between is what stands between two texts that become one.
const between = "\n\n"

// message writes one message.
func (e *encoder) message(m *message) error {
	e.w.Open('{').Name("role").Text(string(m.role))
	e.text("name", m.name)
	var err error
	switch m.role {
	case llm.RoleAssistant:
		err = e.assistant(m)
	case roleTool:
		e.w.Name("tool_call_id").Text(m.callID)
		e.w.Name("content").Text(m.joined("\n"))
	case llm.RoleUser:
		err = e.user(m)
	default:
		for i := range m.parts {
			if m.parts[i].Kind != llm.PartText {
				return noSuchPart(&m.parts[i])
			}
		}
		e.w.Name("content").Text(m.joined(between))
	}
	e.w.Close('}')
	return err
}

// joined returns the texts of m as one.
func (m *message) joined(separator string) string {
	if len(m.parts) == 1 {
		return m.parts[0].Text
	}
	var texts []string
	for i := range m.parts {
		if m.parts[i].Kind == llm.PartText {
			texts = append(texts, m.parts[i].Text)
		}
	}
	return strings.Join(texts, separator)
}

func noSuchPart(p *llm.Part) error {
	return dialect.UnsupportedValue(p.Path, "the target takes no such content here")
}

// user writes what a user says: as plain text if it is nothing else.
func (e *encoder) user(m *message) error {
	plain := true
	for i := range m.parts {
		plain = plain && m.parts[i].Kind == llm.PartText
	}
	e.w.Name("content")
	if plain {
		e.w.Text(m.joined(between))
		return nil
	}
	e.w.Open('[')
	for i := range m.parts {
		if err := e.part(&m.parts[i]); err != nil {
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
func (e *encoder) assistant(m *message) error {
	var text, refusal strings.Builder
	for i := range m.parts {
		switch p := &m.parts[i]; p.Kind {
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
	if text.Len() == 0 && e.t.OpenAI && (len(m.calls) > 0 || refusal.Len() > 0) {
		e.w.Null()
	} else {
		e.w.Text(text.String()) // null is refused by some servers
	}
	e.text("refusal", refusal.String())
	// DeepSeek demands the member with calls, empty if there is nothing in it.
	if name := e.t.Reasoning; name != "" && (m.reasoning != "" || name == "reasoning_content" && len(m.calls) > 0) {
		e.w.Name(name).Text(m.reasoning)
	}
	if len(m.calls) == 0 {
		return nil
	}
	e.w.Name("tool_calls").Open('[')
	for _, c := range m.calls {
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
	e.w.Close('}').Close('}')
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
