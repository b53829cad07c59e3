package route_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// TestRoutes: what a target's routes say of an operation comes before what its
// dialects say.
func TestRoutes(t *testing.T) {
	all := []llm.Operation{llm.OpChat, llm.OpResponses, llm.OpCompact, llm.OpInputTokens, llm.OpImageGeneration}
	openAI := []llm.Dialect{llm.Chat, llm.Responses}
	type routes = map[llm.Operation]route.Route
	for _, tt := range []struct {
		name   string
		op     llm.Operation
		routes routes
		lacks  llm.Features
		want   route.Candidate // Lane, As and Path; without a lane, none
	}{
		{"none", llm.OpChat, nil, 0, route.Candidate{Lane: llm.Express, As: llm.OpChat}},
		{
			"another path", llm.OpChat,
			routes{llm.OpChat: {As: llm.OpChat, Path: "/c"}},
			0,
			route.Candidate{Lane: llm.Express, As: llm.OpChat, Path: "/c"},
		},
		{
			"another protocol", llm.OpChat,
			routes{llm.OpChat: {As: llm.OpResponses}},
			0,
			route.Candidate{Lane: llm.Translated, As: llm.OpResponses},
		},
		{
			"another protocol that has a path", llm.OpChat,
			routes{llm.OpChat: {As: llm.OpResponses}, llm.OpResponses: {As: llm.OpResponses, Path: "/r"}},
			0,
			route.Candidate{Lane: llm.Translated, As: llm.OpResponses, Path: ""},
		},
		{
			"another protocol at another path", llm.OpChat,
			routes{llm.OpChat: {As: llm.OpResponses, Path: "/r"}},
			0,
			route.Candidate{Lane: llm.Translated, As: llm.OpResponses, Path: "/r"},
		},
		{
			"a protocol that is not served", llm.OpChat,
			routes{llm.OpChat: {As: llm.OpMessages}},
			0,
			route.Candidate{},
		},
		{
			"translated to the first protocol, which is elsewhere", llm.OpMessages,
			routes{llm.OpChat: {As: llm.OpChat, Path: "/c"}},
			0,
			route.Candidate{Lane: llm.Translated, As: llm.OpChat, Path: "/c"},
		},
		{
			"translated to the first protocol, which is asked in another", llm.OpMessages,
			routes{llm.OpChat: {As: llm.OpResponses, Path: "/r"}},
			0,
			route.Candidate{Lane: llm.Translated, As: llm.OpResponses, Path: "/r"},
		},
		{
			"a path that lacks something", llm.OpResponses,
			routes{llm.OpResponses: {As: llm.OpResponses, Path: "/r"}},
			llm.FeatureState,
			route.Candidate{Lane: llm.Translated, As: llm.OpChat},
		},
		{
			"what belongs to a protocol that is asked in another", llm.OpCompact,
			routes{llm.OpResponses: {As: llm.OpChat}},
			0,
			route.Candidate{},
		},
		{
			"what belongs to a protocol that is elsewhere", llm.OpInputTokens,
			routes{llm.OpResponses: {As: llm.OpResponses, Path: "/r"}},
			0,
			route.Candidate{Lane: llm.Express, As: llm.OpInputTokens},
		},
		{
			"what belongs to no protocol", llm.OpImageGeneration,
			routes{llm.OpChat: {As: llm.OpResponses}},
			0,
			route.Candidate{Lane: llm.Express, As: llm.OpImageGeneration},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := route.Target{Upstream: "a", Serves: all, Dialects: openAI, Routes: tt.routes, Lacks: map[llm.Dialect]llm.Features{llm.Responses: tt.lacks}}
			m := route.Model{Name: "m", Targets: []route.Target{target}}
			got, ok := m.Candidate("m", route.Ask{Op: tt.op, Needs: func() llm.Features { return tt.lacks }})
			if ok != (tt.want.Lane != "") || got.Lane != tt.want.Lane || got.As != tt.want.As || got.Path != tt.want.Path {
				t.Errorf("= %t %s as %s at %q, want %s as %s at %q", ok, got.Lane, got.As, got.Path, tt.want.Lane, tt.want.As, tt.want.Path)
			}
		})
	}
}
