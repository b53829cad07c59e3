package messages

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// EncodeReply appends a whole answer: reasoning, texts and calls as blocks, in
// their order. A call that was cut short is left out if what it is called with
// is no JSON.
func (d Dialect) EncodeReply(dst []byte, r *llm.Reply, o *dialect.ReplyOptions) []byte {
	p := replier{o: o, own: d.Own, j: jsontree.NewWriter(dst)}
	p.j.Open('{')
	p.head(r)
	p.j.Name("content").Open('[')
	for i := range r.Items {
		p.item(&r.Items[i])
	}
	p.j.Close(']')
	p.end(r)
	writeUsage(p.j, &r.Usage, r.ServiceTier)
	return p.j.Close('}').Bytes()
}

// A replier writes what whole answers and streams have in common.
type replier struct {
	o   *dialect.ReplyOptions
	own bool
	j   *jsontree.Writer
}

// head writes the first members of a message.
func (p *replier) head(r *llm.Reply) {
	p.j.Name("id").Text("msg_" + p.o.ID).Name("type").Text("message").Name("role").Text("assistant")
	p.j.Name("model").Text(p.o.ModelOf(r)).Name("container").Null().Name("diagnostics").Null()
}

// end writes why an answer has ended, as members.
func (p *replier) end(r *llm.Reply) {
	word := p.stopReason(r)
	p.j.Name("stop_reason").Text(word)
	if p.j.Name("stop_sequence"); word == "stop_sequence" {
		p.j.Text(r.Stop)
	} else {
		p.j.Null()
	}
	if p.j.Name("stop_details"); word == "refusal" {
		p.j.Open('{').Name("type").Text("refusal").Name("category").Null().Name("explanation")
		if text := p.explanation(r); text != "" {
			p.j.Text(text)
		} else {
			p.j.Null()
		}
		p.j.Close('}')
	} else {
		p.j.Null()
	}
}

// explanation returns why an answer was refused, where that is not told as a
// text: see tells.
func (p *replier) explanation(r *llm.Reply) (text string) {
	for i := range r.Items {
		if p.own {
			text += r.Items[i].Text(llm.PartRefusal)
		}
	}
	return text
}

// tells reports whether a part is a text of the client's answer. A refusal is
// one if it is another protocol's.
func (p *replier) tells(kind llm.PartKind) bool {
	return kind == llm.PartText || kind == llm.PartRefusal && !p.own
}

func (p *replier) stopReason(r *llm.Reply) string {
	if _, known := reasons[r.Words]; p.own && known {
		return r.Words
	}
	switch {
	case r.Reason == llm.ReasonFilter:
		return "refusal"
	case r.Reason != "":
		return "max_tokens"
	case r.Calls():
		return "tool_use"
	case r.Stop != "":
		return "stop_sequence"
	default:
		return "end_turn"
	}
}

func (p *replier) item(item *llm.Item) {
	j := p.j
	switch item.Kind {
	case llm.ItemReasoning:
		p.reasoning(item)
	case llm.ItemMessage:
		for k := range item.Parts {
			p.text(&item.Parts[k])
		}
	case llm.ItemCall:
		input, ok := callInput(item)
		if !ok && item.Status == llm.ItemIncomplete {
			return
		}
		j.Open('{')
		writeCall(j, item)
		j.Name("input").Raw(input).Close('}')
	case llm.ItemHosted:
		if p.own {
			j.Raw(item.Raw)
		}
	}
}

// writeCall writes the members of a call's block but for its input.
func writeCall(j *jsontree.Writer, item *llm.Item) {
	j.Name("type").Text("tool_use").Name("id").Text(item.CallID).Name("name").Text(callName(item))
	j.Name("caller").Open('{').Name("type").Text("direct").Close('}')
}

// callName returns a call's name. Calls that are not of functions have come to
// a client that declared none of them: they are named as well as can be.
func callName(item *llm.Item) string {
	if item.Namespace != "" {
		return item.Namespace + "__" + item.Name
	}
	return item.Name
}

// callInput returns what a call is called with, as the object that the
// protocol wants. ok is false if it was none.
func callInput(item *llm.Item) (input []byte, ok bool) {
	if item.Input == "" {
		return []byte("{}"), true
	}
	if item.Tool != llm.ToolCustom {
		raw := []byte(item.Input)
		if v, err := jsontree.Parse(raw); err == nil && v.Kind() == jsontree.Object {
			return raw, true
		}
	}
	w := new(jsontree.Writer)
	return w.Open('{').Name(llm.WrappedInput).Text(item.Input).Close('}').Bytes(), item.Tool == llm.ToolCustom
}

// sealed returns what only the maker of reasoning can read, as the client may
// keep it. It may be there for text alone too: clients send back no thinking
// that nobody has signed.
func (p *replier) sealed(item *llm.Item) string {
	if p.o.Seal == nil {
		return ""
	}
	return p.o.Seal(item)
}

// reasoning writes thinking: its text, or what stands for a text that nobody
// is shown.
func (p *replier) reasoning(item *llm.Item) {
	sealed, text := p.sealed(item), reasoningText(item)
	if item.Redacted {
		if sealed != "" {
			writeRedacted(p.j, sealed)
		}
		return
	}
	if text != "" || sealed != "" {
		p.j.Open('{').Name("type").Text("thinking").Name("thinking").Text(text).Name("signature").Text(sealed).Close('}')
	}
}

func writeRedacted(j *jsontree.Writer, data string) {
	j.Open('{').Name("type").Text("redacted_thinking").Name("data").Text(data).Close('}')
}

// between stands between the parts of what a model thought.
const between = "\n\n"

func reasoningText(item *llm.Item) string {
	text := ""
	for k := range item.Parts {
		if text != "" {
			text += between
		}
		text += item.Parts[k].Text
	}
	return text
}

func (p *replier) text(part *llm.Part) {
	if part.Text == "" || !p.tells(part.Kind) {
		return
	}
	j := p.j
	j.Open('{').Name("type").Text("text").Name("text").Text(part.Text).Name("citations")
	if len(part.Annotations) == 0 {
		j.Null()
	} else {
		j.Open('[')
		for i := range part.Annotations {
			p.citation(&part.Annotations[i])
		}
		j.Close(']')
	}
	j.Close('}')
}

// citation writes a citation. What it cites by another protocol has no words
// of its source and no index.
func (p *replier) citation(a *llm.Annotation) {
	if p.own && a.Raw != nil {
		p.j.Raw(a.Raw)
		return
	}
	p.j.Open('{').Name("type").Text(typeWebCitation).Name("url").Text(a.URL).Name("title").Text(a.Title)
	p.j.Name("cited_text").Text("").Name("encrypted_index").Text("").Close('}')
}

// typeWebCitation is the type of a citation of a web page.
const typeWebCitation = "web_search_result_location"

// reasons are the protocol's words for an answer's end, and why the answer is
// incomplete by them.
var reasons = map[string]string{ // immutable
	"end_turn": "", "stop_sequence": "", "tool_use": "", "pause_turn": "",
	"max_tokens": llm.ReasonLength, "model_context_window_exceeded": llm.ReasonLength, "refusal": llm.ReasonFilter,
}
