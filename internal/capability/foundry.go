package capability

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// foundry does what the policy of this name promises. It is for OpenAI's
// protocols; in others the policy is Safe.
//
//   - of every model: what says how much the model is to think, in whichever of
//     the ways clients know, is said in the protocol's own;
//   - of modern models: service tiers, verbosity and top_k are left out, and
//     effort is low, medium or high.
//
// How the limit of an answer is called and that log probabilities are wanted is
// for whoever writes the request: see Edits, and dialect.Traits.
func (a *applying) foundry() error {
	a.merge()
	if !a.f.Modern {
		return nil
	}
	a.strip("service_tier", `"auto"`, `"default"`)
	a.strip("serviceTier", `"auto"`, `"default"`)
	a.strip("top_k")
	if a.r.TopK != "" {
		a.note(llm.FieldTopK, notTaken, true)
		a.r.TopK = ""
	}
	// Verbosity at the top level is chat's own: in a Responses request it is
	// another member of that name.
	a.strip("verbosity", `"medium"`)
	if a.r.Verbosity != "" && (a.r.Dialect == llm.Chat || a.as == llm.Chat) {
		a.note(llm.FieldVerbosity, notTaken, a.r.Verbosity != "medium")
		a.r.Verbosity = ""
	}
	return a.modernEffort()
}

const notTaken = "the model does not take it"

// take removes the member called name of Others and returns its value, nil if
// there is none.
func (a *applying) take(name string) (value []byte, told string) {
	for i := range a.r.Others {
		if m := &a.r.Others[i]; m.Name == name {
			value, told = m.Value, m.Told()
			a.r.Others = slices.Delete(slices.Clone(a.r.Others), i, i+1)
			return value, told
		}
	}
	return nil, ""
}

// strip leaves a member out. It is no loss if it has one of these values.
func (a *applying) strip(name string, standard ...string) {
	if value, told := a.take(name); value != nil && string(value) != "null" && !slices.Contains(standard, string(value)) {
		a.losses = append(a.losses, llm.Loss{Path: told, Why: notTaken})
	}
}

// merge finds the effort in the members that other servers have for it:
// reasoning_effort, reasoning and thinking, an object with an effort or the
// effort itself.
func (a *applying) merge() {
	thinking, toldThinking := a.take("thinking")
	whole := false // thinking stands for reasoning
	if a.as == llm.Responses && thinking != nil && thinking[0] == '{' && !a.givesReasoning() {
		whole = true
		a.mergeEffort(effortOf(thinking))
		a.mergeSummary(thinking)
	}
	if value, _ := a.take("reasoning_effort"); value != nil {
		a.mergeEffort(textOf(value))
	}
	if value, told := a.take("reasoning"); value != nil {
		a.mergeEffort(effortOf(value))
		a.mergeSummary(value)
		a.loseRest(value, told, "effort", "summary")
	}
	if thinking != nil {
		a.mergeEffort(effortOf(thinking))
		if !whole || a.r.Dialect != llm.Responses {
			a.loseRest(thinking, toldThinking, "effort", "summary")
		}
	}
}

// givesReasoning reports whether the client has said what the Responses
// protocol calls reasoning.
func (a *applying) givesReasoning() bool {
	if a.r.Other("reasoning") != nil {
		return true
	}
	return slices.ContainsFunc(a.r.Echo, func(m llm.Member) bool { return m.Name == "reasoning" })
}

func (a *applying) mergeEffort(effort string) {
	if a.r.Effort == "" {
		a.r.Effort = effort
	}
}

func (a *applying) mergeSummary(raw []byte) {
	if v, err := jsontree.Parse(raw); err == nil && a.r.Summary == "" && a.as == llm.Responses {
		a.r.Summary = v.Get("summary").Text()
	}
}

// loseRest tells that an object had members that nobody will be sent.
func (a *applying) loseRest(raw []byte, told string, read ...string) {
	v, err := jsontree.Parse(raw)
	if err != nil {
		return
	}
	for name, member := range v.Members() {
		if member.Given() && !slices.Contains(read, name) {
			a.losses = append(a.losses, llm.Loss{Path: told, Why: notTaken})
			return
		}
	}
}

func textOf(raw []byte) string {
	v, _ := jsontree.Parse(raw)
	return v.Text()
}

// effortOf returns an effort, or that of an object.
func effortOf(raw []byte) string {
	v, err := jsontree.Parse(raw)
	if err != nil {
		return ""
	}
	if v.Kind() == jsontree.String {
		return v.Text()
	}
	return v.Get("effort").Text()
}

// modernEffort leaves the effort as one of those that every modern model
// knows, or that the model's own table names.
func (a *applying) modernEffort() error {
	r := a.r
	if r.Effort == "" {
		return nil
	}
	value := strings.ToLower(strings.TrimSpace(r.Effort))
	switch {
	case value == "low", value == "medium", value == "high", slices.Contains(a.f.efforts, value):
	case value == "xhigh" && a.f.efforts == nil && slices.Contains(a.f.Efforts, value):
	case value == "xhigh":
		a.note(llm.FieldEffort, "the nearest effort that the model knows is high", true)
		value = "high"
	default:
		path := r.Path(llm.FieldEffort)
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: opApply, Param: path,
			Public: path + " must be one of " + strings.Join(a.foundryEfforts(), ", ") + "; it is " + strconv.QuoteToASCII(cut(r.Effort)),
		}
	}
	r.Effort = value
	return nil
}

// foundryEfforts returns the values that modernEffort leaves as they are, from
// the least.
func (a *applying) foundryEfforts() []string {
	return slices.DeleteFunc(slices.Clone(efforts), func(e string) bool {
		usual := e == "low" || e == "medium" || e == "high"
		return !usual && !slices.Contains(a.f.efforts, e)
	})
}

// cut returns what is shown of a value.
func cut(s string) string { return s[:min(len(s), 32)] }
