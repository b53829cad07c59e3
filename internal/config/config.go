package config

import "time"

// The tags of a field say what its comment need not repeat:
//
//	json     its name in the file; "-" is not part of the file
//	default  what it is when left out; fields without one are empty
//	range    the smallest and largest value, both allowed
//	off      the value "off" is allowed and reads as zero
//	enum     the values that are allowed
//	required it has no default and must be there
//	path     a file's name; a relative one starts at the configuration's folder
//
// A duration and a size (int64) have units, an int is a whole number, a *bool
// that is left out is nil.

// A Config is a whole configuration, valid and with every default filled in.
// It is not changed after [Load] has returned it and may be shared.
type Config struct {
	// Where Weir listens and how much it takes from a client. `address`, `tls`
	// and `timeouts` change with a restart alone.
	Listen Listen `json:"listen"`

	// How long Weir waits for upstreams. Each upstream may override single
	// ones.
	Timeouts Timeouts `json:"timeouts"`

	// The accounts at providers that serve models. At least one.
	Upstreams []Upstream `json:"upstreams" required:"true"`

	// The names clients may ask for, and what serves each. At least one, but
	// where a `transparent` door takes every path of the main listener. An
	// exact name wins over a pattern, then the pattern with the most literal
	// characters, then the order of this list.
	Models []Model `json:"models"`

	// Who may call. Without keys nobody is asked for one: then Weir serves
	// only this machine, unless `listen.open` says otherwise or no upstream
	// has a credential of yours.
	Keys []Key `json:"keys"`

	// How a target is chosen beside the model's name.
	Routing Routing `json:"routing"`

	// Which web pages may call.
	CORS CORS `json:"cors"`

	// A door to one upstream through which everything passes as it is. Its
	// `address` and `tls` change with a restart alone.
	Transparent Transparent `json:"transparent"`

	// The folder for what Weir keeps on disk: the root secret, unless
	// `WEIR_SECRET_KEY` or `WEIR_SECRET_KEY_FILE` is set; what `store` says; and
	// uploaded files while they are sent on, which nobody else can open.
	// `--data-dir` overrides it. Default:
	// `$WEIR_DATA_DIR`, `$STATE_DIRECTORY`, `/app/data` if it is there, else
	// `weir` in the user's state folder (`$XDG_STATE_HOME`, else
	// `~/.local/state`). It changes with a restart alone.
	DataDir string `json:"data_dir" path:"true"`

	// DataDirNamed says that somebody has named DataDir: the document, the
	// flag, $WEIR_DATA_DIR or $STATE_DIRECTORY.
	DataDirNamed bool `json:"-"`

	// Where Weir keeps what must survive it: stored responses (see
	// `responses`), and which upstream has the response or file with an id.
	// `sqlite` is the file `weir.db` in `data_dir`, which one process may use
	// at a time; copy it while Weir is stopped, or with `sqlite3 weir.db
	// ".backup copy.db"`. `none` is memory: after a restart such ids are unknown, and
	// nobody can go on with a response of before. Without it in the file, the
	// environment variable `WEIR_STORE` may say it. If nobody has named a
	// `data_dir` and the one that Weir finds cannot be written to or is in
	// use, Weir goes on as with `none` and says so.
	Store Store `json:"store" default:"sqlite" enum:"sqlite|none"`

	// The responses that Weir stores itself, so that clients can go on with
	// them (`previous_response_id`) and get them again, where the upstream
	// stores none. They are sealed with keys of the root secret.
	Responses Responses `json:"responses"`

	// RootSecret is the root secret of the environment, which [secret.Parse]
	// takes, and RootSecretFrom the variable that it comes from. Empty if it is
	// in [Config.RootSecretFile].
	RootSecret     Secret `json:"-"`
	RootSecretFrom string `json:"-"`

	// What Weir writes to standard output.
	Log Log `json:"log"`

	// Source is the name of the file read, [BuiltIn], or what begins with
	// [SourceEnvironment] where variables have decided.
	Source string `json:"-"`

	// Waiting are the settings that the source has changed and that wait for a
	// restart: the Config has them as they were at the start. See
	// [Source.Load].
	Waiting []Fault `json:"-"`

	// Warnings are what is allowed but deserves a second look, by position.
	Warnings []Fault `json:"-"`

	file  string            // the file read; empty if there was none
	shown map[string]string // :: path → source text of a value that has references; secrets carry their own
	notes map[string]string // :: path → why a value is what it is, where its source does not say it
	given map[string]Pos    // :: path → place; what the source holds
}

// Store is where Weir keeps what must survive it.
type Store string

// The stores.
const (
	StoreSQLite Store = "sqlite"
	StoreNone   Store = "none"
)

