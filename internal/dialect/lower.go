package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	opLower = "dialect.lower"

	// maxToolName is the longest name that every server takes.
	maxToolName = 64

	// bareNamespace is the one whose members keep their names: models are
	// trained on them.
	bareNamespace = "functions"
)

// Lower returns r as a target can take it that knows functions, and of other
// tools only those that t names: tools that are declared on the way move to
// the front, namespaces become part of names, and what else a client runs
// becomes a function. The map leads back from the names that the target
// knows. Hosted tools that the target does not run are lost, and an error where
// nothing else could be called; with refuse every hosted tool is one.
//
// r is not changed; what the result shares with it must not be either. Errors
// are *llm.Error with the client's path in Param.
func Lower(r *llm.Request, t Traits, refuse bool) (*llm.Request, llm.ToolMap, []Loss, error) {
	l := lowering{traits: t, refuse: refuse, tools: llm.ToolMap{}, taken: map[string]string{}}
	out := *r
	out.Tools, out.Items = nil, nil
	declared, items := gather(r)
	for _, tool := range declared {
		if err := l.declare(tool, ""); err != nil {
			return nil, nil, nil, err
		}
	}
	if err := l.settleHosted(r); err != nil {
		return nil, nil, nil, err
	}
	out.Tools = l.out
	for _, item := range items {
		out.Items = append(out.Items, l.item(item))
	}
	choice, err := l.choice(r)
	if err != nil {
		return nil, nil, nil, err
	}
	out.Choice = choice
	return &out, l.tools, l.losses, nil
}

// gather returns every tool that a request declares, and its items without
// those that only declare tools.
func gather(r *llm.Request) (tools []llm.Tool, items []llm.Item) {
	tools = slices.Clone(r.Tools)
	for _, item := range r.Items {
		switch {
		case item.Kind == llm.ItemTools:
			tools = append(tools, item.Tools...)
			continue
		case len(item.Tools) > 0: // what a search has found
			tools = append(tools, item.Tools...)
		}
		items = append(items, item)
	}
	return tools, items
}

type lowering struct {
	traits Traits
	refuse bool
	out    []llm.Tool
	tools  llm.ToolMap
	taken  map[string]string // :: name for the target → the client's path
	hosted []llm.Tool        // that the target does not run
	losses []Loss
}

func (l *lowering) takes(kind llm.ToolKind) bool {
	return kind == llm.ToolFunction || slices.Contains(l.traits.Tools, kind)
}

// declare adds one tool, or each of a namespace.
func (l *lowering) declare(t llm.Tool, namespace string) error {
	if t.Namespace == "" {
		t.Namespace = namespace
	}
	switch {
	case t.Kind == llm.ToolNamespace:
		for _, member := range t.Tools {
			if err := l.declare(member, t.Name); err != nil {
				return err
			}
		}
		return nil
	case t.Kind == llm.ToolHosted:
		if !l.refuse && slices.Contains(l.traits.Hosted, t.Type) {
			l.out = append(l.out, t)
		} else {
			l.hosted = append(l.hosted, t)
		}
		return nil
	}
	own := llm.Tool{Kind: t.Kind, Name: t.Name, Namespace: t.Namespace}
	name := l.name(t)
	if other, twice := l.taken[name]; twice {
		if l.tools[name].Kind == own.Kind && l.tools[name].Name == own.Name && l.tools[name].Namespace == own.Namespace {
			return nil // declared again, as a search that finds it again does
		}
		return &llm.Error{
			Code: llm.CodeInvalidValue, Op: opLower, Param: t.Path,
			Public: fmt.Sprintf("%s and %s would both be called `%s` where this model is served: rename one of them", other, t.Path, name),
		}
	}
	l.taken[name] = t.Path
	l.tools[name] = own
	l.out = append(l.out, l.lowered(t, name))
	return nil
}

