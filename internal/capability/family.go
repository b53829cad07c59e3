package capability

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Family is a group of models that can be asked for the same. The zero value
// is a family of which nothing is known: everything passes.
type Family struct {
	Name string

	// Efforts are the values of reasoning effort, from the least to the most.
	// Nil means that the parameter is refused.
	Efforts []string

	// Sampling says when temperature, top_p and log probabilities are taken.
	Sampling Sampling

	Penalties     bool // presence_penalty, frequency_penalty, other than 0
	LogitBias     bool
	Stop          bool
	Verbosity     bool
	ParallelTools bool // parallel_tool_calls may be given
	MaxTokens     bool // chat takes max_tokens; else max_completion_tokens alone
	ResponsesOnly bool // chat is not served

	// Modern is true for OpenAI's models since gpt-5 and the o series, whatever
	// their variant: what Foundry is for.
	Modern bool

	// Claude is true for Anthropic's models.
	Claude bool

	// AdaptiveThinking is true for Claude models that refuse a budget of
	// thinking and want adaptive with an effort.
	AdaptiveThinking bool

	known   bool
	efforts []string // those that the operator names; nil if he does not
}

// Known reports whether anything is known of f.
func (f Family) Known() bool { return f.known }

// WithEfforts returns f with these values of reasoning effort. Of a family of
// which nothing else is known everything else passes.
func (f Family) WithEfforts(values []string) Family {
	if len(values) == 0 {
		return f
	}
	if !f.known {
		f = Family{
			Name: "other", Penalties: true, LogitBias: true, Stop: true, Verbosity: true, ParallelTools: true, MaxTokens: true, known: true,
		}
	}
	f.Efforts, f.efforts = values, values
	return f
}

// A Sampling says when a model takes temperature and its like.
type Sampling uint8

// The rules.
const (
	SamplingAlways      Sampling = iota
	SamplingNever                // 1, or nothing
	SamplingWithoutWork          // only with effort none
)

// Find returns the family of the model with this name: a provider's name with
// or without a date, or a deployment's that holds one ("my-gpt-5-mini"). It
// returns the zero Family for a name that says nothing.
//
// Source of the rules: OpenAI's and Azure's pages on reasoning models and
// Anthropic's on extended thinking, as collected on 2026-08-21.
func Find(name string) Family {
	name = strings.ToLower(name)
	for _, find := range []func(string) Family{findGPT, findO, findCodexMini, findClaude} {
		if f := find(name); f.known {
			return f
		}
	}
	return Family{}
}

var gptName = regexp.MustCompile(`(?:^|[^a-z0-9])gpt-?([0-9]+(?:\.[0-9]+)?)(o?)(.*)$`)

// gptVersion reads a version; Azure's names leave out the dot of old ones
// (gpt-35-turbo, gpt-41). Versions from 10 on have two digits, too.
func gptVersion(s string) (major, minor int) {
	a, b, dotted := strings.Cut(s, ".")
	major, _ = strconv.Atoi(a)
	minor, _ = strconv.Atoi(b)
	if !dotted && len(a) == 2 && (a[0] == '3' || a[0] == '4') {
		return int(a[0] - '0'), int(a[1] - '0')
	}
	return major, minor
}

func findGPT(name string) Family {
	m := gptName.FindStringSubmatch(name)
	if m == nil {
		return Family{}
	}
	major, minor := gptVersion(m[1])
	rest := m[3]
	has := func(word string) bool { return hasWord(rest, word) }
	if major < 5 || m[2] == "o" || has("chat") {
		return Family{
			Name: "gpt-4", Sampling: SamplingAlways, Penalties: true, LogitBias: true, Stop: true,
			ParallelTools: true, MaxTokens: true, Modern: major >= 5 && m[2] == "", known: true,
		}
	}
	f := Family{
		Name: "gpt-5", Sampling: SamplingNever, Verbosity: true, ParallelTools: true, Modern: true, known: true,
		Efforts:       []string{"minimal", "low", "medium", "high"},
		ResponsesOnly: has("codex") || has("pro") || has("deep-research"),
	}
	if major == 5 && minor == 0 {
		return f
	}
	f.Name, f.Sampling = "gpt-5.1", SamplingWithoutWork
	f.Efforts = []string{"none", "low", "medium", "high"}
	if major > 5 || minor >= 2 || has("codex-max") {
		f.Efforts = append(f.Efforts, "xhigh")
	}
	if has("codex") {
		f.Efforts = f.Efforts[1:] // without none
		f.Sampling = SamplingNever
	}
	return f
}

