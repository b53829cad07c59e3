package llm

import "encoding/json"

// A ToolMap says what the client declared, by the name under which an upstream
// knows the tool. It is made where tools are made simpler for an upstream that
// knows functions alone. A nil map changes nothing.
type ToolMap map[string]Tool

// WrappedInput is the one property of the function that stands for a custom
// tool: {"input":"…"}.
const WrappedInput = "input"

// restore makes a call by an upstream's name one of the client's tool. It
// reports whether the call's input is the arguments of a function that stands
// for another kind of tool.
func (m ToolMap) restore(call *Item) (wrapped bool) {
	if call.Tool != ToolFunction {
		return false
	}
	t, ok := m[call.Name]
	if !ok {
		return false
	}
	call.Tool, call.Name, call.Namespace = t.Kind, t.Name, t.Namespace
	return t.Kind == ToolCustom
}

// unwrap returns the free text that a custom tool is called with, out of the
// arguments of the function that stands for it. Arguments that are not what
// was asked for are taken as they are: the tool will say what is wrong.
func unwrap(call *Item) string {
	var arguments map[string]json.RawMessage
	var input string
	if json.Unmarshal([]byte(call.Input), &arguments) != nil || json.Unmarshal(arguments[WrappedInput], &input) != nil {
		return call.Input
	}
	return input
}
