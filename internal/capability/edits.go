package capability

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// Edits is [Apply] for a request that passes as the client's own bytes: it
// returns the edits that fit them, in ascending order, and the losses. d is the
// protocol of a conversation, and empty for what is none; stream is whether the
// answer is to be a stream. body must have passed dialect.Dialect.ReadRequest; what is not understood of it is
// left for the upstream to refuse. The error is an *llm.Error.
//
// Of the body only the members of a table are looked at, see places.go. What
// Apply changes of them is changed in the bytes.
func Edits(body []byte, d llm.Dialect, stream bool, w Rules) ([]jsonscan.Edit, []llm.Loss, error) {
	w.As = d
	e := editing{table: tableOf(d), body: body, rules: w}
	if err := e.look(stream); err != nil {
		return nil, nil, err
	}
	before := make([]string, len(e.table.places))
	for i := range before {
		before[i] = e.table.places[i].value(&e.r)
	}
	losses, err := Apply(&e.r, w)
	if err != nil {
		return nil, nil, err
	}
	for i := range before {
		if after := e.table.places[i].value(&e.r); after != before[i] {
			e.set(i, after)
		}
	}
	if w.Policy == Foundry && d == llm.Responses {
		e.copyThinking()
	}
	if d == llm.Chat {
		e.limit()
		e.logprobs()
	}
	if w.Policy == Foundry && !stream {
		e.remove(e.extra(atStreamOptions))
	}
	if !e.cut() {
		return nil, nil, nil // nothing would be left: no upstream answers that
	}
	return e.edits, losses, nil
}

type editing struct {
	table *table
	body  []byte
	rules Rules
	hits  []jsonscan.Hit // by place, and then by extra; a Kind of zero is absent
	top   jsonscan.Span
	r     llm.Request // what is said at the places

	edits   []jsonscan.Edit
	removed []jsonscan.Hit
}

// look reads the body.
func (e *editing) look(stream bool) error {
	found, err := e.table.paths.Scan(e.body, nil)
	if err != nil {
		return notJSON(err)
	}
	if found.More && e.rules.Search != SearchPasses {
		return &llm.Error{
			Code: llm.CodeInvalidValue, Op: opApply, Param: "tools",
			Public: fmt.Sprintf("there are more than %d tools", jsonscan.MaxHits),
		}
	}
	e.top = found.Object
	e.r = llm.Request{Dialect: e.table.dialect, Names: &e.table.names, Stream: stream}
	places := e.table.places
	e.hits = make([]jsonscan.Hit, len(places)+extras)
	for _, h := range found.Hits {
		raw := e.raw(h)
		switch h.Path - len(places) {
		case atTools:
			e.r.Tools = append(e.r.Tools, llm.Tool{Kind: llm.ToolHosted, Path: fmt.Sprintf("tools[%d]", h.Index), Type: typeOf(raw)})
			continue
		case atChoice:
			if kind := typeOf(raw); isSearch(kind) {
				e.r.Choice = llm.ToolChoice{Mode: llm.ChoiceHosted, Named: llm.Tool{Kind: llm.ToolHosted, Type: kind}}
			}
		}
		e.hits[h.Path] = h
	}
	// In the order of the places: what one says may depend on another.
	for i := range places {
		if h := e.hits[i]; h.Kind > jsonscan.Null || h.Kind != 0 && places[i].field == llm.Fields || h.Kind != 0 && places[i].path == "top_k" {
			places[i].read(&e.r, h.Kind, e.raw(h))
		}
	}
	return nil
}

func (e *editing) raw(h jsonscan.Hit) []byte { return e.body[h.Span.Start:h.Span.End] }

func (e *editing) extra(at int) jsonscan.Hit { return e.hits[len(e.table.places)+at] }

func typeOf(raw []byte) string {
	s, _ := jsonscan.Unquote(raw) // what is no string is no type
	return s
}

func notJSON(err error) error {
	if s, ok := errors.AsType[*jsonscan.SyntaxError](err); ok {
		return &llm.Error{
			Code: llm.CodeInvalidJSON, Op: opApply,
			Public: fmt.Sprintf("the request body is not valid JSON: %s at byte offset %d", s.Msg, s.Offset),
		}
	}
	return &llm.Error{Code: llm.CodeInvalidJSON, Op: opApply, Err: err}
}

// set makes the body say value at a place.
func (e *editing) set(at int, value string) {
	p, h := &e.table.places[at], e.hits[at]
	switch {
	case p.path == "include":
		e.uninclude(h)
	case value == "" || p.field == llm.FieldN:
		e.remove(h)
	case h.Kind != 0:
		e.edit(jsonscan.Edit{Span: h.Span, Text: []byte(value)})
	case p.field == llm.FieldEffort:
		e.insertEffort(p.path, value)
	}
}

func (e *editing) edit(edit jsonscan.Edit) { e.edits = append(e.edits, edit) }

