package route_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/route/rule"
)

func when(t *testing.T, source string) *rule.Condition {
	t.Helper()
	c, err := rule.Compile(source, rule.Options{Headers: []string{"x-team"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRules(t *testing.T) {
	eu := []llm.Label{{Name: "region", Value: "eu"}}
	big := route.Model{Name: "big", Prefer: route.PreferQuality, Targets: []route.Target{
		{Upstream: "a", Serves: chat, Quality: 1}, {Upstream: "b", Serves: chat, Quality: 2, Labels: map[string]string{"region": "eu"}},
	}}
	small := route.Model{Name: "small*", Targets: []route.Target{{Upstream: "c", Serves: chat}}}
	direct := route.Target{Upstream: "c", Serves: chat}
	stream := `stream`
	for _, tt := range []struct {
		name  string
		rules []route.Rule
		facts route.Facts
		want  []string
		code  llm.Code
		limit int64
		holds []bool
	}{
		{name: "none", want: []string{"b", "a"}},
		{
			name: "one that does not hold", rules: []route.Rule{{When: when(t, stream), Reject: "no"}},
			want: []string{"b", "a"}, holds: []bool{false},
		},
		{
			name: "another model", rules: []route.Rule{{When: when(t, `model == "big"`), Use: "small-1"}, {Reject: "never asked"}},
			want: []string{"c"}, holds: []bool{true},
		},
		{
			name: "targets", rules: []route.Rule{{When: when(t, `header("x-team") == "red"`), Targets: []route.Target{{Upstream: "d", Serves: chat}}}},
			facts: route.Facts{Header: func(string) string { return "red" }}, want: []string{"d"}, holds: []bool{true},
		},
		{name: "a refusal", rules: []route.Rule{{Reject: "not now"}}, code: llm.CodeRuleRefused, holds: []bool{true}},
		{
			name:  "what several say counts, the least limit and the last preference",
			rules: []route.Rule{{MaxOutput: 500, Prefer: route.PreferLatency}, {MaxOutput: 100, Prefer: route.PreferCost}, {When: when(t, stream), MaxOutput: 1}, {Demands: eu}},
			facts: route.Facts{Client: route.PreferQuality}, want: []string{"b"}, limit: 100, holds: []bool{true, true, false, true},
		},
		{
			name: "a rule's preference before the client's", rules: []route.Rule{{Prefer: route.PreferLatency}},
			facts: route.Facts{Client: route.PreferQuality}, want: []string{"a", "b"}, holds: []bool{true},
		},
		{name: "labels that nobody has", rules: []route.Rule{{Demands: eu, Use: "small-1"}}, code: llm.CodeNoTarget, holds: []bool{true}},
		{
			name: "one that cannot be asked refuses", rules: []route.Rule{{When: when(t, `roles[0] == "a"`), Reject: "no"}, {Use: "small-1"}},
			code: llm.CodeInternal, holds: []bool{false},
		},
		{
			name: "what is known of targets", rules: []route.Rule{{When: when(t, `any(targets, .upstream == "b" && !.healthy)`), Use: "small-1"}},
			want: []string{"c"}, holds: []bool{true},
		},
		{
			name: "the client's choice before a rule's targets", rules: []route.Rule{{Targets: []route.Target{{Upstream: "d", Serves: chat}}}},
			facts: route.Facts{Chosen: "b"}, want: []string{"b"}, holds: []bool{true},
		},
		{
			name: "the client's choice before a rule's model", rules: []route.Rule{{Use: "small-1"}, {Demands: eu}},
			facts: route.Facts{Chosen: "a"}, code: llm.CodeNoTarget, holds: []bool{true, true},
		},
		{
			name: "a rule that rejects before the client's choice", rules: []route.Rule{{Use: "small-1"}, {Reject: "no"}},
			facts: route.Facts{Chosen: "a"}, code: llm.CodeRuleRefused, holds: []bool{true, true},
		},
		{
			name: "spend", rules: []route.Rule{{When: when(t, `spend > 1.4 && remaining < 0.6`), Use: "small-1"}},
			facts: route.Facts{Spent: 1_500_000_000, Budget: 2_000_000_000}, want: []string{"c"}, holds: []bool{true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := route.New([]route.Model{big, small}, direct).WithRules(tt.rules)
			f := tt.facts
			f.Op, f.Model = llm.OpChat, "big"
			m, _ := table.Lookup("big")
			d := table.Decide(m, &f, vitals{"b": {Out: tt.name == "what is known of targets"}})
			if got := names(d); !slices.Equal(got, tt.want) {
				t.Errorf("= %v, want %v", got, tt.want)
			}
			if d.Refused == nil != (tt.code == "") || d.Refused != nil && d.Refused.Code != tt.code {
				t.Errorf("refused = %v, want %q", d.Refused, tt.code)
			}
			if d.OutputCap != tt.limit {
				t.Errorf("limit = %d, want %d", d.OutputCap, tt.limit)
			}
			var holds []bool
			for _, v := range d.Verdicts {
				holds = append(holds, v.Holds)
			}
			if diff := cmp.Diff(tt.holds, holds); diff != "" {
				t.Errorf("verdicts differ (-want +got):\n%s", diff)
			}
			for _, c := range d.Candidates {
				if c.Upstream == "c" && tt.facts.Chosen == "" && c.Model != "small-1" {
					t.Errorf("the model is sent as %s", c.Model)
				}
			}
		})
	}
}

// TestDemandsAddUp: what a rule demands comes to what the key demands, and takes
// nothing of it away.
func TestDemandsAddUp(t *testing.T) {
	labels := func(region, grade string) map[string]string {
		return map[string]string{"region": region, "grade": grade}
	}
	m := model(
		route.Target{Upstream: "a", Labels: labels("us", "gold")},
		route.Target{Upstream: "b", Labels: labels("eu", "tin")},
		route.Target{Upstream: "c", Labels: labels("eu", "gold")},
	)
	own := make([]llm.Label, 1, 4)
	own[0] = llm.Label{Name: "region", Value: "eu"}
	table := route.New(nil).WithRules([]route.Rule{{Demands: []llm.Label{{Name: "grade", Value: "gold"}}}})
	d := table.Decide(m, &route.Facts{Ask: route.Ask{Op: llm.OpChat}, Model: "m", Demands: own}, nil)
	if got := names(d); !slices.Equal(got, []string{"c"}) {
		t.Errorf("candidates %v, want c alone", got)
	}
	if own[:2][1] != (llm.Label{}) {
		t.Error("the key's own list was written to")
	}
}
