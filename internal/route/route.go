package route

import (
	"slices"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Target is one way to serve a model.
type Target struct {
	Upstream string // the upstream's name

	// Model is the name that the upstream knows. Empty means the name that
	// the client asked for.
	Model string

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
}

// New returns a table of models. Of two models with the same name the first
// counts.
func New(models []Model) *Table {
	t := &Table{exact: make(map[string]*Model, len(models))}
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
		t := &m.Targets[i]
		if !slices.Contains(t.Serves, op) {
			continue
		}
		c := Candidate{Target: t, Model: t.Model, Lane: llm.Express}
		if c.Model == "" {
			c.Model = name
		}
		return c, true
	}
	return Candidate{}, false
}
