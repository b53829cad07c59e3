package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// maxQuoted is how much of an upstream's message stands in the log.
const maxQuoted = 200

// maxRefusal is the most of an error body that is looked at.
const maxRefusal = 1 << 20

// Refusal says what a, an answer whose status is not a success, means. Body is
// what its Body held, as far as the caller was willing to read; more than
// 1 MiB is never looked at.
//
// The error's Answer has the upstream's status always. It has a body only if
// the code's row passes answers on, and the body is a JSON error in the shape
// of the dialect that was asked in; the upstream's secrets and address are
// taken out of it. Where it has none the caller renders the error in its own
// words: Public then holds the upstream's message, if there was one that the
// client may see. The first bytes of a body that cannot be shown are in Err,
// for the log.
//
// RetryAfter is a whole number of seconds, and at least one for every answer
// with status 429. Its header then has an integer retry-after.
func (u *Upstream) Refusal(a *Answer, body []byte) *llm.Error {
	body = body[:min(len(body), maxRefusal)]
	r := parseReport(body)
	e := u.fail(u.classify(a, r), opRefusal, nil)
	switch {
	case len(body) == 0:
		e.Err = fmt.Errorf("status %d, and nothing of a body", a.Status)
	case r.shape == unknown || r.message == "":
		e.Err = fmt.Errorf("status %d, and the answer begins: %s", a.Status, u.scrub.sample(body, a.own))
	default:
		// Only the beginning of the message: some upstreams quote prompts in it.
		e.Err = fmt.Errorf("status %d%s%s: %s", a.Status, named("code", r.code), named("type", r.typ), u.scrub.sample([]byte(r.message[:min(len(r.message), maxQuoted)]), a.own))
	}
	wait := waitHint(a, r.message, time.Now())
	e.RetryAfter = roundUp(wait.Seconds())
	row := e.Code.Row()
	if a.Status == http.StatusTooManyRequests {
		e.RetryAfter = max(e.RetryAfter, defaultRetryAfter)
	}
	e.Answer = &llm.Answer{Status: a.Status, Header: a.Header.Clone(), Code: cmp.Or(r.code, r.typ), Wait: wait}
	if e.Answer.Header == nil {
		e.Answer.Header = http.Header{}
	}
	if e.RetryAfter > 0 && !wholeSeconds(e.Answer.Header.Get("Retry-After")) {
		e.Answer.Header.Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter/time.Second), 10))
	}
	switch {
	case !row.PassAnswer:
		e.Answer.Header.Del("Content-Type")
	case r.shape == native(a.op) && !a.foreign:
		e.Answer.Body = u.scrub.clean(body)
		e.Answer.Header["Content-Type"] = jsonType
	default:
		e.Answer.Header.Del("Content-Type")
		e.Public = u.scrub.public(r.message)
	}
	return e
}

// named returns a value with its name, behind a comma; nothing for an empty one.
func named(name, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(", %s %.64s", name, value)
}

// maxUnreadable is how much is read of an answer for the sake of a sample.
const maxUnreadable = 4 << 10

// Unreadable returns the error for a, a success of a content type that no
// dialect has. It reads the beginning of a's Body, for the log.
func (u *Upstream) Unreadable(a *Answer) *llm.Error {
	body, err := io.ReadAll(io.LimitReader(a.Body, maxUnreadable))
	if e, ok := errors.AsType[*llm.Error](err); ok && e.Kind() == llm.Cancelled {
		return e // nobody is interested any more
	}
	return u.fail(llm.CodeUpstreamInvalid, opRead, fmt.Errorf("content type %.100q, and the answer begins: %s", a.Header.Get("Content-Type"), u.scrub.sample(body, a.own)))
}

// Told returns the error for a, a success that tells of a failure in its body.
// The code, or type, and the message are the upstream's, for the log. Where the
// message says how long to wait, RetryAfter is that.
func (u *Upstream) Told(a *Answer, code, message string) *llm.Error {
	e := u.fail(told(code), opRead, fmt.Errorf("told of inside the answer: code %.64q: %q", code, u.scrub.sample([]byte(message), a.own)))
	e.RetryAfter = roundUp(waitInText(message[:min(len(message), maxQuoted)]).Seconds())
	if e.Code == llm.CodeUpstreamLimited {
		e.RetryAfter = max(e.RetryAfter, defaultRetryAfter)
	}
	return e
}

// told returns our code for an upstream's.
func told(code string) llm.Code {
	switch code {
	case "rate_limit_exceeded", "rate_limit_error", "slow_down":
		return llm.CodeUpstreamLimited
	case "content_filter", "content_policy_violation":
		return llm.CodeFiltered
	case "invalid_prompt", "context_length_exceeded", "invalid_request_error":
		return llm.CodeUpstreamRejected
	}
	if slices.Contains(spentCodes, code) {
		return llm.CodeUpstreamQuota
	}
	return llm.CodeUpstreamFailed
}

// native returns the shape of errors in op's dialect.
func native(op llm.Operation) shape {
	if op.Dialect() == llm.Messages {
		return anthropicShape
	}
	return openAIShape
}

var (
	// unknownModelCodes say that the name of the model leads nowhere.
	unknownModelCodes = []string{"model_not_found", "DeploymentNotFound", "unknown_model", "ModelNotFound"} // immutable

	// spentCodes say that the account, and not the pace, is the limit.
	spentCodes = []string{ // immutable
		"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active", "usage_limit_reached", "billing_error",
	}

	// missingObject matches the messages about an id in the request's body, for
	// which some upstreams answer 404 without saying which field they mean.
	missingObject = regexp.MustCompile(`(?i)^(item|(previous )?response|conversation|file|container|vector store)s? with id`)
)

