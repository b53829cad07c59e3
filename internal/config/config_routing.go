package config

import "time"

// A Model is a name that clients may ask for.
type Model struct {
	// The name, or a pattern in which `*` is any run of characters. At most
	// 256 bytes. Unique.
	Name string `json:"name" required:"true"`

	// The ways to serve it. At least one. They are tried in this order, but
	// where they have a priority or a weight, or something is preferred.
	Targets []Target `json:"targets" required:"true"`

	// What orders the targets within each priority: `cost` the cheapest first,
	// by their `price` and what the request may use; `quality` the best first;
	// `latency` first those whose answers begin soonest. A key's own preference
	// comes before it, the client's (`x-weir-prefer`) before that, and a rule's
	// before all.
	Prefer Prefer `json:"prefer" enum:"cost|quality|latency"`
}

// Prefer is what orders targets.
type Prefer string

// The preferences.
const (
	PreferCost    Prefer = "cost"
	PreferQuality Prefer = "quality"
	PreferLatency Prefer = "latency"
)

// A Target is one way to serve a model.
type Target struct {
	// The name of an upstream.
	Upstream string `json:"upstream" required:"true"`

	// The name that the upstream knows the model by; on Azure, the
	// deployment. Default: the name the client asked for.
	Model string `json:"model"`

	// The group that the target is in: all of group 1 are tried before those of
	// group 2. Default: 1.
	Priority int `json:"priority" range:"1..1000"`

	// The target's share of what its group gets. Of two that are drawn by their
	// shares, the one that has less to do and is quicker serves the request.
	// Those of weight 0 come behind the others of their group, in their order
	// in the list. Default: 1, but 0 where no target of the model has a weight
	// or a priority.
	Weight int `json:"weight" range:"0..1000000"`

	// How good its answers are, on a scale of your own; more is better. See
	// `prefer`.
	Quality int `json:"quality" range:"0..1000"`

	// What it costs. Without one it is the last that `prefer: cost` takes.
	Price Price `json:"price"`

	// What the target is, where a key or a rule demands it, name to value:
	// `{ region: eu }`.
	Labels map[string]string `json:"labels"`

	// How many attempts may run at this target before others serve the request,
	// if there are others. Default: any number.
	MaxInFlight int `json:"max_in_flight" range:"1..1000000"`

	// From how much of its capacity on others serve the request, if there are
	// others: in percent, as the upstream tells it (Azure's utilisation, and
	// what is left of rate limits). Default: 100.
	SpillAt int `json:"spill_at" range:"1..100"`

	// Asks for the usage of streamed chat completions
	// (`stream_options.include_usage`) where the client did not, and hides
	// the answer from it. Say false for a server that refuses the option;
	// its usage is then estimated. The default is false where the upstream is
	// azure with an `api_version` before 2024-09-01-preview, which refuses it.
	StreamUsage bool `json:"stream_usage" default:"true"`

	// The protocols in which the upstream can be asked: `chat`, `responses`,
	// `messages`, `completions`, and `ollama`, which is Ollama's own. A client that speaks another is translated to the first
	// of them, and so is one whose request uses what the upstream's own form
	// of its protocol does not take. Default: openai and azure with api v1
	// responses, chat; azure with api classic chat, responses; simulator
	// responses, chat, messages; ollama chat, responses, messages; compatible
	// chat; behind them, completions; anthropic messages alone. What `routes`
	// lead to is added behind them.
	Dialects []string `json:"dialects"`

	// Where requests for an operation go: the operation, by its path (`responses`,
	// `chat/completions`, `images/generations`), or `*` for every one that is not
	// named, to a path on the upstream's host (`/openai/v1/responses`), in which
	// `{deployment}` is `model`, or to another operation (`responses`), whose path
	// is the upstream's. What is asked in another protocol is translated:
	// `"*": responses` asks for every conversation in Responses.
	// docs/guides/routes.md has the rules.
	Routes map[string]string `json:"routes"`

	// What the endpoint takes, where that differs from what the upstream's kind
	// takes. A request that uses something else is translated.
	Features Features `json:"features"`

	// Takes what stands between `<think>` and `</think>` at the beginning of the
	// text of a chat model for its reasoning, where a request is translated.
	// Default: no.
	ThinkTags bool `json:"think_tags"`

	// Whether a chat model is sent what it thought earlier, where a request is
	// translated. `required`: always with the calls that came of it, even if it
	// is empty, as DeepSeek demands. `optional`: if there is any. `forbidden`:
	// never, for servers that refuse it. Default: compatible and simulator
	// `required`, ollama `optional`, openai and azure `forbidden`.
	EchoReasoning EchoReasoning `json:"echo_reasoning" enum:"required|optional|forbidden"`

	// What only Ollama's own protocol can say. Where it is given, `dialects` is
	// `ollama` by default.
	Ollama OllamaSettings `json:"ollama"`

	// Tells the client of a stream that is silent for so long that it is still
	// there, by something that clients skip: a comment, or an event of its own
	// for those who take no comments for a sign of life. Without it translated
	// streams have 15s, and those that pass as they come none.
	KeepAlive time.Duration `json:"keepalive" range:"10ms..1h" off:"true"`

	// KeepAliveGiven says whether KeepAlive was in the file, "off" included.
	KeepAliveGiven bool `json:"-"`

	// The family of models this one is of, such as `gpt-5` or `claude-opus-4-7`,
	// where neither the client's name for it nor `model` says so, or either is
	// wrong: what it can be asked for depends on it. Of the name something must
	// be known.
	Family string `json:"family"`

	// The values of reasoning effort that the model knows, from the least to
	// the most. Default: those of its family.
	Efforts []string `json:"efforts"`

	// What is done with settings that the model does not know. `off`: they are
	// sent, and the upstream refuses them. `safe`: what changes nothing is left
	// out, reasoning effort goes to the nearest value, and the limit of an
	// answer has the name that the model knows. `drop`: all of them are left
	// out, and `x-weir-lossy` names them. `foundry`: what the models of Azure
	// AI Foundry want of clients that know older ones, from gpt-5 and o1 on;
	// docs/guides/models.md has the whole list. What is given counts for every
	// request. Default: `safe` where requests are translated, else `off`.
	Capabilities Capabilities `json:"capabilities" enum:"off|safe|drop|foundry"`

	// What is done with a request for web search that the provider runs.
	// `refuse` answers 400. Default: `allow`; with `capabilities: foundry`,
	// where the upstream is azure and the model is gpt-5, o1 or later,
	// `refuse`.
	WebSearch WebSearch `json:"web_search" enum:"allow|refuse"`

	// What is done with tools that would run at a provider (web search, file
	// search …). `drop`: where a request is translated, those that the upstream
	// does not run are left out while another tool can be called. `refuse`
	// answers 400, whatever the upstream runs. Default: `drop`.
	HostedTools HostedTools `json:"hosted_tools" enum:"drop|refuse"`

	// Answers 400 to a request that could not be done as it is: what
	// `x-weir-lossy` would name. A client asks for that with
	// `x-weir-strict: true`.
	Strict bool `json:"strict" default:"false"`

	// Punctuation that is taken out of the name the client asked for, where
	// `model` is not given: `.:` makes gpt-4.1 a deployment called gpt-41.
	Strip string `json:"strip"`
}

