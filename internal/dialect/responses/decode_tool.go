package responses

import (
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

func (d *decoder) tools(v jsontree.Value, path string) []llm.Tool {
	if !d.List(v, path) {
		return nil
	}
	tools := make([]llm.Tool, 0, v.Len())
	for i, e := range v.Elements() {
		tools = append(tools, d.tool(e, at(path, i)))
	}
	return tools
}

func (d *decoder) tool(v jsontree.Value, path string) llm.Tool {
	t := llm.Tool{Path: path, Type: d.Need(v.Get("type"), under(path, "type")), Raw: v.Raw()}
	kind, known := toolTypes.kind(t.Type)
	if !known || kind == llm.ToolSearch && !v.Get("execution").Is("client") || kind == llm.ToolShell && hostedShell(v) {
		t.Kind = llm.ToolHosted
		d.search(&t, v)
		return t
	}
	t.Kind, t.Description = kind, d.Text(v.Get("description"), under(path, "description"))
	if kind == llm.ToolFunction || kind == llm.ToolCustom || kind == llm.ToolNamespace {
		t.Name = d.Need(v.Get("name"), under(path, "name"))
	}
	switch kind {
	case llm.ToolFunction, llm.ToolSearch:
		t.Schema = d.Object(v.Get("parameters"), under(path, "parameters"))
		t.Strict = d.Bool(v.Get("strict"), under(path, "strict"))
	case llm.ToolCustom:
		if f := v.Get("format"); f.Get("type").Is("grammar") {
			path = under(path, "format")
			t.Grammar = llm.Grammar{Syntax: d.Need(f.Get("syntax"), under(path, "syntax")), Definition: d.Need(f.Get("definition"), under(path, "definition"))}
		}
	case llm.ToolNamespace:
		t.Tools = d.tools(v.Get("tools"), under(path, "tools"))
	}
	return t
}

// isSearch reports whether a type is one of those of the tool that searches
// the web: web_search, web_search_preview, either with the date of a version.
func isSearch(typ string) bool { return strings.HasPrefix(typ, llm.HostedSearch) }

// search reads the tool that searches the web, whichever version it is.
func (d *decoder) search(t *llm.Tool, v jsontree.Value) {
	if !isSearch(t.Type) {
		return
	}
	t.Type, t.Search = llm.HostedSearch, &llm.WebSearch{Context: v.Get("search_context_size").Text()}
	for _, e := range v.Get("filters").Get("allowed_domains").Elements() {
		t.Search.Allowed = append(t.Search.Allowed, e.Text())
	}
	place := v.Get("user_location")
	t.Search.Country, t.Search.Region = place.Get("country").Text(), place.Get("region").Text()
	t.Search.City, t.Search.TimeZone = place.Get("city").Text(), place.Get("timezone").Text()
}

// hostedShell reports whether a shell runs at the provider and not at the
// client.
func hostedShell(v jsontree.Value) bool {
	env := v.Get("environment").Get("type")
	return env.Given() && !env.Is("local")
}

func (d *decoder) choice(v jsontree.Value, path string) llm.ToolChoice {
	c := llm.ToolChoice{Raw: v.Raw()}
	if v.Kind() == jsontree.String {
		switch d.Word(v, path, "auto", "none", "required") {
		case "auto":
			c.Mode = llm.ChoiceAuto
		case "none":
			c.Mode = llm.ChoiceNone
		case "required":
			c.Mode = llm.ChoiceRequired
		}
		return c
	}
	if v.Kind() != jsontree.Object {
		d.Fault(path, "a string or an object")
		return c
	}
	if v.Get("type").Is("allowed_tools") {
		c.Mode = llm.ChoiceAllowed
		c.Required = d.Word(v.Get("mode"), under(path, "mode"), "auto", "required") == "required"
		for i, e := range v.Get("tools").Elements() {
			c.Allowed = append(c.Allowed, d.chosen(e, at(under(path, "tools"), i)))
		}
		if len(c.Allowed) == 0 {
			d.Missing(under(path, "tools"))
		}
		return c
	}
	c.Mode, c.Named = llm.ChoiceNamed, d.chosen(v, path)
	if c.Named.Kind == llm.ToolHosted {
		c.Mode = llm.ChoiceHosted
	}
	return c
}

// chosen reads a tool as a choice names it.
func (d *decoder) chosen(v jsontree.Value, path string) llm.Tool {
	t := llm.Tool{Path: path, Type: d.Need(v.Get("type"), under(path, "type")), Raw: v.Raw()}
	kind, known := toolTypes.kind(t.Type)
	switch {
	case !known:
		t.Kind = llm.ToolHosted
		if isSearch(t.Type) {
			t.Type = llm.HostedSearch
		}
		return t
	case kind == llm.ToolFunction, kind == llm.ToolCustom, kind == llm.ToolNamespace:
		t.Name = d.Need(v.Get("name"), under(path, "name"))
	}
	t.Kind, t.Namespace = kind, d.Text(v.Get("namespace"), under(path, "namespace"))
	return t
}
