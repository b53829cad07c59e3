package dialect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// names are what a target is told of, by kind.
func names(tools []llm.Tool) (out []string) {
	for _, t := range tools {
		out = append(out, []string{"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "search", "hosted"}[t.Kind]+" "+t.Name)
	}
	return out
}

// codex is what Codex declares: tools on the way, a namespace, free text, a
// hosted tool.
func codex() *llm.Request {
	var fields [llm.Fields]string
	fields[llm.FieldToolChoice] = "tool_choice"
	return &llm.Request{
		Dialect: llm.Responses, Names: &fields,
		Tools: []llm.Tool{
			{Path: "tools[0]", Name: "exec_command", Schema: []byte(`{}`)},
			{Path: "tools[1]", Kind: llm.ToolCustom, Name: "apply_patch", Description: "patches", Grammar: llm.Grammar{Syntax: "lark", Definition: "start: x"}},
			{Path: "tools[2]", Kind: llm.ToolHosted, Type: "web_search"},
		},
		Items: []llm.Item{
			{Kind: llm.ItemTools, Tools: []llm.Tool{
				{Kind: llm.ToolNamespace, Name: "fs", Tools: []llm.Tool{{Path: "input[0].tools[0].tools[0]", Name: "read"}, {Kind: llm.ToolCustom, Name: "write"}}},
				{Kind: llm.ToolNamespace, Name: "functions", Tools: []llm.Tool{{Name: "wait"}}},
				{Kind: llm.ToolLocalShell},
			}},
			{Kind: llm.ItemMessage, Role: llm.RoleUser},
			{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: "1", Name: "write", Namespace: "fs", Input: "a\"b", Raw: []byte("{}")},
			{Kind: llm.ItemOutput, Tool: llm.ToolCustom, CallID: "1"},
			{Kind: llm.ItemCall, Tool: llm.ToolLocalShell, CallID: "2", Input: `{"command":["ls"]}`},
			{Kind: llm.ItemOutput, Tool: llm.ToolSearch, CallID: "3", Tools: []llm.Tool{{Name: "found"}}},
		},
	}
}

func TestLower(t *testing.T) {
	r, tools, losses, err := dialect.Lower(codex(), dialect.Traits{}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"function exec_command", "function apply_patch", "function fs__read", "function fs__write", "function wait", "function local_shell", "function found",
	}
	if diff := cmp.Diff(want, names(r.Tools)); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if d := r.Tools[1].Description; !strings.Contains(d, "lark") || !strings.Contains(d, "start: x") {
		t.Errorf("the description of apply_patch is %q, want the grammar in it", d)
	}
	if diff := cmp.Diff([]dialect.Loss{
		{Path: "tools[1]", Why: "the grammar is described to the model, and not enforced"},
		{Path: "tools[2]", Why: "the tool web_search cannot run where this model is served"},
	}, losses); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
	if len(r.Items) != 5 || r.Items[1].Name != "fs__write" || r.Items[1].Input != `{"input":"a\"b"}` || r.Items[1].Tool != llm.ToolFunction || r.Items[1].Raw != nil {
		t.Errorf("items = %+v", r.Items)
	}
	if call := r.Items[3]; call.Name != "local_shell" || call.Input != `{"command":["ls"]}` {
		t.Errorf("local shell call = %+v", call)
	}
	if got := tools["fs__write"]; got.Kind != llm.ToolCustom || got.Name != "write" || got.Namespace != "fs" {
		t.Errorf("fs__write leads back to %+v", got)
	}
}

// A target that takes everything is told everything as it was.
func TestLowerNothing(t *testing.T) {
	all := dialect.Traits{
		Tools:  []llm.ToolKind{llm.ToolCustom, llm.ToolNamespace, llm.ToolLocalShell, llm.ToolShell, llm.ToolApplyPatch, llm.ToolSearch},
		Hosted: []string{"web_search"},
	}
	if _, _, _, err := dialect.Lower(codex(), all, true); llm.AsError(err).Param != "tools[2].type" {
		t.Errorf("a hosted tool where none may be used: %v", err)
	}
	r, _, losses, err := dialect.Lower(codex(), all, false)
	if err != nil || len(losses) > 0 {
		t.Fatalf("losses %v, error %v; want none", losses, err)
	}
	if call := r.Items[1]; call.Name != "write" || call.Namespace != "fs" || call.Raw == nil || call.Tool != llm.ToolCustom {
		t.Errorf("call = %+v, want it untouched", call)
	}
}

func TestLowerChoice(t *testing.T) {
	for _, tt := range []struct {
		name   string
		choice llm.ToolChoice
		want   string // names, or the parameter at fault behind a bang
	}{
		{"namespace", llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Kind: llm.ToolCustom, Name: "write", Namespace: "fs"}}, "fs__write"},
		{"allowed", llm.ToolChoice{Mode: llm.ChoiceAllowed, Allowed: []llm.Tool{{Kind: llm.ToolHosted, Type: "web_search"}, {Name: "read", Namespace: "fs"}}}, "fs__read"},
		{"nothing allowed", llm.ToolChoice{Mode: llm.ChoiceAllowed, Allowed: []llm.Tool{{Kind: llm.ToolHosted, Type: "web_search"}}}, "!tool_choice"},
		{"hosted", llm.ToolChoice{Mode: llm.ChoiceHosted}, "!tool_choice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := codex()
			in.Choice = tt.choice
			r, _, _, err := dialect.Lower(in, dialect.Traits{}, false)
			var got string
			if err != nil {
				got = "!" + llm.AsError(err).Param
			} else {
				got = r.Choice.Named.Name
				for _, a := range r.Choice.Allowed {
					got += a.Name
				}
			}
			if got != tt.want {
				t.Errorf("choice = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLowerRefuses(t *testing.T) {
	hosted := []llm.Tool{{Path: "tools[0]", Kind: llm.ToolHosted, Type: "file_search"}}
	one := append([]llm.Tool{{Path: "tools[1]", Name: "f"}}, hosted...)
	twice := []llm.Tool{
		{Path: "tools[0]", Kind: llm.ToolNamespace, Name: "a", Tools: []llm.Tool{{Path: "tools[0].tools[0]", Name: "b__c"}}},
		{Path: "tools[1]", Kind: llm.ToolNamespace, Name: "a__b", Tools: []llm.Tool{{Path: "tools[1].tools[0]", Name: "c"}}},
	}
	for _, tt := range []struct {
		name   string
		tools  []llm.Tool
		refuse bool
		want   string
	}{
		{"only hosted", hosted, false, "tools[0].type"},
		{"a member of its own", []llm.Tool{{Path: "web_search_options", Kind: llm.ToolHosted, Type: llm.HostedSearch}}, false, "web_search_options"},
		{"hosted among others, refused", one, true, "tools[0].type"},
		{"names that meet", twice, false, "tools[1].tools[0]"},
	} {
		_, _, _, err := dialect.Lower(&llm.Request{Tools: tt.tools}, dialect.Traits{}, tt.refuse)
		if err == nil || llm.AsError(err).Param != tt.want {
			t.Errorf("%s: error = %v, want one about %s", tt.name, err, tt.want)
		}
	}
}

func TestLowerLongNames(t *testing.T) {
	long := strings.Repeat("n", 60)
	r, tools, _, err := dialect.Lower(&llm.Request{Tools: []llm.Tool{{Kind: llm.ToolNamespace, Name: "space", Tools: []llm.Tool{
		{Name: long + "1"}, {Name: long + "2"},
	}}}}, dialect.Traits{}, false)
	if err != nil {
		t.Fatal(err)
	}
	a, b := r.Tools[0].Name, r.Tools[1].Name
	if len(a) > 64 || len(b) > 64 || a == b || tools[a].Name != long+"1" || tools[b].Name != long+"2" {
		t.Errorf("names %q and %q", a, b)
	}
}

// A name that a server may refuse becomes one that every server takes, in
// declarations, calls and choices alike, and leads back.
func TestLowerOddNames(t *testing.T) {
	for name, want := range map[string]string{
		"fs.read": "fs_read", "mcp/x:y z": "mcp_x_y_z", "fs-read_2": "fs-read_2",
		"検索": "_______1b6b1a6f", "": "",
	} {
		in := &llm.Request{
			Tools: []llm.Tool{{Name: name, Raw: []byte("{}")}},
			Items: []llm.Item{{Kind: llm.ItemCall, CallID: "1", Name: name, Raw: []byte("{}")}},
		}
		in.Choice = llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: name}}
		r, tools, _, err := dialect.Lower(in, dialect.Traits{}, false)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Tools[0].Name
		if got != want || r.Items[0].Name != got || r.Choice.Named.Name != got || tools[got].Name != name {
			t.Errorf("%q becomes %q in the declaration, %q in the call and %q in the choice, and leads back to %q; want %q",
				name, got, r.Items[0].Name, r.Choice.Named.Name, tools[got].Name, want)
		}
		if kept := r.Tools[0].Raw != nil && r.Items[0].Raw != nil; kept != (name == want) {
			t.Errorf("%q: what the client wrote is kept: %v", name, kept)
		}
	}
}
