package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// NewWriter returns a writer of a client's stream.
func (Dialect) NewWriter(o *dialect.ReplyOptions) dialect.StreamWriter {
	return &writer{responder: responder{o: o, j: new(jsontree.Writer)}, last: &llm.Reply{}}
}

// A writer numbers the events of one stream.
type writer struct {
	responder

	next  int64      // sequence_number
	last  *llm.Reply // as far as it has come
	items []written  // by index in the reply
	out   int        // how many are shown
}

// A written is what the stream has told of an item.
type written struct {
	id    string // the same in all of its events
	out   int    // output_index
	shown bool
	done  bool
}

// Append appends what e means.
func (w *writer) Append(dst []byte, e llm.Event) []byte {
	w.last = e.Reply
	switch e.Kind {
	case llm.ReplyBegun:
		dst = w.response(dst, "response.created", llm.StatusInProgress)
		return w.response(dst, "response.in_progress", llm.StatusInProgress)
	case llm.ReplyDone:
		if e.Reply.Status == llm.StatusIncomplete {
			return w.response(dst, "response.incomplete", e.Reply.Status)
		}
		return w.response(dst, "response.completed", e.Reply.Status)
	case llm.ReplyFailed:
		return w.failed(dst)
	case llm.ItemBegun:
		item := e.Item()
		w.items = append(w.items, written{id: w.itemID(item, e.Index), out: w.out, shown: isShown(item)})
		if w.items[e.Index].shown {
			w.out++
		}
	}
	if !w.items[e.Index].shown {
		return dst
	}
	return w.of(dst, e)
}

// of appends what an event about an item means.
func (w *writer) of(dst []byte, e llm.Event) []byte {
	switch e.Kind {
	case llm.ItemBegun:
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
		w.items[e.Index].done = true
		dst = w.inputDone(dst, e)
		return w.item(dst, "response.output_item.done", e, true)
	}
	return dst
}

// event begins an event; end ends it.
func (w *writer) event(dst []byte, name string) {
	dst = append(dst, "event: "...)
	dst = append(dst, name...)
	dst = append(dst, "\ndata: "...)
	w.j.Reset(dst)
	w.j.Open('{').Name("type").Text(name).Name("sequence_number").Int(w.next)
	w.next++
}

func (w *writer) end() []byte { return append(w.j.Close('}').Bytes(), "\n\n"...) }

// response appends an event with the whole response.
func (w *writer) response(dst []byte, name string, status llm.Status) []byte {
	w.event(dst, name)
	w.j.Name("response")
	w.object(w.last, status, nil, w.output)
	return w.end()
}

// output writes the items that have come to their end.
func (w *writer) output() {
	for i := range w.items {
		if w.items[i].shown && w.items[i].done {
			w.responder.item(&w.last.Items[i], w.items[i].id, true)
		}
	}
}

// failed appends the end of a response that the upstream says has failed.
func (w *writer) failed(dst []byte) []byte {
	if w.next == 0 { // clients take nothing before this
		dst = w.response(dst, "response.created", llm.StatusInProgress)
	}
	return w.response(dst, "response.failed", llm.StatusFailed)
}

// Fail appends response.failed: see Dialect.StreamFailure.
func (w *writer) Fail(dst []byte, f dialect.Failure) []byte {
	dst = f.AppendTornEnd(dst)
	if w.next == 0 {
		dst = w.response(dst, "response.created", llm.StatusInProgress)
	}
	w.event(dst, "response.failed")
	w.j.Name("response")
	w.object(w.last, llm.StatusFailed, appendError(nil, f), w.output)
	return w.end()
}

// KeepAlive appends an event that every client skips: Codex counts events, and
// not comments, as signs of life.
func (w *writer) KeepAlive(dst []byte) []byte {
	return append(dst, "event: keepalive\ndata: {\"type\":\"keepalive\"}\n\n"...)
}

func (w *writer) item(dst []byte, name string, e llm.Event, done bool) []byte {
	w.event(dst, name)
	w.j.Name("output_index").Int(int64(w.items[e.Index].out)).Name("item")
	w.responder.item(e.Item(), w.items[e.Index].id, done)
	return w.end()
}

