package responses

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// item writes an item of the conversation. One that the client wrote in this
// protocol, and that nobody has changed, goes as it came. Work of another
// provider's tools is left out: the text that follows it tells the result.
func (e *requestEncoder) item(item *llm.Item, at int) error {
	if e.own && item.Raw != nil {
		e.j.Raw(item.Raw)
		return nil
	}
	switch item.Kind {
	case llm.ItemMessage:
		return e.message(item)
	case llm.ItemReasoning:
		e.think(item, at)
		return nil
	case llm.ItemCall:
		e.call(item)
		return nil
	case llm.ItemOutput:
		return e.output(item)
	case llm.ItemTools:
		e.j.Open('{').Name("type").Text("additional_tools").Name("role").Text(string(llm.RoleDeveloper)).Name("tools").Open('[')
		for i := range item.Tools {
			if err := e.tool(&item.Tools[i]); err != nil {
				return err
			}
		}
		e.j.Close(']').Close('}')
		return nil
	case llm.ItemReference:
		e.j.Open('{').Name("type").Text("item_reference").Name("id").Text(item.ID).Close('}')
		return nil
	case llm.ItemHosted:
		return nil
	default:
		return dialect.UnsupportedValue(item.Path+".type", "the model that serves this request cannot be given an item of the type `"+item.Type+"`")
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
		return e.image(p)
	case llm.PartFile:
		return e.file(p)
	case llm.PartAudio:
		return dialect.UnsupportedValue(p.Path+".type", "the model that serves this request cannot listen")
	default:
		return dialect.UnsupportedValue(p.Path+".type", "the model that serves this request cannot be given a part of the type `"+p.Type+"`")
	}
	return nil
}

func (e *requestEncoder) image(p *llm.Part) error {
	url := p.URL
	if url == "" && p.Data != "" {
		url = dialect.DataURL(p.Media, p.Data)
	}
	if p.FileID == "" && !e.t.Traits.ImageURLs && !strings.HasPrefix(url, "data:") {
		return dialect.UnsupportedValue(p.Path, "the server of this model fetches no images: send it as a data URL")
	}
	j, detail := e.j, p.Detail
	if detail == "" {
		detail = "auto"
	}
	j.Open('{').Name("type").Text("input_image").Name("detail").Text(detail)
	if p.FileID != "" {
		j.Name("file_id").Text(p.FileID)
	} else {
		j.Name("image_url").Text(url)
	}
	j.Close('}')
	return nil
}

func (e *requestEncoder) file(p *llm.Part) error {
	if !e.t.Traits.Files {
		return dialect.UnsupportedValue(p.Path, "the model that serves this request cannot be shown files")
	}
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
	return nil
}

// think writes reasoning that its maker has sealed. What is only text goes to
// servers that take it: OpenAI's take none that they have not made.
func (e *requestEncoder) think(item *llm.Item, at int) {
	open := e.t.Traits.Reasoning != ""
	if item.Sealed == "" && !open || len(item.Parts) == 0 && item.Sealed == "" || item.ID == "" && !e.own && !open {
		return
	}
	j := e.j
	j.Open('{').Name("type").Text("reasoning")
	id := item.ID
	if id == "" {
		id = "rs_" + strconv.Itoa(at)
	}
	j.Name("id").Text(id)
	write := func(kind llm.PartKind, typ string) {
		for _, p := range item.Parts {
			if p.Kind == kind {
				j.Open('{').Name("type").Text(typ).Name("text").Text(p.Text).Close('}')
			}
		}
	}
	j.Name("summary").Open('[')
	write(llm.PartSummary, "summary_text")
	j.Close(']')
	if open {
		j.Name("content").Open('[')
		write(llm.PartReasoning, "reasoning_text")
		j.Close(']')
	}
	if item.Sealed != "" {
		j.Name("encrypted_content").Text(item.Sealed)
	}
	j.Close('}')
}

func (e *requestEncoder) call(item *llm.Item) {
	j := e.j
	j.Open('{').Name("type").Text(callTypes[item.Tool]).Name("call_id").Text(callID(item.CallID))
	switch item.Tool {
	case llm.ToolFunction, llm.ToolCustom:
		j.Name("name").Text(item.Name)
		if item.Namespace != "" {
			j.Name("namespace").Text(item.Namespace)
		}
		input := item.Input
		if input == "" && item.Tool == llm.ToolFunction {
			input = "{}"
		}
		j.Name(inputMember(item.Tool)).Text(input)
	default:
		id, status := item.ID, item.Status
		if id == "" {
			id = "call_item_" + callID(item.CallID)
		}
		if status == "" {
			status = llm.ItemCompleted
		}
		j.Name("id").Text(id).Name("status").Text(string(status))
		if item.Tool == llm.ToolSearch {
			j.Name("execution").Text("client")
		}
		j.Name(inputMember(item.Tool)).Raw(action(item.Tool, item.Input))
	}
	j.Close('}')
}

// output writes what a tool gave back, in the form that the call's item has.
func (e *requestEncoder) output(item *llm.Item) error {
	if item.IsError && item.Tool != llm.ToolApplyPatch {
		e.lose(item.Path, "the model's server is not told that the tool failed")
	}
	j, text := e.j, item.Text(llm.PartText)
	j.Open('{').Name("type").Text(outputTypes[item.Tool]).Name("call_id").Text(callID(item.CallID))
	switch item.Tool {
	case llm.ToolLocalShell:
		id := item.ID
		if id == "" {
			id = item.CallID
		}
		j.Name("id").Text(id)
	case llm.ToolShell, llm.ToolSearch:
		v, err := jsontree.Parse([]byte(text))
		if err != nil || v.Kind() != jsontree.Array {
			return dialect.Invalid(item.Path, item.Path+": what the tool gave back must be an array")
		}
		if item.Tool == llm.ToolShell {
			j.Name("output").Raw(v.Raw()).Close('}')
		} else {
			j.Name("execution").Text("client").Name("tools").Raw(v.Raw()).Close('}')
		}
		return nil
	case llm.ToolApplyPatch:
		status := "completed"
		if item.IsError {
			status = "failed"
		}
		j.Name("status").Text(status)
	}
	j.Name("output")
	if plain(item.Parts) {
		j.Text(text).Close('}')
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

// plain reports whether parts are text and nothing else.
func plain(parts []llm.Part) bool {
	return !slices.ContainsFunc(parts, func(p llm.Part) bool { return p.Kind != llm.PartText })
}