// Responses is how long, and how much, Weir stores for clients.
type Responses struct {
	// How long a response is kept after it was made. To go on with it does not
	// prolong that: a conversation that is older must be begun anew.
	TTL time.Duration `json:"ttl" default:"720h" range:"1m..87600h"`

	// How many responses a tenant may have. Of more, its oldest go.
	MaxRecords int `json:"max_records" default:"100000" range:"1..100000000"`

	// How many bytes the responses of a tenant may take. Of more, its oldest
	// go; a single one that is larger is not stored, and its answer says
	// `store: false`. In memory, all tenants have 64 MiB together.
	MaxBytes int64 `json:"max_bytes" default:"1GiB" range:"64KiB..16TiB"`
}

// BuiltIn is the [Config.Source] of the configuration Weir has when no file is
// named or found and no variable says where models run: the simulator behind
// the models "sim-*", on loopback.
const BuiltIn = "built-in"

// A Kind is what an upstream speaks and how it is addressed.
type Kind string

// The kinds of upstream.
const (
	KindAzure      Kind = "azure"
	KindOpenAI     Kind = "openai"
	KindAnthropic  Kind = "anthropic"
	KindOllama     Kind = "ollama"
	KindCompatible Kind = "compatible"
	KindSimulator  Kind = "simulator"
)

// An API is one of the two surfaces of an Azure resource.
type API string

// The surfaces of an Azure resource.
const (
	APIv1      API = "v1"
	APIClassic API = "classic"
)

// An Upstream is one account at one provider.
type Upstream struct {
	// Its name in targets, logs and metrics: letters, digits and `.`, `_`,
	// `-`, `+`, at most 64, the first a letter or a digit. Unique.
	Name string `json:"name" required:"true"`

	// What it is. `azure`: Azure OpenAI or Azure AI Foundry. `openai`: the
	// OpenAI API. `anthropic`: the Anthropic API. `ollama`: Ollama.
	// `compatible`: any other server that speaks the OpenAI API (vLLM,
	// LM Studio, llama.cpp, …). `simulator`: Weir's own, for trying things
	// out.
	Kind Kind `json:"kind" required:"true" enum:"azure|openai|anthropic|ollama|compatible|simulator"`

	// Its URL, http or https, with or without `/v1` (azure: `/openai`,
	// `/openai/v1`), without user, query or fragment. Required, but for
	// `openai` (default `https://api.openai.com/v1`), `anthropic` (default
	// `https://api.anthropic.com`) and `simulator` (default: the one built
	// into Weir).
	Endpoint string `json:"endpoint"`

	// Azure only: `v1` is the surface without dated versions, `classic` the
	// one with deployments in the path. Default for azure: `v1`.
	API API `json:"api" enum:"v1|classic"`

	// Azure only: the `api-version` sent. With `classic` the default is
	// `2024-10-21`, while Responses want `2025-03-01-preview` or later; with
	// `v1` only `preview` may be given, and by default none is sent. A
	// client's own api-version never goes upstream.
	APIVersion string `json:"api_version"`

	// How Weir identifies itself. Required for azure, openai and anthropic;
	// otherwise `none` by default.
	Auth Auth `json:"auth"`

	// Compatible only: further request headers, name to value. Values count
	// as secrets. Not allowed are headers that Weir sets itself
	// (Authorization, Host, Content-Type …), those of one connection
	// (Connection, Transfer-Encoding …) and `X-Weir-*`.
	Headers map[string]Secret `json:"headers"`

	// What differs from the timeouts for every upstream.
	Timeouts Timeouts `json:"timeouts" inherit:"timeouts"`

	// What is done when an attempt fails before the client has a byte of the
	// answer: `none`, `standard` (the default), `patient`, or a mapping.
	Retry Retry `json:"retry"`

	// When a target is left alone because it fails.
	Health Health `json:"health"`

	// How many requests may run here at once, over all models. Where another
	// target can serve a request, it goes there instead; else it waits in
	// `queue`. Default: any number.
	MaxInFlight int `json:"max_in_flight" range:"1..1000000"`

	// Who waits for a place of `max_in_flight`.
	Queue Queue `json:"queue"`

	// The connections.
	Pool Pool `json:"pool"`

	// Where the endpoint of an operation is, if not where the kind has it, or
	// how the operation is asked: `chat/completions: /serve/v1/chat` or
	// `chat/completions: responses`. docs/guides/routes.md has the rules. Those
	// of a target go before these.
	Routes map[string]string `json:"routes"`

	// Further paths that pass to this upstream as they are, with any method
	// and query and with its credential: `/v1/files`, `/v1/files/**`,
	// `/openai/files*`. `*` is any run of characters but `/`, `**` of any. They
	// begin with `/v1/` or `/openai/`, no operation of Weir's own has them
	// (`/v1/chat/…`, `/v1/responses/…`, `/v1/models/…` and so on), and no two
	// upstreams take the same path. Whoever has a key without `models` may use them, and
	// see what others made there. All but single collections (`/v1/name`,
	// `/openai/name` or `/openai/v1/name`, without `*`) bear ids, and demand
	// `auth: passthrough` or that all keys are of one tenant. So do collections
	// whose requests name files and other objects: assistants, batches,
	// containers, conversations, evals, fine_tuning, threads, vector_stores and
	// videos. What manages an account (`/v1/organization/…`, `/v1/projects/…`)
	// demands `auth: passthrough`. Default: none.
	PassthroughPaths []string `json:"passthrough_paths"`

	// What to do with the id of a response, file or other object that Weir has
	// not seen this upstream give to the caller's tenant in the last 30 days,
	// or since its start. `refuse` answers as if it did not exist. `forward`
	// lets the upstream decide, but for keys with `models`; it demands
	// `auth: passthrough` or that all keys are of one tenant. Where several
	// upstreams say `forward`, an object is asked for at the one that
	// `routing.header` or `?model=` chooses. Default: `refuse`.
	UnknownIDs UnknownIDs `json:"unknown_ids" enum:"refuse|forward"`

	// What becomes of the ids of items in the input of the Responses API, for
	// upstreams that refuse those of what they have not kept ("Item with id …
	// not found"), as Azure does with `store: false`. `as_is` leaves them.
	// `strip_ids` takes out those of all items that say all they are,
	// `strip_ids_keep_reasoning` those of all but reasoning. `force_store`
	// asks with `store: true` whatever the client says: then the provider
	// keeps what its clients did not want kept. Whatever is said here, a
	// request that is refused for such an id, or for encrypted reasoning that
	// another has made, is sent once more without. Default: `as_is`.
	ResponsesItems ResponsesItems `json:"responses_items" enum:"as_is|strip_ids|strip_ids_keep_reasoning|force_store"`

	// A file of certificates in PEM that are trusted for this upstream
	// instead of the system's.
	CAFile string `json:"ca_file" path:"true"`

	// Trusts any certificate, and thereby anyone between Weir and the
	// upstream. For a first try only; `ca_file` is the better way.
	InsecureSkipVerify bool `json:"insecure_skip_verify" default:"false"`
}

