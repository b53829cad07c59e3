package config

import "time"

// A RetryProfile is a set of values for [Retry].
type RetryProfile string

// The profiles.
const (
	RetryNone     RetryProfile = "none"
	RetryStandard RetryProfile = "standard"
	RetryPatient  RetryProfile = "patient"
)

// A RetryJitter is how waits are spread.
type RetryJitter string

// The ways.
const (
	JitterEqual RetryJitter = "equal"
	JitterAdded RetryJitter = "added"
)

// A RetryCommit is when an attempt at a stream counts.
type RetryCommit string

// The ways.
const (
	CommitAuto       RetryCommit = "auto"
	CommitStatus     RetryCommit = "status"
	CommitFirstEvent RetryCommit = "first_event"
)

// Retry is the name of a profile, or a mapping with the keys below, each of
// which has the profile's value by default. `none` makes one attempt. `standard`
// tries a target twice, with a wait of 1s. `patient` tries it four times, with
// waits of 1s, 2s and 4s. What is refused for good (400, 401, 403, 404, a
// content filter) is never tried again, and nothing is once the client has a
// byte of the answer.
type Retry struct {
	// The profile that the other values come from.
	Profile RetryProfile `json:"profile" default:"standard" enum:"none|standard|patient"`

	// How often the same target is tried again. Where the upstream asks to wait
	// and the model has another target, that one is taken at once instead.
	// Default: none 0, standard 1, patient 3.
	MaxRetries int `json:"max_retries" range:"0..20"`

	// How many attempts an exchange makes at all its targets together.
	// Default: none 1, standard 6, patient 8.
	Attempts int `json:"attempts" range:"1..50"`

	// The first wait. Each further one is twice as long. Default: 1s.
	Base time.Duration `json:"base" range:"1ms..1m"`

	// The longest wait of Weir's own. Default: 8s.
	Max time.Duration `json:"max" range:"1ms..10m"`

	// How waits are spread. `equal`: from half of the wait to all of it.
	// `added`: the wait and up to a quarter more, at most `max`. Default:
	// `equal`.
	Jitter RetryJitter `json:"jitter" enum:"equal|added"`

	// The statuses that are tried again; no other is. 400, 401, 403 and 404
	// cannot be among them. Default: 408, 409, 425, 429, 500, 502, 503, 504
	// and 529.
	Statuses []int `json:"statuses" range:"402..599"`

	// The longest wait that the upstream may ask for (`Retry-After`). Where it
	// asks for a longer one the target is not tried again. Default: 30s,
	// patient 1m.
	RetryAfterMax time.Duration `json:"retry_after_max" range:"0s..1h"`

	// How long after an exchange's first attempt another may begin. Default:
	// 10m.
	Within time.Duration `json:"within" range:"1ms..24h"`

	// When an attempt at a stream counts, after which no other takes its place.
	// `status`: with the upstream's status, which the client has at once.
	// `first_event`: with the first event that means something, so that a
	// stream that begins with an error, or never begins, is tried again. The
	// client hears nothing until then; if something comes that means nothing,
	// for 30s or 64 KiB at most.
	// `auto`: as `first_event` where the model has another target, else as
	// `status`. Default: `auto`.
	Commit RetryCommit `json:"commit" enum:"auto|status|first_event"`

	// How many tries at a target that has just failed there may be, in percent
	// of the upstream's requests; a few are always there. 0 is any number.
	// Default: 10.
	Budget int `json:"budget" range:"0..100"`
}

// Health says when a target is left alone. Whichever comes first counts. An
// attempt ends with the end of its stream; clients that leave count for
// nothing, and a rate limit is no failure. Afterwards single requests see how it
// is. Where all targets are left alone the least bad one is tried.
type Health struct {
	// So many failures in a row.
	Failures int `json:"failures" default:"5" range:"1..1000" off:"true"`

	// So many failures in percent of the attempts within a minute, of at least
	// `samples`.
	Ratio int `json:"ratio" default:"50" range:"1..100" off:"true"`

	// How many attempts within a minute are enough for `ratio`.
	Samples int `json:"samples" default:"20" range:"1..100000"`

	// A first byte that comes later than this counts as a failure, although the
	// answer is used.
	SlowFirstByte time.Duration `json:"slow_first_byte" default:"off" range:"1ms..1h" off:"true"`

	// How long the target is left alone. It doubles each time until an attempt
	// succeeds.
	Out time.Duration `json:"out" default:"10s" range:"10ms..1h"`

	// The longest that `out` becomes.
	MaxOut time.Duration `json:"max_out" default:"5m" range:"10ms..24h"`

	// How often Weir asks the upstream whether it is there (its list of models),
	// whoever calls. Two failures in a row take its targets out, until it
	// answers.
	Check time.Duration `json:"check" default:"off" range:"1s..1h" off:"true"`

	// How long an answer to `check` may take.
	CheckTimeout time.Duration `json:"check_timeout" default:"5s" range:"10ms..1m"`
}

// Queue is for requests that find all of `max_in_flight` taken. Tenants take
// turns. Who gets no place is answered with 429 and Retry-After.
type Queue struct {
	// How many may wait.
	Length int `json:"length" default:"100" range:"0..100000"`

	// How long one may wait.
	Wait time.Duration `json:"wait" default:"10s" range:"1ms..10m"`
}

// Pool is the connections to an upstream. Six variables of AOAI-Proxy override
// it at every upstream: `UPSTREAM_MAX_CONNECTIONS`,
// `UPSTREAM_KEEPALIVE_TIMEOUT_MS` and `UPSTREAM_KEEPALIVE_MAX_TIMEOUT_MS` (the
// smaller counts), `UPSTREAM_HEADERS_TIMEOUT_MS`, `UPSTREAM_BODY_TIMEOUT_MS` (which
// is `timeouts.idle`; 0 changes nothing) and `UPSTREAM_PIPELINING` (1: Weir never
// sends a request before the last one on its connection is answered).
type Pool struct {
	// How many connections there may be; further requests wait for one, as
	// part of `timeouts.connect`. Over HTTP/2 many requests share one. Default:
	// any number.
	Connections int `json:"connections" range:"1..1000000"`

	// How many unused connections are kept.
	Idle int `json:"idle" default:"4096" range:"1..1000000"`

	// How long an unused connection is kept.
	KeepAlive time.Duration `json:"keep_alive" default:"90s" range:"1ms..24h"`

	// From the end of a request to the header of its answer. A stream sends it
	// at once as a rule, a whole answer when it is done. It ends the attempt as
	// `timeouts.first_byte` does, which holds in any case.
	HeaderTimeout time.Duration `json:"header_timeout" default:"off" range:"1ms..24h" off:"true"`
}
