package chat

import (
	"strconv"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// NewWriter returns a writer of a client's stream.
func (Dialect) NewWriter(o *dialect.ReplyOptions) dialect.StreamWriter {
	return &writer{shape: newShape(o)}
}

// A writer writes chunks. Id, model and time of creation are the same in all
// of them.
type writer struct {
	shape
	head  []byte // what each chunk begins with, up to its choices
	calls []int  // the index of the call that each item is; -1 for other items
	next  int    // the index of the next call
	said  bool   // text, a refusal or a call was sent

	before  int  // characters of text in the parts that have ended
	thought bool // reasoning was sent
	gap     bool // the next reasoning begins another part
}

// Append appends the chunk that e is, if it is one.
func (s *writer) Append(dst []byte, e llm.Event) []byte {
	switch e.Kind {
	case llm.ReplyBegun:
		return s.begin(dst, e.Reply)
	case llm.ItemBegun:
		return s.item(dst, &e)
	case llm.PartBegun:
		s.gap = s.thought
	case llm.PartDelta:
		return s.delta(dst, &e)
	case llm.InputDelta:
		return s.callInput(dst, &e, e.Text)
	case llm.AnnotationMade:
		return s.annotation(dst, &e)
	case llm.PartDone:
		if p := &e.Item().Parts[e.Part]; p.Kind == llm.PartText {
			s.before += utf8.RuneCountInString(p.Text)
		}
	case llm.ItemDone:
		if i := e.Item(); i.Kind == llm.ItemCall && i.Input == "" && i.Tool != llm.ToolCustom && i.Status == llm.ItemCompleted {
			return s.callInput(dst, &e, "{}")
		}
	case llm.ReplyDone:
		return s.done(dst, e.Reply)
	case llm.ReplyFailed:
		return dialect.AppendChoiceFailure(dst, e.Reply.Failure)
	}
	return dst
}

// begin appends the chunk that tells the role. It has no content: that it is
// null, as in answers that only call tools, is known no sooner than at the
// end, and clients take what is left out for null.
func (s *writer) begin(dst []byte, a *llm.Reply) []byte {
	s.head = append(s.head, `data: {"id":`...)
	s.head = jsonscan.AppendQuote(s.head, s.id)
	s.head = append(s.head, `,"object":"chat.completion.chunk","created":`...)
	s.head = strconv.AppendInt(s.head, s.o.Created(a), 10)
	s.head = append(s.head, `,"model":`...)
	s.head = jsonscan.AppendQuote(s.head, s.o.ModelOf(a))
	s.head = append(s.head, `,"choices":[`...)
	return s.chunk(dst, `{"role":"assistant"}`, "null")
}

// open begins a chunk up to the members of its delta.
func (s *writer) open(dst []byte) []byte {
	dst = append(dst, s.head...)
	return append(dst, `{"index":0,"delta":`...)
}

// close ends a chunk behind its delta.
func (s *writer) close(dst []byte, finish string) []byte {
	dst = append(dst, `,"logprobs":null,"finish_reason":`...)
	dst = append(dst, finish...)
	return s.end(dst)
}

// end ends a chunk behind its choice's finish_reason.
func (s *writer) end(dst []byte) []byte {
	dst = append(dst, `}]`...)
	if s.usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// chunk appends a chunk with this delta.
func (s *writer) chunk(dst []byte, delta, finish string) []byte {
	return s.close(append(s.open(dst), delta...), finish)
}

// item begins a call. Its index is taken now, whenever its input comes.
func (s *writer) item(dst []byte, e *llm.Event) []byte {
	item := e.Item()
	k := -1
	if item.Kind == llm.ItemCall {
		k = s.next
		s.next++
	}
	s.calls = append(s.calls, k)
	if k < 0 || s.functions && k > 0 {
		return dst // the old form has room for one
	}
	s.said = true
	w := jsontree.NewWriter(s.open(dst))
	w.Open('{')
	if s.functions {
		w.Name("function_call").Open('{').Name("name").Text(item.Name).Name("arguments").Text("").Close('}')
	} else {
		w.Name("tool_calls").Open('[').Open('{').Name("index").Int(int64(k))
		s.call(w, item, k, "")
		w.Close('}').Close(']')
	}
	return s.close(w.Close('}').Bytes(), "null")
}

// callInput appends more of what a call is called with.
func (s *writer) callInput(dst []byte, e *llm.Event, text string) []byte {
	k := s.calls[e.Index]
	switch {
	case text == "" || s.functions && k > 0:
		return dst
	case s.functions:
		dst = append(s.open(dst), `{"function_call":{"arguments":`...)
		dst = jsonscan.AppendQuote(dst, text)
		return s.close(append(dst, `}}`...), "null")
	}
	dst = append(s.open(dst), `{"tool_calls":[{"index":`...)
	dst = strconv.AppendInt(dst, int64(k), 10)
	if e.Item().Tool == llm.ToolCustom {
		dst = append(dst, `,"custom":{"input":`...)
	} else {
		dst = append(dst, `,"function":{"arguments":`...)
	}
	dst = jsonscan.AppendQuote(dst, text)
	return s.close(append(dst, `}}]}`...), "null")
}

// delta appends more of a text.
func (s *writer) delta(dst []byte, e *llm.Event) []byte {
	name, text := `{"content":`, e.Text
	var content, refusal []byte
	switch e.Item().Parts[e.Part].Kind {
	case llm.PartText:
		content = e.Logprobs
	case llm.PartRefusal:
		name, refusal = `{"refusal":`, e.Logprobs
	case llm.PartReasoning, llm.PartSummary:
		if !s.reasoning || text == "" {
			return dst
		}
		if s.gap {
			text = between + text
		}
		s.gap, s.thought = false, true
		return s.text(dst, `{"reasoning_content":`, text)
	default:
		return dst
	}
	s.said = true
	if !s.logprobs || len(content)+len(refusal) <= len("[]") {
		return s.text(dst, name, text)
	}
	dst = append(s.open(dst), name...)
	w := jsontree.NewWriter(append(jsonscan.AppendQuote(dst, text), `},"logprobs":`...))
	logprobs(w, appendElements(nil, content), appendElements(nil, refusal))
	return s.end(append(w.Bytes(), `,"finish_reason":null`...))
}

// text appends a chunk whose delta is one text.
func (s *writer) text(dst []byte, name, text string) []byte {
	dst = append(s.open(dst), name...)
	dst = jsonscan.AppendQuote(dst, text)
	return s.close(append(dst, '}'), "null")
}

// annotation appends the citation that was made last.
func (s *writer) annotation(dst []byte, e *llm.Event) []byte {
	notes := e.Item().Parts[e.Part].Annotations
	n := notes[len(notes)-1]
	if n.URL == "" {
		return dst
	}
	w := jsontree.NewWriter(s.open(dst))
	w.Open('{')
	annotations(w, []llm.Annotation{moved(n, s.before)})
	return s.close(w.Close('}').Bytes(), "null")
}

// done appends the end of the stream.
func (s *writer) done(dst []byte, a *llm.Reply) []byte {
	delta := `{}`
	if !s.said {
		delta = `{"content":""}` // as the whole answer has it
	}
	dst = s.chunk(dst, delta, `"`+s.finish(a)+`"`)
	if s.usage && (a.Usage.Provenance == llm.UsageReported || a.Usage.Provenance == llm.UsageEstimated) {
		w := jsontree.NewWriter(append(append(dst, s.head...), `],"usage":`...))
		dialect.AppendChoiceUsage(w, a.Usage)
		dst = w.Bytes()
		if dialect.IsTier(a.ServiceTier) {
			dst = append(append(dst, `,"service_tier":`...), strconv.Quote(a.ServiceTier)...)
		}
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Fail appends the end of a stream that cannot be brought to its proper end.
func (s *writer) Fail(dst []byte, f dialect.Failure) []byte { return f.AppendOpenAIEvent(dst) }

// KeepAlive appends a comment.
func (s *writer) KeepAlive(dst []byte) []byte { return append(dst, ": ping\n\n"...) }
