package messages

import (
	"bytes"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// NewWriter returns a writer of a client's stream.
func (d Dialect) NewWriter(o *dialect.ReplyOptions) dialect.StreamWriter {
	return &writer{replier: replier{o: o, own: d.Own}}
}

// A writer writes a stream. The protocol has one block open at a time, and
// never two of one item but for texts: what comes for another block while a
// call has not come to its end waits in a queue.
type writer struct {
	replier
	queue []*block // the first is the open one, if it has begun
	free  []*block // used ones
	next  int      // the index of the next block
	begun bool     // message_start was written
	over  bool
}

// A block is one that is open, or waits.
type block struct {
	item, part int
	kind       blockKind
	text       []byte // of a call all of it; of others what has not been written
	sent       int    // how much of a call's text has been written
	notes      []llm.Annotation
	seal       string
	begun      bool
	done       bool // nothing more will come
}

type blockKind uint8

const (
	blockText blockKind = iota
	blockThinking
	blockCall
	blockRedacted
	blockHosted
)

// Append appends what e means.
func (w *writer) Append(dst []byte, e llm.Event) []byte {
	if w.over {
		return dst
	}
	if w.j == nil {
		w.j = jsontree.NewWriter(nil)
	}
	*w.j = *jsontree.NewWriter(dst)
	w.start(e.Reply)
	switch e.Kind {
	case llm.ReplyBegun, llm.PartBegun:
	case llm.ItemBegun:
		w.beginItem(&e)
	case llm.PartDelta:
		w.delta(&e)
	case llm.InputDelta:
		w.input(&e)
	case llm.AnnotationMade:
		w.annotate(&e)
	case llm.PartDone:
		w.endPart(&e)
	case llm.ItemDone:
		w.endItem(&e)
	case llm.ReplyDone:
		w.finish(e.Reply)
	case llm.ReplyFailed:
		w.fail(e.Reply.Failure)
	}
	return w.j.Bytes()
}

// event writes one event; its data has the type first.
func (w *writer) event(name string, data func(j *jsontree.Writer)) {
	open(w.j, name)
	data(w.j)
	closeEvent(w.j)
}

// open begins an event and its data.
func open(j *jsontree.Writer, name string) {
	*j = *jsontree.NewWriter(append(append(append(j.Bytes(), "event: "...), name...), "\ndata: "...))
	j.Open('{').Name("type").Text(name)
}

func closeEvent(j *jsontree.Writer) {
	*j = *jsontree.NewWriter(append(j.Close('}').Bytes(), "\n\n"...))
}

// start writes message_start, before anything else.
func (w *writer) start(r *llm.Reply) {
	if w.begun {
		return
	}
	w.begun = true
	w.event("message_start", func(j *jsontree.Writer) {
		j.Name("message").Open('{')
		w.head(r)
		j.Name("content").Open('[').Close(']')
		j.Name("stop_reason").Null().Name("stop_sequence").Null().Name("stop_details").Null()
		writeUsage(j, &r.Usage, r.ServiceTier)
		j.Close('}')
	})
}

// add puts a block at the end of the queue.
func (w *writer) add(b block) *block {
	var p *block
	if n := len(w.free); n > 0 {
		p, w.free = w.free[n-1], w.free[:n-1]
		if b.notes = p.notes[:0]; b.text == nil {
			b.text = p.text[:0]
		}
	} else {
		p = new(block)
	}
	*p = b
	w.queue = append(w.queue, p)
	return p
}

// last returns the block that takes more of an item: of a text or a thought
// only the last one of the queue, since others would change the order.
func (w *writer) last(item, part int) *block {
	b := w.find(item, part)
	if b != nil && b.kind != blockCall && b != w.queue[len(w.queue)-1] {
		return nil
	}
	return b
}

// find returns the block of an item, of texts that of the part, that has not
// come to its end; nil if there is none.
func (w *writer) find(item, part int) *block {
	for _, b := range slices.Backward(w.queue) {
		if b.item == item && !b.done && (b.part == part || b.kind != blockText) {
			return b
		}
	}
	return nil
}

// live reports whether what comes for b can be written at once.
func (w *writer) live(b *block) bool { return b.begun && len(w.queue) == 1 }

func (w *writer) beginItem(e *llm.Event) {
	if e.Item().Kind == llm.ItemCall {
		w.add(block{item: e.Index, kind: blockCall})
		w.advance(e.Reply)
	}
}

func (w *writer) delta(e *llm.Event) {
	item := e.Item()
	kind := blockText
	switch part := item.Parts[e.Part].Kind; {
	case item.Kind == llm.ItemReasoning:
		kind = blockThinking
	case !w.tells(part):
		return
	}
	if e.Text == "" || item.Redacted {
		return
	}
	b := w.last(e.Index, e.Part)
	if b == nil {
		b = w.add(block{item: e.Index, part: e.Part, kind: kind})
	}
	if b.part != e.Part { // the next part of a thought
		b.part = e.Part
		b.text = append(b.text, between...)
	}
	if len(b.text) == 0 && w.live(b) {
		w.deltaEvent(deltas[kind].kind, deltas[kind].member, e.Text)
		return
	}
	b.text = append(b.text, e.Text...)
	w.advance(e.Reply)
}

// deltas are the types of deltas, and the members that have their text.
var deltas = [...]struct{ kind, member string }{ // immutable
	blockText:     {"text_delta", "text"},
	blockThinking: {"thinking_delta", "thinking"},
	blockCall:     {"input_json_delta", "partial_json"},
}

// input takes more of a call's input. That of a custom tool is written as a
// whole.
func (w *writer) input(e *llm.Event) {
	b := w.find(e.Index, 0)
	if b == nil {
		return
	}
	b.text = append(b.text, e.Text...)
	if w.live(b) && e.Item().Tool != llm.ToolCustom {
		b.sent = len(b.text)
		w.deltaEvent("input_json_delta", "partial_json", e.Text)
		return
	}
	w.advance(e.Reply)
}

func (w *writer) annotate(e *llm.Event) {
	notes := e.Item().Parts[e.Part].Annotations
	b := w.last(e.Index, e.Part)
	if b == nil {
		b = w.add(block{item: e.Index, part: e.Part, kind: blockText})
	}
	b.notes = append(b.notes, notes[len(notes)-1])
	w.advance(e.Reply)
}

// endPart ends a text. A thought ends with its item.
func (w *writer) endPart(e *llm.Event) {
	if e.Item().Kind != llm.ItemMessage {
		return
	}
	if b := w.find(e.Index, e.Part); b != nil {
		b.done = true
		w.advance(e.Reply)
	}
}

func (w *writer) endItem(e *llm.Event) {
	item := e.Item()
	b := w.find(e.Index, -1)
	switch item.Kind {
	case llm.ItemReasoning:
		seal := w.sealed(item)
		switch {
		case item.Redacted && seal != "":
			b = w.add(block{item: e.Index, kind: blockRedacted})
		case item.Redacted:
			return
		case b == nil && seal != "":
			b = w.add(block{item: e.Index, kind: blockThinking})
		case b == nil:
			return
		}
		b.seal = seal
	case llm.ItemHosted:
		if !w.own {
			return
		}
		b = w.add(block{item: e.Index, kind: blockHosted, text: slices.Clone(item.Raw)})
	}
	if b != nil {
		b.done = true
		w.advance(e.Reply)
	}
}

// advance writes what can be written: all of the first block, and those behind
// it if it has come to its end, or may end because others wait.
func (w *writer) advance(r *llm.Reply) {
	for len(w.queue) > 0 {
		b := w.queue[0]
		w.write(r, b)
		if !b.done && (len(w.queue) == 1 || b.kind == blockCall && !whole(&r.Items[b.item], b.text)) {
			return
		}
		w.stop(b)
		w.queue = slices.Delete(w.queue, 0, 1)
		w.free = append(w.free, b)
	}
}

// whole reports whether what has come of a call's input is all of it. While
// nothing has come that is not known.
func whole(call *llm.Item, text []byte) bool {
	if call.Tool == llm.ToolCustom {
		return false
	}
	return isObject(text)
}

// isObject reports whether text is a JSON object.
func isObject(text []byte) bool {
	text = bytes.TrimRight(text, " \t\r\n")
	if !bytes.HasSuffix(text, []byte("}")) {
		return false
	}
	v, err := jsontree.Parse(text)
	return err == nil && v.Kind() == jsontree.Object
}

// write writes what has come of the first block.
func (w *writer) write(r *llm.Reply, b *block) {
	item := &r.Items[b.item]
	if !b.begun {
		b.begun = true
		w.beginBlock(item, b)
	}
	if b.kind == blockCall {
		w.writeInput(item, b)
		return
	}
	if b.kind <= blockThinking && len(b.text) > 0 {
		w.deltaEvent(deltas[b.kind].kind, deltas[b.kind].member, string(b.text))
		b.text = b.text[:0]
	}
	for i := range b.notes {
		w.event("content_block_delta", func(j *jsontree.Writer) {
			j.Name("index").Int(int64(w.next)).Name("delta").Open('{').Name("type").Text("citations_delta").Name("citation")
			w.citation(&b.notes[i])
			j.Close('}')
		})
	}
	b.notes = b.notes[:0]
	if b.kind == blockThinking && b.done && b.seal != "" {
		w.deltaEvent("signature_delta", "signature", b.seal)
	}
}

func (w *writer) writeInput(item *llm.Item, b *block) {
	switch {
	case item.Tool == llm.ToolCustom:
		if b.done {
			input, _ := callInput(item)
			w.deltaEvent("input_json_delta", "partial_json", string(input))
			b.sent = len(b.text) + 1
		}
	case len(b.text) > b.sent:
		w.deltaEvent("input_json_delta", "partial_json", string(b.text[b.sent:]))
		b.sent = len(b.text)
	}
}

func (w *writer) deltaEvent(kind, member, text string) {
	open(w.j, "content_block_delta")
	w.j.Name("index").Int(int64(w.next)).Name("delta").Open('{').Name("type").Text(kind).Name(member).Text(text).Close('}')
	closeEvent(w.j)
}

// beginBlock writes content_block_start. Members that deltas fill are there
// and empty: the SDKs add to them.
func (w *writer) beginBlock(item *llm.Item, b *block) {
	open(w.j, "content_block_start")
	j := w.j.Name("index").Int(int64(w.next)).Name("content_block")
	switch b.kind {
	case blockText:
		j.Open('{').Name("type").Text("text").Name("text").Text("").Name("citations").Null()
	case blockThinking:
		j.Open('{').Name("type").Text("thinking").Name("thinking").Text("").Name("signature").Text("")
	case blockCall:
		j.Open('{')
		writeCall(j, item)
		j.Name("input").Open('{').Close('}')
	case blockRedacted:
		writeRedacted(j, b.seal)
	case blockHosted:
		j.Raw(b.text)
	}
	if b.kind <= blockCall {
		j.Close('}')
	}
	closeEvent(j)
}

func (w *writer) stop(b *block) {
	if b.kind == blockCall && b.sent == 0 {
		w.deltaEvent("input_json_delta", "partial_json", "")
	}
	open(w.j, "content_block_stop")
	w.j.Name("index").Int(int64(w.next))
	closeEvent(w.j)
	w.next++
}

// finish writes what waits, and the end.
func (w *writer) finish(r *llm.Reply) {
	for _, b := range w.queue {
		b.done = true
	}
	w.advance(r)
	w.over = true
	w.event("message_delta", func(j *jsontree.Writer) {
		j.Name("delta").Open('{').Name("container").Null()
		w.end(r)
		j.Close('}').Name("usage").Open('{')
		writeCounts(j, &r.Usage)
		j.Close('}')
	})
	open(w.j, "message_stop")
	closeEvent(w.j)
}

// fail writes the failure that an upstream told of.
func (w *writer) fail(f *llm.Failure) {
	w.over = true
	w.event("error", func(j *jsontree.Writer) {
		j.Name("error").Open('{').Name("type").Text(errorType(f)).Name("message").Text(f.Message)
		if f.Code != "" {
			j.Name("code").Text(f.Code)
		}
		j.Close('}')
	})
}

// errorTypes are the protocol's types of errors, and what other protocols'
// codes and types are among them.
//
// Source: https://docs.claude.com/en/api/errors.
var errorTypes = map[string]string{ // immutable
	"invalid_request_error": "invalid_request_error", "authentication_error": "authentication_error", "billing_error": "billing_error",
	"permission_error": "permission_error", "not_found_error": "not_found_error", "request_too_large": "request_too_large",
	"rate_limit_error": "rate_limit_error", "timeout_error": "timeout_error", "overloaded_error": "overloaded_error", "api_error": "api_error",

	"rate_limit_exceeded": "rate_limit_error", "slow_down": "rate_limit_error", "insufficient_quota": "rate_limit_error",
	"server_is_overloaded": "overloaded_error", "invalid_prompt": "invalid_request_error", "context_length_exceeded": "invalid_request_error",
	"content_filter": "invalid_request_error",
}

func errorType(f *llm.Failure) string {
	for _, word := range []string{f.Code, f.Type} {
		if t := errorTypes[word]; t != "" {
			return t
		}
	}
	return "api_error"
}

// Fail appends the end of a stream that could not be brought to its proper
// end.
func (w *writer) Fail(dst []byte, f dialect.Failure) []byte {
	if w.over {
		return dst
	}
	w.over = true
	return Dialect{}.StreamFailure(dst, f, nil)
}

// KeepAlive appends a ping.
func (w *writer) KeepAlive(dst []byte) []byte {
	return append(dst, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
}
