package messages

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A conversation is the system prompt and the messages of a request.
type conversation struct {
	system   []*llm.Item
	messages []message
}

// A message is one of the target's. What tools gave back stands first in it.
type message struct {
	role    llm.Role
	results []piece
	blocks  []piece
}

// A piece is a part of an item, or, without one, the item itself.
type piece struct {
	item *llm.Item
	part *llm.Part
}

// An order puts items into messages. The protocol demands that user and
// assistant take turns, and that a message with calls is followed by one that
// begins with what each of them gave back.
type order struct {
	e       *encoder
	out     conversation
	outputs map[string][]int // those that no call has taken yet, by the call's id
	taken   map[int]bool     // outputs that a call has taken
	waiting []*llm.Item      // calls of the last message
	from    int              // the item that is being read
	unread  bool             // reasoning was left out
}

func (e *encoder) conversation() (conversation, error) {
	items := e.r.Items
	o := order{e: e, outputs: map[string][]int{}, taken: map[int]bool{}}
	for i := range items {
		if items[i].Kind == llm.ItemOutput {
			o.outputs[items[i].CallID] = append(o.outputs[items[i].CallID], i)
		}
	}
	for i := range items {
		o.from = i
		if err := o.item(&items[i]); err != nil {
			return conversation{}, err
		}
	}
	if err := o.answered(); err != nil {
		return conversation{}, err
	}
	o.begin()
	return o.out, nil
}

// begin sees to it that the conversation begins with the user.
func (o *order) begin() {
	all := o.out.messages
	if at := slices.IndexFunc(all, func(m message) bool { return m.role != llm.RoleSystem }); at >= 0 && all[at].role == llm.RoleUser {
		return
	}
	if len(o.e.r.Items) > 0 {
		o.e.lose(o.e.r.Items[0].Path, "the conversation does not begin with the user: an empty message of the user's was put first")
	}
	first := message{role: llm.RoleUser, blocks: []piece{{part: &llm.Part{Text: "…"}}}}
	o.out.messages = slices.Insert(all, 0, first)
}

// message returns the message that takes what this role says next. It is good
// until the next one is added.
func (o *order) message(role llm.Role) (*message, error) {
	if role != llm.RoleAssistant {
		if err := o.answered(); err != nil {
			return nil, err
		}
	}
	if n := len(o.out.messages); n == 0 || o.out.messages[n-1].role != role {
		o.out.messages = append(o.out.messages, message{role: role})
	}
	return &o.out.messages[len(o.out.messages)-1], nil
}

// add puts something into the message that takes what this role says next.
func (o *order) add(role llm.Role, b piece) error {
	m, err := o.message(role)
	if err == nil {
		m.blocks = append(m.blocks, b)
	}
	return err
}

// answered puts what the waiting calls gave back behind them, wherever it
// stands in the conversation.
func (o *order) answered() error {
	calls := o.waiting
	o.waiting = nil
	for _, call := range calls {
		ids := o.outputs[call.CallID]
		if len(ids) == 0 {
			return dialect.Invalid(call.Path, "No tool output found for function call "+call.CallID+".")
		}
		o.outputs[call.CallID], o.taken[ids[0]] = ids[1:], true
		m, _ := o.message(llm.RoleUser) // nothing waits any more
		m.results = append(m.results, piece{item: &o.e.r.Items[ids[0]]})
	}
	return nil
}

func (o *order) item(i *llm.Item) error {
	switch i.Kind {
	case llm.ItemMessage:
		return o.said(i)
	case llm.ItemReasoning:
		if i.Sealed != "" {
			return o.add(llm.RoleAssistant, piece{item: i})
		}
		if !o.unread {
			o.unread = true
			o.e.lose(i.Path, "the model is shown only what it has thought itself")
		}
	case llm.ItemCall:
		if i.Tool != llm.ToolFunction {
			return dialect.UnsupportedValue(i.Path, "the target has no such tool")
		}
		o.forget(i.CallID)
		o.waiting = append(o.waiting, i)
		return o.add(llm.RoleAssistant, piece{item: i})
	case llm.ItemOutput:
		return o.output(i)
	case llm.ItemHosted:
		return o.hosted(i)
	case llm.ItemReference:
		return &llm.Error{
			Code: llm.CodeForeignReference, Op: opEncode, Param: i.Path, Public: "Item with id '" + i.ID + "' not found.",
		}
	case llm.ItemUnknown:
		return dialect.UnsupportedValue(i.Path+".type", "the target knows no item of type `"+i.Type+"`")
	case llm.ItemTools: // they are among the tools
	}
	return nil
}

// forget leaves outputs that stand before their call to be refused.
func (o *order) forget(id string) {
	ids := o.outputs[id]
	for len(ids) > 0 && ids[0] < o.from {
		ids = ids[1:]
	}
	o.outputs[id] = ids
}

func (o *order) output(i *llm.Item) error {
	if err := o.answered(); err != nil {
		return err
	}
	if o.taken[o.from] {
		return nil
	}
	return dialect.Invalid(i.Path, "No tool call found for function call output with call_id "+i.CallID+".")
}

// said adds a message: to the system prompt, to the last message if it is of
// the same role, or as the next one. Texts of nothing but
// white space are refused by the servers.
func (o *order) said(i *llm.Item) error {
	role := i.Role
	switch {
	case role != llm.RoleSystem && role != llm.RoleDeveloper:
	case i.Type == midSystem && o.e.own:
		return o.add(llm.RoleUser, piece{item: i})
	case len(o.out.messages) == 0:
		o.out.system = append(o.out.system, i)
		return nil
	case o.e.own && i.Raw != nil:
		role = llm.RoleSystem
		return o.add(role, piece{item: i})
	default:
		o.e.lose(i.Path, "the target has one system prompt, in front of the conversation")
		o.out.system = append(o.out.system, i)
		return nil
	}
	for k := range i.Parts {
		p := &i.Parts[k]
		if (p.Kind == llm.PartText || p.Kind == llm.PartRefusal) && strings.TrimSpace(p.Text) == "" {
			continue
		}
		if err := o.add(role, piece{part: p}); err != nil {
			return err
		}
	}
	return nil
}

// hosted leaves out what a tool of another provider did: the text that follows
// carries the result. An MCP tool's call and output are told, since the text
// may not repeat them.
func (o *order) hosted(i *llm.Item) error {
	switch {
	case o.e.own:
		return o.add(llm.RoleAssistant, piece{item: i})
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
	if err := o.add(llm.RoleAssistant, piece{item: call}); err != nil {
		return err
	}
	if err := o.answered(); err != nil {
		return err
	}
	m, err := o.message(llm.RoleUser)
	if err == nil {
		m.results = append(m.results, piece{item: &llm.Item{
			Kind: llm.ItemOutput, Path: i.Path, CallID: call.CallID,
			Parts: []llm.Part{{Kind: llm.PartText, Text: v.Get("output").Text()}},
		}})
	}
	return err
}
