package chat

import (
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// tools reads the tools that the model may call. A type that is not OpenAI's
// is a tool of the provider's.
func (d *decoder) tools(v jsontree.Value) {
	d.List(v, "tools")
	for i, e := range v.Elements() {
		path := at("tools", i)
		if d.Object(e, path) == nil {
			d.Fault(path, "an object")
			return
		}
		t := llm.Tool{Path: path, Type: d.Need(e.Get("type"), path+".type"), Raw: e.Raw()}
		switch t.Type {
		case "function":
			d.function(&t, e.Get("function"), path+".function")
		case "custom":
			d.customTool(&t, e.Get("custom"), path+".custom")
		default:
			t.Kind = llm.ToolHosted
		}
		d.r.Tools = append(d.r.Tools, t)
	}
}

// functions reads the old form of tools.
func (d *decoder) functions(v jsontree.Value) {
	d.List(v, "functions")
	d.r.Functions = true
	for i, e := range v.Elements() {
		path := at("functions", i)
		t := llm.Tool{Path: path, Type: "function"}
		d.function(&t, e, path)
		d.r.Tools = append(d.r.Tools, t)
	}
}

func (d *decoder) function(t *llm.Tool, v jsontree.Value, path string) {
	if d.Object(v, path) == nil {
		d.Missing(path)
		return
	}
	t.Name = d.Need(v.Get("name"), path+".name")
	t.Description = d.Text(v.Get("description"), path+".description")
	t.Schema = d.Object(v.Get("parameters"), path+".parameters")
	t.Strict = d.Bool(v.Get("strict"), path+".strict")
}

func (d *decoder) customTool(t *llm.Tool, v jsontree.Value, path string) {
	t.Kind = llm.ToolCustom
	if d.Object(v, path) == nil {
		d.Missing(path)
		return
	}
	t.Name = d.Need(v.Get("name"), path+".name")
	t.Description = d.Text(v.Get("description"), path+".description")
	format := v.Get("format")
	d.Object(format, path+".format")
	if d.Word(format.Get("type"), path+".format.type", "text", "grammar") == "grammar" {
		g := format.Get("grammar")
		d.Object(g, path+".format.grammar")
		t.Grammar.Syntax = d.Need(g.Get("syntax"), path+".format.grammar.syntax")
		t.Grammar.Definition = d.Need(g.Get("definition"), path+".format.grammar.definition")
	}
}

// webSearch reads web_search_options: the model of a search model's server
// searches, as a hosted tool does elsewhere.
func (d *decoder) webSearch(v jsontree.Value) {
	const path = "web_search_options"
	d.Object(v, path)
	s := &llm.WebSearch{Context: d.Text(v.Get("search_context_size"), path+".search_context_size")}
	where := v.Get("user_location").Get("approximate")
	if d.Object(where, path+".user_location.approximate") != nil {
		const path = path + ".user_location.approximate."
		s.Country = d.Text(where.Get("country"), path+"country")
		s.Region = d.Text(where.Get("region"), path+"region")
		s.City = d.Text(where.Get("city"), path+"city")
		s.TimeZone = d.Text(where.Get("timezone"), path+"timezone")
	}
	d.r.Tools = append(d.r.Tools, llm.Tool{Kind: llm.ToolHosted, Type: llm.HostedSearch, Path: path, Search: s, Raw: v.Raw()})
}

// choice reads tool_choice.
func (d *decoder) choice(v jsontree.Value) {
	const path = "tool_choice"
	c := llm.ToolChoice{Raw: v.Raw()}
	switch v.Kind() {
	case jsontree.String:
		switch d.Word(v, path, "none", "auto", "required") {
		case "none":
			c.Mode = llm.ChoiceNone
		case "auto":
			c.Mode = llm.ChoiceAuto
		case "required":
			c.Mode = llm.ChoiceRequired
		}
	case jsontree.Object:
		d.namedChoice(&c, v)
	default:
		d.Fault(path, "none, auto, required or an object")
	}
	d.r.Choice = c
}

func (d *decoder) namedChoice(c *llm.ToolChoice, v jsontree.Value) {
	const path = "tool_choice"
	switch kind := d.Need(v.Get("type"), path+".type"); kind {
	case "function", "custom":
		c.Mode = llm.ChoiceNamed
		c.Named = d.chosen(v, path)
	case "allowed_tools":
		allowed := v.Get("allowed_tools")
		if d.Object(allowed, path+".allowed_tools") == nil {
			d.Missing(path + ".allowed_tools")
		}
		c.Mode = llm.ChoiceAllowed
		c.Required = d.Word(allowed.Get("mode"), path+".allowed_tools.mode", "auto", "required") == "required"
		d.List(allowed.Get("tools"), path+".allowed_tools.tools")
		for i, e := range allowed.Get("tools").Elements() {
			c.Allowed = append(c.Allowed, d.chosen(e, at(path+".allowed_tools.tools", i)))
		}
	default:
		c.Mode = llm.ChoiceHosted
	}
}

// chosen reads {"type":"function","function":{"name":…}} and its like.
func (d *decoder) chosen(v jsontree.Value, path string) llm.Tool {
	t := llm.Tool{Type: d.Need(v.Get("type"), path+".type"), Path: path}
	switch t.Type {
	case "function":
	case "custom":
		t.Kind = llm.ToolCustom
	default:
		t.Kind = llm.ToolHosted
		return t
	}
	t.Name = d.Need(v.Get(t.Type).Get("name"), path+"."+t.Type+".name")
	return t
}

// oldChoice reads function_call.
func (d *decoder) oldChoice(v jsontree.Value) {
	const path = "function_call"
	d.r.Functions = true
	switch {
	case v.Is("none"):
		d.r.Choice = llm.ToolChoice{Mode: llm.ChoiceNone}
	case v.Is("auto"):
		d.r.Choice = llm.ToolChoice{Mode: llm.ChoiceAuto}
	case v.Kind() == jsontree.Object:
		name := d.Need(v.Get("name"), path+".name")
		d.r.Choice = llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: name, Type: "function", Path: path}}
	default:
		d.Fault(path, "none, auto or an object")
	}
}