// Price is what a target costs.
type Price struct {
	// Dollars for a million tokens of input.
	Input Dollars `json:"input" default:"0" range:"0..1000000"`

	// Dollars for a million tokens of output.
	Output Dollars `json:"output" default:"0" range:"0..1000000"`

	// Given says whether there is a price, also of nothing.
	Given bool `json:"-"`
}

// Dollars are billionths of a dollar.
type Dollars int64

// Capabilities is a policy for settings that a model does not know.
type Capabilities string

// The policies.
const (
	CapabilitiesOff  Capabilities = "off"
	CapabilitiesSafe Capabilities = "safe"
	CapabilitiesDrop Capabilities = "drop"

	CapabilitiesFoundry Capabilities = "foundry"
)

// WebSearch is a policy for web search that the provider runs.
type WebSearch string

// The policies.
const (
	WebSearchAllow  WebSearch = "allow"
	WebSearchRefuse WebSearch = "refuse"
)

// HostedTools is a policy for tools that run at a provider.
type HostedTools string

// The policies.
const (
	HostedDrop   HostedTools = "drop"
	HostedRefuse HostedTools = "refuse"
)

// Routing is how a target is chosen beside the model's name.
type Routing struct {
	// A request header by which a client may name the upstream that is to
	// serve it, `x-provider` for example. It keeps of the model's targets those
	// there; if the model has none, or nobody knows it, the name goes there as
	// it is, so that a key may use whatever its `models` allow at any upstream
	// that its `may_choose` allows. Case does not matter, but where two names
	// differ in nothing else. An upstream that does not exist is answered with
	// 400, one that the key may not choose with 403. Rules then send
	// the request nowhere else; what they reject, cap and demand counts. The
	// header goes nowhere. Default: none.
	Header string `json:"header"`

	// The time zone of `hour(now)`, `weekday(now)` and `date(now)` in rules that
	// name none themselves: `Europe/Berlin`, `Asia/Tokyo`. Default: UTC.
	TimeZone string `json:"timezone"`

	// Request headers that rules may read. Not allowed are those that hold
	// credentials.
	Headers []string `json:"headers"`

	// What happens to requests of which something holds, asked in this order.
	// The first that holds and has `use`, `targets` or `reject` is the last that
	// is asked; what those before it say counts too. They see requests that name
	// a model; what passes unread (`passthrough_paths`, a transparent door) and
	// calls about objects they do not see.
	Rules []Rule `json:"rules"`
}

// A Rule says what happens to requests.
type Rule struct {
	// Its name in `weir explain` and logs. Default: its place, as `rules[0]`.
	Name string `json:"name"`

	// When it holds: an expression that is true or false, such as
	// `hour(now, "Asia/Tokyo") < 8 && model == "gpt-5"`. docs/guides/routing.md
	// lists what it can see. Default: always. A rule that cannot be asked of a
	// request (`roles[0]` where there are none) refuses it with 500.
	When string `json:"when"`

	// A model whose targets serve the request instead, whether or not the key's
	// `models` allow it.
	Use string `json:"use"`

	// The targets that serve it instead.
	Targets []Target `json:"targets"`

	// Refuses the request with 403 and this message.
	Reject string `json:"reject"`

	// How many tokens the answer may have at most: more, or no limit, in the
	// request becomes this. Of several rules the least counts.
	MaxOutput int `json:"max_output" range:"1..100000000"`

	// What is preferred of the targets, as a model's `prefer`.
	Prefer Prefer `json:"prefer" enum:"cost|quality|latency"`

	// The labels that targets must have. What has them not serves the request
	// in no case.
	Labels map[string]string `json:"labels"`
}