// insertEffort adds the effort where the body has none.
func (e *editing) insertEffort(path, value string) {
	name := path[strings.LastIndexByte(path, '.')+1:]
	member := []byte(`"` + name + `":` + value)
	if name == path {
		e.edit(jsonscan.InsertMember(e.body, e.top, member))
		return
	}
	switch h := e.hit("reasoning"); h.Kind {
	case jsonscan.Object:
		e.edit(jsonscan.InsertMember(e.body, h.Span, member))
	case 0, jsonscan.Null:
		if e.hit("thinking").Kind != jsonscan.Object { // which stands for it: see copyThinking
			e.setReasoning([]byte("{" + string(member) + "}"))
		}
	}
}

// hit returns the value at a place.
func (e *editing) hit(path string) jsonscan.Hit {
	return e.hits[slices.IndexFunc(e.table.places, func(p place) bool { return p.path == path })]
}

func (e *editing) setReasoning(value []byte) {
	if h := e.hit("reasoning"); h.Kind != 0 {
		e.edit(jsonscan.Edit{Span: h.Span, Text: value})
		return
	}
	e.edit(jsonscan.InsertMember(e.body, e.top, append([]byte(`"reasoning":`), value...)))
}

// copyThinking makes an object thinking what the Responses protocol calls
// reasoning, if the client gives none.
func (e *editing) copyThinking() {
	h := e.hit("thinking")
	if h.Kind != jsonscan.Object || e.hit("reasoning").Kind > jsonscan.Null {
		return
	}
	thinking, err := jsontree.Parse(e.raw(h))
	if err != nil {
		return
	}
	w := jsontree.NewWriter(nil).Open('{')
	for name, v := range thinking.Members() {
		if name != "effort" {
			w.Name(name).Raw(v.Raw())
		}
	}
	if e.r.Effort != "" {
		w.Name("effort").Text(e.r.Effort)
	}
	e.setReasoning(w.Close('}').Bytes())
}

// uninclude takes log probabilities out of what is to be included.
func (e *editing) uninclude(h jsonscan.Hit) {
	v, _ := jsontree.Parse(e.raw(h)) // it has been scanned
	w, left := jsontree.NewWriter(nil).Open('['), 0
	for _, one := range v.Elements() {
		if !one.Is(includeLogprobs) {
			w.Raw(one.Raw())
			left++
		}
	}
	if left == 0 {
		e.remove(h)
		return
	}
	e.edit(jsonscan.Edit{Span: h.Span, Text: w.Close(']').Bytes()})
}

// limit calls the limit of an answer max_completion_tokens, unless the client
// has given that, too.
func (e *editing) limit() {
	h, other := e.extra(atMaxTokens), e.extra(atMaxCompletionTokens)
	switch {
	case h.Kind == 0 || !e.rules.LimitsCompletion():
	case h.Kind == jsonscan.Null:
		e.remove(h)
	case other.Kind == jsonscan.Number:
		e.remove(h)
	case other.Kind != 0:
		e.edit(jsonscan.Edit{Span: other.Span, Text: e.raw(h)})
		e.remove(h)
	default:
		e.edit(jsonscan.Edit{Span: jsonscan.Name(e.body, h.Span), Text: []byte(`"max_completion_tokens"`)})
	}
}

// logprobs asks for log probabilities where the client has only said how many.
func (e *editing) logprobs() {
	if e.rules.Policy != Foundry || !e.rules.Family.Modern || e.hit("top_logprobs").Kind <= jsonscan.Null {
		return
	}
	switch h := e.hit("logprobs"); h.Kind {
	case 0:
		e.edit(jsonscan.InsertMember(e.body, e.top, []byte(`"logprobs":true`)))
	case jsonscan.Null:
		e.edit(jsonscan.Edit{Span: h.Span, Text: []byte("true")})
	}
}

func (e *editing) remove(h jsonscan.Hit) {
	if h.Kind != 0 {
		e.removed = append(e.removed, h)
	}
}

// cut adds the edits for what is to be removed, and puts all in order. It
// returns false if nothing would be left of the request.
func (e *editing) cut() bool {
	slices.SortFunc(e.removed, func(a, b jsonscan.Hit) int { return a.Span.Start - b.Span.Start })
	spans := make(map[string][]jsonscan.Span, 2) // :: path of an object → values in it
	for _, h := range e.removed {
		parent := ""
		if h.Path < len(e.table.places) {
			path := e.table.places[h.Path].path
			parent = path[:max(0, strings.LastIndexByte(path, '.'))]
		}
		spans[parent] = append(spans[parent], h.Span)
	}
	for parent, values := range spans {
		edits, left := jsonscan.RemoveMembers(e.body, values...)
		if parent == "" && !left {
			return false
		}
		e.edits = append(e.edits, edits...)
	}
	slices.SortStableFunc(e.edits, func(a, b jsonscan.Edit) int { return a.Span.Start - b.Span.Start })
	return true
}
