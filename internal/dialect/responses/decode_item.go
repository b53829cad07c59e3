package responses

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// at returns the path of an element. What has no path of its own, as answers,
// has none for its elements either.
func at(path string, i int) string {
	if path == "" {
		return ""
	}
	return path + "[" + strconv.Itoa(i) + "]"
}

// under returns the path of a member.
func under(path, name string) string {
	if path == "" {
		return ""
	}
	return path + "." + name
}

// item reads an item of a request or of a response.
func (d *decoder) item(v jsontree.Value, path string) llm.Item {
	if v.Kind() != jsontree.Object {
		d.Fault(path, "an object")
		return llm.Item{Kind: llm.ItemUnknown, Path: path}
	}
	typ := v.Get("type")
	item := llm.Item{
		ID: v.Get("id").Text(), Path: path, Status: llm.ItemStatus(v.Get("status").Text()),
		Type: typ.Text(), Raw: v.Raw(),
	}
	switch {
	case item.Type == "message", !typ.Given() && v.Get("role").Given():
		d.message(&item, v)
		return item
	case item.Type == "item_reference", !typ.Given() && item.ID != "":
		item.Kind = llm.ItemReference
		d.Need(v.Get("id"), under(path, "id"))
		return item
	case item.Type == "reasoning":
		d.reasoningItem(&item, v)
		return item
	case item.Type == "additional_tools":
		item.Kind = llm.ItemTools
		item.Tools = d.tools(v.Get("tools"), under(path, "tools"))
		return item
	case hostedItems[item.Type]:
		item.Kind = llm.ItemHosted
		return item
	}
	if kind, ok := callTypes.kind(item.Type); ok {
		d.call(&item, kind, v)
	} else if kind, ok := outputTypes.kind(item.Type); ok {
		d.output(&item, kind, v)
	} else {
		item.Kind = llm.ItemUnknown
		d.Need(typ, under(path, "type"))
	}
	return item
}

func (d *decoder) message(item *llm.Item, v jsontree.Value) {
	item.Role = llm.Role(d.Need(v.Get("role"), under(item.Path, "role")))
	switch item.Role {
	case llm.RoleSystem, llm.RoleDeveloper, llm.RoleUser, llm.RoleAssistant:
	default:
		d.Fault(under(item.Path, "role"), "system, developer, user or assistant")
	}
	item.Parts = d.parts(v.Get("content"), under(item.Path, "content"))
}

// parts reads a content: a text, or an array of parts.
func (d *decoder) parts(v jsontree.Value, path string) []llm.Part {
	switch v.Kind() {
	case jsontree.String:
		return []llm.Part{{Kind: llm.PartText, Text: v.Text(), Path: path}}
	case jsontree.Array:
	case 0, jsontree.Null:
		return nil
	default:
		d.Fault(path, "a string or an array of parts")
		return nil
	}
	parts := make([]llm.Part, 0, v.Len())
	for i, e := range v.Elements() {
		at := at(path, i)
		if e.Kind() != jsontree.Object {
			d.Fault(at, "an object")
			continue
		}
		parts = append(parts, d.part(e, at))
	}
	return parts
}

func (d *decoder) part(v jsontree.Value, path string) llm.Part {
	p := llm.Part{Path: path, Type: d.Need(v.Get("type"), under(path, "type"))}
	say := func(name string) string {
		if v.Get(name).Kind() != jsontree.String {
			d.Fault(under(path, name), "a string")
		}
		return v.Get(name).Text()
	}
	switch p.Type {
	case "input_text", "output_text", "text":
		p.Text = say("text")
		if l := v.Get("logprobs"); l.Kind() == jsontree.Array && l.Len() > 0 {
			p.Logprobs = l.Raw()
		}
		for _, a := range v.Get("annotations").Elements() {
			p.Annotations = append(p.Annotations, decodeAnnotation(a))
		}
	case "refusal":
		p.Kind, p.Text = llm.PartRefusal, say("refusal")
	case "reasoning_text":
		p.Kind, p.Text = llm.PartReasoning, say("text")
	case "summary_text":
		p.Kind, p.Text = llm.PartSummary, say("text")
	case "input_image":
		p.Kind = llm.PartImage
		p.URL, p.FileID = d.Text(v.Get("image_url"), under(path, "image_url")), d.Text(v.Get("file_id"), under(path, "file_id"))
		p.Detail = d.Text(v.Get("detail"), under(path, "detail"))
		if p.URL == "" && p.FileID == "" {
			d.Missing(under(path, "image_url"))
		}
	case "input_file":
		d.file(&p, v, path)
	case "input_audio":
		audio := v.Get("input_audio")
		p.Kind, p.Data, p.Media = llm.PartAudio, audio.Get("data").Text(), audio.Get("format").Text()
	default:
		p.Kind, p.Raw = llm.PartUnknown, v.Raw()
	}
	return p
}