// name returns what the target knows a tool by.
func (l *lowering) name(t llm.Tool) string {
	name := t.Name
	if name == "" {
		name = fixedNames[t.Kind]
	}
	if t.Namespace != "" && t.Namespace != bareNamespace && !l.takes(llm.ToolNamespace) {
		name = t.Namespace + "__" + name
	}
	return safeName(name)
}

// safeName returns a name as every server takes it: letters, digits, "_" and
// "-", of limited length. Points and their like become "_"; a name that would
// lose more ends in a hash of the whole.
func safeName(name string) string {
	const tail = 9
	hashed := len(name) > maxToolName
	safe := []byte(name)
	for i, c := range safe {
		switch {
		case c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			continue
		case strings.IndexByte("./: ", c) < 0:
			hashed = true
		}
		safe[i] = '_'
	}
	if !hashed {
		return string(safe)
	}
	sum := sha256.Sum256([]byte(name))
	return string(safe[:min(len(safe), maxToolName-tail)]) + "_" + hex.EncodeToString(sum[:(tail-1)/2])
}

// fixedNames are those of tools that the Responses protocol gives no name.
var fixedNames = map[llm.ToolKind]string{ // immutable
	llm.ToolLocalShell: "local_shell",
	llm.ToolShell:      "shell",
	llm.ToolApplyPatch: "apply_patch",
	llm.ToolSearch:     "tool_search",
}

// lowered returns t by another name, as a function if the target does not know
// its kind.
func (l *lowering) lowered(t llm.Tool, name string) llm.Tool {
	if l.takes(t.Kind) {
		if name != t.Name {
			t.Raw = nil
		}
		t.Name = name
		if !l.takes(llm.ToolNamespace) {
			t.Namespace = ""
		}
		return t
	}
	f := llm.Tool{Path: t.Path, Name: name, Description: t.Description, Schema: t.Schema}
	switch t.Kind {
	case llm.ToolCustom:
		f.Schema, f.Description = []byte(freeText), describeGrammar(t)
		if t.Grammar != (llm.Grammar{}) {
			l.losses = append(l.losses, Loss{Path: t.Path, Why: "the grammar is described to the model, and not enforced"})
		}
	default:
		if known, ok := known[t.Kind]; ok {
			if f.Schema == nil {
				f.Schema = []byte(known.schema)
			}
			if f.Description == "" {
				f.Description = known.description
			}
		}
	}
	return f
}

const freeText = `{"type":"object","properties":{"` + llm.WrappedInput + `":{"type":"string","description":"The whole input of the tool, as free text."}},"required":["` + llm.WrappedInput + `"],"additionalProperties":false}`

func describeGrammar(t llm.Tool) string {
	if t.Grammar == (llm.Grammar{}) {
		return t.Description
	}
	return strings.TrimSpace(t.Description + "\n\nThe input must follow this " + t.Grammar.Syntax + " grammar:\n" + t.Grammar.Definition)
}

// known are the tools whose parameters the Responses protocol fixes: what
// their call items hold as action or operation.
//
// Source: OpenAI's OpenAPI document, LocalShellExecAction, FunctionShellAction,
// ApplyPatchOperation, ToolSearchToolParam, read 2026-11-21.
var known = map[llm.ToolKind]struct{ description, schema string }{ // immutable
	llm.ToolLocalShell: {
		"Runs a command on the user's machine and returns its output.",
		`{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},` +
			`"timeout_ms":{"type":"integer"},"user":{"type":"string"},"working_directory":{"type":"string"},"env":{"type":"object","additionalProperties":{"type":"string"}}},"required":["command"]}`,
	},
	llm.ToolShell: {
		"Runs shell commands and returns their output.",
		`{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"Commands to run, each a line of shell."},` +
			`"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}`,
	},
	llm.ToolApplyPatch: {
		"Creates, updates or deletes one file by a diff.",
		`{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},` +
			`"diff":{"type":"string","description":"A diff in V4A format; not for delete_file."}},"required":["type","path"]}`,
	},
	llm.ToolSearch: {
		"Looks for further tools that fit a task.",
		`{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"}},"required":["query"]}`,
	},
}

