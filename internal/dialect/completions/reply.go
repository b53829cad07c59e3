package completions

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeReply reads a whole answer. One without finish_reason has failed.
func (Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	r := &reply{b: b, message: -1}
	return dialect.ReadWholeChoices(b, body, r.take, r.finish)
}

// NewReader returns a reader of an upstream's stream.
func (Dialect) NewReader(b *llm.Builder) dialect.StreamReader {
	r := &reply{b: b, message: -1}
	return dialect.NewChoiceStream(b, r.take, r.finish)
}

// A reply is an answer as far as it has been read: one message of one text.
type reply struct {
	b       *llm.Builder
	message int // -1 until it begins
}

func (r *reply) take(choice jsontree.Value) error {
	text := choice.Get("text").Text()
	if text == "" {
		return nil
	}
	if r.message < 0 {
		r.message = r.b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	}
	r.b.Delta(r.message, llm.PartText, text, nil)
	return nil
}

func (r *reply) finish(word string) { dialect.FinishChoice(r.b, word) }

// EncodeReply appends a whole answer: everything that was said, as one text. A
// refusal is text too.
func (Dialect) EncodeReply(dst []byte, a *llm.Reply, o *dialect.ReplyOptions) []byte {
	var text []byte
	for i := range a.Items {
		for k := range a.Items[i].Parts {
			if p := &a.Items[i].Parts[k]; said(&a.Items[i], p) {
				text = append(text, p.Text...)
			}
		}
	}
	w := jsontree.NewWriter(append(appendHead(dst, a, o), `{"text":`...))
	w.Text(string(text))
	dst = append(w.Bytes(), `,"index":0,"logprobs":null,"finish_reason":"`...)
	dst = append(append(dst, finish(a)...), `"}]`...)
	if known(a) {
		dst = appendUsage(dst, a)
	}
	return append(dst, '}')
}

// said reports whether a part is something that a completion is made of.
func said(item *llm.Item, p *llm.Part) bool {
	return item.Kind == llm.ItemMessage && (p.Kind == llm.PartText || p.Kind == llm.PartRefusal)
}

// appendHead appends what an answer, or a chunk of it, begins with.
func appendHead(dst []byte, a *llm.Reply, o *dialect.ReplyOptions) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonscan.AppendQuote(dst, "cmpl-"+o.ID)
	dst = append(dst, `,"object":"text_completion","created":`...)
	dst = strconv.AppendInt(dst, o.Created(a), 10)
	dst = append(dst, `,"model":`...)
	dst = jsonscan.AppendQuote(dst, o.ModelOf(a))
	return append(dst, `,"choices":[`...)
}

func finish(a *llm.Reply) string {
	switch {
	case a.Status != llm.StatusIncomplete:
		return "stop"
	case a.Reason == llm.ReasonFilter:
		return "content_filter"
	default:
		return "length"
	}
}

func known(a *llm.Reply) bool {
	return a.Usage.Provenance == llm.UsageReported || a.Usage.Provenance == llm.UsageEstimated
}

func appendUsage(dst []byte, a *llm.Reply) []byte {
	w := jsontree.NewWriter(append(dst, `,"usage":`...))
	dialect.AppendChoiceUsage(w, a.Usage)
	return w.Bytes()
}

// NewWriter returns a writer of a client's stream.
func (Dialect) NewWriter(o *dialect.ReplyOptions) dialect.StreamWriter { return &writer{o: o} }

// A writer writes chunks, which all begin in the same way.
type writer struct {
	o    *dialect.ReplyOptions
	head []byte
}

// Append appends the chunk that e is, if it is one.
func (s *writer) Append(dst []byte, e llm.Event) []byte {
	switch e.Kind {
	case llm.ReplyBegun:
		s.head = appendHead([]byte("data: "), e.Reply, s.o)
		return s.chunk(dst, "", "null")
	case llm.PartDelta:
		if said(e.Item(), &e.Item().Parts[e.Part]) {
			return s.chunk(dst, e.Text, "null")
		}
	case llm.ReplyDone:
		dst = s.chunk(dst, "", `"`+finish(e.Reply)+`"`)
		if s.o.Request.IncludeUsage && known(e.Reply) {
			dst = append(append(dst, s.head...), ']')
			dst = append(appendUsage(dst, e.Reply), "}\n\n"...)
		}
		return append(dst, "data: [DONE]\n\n"...)
	case llm.ReplyFailed:
		return dialect.AppendChoiceFailure(dst, e.Reply.Failure)
	default:
	}
	return dst
}

func (s *writer) chunk(dst []byte, text, finish string) []byte {
	dst = append(append(dst, s.head...), `{"text":`...)
	dst = jsonscan.AppendQuote(dst, text)
	dst = append(dst, `,"index":0,"logprobs":null,"finish_reason":`...)
	dst = append(append(dst, finish...), `}]`...)
	if s.o.Request.IncludeUsage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// Fail appends the end of a stream that cannot be brought to its proper end.
func (s *writer) Fail(dst []byte, f dialect.Failure) []byte { return f.AppendOpenAIEvent(dst) }

// KeepAlive appends a comment.
func (s *writer) KeepAlive(dst []byte) []byte { return append(dst, ": ping\n\n"...) }
