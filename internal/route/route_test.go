package route_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

func TestLookup(t *testing.T) {
	table := route.New([]route.Model{
		{Name: "*"},
		{Name: "gpt-*"},
		{Name: "gpt-5*"},
		{Name: "*-mini*"}, // as many literals as gpt-5*: comes later in the file
		{Name: "gpt-5"},
	})
	for name, want := range map[string]llm.Pattern{
		"gpt-5":      "gpt-5",
		"gpt-5-mini": "gpt-5*",
		"gpt-4-mini": "*-mini*",
		"gpt-4":      "gpt-*",
		"claude":     "*",
	} {
		m, ok := table.Lookup(name)
		if !ok || m.Name != want {
			t.Errorf("Lookup(%q) = %+v, %v; want %q", name, m, ok, want)
		}
	}
	if m, ok := route.New([]route.Model{{Name: "a"}}).Lookup("b"); ok {
		t.Errorf("Lookup(unknown) = %+v, want none", m)
	}
	if diff := cmp.Diff([]string{"gpt-5"}, table.Names()); diff != "" {
		t.Errorf("Names() differs (-want +got):\n%s", diff)
	}
}

func TestCandidate(t *testing.T) {
	chat, messages := []llm.Operation{llm.OpChat}, []llm.Operation{llm.OpMessages}
	m := route.Model{Name: "m", Targets: []route.Target{
		{Upstream: "a", Model: "theirs", Serves: chat},
		{Upstream: "b", Serves: messages},
	}}
	for _, tt := range []struct {
		op                      llm.Operation
		wantUpstream, wantModel string
		want                    bool
	}{
		{llm.OpChat, "a", "theirs", true},
		{llm.OpMessages, "b", "m", true},
		{llm.OpEmbeddings, "", "", false},
	} {
		got, ok := m.Candidate("m", route.Ask{Op: tt.op})
		if ok != tt.want {
			t.Fatalf("Candidate(%s) found = %v, want %v", tt.op, ok, tt.want)
		}
		if ok && (got.Upstream != tt.wantUpstream || got.Model != tt.wantModel) {
			t.Errorf("Candidate(%s) = %s %s, want %s %s", tt.op, got.Upstream, got.Model, tt.wantUpstream, tt.wantModel)
		}
	}
}

func TestStrip(t *testing.T) {
	m := route.Model{Name: "*", Targets: []route.Target{{Upstream: "a", Strip: ".:", Serves: []llm.Operation{llm.OpChat}}}}
	for name, want := range map[string]string{
		"gpt-4.1": "gpt-41", "ft:gpt-4o.x": "ftgpt-4ox", "gpt-4o": "gpt-4o", ".:": ".:", "é.": "é",
	} {
		if got, _ := m.Candidate(name, route.Ask{Op: llm.OpChat}); got.Model != want {
			t.Errorf("Candidate(%q) = %q, want %q", name, got.Model, want)
		}
	}
}

func TestChosen(t *testing.T) {
	chat, messages := []llm.Operation{llm.OpChat}, []llm.Operation{llm.OpMessages}
	models := []route.Model{{Name: "m", Targets: []route.Target{
		{Upstream: "a", Model: "theirs", Serves: chat},
		{Upstream: "b", Model: "first", Serves: messages},
		{Upstream: "b", Model: "second", Serves: chat},
	}}}
	table := route.New(models, route.Target{Upstream: "a", Serves: chat}, route.Target{Upstream: "b", Serves: messages}, route.Target{Upstream: "c", Serves: chat, NoStreamUsage: true})
	m, _ := table.Lookup("m")
	for _, tt := range []struct {
		upstream string
		model    *route.Model
		op       llm.Operation
		want     string // empty: none
	}{
		{"a", m, llm.OpChat, "theirs"},
		{"b", m, llm.OpChat, "second"},
		{"b", m, llm.OpMessages, "first"},
		{"c", m, llm.OpChat, "name"},
		{"c", nil, llm.OpChat, "name"},
		{"a", nil, llm.OpMessages, ""},
		{"a", m, llm.OpMessages, ""},
		{"d", m, llm.OpChat, ""},
	} {
		d := table.Decide(tt.model, &route.Facts{Ask: route.Ask{Op: tt.op}, Model: "name", Chosen: tt.upstream}, nil)
		ok, got := len(d.Candidates) > 0, route.Candidate{}
		if ok {
			got = d.Candidates[0]
		}
		if ok != (tt.want != "") || got.Model != tt.want {
			t.Errorf("at(%s, %v, %s) = %q, %v; want %q", tt.upstream, tt.model != nil, tt.op, got.Model, ok, tt.want)
		}
		if ok && (got.Upstream != tt.upstream || got.NoStreamUsage != (tt.upstream == "c")) {
			t.Errorf("at(%s, %v, %s) is at %s, no stream usage: %v", tt.upstream, tt.model != nil, tt.op, got.Upstream, got.NoStreamUsage)
		}
	}
}

