package capability

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Policy says what is done with what a model does not know.
type Policy string

// The policies.
const (
	Off  Policy = "off"  // it passes, and the upstream answers 400
	Safe Policy = "safe" // what changes nothing is left out, effort goes to the nearest value
	Drop Policy = "drop" // what is not known is left out, and the client is told
)

// A Change is a setting that a request has lost, or has with another value.
type Change struct {
	Field llm.Field
	Why   string // for people
	Loss  bool   // the client is to be told
}

// Apply fits r to a family by a policy and returns what it has changed. It
// never adds what nobody asked for.
func Apply(r *llm.Request, f Family, p Policy) []Change {
	if p == Off || p == "" || !f.known {
		return nil
	}
	a := applying{r: r, f: f, drop: p == Drop}
	a.effort()
	a.sampling()
	a.rest()
	return a.changes
}

type applying struct {
	r       *llm.Request
	f       Family
	drop    bool
	changes []Change
}

func (a *applying) note(field llm.Field, why string, loss bool) {
	a.changes = append(a.changes, Change{field, why, loss})
}

func (a *applying) effort() {
	r := a.r
	switch {
	case r.Effort == "":
	case len(a.f.Efforts) == 0:
		if a.drop || r.Effort == "none" {
			a.note(llm.FieldEffort, "the model does not reason", r.Effort != "none")
			r.Effort = ""
		}
	default:
		if value, other := a.f.Effort(r.Effort); other {
			a.note(llm.FieldEffort, "the model knows no effort "+strconv.Quote(r.Effort)+"; the nearest is "+value, true)
			r.Effort = value
		}
	}
}

// sampling leaves out what a reasoning model refuses: temperature, top_p and
// log probabilities.
func (a *applying) sampling() {
	r := a.r
	if a.f.Sampling == SamplingAlways || a.f.Sampling == SamplingWithoutWork && r.Effort == "none" {
		return
	}
	a.number(&r.Temperature, llm.FieldTemperature, 1)
	a.number(&r.TopP, llm.FieldTopP, 1)
	if r.Logprobs || r.TopLogprobs != nil {
		nothing := !r.Logprobs && (r.TopLogprobs == nil || *r.TopLogprobs == 0)
		if nothing || a.drop {
			a.note(llm.FieldLogprobs, "the model gives no log probabilities", !nothing)
			r.Logprobs, r.TopLogprobs = false, nil
		}
	}
}

// number leaves out a number that is what the model has anyway, and, to drop,
// any other.
func (a *applying) number(n *llm.Number, field llm.Field, standard float64) {
	if *n == "" {
		return
	}
	value, err := strconv.ParseFloat(string(*n), 64)
	same := err == nil && value == standard
	if same || a.drop {
		a.note(field, "the model takes no other value than its own", !same)
		*n = ""
	}
}

func (a *applying) rest() {
	r := a.r
	if !a.f.Penalties {
		a.number(&r.PresencePenalty, llm.FieldPresencePenalty, 0)
		a.number(&r.FrequencyPenalty, llm.FieldFrequencyPenalty, 0)
	}
	if !a.f.LogitBias && r.LogitBias != nil {
		nothing := len(r.LogitBias) <= 2 // {}
		if nothing || a.drop {
			a.note(llm.FieldLogitBias, "the model takes no logit_bias", !nothing)
			r.LogitBias = nil
		}
	}
	if !a.f.Stop && r.Stop != nil {
		nothing := len(r.Stop) == 0
		if nothing || a.drop {
			a.note(llm.FieldStop, "the model takes no stop sequences", !nothing)
			r.Stop = nil
		}
	}
	if r.N == 1 {
		r.N = 0
	}
	if !a.drop {
		return
	}
	if !a.f.Verbosity && r.Verbosity != "" {
		a.note(llm.FieldVerbosity, "the model takes no verbosity", true)
		r.Verbosity = ""
	}
	if !a.f.ParallelTools && r.ParallelTools != nil {
		a.note(llm.FieldParallelTools, "the model takes no parallel_tool_calls", true)
		r.ParallelTools = nil
	}
}
