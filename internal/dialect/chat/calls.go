package chat

import (
	"errors"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// maxCalls is how many calls one answer may have. No client runs so many.
const maxCalls = 1024

// A call is one that the upstream has begun to tell of.
type call struct {
	index int64  // the upstream's; -1 if it gave none, -2 for the old form
	id    string // the upstream's; empty if it has given none
	name  string
	kind  llm.ToolKind
	item  int    // in the reply; -1 until it is announced
	early []byte // what came before that

	signature string // of the thought that led to it; Gemini wants it back
}

const (
	noIndex  = -1
	oldIndex = -2 // function_call, of which there is one
)

// toolCall takes an element of tool_calls: a whole call, or a piece of one.
func (r *reply) toolCall(e jsontree.Value) error {
	index, ok := e.Get("index").Int()
	if !ok || index < 0 {
		index = noIndex
	}
	tool, kind := e.Get("function"), llm.ToolFunction
	input := tool.Get("arguments")
	if custom := e.Get("custom"); custom.Given() {
		tool, kind = custom, llm.ToolCustom
		input = tool.Get("input")
	}
	return r.piece(call{
		index: index, id: e.Get("id").Text(), name: tool.Get("name").Text(), kind: kind,
		signature: e.Get("extra_content").Get("google").Get("thought_signature").Text(),
	}, input)
}

// oldCall takes function_call.
func (r *reply) oldCall(v jsontree.Value) error {
	return r.piece(call{index: oldIndex, name: v.Get("name").Text()}, v.Get("arguments"))
}

// piece takes a piece of a call, and what it says of the call itself.
func (r *reply) piece(said call, input jsontree.Value) error {
	c := r.find(said)
	if c == nil {
		if len(r.calls) >= maxCalls {
			return dialect.Unreadable(errors.New("too many calls in one answer"))
		}
		r.closeOpen()
		said.item = -1
		r.calls = append(r.calls, said)
		c = &r.calls[len(r.calls)-1]
	}
	if c.id == "" {
		c.id = said.id
	}
	if c.name == "" { // a name that comes again says nothing
		c.name = said.name
	}
	if c.signature == "" {
		c.signature = said.signature
	}
	text := ""
	switch input.Kind() {
	case jsontree.String:
		text = input.Text()
	case jsontree.Object, jsontree.Array: // of servers that forget to make it a string
		text = string(compact(input.Raw()))
	}
	if c.item < 0 && c.name == "" {
		c.early = append(c.early, text...)
		return nil
	}
	r.announce(c)
	r.b.Input(c.item, text)
	return nil
}

// find returns the call that a piece belongs to, nil for a new one: the one of
// its index, else of its id, else the last.
func (r *reply) find(said call) *call {
	for i := len(r.calls) - 1; i >= 0; i-- {
		c := &r.calls[i]
		var same bool
		switch {
		case said.index != noIndex:
			same = c.index == said.index
		case said.id != "":
			same = c.id == said.id
		default:
			same = c.index != oldIndex
		}
		if same {
			if r.another(c, said) {
				return nil
			}
			return c
		}
	}
	return nil
}

// another reports whether a piece belongs to another call than c, although the
// upstream gives it the same index, or none: some number every call 0.
func (r *reply) another(c *call, said call) bool {
	switch {
	case said.id != "" && c.id != "":
		return said.id != c.id
	case said.name == "" || c.name == "":
		return false
	case said.id != "": // c has a name and no id, and this one has both
		return true
	case c.id != "" && said.index != noIndex: // a name that comes again
		return false
	default:
		return said.name != c.name || r.whole(c)
	}
}

// whole reports whether a call has all of its arguments.
func (r *reply) whole(c *call) bool {
	if c.item < 0 || c.kind != llm.ToolFunction {
		return false
	}
	_, err := jsontree.Parse([]byte(r.b.InputSoFar(c.item)))
	return err == nil
}

// announce begins a call whose name is known, once. An upstream that has given
// it no id by then will not. The signature of a thought is an item of its own in
// front of the call: clients keep reasoning, and nothing with their calls.
func (r *reply) announce(c *call) {
	if c.item >= 0 {
		return
	}
	r.closeOpen()
	if c.signature != "" {
		r.b.Done(r.b.Open(llm.Item{Kind: llm.ItemReasoning, Sealed: c.signature, Redacted: true}), "")
	}
	id := c.id
	if id == "" {
		id = r.mint(len(r.calls), c.name)
	}
	c.item = r.b.Open(llm.Item{Kind: llm.ItemCall, Tool: c.kind, CallID: id, Name: c.name})
	r.b.Input(c.item, string(c.early))
	c.early = nil
}

// closeCalls ends the calls of an answer that is whole. A function without
// arguments is called with an empty object.
func (r *reply) closeCalls() {
	for i := range r.calls {
		c := &r.calls[i]
		if c.item >= 0 && r.b.Item(c.item).Tool != llm.ToolCustom && r.b.InputSoFar(c.item) == "" {
			r.b.Input(c.item, "{}")
		}
	}
}

// compact returns JSON without the white space between its tokens.
func compact(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	quoted, escaped := false, false
	for _, c := range raw {
		switch {
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		}
		out = append(out, c)
	}
	return out
}
