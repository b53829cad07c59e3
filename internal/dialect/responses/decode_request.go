package responses

import (
	"fmt"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

const opDecode = "responses.decode_request"

// DecodeRequest reads a client's request.
func (Dialect) DecodeRequest(body []byte) (*llm.Request, error) {
	v, err := jsontree.Parse(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: opDecode, Public: "the request body is not valid JSON: " + err.Error()}
	}
	if v.Kind() != jsontree.Object {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: opDecode, Public: "the request body must be a JSON object"}
	}
	if name, twice := v.Duplicate(); twice {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: opDecode, Public: fmt.Sprintf("the request body has the member %.64q twice in one object", name)}
	}
	d := decoder{r: &llm.Request{Dialect: llm.Responses, Names: &fields}}
	for name, m := range v.Members() {
		if !m.Given() {
			continue // as good as not there
		}
		if echoed[name] {
			d.r.Echo = append(d.r.Echo, llm.Member{Name: name, Value: m.Raw()})
		}
		d.member(name, m)
	}
	if d.Err != nil {
		return nil, d.Err
	}
	return d.r, nil
}

// A decoder reads requests, and, without r, the items of responses. Answers
// have no paths, and their faults do not matter.
type decoder struct {
	dialect.Fields

	r *llm.Request
}

// member reads one member of the request.
func (d *decoder) member(name string, v jsontree.Value) {
	r := d.r
	switch name {
	case "model":
		r.Model = d.Text(v, name)
	case "instructions":
		r.Instructions = d.Text(v, name)
	case "input":
		d.input(v)
	case "tools":
		r.Tools = d.tools(v, name)
	case "tool_choice":
		r.Choice = d.choice(v, name)
	case "parallel_tool_calls":
		r.ParallelTools = d.Bool(v, name)
	case "text":
		d.text(v)
	case "reasoning":
		d.reasoning(v)
	case "max_output_tokens":
		r.MaxOutput = d.Int(v, name, 1)
	case "temperature":
		r.Temperature = d.Number(v, name)
	case "top_p":
		r.TopP = d.Number(v, name)
	case "top_logprobs":
		r.TopLogprobs = d.Int(v, name, 0)
	case "include":
		d.include(v)
	case "stream":
		r.Stream = v.True()
	case "stream_options":
		if d.Object(v, name) != nil {
			r.Obfuscation = d.Bool(v.Get("include_obfuscation"), "stream_options.include_obfuscation")
		}
	case "store":
		r.Store = d.Bool(v, name)
	case "previous_response_id":
		r.PreviousID = d.Text(v, name)
	default:
		r.Others = append(r.Others, llm.Member{Name: name, Value: v.Raw()})
	}
}

func (d *decoder) text(v jsontree.Value) {
	d.Object(v, "text")
	d.r.Verbosity = d.Text(v.Get("verbosity"), "text.verbosity")
	if f := v.Get("format"); f.Given() {
		d.r.Format = d.format(f)
	}
}

func (d *decoder) format(v jsontree.Value) (f llm.Format) {
	const path = "text.format"
	d.Object(v, path)
	switch d.Word(v.Get("type"), path+".type", "text", "json_object", "json_schema") {
	case "":
		d.Missing(path + ".type")
	case "json_object":
		f.Kind = llm.FormatObject
	case "json_schema":
		f.Kind = llm.FormatSchema
		f.Name = d.Need(v.Get("name"), path+".name")
		f.Description = d.Text(v.Get("description"), path+".description")
		f.Strict = d.Bool(v.Get("strict"), path+".strict")
		if f.Schema = d.Object(v.Get("schema"), path+".schema"); f.Schema == nil {
			d.Missing(path + ".schema")
		}
	}
	return f
}

func (d *decoder) reasoning(v jsontree.Value) {
	d.Object(v, "reasoning")
	d.r.Effort = d.Text(v.Get("effort"), "reasoning.effort")
	d.r.Summary = d.Text(v.Get("summary"), "reasoning.summary")
	if d.r.Summary == "" {
		d.r.Summary = d.Text(v.Get("generate_summary"), "reasoning.generate_summary")
	}
}

func (d *decoder) include(v jsontree.Value) {
	if !d.List(v, "include") {
		return
	}
	for i, e := range v.Elements() {
		d.r.Include = append(d.r.Include, d.Need(e, at("include", i)))
		switch {
		case e.Is(includeLogprobs):
			d.r.Logprobs = true
		case e.Is(includeSealed):
			d.r.WantSealed = true
		}
	}
}

func (d *decoder) input(v jsontree.Value) {
	const path = "input"
	switch v.Kind() {
	case jsontree.String:
		d.r.Items = []llm.Item{{
			Kind: llm.ItemMessage, Role: llm.RoleUser, Path: path,
			Parts: []llm.Part{{Kind: llm.PartText, Text: v.Text(), Path: path}},
		}}
	case jsontree.Array:
		d.r.Items = make([]llm.Item, 0, v.Len())
		for i, e := range v.Elements() {
			d.r.Items = append(d.r.Items, d.item(e, at(path, i)))
		}
	default:
		d.Fault(path, "a string or an array of items")
	}
}
