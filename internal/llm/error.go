package llm

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Kind says what a failure means to the gateway. It decides whether another
// try makes sense and is the label of a failure in metrics and in the ledger.
//
// Kinds are stored by their [Kind.String] form: add new ones at the end of the
// list and never rename one.
type Kind uint8

// The kinds.
const (
	Internal            Kind = iota // our bug; the zero value, so a forgotten Kind is never blamed on a client
	Invalid                         // the client's request is malformed or cannot be carried
	TooLarge                        // the client's request is larger than what is allowed
	Unauthenticated                 // no key, an unknown key, or more than one
	Forbidden                       // a known caller that may not do this
	NotFound                        // no such path, model or object
	Conflict                        // the object is in another state than the request assumes
	Limited                         // a rate, concurrency or memory limit of ours
	OverBudget                      // the budget's window is spent
	Filtered                        // a content filter refused
	UpstreamAuth                    // the upstream refused Weir's credential
	UpstreamLimited                 // the upstream's own rate limit
	UpstreamUnavailable             // refused, reset, or answered 5xx
	UpstreamInvalid                 // answered something that is not its protocol
	Timeout                         // one of the upstream's four timeouts
	Cancelled                       // the client went away
)

var kindNames = [...]string{ // immutable
	"internal", "invalid", "too_large", "unauthenticated", "forbidden", "not_found",
	"conflict", "limited", "over_budget", "filtered", "upstream_auth", "upstream_limited",
	"upstream_unavailable", "upstream_invalid", "timeout", "cancelled",
}

// String returns the name used in logs, metrics and the ledger.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// An Error is a failure the gateway understands. An error that reaches the
// client's border and is not an *Error is reported as [CodeInternal] with no
// detail.
type Error struct {
	// Code is the row of the table that describes the failure. The zero value
	// means [CodeInternal]. Its row gives the Kind, the status and the advice.
	Code Code

	// Op names the step that failed, as "package.verb": "jsonscan.scan".
	Op string

	// Public is the message the client may see. It never contains a key, an
	// upstream host name, or prompt text. Empty means the Code's default.
	Public string

	// Param names the client's own field that is at fault, as a JSON path
	// ("stream_options.include_usage"). Empty if there is none.
	Param string

	// RetryAfter is how long the client should wait before trying again. Zero
	// means unknown, not immediately.
	RetryAfter time.Duration

	// Upstream is the name, from the configuration, of the upstream that was
	// asked. Empty if none was.
	Upstream string

	// Answer is what the upstream said. Nil if it said nothing that may be
	// shown.
	Answer *Answer

	// Err is the cause, for the operator's log only. It may be nil.
	Err error
}

// An Answer is an upstream's answer that is not a success.
type Answer struct {
	Status int
	Header http.Header // allow-listed headers only
	Body   []byte      // bounded; nil if it was not read

	// Code is what the upstream itself calls the failure, its type if it has
	// no code. Empty if it says neither. It is for decisions and the log.
	Code string

	// Wait is how long the upstream asks to wait, exactly; RetryAfter is the
	// same in whole seconds. Zero if it does not say.
	Wait time.Duration
}

// Kind returns the Kind of e's code.
func (e *Error) Kind() Kind { return e.Code.Row().Kind }

// Status returns the HTTP status that e is answered with before the first byte.
func (e *Error) Status() int { return e.Code.Row().Status }

// Message returns the text for the client: Public, or the code's default.
func (e *Error) Message() string {
	if e.Public != "" {
		return e.Public
	}
	return e.Code.Row().Message
}

// Error returns the text for the operator.
func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Code.Row().Code)
	if e.Op == "" {
		s = string(e.Code.Row().Code)
	}
	if e.Public != "" && (e.Err == nil || !strings.Contains(e.Err.Error(), e.Public)) {
		s += ": " + e.Public
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns the first *Error in err's tree, or an internal error that
// wraps err. AsError(nil) returns nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Err: err}
}