// UnknownIDs is what is done with ids that Weir has not seen.
type UnknownIDs string

// The two ways.
const (
	UnknownRefuse  UnknownIDs = "refuse"
	UnknownForward UnknownIDs = "forward"
)

// ResponsesItems is what becomes of the ids of items.
type ResponsesItems string

// What can become of them.
const (
	ItemsAsIs               ResponsesItems = "as_is"
	ItemsStripIDs           ResponsesItems = "strip_ids"
	ItemsStripKeepReasoning ResponsesItems = "strip_ids_keep_reasoning"
	ItemsForceStore         ResponsesItems = "force_store"
)

// An AuthMethod is how an upstream is told who calls.
type AuthMethod string

// The methods of [Auth].
const (
	AuthNone        AuthMethod = "none"
	AuthPassthrough AuthMethod = "passthrough"
	AuthAPIKey      AuthMethod = "api_key"
	AuthBearer      AuthMethod = "bearer"
)

// Auth is `none`, `passthrough` or a mapping with one of the keys below.
// `none` sends no credential. `passthrough` sends the client's own: then
// Weir's key, if there are `keys`, comes in `x-weir-key` alone.
type Auth struct {
	// Method says which of the forms was chosen.
	Method AuthMethod `json:"-"`

	// The provider's API key, sent in the header the provider wants.
	APIKey Secret `json:"api_key"`

	// A token, sent as `Authorization: Bearer`.
	Bearer Secret `json:"bearer"`
}

// CORS says which web pages may call: it answers the browser's question that
// comes before a request (preflight), and allows the page to read the answer.
type CORS struct {
	// Origins (`https://chat.example.com`), or `*` for any. Without keys, a
	// page of an origin that is named here may spend what the upstreams'
	// credentials pay for. A WebSocket is opened for these alone, keys or not.
	// Default: none.
	Origins []string `json:"origins"`
}

// Transparent is a door to one upstream: any method, path and query passes,
// bodies are neither read nor collected, and the client's own credential goes
// along. Only paths, sizes and times are checked. With `keys`, Weir's own comes
// in `x-weir-key`, and must be one for every model.
type Transparent struct {
	// The upstream, which must have `auth: passthrough`. There is no door
	// without it.
	Upstream string `json:"upstream"`

	// The listener of the door's own, host and port. Without it the door is on
	// the main listener, below `prefix`.
	Address string `json:"address"`

	// The own listener's certificate.
	TLS TLS `json:"tls"`

	// What a path begins with, which is taken off; default `/`. On the main
	// listener no path of Weir's own may begin so; `/` is for a configuration
	// without models.
	Prefix string `json:"prefix"`
}

// Log is what Weir writes to standard output.
type Log struct {
	// The least important lines that are written.
	Level string `json:"level" default:"info" enum:"debug|info|warn|error"`

	// One JSON object per line, or text for people. It changes with a restart
	// alone.
	Format string `json:"format" default:"json" enum:"json|text"`
}