func TestUpstream(t *testing.T) {
	table := route.New(nil, route.Target{Upstream: "openai"}, route.Target{Upstream: "Twin"}, route.Target{Upstream: "twin"})
	for chosen, want := range map[string]string{"openai": "openai", "OpenAI": "openai", "twin": "twin", "Twin": "Twin", "TWIN": "", "ollama": "", "": ""} {
		if got, ok := table.Upstream(chosen); ok != (want != "") || ok && got != want {
			t.Errorf("Upstream(%q) = %q, %v; want %q", chosen, got, ok, want)
		}
	}
	if diff := cmp.Diff([]string{"openai", "Twin", "twin"}, table.Upstreams()); diff != "" {
		t.Errorf("Upstreams() differs (-want +got):\n%s", diff)
	}
}

// TestDialects: a server that is asked in one protocol alone is not asked for
// what belongs to another, and for what belongs to none all the same.
func TestDialects(t *testing.T) {
	all := []llm.Operation{llm.OpChat, llm.OpMessages, llm.OpCountTokens, llm.OpInputTokens, llm.OpCompact, llm.OpEmbeddings}
	for _, tt := range []struct {
		op       llm.Operation
		dialects []llm.Dialect
		want     llm.Lane // empty: refused
	}{
		{llm.OpMessages, []llm.Dialect{llm.Chat}, llm.Translated},
		{llm.OpMessages, []llm.Dialect{llm.Chat, llm.Messages}, llm.Express},
		{llm.OpCountTokens, []llm.Dialect{llm.Chat}, ""},
		{llm.OpCountTokens, []llm.Dialect{llm.Chat, llm.Messages}, llm.Express},
		{llm.OpCountTokens, nil, llm.Express},
		{llm.OpInputTokens, []llm.Dialect{llm.Chat}, ""},
		{llm.OpCompact, []llm.Dialect{llm.Chat}, ""},
		{llm.OpEmbeddings, []llm.Dialect{llm.Messages}, llm.Express},
	} {
		m := route.Model{Name: "m", Targets: []route.Target{{Upstream: "a", Serves: all, Dialects: tt.dialects}}}
		got, ok := m.Candidate("m", route.Ask{Op: tt.op})
		if ok != (tt.want != "") || ok && got.Lane != tt.want {
			t.Errorf("%s of a server that speaks %v: %s, %t; want %q", tt.op, tt.dialects, got.Lane, ok, tt.want)
		}
	}
}

// TestJoined: what keeps nothing is stood in for where that is all that it
// lacks, and what nobody else knows goes to nobody as it is.
func TestJoined(t *testing.T) {
	custom := func() llm.Features { return llm.FeatureCustomTools }
	nothing := func() llm.Features { return 0 }
	for _, tt := range []struct {
		name  string
		lacks llm.Features
		state route.State
		needs func() llm.Features
		want  llm.Lane
	}{
		{"nothing wanted of who keeps nothing", llm.FeatureState, route.Stateless, nothing, llm.Express},
		{"something wanted of who keeps nothing", llm.FeatureState, route.Stateful, nothing, llm.Joined},
		{"something wanted of who keeps it", 0, route.Stateful, nothing, llm.Express},
		{"what Weir keeps, for who keeps nothing", llm.FeatureState, route.Held, nothing, llm.Joined},
		{"what Weir keeps, for who keeps", 0, route.Held, nothing, llm.Joined},
		{"a tool that the protocol's server does not take", llm.FeatureState | llm.FeatureCustomTools, route.Stateful, custom, llm.Translated},
		{"the same with what Weir keeps", llm.FeatureCustomTools, route.Held, custom, llm.Translated},
	} {
		m := route.Model{Name: "m", Targets: []route.Target{{
			Upstream: "a", Serves: []llm.Operation{llm.OpChat, llm.OpResponses}, Dialects: []llm.Dialect{llm.Responses, llm.Chat},
			Lacks: map[llm.Dialect]llm.Features{llm.Responses: tt.lacks},
		}}}
		got, ok := m.Candidate("m", route.Ask{Op: llm.OpResponses, Needs: tt.needs, State: tt.state})
		as := llm.OpResponses
		if tt.want == llm.Translated {
			as = llm.OpChat // the next of its protocols
		}
		if !ok || got.Lane != tt.want || got.As != as || got.Why == "" {
			t.Errorf("%s: %s as %s (%s), want %s as %s", tt.name, got.Lane, got.As, got.Why, tt.want, as)
		}
	}
}
