package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// conversation reads the messages.
func (d *decoder) conversation(v jsontree.Value) {
	if !d.List(v, "messages") {
		d.Missing("messages")
		return
	}
	if v.Len() == 0 {
		d.Fault("messages", "a list of at least one message")
	}
	d.r.Items = make([]llm.Item, 0, v.Len())
	for i, m := range v.Elements() {
		path := at("messages", i)
		if m.Kind() != jsontree.Object {
			d.Fault(path, "an object")
		}
		switch role := d.Need(m.Get("role"), path+".role"); role {
		case "system", "developer", "user":
			d.say(llm.Role(role), m, path)
		case "assistant":
			d.assistant(m, path)
		case "tool":
			d.toolOutput(m, path)
		case "function":
			d.functionOutput(m, path)
		default:
			d.Fault(path+".role", "system, developer, user, assistant, tool or function")
		}
		if d.Err != nil {
			return
		}
	}
}

func (d *decoder) add(i llm.Item) { d.r.Items = append(d.r.Items, i) }

func (d *decoder) say(role llm.Role, m jsontree.Value, path string) {
	content := m.Get("content")
	if !content.Given() {
		d.Missing(path + ".content")
	}
	d.add(llm.Item{
		Kind: llm.ItemMessage, Role: role, Path: path, Name: d.speaker(m, path),
		Parts: d.parts(content, path+".content"),
	})
}

// speaker returns who says a message, which no other protocol has.
func (d *decoder) speaker(m jsontree.Value, path string) string {
	path += ".name"
	name := d.Text(m.Get("name"), path)
	if name != "" {
		d.r.Lost = append(d.r.Lost, llm.Loss{Path: path, Why: "messages have no names where this model is served"})
	}
	return name
}

// assistant reads what the model has said before: its reasoning, its message,
// its calls, in this order.
func (d *decoder) assistant(m jsontree.Value, path string) {
	if text, ok := reasoningMember(m); ok {
		d.wantReasoning()
		if text != "" {
			d.add(llm.Item{Kind: llm.ItemReasoning, Path: path, Parts: []llm.Part{{Kind: llm.PartReasoning, Path: path, Text: text}}})
		}
	}
	message := llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant, Path: path, Name: d.speaker(m, path)}
	if content := m.Get("content"); !content.Is("") {
		message.Parts = d.parts(content, path+".content")
	}
	if refusal := d.Text(m.Get("refusal"), path+".refusal"); refusal != "" {
		message.Parts = append(message.Parts, llm.Part{Kind: llm.PartRefusal, Path: path + ".refusal", Text: refusal})
	}
	if audio := m.Get("audio"); audio.Given() {
		message.Parts = append(message.Parts, llm.Part{Kind: llm.PartUnknown, Path: path + ".audio", Type: "audio", Raw: audio.Raw()})
	}
	calls, old := m.Get("tool_calls"), m.Get("function_call")
	if len(message.Parts) > 0 || calls.Len() == 0 && !old.Given() {
		d.add(message)
	}
	d.List(calls, path+".tool_calls")
	for i, c := range calls.Elements() {
		d.call(c, at(path+".tool_calls", i))
	}
	if old.Given() {
		d.oldCall(old, path+".function_call")
	}
}

// reasoningMember returns the text of the first member for reasoning that a
// message of a history has.
func reasoningMember(m jsontree.Value) (text string, ok bool) {
	for _, name := range []string{"reasoning_content", "reasoning"} {
		if v := m.Get(name); v.Kind() == jsontree.String {
			ok = true
			if text = v.Text(); text != "" {
				break
			}
		}
	}
	return text, ok
}

func (d *decoder) call(c jsontree.Value, path string) {
	call := llm.Item{Kind: llm.ItemCall, Path: path, CallID: d.Need(c.Get("id"), path+".id")}
	kind, input := d.Text(c.Get("type"), path+".type"), "arguments"
	switch kind {
	case "", "function":
		kind = "function"
	case "custom":
		call.Tool, input = llm.ToolCustom, "input"
		if d.custom == nil {
			d.custom = make(map[string]bool)
		}
		d.custom[call.CallID] = true
	default:
		d.Fault(path+".type", "function or custom")
		return
	}
	path += "." + kind
	call.Name = d.Need(c.Get(kind).Get("name"), path+".name")
	call.Input = d.Text(c.Get(kind).Get(input), path+"."+input)
	d.add(call)
}

