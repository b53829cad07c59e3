package messages

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeReply reads a whole answer.
func (d Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	v, err := jsontree.Parse(body)
	if err != nil {
		return dialect.Unreadable(err)
	}
	r := reader{b: b, own: d.Own, message: -1}
	switch {
	case v.Get("type").Is("error") || v.Get("error").Given():
		r.fail(v)
		return nil
	case v.Get("content").Kind() != jsontree.Array:
		return dialect.Unreadable(nil)
	}
	r.begin(v)
	for _, block := range v.Get("content").Elements() {
		r.beginBlock(0, block)
		r.endBlock(0)
	}
	r.ending(v)
	if r.word == "" {
		b.Fail(llm.Failure{Code: "server_error", Message: "the answer does not say why it ends"})
		return nil
	}
	r.finish()
	return nil
}

// NewReader returns a reader of an upstream's stream.
func (d Dialect) NewReader(b *llm.Builder) dialect.StreamReader {
	r := &reader{b: b, own: d.Own, message: -1}
	r.events.Handle = r.event
	return r
}

// A reader reads an answer.
type reader struct {
	b       *llm.Builder
	own     bool
	events  dialect.Events
	parse   jsontree.Parser
	blocks  []openBlock
	message int    // the item that takes texts; -1 if none is open
	word    string // stop_reason
	refusal string // what was said of it
}

// maxOpen is how many blocks may be open at once. By the protocol it is one.
const maxOpen = 128

// An openBlock is a block that has begun.
type openBlock struct {
	index int64 // the upstream's
	kind  string
	item  int    // -1 if there is none
	input []byte // of a call or of a hosted tool, as the block began
	got   bool   // more of the input has come
	raw   []byte // of a hosted tool
	more  []byte // the input of a hosted tool
	size  int64  // characters of a text
	notes []llm.Annotation
}

// Write takes the next piece of the stream.
func (r *reader) Write(p []byte) error { return r.events.Write(p) }

// Close says that the stream has ended.
func (r *reader) Close() error {
	if err := r.events.Close(); err != nil {
		return err
	}
	if !r.b.Over() {
		return dialect.Truncated()
	}
	return nil
}

// event takes one event. Its type is in the data; the name says the same.
func (r *reader) event(_, data []byte) error {
	if r.b.Over() || len(bytes.TrimSpace(data)) == 0 || dialect.IsDone(data) {
		return nil
	}
	v, err := r.parse.Parse(data)
	if err != nil {
		return dialect.Unreadable(err)
	}
	kind := v.Get("type")
	switch {
	case kind.Is("content_block_delta"):
		r.delta(v)
	case kind.Is("content_block_start"):
		if len(r.blocks) >= maxOpen {
			return dialect.Unreadable(errors.New("too many open blocks"))
		}
		r.beginBlock(index(v), v.Get("content_block"))
	case kind.Is("content_block_stop"):
		r.endBlock(index(v))
	case kind.Is("message_start"):
		r.begin(v.Get("message"))
	case kind.Is("message_delta"):
		r.usage(v.Get("usage"))
		r.ending(v.Get("delta"))
	case kind.Is("message_stop"):
		r.finish()
	case kind.Is("error") || v.Get("error").Given():
		r.fail(v)
	}
	return nil
}

func index(v jsontree.Value) int64 {
	n, _ := v.Get("index").Int()
	return n
}

func (r *reader) begin(v jsontree.Value) {
	r.usage(v.Get("usage"))
	r.b.Begin(v.Get("id").Text(), v.Get("model").Text(), 0)
}

func (r *reader) usage(v jsontree.Value) {
	a := r.b.Reply()
	mergeUsage(&a.Usage, v)
	if tier := v.Get("service_tier"); tier.Given() {
		a.ServiceTier = tier.Text()
	}
}

// find returns the open block with an index, nil if there is none.
func (r *reader) find(index int64) *openBlock {
	for i := range r.blocks {
		if r.blocks[i].index == index {
			return &r.blocks[i]
		}
	}
	return nil
}

// beginBlock begins a block, and ends one of the same index that was not ended.
func (r *reader) beginBlock(index int64, v jsontree.Value) {
	r.endBlock(index)
	o := openBlock{index: index, kind: v.Get("type").Text(), item: -1}
	b := r.b
	switch o.kind {
	case "thinking", "redacted_thinking", "tool_use":
		r.endMessage()
	}
	switch o.kind {
	case "text":
		o.item = r.text()
		b.Part(o.item, llm.Part{Kind: llm.PartText})
		r.say(&o, v.Get("text"))
		for _, n := range v.Get("citations").Elements() {
			r.cite(&o, n)
		}
	case "thinking":
		o.item = b.Open(llm.Item{Kind: llm.ItemReasoning, Sealed: v.Get("signature").Text()})
		if text := v.Get("thinking").Text(); text != "" {
			b.Delta(o.item, llm.PartReasoning, text, nil)
		}
	case "redacted_thinking":
		o.item = b.Open(llm.Item{Kind: llm.ItemReasoning, Redacted: true, Sealed: v.Get("data").Text()})
	case "tool_use":
		o.item = b.Open(llm.Item{Kind: llm.ItemCall, CallID: v.Get("id").Text(), Name: v.Get("name").Text()})
		if input := v.Get("input"); input.Len() > 0 {
			o.input = compact(input.Raw())
		}
	default:
		if r.own && hostedBlock(o.kind) {
			r.endMessage()
			o.raw = bytes.Clone(v.Raw())
		}
	}
	r.blocks = append(r.blocks, o)
}

func (r *reader) say(o *openBlock, text jsontree.Value) {
	s := text.Text()
	if s == "" {
		return
	}
	o.size += int64(utf8.RuneCountInString(s))
	r.b.Delta(o.item, llm.PartText, s, nil)
}

