package responses

import (
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// The members that say which part of its item an event is about.
const (
	inContent = "content_index"
	inSummary = "summary_index"
)

// anyPart is for events that have the part with them, which says its kind.
const anyPart = llm.PartUnknown

// A partEvent is an event about a part of an item.
type partEvent struct {
	*output

	kind llm.PartKind
	part jsontree.Value // the part, if the event has it; else the event
}

// about returns what an event is about, and begins the part if it has not
// begun. It returns false for a part that has ended.
func (r *reader) about(v jsontree.Value, kind llm.PartKind, index string) (partEvent, bool) {
	e := partEvent{r.open(v), kind, v}
	if part := v.Get("part"); part.Given() {
		e.part = part
		if kind == anyPart {
			e.kind = partKind(part)
		}
	}
	o := e.output
	if o == nil || e.kind == anyPart {
		return e, false
	}
	at, _ := v.Get(index).Int()
	switch {
	case o.parts > 0 && o.kind == e.kind && at < o.at:
		return e, false
	case o.parts == 0 || o.kind != e.kind || o.at != at:
		r.b.Part(o.index, llm.Part{Kind: e.kind})
		o.parts++
		o.at, o.kind, o.silent, o.plain = at, e.kind, true, true
	}
	return e, true
}

func partKind(v jsontree.Value) llm.PartKind {
	switch v.Get("type").Text() {
	case "output_text":
		return llm.PartText
	case "refusal":
		return llm.PartRefusal
	case "reasoning_text":
		return llm.PartReasoning
	case "summary_text":
		return llm.PartSummary
	default:
		return anyPart
	}
}

func partAdded(kind llm.PartKind, index string) func(*reader, jsontree.Value) error {
	return func(r *reader, v jsontree.Value) error {
		r.about(v, kind, index)
		return nil
	}
}

func partDelta(kind llm.PartKind, index string) func(*reader, jsontree.Value) error {
	return func(r *reader, v jsontree.Value) error {
		e, ok := r.about(v, kind, index)
		delta := v.Get("delta").Text()
		if !ok || delta == "" {
			return nil
		}
		var logprobs []byte
		if l := v.Get("logprobs"); l.Kind() == jsontree.Array {
			logprobs = l.Raw()
		}
		e.silent = false
		r.b.Delta(e.index, e.kind, delta, logprobs)
		return nil
	}
}

// partDone returns what takes the whole of a part where it has not come in
// pieces.
func partDone(kind llm.PartKind, index string) func(*reader, jsontree.Value) error {
	return func(r *reader, v jsontree.Value) error {
		if e, ok := r.about(v, kind, index); ok {
			p := (&decoder{}).part(e.part, "")
			p.Kind = e.kind
			if p.Text == "" {
				p.Text = e.part.Get("text").Text() + e.part.Get("refusal").Text()
			}
			if l := e.part.Get("logprobs"); l.Kind() == jsontree.Array && l.Len() > 0 {
				p.Logprobs = l.Raw()
			}
			r.fill(e.output, p)
		}
		return nil
	}
}

// fill gives the open part of an item what no piece has told.
func (r *reader) fill(o *output, p llm.Part) {
	if o.silent && p.Text != "" {
		o.silent = false
		r.b.Delta(o.index, o.kind, p.Text, p.Logprobs)
	}
	if o.plain && len(p.Annotations) > 0 {
		o.plain = false
		for _, a := range p.Annotations {
			r.b.Annotate(o.index, kept(a))
		}
	}
}

func (r *reader) annotation(v jsontree.Value) error {
	if e, ok := r.about(v, llm.PartText, inContent); ok {
		e.plain = false
		r.b.Annotate(e.index, kept(decodeAnnotation(v.Get("annotation"))))
	}
	return nil
}

func inputDelta(r *reader, v jsontree.Value) error {
	if o := r.open(v); o != nil {
		delta := v.Get("delta").Text()
		o.called = o.called || delta != ""
		r.b.Input(o.index, delta)
	}
	return nil
}

// inputDone returns what takes the whole of a call's input where it has not
// come in pieces.
func inputDone(member string) func(*reader, jsontree.Value) error {
	return func(r *reader, v jsontree.Value) error {
		if o := r.open(v); o != nil && !o.called {
			input := v.Get(member).Text()
			o.called = input != ""
			r.b.Input(o.index, input)
		}
		return nil
	}
}
