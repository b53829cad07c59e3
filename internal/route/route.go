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

	// Routes say where requests of an operation go, and how the upstream is asked
	// there. Those of an operation that is not among them go to the upstream's
	// own path for it.
	Routes map[llm.Operation]Route

	// Lacks are the features that the upstream's API of a dialect has not. A
	// request that uses one is translated to the first of the other dialects.
	Lacks map[llm.Dialect]llm.Features

	// KeepAlive is how long a stream in the express lane may be silent before
	// the client is told that it is still there. Zero is for ever.
	KeepAlive time.Duration

	// Priority is the group that the target is in: those of a lower number go
	// first. Zero counts as 1.
	Priority int

	// Weight is the target's share of what its group gets. Those of weight zero
	// come behind the others, in the order in which they stand in the list.
	Weight int

	// Quality and Price are what [PreferQuality] and [PreferCost] go by.
	// Quality is the operator's own scale, more is better.
	Quality int
	Price   Price

	// Labels are what the target is, where somebody may demand it: its region,
	// its residency. :: name → value
	Labels map[string]string

	// MaxInFlight is how many attempts may run before others go elsewhere, if
	// they can. Zero means that there is no limit.
	MaxInFlight int

	// SpillAt is the share of the upstream's capacity, as it tells it, from
	// which on others go elsewhere, if they can: 0.9 is nine tenths. Zero means
	// when it is used up.
	SpillAt float64

	// Profile is for whoever translates: which of its profiles the target has.
	Profile int

	// NoStreamUsage is true if the upstream refuses
	// stream_options.include_usage, so that a stream's usage is estimated.
	NoStreamUsage bool
}

// A Route is where requests go.
type Route struct {
	As   llm.Operation // how the upstream is asked
	Path string        // see upstream.Call.Path; empty is the upstream's own for As
}

// An ID tells the targets of a configuration apart: Model is what
// [Target.Model] is, empty where the client's own name is sent.
type ID struct{ Upstream, Model string }

// ID returns what tells t apart from other targets.
func (t *Target) ID() ID { return ID{t.Upstream, t.Model} }

// A Price is what a target costs, in billionths of a dollar for a million
// tokens. The zero value is not known.
type Price struct {
	Known         bool
	Input, Output int64
}

// A Model is a name, or a pattern of names, with its targets, in the order to
// try them in where nothing else decides.
type Model struct {
	Name    llm.Pattern
	Targets []Target
	Prefer  Prefer
}

// Table finds the model that a name belongs to. It is immutable.
type Table struct {
	exact    map[string]*Model
	patterns []*Model // most literals first, then in the order given
	names    []string // exact names, in the order given

	upstreams []Target
	rules     []Rule
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
