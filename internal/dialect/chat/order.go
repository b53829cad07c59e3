package chat

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// roleTool is the role of messages that hold what a tool gave back.
const roleTool llm.Role = "tool"

// attached is what stands in a tool's message for what can stand in a user's
// only.
const attached = " attached below]"

// A message is one of the target's.
type message struct {
	role      llm.Role
	name      string
	parts     []llm.Part
	reasoning string
	calls     []*llm.Item
	callID    string
}

// An order puts items into the order of messages. The protocol demands that
// an assistant's message with calls is followed at once by one tool message
// for each.
type order struct {
	e       *encoder
	out     []message
	open    int         // the assistant's message that takes what is said and called next; -1 for none
	waiting []*llm.Item // calls that have no output yet
	seen    []llm.Part  // images of outputs, for a user's message behind the last output
	later   []message   // what was said between a call and its output
}

// conversation returns the messages of a request.
func (e *encoder) conversation() ([]message, error) {
	o := order{e: e, open: -1, out: make([]message, 0, len(e.r.Items)+1)}
	if e.r.Instructions != "" {
		o.add(message{role: llm.RoleDeveloper, parts: []llm.Part{{Kind: llm.PartText, Text: e.r.Instructions}}})
	}
	for i := range e.r.Items {
		if err := o.item(&e.r.Items[i]); err != nil {
			return nil, err
		}
	}
	if err := o.settled(); err != nil {
		return nil, err
	}
	if len(o.out) > 1 {
		o.out = slices.DeleteFunc(o.out, func(m message) bool { // reasoning that nothing followed
			return m.role == llm.RoleAssistant && m.reasoning != "" && len(m.parts) == 0 && len(m.calls) == 0
		})
	}
	e.roles(o.out)
	return o.out, nil
}

// roles chooses between system and developer: some templates know only the
// first, and some models do not take both.
func (e *encoder) roles(all []message) {
	if !e.t.Developer {
		for i := range all {
			if all[i].role == llm.RoleDeveloper {
				all[i].role = llm.RoleSystem
			}
		}
		return
	}
	if !slices.ContainsFunc(all, func(m message) bool { return m.role == llm.RoleDeveloper }) {
		return
	}
	for i := range all {
		if all[i].role == llm.RoleSystem {
			all[i].role = llm.RoleDeveloper
		}
	}
}

func (o *order) add(m message) int {
	o.out = append(o.out, m)
	return len(o.out) - 1
}

// assistant returns the message that takes what the model says or calls. It is
// good until the next one is added.
func (o *order) assistant() *message {
	if o.open < 0 {
		o.open = o.add(message{role: llm.RoleAssistant})
	}
	return &o.out[o.open]
}

// settled returns an error if a call has no output.
func (o *order) settled() error {
	if len(o.waiting) == 0 {
		return nil
	}
	c := o.waiting[0]
	return dialect.Invalid(c.Path, "No tool output found for function call "+c.CallID+".")
}

func (o *order) item(i *llm.Item) error {
	switch i.Kind {
	case llm.ItemMessage:
		return o.message(i)
	case llm.ItemReasoning:
		o.reasoning(i)
	case llm.ItemCall:
		m := o.assistant()
		m.calls = append(m.calls, i)
		o.waiting = append(o.waiting, i)
		return o.callable(i)
	case llm.ItemOutput:
		return o.output(i)
	case llm.ItemHosted:
		return o.hosted(i)
	case llm.ItemReference:
		return &llm.Error{
			Code: llm.CodeForeignReference, Op: "chat.encode_request", Param: i.Path,
			Public: "Item with id '" + i.ID + "' not found.",
		}
	case llm.ItemUnknown:
		return dialect.UnsupportedValue(i.Path+".type", "the target knows no item of type `"+i.Type+"`")
	case llm.ItemTools: // dialect.Lower has put them among the tools
	}
	return nil
}

