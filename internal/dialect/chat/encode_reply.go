package chat

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// EncodeReply appends a whole answer: one choice, with the text of every
// message in it.
func (Dialect) EncodeReply(dst []byte, a *llm.Reply, o *dialect.ReplyOptions) []byte {
	s := newShape(o)
	w := jsontree.NewWriter(dst)
	w.Open('{')
	w.Name("id").Text(s.id)
	w.Name("object").Text("chat.completion")
	w.Name("created").Int(o.Created(a))
	w.Name("model").Text(o.ModelOf(a))
	w.Name("choices").Open('[').Open('{').Name("index").Int(0)
	w.Name("message").Open('{').Name("role").Text("assistant")
	m := s.gather(a)
	s.message(w, &m)
	w.Close('}')
	w.Name("logprobs")
	logprobs(w, m.logs, m.refusalLogs)
	w.Name("finish_reason").Text(s.finish(a))
	w.Close('}').Close(']')
	if a.Usage.Provenance == llm.UsageReported || a.Usage.Provenance == llm.UsageEstimated {
		w.Name("usage")
		dialect.AppendChoiceUsage(w, a.Usage)
	}
	if dialect.IsTier(a.ServiceTier) {
		w.Name("service_tier").Text(a.ServiceTier)
	}
	return w.Close('}').Bytes()
}

// A shape is what a client's request says of the form of its answer.
type shape struct {
	o         *dialect.ReplyOptions
	id        string
	functions bool // calls in the old form
	reasoning bool
	logprobs  bool
	usage     bool // in a stream
}

func newShape(o *dialect.ReplyOptions) shape {
	s := shape{o: o, id: "chatcmpl-" + o.ID}
	r := o.Request
	s.functions, s.reasoning, s.logprobs, s.usage = r.Functions, r.Summary != "", r.Logprobs, r.IncludeUsage
	return s
}

// finish returns the finish_reason of an answer that has ended.
func (s *shape) finish(a *llm.Reply) string {
	switch {
	case a.Status == llm.StatusIncomplete && a.Reason == llm.ReasonFilter:
		return "content_filter"
	case a.Status == llm.StatusIncomplete:
		return "length"
	case !a.Calls():
		return "stop"
	case s.functions:
		return "function_call"
	}
	return "tool_calls"
}

// gathered is what the one message of an answer says.
type gathered struct {
	text, refusal, reasoning []byte
	logs, refusalLogs        []byte // elements, without the brackets
	notes                    []llm.Annotation
	calls                    []*llm.Item
}

// gather puts the items of an answer together. Calls that have not been ended
// are left out.
func (s *shape) gather(a *llm.Reply) (m gathered) {
	for i := range a.Items {
		item := &a.Items[i]
		switch item.Kind {
		case llm.ItemMessage:
			for k := range item.Parts {
				m.part(&item.Parts[k])
			}
		case llm.ItemReasoning:
			for k := range item.Parts {
				if p := &item.Parts[k]; p.Text != "" {
					if len(m.reasoning) > 0 {
						m.reasoning = append(m.reasoning, between...)
					}
					m.reasoning = append(m.reasoning, p.Text...)
				}
			}
		case llm.ItemCall:
			if item.Status != llm.ItemIncomplete {
				m.calls = append(m.calls, item)
			}
		default: // nothing that a chat client could read
		}
	}
	if !s.logprobs {
		m.logs, m.refusalLogs = nil, nil
	}
	return m
}

func (m *gathered) part(p *llm.Part) {
	switch p.Kind {
	case llm.PartText:
		for _, n := range p.Annotations {
			m.notes = append(m.notes, moved(n, utf8.RuneCount(m.text)))
		}
		m.text = append(m.text, p.Text...)
		m.logs = appendElements(m.logs, p.Logprobs)
	case llm.PartRefusal:
		m.refusal = append(m.refusal, p.Text...)
		m.refusalLogs = appendElements(m.refusalLogs, p.Logprobs)
	default:
	}
}

// moved returns a citation in a text that stands behind so many characters.
func moved(n llm.Annotation, before int) llm.Annotation {
	n.Start += int64(before)
	n.End += int64(before)
	return n
}

// appendElements appends the elements of a JSON array to those of another.
func appendElements(dst, array []byte) []byte {
	if len(array) <= len("[]") {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return append(dst, array[1:len(array)-1]...)
}

// message writes the members of the message behind its role.
func (s *shape) message(w *jsontree.Writer, m *gathered) {
	w.Name("content")
	if len(m.text) == 0 && (len(m.calls) > 0 || len(m.refusal) > 0) {
		w.Null()
	} else {
		w.Text(string(m.text))
	}
	w.Name("refusal")
	if len(m.refusal) == 0 {
		w.Null()
	} else {
		w.Text(string(m.refusal))
	}
	if s.reasoning && len(m.reasoning) > 0 {
		w.Name("reasoning_content").Text(string(m.reasoning))
	}
	annotations(w, m.notes)
	switch {
	case len(m.calls) == 0:
	case s.functions:
		c := m.calls[0] // the old form has room for one
		w.Name("function_call").Open('{').Name("name").Text(c.Name).Name("arguments").Text(arguments(c)).Close('}')
	default:
		w.Name("tool_calls").Open('[')
		for k, c := range m.calls {
			w.Open('{')
			s.call(w, c, k, arguments(c))
			w.Close('}')
		}
		w.Close(']')
	}
}

// call writes the members of a call, with this input.
func (s *shape) call(w *jsontree.Writer, c *llm.Item, k int, input string) {
	kind, name := "function", "arguments"
	if c.Tool == llm.ToolCustom {
		kind, name = "custom", "input"
	}
	id := c.CallID
	if id == "" {
		id = "call_" + s.o.ID + "_" + strconv.Itoa(k)
	}
	w.Name("id").Text(id).Name("type").Text(kind)
	w.Name(kind).Open('{').Name("name").Text(c.Name).Name(name).Text(input).Close('}')
}

// arguments returns what a call is called with, so that a function's can be
// parsed.
func arguments(c *llm.Item) string {
	if c.Input == "" && c.Tool != llm.ToolCustom {
		return "{}"
	}
	return c.Input
}

// annotations writes citations in this protocol's nested form.
func annotations(w *jsontree.Writer, notes []llm.Annotation) {
	notes = slices.DeleteFunc(notes, func(n llm.Annotation) bool { return n.URL == "" })
	if len(notes) == 0 {
		return
	}
	w.Name("annotations").Open('[')
	for _, n := range notes {
		w.Open('{').Name("type").Text("url_citation").Name("url_citation").Open('{')
		w.Name("start_index").Int(n.Start).Name("end_index").Int(n.End)
		w.Name("title").Text(n.Title).Name("url").Text(n.URL)
		w.Close('}').Close('}')
	}
	w.Close(']')
}

// logprobs writes log probabilities, given as the elements of their arrays.
func logprobs(w *jsontree.Writer, text, refusal []byte) {
	if len(text) == 0 && len(refusal) == 0 {
		w.Null()
		return
	}
	w.Open('{')
	for _, l := range []struct {
		name     string
		elements []byte
	}{{"content", text}, {"refusal", refusal}} {
		w.Name(l.name)
		if len(l.elements) == 0 {
			w.Null()
		} else {
			w.Open('[').Raw(l.elements).Close(']')
		}
	}
	w.Close('}')
}