// delta takes more of a block. One that did not begin begins with it.
func (r *reader) delta(v jsontree.Value) {
	at, d := index(v), v.Get("delta")
	kind := d.Get("type")
	o := r.find(at)
	if o == nil {
		if !kind.Is("text_delta") {
			return
		}
		r.b.Begin("", "", 0)
		r.blocks = append(r.blocks, openBlock{index: at, kind: "text", item: r.text()})
		o = &r.blocks[len(r.blocks)-1]
	}
	switch {
	case kind.Is("text_delta") && o.kind == "text":
		r.say(o, d.Get("text"))
	case kind.Is("thinking_delta") && o.kind == "thinking":
		if text := d.Get("thinking").Text(); text != "" {
			r.b.Delta(o.item, llm.PartReasoning, text, nil)
		}
	case kind.Is("input_json_delta"):
		r.input(o, d.Get("partial_json").Text())
	case kind.Is("signature_delta") && o.kind == "thinking":
		r.b.Item(o.item).Sealed += d.Get("signature").Text()
	case kind.Is("citations_delta") && o.kind == "text":
		r.cite(o, d.Get("citation"))
	}
}

// text returns the item that takes texts.
func (r *reader) text() int {
	if r.message < 0 {
		r.message = r.b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	}
	return r.message
}

func (r *reader) input(o *openBlock, text string) {
	switch {
	case text == "":
	case o.raw != nil:
		o.more = append(o.more, text...)
	case o.kind == "tool_use":
		o.got = true
		r.b.Input(o.item, text)
	}
}

// cite keeps a citation until the end of its text, all of which it is for.
func (r *reader) cite(o *openBlock, v jsontree.Value) {
	n := llm.Annotation{Title: v.Get("title").Text()}
	switch {
	case v.Get("type").Is(typeWebCitation):
		n.URL = v.Get("url").Text()
	case v.Get("type").Is("search_result_location"):
		n.URL = v.Get("source").Text()
	}
	if r.own {
		n.Raw = bytes.Clone(v.Raw())
	} else if n.URL == "" {
		return
	}
	o.notes = append(o.notes, n)
}

func (r *reader) endBlock(index int64) {
	o := r.find(index)
	if o == nil {
		return
	}
	b := r.b
	switch o.kind {
	case "text":
		for _, n := range o.notes {
			n.End = o.size
			b.Annotate(o.item, n)
		}
	case "tool_use":
		if !o.got {
			if o.input == nil {
				o.input = []byte("{}")
			}
			b.Input(o.item, string(o.input))
		}
		status := llm.ItemCompleted
		if !isObject([]byte(b.InputSoFar(o.item))) {
			status = llm.ItemIncomplete
		}
		b.Done(o.item, status)
	case "thinking", "redacted_thinking":
		b.Done(o.item, "")
	default:
		r.hosted(o)
	}
	*o = r.blocks[len(r.blocks)-1]
	r.blocks = r.blocks[:len(r.blocks)-1]
}

// hosted tells of a hosted tool's block as it is when it is whole.
func (r *reader) hosted(o *openBlock) {
	if o.raw == nil {
		return
	}
	raw := o.raw
	if len(o.more) > 0 {
		v, err := jsontree.Parse(raw)
		if _, broken := jsontree.Parse(o.more); err != nil || broken != nil {
			return
		}
		w := new(jsontree.Writer)
		w.Open('{')
		for name, m := range v.Members() {
			if name == "input" {
				w.Name(name).Raw(o.more)
			} else {
				w.Name(name).Raw(m.Raw())
			}
		}
		raw = w.Close('}').Bytes()
	}
	r.b.Done(r.b.Open(llm.Item{Kind: llm.ItemHosted, Type: o.kind, Raw: raw}), "")
}

func (r *reader) endMessage() {
	if r.message >= 0 {
		r.b.Done(r.message, "")
		r.message = -1
	}
}

// ending reads why the answer ends, from a message or from what message_delta
// changes of it. What is not told again stays.
func (r *reader) ending(v jsontree.Value) {
	if s := v.Get("stop_reason").Text(); s != "" {
		r.word = s
	}
	if s := v.Get("stop_sequence").Text(); s != "" {
		r.b.Reply().Stop = s
	}
	if s := v.Get("stop_details").Get("explanation").Text(); s != "" {
		r.refusal = s
	}
}

func (r *reader) finish() {
	if r.b.Over() {
		return
	}
	if r.word == "" && len(r.b.Reply().Items) == 0 {
		r.b.Fail(llm.Failure{Code: "server_error", Message: "the upstream ended its answer without saying anything"})
		return
	}
	for len(r.blocks) > 0 {
		r.endBlock(r.blocks[0].index)
	}
	if reasons[r.word] == llm.ReasonFilter && r.refusal != "" {
		i := r.text()
		r.b.Part(i, llm.Part{Kind: llm.PartRefusal})
		r.b.Delta(i, llm.PartRefusal, r.refusal, nil)
	}
	r.b.Reply().Words = r.word
	if r.word != "stop_sequence" {
		r.b.Reply().Stop = ""
	}
	if r.message >= 0 {
		r.b.Done(r.message, "")
	}
	r.b.Finish(reasons[r.word])
}

func (r *reader) fail(v jsontree.Value) {
	e := v.Get("error")
	f := llm.Failure{Code: e.Get("code").Text(), Type: e.Get("type").Text(), Message: e.Get("message").Text()}
	if e.Kind() == jsontree.String {
		f.Message = e.Text()
	}
	if f.Code == "" {
		f.Code = f.Type
	}
	if f.Message == "" {
		f.Message = "the upstream failed"
	}
	r.b.Fail(f)
}