func (d *decoder) toolOutput(m jsontree.Value, path string) {
	out := llm.Item{
		Kind: llm.ItemOutput, Path: path, CallID: d.Need(m.Get("tool_call_id"), path+".tool_call_id"),
		Parts: d.parts(m.Get("content"), path+".content"),
	}
	if d.custom[out.CallID] {
		out.Tool = llm.ToolCustom
	}
	d.add(out)
}

// An oldCall is a call by the old form, which has no id.
type oldCall struct{ name, id string }

// oldCall reads function_call of an assistant's message. Its id is made up,
// always the same for the same conversation.
func (d *decoder) oldCall(c jsontree.Value, path string) {
	d.Object(c, path)
	name := d.Need(c.Get("name"), path+".name")
	input := d.Text(c.Get("arguments"), path+".arguments")
	sum := sha256.Sum256([]byte(path + "\x00" + name + "\x00" + input))
	id := "call_" + hex.EncodeToString(sum[:12])
	d.old = append(d.old, oldCall{name, id})
	d.add(llm.Item{Kind: llm.ItemCall, Path: path, CallID: id, Name: name, Input: input})
}

// functionOutput reads the answer to the last call of that name that has none.
func (d *decoder) functionOutput(m jsontree.Value, path string) {
	name := d.Need(m.Get("name"), path+".name")
	i := len(d.old) - 1
	for i >= 0 && d.old[i].name != name {
		i--
	}
	if i < 0 {
		if d.Err == nil {
			d.Err = dialect.Invalid(path+".name", "no function_call found for the function message of `"+name+"`")
		}
		return
	}
	d.add(llm.Item{Kind: llm.ItemOutput, Path: path, CallID: d.old[i].id, Parts: d.parts(m.Get("content"), path+".content")})
	d.old = slices.Delete(d.old, i, i+1)
}

// parts reads content: a string, or an array of parts.
func (d *decoder) parts(v jsontree.Value, path string) []llm.Part {
	switch v.Kind() {
	case 0, jsontree.Null:
		return nil
	case jsontree.String:
		return []llm.Part{{Kind: llm.PartText, Path: path, Text: v.Text()}}
	case jsontree.Array:
	default:
		d.Fault(path, "a string or an array of parts")
		return nil
	}
	parts := make([]llm.Part, 0, v.Len())
	for i, p := range v.Elements() {
		path := at(path, i)
		if p.Kind() != jsontree.Object {
			d.Fault(path, "an object")
			return nil
		}
		parts = append(parts, d.part(p, path))
	}
	return parts
}

func (d *decoder) part(v jsontree.Value, path string) llm.Part {
	p := llm.Part{Path: path, Type: d.Need(v.Get("type"), path+".type")}
	switch p.Type {
	case "text":
		p.Kind, p.Text = llm.PartText, d.Text(v.Get("text"), path+".text")
	case "refusal":
		p.Kind, p.Text = llm.PartRefusal, d.Text(v.Get("refusal"), path+".refusal")
	case "image_url":
		p.Kind = llm.PartImage
		p.URL = d.Need(v.Get("image_url").Get("url"), path+".image_url.url")
		p.Detail = d.Text(v.Get("image_url").Get("detail"), path+".image_url.detail")
	case "input_audio":
		p.Kind = llm.PartAudio
		p.Data = d.Need(v.Get("input_audio").Get("data"), path+".input_audio.data")
		p.Media = d.Need(v.Get("input_audio").Get("format"), path+".input_audio.format")
	case "file":
		d.file(&p, v.Get("file"), path+".file")
	default:
		p.Kind, p.Raw = llm.PartUnknown, v.Raw()
	}
	return p
}

func (d *decoder) file(p *llm.Part, v jsontree.Value, path string) {
	p.Kind = llm.PartFile
	if d.Object(v, path) == nil {
		d.Missing(path)
	}
	p.Name = d.Text(v.Get("filename"), path+".filename")
	p.FileID = d.Text(v.Get("file_id"), path+".file_id")
	p.Data = d.Text(v.Get("file_data"), path+".file_data")
	if media, data, ok := dialect.SplitDataURL(p.Data); ok {
		p.Media, p.Data = media, data
	}
	if p.FileID == "" && p.Data == "" {
		d.Missing(path + ".file_data")
	}
}
