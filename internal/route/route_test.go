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
		got, ok := m.Candidate("m", tt.op)
		if ok != tt.want {
			t.Fatalf("Candidate(%s) found = %v, want %v", tt.op, ok, tt.want)
		}
		if ok && (got.Upstream != tt.wantUpstream || got.Model != tt.wantModel) {
			t.Errorf("Candidate(%s) = %s %s, want %s %s", tt.op, got.Upstream, got.Model, tt.wantUpstream, tt.wantModel)
		}
	}
}
