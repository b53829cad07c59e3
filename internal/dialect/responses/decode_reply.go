package responses

import (
	"bytes"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeReply reads a whole response.
func (Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	v, err := jsontree.Parse(body)
	if err != nil {
		return dialect.Unreadable(err)
	}
	d := replyDecoder{b: b}
	d.begin(v)
	for _, e := range v.Get("output").Elements() {
		if item, ok := answered(e); ok {
			b.PlayItem(item)
		}
	}
	if !d.end(v, "") {
		return dialect.Unreadable(nil)
	}
	return nil
}

// answered reads an item of a response; all that it holds is its own. What is
// no item is left out. What nobody but the provider can use keeps its bytes.
func answered(v jsontree.Value) (llm.Item, bool) {
	var d decoder
	item := d.item(v, "")
	if v.Kind() != jsontree.Object || item.Type == "" && item.Kind != llm.ItemMessage {
		return item, false
	}
	switch item.Kind {
	case llm.ItemMessage:
		item.Role = llm.RoleAssistant
	case llm.ItemReasoning, llm.ItemCall:
	case llm.ItemUnknown:
		return llm.Item{Kind: llm.ItemUnknown, ID: item.ID, Type: item.Type, Raw: bytes.Clone(v.Raw())}, true
	default:
		return llm.Item{Kind: llm.ItemHosted, ID: item.ID, Type: item.Type, Raw: bytes.Clone(v.Raw())}, true
	}
	item.Raw, item.Type = nil, ""
	item.Parts = slices.DeleteFunc(item.Parts, func(p llm.Part) bool { return p.Kind == llm.PartUnknown })
	for i := range item.Parts {
		p := &item.Parts[i]
		p.Logprobs = bytes.Clone(p.Logprobs)
		for k := range p.Annotations {
			p.Annotations[k] = kept(p.Annotations[k])
		}
	}
	for name, m := range v.Members() {
		if !spelled[name] && m.Given() {
			item.Others = append(item.Others, llm.Member{Name: name, Value: bytes.Clone(m.Raw())})
		}
	}
	return item, true
}

// kept returns an annotation that outlives its event. Its spelling is kept
// only where its fields do not say it all.
func kept(a llm.Annotation) llm.Annotation {
	if a.URL != "" {
		a.Raw = nil
	}
	a.Raw = bytes.Clone(a.Raw)
	return a
}

type replyDecoder struct {
	b *llm.Builder
}

// begin notes what a response says of itself.
func (d *replyDecoder) begin(v jsontree.Value) {
	created, _ := v.Get("created_at").Float()
	d.b.Begin(v.Get("id").Text(), v.Get("model").Text(), int64(created))
	if tier := v.Get("service_tier").Text(); tier != "" {
		d.b.Reply().ServiceTier = tier
	}
}

// end brings the reply to the end that a response says it has, or that the
// event says which carries it. It reports whether there is one.
func (d *replyDecoder) end(v jsontree.Value, event string) bool {
	r := d.b.Reply()
	if u := v.Get("usage"); u.Given() {
		r.Usage = decodeUsage(u)
	}
	word := v.Get("status").Text()
	if word == "" {
		word = event
	}
	r.Words = word
	switch {
	case word == "incomplete":
		reason := v.Get("incomplete_details").Get("reason").Text()
		if reason != llm.ReasonFilter {
			reason = llm.ReasonLength
		}
		d.b.Finish(reason)
	case word == "failed", word == "cancelled", v.Get("error").Given():
		d.b.Fail(decodeFailure(v.Get("error")))
	case word == "completed":
		d.b.Finish("")
	case word == "queued", word == "in_progress":
		d.b.Fail(llm.Failure{Code: codeServer, Message: "the response has not been finished"})
	default:
		return false
	}
	return true
}

// codeServer is the code of failures that say nothing more.
const codeServer = "server_error"

// decodeFailure reads an error: an object, or nothing but a text.
func decodeFailure(v jsontree.Value) llm.Failure {
	f := llm.Failure{Code: v.Get("code").Text(), Type: v.Get("type").Text(), Message: v.Get("message").Text()}
	if code := v.Get("code"); code.Kind() == jsontree.Number {
		f.Code = string(code.Raw())
	}
	if v.Kind() == jsontree.String {
		f.Message = v.Text()
	}
	if f.Type == "error" { // of the event, not of what went wrong
		f.Type = ""
	}
	if f.Code == "" {
		f.Code = codeServer
	}
	if strings.TrimSpace(f.Message) == "" {
		f.Message = "the upstream said that it failed, and not why"
	}
	return dialect.Bounded(f)
}

func decodeUsage(v jsontree.Value) llm.Usage {
	count := func(v jsontree.Value) int64 {
		n, _ := v.Int()
		return max(n, 0)
	}
	u := llm.Usage{Provenance: llm.UsageReported}
	in, out := v.Get("input_tokens_details"), v.Get("output_tokens_details")
	u.Input, u.Output = count(v.Get("input_tokens")), count(v.Get("output_tokens"))
	u.CachedInput = min(count(in.Get("cached_tokens")), u.Input)
	u.CacheWrite = min(count(in.Get("cache_write_tokens")), u.Input-u.CachedInput)
	u.Reasoning = min(count(out.Get("reasoning_tokens")), u.Output)
	return u
}
