package gateway

import (
	"strings"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// profile returns how requests are made for x's target.
func (x *exchange) profile() *Profile {
	if p := x.target.Profile; p < len(x.snap.Profiles) {
		return &x.snap.Profiles[p]
	}
	return &Profile{}
}

// rules returns how the request is fitted to its model: what is known of that,
// and the profile's policy, or the one that is usual in the lane.
func (x *exchange) rules() capability.Rules {
	p := x.profile()
	rules := capability.Rules{Policy: p.Policy, Search: p.Search, As: x.target.As.Dialect()}
	if rules.Policy == "" && x.target.Lane == llm.Translated {
		rules.Policy = capability.Safe
	}
	if (rules.Policy == "" || rules.Policy == capability.Off) && rules.Search != capability.SearchRefusedModern {
		return rules // whatever the model
	}
	for _, name := range [...]string{p.Family, x.entry.Model, x.target.Model} {
		if rules.Family = capability.Find(name); rules.Family.Known() {
			break
		}
	}
	rules.Family = rules.Family.WithEfforts(p.Efforts)
	return rules
}

// fitBytes returns the edits that fit the client's own bytes to the model, and
// what is lost by them.
func (x *exchange) fitBytes(body []byte) ([]jsonscan.Edit, []dialect.Loss, error) {
	rules := x.rules()
	if rules.Idle() {
		return nil, nil, nil
	}
	d := x.op.Dialect()
	switch x.op {
	case llm.OpChat, llm.OpResponses, llm.OpMessages, llm.OpCompact:
	case llm.OpCountTokens, llm.OpInputTokens:
		return nil, nil, nil // no model is asked
	default:
		d = ""
	}
	return capability.Edits(body, d, x.req.Stream, rules)
}

// The headers that tell what is lost.
const (
	headerLossy  = "X-Weir-Lossy"
	headerStrict = "X-Weir-Strict"
	maxLossy     = 2 << 10 // bytes of the header's value
)

// lose tells the client what will not be done, or refuses the request if the
// client wants it as it is or not at all. An attempt has all its losses told at
// once.
func (x *exchange) lose(losses []dialect.Loss) error {
	if len(losses) == 0 {
		return nil
	}
	if x.strict() {
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: "gateway.lose", Param: losses[0].Path,
			Public: losses[0].Path + ": " + losses[0].Why + " (x-weir-strict)",
		}
	}
	var b strings.Builder
	told := make(map[string]bool, len(losses))
	for _, l := range losses {
		path := headerSafe(l.Path)
		if told[path] {
			continue
		}
		if b.Len()+len(path) > maxLossy {
			break
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(path)
		told[path] = true
	}
	x.addLossy(b.String())
	return nil
}

// addLossy adds to what the client is told that is not done.
func (x *exchange) addLossy(paths string) {
	if told := x.w.Header()[headerLossy]; len(told) > 0 {
		paths = told[0] + ", " + paths
	}
	x.w.Header()[headerLossy] = []string{paths}
}

// headerSafe returns a path without what no header can carry: a client's own
// names may be anything.
func headerSafe(path string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ',' {
			return '?'
		}
		return r
	}, path)
}
