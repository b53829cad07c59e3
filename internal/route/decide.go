package route

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// Facts are what is known of a request when its targets are chosen. Only Ask
// and Model are needed.
type Facts struct {
	Ask

	Model  string // the name that the client asks for
	Stream bool
	Tools  bool // it brings tools along
	Images bool // it brings images along

	EstimatedInput  int64 // tokens, about
	RequestedOutput int64 // tokens at most; zero means that the client does not say

	Tenant, Key string
	Roles       []string
	Metadata    map[string]string // of the key
	Header      func(name string) string

	// Spent and Budget are the key's, in billionths of a dollar. A Budget of
	// zero is none.
	Spent, Budget int64

	Now time.Time

	// Seed is what chance goes by: of the same facts, health and seed the same
	// is decided.
	Seed uint64

	// Chosen is the upstream that the client has chosen, empty if none. It must
	// be one that [Table.Upstream] knows.
	Chosen string

	// Pinned is the upstream that keeps what the request refers to. No other
	// can serve it. Empty if there is none.
	Pinned string

	// Near is the target that has served what the request goes on with. It goes
	// first among its equals.
	Near ID

	// Bound says that some of the request can be read by the upstream of Near
	// alone: it goes first of all. Where another serves the request, what it
	// cannot read must be left out: see [Candidate.Drops].
	Bound bool

	// Demands are the labels that a target must have.
	Demands []llm.Label

	// Client and KeyPrefers are the preferences of the request and of its key.
	Client, KeyPrefers Prefer
}

// A Prefer is what orders targets of the same priority. The zero value leaves
// it to their weights and their load.
type Prefer string

// The preferences.
const (
	PreferCost    Prefer = "cost"    // the cheapest first
	PreferQuality Prefer = "quality" // the best first
	PreferLatency Prefer = "latency" // first that whose answers begin soonest
)

// Valid reports whether p is one of the preferences.
func (p Prefer) Valid() bool { return p == PreferCost || p == PreferQuality || p == PreferLatency }

// A Decision is where a request may go.
type Decision struct {
	// Candidates are the targets that may be tried, in the order to try them
	// in. Empty if there is none.
	Candidates []Candidate

	// Rejected are the targets that may not.
	Rejected []Rejection

	// Refused is the answer that a rule wants the client to have, or what went
	// wrong with one. There are no candidates then.
	Refused *llm.Error

	// Model is the name that the candidates were found by: the client's, or
	// that of a rule.
	Model string

	// OutputCap is how many tokens the answer may have at most. Zero means that
	// there is no limit.
	OutputCap int64

	// Prefer and Demands are what has ordered the candidates, and what each of
	// them has.
	Prefer  Prefer
	Demands []llm.Label

	// Verdicts are those of the rules, in their order, as far as they were
	// asked.
	Verdicts []Verdict

	unlabelled bool // a target was rejected for its labels
}

// A Rejection is a target that may not serve a request.
type Rejection struct {
	*Target
	Why string // for people
}

// A Verdict is what a rule says of a request.
type Verdict struct {
	Rule  string
	Holds bool
	Err   error // it could not be asked
}

// A Candidate is a target that may be tried.
type Candidate struct {
	*Target
	Model string // the name to send upstream; never empty
	Lane  llm.Lane
	As    llm.Operation // how the upstream is asked; the client's own in the express lane
	Path  string        // where, if not at the upstream's own path for As
	Why   string        // of the lane, for people

	Vitals Vitals // as they were when its place was found

	// Standing is the first thing that its place goes by.
	Standing Standing

	// Spills says why others go before it, for people. Empty unless Standing is
	// [Spilled].
	Spills string

	// Near is true if it has served what the request goes on with.
	Near bool

	// Drops says that what only another upstream can read must be left out of
	// the request if it is sent here, and the client told so.
	Drops bool
}

// A Standing says how willingly a target is tried.
type Standing uint8

// The standings, from the best to the worst.
const (
	Bound   Standing = iota // it alone can read all of the request
	Ready                   // nothing speaks against it
	Spilled                 // it would be too much for it
	Out                     // it does not work, as far as anybody knows
)

// String returns the word for people.
func (s Standing) String() string {
	switch s {
	case Bound:
		return "bound"
	case Ready:
		return "ready"
	case Spilled:
		return "spilled"
	default:
		return "out"
	}
}

// Decide finds the targets for a request, and their order. m is the model that
// f.Model belongs to, nil if there is none and the client has chosen an
// upstream. A nil h knows nothing.
func (t *Table) Decide(m *Model, f *Facts, h Health) Decision {
	d := Decision{Model: f.Model, Demands: f.Demands}
	model, targets := t.apply(&d, m, f, h)
	if d.Refused != nil {
		return d
	}
	d.Prefer = cmp.Or(d.Prefer, f.Client, f.KeyPrefers, model)
	d.consider(targets, f)
	if len(d.Candidates) == 0 && f.Chosen != "" {
		d.consider(t.upstreams, f)
	}
	if len(d.Candidates) == 0 && d.unlabelled {
		d.Refused = &llm.Error{Code: llm.CodeNoTarget, Op: "route.decide", Public: d.demanded()}
	}
	d.dropEstimates()
	d.order(f, h)
	return d
}

// dropEstimates rejects the targets that can only be estimated for, if one can
// do better.
func (d *Decision) dropEstimates() {
	estimated := func(c Candidate) bool { return c.Lane == llm.Estimated }
	if !slices.ContainsFunc(d.Candidates, func(c Candidate) bool { return !estimated(c) }) {
		return
	}
	d.Candidates = slices.DeleteFunc(d.Candidates, func(c Candidate) bool {
		if estimated(c) {
			d.reject(c.Target, "another can count")
		}
		return estimated(c)
	})
}

// demanded says which labels no target has.
func (d *Decision) demanded() string {
	var b strings.Builder
	b.WriteString("no target of the model has what is demanded:")
	for i, l := range d.Demands {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + l.Name + "=" + l.Value)
	}
	return b.String()
}

// consider sorts targets into those that may be tried and those that may not.
func (d *Decision) consider(targets []Target, f *Facts) {
	for i := range targets {
		t := &targets[i]
		c, ok := t.candidate(d.Model, f.Ask)
		switch why := t.barred(d.Demands); {
		case f.Chosen != "" && t.Upstream != f.Chosen:
			d.reject(t, "the client has chosen another upstream")
		case f.Pinned != "" && t.Upstream != f.Pinned:
			d.reject(t, "what the request refers to is kept elsewhere")
		case why != "":
			d.unlabelled = true
			d.reject(t, why)
		case !ok:
			d.reject(t, "it cannot be asked for this")
		default:
			if d.Candidates == nil {
				d.Candidates = make([]Candidate, 0, len(targets)-i)
			}
			d.Candidates = append(d.Candidates, c)
		}
	}
}

func (d *Decision) reject(t *Target, why string) {
	d.Rejected = append(d.Rejected, Rejection{t, why})
}

// barred says which of the labels that are demanded t has not, or returns "".
func (t *Target) barred(demands []llm.Label) string {
	for _, l := range demands {
		if t.Labels[l.Name] != l.Value {
			return "its label " + l.Name + " is not " + l.Value
		}
	}
	return ""
}
