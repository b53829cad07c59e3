package config

// A Key admits a client.
type Key struct {
	// Its name in logs and usage: as an upstream's, and `@` is allowed too.
	// Unique.
	Name string `json:"name" required:"true"`

	// Who owns the key and its usage. The same characters as an upstream's
	// name.
	Tenant string `json:"tenant" default:"default"`

	// What the client sends. At least 16 visible ASCII characters, better 32
	// random ones. Unique.
	Secret Secret `json:"secret" required:"true"`

	// The names it may ask for; patterns as in `models`. Default: all.
	Models []string `json:"models" default:"*"`

	// As `strict` of a target, for every request with the key.
	Strict bool `json:"strict" default:"false"`

	// With `refuse`, tools that would run at a provider are refused as by
	// `hosted_tools` of a target, for every request with the key; it does not
	// open `transparent` and `passthrough_paths`, where nobody looks for them. `drop` leaves it to the target. Default: `drop`.
	HostedTools HostedTools `json:"hosted_tools" enum:"drop|refuse"`

	// It may ask why its requests went where they went, with the header
	// `x-weir-explain: true`: the answer names upstreams and targets.
	Explain bool `json:"explain" default:"false"`

	// What is kept of its responses. `asked` keeps what a request asks to have
	// kept. `never` keeps nothing: Weir nothing itself, and upstreams are told
	// `store: false` whatever the request says. Such a key can go on with what
	// others of its tenant have kept. It may not use `passthrough_paths` and the
	// transparent door, where nothing is read. Default: `asked`.
	Store KeyStore `json:"store" enum:"asked|never"`

	// The upstreams that its clients may choose by `routing.header`; with `[]`
	// none. Default: all.
	MayChoose []string `json:"may_choose"`

	// MayChooseGiven says whether MayChoose was in the file.
	MayChooseGiven bool `json:"-"`

	// What its requests prefer of targets, as a model's `prefer`.
	Prefer Prefer `json:"prefer" enum:"cost|quality|latency"`

	// The labels that targets must have to serve it: `{ region: eu }`. No other
	// target does, whatever fails. With them it may use nothing that passes
	// unread.
	Labels map[string]string `json:"labels"`

	// What rules may ask of the key, as `"batch" in roles`.
	Roles []string `json:"roles"`

	// What rules may ask of the key, name to value, as `metadata.team == "red"`.
	Metadata map[string]string `json:"metadata"`

	// Answers as if the key did not exist.
	Disabled bool `json:"disabled" default:"false"`
}

// KeyStore is a policy for what is kept of a key's responses.
type KeyStore string

// The policies.
const (
	StoreAsked KeyStore = "asked"
	StoreNever KeyStore = "never"
)
