package ollama

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// message writes one message. Its content is always a text.
func (e *encoder) message(t *dialect.Turn) error {
	w := &e.w
	w.Open('{').Name("role").Text(string(t.Role))
	separator := dialect.Between
	switch t.Role {
	case llm.RoleAssistant:
		separator = ""
	case dialect.RoleTool:
		separator = "\n"
		w.Name("tool_name").Text(t.Call.Name).Name("tool_call_id").Text(t.Call.CallID)
	}
	texts := make([]string, 0, len(t.Parts))
	var images []string
	for i := range t.Parts {
		p := &t.Parts[i]
		switch {
		case p.Kind == llm.PartText, p.Kind == llm.PartRefusal && t.Role == llm.RoleAssistant:
			texts = append(texts, p.Text)
		case p.Kind == llm.PartImage && t.Role == llm.RoleUser:
			data, err := image(p)
			if err != nil {
				return err
			}
			images = append(images, data)
		case p.Kind == llm.PartUnknown:
			return dialect.UnsupportedValue(p.Path+".type", "the target takes no such content here")
		default:
			return dialect.UnsupportedValue(p.Path, "the target takes no such content here")
		}
	}
	w.Name("content").Text(strings.Join(texts, separator))
	if t.Reasoning != "" {
		w.Name("thinking").Text(t.Reasoning)
	}
	if len(images) > 0 {
		w.Name("images").Open('[')
		for _, data := range images {
			w.Text(data)
		}
		w.Close(']')
	}
	if len(t.Calls) > 0 {
		w.Name("tool_calls").Open('[')
		for i, c := range t.Calls {
			w.Open('{').Name("id").Text(c.CallID).Name("function").Open('{').Name("index").Int(int64(i)).Name("name").Text(c.Name)
			w.Name("arguments").Raw(e.arguments(c)).Close('}').Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
	return nil
}

// image returns an image in base64. The server fetches none.
func image(p *llm.Part) (string, error) {
	if _, data, ok := dialect.SplitDataURL(p.URL); ok {
		return data, nil
	}
	switch {
	case p.URL != "":
		return "", dialect.UnsupportedValue(p.Path, "the target fetches no images: send it as a data URL in base64")
	case p.Data != "":
		return p.Data, nil
	default:
		return "", dialect.UnsupportedValue(p.Path, "the target does not know the file `"+p.FileID+"`")
	}
}

// arguments returns the object that a function is called with. A model that
// once wrote something else must not stop the conversation for good.
func (e *encoder) arguments(c *llm.Item) []byte {
	if strings.TrimSpace(c.Input) == "" {
		return []byte("{}")
	}
	raw := []byte(c.Input)
	if v, err := jsontree.Parse(raw); err == nil && v.Kind() == jsontree.Object {
		return v.Raw()
	}
	e.lose(c.Path, "the target takes no arguments that are not a JSON object: they are in one called input")
	var w jsontree.Writer
	return w.Open('{').Name(llm.WrappedInput).Text(c.Input).Close('}').Bytes()
}

// tools writes the tools that the model may call. The protocol cannot say that
// one must be called.
func (e *encoder) tools() error {
	c, path := &e.r.Choice, e.r.Path(llm.FieldToolChoice)
	var tools []llm.Tool
	for _, t := range e.r.Tools {
		switch {
		case t.Kind != llm.ToolFunction:
			return dialect.UnsupportedValue(t.Path+".type", "the target has no such tool")
		case c.Mode == llm.ChoiceNone,
			c.Mode == llm.ChoiceNamed && t.Name != c.Named.Name,
			c.Mode == llm.ChoiceAllowed && !slices.ContainsFunc(c.Allowed, func(a llm.Tool) bool { return a.Name == t.Name }):
		default:
			tools = append(tools, t)
		}
	}
	must := c.Mode == llm.ChoiceRequired || c.Mode == llm.ChoiceNamed || c.Mode == llm.ChoiceHosted || c.Mode == llm.ChoiceAllowed && c.Required
	switch {
	case must && len(tools) == 0:
		return dialect.UnsupportedValue(path, "there is no tool that could be called")
	case must:
		e.lose(path, "the target may call a tool or not, as it likes")
	case c.Mode == llm.ChoiceAllowed:
		e.lose(path, "the tools that may not be called are left out")
	}
	if len(tools) == 0 {
		return nil
	}
	if p := e.r.ParallelTools; p != nil && !*p {
		e.lose(e.r.Path(llm.FieldParallelTools), "the target may call several tools at once")
	}
	w := e.w.Name("tools").Open('[')
	for _, t := range tools {
		w.Open('{').Name("type").Text("function").Name("function").Open('{').Name("name").Text(t.Name)
		w.Name("description").Text(t.Description).Name("parameters").Raw(dialect.ObjectSchema(t.Schema)).Close('}').Close('}')
	}
	w.Close(']')
	return nil
}
