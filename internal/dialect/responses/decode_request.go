package responses

import (
	"fmt"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeRequest reads a client's request.
func (Dialect) DecodeRequest(body []byte) (*llm.Request, error) {
	v, err := jsontree.Parse(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: "responses.decode", Public: "the request body is not valid JSON: " + err.Error()}
	}
	if name, twice := v.Duplicate(); twice {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: "responses.decode", Public: fmt.Sprintf("the request body has the member %.64q twice in one object", name)}
	}
	d := requestDecoder{r: &llm.Request{Dialect: llm.Responses, Names: &fields}}
	for name, m := range v.Members() {
		if m.Given() && echoed[name] {
			d.r.Echo = append(d.r.Echo, llm.Member{Name: name, Value: m.Raw()})
		}
		if err := d.member(name, m); err != nil {
			return nil, err
		}
	}
	return d.r, nil
}

type requestDecoder struct {
	r *llm.Request
}

// member reads one member of the request. Null is as good as nothing.
func (d *requestDecoder) member(name string, v jsontree.Value) (err error) {
	if !v.Given() {
		return nil
	}
	r := d.r
	switch name {
	case "model":
		r.Model, err = text(v, name)
	case "instructions":
		r.Instructions, err = text(v, name)
	case "input":
		return d.input(v)
	case "tools":
		r.Tools, err = decodeTools(v, name)
	case "tool_choice":
		r.Choice, err = decodeChoice(v)
	case "parallel_tool_calls":
		r.ParallelTools, err = flag(v, name)
	case "text":
		return d.text(v)
	case "reasoning":
		return d.reasoning(v)
	case "max_output_tokens":
		r.MaxOutput, err = whole(v, name)
	case "temperature":
		r.Temperature, err = number(v, name)
	case "top_p":
		r.TopP, err = number(v, name)
	case "top_logprobs":
		r.TopLogprobs, err = whole(v, name)
	case "include":
		return d.include(v)
	case "stream":
		r.Stream = v.True()
	case "stream_options":
		r.Obfuscation, err = flag(v.Get("include_obfuscation"), "stream_options.include_obfuscation")
	case "store":
		r.Store, err = flag(v, name)
	case "previous_response_id":
		r.PreviousID, err = text(v, name)
	default:
		r.Others = append(r.Others, llm.Member{Name: name, Value: v.Raw()})
	}
	return err
}

func text(v jsontree.Value, path string) (string, error) {
	if v.Given() && v.Kind() != jsontree.String {
		return "", dialect.Invalid(path, path+" must be a string")
	}
	return v.Text(), nil
}

func flag(v jsontree.Value, path string) (*bool, error) {
	if !v.Given() {
		return nil, nil //nolint:nilnil // nothing was said
	}
	if v.Kind() != jsontree.Bool {
		return nil, dialect.Invalid(path, path+" must be a boolean")
	}
	b := v.True()
	return &b, nil
}

func whole(v jsontree.Value, path string) (*int64, error) {
	n, ok := v.Int()
	if !ok {
		return nil, dialect.Invalid(path, path+" must be a whole number")
	}
	return &n, nil
}

func number(v jsontree.Value, path string) (llm.Number, error) {
	if v.Kind() != jsontree.Number {
		return "", dialect.Invalid(path, path+" must be a number")
	}
	return llm.Number(v.Raw()), nil
}

func (d *requestDecoder) text(v jsontree.Value) (err error) {
	if d.r.Verbosity, err = text(v.Get("verbosity"), "text.verbosity"); err != nil {
		return err
	}
	f := v.Get("format")
	if !f.Given() {
		return nil
	}
	out := &d.r.Format
	switch kind := f.Get("type"); {
	case kind.Is("text"):
	case kind.Is("json_object"):
		out.Kind = llm.FormatObject
	case kind.Is("json_schema"):
		out.Kind = llm.FormatSchema
		out.Name, out.Description = f.Get("name").Text(), f.Get("description").Text()
		if out.Schema = f.Get("schema").Raw(); f.Get("schema").Kind() != jsontree.Object {
			return dialect.Invalid("text.format.schema", "text.format.schema must be an object")
		}
		out.Strict, err = flag(f.Get("strict"), "text.format.strict")
	default:
		return dialect.Invalid("text.format.type", "text.format.type must be text, json_object or json_schema")
	}
	return err
}

func (d *requestDecoder) reasoning(v jsontree.Value) (err error) {
	if d.r.Effort, err = text(v.Get("effort"), "reasoning.effort"); err != nil {
		return err
	}
	d.r.Summary, err = text(v.Get("summary"), "reasoning.summary")
	if old := v.Get("generate_summary"); d.r.Summary == "" && err == nil {
		d.r.Summary, err = text(old, "reasoning.generate_summary")
	}
	return err
}

func (d *requestDecoder) include(v jsontree.Value) error {
	if v.Kind() != jsontree.Array {
		return dialect.Invalid("include", "include must be an array of strings")
	}
	for _, e := range v.Elements() {
		d.r.Include = append(d.r.Include, e.Text())
		switch {
		case e.Is(includeLogprobs):
			d.r.Logprobs = true
		case e.Is(includeSealed):
			d.r.WantSealed = true
		}
	}
	return nil
}

func (d *requestDecoder) input(v jsontree.Value) error {
	switch v.Kind() {
	case jsontree.String:
		d.r.Items = []llm.Item{{
			Kind: llm.ItemMessage, Role: llm.RoleUser, Path: "input",
			Parts: []llm.Part{{Kind: llm.PartText, Text: v.Text(), Path: "input"}},
		}}
		return nil
	case jsontree.Array:
	default:
		return dialect.Invalid("input", "input must be a string or an array of items")
	}
	d.r.Items = make([]llm.Item, 0, v.Len())
	for i, e := range v.Elements() {
		item, err := decodeItem(e, fmt.Sprintf("input[%d]", i))
		if err != nil {
			return err
		}
		d.r.Items = append(d.r.Items, item)
	}
	return nil
}
