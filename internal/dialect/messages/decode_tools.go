package messages

import (
	"regexp"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

func (d *decoder) tools(v jsontree.Value) {
	d.List(v, "tools")
	for i, e := range v.Elements() {
		path := at("tools", i)
		if d.Object(e, path) == nil {
			d.Fault(path, "an object")
			return
		}
		d.r.Tools = append(d.r.Tools, d.tool(e, path))
	}
}

// dated is the end of the type of a tool that the protocol knows by itself.
var dated = regexp.MustCompile(`_[0-9]{8}$`)

// tool reads one tool: the client's own, one that the client runs and the
// protocol describes, or one that the provider runs.
func (d *decoder) tool(v jsontree.Value, path string) llm.Tool {
	t := llm.Tool{Path: path, Type: d.Text(v.Get("type"), path+".type"), Raw: v.Raw()}
	kind := dated.ReplaceAllString(t.Type, "")
	known, isKnown := knownTools[kind]
	switch {
	case t.Type == "" || t.Type == "custom":
		t.Name = d.Need(v.Get("name"), path+".name")
		t.Description = d.Text(v.Get("description"), path+".description")
		t.Schema = d.Object(v.Get("input_schema"), path+".input_schema")
		t.Strict = d.Bool(v.Get("strict"), path+".strict")
		if t.Schema == nil {
			d.Missing(path + ".input_schema")
		}
	case isKnown:
		t.Name = d.Need(v.Get("name"), path+".name")
		t.Description, t.Schema = known.description, []byte(known.schema)
		if w, ok := v.Get("display_width_px").Int(); ok {
			h, _ := v.Get("display_height_px").Int()
			t.Description += screen(w, h)
		}
	case kind == "web_search":
		t.Kind, t.Type, t.Search = llm.ToolHosted, llm.HostedSearch, d.search(v, path)
		t.Name = d.Text(v.Get("name"), path+".name")
	default:
		t.Kind, t.Type, t.Name = llm.ToolHosted, kind, d.Text(v.Get("name"), path+".name")
	}
	return t
}

func (d *decoder) search(v jsontree.Value, path string) *llm.WebSearch {
	where, at := v.Get("user_location"), path+".user_location"
	d.Object(where, at)
	return &llm.WebSearch{
		Allowed: d.texts(v.Get("allowed_domains"), path+".allowed_domains"),
		Blocked: d.texts(v.Get("blocked_domains"), path+".blocked_domains"),
		Country: d.Text(where.Get("country"), at+".country"), Region: d.Text(where.Get("region"), at+".region"),
		City: d.Text(where.Get("city"), at+".city"), TimeZone: d.Text(where.Get("timezone"), at+".timezone"),
	}
}

func (d *decoder) texts(v jsontree.Value, path string) (all []string) {
	d.List(v, path)
	for i, e := range v.Elements() {
		all = append(all, d.Need(e, at(path, i)))
	}
	return all
}

// typeMCPServer is the type of a hosted tool that stands for a server of
// mcp_servers.
const typeMCPServer = "mcp_servers"

func (d *decoder) mcpServers(v jsontree.Value) {
	d.List(v, "mcp_servers")
	for i, e := range v.Elements() {
		path := at("mcp_servers", i)
		d.r.Tools = append(d.r.Tools, llm.Tool{Kind: llm.ToolHosted, Path: path, Type: typeMCPServer, Name: d.Need(e.Get("name"), path+".name")})
	}
}

func (d *decoder) choice(v jsontree.Value) {
	const path = "tool_choice"
	if d.Object(v, path) == nil {
		return
	}
	c := llm.ToolChoice{Raw: v.Raw()}
	switch d.Need(v.Get("type"), path+".type") {
	case "auto":
		c.Mode = llm.ChoiceAuto
	case "any":
		c.Mode = llm.ChoiceRequired
	case "none":
		c.Mode = llm.ChoiceNone
	case "tool":
		c.Mode = llm.ChoiceNamed
		c.Named = llm.Tool{Path: path, Name: d.Need(v.Get("name"), path+".name")}
	default:
		d.Fault(path+".type", "auto, any, tool or none")
	}
	d.r.Choice = c
	if off := d.Bool(v.Get("disable_parallel_tool_use"), path+".disable_parallel_tool_use"); off != nil {
		parallel := !*off
		d.r.ParallelTools = &parallel
	}
}

// hostedChoice sees whether the tool that must be called is one that the
// provider runs.
func (d *decoder) hostedChoice() {
	c := &d.r.Choice
	if c.Mode != llm.ChoiceNamed {
		return
	}
	for i := range d.r.Tools {
		if t := &d.r.Tools[i]; t.Kind == llm.ToolHosted && t.Name == c.Named.Name {
			c.Mode, c.Named = llm.ChoiceHosted, llm.Tool{Kind: llm.ToolHosted, Type: t.Type, Name: t.Name, Path: c.Named.Path}
			return
		}
	}
}
