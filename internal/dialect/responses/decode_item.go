package responses

import (
	"fmt"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// decodeItem reads an item of a request or of a response.
func decodeItem(v jsontree.Value, path string) (llm.Item, error) {
	if v.Kind() != jsontree.Object {
		return llm.Item{}, dialect.Invalid(path, path+" must be an object")
	}
	typ := v.Get("type")
	item := llm.Item{
		ID: v.Get("id").Text(), Path: path, Status: llm.ItemStatus(v.Get("status").Text()),
		Type: typ.Text(), Raw: v.Raw(),
	}
	switch {
	case item.Type == "message", !typ.Given() && v.Get("role").Given():
		return decodeMessage(item, v)
	case item.Type == "item_reference", !typ.Given() && item.ID != "":
		item.Kind = llm.ItemReference
		return item, nil
	case item.Type == "reasoning":
		return decodeReasoning(item, v), nil
	case item.Type == "additional_tools":
		item.Kind = llm.ItemTools
		tools, err := decodeTools(v.Get("tools"), path+".tools")
		item.Tools = tools
		return item, err
	case hostedItems[item.Type]:
		item.Kind = llm.ItemHosted
		return item, nil
	}
	if kind, ok := callTypes[item.Type]; ok {
		return decodeCall(item, kind, v)
	}
	if kind, ok := outputTypes[item.Type]; ok {
		return decodeOutput(item, kind, v)
	}
	item.Kind = llm.ItemUnknown
	return item, nil
}

func decodeMessage(item llm.Item, v jsontree.Value) (llm.Item, error) {
	item.Role = llm.Role(v.Get("role").Text())
	switch item.Role {
	case llm.RoleSystem, llm.RoleDeveloper, llm.RoleUser, llm.RoleAssistant:
	default:
		return item, dialect.Invalid(item.Path+".role", item.Path+".role must be system, developer, user or assistant")
	}
	var err error
	item.Parts, err = decodeParts(v.Get("content"), item.Path+".content")
	return item, err
}

// decodeParts reads a content: a text, or an array of parts.
func decodeParts(v jsontree.Value, path string) ([]llm.Part, error) {
	switch v.Kind() {
	case jsontree.String:
		return []llm.Part{{Kind: llm.PartText, Text: v.Text(), Path: path}}, nil
	case jsontree.Array:
	case 0, jsontree.Null:
		return nil, nil
	default:
		return nil, dialect.Invalid(path, path+" must be a string or an array of parts")
	}
	parts := make([]llm.Part, 0, v.Len())
	for i, e := range v.Elements() {
		at := fmt.Sprintf("%s[%d]", path, i)
		if e.Kind() != jsontree.Object {
			return nil, dialect.Invalid(at, at+" must be an object")
		}
		parts = append(parts, decodePart(e, at))
	}
	return parts, nil
}

func decodePart(v jsontree.Value, path string) llm.Part {
	p := llm.Part{Path: path, Text: v.Get("text").Text(), Type: v.Get("type").Text()}
	switch p.Type {
	case "input_text", "output_text", "text":
		p.Logprobs = v.Get("logprobs").Raw()
		if len(p.Logprobs) <= len("[]") || v.Get("logprobs").Kind() != jsontree.Array {
			p.Logprobs = nil
		}
		for _, a := range v.Get("annotations").Elements() {
			p.Annotations = append(p.Annotations, decodeAnnotation(a))
		}
	case "refusal":
		p.Kind, p.Text = llm.PartRefusal, v.Get("refusal").Text()
	case "reasoning_text":
		p.Kind = llm.PartReasoning
	case "summary_text":
		p.Kind = llm.PartSummary
	case "input_image":
		p.Kind, p.URL, p.FileID, p.Detail = llm.PartImage, v.Get("image_url").Text(), v.Get("file_id").Text(), v.Get("detail").Text()
	case "input_file":
		p.Kind, p.Name, p.FileID, p.URL = llm.PartFile, v.Get("filename").Text(), v.Get("file_id").Text(), v.Get("file_url").Text()
		p.Data = v.Get("file_data").Text()
		if media, data, ok := dialect.SplitDataURL(p.Data); ok {
			p.Media, p.Data = media, data
		}
	case "input_audio":
		p.Kind, p.Data, p.Media = llm.PartAudio, v.Get("input_audio").Get("data").Text(), v.Get("input_audio").Get("format").Text()
	default:
		p.Kind, p.Raw = llm.PartUnknown, v.Raw()
	}
	return p
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

func decodeReasoning(item llm.Item, v jsontree.Value) llm.Item {
	item.Kind, item.Sealed = llm.ItemReasoning, v.Get("encrypted_content").Text()
	for _, name := range [...]string{"summary", "content"} {
		for i, e := range v.Get(name).Elements() {
			item.Parts = append(item.Parts, decodePart(e, fmt.Sprintf("%s.%s[%d]", item.Path, name, i)))
		}
	}
	return item
}

func decodeCall(item llm.Item, kind llm.ToolKind, v jsontree.Value) (llm.Item, error) {
	item.Kind, item.Tool = llm.ItemCall, kind
	if kind == llm.ToolSearch && !v.Get("execution").Is("client") {
		item.Kind = llm.ItemHosted
		return item, nil
	}
	item.CallID, item.Name, item.Namespace = v.Get("call_id").Text(), v.Get("name").Text(), v.Get("namespace").Text()
	input := v.Get(inputMember(kind))
	if item.Input = input.Text(); input.Kind() != jsontree.String {
		item.Input = string(input.Raw())
	}
	if item.CallID == "" && item.Path != "" {
		return item, dialect.Invalid(item.Path+".call_id", item.Path+".call_id must be a string that is not empty")
	}
	return item, nil
}

func decodeOutput(item llm.Item, kind llm.ToolKind, v jsontree.Value) (out llm.Item, err error) {
	item.Kind, item.Tool, item.CallID = llm.ItemOutput, kind, v.Get("call_id").Text()
	if item.CallID == "" && kind == llm.ToolLocalShell {
		item.CallID = item.ID // the protocol's own name for it
	}
	output := v.Get("output")
	switch kind {
	case llm.ToolSearch:
		if !v.Get("execution").Is("client") {
			item.Kind = llm.ItemHosted
			return item, nil
		}
		if item.Tools, err = decodeTools(v.Get("tools"), item.Path+".tools"); err != nil {
			return item, err
		}
		item.Parts = []llm.Part{{Kind: llm.PartText, Text: string(v.Get("tools").Raw()), Path: item.Path + ".tools"}}
	case llm.ToolShell:
		item.Parts = []llm.Part{{Kind: llm.PartText, Text: string(output.Raw()), Path: item.Path + ".output"}}
	case llm.ToolApplyPatch:
		item.IsError = item.Status == "failed"
		if item.Parts, err = decodeParts(output, item.Path+".output"); err == nil && len(item.Parts) == 0 {
			item.Parts = []llm.Part{{Kind: llm.PartText, Text: string(item.Status), Path: item.Path + ".status"}}
		}
	default:
		item.Parts, err = decodeParts(output, item.Path+".output")
	}
	if item.CallID == "" && err == nil {
		err = dialect.Invalid(item.Path+".call_id", item.Path+".call_id must be a string that is not empty")
	}
	return item, err
}
