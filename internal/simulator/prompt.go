package simulator

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A turn is what the dialects have in common: what was said, what was offered
// and how the answer is wanted.
type turn struct {
	model   string
	stream  bool
	user    string   // the last user text
	outputs []string // tool outputs after it
	size    int      // bytes of all text, for counting tokens

	tools    []tool
	choice   choice
	parallel bool // several calls at once are allowed

	format value // a JSON schema the answer must fit; `{"type":"object"}` for plain JSON; absent for text
	max    int   // most output tokens; 0 is unlimited
	n      int   // how many choices; at least 1
	share  int   // how many choices share the space for generated text; 0 is n
}

// say adds a text of the user: from here on it is the prompt.
func (t *turn) say(text string) {
	t.size += len(text)
	t.user, t.outputs = text, nil
}

// hear adds the output of a tool.
func (t *turn) hear(output string) {
	t.size += len(output)
	t.outputs = append(t.outputs, output)
}

// A tool is one that the client offers.
type tool struct {
	name      string
	namespace string // the namespace it lies in, if any
	custom    bool   // takes free text instead of JSON arguments
	schema    value  // of the arguments; may be absent
}

// Bounds of what one request may offer and one answer may call.
const (
	maxTools = 4096
	maxCalls = 128
)

// A choice is what the client says about calling tools.
type choice struct {
	none     bool
	required bool
	name     string // the tool that must be called, with required
}

// A call is one tool call of an answer.
type call struct {
	tool  tool
	input string // JSON arguments, or free text
}

// find returns the tool a prompt means by name: its own name, or
// namespace.name.
func (t *turn) find(name string) (tool, bool) {
	for _, o := range t.tools {
		if o.name == name || o.namespace != "" && o.namespace+"."+o.name == name {
			return o, true
		}
	}
	return tool{}, false
}

// calls returns the tool calls the answer makes.
func (t *turn) calls() []call {
	if t.choice.none || len(t.tools) == 0 {
		return nil
	}
	var calls []call
	if len(t.outputs) == 0 {
		calls = t.asked()
	}
	if t.choice.required {
		calls = t.forced(calls)
	}
	if !t.parallel && len(calls) > 1 {
		calls = calls[:1]
	}
	return calls
}

// forced makes calls satisfy a tool choice that demands one.
func (t *turn) forced(calls []call) []call {
	if t.choice.name != "" {
		var kept []call
		for _, c := range calls {
			if c.tool.name == t.choice.name {
				kept = append(kept, c)
			}
		}
		calls = kept
	}
	if len(calls) > 0 {
		return calls
	}
	o := t.tools[0]
	if t.choice.name != "" {
		o, _ = t.find(t.choice.name) // its presence was checked with the request
	}
	if o.custom {
		return []call{{tool: o, input: "sim"}}
	}
	return []call{{tool: o, input: string(instance(o.schema))}}
}

// asked returns the calls that the prompt asks for in the grammar of the
// package comment: call NAME {json} and call NAME <<<text>>>.
func (t *turn) asked() []call {
	var calls []call
	rest := t.user
	for len(calls) < maxCalls {
		i := wordIndex(rest, "call")
		if i < 0 {
			break
		}
		rest = rest[i+len("call"):]
		name, after := toolName(rest)
		o, ok := t.find(name)
		if !ok {
			continue
		}
		input, after, ok := toolInput(after)
		if !ok {
			continue
		}
		calls = append(calls, call{tool: o, input: input})
		rest = after
	}
	return calls
}

// toolName splits the name off the text that follows "call".
func toolName(s string) (name, rest string) {
	s = strings.TrimLeft(s, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n{<")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// toolInput splits a JSON object or a <<<raw text>>> off s.
func toolInput(s string) (input, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\r\n")
	if raw, found := strings.CutPrefix(s, "<<<"); found {
		return strings.Cut(raw, ">>>")
	}
	if !strings.HasPrefix(s, "{") {
		return "", "", false
	}
	dec := json.NewDecoder(strings.NewReader(s))
	var raw json.RawMessage
	if dec.Decode(&raw) != nil {
		return "", "", false
	}
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return "", "", false
	}
	return out.String(), s[dec.InputOffset():], true
}

// wordIndex returns where word stands in s with no letter, digit or underscore
// beside it, or -1.
func wordIndex(s, word string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(word)
		if (i == 0 || !wordByte(s[i-1])) && (end == len(s) || !wordByte(s[end])) {
			return i
		}
		from = i + 1
	}
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// clip cuts s to at most n bytes at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
