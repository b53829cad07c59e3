package dialect

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// RoleTool is the role of a [Turn] that holds what a tool gave back.
const RoleTool llm.Role = "tool"

// Between is what stands between two texts that become one.
const Between = "\n\n"

const opTurns = "dialect.turns"

// attached is what stands in a tool's message for what can stand in a user's
// only.
const attached = " attached below]"

// A Turn is a message of a protocol that has messages, and not items.
type Turn struct {
	Role      llm.Role
	Name      string // who speaks, where the client says
	Parts     []llm.Part
	Reasoning string      // that of the model before it spoke
	Calls     []*llm.Item // those of the model
	Call      *llm.Item   // the one that a tool's output is of
}

// Text returns the texts of t as one.
func (t *Turn) Text(separator string) string {
	if len(t.Parts) == 1 {
		return t.Parts[0].Text
	}
	var texts []string
	for i := range t.Parts {
		if t.Parts[i].Kind == llm.PartText {
			texts = append(texts, t.Parts[i].Text)
		}
	}
	return strings.Join(texts, separator)
}

// Turns puts the items of r, which Lower has been at, into the order of
// messages: a message of the model's that calls tools is followed at once by
// one output for each. What cannot be said in that order is lost, or an error
// with the client's path in Param. Reasoning is kept if t says that the target
// takes it back.
func Turns(r *llm.Request, t Traits) ([]Turn, []Loss, error) {
	o := order{t: t, open: -1, out: make([]Turn, 0, len(r.Items)+1)}
	if r.Instructions != "" {
		o.add(Turn{Role: llm.RoleDeveloper, Parts: []llm.Part{{Kind: llm.PartText, Text: r.Instructions}}})
	}
	for i := range r.Items {
		if err := o.item(&r.Items[i]); err != nil {
			return nil, nil, err
		}
	}
	if err := o.settled(); err != nil {
		return nil, nil, err
	}
	if len(o.out) > 1 {
		o.out = slices.DeleteFunc(o.out, func(m Turn) bool { // reasoning that nothing followed
			return m.Role == llm.RoleAssistant && m.Reasoning != "" && len(m.Parts) == 0 && len(m.Calls) == 0
		})
	}
	o.roles()
	return o.out, o.losses, nil
}

// An order is the state of Turns.
type order struct {
	t       Traits
	losses  []Loss
	out     []Turn
	open    int         // the model's message that takes what is said and called next; -1 for none
	waiting []*llm.Item // calls that have no output yet
	seen    []llm.Part  // images of outputs, for a user's message behind the last output
	later   []Turn      // what was said between a call and its output
	sealed  string      // what the maker of a thought wants back with the call that came of it
}

func (o *order) lose(path, why string) { o.losses = append(o.losses, Loss{Path: path, Why: why}) }

// roles chooses between system and developer: some templates know only the
// first, and some models do not take both.
func (o *order) roles() {
	from, to := llm.RoleDeveloper, llm.RoleSystem
	if o.t.Developer {
		if !slices.ContainsFunc(o.out, func(m Turn) bool { return m.Role == llm.RoleDeveloper }) {
			return
		}
		from, to = to, from
	}
	for i := range o.out {
		if o.out[i].Role == from {
			o.out[i].Role = to
		}
	}
}

func (o *order) add(m Turn) int {
	o.out = append(o.out, m)
	return len(o.out) - 1
}

// assistant returns the message that takes what the model says or calls. It is
// good until the next one is added.
func (o *order) assistant() *Turn {
	if o.open < 0 {
		o.open = o.add(Turn{Role: llm.RoleAssistant})
	}
	return &o.out[o.open]
}

// settled returns an error if a call has no output.
func (o *order) settled() error {
	if len(o.waiting) == 0 {
		return nil
	}
	c := o.waiting[0]
	return Invalid(c.Path, "No tool output found for function call "+c.CallID+".")
}

func (o *order) item(i *llm.Item) error {
	switch i.Kind {
	case llm.ItemMessage:
		return o.message(i)
	case llm.ItemReasoning:
		o.reasoning(i)
	case llm.ItemCall:
		m := o.assistant()
		if o.sealed != "" {
			call := *i
			call.Sealed, o.sealed = o.sealed, ""
			m.Calls = append(m.Calls, &call)
		} else {
			m.Calls = append(m.Calls, i)
		}
		o.waiting = append(o.waiting, i)
		return o.callable(i)
	case llm.ItemOutput:
		return o.output(i)
	case llm.ItemHosted:
		return o.hosted(i)
	case llm.ItemReference:
		return &llm.Error{
			Code: llm.CodeForeignReference, Op: opTurns, Param: i.Path,
			Public: "Item with id '" + i.ID + "' not found.",
		}
	case llm.ItemUnknown:
		return UnsupportedValue(i.Path+".type", "the target knows no item of type `"+i.Type+"`")
	case llm.ItemTools: // Lower has put them among the tools
	}
	return nil
}

func (o *order) message(i *llm.Item) error {
	if i.Role == llm.RoleAssistant {
		m := o.assistant()
		m.Name = i.Name
		if len(m.Parts) > 0 && len(i.Parts) > 0 {
			m.Parts = append(m.Parts, llm.Part{Kind: llm.PartText, Text: Between})
		}
		m.Parts = append(m.Parts, i.Parts...)
		return nil
	}
	o.sealed = ""
	m := Turn{Role: i.Role, Name: i.Name, Parts: i.Parts}
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
	if i.Redacted {
		o.sealed = i.Sealed
	}
	text := i.Text(llm.PartReasoning)
	if text == "" {
		text = i.Text(llm.PartSummary)
	}
	if text == "" || o.t.Reasoning == "" {
		return
	}
	m := o.assistant()
	if m.Reasoning != "" {
		m.Reasoning += Between
	}
	m.Reasoning += text
}

// callable returns an error for a call that the target does not know.
func (o *order) callable(i *llm.Item) error {
	if i.Tool == llm.ToolFunction || i.Tool == llm.ToolCustom && slices.Contains(o.t.Tools, llm.ToolCustom) {
		return nil
	}
	return UnsupportedValue(i.Path, "the target has no such tool")
}

func (o *order) output(i *llm.Item) error {
	at := slices.IndexFunc(o.waiting, func(c *llm.Item) bool { return c.CallID == i.CallID })
	if at < 0 {
		return Invalid(i.Path, "No tool call found for function call output with call_id "+i.CallID+".")
	}
	m := Turn{Role: RoleTool, Call: o.waiting[at]}
	o.waiting = slices.Delete(o.waiting, at, at+1)
	for k := range i.Parts {
		p := i.Parts[k]
		if p.Kind == llm.PartText {
			m.Parts = append(m.Parts, p)
			continue
		}
		what, ok := map[llm.PartKind]string{llm.PartImage: "[image", llm.PartFile: "[file", llm.PartAudio: "[audio"}[p.Kind]
		if !ok {
			return UnsupportedValue(p.Path, "the target takes no such content here")
		}
		m.Parts = append(m.Parts, llm.Part{Kind: llm.PartText, Text: what + attached})
		o.seen = append(o.seen, p)
		o.lose(p.Path, "a tool's output is text here: what else it has goes into a message behind it")
	}
	if i.IsError {
		o.lose(i.Path, "the target is not told that the tool failed")
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
		o.add(Turn{Role: llm.RoleUser, Parts: o.seen})
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
		return UnsupportedValue(i.Path+".type", "only the provider that made this item can read it")
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
