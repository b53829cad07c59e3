package route_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// TestCounting: requests that are only counted go where somebody counts, in
// the client's own protocol, else in another, else nowhere.
func TestCounting(t *testing.T) {
	openai := []llm.Operation{llm.OpChat, llm.OpResponses, llm.OpInputTokens}
	anthropic := []llm.Operation{llm.OpMessages, llm.OpCountTokens}
	classic := []llm.Operation{llm.OpChat, llm.OpResponses}
	for _, tt := range []struct {
		name     string
		op       llm.Operation
		serves   []llm.Operation
		dialects []llm.Dialect
		lane     llm.Lane // empty: it cannot be asked
		as       llm.Operation
	}{
		{"its own", llm.OpInputTokens, openai, []llm.Dialect{llm.Chat, llm.Responses}, llm.Express, llm.OpInputTokens},
		{"Anthropic's own", llm.OpCountTokens, anthropic, []llm.Dialect{llm.Messages}, llm.Express, llm.OpCountTokens},
		{"Anthropic's at OpenAI", llm.OpCountTokens, openai, []llm.Dialect{llm.Chat, llm.Responses}, llm.Translated, llm.OpInputTokens},
		{"OpenAI's at Anthropic", llm.OpInputTokens, anthropic, []llm.Dialect{llm.Messages}, llm.Translated, llm.OpCountTokens},
		{"a protocol that is not to be spoken", llm.OpCountTokens, openai, []llm.Dialect{llm.Chat}, llm.Estimated, llm.OpCountTokens},
		{"a server without the route", llm.OpInputTokens, classic, []llm.Dialect{llm.Chat, llm.Responses}, llm.Estimated, llm.OpInputTokens},
		{"one that has no conversations", llm.OpInputTokens, []llm.Operation{llm.OpEmbeddings}, nil, "", ""},
		{"what is no count", llm.OpCompact, anthropic, []llm.Dialect{llm.Messages}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := route.Model{Name: "m", Targets: []route.Target{{Upstream: "a", Serves: tt.serves, Dialects: tt.dialects}}}
			table := route.New([]route.Model{m})
			d := table.Decide(&m, &route.Facts{Ask: route.Ask{Op: tt.op}, Model: "m"}, nil)
			if tt.lane == "" {
				if len(d.Candidates) > 0 {
					t.Errorf("%+v", d.Candidates)
				}
				return
			}
			if len(d.Candidates) != 1 || d.Candidates[0].Lane != tt.lane || d.Candidates[0].As != tt.as || d.Candidates[0].Why == "" {
				t.Errorf("%+v, want %s as %s", d.Candidates, tt.lane, tt.as)
			}
		})
	}
	t.Run("who can count goes before who is estimated for", func(t *testing.T) {
		m := route.Model{Name: "m", Targets: []route.Target{
			{Upstream: "a", Serves: classic, Dialects: []llm.Dialect{llm.Chat}}, {Upstream: "b", Serves: anthropic, Dialects: []llm.Dialect{llm.Messages}},
		}}
		d := route.New([]route.Model{m}).Decide(&m, &route.Facts{Ask: route.Ask{Op: llm.OpInputTokens}, Model: "m"}, nil)
		if len(d.Candidates) != 1 || d.Candidates[0].Upstream != "b" || len(d.Rejected) != 1 {
			t.Errorf("%+v, rejected %+v", d.Candidates, d.Rejected)
		}
	})
}