func (o *order) message(i *llm.Item) error {
	if i.Role == llm.RoleAssistant {
		m := o.assistant()
		m.name = i.Name
		if len(m.parts) > 0 && len(i.Parts) > 0 {
			m.parts = append(m.parts, llm.Part{Kind: llm.PartText, Text: between})
		}
		m.parts = append(m.parts, i.Parts...)
		return nil
	}
	m := message{role: i.Role, name: i.Name, parts: i.Parts}
	if len(o.waiting) > 0 && i.Role != llm.RoleUser {
		o.later = append(o.later, m)
		return nil
	}
	o.open = -1
	o.add(m)
	return o.settled()
}

// reasoning goes with what the model said or did next.
func (o *order) reasoning(i *llm.Item) {
	text := i.Text(llm.PartReasoning)
	if text == "" {
		text = i.Text(llm.PartSummary)
	}
	if text == "" || o.e.t.Reasoning == "" {
		return
	}
	m := o.assistant()
	if m.reasoning != "" {
		m.reasoning += between
	}
	m.reasoning += text
}

// callable returns an error for a call that the target does not know.
func (o *order) callable(i *llm.Item) error {
	if i.Tool == llm.ToolFunction || i.Tool == llm.ToolCustom && slices.Contains(o.e.t.Tools, llm.ToolCustom) {
		return nil
	}
	return dialect.UnsupportedValue(i.Path, "the target has no such tool")
}

func (o *order) output(i *llm.Item) error {
	at := slices.IndexFunc(o.waiting, func(c *llm.Item) bool { return c.CallID == i.CallID })
	if at < 0 {
		return dialect.Invalid(i.Path, "No tool call found for function call output with call_id "+i.CallID+".")
	}
	o.waiting = slices.Delete(o.waiting, at, at+1)
	m := message{role: roleTool, callID: i.CallID}
	for k := range i.Parts {
		p := i.Parts[k]
		if p.Kind == llm.PartText {
			m.parts = append(m.parts, p)
			continue
		}
		what, ok := map[llm.PartKind]string{llm.PartImage: "[image", llm.PartFile: "[file", llm.PartAudio: "[audio"}[p.Kind]
		if !ok {
			return noSuchPart(&p)
		}
		m.parts = append(m.parts, llm.Part{Kind: llm.PartText, Text: what + attached})
		o.seen = append(o.seen, p)
		o.e.lose(p.Path, "a tool's output is text here: what else it has goes into a message behind it")
	}
	if i.IsError {
		o.e.lose(i.Path, "the target is not told that the tool failed")
	}
	o.add(m)
	if len(o.waiting) == 0 {
		o.closeTurn()
	}
	return nil
}

// closeTurn adds what has waited for the last output of a turn.
func (o *order) closeTurn() {
	o.open = -1
	if len(o.seen) > 0 {
		o.add(message{role: llm.RoleUser, parts: o.seen})
		o.seen = nil
	}
	o.out = append(o.out, o.later...)
	o.later = nil
}

// hosted leaves out what a tool of another provider did: the text that follows
// carries the result. An MCP tool's call and output are told, since they may
// not be repeated in the text.
func (o *order) hosted(i *llm.Item) error {
	switch {
	case strings.HasPrefix(i.Type, "compaction"), strings.HasPrefix(i.Type, "program"):
		return dialect.UnsupportedValue(i.Path+".type", "only the provider that made this item can read it")
	case i.Type != "mcp_call":
		return nil
	}
	v, err := jsontree.Parse(i.Raw)
	if err != nil || !v.Get("output").Given() || v.Get("id").Text() == "" {
		return nil
	}
	call := &llm.Item{
		Kind: llm.ItemCall, Path: i.Path, CallID: v.Get("id").Text(), Name: v.Get("name").Text(), Input: v.Get("arguments").Text(),
	}
	if err := o.item(call); err != nil {
		return err
	}
	return o.output(&llm.Item{
		Kind: llm.ItemOutput, Path: i.Path, CallID: call.CallID,
		Parts: []llm.Part{{Kind: llm.PartText, Text: v.Get("output").Text()}},
	})
}
