package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// NewWriter returns a writer of a client's stream.
func (Dialect) NewWriter(o *dialect.ReplyOptions) dialect.StreamWriter {
	return &writer{o: o, last: &llm.Reply{}}
}

// A writer numbers the events of one stream. Every item of the reply is an
// output of its own, so that output_index is the item's index.
type writer struct {
	o    *dialect.ReplyOptions
	next int64      // sequence_number
	last *llm.Reply // as far as it has come
	open []bool     // by item: it has begun and not ended
}

// Append appends what e means.
func (w *writer) Append(dst []byte, e llm.Event) []byte {
	w.last = e.Reply
	switch e.Kind {
	case llm.ReplyBegun:
		dst = w.response(dst, "response.created", e.Reply, llm.StatusInProgress)
		return w.response(dst, "response.in_progress", e.Reply, llm.StatusInProgress)
	case llm.ItemBegun:
		w.open = append(w.open, true)
		return w.item(dst, "response.output_item.added", e, false)
	case llm.PartBegun:
		return w.partBegun(dst, e)
	case llm.PartDelta:
		return w.partDelta(dst, e)
	case llm.AnnotationMade:
		return w.annotation(dst, e)
	case llm.PartDone:
		return w.partDone(dst, e)
	case llm.InputDelta:
		return w.inputDelta(dst, e)
	case llm.ItemDone:
		w.open[e.Index] = false
		dst = w.inputDone(dst, e)
		return w.item(dst, "response.output_item.done", e, true)
	case llm.ReplyDone:
		if e.Reply.Status == llm.StatusIncomplete {
			return w.response(dst, "response.incomplete", e.Reply, e.Reply.Status)
		}
		return w.response(dst, "response.completed", e.Reply, e.Reply.Status)
	case llm.ReplyFailed:
		if w.next == 0 {
			dst = w.response(dst, "response.created", e.Reply, llm.StatusInProgress)
		}
		return w.response(dst, "response.failed", e.Reply, llm.StatusFailed)
	}
	return dst
}

// event begins an event; end ends it.
func (w *writer) event(dst []byte, name string) *responder {
	dst = append(dst, "event: "...)
	dst = append(dst, name...)
	dst = append(dst, "\ndata: "...)
	p := &responder{o: w.o, j: jsontree.NewWriter(dst)}
	p.j.Open('{').Name("type").Text(name).Name("sequence_number").Int(w.next)
	w.next++
	return p
}

func (p *responder) end() []byte { return append(p.j.Close('}').Bytes(), "\n\n"...) }

// response appends an event with the whole response. The output of one that is
// under way is what has come to its end.
func (w *writer) response(dst []byte, name string, r *llm.Reply, status llm.Status) []byte {
	p := w.event(dst, name)
	p.j.Name("response")
	items := r.Items
	if status == llm.StatusInProgress {
		items = nil
	} else if status == llm.StatusFailed {
		items = nil
		for i := 0; i < len(r.Items) && !w.open[i]; i++ {
			items = r.Items[:i+1]
		}
	}
	p.response(r, status, items)
	return p.end()
}

func (w *writer) item(dst []byte, name string, e llm.Event, done bool) []byte {
	p := w.event(dst, name)
	p.j.Name("output_index").Int(int64(e.Index)).Name("item")
	p.item(e.Reply, e.Index, done)
	return p.end()
}

// of begins an event about a part of an item: it is told where the part is.
func (w *writer) of(dst []byte, name string, e llm.Event) *responder {
	p := w.event(dst, name)
	p.j.Name("item_id").Text(p.itemID(e.Reply, e.Index)).Name("output_index").Int(int64(e.Index))
	item := e.Item()
	if item.Kind == llm.ItemCall {
		return p
	}
	member, index := "content_index", 0
	if item.Kind == llm.ItemReasoning {
		summary := p.asSummary(item.Parts[e.Part].Kind)
		if summary {
			member = "summary_index"
		}
		for k := range e.Part {
			if p.asSummary(item.Parts[k].Kind) == summary {
				index++
			}
		}
	} else {
		index = e.Part
	}
	p.j.Name(member).Int(int64(index))
	return p
}

// names are the events of one kind of part.
type names struct{ added, delta, done, ended, member string }

