package responses

import (
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
	items  map[int64]*output // :: output_index → item
	err    error
}

// An output is an item of the stream.
type output struct {
	index   int   // in the reply
	hosted  bool  // it is known whole, when it is done, or not at all
	part    int64 // content_index or summary_index of the open part
	kind    llm.PartKind
	begun   bool // a part has begun
	told    bool // a part or an input has come in pieces
	settled bool
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
	if r.b.Over() || dialect.IsDone(data) {
		return nil
	}
	v, err := jsontree.Parse(data)
	if err != nil {
		return dialect.Unreadable(err)
	}
	switch v.Get("type").Text() {
	case "response.created", "response.in_progress", "response.queued":
		r.begin(v.Get("response"))
	case "response.output_item.added":
		return r.added(v)
	case "response.output_item.done":
		return r.done(v)
	case "response.content_part.added":
		r.part(v, partKind(v.Get("part")), "content_index")
	case "response.reasoning_summary_part.added":
		r.part(v, llm.PartSummary, "summary_index")
	case "response.output_text.delta":
		r.delta(v, llm.PartText, "content_index")
	case "response.refusal.delta":
		r.delta(v, llm.PartRefusal, "content_index")
	case "response.reasoning_text.delta":
		r.delta(v, llm.PartReasoning, "content_index")
	case "response.reasoning_summary_text.delta":
		r.delta(v, llm.PartSummary, "summary_index")
	case "response.output_text.annotation.added":
		r.annotation(v)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		r.input(v)
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		r.over(v.Get("response"))
	case "error":
		r.b.Fail(decodeFailure(firstGiven(v.Get("error"), v)))
	case "":
		if e := v.Get("error"); e.Given() { // of a proxy that knows no events
			r.b.Fail(decodeFailure(e))
		}
	}
	return nil
}

func firstGiven(values ...jsontree.Value) jsontree.Value {
	for _, v := range values {
		if v.Given() {
			return v
		}
	}
	return jsontree.Value{}
}

func partKind(v jsontree.Value) llm.PartKind {
	switch {
	case v.Get("type").Is("refusal"):
		return llm.PartRefusal
	case v.Get("type").Is("reasoning_text"):
		return llm.PartReasoning
	default:
		return llm.PartText
	}
}

// added opens an item, without what comes in pieces.
func (r *reader) added(v jsontree.Value) error {
	at, _ := v.Get("output_index").Int()
	if r.items[at] != nil {
		return nil
	}
	if len(r.items) >= maxOutputs {
		return &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: "responses.read"}
	}
	o := &output{part: -1}
	r.items[at] = o
	item, ok := answered(v.Get("item"))
	if !ok || item.Kind == llm.ItemHosted || item.Kind == llm.ItemUnknown || fixedShape(&item) {
		o.hosted = true
		return nil
	}
	item.Parts, item.Input, item.Sealed = nil, "", ""
	o.index = r.b.Open(item)
	return nil
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

// part begins a part unless it has begun.
func (r *reader) part(v jsontree.Value, kind llm.PartKind, index string) *output {
	o := r.open(v)
	if o == nil {
		return nil
	}
	at, _ := v.Get(index).Int()
	if !o.begun || o.part != at || o.kind != kind {
		o.begun, o.part, o.kind, o.told = true, at, kind, true
		r.b.Part(o.index, llm.Part{Kind: kind})
	}
	return o
}

func (r *reader) delta(v jsontree.Value, kind llm.PartKind, index string) {
	if o := r.part(v, kind, index); o != nil {
		var logprobs []byte
		if l := v.Get("logprobs"); l.Kind() == jsontree.Array {
			logprobs = l.Raw()
		}
		r.b.Delta(o.index, kind, v.Get("delta").Text(), logprobs)
	}
}

func (r *reader) annotation(v jsontree.Value) {
	if o := r.part(v, llm.PartText, "content_index"); o != nil {
		r.b.Annotate(o.index, kept(decodeAnnotation(v.Get("annotation"))))
	}
}

// kept returns an annotation that outlives its event. Its spelling is kept
// only where its fields do not say it all.
func kept(a llm.Annotation) llm.Annotation {
	if a.URL != "" {
		a.Raw = nil
	}
	a.Raw = append([]byte(nil), a.Raw...)
	return a
}

func (r *reader) input(v jsontree.Value) {
	if o := r.open(v); o != nil {
		o.told = true
		r.b.Input(o.index, v.Get("delta").Text())
	}
}

// done ends an item. Its whole is in the event: what has not come in pieces is
// taken from there.
func (r *reader) done(v jsontree.Value) error {
	at, given := v.Get("output_index").Int()
	item, ok := answered(v.Get("item"))
	if !ok {
		return nil
	}
	for i := range item.Parts {
		for k := range item.Parts[i].Annotations {
			item.Parts[i].Annotations[k] = kept(item.Parts[i].Annotations[k])
		}
		item.Parts[i].Logprobs = append([]byte(nil), item.Parts[i].Logprobs...)
	}
	o := r.items[at]
	if o == nil || !given {
		o = &output{hosted: true}
		if len(r.items) < maxOutputs && given {
			r.items[at] = o
		}
	}
	switch {
	case o.settled:
		return nil
	case o.hosted:
		r.b.PlayItem(item)
	default:
		r.settle(o, item)
	}
	o.settled = true
	return nil
}

// settle gives an open item what its whole has and no piece has told.
func (r *reader) settle(o *output, item llm.Item) {
	open := r.b.Item(o.index)
	open.Sealed = item.Sealed
	if open.ID == "" {
		open.ID = item.ID
	}
	if !o.told {
		for _, p := range item.Parts {
			r.b.PlayPart(o.index, p)
		}
		r.b.Input(o.index, item.Input)
	}
	status := item.Status
	if status == llm.ItemInProgress {
		status = ""
	}
	r.b.Done(o.index, status)
}

// over ends the answer. Items that no event has told of are in the response.
func (r *reader) over(v jsontree.Value) {
	r.begin(v)
	if len(r.b.Reply().Items) == 0 {
		for _, e := range v.Get("output").Elements() {
			if item, ok := answered(e); ok {
				r.b.PlayItem(item)
			}
		}
	}
	if !r.end(v) {
		r.b.Fail(llm.Failure{Code: "server_error", Message: "the upstream ended its response without saying how"})
	}
}
