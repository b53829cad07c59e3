package gateway

import (
	"context"
	"time"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/responsestore"
)

// A Ledger keeps the account. Record may be called by many goroutines at once.
// It is called on the way of a request, after the client has its answer, and
// when the client has left: it must not wait for a disk or a network, and it
// takes no context because nothing may cancel it. It must not keep e, but may
// keep what e holds.
type Ledger interface {
	Record(e *ledger.Entry) error
}

// Seals make opaque what a client keeps for an upstream, and open it again.
// Nobody else can do either. The methods may be called by many goroutines at
// once.
type Seals interface {
	// Seal appends plaintext, sealed, to dst.
	Seal(dst, plaintext, additional []byte) []byte

	// Open appends what sealed holds to dst. It fails unless Seal has made it
	// with the same additional data.
	Open(dst, sealed, additional []byte) ([]byte, error)
}

// Responses keep what has been answered to clients that want to go on with it,
// where the upstream keeps nothing. See package responsestore for each method.
// They are called on the way of requests, by many goroutines at once.
type Responses interface {
	Put(ctx context.Context, r *responsestore.Record) error
	Get(ctx context.Context, tenant, id string) (*responsestore.Record, error)
	Chain(ctx context.Context, tenant, id string, room func(bytes int64) error) ([]*responsestore.Record, error)
	Items(ctx context.Context, tenant, itemID string, others ...string) ([]responsestore.Item, error)
	Delete(ctx context.Context, tenant, id string) error
}

// Pins remember which upstream keeps the object with an id, for which tenant,
// and for which caller where its own credential was used. The methods are
// called on the way of requests, by many goroutines at once.
type Pins interface {
	// Identify returns who a client's own credential belongs to, and nothing
	// by which the credential could be found.
	Identify(credential string) pin.Identity

	// Note keeps p. It must not wait for a disk or a network.
	Note(tenant, id string, p pin.Pin)

	// Find returns the pin of an id, but not that of another tenant or
	// caller, which it must not tell from none. It may ask a store once. The
	// error says that nobody could look.
	Find(ctx context.Context, tenant string, caller pin.Identity, id string) (pin.Pin, bool, error)

	// Forget removes the pin of an id whose object is gone.
	Forget(tenant, id string)
}

// A Step is one of the steps of an exchange.
type Step = string

// The steps, in their order.
const (
	StepAuthenticate Step = "authenticate"
	StepRead         Step = "read"
	StepAdmit        Step = "admit"
	StepRoute        Step = "route"
	StepAttempt      Step = "attempt"
	StepRelay        Step = "relay"
)

// An Observer is told what happens, as it happens: logs, metrics and traces
// are observers. Its methods are called on the way of a request, by many
// goroutines at once: they must be quick and must not block. Values that are
// passed by pointer are only valid during the call.
type Observer interface {
	// ExchangeStarted is called once an exchange is authenticated.
	ExchangeStarted(id string, at time.Time)

	// StepDone is called when a step of the exchange has succeeded.
	StepDone(id string, step Step, took time.Duration)

	// AttemptDone is called when an attempt has ended. err is nil for success.
	// next says, for people, what follows on a failure, and why; it is empty for
	// the last attempt, whose failure is the exchange's.
	AttemptDone(id string, a *ledger.Attempt, err *llm.Error, next string)

	// FirstToken is called when the first model output of a stream passes.
	FirstToken(id string, after time.Duration)

	// Event is called for each run of whole events that is sent, with the
	// number of bytes.
	Event(id string, bytes int)

	// ExchangeDone is called last, once, after the entry was recorded. err is
	// nil for success.
	ExchangeDone(e *ledger.Entry, err *llm.Error)

	// ObjectDone is called once, instead of all the others, for a call about an
	// object that an upstream keeps: to look at a response, to delete it. It is
	// no exchange, and e is no entry of the ledger. path is escaped and
	// bounded. err is nil for success.
	ObjectDone(e *ledger.Entry, method, path string, err *llm.Error)

	// Refused is called instead of all the others for a request that never
	// became an exchange: unauthenticated, unknown path, foreign origin. path
	// is escaped and bounded; remote is the peer's address.
	Refused(id, method, path, remote string, err *llm.Error)

	// KeepFailed is called when a response could not be kept that its client
	// wanted kept. The client has been told that it is not.
	KeepFailed(e *ledger.Entry, err error)

	// LedgerFailed is called when the ledger did not take an entry.
	LedgerFailed(e *ledger.Entry, err error)

	// ConfigLoaded is called when a configuration has begun to serve: the first
	// one, and each that replaces another. waiting names the settings in it that
	// wait for a restart. It is not called on the way of a request.
	ConfigLoaded(waiting []string)

	// ConfigRefused is called when a configuration that was to replace the one
	// that serves could not. That one serves on. It is not called on the way of
	// a request.
	ConfigRefused(err error)
}
