package responses

import (
	"bytes"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// maxOutputs bounds how many items one response may have.
const maxOutputs = 4096

// NewReader returns a reader of an upstream's stream.
func (Dialect) NewReader(b *llm.Builder) dialect.StreamReader {
	r := &reader{replyDecoder: replyDecoder{b: b}, items: make(map[int64]*output)}
	r.events.Handle = r.handle
	return r
}

// A reader follows one stream. Items are known by their output_index, and are
// opened when they are announced.
type reader struct {
	replyDecoder

	events dialect.Events
	parser jsontree.Parser
	items  map[int64]*output // :: output_index → item
	err    error
}

// An output is an item of the stream.
type output struct {
	id      string
	index   int  // in the reply
	hosted  bool // it is known whole, when it is done, or not at all
	settled bool

	parts  int   // how many have begun
	at     int64 // content_index or summary_index of the last one
	kind   llm.PartKind
	silent bool // nothing of it has come yet
	plain  bool // no annotation of it has come yet
	called bool // some of a call's input has come
}

// Write takes the next piece of the stream.
func (r *reader) Write(p []byte) error {
	if r.err == nil {
		r.err = r.events.Write(p)
	}
	return r.err
}

// Close says that the stream has ended.
func (r *reader) Close() error {
	if r.err != nil {
		return r.err
	}
	if err := r.events.Close(); err != nil {
		return err
	}
	if !r.b.Over() {
		return dialect.Truncated()
	}
	return nil
}

// handle reads one event. What it does not know it skips: new ones may come.
func (r *reader) handle(_, data []byte) error {
	if r.b.Over() || dialect.IsDone(data) || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	v, err := r.parser.Parse(data)
	if err != nil {
		return dialect.Unreadable(err)
	}
	typ := v.Get("type")
	if typ.Kind() != jsontree.String {
		if e := v.Get("error"); e.Given() { // of a proxy that knows no events
			r.b.Fail(decodeFailure(e))
		}
		return nil
	}
	raw := typ.Raw()
	if h := handlers[string(raw[1:len(raw)-1])]; h != nil {
		return h(r, v)
	}
	return nil
}

// handlers are the events that tell something, by their type.
var handlers = map[string]func(*reader, jsontree.Value) error{ // immutable
	"response.created":     (*reader).began,
	"response.in_progress": (*reader).began,
	"response.queued":      (*reader).began,

	"response.output_item.added": (*reader).added,
	"response.output_item.done":  (*reader).done,

	"response.content_part.added":            partAdded(anyPart, inContent),
	"response.content_part.done":             partDone(anyPart, inContent),
	"response.output_text.delta":             partDelta(llm.PartText, inContent),
	"response.output_text.done":              partDone(llm.PartText, inContent),
	"response.output_text.annotation.added":  (*reader).annotation,
	"response.refusal.delta":                 partDelta(llm.PartRefusal, inContent),
	"response.refusal.done":                  partDone(llm.PartRefusal, inContent),
	"response.reasoning_text.delta":          partDelta(llm.PartReasoning, inContent),
	"response.reasoning_text.done":           partDone(llm.PartReasoning, inContent),
	"response.reasoning_summary_part.added":  partAdded(llm.PartSummary, inSummary),
	"response.reasoning_summary_part.done":   partDone(llm.PartSummary, inSummary),
	"response.reasoning_summary_text.delta":  partDelta(llm.PartSummary, inSummary),
	"response.reasoning_summary_text.done":   partDone(llm.PartSummary, inSummary),
	"response.function_call_arguments.delta": inputDelta,
	"response.function_call_arguments.done":  inputDone("arguments"),
	"response.custom_tool_call_input.delta":  inputDelta,
	"response.custom_tool_call_input.done":   inputDone("input"),
	"response.completed":                     over("completed"),
	"response.incomplete":                    over("incomplete"),
	"response.failed":                        over("failed"),
	"response.cancelled":                     over("cancelled"),
	"error":                                  (*reader).failed,
}

func (r *reader) began(v jsontree.Value) error {
	r.begin(v.Get("response"))
	return nil
}

func (r *reader) failed(v jsontree.Value) error {
	if e := v.Get("error"); e.Given() {
		v = e
	}
	r.b.Fail(decodeFailure(v))
	return nil
}

// added opens an item, without what comes in pieces.
func (r *reader) added(v jsontree.Value) error {
	at, _ := v.Get("output_index").Int()
	if r.items[at] != nil {
		return nil
	}
	o, err := r.announce(at)
	if err != nil {
		return err
	}
	item, ok := answered(v.Get("item"))
	o.id = item.ID
	if !ok || item.Kind == llm.ItemHosted || item.Kind == llm.ItemUnknown || fixedShape(&item) {
		o.hosted = true
		return nil
	}
	item.Parts, item.Input, item.Sealed = nil, "", ""
	o.index = r.b.Open(item)
	return nil
}

func (r *reader) announce(at int64) (*output, error) {
	if len(r.items) >= maxOutputs {
		return nil, &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: "responses.read"}
	}
	o := &output{}
	r.items[at] = o
	return o, nil
}

