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
	rules.Family = x.family().WithEfforts(p.Efforts)
	return rules
}

// family returns what the first of the model's names that says anything of it
// says.
func (x *exchange) family() capability.Family {
	for _, name := range x.names() {
		if f := capability.Find(name); f.Known() {
			return f
		}
	}
	return capability.Family{}
}

// adaptive reports whether the model is a Claude that is told to think as much
// as it finds right. Clients may call it by the name of another provider's.
func (x *exchange) adaptive() bool {
	for _, name := range x.names() {
		if f := capability.Find(name); f.Claude {
			return f.AdaptiveThinking
		}
	}
	return false
}

// names are the names that may say what the model is: that of the family it is
// said to be of, the client's and the upstream's.
func (x *exchange) names() [3]string {
	return [...]string{x.profile().Family, x.entry.Model, x.target.Model}
}

// refusesHosted reports whether the target or the key refuses hosted tools.
func (x *exchange) refusesHosted() bool {
	return x.profile().RefuseHosted || x.caller.Principal.RefuseHosted
}

// checkHosted refuses a request in the client's protocol if it declares a hosted tool, and
// none may be asked for.
func (x *exchange) checkHosted(body []byte) error {
	if !x.refusesHosted() {
		return nil
	}
	switch x.op {
	case llm.OpChat, llm.OpResponses, llm.OpMessages, llm.OpCompact:
	default:
		return nil // nothing else runs tools
	}
	finder, ok := x.dialect.(dialect.HostFinder)
	if !ok {
		return nil
	}
	tool, err := finder.HostedTool(body)
	if err != nil || tool == nil {
		return err
	}
	return dialect.RefuseHosted(tool)
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

// lose tells the client and the entry what will not be done, or refuses the
// request if it is to be done as it is or not at all. An attempt has all its losses told at
// once.
func (x *exchange) lose(losses []dialect.Loss) error {
	if len(losses) == 0 {
		return nil
	}
	if why := x.strict(); why != "" {
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: "gateway.lose", Param: losses[0].Path,
			Public: losses[0].Path + ": " + losses[0].Why + " (" + why + ")",
		}
	}
	var b strings.Builder
	told := make(map[string]bool, len(losses))
	for _, l := range losses {
		path := headerSafe(l.Path)
		if told[path] {
			continue
		}
		if b.Len()+len(", ")+len(path) > maxLossy {
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
	x.entry.Lossy = paths
	x.w.Header()[headerLossy] = []string{paths}
}

// strict says who wants the request done as it is or not at all; empty if
// nobody does.
func (x *exchange) strict() string {
	switch {
	case strings.EqualFold(x.r.Header.Get(headerStrict), "true"):
		return "x-weir-strict"
	case x.caller.Principal.Strict:
		return "the key is strict"
	case x.profile().Strict:
		return "the model is strict here"
	}
	return ""
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