// settleHosted loses the hosted tools, or says why that cannot be.
func (l *lowering) settleHosted(r *llm.Request) error {
	if len(l.hosted) == 0 {
		return nil
	}
	first := l.hosted[0]
	if l.refuse {
		return RefuseHosted(&first)
	}
	if len(l.out) == 0 {
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: opLower, Param: typePath(first.Path),
			Public: "the tool `" + first.Type + "` cannot run where this model is served",
		}
	}
	if r.Choice.Mode == llm.ChoiceHosted {
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: opLower, Param: r.Path(llm.FieldToolChoice),
			Public: "the tool that must be called, `" + first.Type + "`, cannot run where this model is served",
		}
	}
	for _, t := range l.hosted {
		l.losses = append(l.losses, Loss{Path: t.Path, Why: "the tool " + t.Type + " cannot run where this model is served"})
	}
	return nil
}

// typePath returns what the client calls the type of a tool that it declared at
// path. A tool that is no element of a list is a member of its own.
func typePath(path string) string {
	if strings.HasSuffix(path, "]") {
		return path + ".type"
	}
	return path
}

// item returns an item of the conversation as the target can take it.
func (l *lowering) item(i llm.Item) llm.Item {
	if i.Kind != llm.ItemCall && i.Kind != llm.ItemOutput {
		return i
	}
	as := llm.Tool{Kind: i.Tool, Name: i.Name, Namespace: i.Namespace}
	if i.Kind == llm.ItemCall {
		name := l.name(as)
		if name != i.Name || !l.takes(i.Tool) || i.Namespace != "" && !l.takes(llm.ToolNamespace) {
			i.Raw = nil
		}
		i.Name = name
	}
	if !l.takes(llm.ToolNamespace) {
		i.Namespace = ""
	}
	if l.takes(i.Tool) {
		return i
	}
	if i.Kind == llm.ItemCall && i.Tool == llm.ToolCustom {
		i.Input = `{"` + llm.WrappedInput + `":` + string(jsonscan.AppendQuote(nil, i.Input)) + `}`
	}
	i.Tool, i.Raw = llm.ToolFunction, nil
	return i
}

// choice returns the tool choice by the target's names.
func (l *lowering) choice(r *llm.Request) (llm.ToolChoice, error) {
	c := r.Choice
	switch c.Mode {
	case llm.ChoiceNamed:
		c.Named = l.chosen(c.Named)
		c.Raw = nil
	case llm.ChoiceAllowed:
		var allowed []llm.Tool
		for _, t := range c.Allowed {
			if t.Kind != llm.ToolHosted || slices.Contains(l.traits.Hosted, t.Type) {
				allowed = append(allowed, l.chosen(t))
			}
		}
		if len(allowed) == 0 {
			return c, &llm.Error{
				Code: llm.CodeUnsupportedValue, Op: opLower, Param: r.Path(llm.FieldToolChoice),
				Public: "none of the tools that may be called can run where this model is served",
			}
		}
		c.Allowed, c.Raw = allowed, nil
	case llm.ChoiceHosted:
		if len(l.traits.Hosted) == 0 {
			return c, &llm.Error{
				Code: llm.CodeUnsupportedValue, Op: opLower, Param: r.Path(llm.FieldToolChoice),
				Public: "the tool that must be called cannot run where this model is served",
			}
		}
	}
	return c, nil
}

// chosen returns the tool that a choice means, by the target's name.
func (l *lowering) chosen(t llm.Tool) llm.Tool {
	name := l.name(t)
	kind := t.Kind
	if !l.takes(kind) {
		kind = llm.ToolFunction
	}
	out := llm.Tool{Kind: kind, Name: name, Path: t.Path}
	if l.takes(llm.ToolNamespace) {
		out.Namespace = t.Namespace
	}
	return out
}
