package retry

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Verdict says who may be asked after a failure.
type Verdict uint8

// The verdicts.
const (
	Final   Verdict = iota // nobody: it would be the same answer, or may not be asked for
	Same                   // the same target again, then another
	Next                   // another target; this one would say the same again
	Account                // another target at another upstream: this account is spent
)

// String returns the verdict in a word.
func (v Verdict) String() string {
	return [...]string{"final", "same", "next", "account"}[v]
}

// An Advice is what one failure says about the next attempt.
type Advice struct {
	Verdict Verdict

	// Free is true if the attempt does not count, because its connection was
	// dead before.
	Free bool

	// Once is true if one more try is right whatever the policy's retries, and
	// no further one.
	Once bool

	// Slower is true if the upstream wants fewer requests.
	Slower bool

	// Wait is what the upstream asks for. Zero if it does not say.
	Wait time.Duration

	// Why is for people: "status 503", "connection refused".
	Why string
}

// A Failure is an attempt that did not succeed.
type Failure struct {
	Err    error // it has an [llm.Error] in its tree
	Ollama bool  // the upstream is an Ollama: another host may have the model
	Reused bool  // the connection had served before, and broke before the first byte
}

// Codes of upstreams that decide beside the status.
const (
	// Foundry answers so for seconds at a time, with a credential that is good.
	codeFoundryAuth = "invalid_model_endpoint_authentication"

	codeSlowDown = "slow_down"
)

// never are the statuses that no list can name: the same request would be
// refused again, and one that was refused must not shop around.
var never = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound} // immutable

// Never reports whether no policy may name a status.
func Never(status int) bool { return status < 400 || slices.Contains(never, status) }

// Advise says what f means under p.
func Advise(p *Policy, f Failure) Advice {
	e, ok := errors.AsType[*llm.Error](f.Err)
	switch {
	case !ok:
		return Advice{Why: "a fault of our own"}
	case e.Answer != nil && e.Answer.Status >= 400:
		return adviseAnswer(p, f, e)
	default:
		return adviseBroken(p, f, e)
	}
}

// adviseAnswer is for an upstream that has answered with an error.
func adviseAnswer(p *Policy, f Failure, e *llm.Error) Advice {
	a := Advice{Wait: e.Answer.Wait, Why: "status " + itoa(e.Answer.Status)}
	switch {
	case e.Code == llm.CodeFiltered:
		a.Why = "content filter"
	case e.Kind() == llm.Cancelled:
		a.Why = "the client has left"
	case e.Code == llm.CodeUpstreamQuota:
		a.Verdict, a.Why = Account, "the account is spent"
	case e.Answer.Status == http.StatusUnauthorized && e.Answer.Code == codeFoundryAuth:
		a.Verdict, a.Once = Same, true
	case e.Code == llm.CodeModelUnavailable && f.Ollama && e.Answer.Status == http.StatusNotFound:
		a.Verdict, a.Why = Next, "the model is not on this host"
	case Never(e.Answer.Status), e.Code == llm.CodeModelUnavailable, e.Code == llm.CodeUpstreamAuth:
	case p.retries(e.Answer.Status):
		a.Verdict, a.Slower = Same, e.Answer.Code == codeSlowDown
		if e.Answer.Header.Get("X-Should-Retry") == "false" {
			a.Verdict = Next
		}
	}
	return a
}

// adviseBroken is for an attempt without an answer, or with one that is none.
func adviseBroken(p *Policy, f Failure, e *llm.Error) Advice {
	a := Advice{Why: string(e.Code)}
	switch e.Code {
	case llm.CodeUpstreamLost:
		a.Verdict, a.Free = Same, f.Reused
	case llm.CodeUpstreamConnect, llm.CodeConnectTimeout, llm.CodeFirstByteTimeout, llm.CodeIdleTimeout,
		llm.CodeUpstreamTruncated, llm.CodeUpstreamFailed:
		a.Verdict = Same
	case llm.CodeUpstreamInvalid:
		a.Verdict = Same
		if e.Answer != nil && e.Answer.Status/100 == 3 {
			a.Verdict = Next // it would redirect again
		}
	case llm.CodeUpstreamLimited:
		a.Wait = e.RetryAfter
		if p.retries(http.StatusTooManyRequests) {
			a.Verdict = Same
		}
	case llm.CodeUpstreamQuota:
		a.Verdict = Account
	case llm.CodeUpstreamTLS, llm.CodeUpstreamBusy,
		llm.CodeUnsupportedOperation, llm.CodeUnsupportedParameter, llm.CodeUnsupportedValue:
		a.Verdict = Next // this one cannot, whoever asks; another may
	}
	return a
}
