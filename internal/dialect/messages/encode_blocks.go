package messages

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// jsonHint is what a model is told that cannot be held to an object.
const jsonHint = "Answer with one JSON object and nothing else."

// system writes the system prompt: each text a block.
func (e *encoder) system(items []*llm.Item) {
	hint := e.r.Format.Kind == llm.FormatObject
	if hint {
		e.lose(e.r.Path(llm.FieldFormat), "the model is told to answer with an object, and not held to it")
	}
	if len(items) == 1 && e.own && items[0].Raw != nil && e.r.Instructions == "" && !hint {
		e.j.Name("system").Raw(items[0].Raw)
		return
	}
	if len(items) == 0 && e.r.Instructions == "" && !hint {
		return
	}
	e.j.Name("system").Open('[')
	e.textBlock(e.r.Instructions)
	for _, item := range items {
		if raw, err := jsontree.Parse(item.Raw); e.own && err == nil && raw.Kind() == jsontree.Array {
			for _, b := range raw.Elements() {
				e.j.Raw(b.Raw())
			}
			continue
		}
		for k := range item.Parts {
			e.textBlock(item.Parts[k].Text)
		}
	}
	if hint {
		e.textBlock(jsonHint)
	}
	e.j.Close(']')
}

func (e *encoder) textBlock(text string) {
	if text != "" {
		e.j.Open('{').Name("type").Text("text").Name("text").Text(text).Close('}')
	}
}

func (e *encoder) message(m *message, last bool) error {
	if m.role == llm.RoleSystem {
		for _, b := range m.blocks {
			e.j.Open('{').Name("role").Text("system").Name("content").Raw(b.item.Raw).Close('}')
		}
		return nil
	}
	e.j.Open('{').Name("role").Text(string(m.role)).Name("content").Open('[')
	for _, b := range m.results {
		if err := e.result(b.item); err != nil {
			return err
		}
	}
	for k, b := range m.blocks {
		if last && m.role == llm.RoleAssistant && k == len(m.blocks)-1 && b.part != nil && b.part.Kind == llm.PartText {
			// The servers refuse white space at the end.
			if text := strings.TrimRight(b.part.Text, " \t\r\n"); text != b.part.Text {
				e.textBlock(text)
				continue
			}
		}
		if err := e.block(b); err != nil {
			return err
		}
	}
	e.j.Close(']').Close('}')
	return nil
}

func (e *encoder) block(b piece) error {
	switch {
	case b.part != nil:
		return e.part(b.part)
	case b.item.Kind == llm.ItemReasoning:
		e.reasoning(b.item)
		return nil
	case e.own && b.item.Raw != nil:
		e.j.Raw(b.item.Raw)
		return nil
	default:
		return e.call(b.item)
	}
}

// reasoning writes what the model has thought, for its maker to check.
func (e *encoder) reasoning(i *llm.Item) {
	if i.Redacted {
		writeRedacted(&e.j, i.Sealed)
		return
	}
	e.j.Open('{').Name("type").Text("thinking").Name("thinking").Text(reasoningText(i)).Name("signature").Text(i.Sealed).Close('}')
}

func (e *encoder) call(i *llm.Item) error {
	input, ok := callInput(i)
	if !ok && !e.own {
		return dialect.Invalid(i.Path, "what the tool "+i.Name+" is called with must be a JSON object")
	}
	e.j.Open('{').Name("type").Text("tool_use").Name("id").Text(safeID(i.CallID)).Name("name").Text(i.Name).Name("input").Raw(input).Close('}')
	return nil
}

// safeID returns an id as the protocol takes it: of one that it does not a
// hash, the same in a call and in what it gave back.
func safeID(id string) string {
	for _, c := range id {
		if !(c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			sum := sha256.Sum256([]byte(id))
			return "toolu_" + hex.EncodeToString(sum[:12])
		}
	}
	return id
}

