package route

import (
	"fmt"
	"slices"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route/rule"
)

// A Rule says what happens to the requests that it holds for. One with Use,
// Targets or Reject has the last word; after any other the next rule is asked.
type Rule struct {
	Name string

	// When is the condition. Nil holds for all.
	When *rule.Condition

	Use     string   // the model whose targets serve the request, whoever may ask for it
	Targets []Target // those that serve it
	Reject  string   // what the client is told

	MaxOutput int64       // tokens; zero is no limit. Of several the least counts
	Demands   []llm.Label // of the targets; of several all count
	Prefer    Prefer      // of several the last counts
}

// decides reports whether no rule after r is asked.
func (r *Rule) decides() bool { return r.Use != "" || len(r.Targets) > 0 || r.Reject != "" }

// WithRules gives t its rules, and returns it. It is for whoever makes a table.
func (t *Table) WithRules(rules []Rule) *Table {
	t.rules = rules
	return t
}

// apply asks the rules, and notes what they say. It returns the targets to
// choose from, m's if no rule names others.
func (t *Table) apply(d *Decision, m *Model, f *Facts, h Health) (prefer Prefer, targets []Target) {
	var model Prefer
	if m != nil {
		targets, model = m.Targets, m.Prefer
	}
	if len(t.rules) == 0 {
		return model, targets
	}
	env := f.env(targets, h, slices.ContainsFunc(t.rules, func(r Rule) bool { return r.When != nil && r.When.Targets() }))
	d.Verdicts = make([]Verdict, 0, len(t.rules))
	for i := range t.rules {
		r := &t.rules[i]
		v := Verdict{Rule: r.Name, Holds: r.When == nil}
		if r.When != nil {
			v.Holds, v.Err = r.When.Holds(env)
		}
		d.Verdicts = append(d.Verdicts, v)
		if v.Err != nil {
			// One that would have rejected the request must not let it pass.
			d.Refused = &llm.Error{Code: llm.CodeInternal, Op: "route.rule", Err: fmt.Errorf("asking the rule %s: %w", r.Name, v.Err)}
			return "", nil
		}
		if !v.Holds {
			continue
		}
		d.note(r)
		if !r.decides() || f.Chosen != "" && r.Reject == "" {
			continue // where it goes the client has chosen, who may
		}
		if r.Use != "" {
			d.Model = r.Use
		}
		switch {
		case r.Reject != "":
			d.Refused = &llm.Error{Code: llm.CodeRuleRefused, Op: "route.rule", Public: r.Reject}
			return "", nil
		case r.Use != "":
			if used, ok := t.Lookup(r.Use); ok {
				return used.Prefer, used.Targets
			}
			return "", nil // nothing that a configuration lets pass
		default:
			return model, r.Targets
		}
	}
	return model, targets
}

// note notes what a rule that holds asks for.
func (d *Decision) note(r *Rule) {
	if r.MaxOutput > 0 && (d.OutputCap == 0 || r.MaxOutput < d.OutputCap) {
		d.OutputCap = r.MaxOutput
	}
	if r.Prefer != "" {
		d.Prefer = r.Prefer
	}
	if len(r.Demands) > 0 {
		d.Demands = slices.Concat(d.Demands, r.Demands) // the facts' own are not ours to append to
	}
}

const dollar = 1e9 // billionths

// env returns what the rules can see of f.
func (f *Facts) env(targets []Target, h Health, look bool) *rule.Env {
	e := &rule.Env{
		Model: f.Model, Operation: string(f.Op), Dialect: string(f.Op.Dialect()),
		Tenant: f.Tenant, Key: f.Key, Roles: f.Roles, Metadata: f.Metadata,
		InputTokens: int(f.EstimatedInput), OutputTokens: int(f.RequestedOutput),
		Stream: f.Stream, Tools: f.Tools, Images: f.Images,
		Now: f.Now, Spend: float64(f.Spent) / dollar, Remaining: float64(max(f.Budget-f.Spent, 0)) / dollar,
		Header: f.Header,
	}
	if e.Header == nil {
		e.Header = func(string) string { return "" }
	}
	if !look {
		return e
	}
	e.Targets = make([]rule.Target, len(targets))
	for i := range targets {
		e.Targets[i] = targets[i].seen(h)
	}
	return e
}

// seen returns what a rule can see of t.
func (t *Target) seen(h Health) rule.Target {
	var v Vitals
	if h != nil {
		v = h.Of(t.ID())
	}
	return rule.Target{
		Upstream: t.Upstream, Model: t.Model, Healthy: !v.Out, InFlight: v.InFlight,
		FirstByte: v.FirstByte.Seconds(), Utilization: v.Utilization, Quality: t.Quality,
		InputPrice: float64(t.Price.Input) / dollar, OutputPrice: float64(t.Price.Output) / dollar, Labels: t.Labels,
	}
}
