package responses

import (
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// isShown reports whether a client of the protocol can be shown an item. What
// another protocol's provider did by itself has no shape here.
func isShown(item *llm.Item) bool {
	switch item.Kind {
	case llm.ItemMessage, llm.ItemReasoning, llm.ItemCall:
		return true
	case llm.ItemHosted:
		return item.Raw != nil && isOurs(item.Type)
	case llm.ItemUnknown:
		return item.Raw != nil
	default:
		return false
	}
}

// itemPrefixes are the beginnings of the ids that calls are given.
var itemPrefixes = [llm.ToolHosted]string{ // immutable
	llm.ToolFunction: "fc_", llm.ToolCustom: "ctc_", llm.ToolLocalShell: "lsh_", llm.ToolShell: "sh_",
	llm.ToolApplyPatch: "apc_", llm.ToolSearch: "tsc_",
}

// itemID returns the id of item i: the one it came with, or one made of the
// response's. It is never the one by which a call knows its output.
func (p *responder) itemID(item *llm.Item, i int) string {
	if item.ID != "" && item.ID != item.CallID {
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

// item writes an item: the whole of it, or, not done, as it is announced.
func (p *responder) item(item *llm.Item, id string, done bool) {
	j := p.j
	if item.Kind == llm.ItemHosted || item.Kind == llm.ItemUnknown {
		j.Raw(item.Raw)
		return
	}
	status := item.Status
	switch {
	case !done:
		status = llm.ItemInProgress
	case status == "", status == llm.ItemInProgress:
		status = llm.ItemCompleted
	}
	j.Open('{').Name("id").Text(id)
	switch item.Kind {
	case llm.ItemReasoning:
		p.reasoning(item, done)
	case llm.ItemCall:
		if item.Tool == llm.ToolApplyPatch && status == llm.ItemIncomplete {
			status = llm.ItemInProgress // it knows no other
		}
		j.Name("type").Text(callTypes[item.Tool]).Name("status").Text(string(status))
		p.call(item, done)
	default:
		j.Name("type").Text("message").Name("status").Text(string(status)).Name("role").Text(string(llm.RoleAssistant)).Name("content").Open('[')
		for k := range item.Parts {
			if done {
				p.part(item, &item.Parts[k])
			}
		}
		j.Close(']')
	}
	for _, m := range item.Others {
		j.Name(m.Name).Raw(m.Value)
	}
	j.Close('}')
}

// asSummary reports whether reasoning is shown as a summary. Clients show
// summaries where they have asked for them, and know raw reasoning of open
// models alone.
func (p *responder) asSummary(kind llm.PartKind) bool {
	return kind == llm.PartSummary || p.o.Request.Summary != ""
}

// reasoning writes the members of reasoning but its id.
func (p *responder) reasoning(item *llm.Item, done bool) {
	j := p.j
	j.Name("type").Text("reasoning").Name("summary").Open('[')
	raw := 0
	for k := range item.Parts {
		switch {
		case !done:
		case p.asSummary(item.Parts[k].Kind):
			p.part(item, &item.Parts[k])
		default:
			raw++
		}
	}
	j.Close(']')
	if raw > 0 {
		j.Name("content").Open('[')
		for k := range item.Parts {
			if !p.asSummary(item.Parts[k].Kind) {
				p.part(item, &item.Parts[k])
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

// part writes a part of an item.
func (p *responder) part(item *llm.Item, part *llm.Part) {
	j := p.j
	switch {
	case item.Kind == llm.ItemReasoning && p.asSummary(part.Kind):
		j.Open('{').Name("type").Text("summary_text").Name("text").Text(part.Text).Close('}')
	case item.Kind == llm.ItemReasoning:
		j.Open('{').Name("type").Text("reasoning_text").Name("text").Text(part.Text).Close('}')
	case part.Kind == llm.PartRefusal:
		j.Open('{').Name("type").Text("refusal").Name("refusal").Text(part.Text).Close('}')
	default:
		j.Open('{').Name("type").Text("output_text").Name("text").Text(part.Text).Name("annotations").Open('[')
		for _, a := range part.Annotations {
			p.annotation(a)
		}
		j.Close(']').Name("logprobs")
		p.logprobs(part.Logprobs)
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

// logprobs writes log probabilities. Chat's may lack the bytes and the
// alternatives, which must be there here.
func (p *responder) logprobs(array []byte) {
	if len(array) == 0 {
		p.j.Open('[').Close(']')
		return
	}
	v, err := p.parser.Parse(array)
	whole := err == nil
	for _, e := range v.Elements() {
		whole = whole && e.Get("bytes").Kind() == jsontree.Array && e.Get("top_logprobs").Kind() == jsontree.Array
		for _, alternative := range e.Get("top_logprobs").Elements() {
			whole = whole && alternative.Get("bytes").Kind() == jsontree.Array
		}
	}
	if whole {
		p.j.Raw(array)
		return
	}
	p.j.Open('[')
	for _, e := range v.Elements() {
		p.logprob(e, true)
	}
	p.j.Close(']')
}

func (p *responder) logprob(v jsontree.Value, top bool) {
	j := p.j.Open('{')
	for name, m := range v.Members() {
		switch {
		case name == "bytes", name == "top_logprobs":
		default:
			j.Name(name).Raw(m.Raw())
		}
	}
	j.Name("bytes")
	if b := v.Get("bytes"); b.Kind() == jsontree.Array {
		j.Raw(b.Raw())
	} else {
		j.Open('[').Close(']')
	}
	if top {
		j.Name("top_logprobs").Open('[')
		for _, alternative := range v.Get("top_logprobs").Elements() {
			p.logprob(alternative, false)
		}
		j.Close(']')
	}
	j.Close('}')
}

// call writes the members of a call but its id, type and status.
func (p *responder) call(item *llm.Item, done bool) {
	j := p.j
	j.Name("call_id").Text(item.CallID)
	input := ""
	if done {
		input = item.Input
	}
	switch item.Tool {
	case llm.ToolFunction, llm.ToolCustom:
		j.Name("name").Text(item.Name)
		if item.Namespace != "" {
			j.Name("namespace").Text(item.Namespace)
		}
		j.Name(inputMember(item.Tool)).Text(input)
		return
	case llm.ToolSearch:
		j.Name("execution").Text("client")
	case llm.ToolShell:
		if !hasMember(item.Others, "environment") {
			j.Name("environment").Null()
		}
	}
	j.Name(inputMember(item.Tool)).Raw(action(item.Tool, input))
}

func hasMember(all []llm.Member, name string) bool {
	for _, m := range all {
		if m.Name == name {
			return true
		}
	}
	return false
}

// actions are what the objects must have that tools of a fixed shape are
// called with.
var actions = [llm.ToolHosted][]member{ // immutable
	llm.ToolLocalShell: {{"type", `"exec"`}, {"command", "[]"}, {"env", "{}"}},
	llm.ToolShell:      {{"commands", "[]"}, {"timeout_ms", "null"}, {"max_output_length", "null"}},
	llm.ToolApplyPatch: {{"type", `"update_file"`}, {"path", `""`}},
}

// action returns the object that a tool of a fixed shape is called with, with
// what its schema demands. Input that is no object leaves it empty: the tool
// will say what is missing.
func action(kind llm.ToolKind, input string) []byte {
	v, err := jsontree.Parse([]byte(input))
	if err != nil || v.Kind() != jsontree.Object {
		v, _ = jsontree.Parse([]byte("{}"))
	}
	must := actions[kind]
	if kind == llm.ToolApplyPatch && !v.Get("type").Is("delete_file") {
		must = append(slices.Clip(must), member{"diff", `""`})
	}
	return with(v, must...)
}