// classify returns the code for an answer.
//
// Source: the cases of OpenAI's and Anthropic's error pages, and Azure's codes
// as its services answer them.
func (u *Upstream) classify(a *Answer, r report) llm.Code {
	says := func(codes []string) bool {
		return slices.Contains(codes, r.code) || slices.Contains(codes, r.typ)
	}
	switch {
	case a.Status < 400:
		return llm.CodeUpstreamInvalid
	case r.code == "content_filter", r.code == "content_policy_violation", r.inner == "ResponsibleAIPolicyViolation":
		return llm.CodeFiltered
	case a.Status >= 500:
		return llm.CodeUpstreamFailed
	case a.Status == http.StatusPaymentRequired, says(spentCodes), strings.Contains(r.message, "credit balance is too low"):
		return llm.CodeUpstreamQuota
	case a.Status == http.StatusTooManyRequests:
		return llm.CodeUpstreamLimited
	case u.passthrough && slices.Contains([]int{401, 403, 404}, a.Status):
		return llm.CodeUpstreamRejected
	case a.op == llm.OpPassthrough && a.Status == http.StatusNotFound:
		return llm.CodeUpstreamRejected // about an object, or the path
	case says(unknownModelCodes):
		return llm.CodeModelUnavailable
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return llm.CodeUpstreamAuth
	case a.Status == http.StatusNotFound && !aboutBody(r):
		return llm.CodeModelUnavailable
	default:
		return llm.CodeUpstreamRejected
	}
}

// aboutBody reports whether a 404 is about something that the client named in
// its request's body, and not about the model or the path.
func aboutBody(r report) bool {
	if r.shape == unknown || r.shape == otherShape {
		return false
	}
	return r.param != "" && r.param != "model" || r.code == "previous_response_not_found" || missingObject.MatchString(r.message)
}

const (
	// defaultRetryAfter is told where an upstream limits and says no time.
	defaultRetryAfter = time.Second

	// maxRetryAfter bounds what an upstream can tell a client to wait.
	maxRetryAfter = 24 * time.Hour

	// maxGuess bounds a wait that is only derived from the state of a limit
	// that may not be the one that was reached.
	maxGuess = time.Minute
)

// waitHint returns how long the upstream says to wait, or zero if it does not
// say: by Retry-After in either form (RFC 9110 §10.2.3) or Retry-After-Ms, which
// is finer where both say the same, by its message, or, if a limit was reached,
// by when its limits reset.
func waitHint(a *Answer, message string, now time.Time) time.Duration {
	h := a.Header
	ms, fine := parseSeconds(h.Get("Retry-After-Ms"), 1e-3)
	if s := h.Get("Retry-After"); s != "" {
		if d, ok := parseSeconds(s, 1); ok {
			if fine && roundUp(ms.Seconds()) == roundUp(d.Seconds()) {
				return ms
			}
			return d
		}
		if at, err := http.ParseTime(s); err == nil {
			return min(max(at.Sub(now), time.Second), maxRetryAfter)
		}
	}
	if fine {
		return ms
	}
	if d := waitInText(message); d > 0 {
		return d
	}
	if a.Status != http.StatusTooManyRequests {
		return 0 // the state of limits comes with every answer
	}
	return untilReset(h)
}

// parseSeconds reads a number of a unit of so many seconds. What is less than
// nothing, or no number, is nothing; it is never more than maxRetryAfter.
func parseSeconds(s string, unit float64) (time.Duration, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return bounded(n * unit), true
}

// bounded returns seconds, between zero and maxRetryAfter.
func bounded(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN too
		return 0
	}
	return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
}

// wait matches "Please retry after 7 seconds" and "try again in 1.5s".
var wait = regexp.MustCompile(`(?i)\b(?:retry|try again) (?:after|in) ([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|milliseconds?|s|seconds?|m|minutes?)\b`)

func waitInText(message string) time.Duration {
	m := wait.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1], 64) // the expression admits numbers alone
	switch unit := strings.ToLower(m[2]); {
	case strings.HasPrefix(unit, "ms"), strings.HasPrefix(unit, "mil"):
		n /= 1000
	case strings.HasPrefix(unit, "m"):
		n *= 60
	}
	return bounded(n)
}

// untilReset returns when the limit that is used up resets. If none is at
// zero, the request was larger than what was left of one of them, and the
// longest is taken, within reason.
func untilReset(h http.Header) time.Duration {
	var spent, longest time.Duration
	for _, what := range []string{"Requests", "Tokens"} {
		reset := resetTime(h.Get("X-Ratelimit-Reset-" + what))
		longest = max(longest, reset)
		if h.Get("X-Ratelimit-Remaining-"+what) == "0" {
			spent = max(spent, reset)
		}
	}
	if spent > 0 {
		return spent
	}
	return min(longest, maxGuess)
}

// resetTime reads "6m0s", "120ms" or a number of seconds.
func resetTime(s string) time.Duration {
	if d, err := time.ParseDuration(s); err == nil {
		return bounded(d.Seconds())
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n <= maxRetryAfter.Seconds() {
		return bounded(n) // a larger one is a point in time, on whose clock nobody says
	}
	return 0
}

// roundUp returns seconds as a whole number of them, between zero and
// maxRetryAfter.
func roundUp(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN too
		return 0
	}
	return time.Duration(math.Ceil(min(seconds, maxRetryAfter.Seconds()))) * time.Second
}

func wholeSeconds(s string) bool {
	n, err := strconv.ParseUint(s, 10, 31)
	return err == nil && n > 0
}
