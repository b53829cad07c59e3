package capability

import (
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Policy says what is done with what a model does not know.
type Policy string

// The policies.
const (
	Off  Policy = "off"  // it passes, and the upstream answers 400
	Safe Policy = "safe" // what changes nothing is left out, effort goes to the nearest value
	Drop Policy = "drop" // what is not known is left out, and the client is told

	// Foundry is what Azure AI Foundry's modern models want of clients that
	// know older ones. See foundry.go.
	Foundry Policy = "foundry"
)

// Rules are how a request is fitted. The zero value leaves it as it is.
type Rules struct {
	Policy Policy
	Family Family
	As     llm.Dialect // in which the upstream is asked
	Search Search
}

// Idle reports whether nothing is to be done by r, whatever the request.
func (r *Rules) Idle() bool {
	switch r.Policy {
	case Off, "":
		return r.Search == SearchPasses
	case Foundry:
		return false
	default:
		return r.Search == SearchPasses && !r.Family.known
	}
}

// LimitsCompletion reports whether a chat server is to be told of the limit of
// an answer by max_completion_tokens, whatever it is called elsewhere.
func (r *Rules) LimitsCompletion() bool {
	switch r.Policy {
	case Off, "":
		return false
	case Foundry:
		return r.Family.Modern
	default:
		return r.Family.known && !r.Family.MaxTokens
	}
}

// A Search says whether requests may ask for a search of the web that the
// provider runs.
type Search uint8

// What becomes of a search of the web.
const (
	SearchPasses        Search = iota
	SearchRefusedModern        // where the model is of a modern family
	SearchRefused
)

// Apply fits r and returns what the client is to be told of: the settings that
// r has lost, or has with another value. It never adds what nobody asked for,
// and does not change what r shares with others. The error is an *llm.Error
// with the client's path in Param.
func Apply(r *llm.Request, w Rules) ([]llm.Loss, error) {
	a := applying{r: r, f: w.Family, as: w.As, drop: w.Policy == Drop}
	if err := a.search(w.Search); err != nil {
		return nil, err
	}
	switch w.Policy {
	case Foundry:
		if w.As != llm.Messages && w.As != llm.Ollama {
			err := a.foundry()
			return a.losses, err
		}
	case Safe, Drop:
	default:
		return nil, nil
	}
	if !a.f.known {
		return nil, nil
	}
	a.effort()
	a.sampling()
	a.rest()
	return a.losses, nil
}

type applying struct {
	r      *llm.Request
	f      Family
	as     llm.Dialect
	drop   bool
	losses []llm.Loss
}

// note tells of a setting, if its loss is one.
func (a *applying) note(field llm.Field, why string, loss bool) {
	if loss {
		a.losses = append(a.losses, llm.Loss{Path: a.r.Path(field), Why: why})
	}
}

// search refuses a search of the web that would run at the provider.
func (a *applying) search(s Search) error {
	if s == SearchPasses || s == SearchRefusedModern && !a.f.Modern {
		return nil
	}
	for i := range a.r.Tools {
		if t := &a.r.Tools[i]; t.Kind == llm.ToolHosted && isSearch(t.Type) {
			param, _, _ := strings.Cut(t.Path, "[")
			return noSearch(param, t.Path)
		}
	}
	if c := &a.r.Choice; c.Mode == llm.ChoiceHosted && isSearch(c.Named.Type) {
		param := a.r.Path(llm.FieldToolChoice)
		return noSearch(param, param)
	}
	return nil
}

// isSearch reports whether a type of tools is a search of the web:
// web_search, web_search_preview, either with the date of a version.
func isSearch(typ string) bool { return strings.HasPrefix(typ, llm.HostedSearch) }

func noSearch(param, path string) error {
	return &llm.Error{
		Code: llm.CodeUnsupportedParameter, Op: opApply, Param: param,
		Public: path + ": this model is served without web search; leave the tool out",
	}
}

const opApply = "capability.apply"

func (a *applying) effort() {
	r := a.r
	switch {
	case r.Effort == "":
		a.noThinking()
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

// noThinking is for a client that wants no thinking, and calls that no effort.
func (a *applying) noThinking() {
	r := a.r
	if r.Thinking != "disabled" || a.as != llm.Chat && a.as != llm.Responses {
		return
	}
	if len(a.f.Efforts) == 0 {
		r.Thinking = "" // the model does not think anyway
		return
	}
	if value, other := a.f.Effort("none"); other {
		a.note(llm.FieldThinking, "the model always thinks; the least effort is "+value, true)
		r.Effort = value
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
	if a.drop && r.TopK != "" {
		a.note(llm.FieldTopK, "the model takes no top_k", true)
		r.TopK = ""
	}
	if r.Logprobs || r.TopLogprobs != nil {
		nothing := !r.Logprobs && (r.TopLogprobs == nil || *r.TopLogprobs == 0)
		if nothing || a.drop {
			field := llm.FieldLogprobs
			if !r.Logprobs {
				field = llm.FieldTopLogprobs
			}
			a.note(field, "the model gives no log probabilities", !nothing)
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
	if a.drop && a.as == llm.Messages && a.f.AdaptiveThinking && r.Thinking == "enabled" && r.Dialect == llm.Messages {
		a.note(llm.FieldThinking, "the model thinks as much as it finds right, and takes no budget", true)
		r.Thinking, r.ThinkingBudget = "adaptive", nil
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
