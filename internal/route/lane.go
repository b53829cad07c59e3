package route

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// An Ask is what a target is looked for.
type Ask struct {
	Op llm.Operation

	// Needs returns the features that the request uses. It is called only
	// where a target lacks some. Nil means none.
	Needs func() llm.Features

	// State is what the request wants of what servers keep.
	State State
}

// A State is what a request wants of what servers keep: that its answer be
// kept, or that what was kept before be known.
type State uint8

// The states.
const (
	Stateless State = iota // nothing
	Stateful               // something, of its own server or of whoever stands in for it
	Held                   // it goes on with what Weir keeps, and no server knows
)

// lane says how t would carry an exchange: as its routes say, else express
// where it serves the client's own protocol and all that the request uses,
// joined where nothing is missing but what it would have to keep, else
// translated to the first protocol that it serves. It returns false if t cannot
// carry it. What only counts is estimated where no server of the target can.
func (t *Target) lane(a Ask) (lane llm.Lane, to Route, why string, ok bool) {
	if to = t.route(a.Op); to.As != a.Op {
		return llm.Translated, to, "routes lead to " + string(to.As.Dialect()), slices.Contains(t.Serves, to.As)
	}
	own := a.Op.Dialect()
	spoken := !ofDialect(a.Op) ||
		(len(t.Dialects) == 0 || slices.Contains(t.Dialects, own)) && t.route(own.Operation()).As == own.Operation()
	var missing llm.Features
	if spoken && slices.Contains(t.Serves, a.Op) {
		lacks := t.Lacks[own]
		keeps := lacks&llm.FeatureState == 0
		if a.State != Stateless {
			lacks &^= llm.FeatureState
		}
		if lacks != 0 && a.Needs != nil {
			missing = lacks & a.Needs()
		}
		switch {
		case missing != 0:
		case a.State == Held:
			return llm.Joined, to, "the upstream speaks " + string(own) + ", Weir has the conversation", true
		case a.State == Stateful && !keeps:
			return llm.Joined, to, "the upstream speaks " + string(own) + " and keeps nothing", true
		default:
			return llm.Express, to, "the upstream speaks " + string(own), true
		}
	}
	if a.Op.Counts() {
		return t.counting(a.Op)
	}
	if !translatable(a.Op) {
		return "", Route{}, "", false
	}
	for _, d := range t.Dialects {
		to = t.route(d.Operation())
		if to.As.Dialect() == own || !slices.Contains(t.Serves, to.As) {
			continue
		}
		why = "the upstream does not speak " + string(own)
		if missing != 0 {
			why = "the upstream's " + string(own) + " does not take what the request uses"
		}
		return llm.Translated, to, why, true
	}
	return "", Route{}, "", false
}

// counting says how t would count the tokens of a request that its server of
// the client's protocol does not: by another protocol's way to count, else not
// at all, for what carries conversations.
func (t *Target) counting(op llm.Operation) (lane llm.Lane, to Route, why string, ok bool) {
	for _, d := range t.Dialects {
		as := d.Counting()
		if as != "" && as != op && slices.Contains(t.Serves, as) && t.route(d.Operation()).As == d.Operation() {
			return llm.Translated, t.route(as), "the upstream counts in " + string(d), true
		}
	}
	return llm.Estimated, Route{As: op}, "the upstream does not count", slices.ContainsFunc(t.Serves, translatable)
}

// route returns where requests of op go.
func (t *Target) route(op llm.Operation) Route {
	if r, ok := t.Routes[op]; ok {
		return r
	}
	return Route{As: op}
}

// translatable reports whether op is a conversation, which any protocol of
// conversations can carry.
func translatable(op llm.Operation) bool {
	switch op {
	case llm.OpChat, llm.OpResponses, llm.OpMessages, llm.OpCompletions:
		return true
	}
	return false
}

// ofDialect reports whether op is part of one protocol of conversations, and
// nothing that a server of another has.
func ofDialect(op llm.Operation) bool {
	switch op {
	case llm.OpCountTokens, llm.OpInputTokens, llm.OpCompact:
		return true
	}
	return translatable(op)
}

// Candidate returns the first of m's targets that can carry what is asked, or
// false if none can. It is for what is no exchange: see [Table.Decide].
func (m *Model) Candidate(name string, a Ask) (Candidate, bool) {
	for i := range m.Targets {
		if c, ok := m.Targets[i].candidate(name, a); ok && c.Lane != llm.Estimated {
			return c, true
		}
	}
	return Candidate{}, false
}

// candidate returns t for a model that the client calls name.
func (t *Target) candidate(name string, a Ask) (Candidate, bool) {
	lane, to, why, ok := t.lane(a)
	if !ok {
		return Candidate{}, false
	}
	c := Candidate{Target: t, Model: t.Model, Lane: lane, As: to.As, Path: to.Path, Why: why}
	if c.Model == "" {
		c.Model = t.stripped(name)
	}
	return c, true
}

func (t *Target) stripped(name string) string {
	if t.Strip == "" || !strings.ContainsAny(name, t.Strip) {
		return name
	}
	short := strings.Map(func(r rune) rune {
		if strings.ContainsRune(t.Strip, r) {
			return -1
		}
		return r
	}, name)
	if short == "" {
		return name
	}
	return short
}