func (d *decoder) file(p *llm.Part, v jsontree.Value, path string) {
	p.Kind, p.Name = llm.PartFile, d.Text(v.Get("filename"), under(path, "filename"))
	p.FileID, p.URL = d.Text(v.Get("file_id"), under(path, "file_id")), d.Text(v.Get("file_url"), under(path, "file_url"))
	p.Data = d.Text(v.Get("file_data"), under(path, "file_data"))
	if media, data, ok := dialect.SplitDataURL(p.Data); ok {
		p.Media, p.Data = media, data
	}
	if p.FileID == "" && p.URL == "" && p.Data == "" {
		d.Missing(under(path, "file_data"))
	}
}

func decodeAnnotation(v jsontree.Value) llm.Annotation {
	a := llm.Annotation{Raw: v.Raw()}
	if v.Get("type").Is("url_citation") {
		a.URL, a.Title = v.Get("url").Text(), v.Get("title").Text()
		a.Start, _ = v.Get("start_index").Int()
		a.End, _ = v.Get("end_index").Int()
	}
	return a
}

func (d *decoder) reasoningItem(item *llm.Item, v jsontree.Value) {
	item.Kind = llm.ItemReasoning
	item.Sealed = d.Text(v.Get("encrypted_content"), under(item.Path, "encrypted_content"))
	item.Parts = d.parts(v.Get("summary"), under(item.Path, "summary"))
	item.Parts = append(item.Parts, d.parts(v.Get("content"), under(item.Path, "content"))...)
}

// callID reads the id by which a call and its output know each other. Nothing
// but a request must have it.
func (d *decoder) callID(item *llm.Item, v jsontree.Value) {
	item.CallID = v.Get("call_id").Text()
	if item.CallID == "" && item.Tool == llm.ToolLocalShell && item.Kind == llm.ItemOutput {
		item.CallID = item.ID // the protocol's own name for it
	}
	if item.CallID == "" {
		d.Need(v.Get("call_id"), under(item.Path, "call_id"))
	}
}

func (d *decoder) call(item *llm.Item, kind llm.ToolKind, v jsontree.Value) {
	item.Kind, item.Tool = llm.ItemCall, kind
	if kind == llm.ToolSearch && !v.Get("execution").Is("client") {
		item.Kind = llm.ItemHosted
		return
	}
	d.callID(item, v)
	input := v.Get(inputMember(kind))
	if item.Input = input.Text(); input.Kind() != jsontree.String {
		item.Input = string(input.Raw())
	}
	if kind == llm.ToolFunction || kind == llm.ToolCustom {
		item.Name = d.Need(v.Get("name"), under(item.Path, "name"))
		item.Namespace = d.Text(v.Get("namespace"), under(item.Path, "namespace"))
	}
}

func (d *decoder) output(item *llm.Item, kind llm.ToolKind, v jsontree.Value) {
	item.Kind, item.Tool = llm.ItemOutput, kind
	output, path := v.Get("output"), under(item.Path, "output")
	raw := func(v jsontree.Value, path string) []llm.Part {
		return []llm.Part{{Kind: llm.PartText, Text: string(v.Raw()), Path: path}}
	}
	switch kind {
	case llm.ToolSearch:
		if !v.Get("execution").Is("client") {
			item.Kind = llm.ItemHosted
			return
		}
		path = under(item.Path, "tools")
		item.Tools, item.Parts = d.tools(v.Get("tools"), path), raw(v.Get("tools"), path)
	case llm.ToolShell:
		item.Parts = raw(output, path)
	case llm.ToolApplyPatch:
		item.IsError = item.Status == "failed"
		if item.Parts = d.parts(output, path); len(item.Parts) == 0 {
			item.Parts = []llm.Part{{Kind: llm.PartText, Text: string(item.Status), Path: under(item.Path, "status")}}
		}
	default:
		item.Parts = d.parts(output, path)
	}
	d.callID(item, v)
}