// about begins an event about a part of an item, or about its input: it is
// told where that is.
func (w *writer) about(dst []byte, name string, e llm.Event) {
	w.event(dst, name)
	at := &w.items[e.Index]
	w.j.Name("item_id").Text(at.id).Name("output_index").Int(int64(at.out))
	item := e.Item()
	if item.Kind == llm.ItemCall {
		return
	}
	member, index := inContent, e.Part
	if item.Kind == llm.ItemReasoning {
		summary := w.asSummary(item.Parts[e.Part].Kind)
		if summary {
			member = inSummary
		}
		index = 0
		for k := range e.Part {
			if w.asSummary(item.Parts[k].Kind) == summary {
				index++
			}
		}
	}
	w.j.Name(member).Int(int64(index))
}

// names are the events of one kind of part.
type names struct{ added, delta, done, ended, member string }

var (
	summaryNames = names{ // immutable
		"response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
		"response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "text",
	}
	reasoningNames = names{ // immutable
		"response.content_part.added", "response.reasoning_text.delta",
		"response.reasoning_text.done", "response.content_part.done", "text",
	}
	refusalNames = names{ // immutable
		"response.content_part.added", "response.refusal.delta",
		"response.refusal.done", "response.content_part.done", "refusal",
	}
	textNames = names{ // immutable
		"response.content_part.added", "response.output_text.delta",
		"response.output_text.done", "response.content_part.done", "text",
	}
)

func (w *writer) names(e llm.Event) *names {
	part := &e.Item().Parts[e.Part]
	switch {
	case e.Item().Kind == llm.ItemReasoning && w.asSummary(part.Kind):
		return &summaryNames
	case e.Item().Kind == llm.ItemReasoning:
		return &reasoningNames
	case part.Kind == llm.PartRefusal:
		return &refusalNames
	default:
		return &textNames
	}
}

func (w *writer) partBegun(dst []byte, e llm.Event) []byte {
	w.about(dst, w.names(e).added, e)
	w.j.Name("part")
	w.part(e.Item(), &llm.Part{Kind: e.Item().Parts[e.Part].Kind})
	return w.end()
}

func (w *writer) partDelta(dst []byte, e llm.Event) []byte {
	n := w.names(e)
	w.about(dst, n.delta, e)
	w.j.Name("delta").Text(e.Text)
	if n == &textNames {
		w.j.Name("logprobs")
		w.logprobs(e.Logprobs)
	}
	return w.end()
}

func (w *writer) partDone(dst []byte, e llm.Event) []byte {
	n, part := w.names(e), &e.Item().Parts[e.Part]
	w.about(dst, n.done, e)
	w.j.Name(n.member).Text(part.Text)
	if n == &textNames {
		w.j.Name("logprobs")
		w.logprobs(part.Logprobs)
	}
	w.about(w.end(), n.ended, e)
	w.j.Name("part")
	w.part(e.Item(), part)
	return w.end()
}

func (w *writer) annotation(dst []byte, e llm.Event) []byte {
	notes := e.Item().Parts[e.Part].Annotations
	w.about(dst, "response.output_text.annotation.added", e)
	w.j.Name("annotation_index").Int(int64(len(notes) - 1)).Name("annotation")
	w.responder.annotation(notes[len(notes)-1])
	return w.end()
}

// inputDelta appends more of what a tool is called with. Tools of a fixed
// shape are told of by their item alone.
func (w *writer) inputDelta(dst []byte, e llm.Event) []byte {
	switch e.Item().Tool {
	case llm.ToolFunction:
		w.about(dst, "response.function_call_arguments.delta", e)
	case llm.ToolCustom:
		w.about(dst, "response.custom_tool_call_input.delta", e)
	default:
		return dst
	}
	w.j.Name("delta").Text(e.Text)
	return w.end()
}

// inputDone appends the whole of what a tool is called with, unless it was cut
// short.
func (w *writer) inputDone(dst []byte, e llm.Event) []byte {
	item := e.Item()
	switch {
	case item.Kind != llm.ItemCall || item.Status != llm.ItemCompleted:
		return dst
	case item.Tool == llm.ToolFunction:
		w.about(dst, "response.function_call_arguments.done", e)
		w.j.Name("name").Text(item.Name).Name("arguments").Text(item.Input)
	case item.Tool == llm.ToolCustom:
		w.about(dst, "response.custom_tool_call_input.done", e)
		w.j.Name("input").Text(item.Input)
	default:
		return dst
	}
	return w.end()
}
