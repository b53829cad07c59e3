package route

import (
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Target is one way to serve a model.
type Target struct {
	Upstream string // the upstream's name

	// Model is the name that the upstream knows. Empty means the name that
	// the client asked for.
	Model string

	// Strip lists the characters that are taken out of the client's name where
	// Model is empty. A name of nothing else is left as it is.
	Strip string

	// Serves lists the operations that the upstream's API has.
	Serves []llm.Operation

	// Dialects are the protocols in which the upstream can be asked, the one
	// that is translated to first. Empty means that nothing is translated.
	Dialects []llm.Dialect

	// Lacks are the features that the upstream's API of a dialect has not. A
	// request that uses one is translated to the first of the other dialects.
	Lacks map[llm.Dialect]llm.Features

	// KeepAlive is how long a stream in the express lane may be silent before
	// the client is told that it is still there. Zero is for ever.
	KeepAlive time.Duration

	// Profile is for whoever translates: which of its profiles the target has.
	Profile int

	// NoStreamUsage is true if the upstream refuses
	// stream_options.include_usage, so that a stream's usage is estimated.
	NoStreamUsage bool
}

// A Model is a name, or a pattern of names, with its targets in order of
// preference.
type Model struct {
	Name    llm.Pattern
	Targets []Target
}

// Table finds the model that a name belongs to. It is immutable.
type Table struct {
	exact    map[string]*Model
	patterns []*Model // most literals first, then in the order given
	names    []string // exact names, in the order given

	upstreams []Target
}

// New returns a table of models. Of two models with the same name the first
// counts. The upstreams are what a client may choose by name, each as the
// target of every name: see [Table.At].
func New(models []Model, upstreams ...Target) *Table {
	t := &Table{exact: make(map[string]*Model, len(models)), upstreams: upstreams}
	for _, m := range models {
		if !m.Name.Exact() {
			t.patterns = append(t.patterns, &m)
			continue
		}
		if _, dup := t.exact[string(m.Name)]; !dup {
			t.exact[string(m.Name)] = &m
			t.names = append(t.names, string(m.Name))
		}
	}
	slices.SortStableFunc(t.patterns, func(a, b *Model) int { return b.Name.Literals() - a.Name.Literals() })
	return t
}

// Names returns the names that are not patterns, in the order given. The
// caller must not change the slice.
func (t *Table) Names() []string { return t.names }

// Lookup returns the model that name belongs to: an exact name first, then
// the pattern with the most literal characters, then the order of the file.
func (t *Table) Lookup(name string) (*Model, bool) {
	if m, ok := t.exact[name]; ok {
		return m, true
	}
	for _, m := range t.patterns {
		if m.Name.Match(name) {
			return m, true
		}
	}
	return nil, false
}

// Upstreams returns the names that [Table.Upstream] knows.
func (t *Table) Upstreams() []string {
	names := make([]string, len(t.upstreams))
	for i := range t.upstreams {
		names[i] = t.upstreams[i].Upstream
	}
	return names
}

// Upstream returns the name of the upstream that a client has chosen. Its case
// does not matter, but where two names differ in nothing else.
func (t *Table) Upstream(chosen string) (name string, ok bool) {
	found := 0
	for i := range t.upstreams {
		switch u := t.upstreams[i].Upstream; {
		case u == chosen:
			return u, true
		case strings.EqualFold(u, chosen):
			name = u
			found++
		}
	}
	return name, found == 1
}

// A Candidate is a target that may be tried.
type Candidate struct {
	*Target
	Model string // the name to send upstream; never empty
	Lane  llm.Lane
	As    llm.Operation // how the upstream is asked; the client's own in the express lane
	Why   string        // of the lane, for people
}

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

// lane says how t would carry an exchange: express where it serves the
// client's own protocol and all that the request uses, joined where nothing is
// missing but what it would have to keep, else translated to the first protocol
// that it serves. It returns false if t cannot carry it.
func (t *Target) lane(a Ask) (lane llm.Lane, as llm.Operation, why string, ok bool) {
	own := a.Op.Dialect()
	spoken := len(t.Dialects) == 0 || !ofDialect(a.Op) || slices.Contains(t.Dialects, own)
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
			return llm.Joined, a.Op, "the upstream speaks " + string(own) + ", Weir has the conversation", true
		case a.State == Stateful && !keeps:
			return llm.Joined, a.Op, "the upstream speaks " + string(own) + " and keeps nothing", true
		default:
			return llm.Express, a.Op, "the upstream speaks " + string(own), true
		}
	}
	if !translatable(a.Op) {
		return "", "", "", false
	}
	for _, d := range t.Dialects {
		if d == own || !slices.Contains(t.Serves, d.Operation()) {
			continue
		}
		why = "the upstream does not speak " + string(own)
		if missing != 0 {
			why = "the upstream's " + string(own) + " does not take what the request uses"
		}
		return llm.Translated, d.Operation(), why, true
	}
	return "", "", "", false
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
// false if none can.
func (m *Model) Candidate(name string, a Ask) (Candidate, bool) {
	for i := range m.Targets {
		if c, ok := m.Targets[i].candidate(name, a); ok {
			return c, true
		}
	}
	return Candidate{}, false
}

// CandidateAt is [Model.Candidate] among m's targets at one upstream.
func (m *Model) CandidateAt(upstream, name string, a Ask) (Candidate, bool) {
	for i := range m.Targets {
		if m.Targets[i].Upstream != upstream {
			continue
		}
		if c, ok := m.Targets[i].candidate(name, a); ok {
			return c, true
		}
	}
	return Candidate{}, false
}

// At is [Model.Candidate] at one upstream, which the client has chosen: the
// model's target there, or if it has none there, or there is no model (m is
// nil), the client's name as it is. It returns false if the upstream cannot
// carry what is asked.
func (t *Table) At(upstream string, m *Model, name string, a Ask) (Candidate, bool) {
	if m != nil {
		if c, ok := m.CandidateAt(upstream, name, a); ok {
			return c, true
		}
	}
	for i := range t.upstreams {
		if u := &t.upstreams[i]; u.Upstream == upstream {
			return u.candidate(name, a)
		}
	}
	return Candidate{}, false
}

// candidate returns t for a model that the client calls name.
func (t *Target) candidate(name string, a Ask) (Candidate, bool) {
	lane, as, why, ok := t.lane(a)
	if !ok {
		return Candidate{}, false
	}
	c := Candidate{Target: t, Model: t.Model, Lane: lane, As: as, Why: why}
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
