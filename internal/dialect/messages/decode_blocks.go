package messages

import (
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// system reads the system prompt, whose blocks become one text.
func (d *decoder) system(v jsontree.Value) {
	if text := d.joined(v, "system"); text != "" {
		d.r.Items = append(d.r.Items, systemItem(text, "system", v))
	}
}

func systemItem(text, path string, v jsontree.Value) llm.Item {
	return llm.Item{
		Kind: llm.ItemMessage, Role: llm.RoleSystem, Path: path, Raw: v.Raw(),
		Parts: []llm.Part{{Kind: llm.PartText, Path: path, Text: text}},
	}
}

// joined reads a text: a string, or text blocks.
func (d *decoder) joined(v jsontree.Value, path string) string {
	switch v.Kind() {
	case 0, jsontree.Null:
		return ""
	case jsontree.String:
		return v.Text()
	case jsontree.Array:
	default:
		d.Fault(path, "a string or an array of text blocks")
		return ""
	}
	var texts []string
	for i, b := range v.Elements() {
		path := at(path, i)
		if d.Object(b, path) == nil || !b.Get("type").Is("text") {
			d.Fault(path+".type", "text")
			return ""
		}
		if text := d.Text(b.Get("text"), path+".text"); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n\n")
}

func (d *decoder) conversation(v jsontree.Value) {
	if !d.List(v, "messages") {
		d.Missing("messages")
		return
	}
	if v.Len() == 0 {
		d.Fault("messages", "a list of at least one message")
	}
	for i, m := range v.Elements() {
		path := at("messages", i)
		if d.Object(m, path) == nil {
			d.Fault(path, "an object")
			return
		}
		switch content := m.Get("content"); d.Need(m.Get("role"), path+".role") {
		case "user":
			d.user(content, path)
		case "assistant":
			d.assistant(content, path)
		case "system":
			d.r.Items = append(d.r.Items, systemItem(d.joined(content, path+".content"), path, content))
		default:
			d.Fault(path+".role", "user, assistant or system")
		}
		if d.Err != nil {
			return
		}
	}
}

// A turn puts what one message has into items.
type turn struct {
	role  llm.Role
	path  string
	items []llm.Item
	said  bool // the last item takes the next part
}

func (t *turn) item(i llm.Item) {
	t.items, t.said = append(t.items, i), false
}

func (t *turn) part(p llm.Part) {
	if !t.said {
		t.items = append(t.items, llm.Item{Kind: llm.ItemMessage, Role: t.role, Path: t.path})
		t.said = true
	}
	last := &t.items[len(t.items)-1]
	last.Parts = append(last.Parts, p)
}

// blocks calls read for each block of a message's content, and takes a string
// for one text block.
func (d *decoder) blocks(t *turn, content jsontree.Value, path string, read func(b jsontree.Value, kind, path string)) {
	switch content.Kind() {
	case jsontree.String:
		t.part(llm.Part{Kind: llm.PartText, Path: path, Type: "text", Text: content.Text()})
	case jsontree.Array:
		for i, b := range content.Elements() {
			path := at(path, i)
			if d.Object(b, path) == nil {
				d.Fault(path, "an object")
				return
			}
			read(b, d.Need(b.Get("type"), path+".type"), path)
		}
	case 0, jsontree.Null:
		d.Missing(path)
	default:
		d.Fault(path, "a string or an array of blocks")
	}
}

// midSystem is the type of a block that is a system prompt from there on.
const midSystem = "mid_conv_system"

// user reads a message of the user's: what tools gave back goes before all
// else.
func (d *decoder) user(content jsontree.Value, path string) {
	t := turn{role: llm.RoleUser, path: path}
	d.blocks(&t, content, path+".content", func(b jsontree.Value, kind, path string) {
		switch {
		case kind == "tool_result":
			d.r.Items = append(d.r.Items, d.toolResult(b, path))
		case kind == midSystem:
			item := systemItem(d.joined(b.Get("content"), path+".content"), path, b)
			item.Type = kind
			t.item(item)
		case hostedBlock(kind):
			t.item(llm.Item{Kind: llm.ItemHosted, Path: path, Type: kind, Raw: b.Raw()})
		default:
			for _, p := range d.parts(b, kind, path) {
				t.part(p)
			}
		}
	})
	d.r.Items = append(d.r.Items, t.items...)
}

func (d *decoder) assistant(content jsontree.Value, path string) {
	t := turn{role: llm.RoleAssistant, path: path}
	d.blocks(&t, content, path+".content", func(b jsontree.Value, kind, path string) {
		switch {
		case kind == "thinking":
			item := llm.Item{Kind: llm.ItemReasoning, Path: path, Sealed: d.Text(b.Get("signature"), path+".signature")}
			if text := d.Text(b.Get("thinking"), path+".thinking"); text != "" {
				item.Parts = []llm.Part{{Kind: llm.PartReasoning, Path: path, Text: text}}
			}
			t.item(item)
		case kind == "redacted_thinking":
			t.item(llm.Item{Kind: llm.ItemReasoning, Path: path, Redacted: true, Sealed: d.Need(b.Get("data"), path+".data")})
		case kind == "tool_use":
			t.item(d.toolUse(b, path))
		case hostedBlock(kind):
			t.item(llm.Item{Kind: llm.ItemHosted, Path: path, ID: b.Get("id").Text(), Type: kind, Raw: b.Raw()})
		default:
			for _, p := range d.parts(b, kind, path) {
				t.part(p)
			}
		}
	})
	d.r.Items = append(d.r.Items, t.items...)
}

// hostedBlock reports whether a block is of a tool that the provider runs, or
// another that only the provider can read.
func hostedBlock(kind string) bool {
	switch kind {
	case "server_tool_use", "mcp_tool_use", "compaction", "fallback":
		return true
	}
	return strings.HasSuffix(kind, "_tool_result")
}

func (d *decoder) toolUse(b jsontree.Value, path string) llm.Item {
	item := llm.Item{
		Kind: llm.ItemCall, Path: path, Raw: b.Raw(), Input: "{}",
		CallID: d.Need(b.Get("id"), path+".id"), Name: d.Need(b.Get("name"), path+".name"),
	}
	if input := d.Object(b.Get("input"), path+".input"); input != nil {
		item.Input = string(compact(input))
	}
	return item
}

// compact returns JSON without the white space between its tokens.
func compact(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case quoted && c == '\\':
			out = append(out, c)
			i++
			c = raw[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		out = append(out, c)
	}
	return out
}

func (d *decoder) toolResult(b jsontree.Value, path string) llm.Item {
	item := llm.Item{Kind: llm.ItemOutput, Path: path, Raw: b.Raw(), CallID: d.Need(b.Get("tool_use_id"), path+".tool_use_id")}
	if failed := d.Bool(b.Get("is_error"), path+".is_error"); failed != nil {
		item.IsError = *failed
	}
	content := b.Get("content")
	if !content.Given() {
		return item
	}
	var t turn
	d.blocks(&t, content, path+".content", func(b jsontree.Value, kind, path string) {
		for _, p := range d.parts(b, kind, path) {
			t.part(p)
		}
	})
	if len(t.items) > 0 {
		item.Parts = t.items[0].Parts
	}
	return item
}

// parts reads a block as parts, the first of which has the whole block in Raw
// and the rest an empty Raw.
func (d *decoder) parts(b jsontree.Value, kind, path string) []llm.Part {
	p := llm.Part{Path: path, Type: kind, Raw: b.Raw()}
	switch kind {
	case "text":
		p.Text = d.Text(b.Get("text"), path+".text")
	case "image":
		d.image(&p, b.Get("source"), path+".source")
	case "document":
		return d.document(p, b)
	case "search_result":
		p.Text = titled("Search result", d.Text(b.Get("title"), path+".title"), d.Text(b.Get("source"), path+".source")) +
			d.joined(b.Get("content"), path+".content")
		d.lose(path, "it is told as text, which cannot be cited")
	case "tool_reference":
		p.Text = d.Need(b.Get("tool_name"), path+".tool_name")
	default:
		p.Kind = llm.PartUnknown
	}
	return []llm.Part{p}
}

// titled returns the lines that stand before a text which was something of its
// own.
func titled(what, title, more string) string {
	if title != "" {
		what += ": " + title
	}
	if more != "" {
		what += "\n" + more
	}
	return what + "\n\n"
}

func (d *decoder) image(p *llm.Part, source jsontree.Value, path string) {
	p.Kind = llm.PartImage
	switch d.Need(source.Get("type"), path+".type") {
	case "base64":
		p.URL = dialect.DataURL(d.Need(source.Get("media_type"), path+".media_type"), d.Need(source.Get("data"), path+".data"))
	case "url":
		p.URL = d.Need(source.Get("url"), path+".url")
	case "file":
		p.FileID = d.Need(source.Get("file_id"), path+".file_id")
	default:
		d.Fault(path+".type", "base64, url or file")
	}
}

// document reads a document: a file if it is one, else a text with its title.
func (d *decoder) document(p llm.Part, b jsontree.Value) []llm.Part {
	source, path := b.Get("source"), p.Path+".source"
	title := d.Text(b.Get("title"), p.Path+".title")
	head := titled("Document", title, d.Text(b.Get("context"), p.Path+".context"))
	switch d.Need(source.Get("type"), path+".type") {
	case "base64":
		p.Kind, p.Name = llm.PartFile, title
		p.Media, p.Data = d.Need(source.Get("media_type"), path+".media_type"), d.Need(source.Get("data"), path+".data")
		if p.Name == "" {
			p.Name = "document.pdf"
		}
		return []llm.Part{p}
	case "url":
		p.Kind, p.Name, p.URL = llm.PartFile, title, d.Need(source.Get("url"), path+".url")
		p.Text = head + p.URL // for those who cannot be given the file
		return []llm.Part{p}
	case "file":
		p.Kind, p.Name, p.FileID = llm.PartFile, title, d.Need(source.Get("file_id"), path+".file_id")
		return []llm.Part{p}
	case "text":
		p.Text = head + d.Text(source.Get("data"), path+".data")
	case "content":
		return d.documentBlocks(p, head, source.Get("content"), path+".content")
	default:
		d.Fault(path+".type", "base64, text, url, content or file")
	}
	d.lose(p.Path, "it is told as text, which cannot be cited")
	return []llm.Part{p}
}

func (d *decoder) documentBlocks(p llm.Part, head string, content jsontree.Value, path string) []llm.Part {
	d.lose(p.Path, "it is told as text, which cannot be cited")
	p.Text = head
	all := []llm.Part{p}
	var t turn
	d.blocks(&t, content, path, func(b jsontree.Value, kind, path string) {
		if kind != "text" && kind != "image" {
			d.Fault(path+".type", "text or image")
			return
		}
		for _, p := range d.parts(b, kind, path) {
			t.part(p)
		}
	})
	for _, item := range t.items {
		for _, inner := range item.Parts {
			inner.Raw = []byte{}
			all = append(all, inner)
		}
	}
	return all
}
