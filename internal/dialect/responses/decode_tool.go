package responses

import (
	"fmt"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

func decodeTools(v jsontree.Value, path string) ([]llm.Tool, error) {
	if !v.Given() {
		return nil, nil
	}
	if v.Kind() != jsontree.Array {
		return nil, dialect.Invalid(path, path+" must be an array")
	}
	tools := make([]llm.Tool, 0, v.Len())
	for i, e := range v.Elements() {
		t, err := decodeTool(e, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		tools = append(tools, t)
	}
	return tools, nil
}

func decodeTool(v jsontree.Value, path string) (t llm.Tool, err error) {
	t = llm.Tool{Path: path, Type: v.Get("type").Text(), Raw: v.Raw()}
	if t.Type == "" {
		return t, dialect.Invalid(path+".type", path+".type must be a string that is not empty")
	}
	kind, known := toolTypes[t.Type]
	if !known || kind == llm.ToolSearch && !v.Get("execution").Is("client") || kind == llm.ToolShell && hostedShell(v) {
		t.Kind = llm.ToolHosted
		if strings.HasPrefix(t.Type, llm.HostedSearch) { // and its dated and preview forms
			t.Type, t.Search = llm.HostedSearch, decodeSearch(v)
		}
		return t, nil
	}
	t.Kind, t.Name, t.Description = kind, v.Get("name").Text(), v.Get("description").Text()
	switch kind {
	case llm.ToolFunction, llm.ToolSearch:
		if p := v.Get("parameters"); p.Given() {
			t.Schema = p.Raw()
		}
		t.Strict, err = flag(v.Get("strict"), path+".strict")
	case llm.ToolCustom:
		if f := v.Get("format"); f.Get("type").Is("grammar") {
			t.Grammar = llm.Grammar{Syntax: f.Get("syntax").Text(), Definition: f.Get("definition").Text()}
		}
	case llm.ToolNamespace:
		t.Tools, err = decodeTools(v.Get("tools"), path+".tools")
	}
	named := kind == llm.ToolFunction || kind == llm.ToolCustom || kind == llm.ToolNamespace
	if named && t.Name == "" && err == nil {
		err = dialect.Invalid(path+".name", path+".name must be a string that is not empty")
	}
	return t, err
}

func decodeSearch(v jsontree.Value) *llm.WebSearch {
	where := v.Get("user_location")
	s := &llm.WebSearch{
		Context: v.Get("search_context_size").Text(),
		Country: where.Get("country").Text(), Region: where.Get("region").Text(),
		City: where.Get("city").Text(), TimeZone: where.Get("timezone").Text(),
	}
	for _, domain := range v.Get("filters").Get("allowed_domains").Elements() {
		s.Allowed = append(s.Allowed, domain.Text())
	}
	return s
}

// hostedShell reports whether a shell runs at the provider and not at the
// client.
func hostedShell(v jsontree.Value) bool {
	env := v.Get("environment").Get("type")
	return env.Given() && !env.Is("local")
}

func decodeChoice(v jsontree.Value) (llm.ToolChoice, error) {
	const path = "tool_choice"
	c := llm.ToolChoice{Raw: v.Raw()}
	if v.Kind() == jsontree.String {
		switch v.Text() {
		case "auto":
			c.Mode = llm.ChoiceAuto
		case "none":
			c.Mode = llm.ChoiceNone
		case "required":
			c.Mode = llm.ChoiceRequired
		default:
			return c, dialect.Invalid(path, "tool_choice must be auto, none, required or an object")
		}
		return c, nil
	}
	if v.Kind() != jsontree.Object {
		return c, dialect.Invalid(path, "tool_choice must be a string or an object")
	}
	if v.Get("type").Is("allowed_tools") {
		c.Mode, c.Required = llm.ChoiceAllowed, v.Get("mode").Is("required")
		for i, e := range v.Get("tools").Elements() {
			c.Allowed = append(c.Allowed, chosen(e, fmt.Sprintf("tool_choice.tools[%d]", i)))
		}
		return c, nil
	}
	c.Mode, c.Named = llm.ChoiceNamed, chosen(v, path)
	if c.Named.Kind == llm.ToolHosted {
		c.Mode = llm.ChoiceHosted
	}
	return c, nil
}

// chosen reads a tool as a choice names it.
func chosen(v jsontree.Value, path string) llm.Tool {
	t := llm.Tool{Path: path, Type: v.Get("type").Text(), Name: v.Get("name").Text(), Namespace: v.Get("namespace").Text(), Raw: v.Raw()}
	kind, known := toolTypes[t.Type]
	if t.Kind = kind; !known {
		t.Kind = llm.ToolHosted
	}
	return t
}