// result writes what a tool gave back.
func (e *encoder) result(i *llm.Item) error {
	if e.own && i.Raw != nil {
		e.j.Raw(i.Raw)
		return nil
	}
	e.j.Open('{').Name("type").Text("tool_result").Name("tool_use_id").Text(safeID(i.CallID))
	if len(i.Parts) == 1 && i.Parts[0].Kind == llm.PartText {
		e.j.Name("content").Text(i.Parts[0].Text)
	} else if len(i.Parts) > 0 {
		e.j.Name("content").Open('[')
		for k := range i.Parts {
			if err := e.part(&i.Parts[k]); err != nil {
				return err
			}
		}
		e.j.Close(']')
	}
	if i.IsError {
		e.j.Name("is_error").Bool(true)
	}
	e.j.Close('}')
	return nil
}

// madeCitation is in a citation that Weir has made of one of another protocol:
// no server of this one takes it back.
var madeCitation = []byte(`"encrypted_index":""`) // immutable

func (e *encoder) part(p *llm.Part) error {
	if e.own && p.Raw != nil && !(p.Type == "text" && bytes.Contains(p.Raw, madeCitation)) {
		if len(p.Raw) > 0 { // else it is in the block before
			e.j.Raw(p.Raw)
		}
		return nil
	}
	switch p.Kind {
	case llm.PartText, llm.PartRefusal:
		e.textBlock(p.Text)
		return nil
	case llm.PartImage:
		return e.image(p)
	case llm.PartFile:
		return e.file(p)
	case llm.PartAudio:
		return dialect.UnsupportedValue(p.Path, "the model that serves this request cannot be shown audio")
	default:
		return dialect.UnsupportedValue(p.Path+".type", "the model that serves this request cannot be shown a part of type `"+p.Type+"`")
	}
}

func (e *encoder) image(p *llm.Part) error {
	media, data, inline := dialect.SplitDataURL(p.URL)
	switch {
	case p.URL == "":
		return foreignFile(p)
	case !inline && !e.t.ImageURLs:
		return dialect.UnsupportedValue(p.Path, "where this model is served no images are fetched: send it as a data URL")
	}
	e.j.Open('{').Name("type").Text("image").Name("source").Open('{')
	if inline {
		e.j.Name("type").Text("base64").Name("media_type").Text(media).Name("data").Text(data)
	} else {
		e.j.Name("type").Text("url").Name("url").Text(p.URL)
	}
	e.j.Close('}').Close('}')
	return nil
}

func foreignFile(p *llm.Part) error {
	return dialect.UnsupportedValue(p.Path, "the file is kept where this model is not served: send what is in it")
}

func (e *encoder) file(p *llm.Part) error {
	media, data := p.Media, p.Data
	if m, d, ok := dialect.SplitDataURL(p.URL); ok {
		media, data = m, d
	}
	text, isText := fileText(media, data)
	remote := data == "" && p.URL != ""
	switch {
	case data == "" && p.URL == "":
		return foreignFile(p)
	case !e.t.Files && !isText:
		return dialect.UnsupportedValue(p.Path, "the model that serves this request cannot be shown files")
	case remote && !e.t.ImageURLs:
		return dialect.UnsupportedValue(p.Path, "where this model is served no files are fetched: send what is in it")
	case !remote && !isText && media != "" && media != typePDF:
		return dialect.UnsupportedValue(p.Path, "the model that serves this request can be shown PDF and text files, and no "+media)
	}
	e.j.Open('{').Name("type").Text("document").Name("source").Open('{')
	switch {
	case remote:
		e.j.Name("type").Text("url").Name("url").Text(p.URL)
	case isText:
		e.j.Name("type").Text("text").Name("media_type").Text("text/plain").Name("data").Text(text)
	default:
		e.j.Name("type").Text("base64").Name("media_type").Text(typePDF).Name("data").Text(data)
	}
	e.j.Close('}')
	if p.Name != "" {
		e.j.Name("title").Text(p.Name)
	}
	e.j.Close('}')
	return nil
}

const typePDF = "application/pdf"

// fileText returns the text of a file that is one.
func fileText(media, data string) (string, bool) {
	if !strings.HasPrefix(media, "text/") && media != "application/json" {
		return "", false
	}
	text, err := base64.StdEncoding.DecodeString(data)
	return string(text), err == nil && utf8.Valid(text)
}