// hasWord reports whether one of the words of a name, or a run of them, is
// word: "pro" is one of gpt-5-pro, and not of gpt-5-prod.
func hasWord(name, word string) bool {
	for at := 0; ; {
		i := strings.Index(name[at:], word)
		if i < 0 {
			return false
		}
		i += at
		at = i + len(word)
		if (i == 0 || !isWord(name[i-1])) && (at == len(name) || !isWord(name[at])) {
			return true
		}
	}
}

func isWord(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

var oName = regexp.MustCompile(`(?:^|[^a-z0-9])o([1-9][0-9]*)(?:$|[^a-z0-9])(.*)$`)

func findO(name string) Family {
	m := oName.FindStringSubmatch(name)
	if m == nil {
		return Family{}
	}
	return Family{
		Name: "o", Sampling: SamplingNever, Efforts: []string{"low", "medium", "high"}, Modern: true, known: true,
		Stop:          m[1] == "1",
		ResponsesOnly: hasWord(m[2], "pro") || hasWord(m[2], "deep-research"),
	}
}

func findCodexMini(name string) Family {
	if !strings.HasPrefix(name, "codex-") {
		return Family{}
	}
	return Family{
		Name: "codex", Sampling: SamplingNever, Efforts: []string{"low", "medium", "high"}, ParallelTools: true,
		ResponsesOnly: true, known: true,
	}
}

var claudeName = regexp.MustCompile(`claude-(?:(opus|sonnet|haiku|mythos)-?)?([0-9]+)?[-.]?([0-9]{1,2})?(?:$|[^0-9])`)

// adaptive are the first versions of each line of Claude models that refuse
// sampling parameters and a budget of thinking.
var adaptive = map[string][2]int{"opus": {4, 7}, "haiku": {5, 5}, "sonnet": {5, 0}, "mythos": {0, 0}} // immutable

func findClaude(name string) Family {
	m := claudeName.FindStringSubmatch(name)
	if m == nil {
		return Family{}
	}
	f := Family{Name: "claude", Claude: true, Efforts: []string{"low", "medium", "high", "max"}, Stop: true, ParallelTools: true, MaxTokens: true, known: true}
	major, _ := strconv.Atoi(m[2])
	minor, _ := strconv.Atoi(m[3])
	if from, ok := adaptive[m[1]]; ok && slices.Compare([]int{major, minor}, from[:]) >= 0 {
		f.Name, f.Sampling, f.AdaptiveThinking = "claude, adaptive", SamplingNever, true
	}
	return f
}

// efforts is every value, from the least to the most.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"} // immutable

// Effort returns the value nearest to want that f knows, and whether it is
// another one. Of two that are as near, the lesser costs less.
func (f Family) Effort(want string) (value string, other bool) {
	at := slices.Index(efforts, want)
	if !f.known || len(f.Efforts) == 0 || at < 0 || slices.Contains(f.Efforts, want) {
		return want, false
	}
	best := -1
	for i, e := range efforts { // from the least
		if slices.Contains(f.Efforts, e) && (best < 0 || abs(i-at) < abs(best-at)) {
			best = i
		}
	}
	if best < 0 {
		return want, false // it knows none of these words
	}
	return efforts[best], true
}

func abs(n int) int { return max(n, -n) }
