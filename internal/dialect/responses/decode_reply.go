package responses

import (
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
	if !d.end(v) {
		return dialect.Unreadable(nil)
	}
	return nil
}

// answered reads an item of a response. What is no item is left out.
func answered(v jsontree.Value) (llm.Item, bool) {
	item, err := decodeItem(v, "")
	item.Path = ""
	for i := range item.Parts {
		item.Parts[i].Path = ""
	}
	if item.Kind == llm.ItemMessage && item.Role == "" {
		item.Role, err = llm.RoleAssistant, nil
	}
	switch item.Kind {
	case llm.ItemHosted, llm.ItemUnknown:
		item.Raw = append([]byte(nil), v.Raw()...)
	default:
		item.Raw, item.Type = nil, ""
	}
	return item, err == nil
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

// end brings the reply to the end that a response says it has. It reports
// whether it has one.
func (d *replyDecoder) end(v jsontree.Value) bool {
	r := d.b.Reply()
	if u := v.Get("usage"); u.Given() {
		r.Usage = decodeUsage(u)
	}
	status := v.Get("status")
	r.Words = status.Text()
	switch {
	case status.Is("incomplete"):
		reason := v.Get("incomplete_details").Get("reason").Text()
		if reason != llm.ReasonFilter {
			reason = llm.ReasonLength
		}
		d.b.Finish(reason)
	case status.Is("failed"), status.Is("cancelled"), v.Get("error").Given():
		d.b.Fail(decodeFailure(v.Get("error")))
	case status.Is("completed"):
		d.b.Finish("")
	case status.Is("queued"), status.Is("in_progress"):
		d.b.Fail(llm.Failure{Code: "server_error", Message: "the response has not been finished"})
	default:
		return false
	}
	return true
}

func decodeFailure(v jsontree.Value) llm.Failure {
	f := llm.Failure{Code: v.Get("code").Text(), Type: v.Get("type").Text(), Message: v.Get("message").Text()}
	if f.Code == "" {
		f.Code = "server_error"
	}
	if f.Message == "" {
		f.Message = "the upstream said that it failed, and not why"
	}
	return f
}

func decodeUsage(v jsontree.Value) llm.Usage {
	u := llm.Usage{Provenance: llm.UsageReported}
	in, out := v.Get("input_tokens_details"), v.Get("output_tokens_details")
	u.Input, _ = v.Get("input_tokens").Int()
	u.CachedInput, _ = in.Get("cached_tokens").Int()
	u.CacheWrite, _ = in.Get("cache_write_tokens").Int()
	u.Output, _ = v.Get("output_tokens").Int()
	u.Reasoning, _ = out.Get("reasoning_tokens").Int()
	return u
}