func (w *writer) names(e llm.Event) names {
	part := &e.Item().Parts[e.Part]
	p := responder{o: w.o}
	switch {
	case e.Item().Kind == llm.ItemReasoning && p.asSummary(part.Kind):
		return names{
			"response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
			"response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "text",
		}
	case part.Kind == llm.PartReasoning:
		return names{"response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done", "text"}
	case part.Kind == llm.PartRefusal:
		return names{"response.content_part.added", "response.refusal.delta", "response.refusal.done", "response.content_part.done", "refusal"}
	default:
		return names{"response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done", "text"}
	}
}

// shown writes a part as its item shows it.
func (p *responder) shown(item *llm.Item, part llm.Part) {
	if item.Kind == llm.ItemReasoning && p.asSummary(part.Kind) {
		p.j.Open('{').Name("type").Text("summary_text").Name("text").Text(part.Text).Close('}')
		return
	}
	p.part(&part)
}

func (w *writer) partBegun(dst []byte, e llm.Event) []byte {
	p := w.of(dst, w.names(e).added, e)
	p.j.Name("part")
	p.shown(e.Item(), llm.Part{Kind: e.Item().Parts[e.Part].Kind})
	return p.end()
}

func (w *writer) partDelta(dst []byte, e llm.Event) []byte {
	p := w.of(dst, w.names(e).delta, e)
	p.j.Name("delta").Text(e.Text)
	if e.Item().Parts[e.Part].Kind == llm.PartText {
		p.j.Name("logprobs").Raw(orEmpty(e.Logprobs))
	}
	return p.end()
}

func orEmpty(array []byte) []byte {
	if len(array) == 0 {
		return []byte("[]")
	}
	return array
}

func (w *writer) partDone(dst []byte, e llm.Event) []byte {
	n, part := w.names(e), e.Item().Parts[e.Part]
	p := w.of(dst, n.done, e)
	p.j.Name(n.member).Text(part.Text)
	if part.Kind == llm.PartText {
		p.j.Name("logprobs").Raw(orEmpty(part.Logprobs))
	}
	p = w.of(p.end(), n.ended, e)
	p.j.Name("part")
	p.shown(e.Item(), part)
	return p.end()
}

func (w *writer) annotation(dst []byte, e llm.Event) []byte {
	notes := e.Item().Parts[e.Part].Annotations
	p := w.of(dst, "response.output_text.annotation.added", e)
	p.j.Name("annotation_index").Int(int64(len(notes) - 1)).Name("annotation")
	p.annotation(notes[len(notes)-1])
	return p.end()
}

// inputDelta appends more of what a tool is called with. Tools of a fixed
// shape are told of by their item alone.
func (w *writer) inputDelta(dst []byte, e llm.Event) []byte {
	var name string
	switch e.Item().Tool {
	case llm.ToolFunction:
		name = "response.function_call_arguments.delta"
	case llm.ToolCustom:
		name = "response.custom_tool_call_input.delta"
	default:
		return dst
	}
	p := w.of(dst, name, e)
	p.j.Name("delta").Text(e.Text)
	return p.end()
}

// inputDone appends the whole of what a tool is called with, unless it was cut
// short.
func (w *writer) inputDone(dst []byte, e llm.Event) []byte {
	item := e.Item()
	if item.Kind != llm.ItemCall || item.Status != llm.ItemCompleted {
		return dst
	}
	switch item.Tool {
	case llm.ToolFunction:
		p := w.of(dst, "response.function_call_arguments.done", e)
		p.j.Name("name").Text(item.Name).Name("arguments").Text(item.Input)
		return p.end()
	case llm.ToolCustom:
		p := w.of(dst, "response.custom_tool_call_input.done", e)
		p.j.Name("input").Text(item.Input)
		return p.end()
	default:
		return dst
	}
}

// Fail appends response.failed: see Dialect.StreamFailure.
func (w *writer) Fail(dst []byte, f dialect.Failure) []byte {
	return appendFailed(dst, f, facts{
		id: "resp_" + w.o.ID, model: w.o.ModelOf(w.last), sequence: w.next - 1, created: w.o.Created(w.last),
	})
}

// KeepAlive appends an event that every client skips: Codex counts events, and
// not comments, as signs of life.
func (w *writer) KeepAlive(dst []byte) []byte {
	return append(dst, "event: keepalive\ndata: {\"type\":\"keepalive\"}\n\n"...)
}
