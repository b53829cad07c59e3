package responses

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// EncodeReply appends a whole response.
func (Dialect) EncodeReply(dst []byte, r *llm.Reply, o *dialect.ReplyOptions) []byte {
	p := responder{o: o, j: jsontree.NewWriter(dst)}
	p.object(r, r.Status, nil, func() {
		for i := range r.Items {
			if item := &r.Items[i]; isShown(item) {
				p.item(item, p.itemID(item, i), true)
			}
		}
	})
	return p.j.Bytes()
}

// A responder writes responses and their items.
type responder struct {
	o      *dialect.ReplyOptions
	j      *jsontree.Writer
	parser jsontree.Parser
	echoes []llm.Member // what the response repeats; nil until it is asked for
}

// object writes the whole response. output writes the items. failure is the
// error that Weir itself has, nil for the reply's own.
func (p *responder) object(r *llm.Reply, status llm.Status, failure []byte, output func()) {
	j := p.j
	j.Open('{').Name("id").Text("resp_" + p.o.ID).Name("object").Text("response")
	j.Name("created_at").Int(p.o.Created(r)).Name("status").Text(string(status))
	j.Name("background").Bool(false).Name("completed_at")
	if status == llm.StatusCompleted {
		j.Int(p.o.Ended(r))
	} else {
		j.Null()
	}
	j.Name("error")
	switch {
	case failure != nil:
		j.Raw(failure)
	case status == llm.StatusFailed && r.Failure != nil:
		j.Open('{').Name("code").Text(failureCode(r.Failure)).Name("message").Text(r.Failure.Message).Close('}')
	default:
		j.Null()
	}
	j.Name("incomplete_details")
	if status == llm.StatusIncomplete {
		j.Open('{').Name("reason").Text(r.Reason).Close('}')
	} else {
		j.Null()
	}
	j.Name("model").Text(p.o.ModelOf(r)).Name("output").Open('[')
	output()
	j.Close(']')
	for _, m := range p.echo() {
		j.Name(m.Name).Raw(m.Value)
	}
	tier := r.ServiceTier
	if !dialect.IsTier(tier) && tier != "ultrafast" { // other providers have names of their own
		tier = "default"
	}
	j.Name("service_tier").Text(tier).Name("store").Bool(p.o.Store).Name("usage")
	if status == llm.StatusInProgress {
		j.Null()
	} else {
		p.usage(r.Usage)
	}
	j.Close('}')
}

// usage writes the counts, null if there are none: clients take a usage with
// all of its members or not at all.
func (p *responder) usage(u llm.Usage) {
	if u.Provenance == llm.UsageUnknown {
		p.j.Null()
		return
	}
	j := p.j
	j.Open('{').Name("input_tokens").Int(u.Input)
	j.Name("input_tokens_details").Open('{').Name("cached_tokens").Int(u.CachedInput).Name("cache_write_tokens").Int(u.CacheWrite).Close('}')
	j.Name("output_tokens").Int(u.Output)
	j.Name("output_tokens_details").Open('{').Name("reasoning_tokens").Int(u.Reasoning).Close('}')
	j.Name("total_tokens").Int(u.Input + u.Output).Close('}')
}

// failureCodes are the codes that clients of the protocol act on: those of its
// published list, and those that OpenAI's service has beside it and that Codex
// tells apart. It retries server_error, rate_limit_exceeded and slow_down.
//
// Source: https://github.com/openai/openai-openapi, schema ResponseErrorCode,
// and the source of Codex CLI, read 2026-11-21.
var failureCodes = map[string]bool{ // immutable
	codeServer: true, "rate_limit_exceeded": true, "invalid_prompt": true, "data_residency_mismatch": true, "bio_policy": true,
	"vector_store_timeout": true, "invalid_image": true, "invalid_image_format": true, "invalid_base64_image": true,
	"invalid_image_url": true, "image_too_large": true, "image_too_small": true, "image_parse_error": true,
	"image_content_policy_violation": true, "invalid_image_mode": true, "image_file_too_large": true,
	"unsupported_image_media_type": true, "empty_image_file": true, "failed_to_download_image": true, "image_file_not_found": true,

	"context_length_exceeded": true, "insufficient_quota": true, "usage_not_included": true, "cyber_policy": true,
	"server_is_overloaded": true, "slow_down": true,
}