// fixedShape reports whether a call tells what it is called with by its item
// alone.
func fixedShape(item *llm.Item) bool {
	return item.Kind == llm.ItemCall && item.Tool != llm.ToolFunction && item.Tool != llm.ToolCustom
}

// open returns the item that an event is about, nil if it is none that could
// be told more of.
func (r *reader) open(v jsontree.Value) *output {
	at, _ := v.Get("output_index").Int()
	o := r.items[at]
	if o == nil || o.hosted || !r.b.IsOpen(o.index) {
		return nil
	}
	return o
}

// done ends an item. Its whole is in the event: what has not come in pieces is
// taken from there.
func (r *reader) done(v jsontree.Value) error {
	at, given := v.Get("output_index").Int()
	item, ok := answered(v.Get("item"))
	if !ok {
		return nil
	}
	o := r.items[at]
	switch {
	case !given:
		o = &output{hosted: true}
	case o == nil:
		var err error
		if o, err = r.announce(at); err != nil {
			return err
		}
		o.hosted = true
	}
	r.settle(o, item)
	return nil
}

// settle ends an item that may have come in pieces, or not at all.
func (r *reader) settle(o *output, item llm.Item) {
	switch {
	case o.settled:
	case o.hosted:
		r.b.PlayItem(item)
	default:
		r.complete(o, item)
	}
	o.settled = true
}

// complete gives an open item what its whole has and no piece has told.
func (r *reader) complete(o *output, item llm.Item) {
	open := r.b.Item(o.index)
	open.Sealed, open.Others = item.Sealed, item.Others
	if open.ID == "" {
		open.ID = item.ID
	}
	begun := o.parts
	for k, p := range item.Parts {
		switch {
		case k >= begun:
			r.b.PlayPart(o.index, p)
		case k == begun-1 && p.Kind == o.kind:
			r.fill(o, p)
		}
	}
	if !o.called {
		r.b.Input(o.index, item.Input)
	}
	status := item.Status
	if status == llm.ItemInProgress {
		status = ""
	}
	r.b.Done(o.index, status)
}

// over returns what handles the end of the answer. Items that no event has
// told of, or not to their end, are in the response.
func over(word string) func(*reader, jsontree.Value) error {
	return func(r *reader, event jsontree.Value) error {
		v := event.Get("response")
		r.begin(v)
		nothing := len(r.items) == 0
		for _, e := range v.Get("output").Elements() {
			item, ok := answered(e)
			switch {
			case !ok:
			case nothing:
				r.b.PlayItem(item)
			default:
				if o := r.unsettled(item.ID); o != nil {
					r.settle(o, item)
				}
			}
		}
		if !r.end(v, word) {
			r.b.Fail(llm.Failure{Code: codeServer, Message: "the upstream ended its response without saying how"})
		}
		return nil
	}
}

// unsettled returns the item of this id that has begun and not ended.
func (r *reader) unsettled(id string) *output {
	for _, o := range r.items {
		if id != "" && o.id == id && !o.settled {
			return o
		}
	}
	return nil
}
