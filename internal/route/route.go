package route

import (
	"slices"
	"strings"

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
}

// Candidate returns the first of m's targets that serves op, or false if
// none does.
func (m *Model) Candidate(name string, op llm.Operation) (Candidate, bool) {
	for i := range m.Targets {
		if t := &m.Targets[i]; slices.Contains(t.Serves, op) {
			return t.candidate(name), true
		}
	}
	return Candidate{}, false
}

// CandidateAt is [Model.Candidate] among m's targets at one upstream.
func (m *Model) CandidateAt(upstream, name string, op llm.Operation) (Candidate, bool) {
	for i := range m.Targets {
		if t := &m.Targets[i]; t.Upstream == upstream && slices.Contains(t.Serves, op) {
			return t.candidate(name), true
		}
	}
	return Candidate{}, false
}

// At is [Model.Candidate] at one upstream, which the client has chosen: the
// model's target there, or if it has none there, or there is no model (m is
// nil), the client's name as it is. It returns false if the upstream does not
// serve op.
func (t *Table) At(upstream string, m *Model, name string, op llm.Operation) (Candidate, bool) {
	if m != nil {
		if c, ok := m.CandidateAt(upstream, name, op); ok {
			return c, true
		}
	}
	for i := range t.upstreams {
		if u := &t.upstreams[i]; u.Upstream == upstream && slices.Contains(u.Serves, op) {
			return u.candidate(name), true
		}
	}
	return Candidate{}, false
}

// candidate returns t for a model that the client calls name.
func (t *Target) candidate(name string) Candidate {
	c := Candidate{Target: t, Model: t.Model, Lane: llm.Express}
	if c.Model == "" {
		c.Model = t.stripped(name)
	}
	return c
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
