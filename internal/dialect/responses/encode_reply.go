package responses

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// EncodeReply appends a whole response.
func (Dialect) EncodeReply(dst []byte, r *llm.Reply, o *dialect.ReplyOptions) []byte {
	j := jsontree.NewWriter(dst)
	p := responder{o: o, j: j}
	p.response(r, r.Status, r.Items)
	return j.Bytes()
}

// A responder writes responses and their items.
type responder struct {
	o *dialect.ReplyOptions
	j *jsontree.Writer
}

// unsaid are the members of a response that repeat the request, where it says
// nothing: what OpenAI answers then.
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

// response writes the whole object, with these of the items.
func (p *responder) response(r *llm.Reply, status llm.Status, items []llm.Item) {
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
	if status == llm.StatusFailed && r.Failure != nil {
		j.Open('{').Name("code").Text(failureCode(r.Failure)).Name("message").Text(r.Failure.Message).Close('}')
	} else {
		j.Null()
	}
	j.Name("incomplete_details")
	if status == llm.StatusIncomplete {
		j.Open('{').Name("reason").Text(r.Reason).Close('}')
	} else {
		j.Null()
	}
	j.Name("model").Text(p.o.ModelOf(r)).Name("output").Open('[')
	for i := range items {
		p.item(r, i, true)
	}
	j.Close(']')
	p.echo()
	tier := r.ServiceTier
	if tier == "" {
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

// echo writes what the response repeats of its request.
func (p *responder) echo() {
	for _, m := range unsaid {
		value := []byte(m.value)
		for _, said := range p.o.Request.Echo {
			if said.Name == m.name {
				value = echoValue(said)
			}
		}
		if len(value) > 0 {
			p.j.Name(m.name).Raw(value)
		}
	}
}

// echoValue returns a member as the response repeats it: with what its schema
// demands and clients leave out.
func echoValue(m llm.Member) []byte {
	switch m.Name {
	case "text":
		v, err := jsontree.Parse(m.Value)
		if err == nil && v.Kind() == jsontree.Object && !v.Get("format").Given() {
			return withMembers(m.Value, `"format":{"type":"text"}`)
		}
	case "tools":
		v, err := jsontree.Parse(m.Value)
		if err != nil {
			return m.Value
		}
		j := new(jsontree.Writer)
		j.Open('[')
		for _, t := range v.Elements() {
			raw := t.Raw()
			if t.Get("type").Is("function") {
				for _, name := range [...]string{"strict", "parameters"} {
					if t.Get(name).Kind() == 0 {
						raw = withMembers(raw, strconv.Quote(name)+":null")
					}
				}
			}
			j.Raw(raw)
		}
		return j.Close(']').Bytes()
	}
	return m.Value
}

// withMembers returns an object with further members at its end.
func withMembers(object []byte, members string) []byte {
	end := len(object) - 1
	v, err := jsontree.Parse(object)
	if err == nil && v.Len() > 0 {
		members = "," + members
	}
	return append(append([]byte(nil), object[:end]...), members+"}"...)
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

// failureCode returns a code of the closed list of the protocol.
func failureCode(f *llm.Failure) string {
	switch f.Code {
	case "server_error", "rate_limit_exceeded", "invalid_prompt", "context_length_exceeded", "insufficient_quota",
		"usage_not_included", "cyber_policy", "server_is_overloaded", "slow_down":
		return f.Code
	}
	return "server_error"
}

// itemPrefixes are the beginnings of the ids that items are given.
var itemPrefixes = map[llm.ToolKind]string{ // immutable
	llm.ToolFunction: "fc_", llm.ToolCustom: "ctc_", llm.ToolLocalShell: "lsh_", llm.ToolShell: "sh_", llm.ToolApplyPatch: "apc_", llm.ToolSearch: "tsc_",
}

// itemID returns the id of item i: the one it came with, or one made of the
// response's, which is the same in every event.
func (p *responder) itemID(r *llm.Reply, i int) string {
	item := &r.Items[i]
	if item.ID != "" {
		return item.ID
	}
	prefix := "msg_"
	switch item.Kind {
	case llm.ItemReasoning:
		prefix = "rs_"
	case llm.ItemCall:
		prefix = itemPrefixes[item.Tool]
	}
	return prefix + p.o.ID + "_" + strconv.Itoa(i)
}

// item writes item i: the whole of it, or, not done, as it is announced.
func (p *responder) item(r *llm.Reply, i int, done bool) {
	item, j := &r.Items[i], p.j
	if item.Kind == llm.ItemHosted || item.Kind == llm.ItemUnknown {
		j.Raw(item.Raw)
		return
	}
	id := p.itemID(r, i)
	status := string(item.Status)
	if !done {
		status = string(llm.ItemInProgress)
	} else if status == "" {
		status = string(llm.ItemCompleted)
	}
	j.Open('{').Name("id").Text(id)
	switch item.Kind {
	case llm.ItemReasoning:
		p.reasoning(item, done)
	case llm.ItemCall:
		p.call(item, done)
		j.Name("status").Text(status)
	default:
		j.Name("type").Text("message").Name("status").Text(status).Name("role").Text(string(llm.RoleAssistant)).Name("content").Open('[')
		if done {
			for k := range item.Parts {
				p.part(&item.Parts[k])
			}
		}
		j.Close(']')
	}
	j.Close('}')
}

// asSummary reports whether reasoning is shown as a summary. Clients show
// summaries where they have asked for them, and know raw reasoning of open
// models alone.
func (p *responder) asSummary(kind llm.PartKind) bool {
	return kind == llm.PartSummary || p.o.Request.Summary != ""
}

func (p *responder) reasoning(item *llm.Item, done bool) {
	j := p.j
	j.Name("type").Text("reasoning").Name("summary").Open('[')
	raw := 0
	for k := range item.Parts {
		if !done {
			break
		}
		if p.asSummary(item.Parts[k].Kind) {
			j.Open('{').Name("type").Text("summary_text").Name("text").Text(item.Parts[k].Text).Close('}')
		} else {
			raw++
		}
	}
	j.Close(']')
	if raw > 0 {
		j.Name("content").Open('[')
		for k := range item.Parts {
			if !p.asSummary(item.Parts[k].Kind) {
				p.part(&item.Parts[k])
			}
		}
		j.Close(']')
	}
	if done && p.o.Seal != nil && p.o.Request.WantSealed {
		if sealed := p.o.Seal(item); sealed != "" {
			j.Name("encrypted_content").Text(sealed)
		}
	}
}

// part writes a part of a message, or raw reasoning.
func (p *responder) part(part *llm.Part) {
	j := p.j
	switch part.Kind {
	case llm.PartRefusal:
		j.Open('{').Name("type").Text("refusal").Name("refusal").Text(part.Text).Close('}')
	case llm.PartReasoning:
		j.Open('{').Name("type").Text("reasoning_text").Name("text").Text(part.Text).Close('}')
	default:
		j.Open('{').Name("type").Text("output_text").Name("text").Text(part.Text).Name("annotations").Open('[')
		for _, a := range part.Annotations {
			p.annotation(a)
		}
		j.Close(']').Name("logprobs")
		if len(part.Logprobs) > 0 {
			j.Raw(part.Logprobs)
		} else {
			j.Open('[').Close(']')
		}
		j.Close('}')
	}
}

func (p *responder) annotation(a llm.Annotation) {
	if a.Raw != nil {
		p.j.Raw(a.Raw)
		return
	}
	p.j.Open('{').Name("type").Text("url_citation").Name("start_index").Int(a.Start).Name("end_index").Int(a.End)
	p.j.Name("url").Text(a.URL).Name("title").Text(a.Title).Close('}')
}

// call writes the members of a call but its id and status.
func (p *responder) call(item *llm.Item, done bool) {
	j := p.j
	j.Name("type").Text(typeOf(callTypes, item.Tool)).Name("call_id").Text(item.CallID)
	if item.Tool == llm.ToolFunction || item.Tool == llm.ToolCustom {
		j.Name("name").Text(item.Name)
		if item.Namespace != "" {
			j.Name("namespace").Text(item.Namespace)
		}
	}
	j.Name(inputMember(item.Tool))
	input := ""
	if done {
		input = item.Input
	}
	switch item.Tool {
	case llm.ToolFunction, llm.ToolCustom:
		j.Text(input)
	default:
		j.Raw(action(item.Tool, input))
	}
	if item.Tool == llm.ToolSearch {
		j.Name("execution").Text("client")
	}
}

// action returns the object that a tool of a fixed shape is called with, with
// what its schema demands. Input that is no object leaves it empty: the tool
// will say what is missing.
func action(kind llm.ToolKind, input string) []byte {
	raw := []byte(input)
	v, err := jsontree.Parse(raw)
	if err != nil || v.Kind() != jsontree.Object {
		raw = []byte("{}")
		v, _ = jsontree.Parse(raw)
	}
	lacks := func(name string) bool { return v.Get(name).Kind() == 0 }
	switch {
	case kind == llm.ToolLocalShell:
		for _, m := range [...]struct{ name, value string }{{"type", `"exec"`}, {"command", "[]"}, {"env", "{}"}} {
			if lacks(m.name) {
				raw = withMembers(raw, strconv.Quote(m.name)+":"+m.value)
			}
		}
	case kind == llm.ToolShell:
		for _, m := range [...]struct{ name, value string }{{"commands", "[]"}, {"timeout_ms", "null"}, {"max_output_length", "null"}} {
			if lacks(m.name) {
				raw = withMembers(raw, strconv.Quote(m.name)+":"+m.value)
			}
		}
	}
	return raw
}