// failureCode returns the code of the protocol for a failure that may come
// from another.
func failureCode(f *llm.Failure) string {
	switch {
	case failureCodes[f.Code]:
		return f.Code
	case f.Code == "content_filter":
		return "invalid_prompt"
	case f.Type == "rate_limit_error", f.Type == "rate_limit_exceeded", f.Code == "rate_limit_error", f.Code == "429":
		return "rate_limit_exceeded"
	default:
		return codeServer
	}
}

// unsaid are the members of a response that repeat the request, where it says
// nothing: what OpenAI answers then. Those without a value are left out.
var unsaid = []struct{ name, value string }{ // immutable
	{"instructions", "null"},
	{"max_output_tokens", "null"},
	{"max_tool_calls", "null"},
	{"metadata", "{}"},
	{"parallel_tool_calls", "true"},
	{"previous_response_id", "null"},
	{"prompt_cache_key", "null"},
	{"reasoning", "null"},
	{"safety_identifier", "null"},
	{"temperature", "1"},
	{"text", `{"format":{"type":"text"}}`},
	{"tool_choice", `"auto"`},
	{"tools", "[]"},
	{"top_logprobs", "0"},
	{"top_p", "1"},
	{"truncation", `"disabled"`},
	{"presence_penalty", "0"},
	{"frequency_penalty", "0"},
	{"user", ""},
	{"prompt_cache_retention", ""},
}

// echo returns what the response repeats of its request.
func (p *responder) echo() []llm.Member {
	if p.echoes != nil {
		return p.echoes
	}
	p.echoes = make([]llm.Member, 0, len(unsaid))
	for _, m := range unsaid {
		value := []byte(m.value)
		for _, said := range p.o.Request.Echo {
			if said.Name == m.name {
				value = echoValue(said)
			}
		}
		if len(value) > 0 {
			p.echoes = append(p.echoes, llm.Member{Name: m.name, Value: value})
		}
	}
	return p.echoes
}

// echoValue returns a member as the response repeats it: with what its schema
// demands and clients leave out.
func echoValue(m llm.Member) []byte {
	v, err := jsontree.Parse(m.Value)
	if err != nil {
		return m.Value
	}
	switch m.Name {
	case "text":
		return with(v, member{"format", `{"type":"text"}`})
	case "reasoning":
		return with(v, member{"effort", "null"}, member{"summary", "null"})
	case "tools":
		j := new(jsontree.Writer)
		echoTools(j, v)
		return j.Bytes()
	}
	return m.Value
}

func echoTools(j *jsontree.Writer, v jsontree.Value) {
	j.Open('[')
	for _, t := range v.Elements() {
		switch {
		case t.Get("type").Is("function"):
			j.Raw(with(t, member{"strict", "null"}, member{"parameters", "null"}))
		case t.Get("type").Is("namespace") && t.Get("description").Kind() == 0:
			j.Raw(with(t, member{"description", `""`}))
		default:
			j.Raw(t.Raw())
		}
	}
	j.Close(']')
}

// A member is one that must be there.
type member struct{ name, value string }

// with returns an object with these members, where it has not got them.
func with(v jsontree.Value, all ...member) []byte {
	raw := v.Raw()
	if v.Kind() != jsontree.Object {
		return raw
	}
	first := v.Len() == 0
	for _, m := range all {
		if v.Get(m.name).Kind() != 0 {
			continue
		}
		comma := ","
		if first {
			comma, first = "", false
		}
		end := len(raw) - 1
		raw = append(raw[:end:end], comma+strconv.Quote(m.name)+":"+m.value+"}"...)
	}
	return raw
}
