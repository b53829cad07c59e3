package retry_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/retry"
)

// standard is the policy of most tests.
var standard = retry.Policy{ // immutable
	Attempts: 6, Retries: 1, Base: time.Second, Max: 8 * time.Second, Honour: 30 * time.Second, Within: 10 * time.Minute,
	Statuses: []int{408, 409, 425, 429, 500, 502, 503, 504, 529},
}

func answered(code llm.Code, status int, own string, wait time.Duration) error {
	return &llm.Error{Code: code, Answer: &llm.Answer{Status: status, Code: own, Wait: wait}}
}

// said is a 503 with x-should-retry.
func said(should string) error {
	return &llm.Error{Code: llm.CodeUpstreamFailed, Answer: &llm.Answer{Status: 503, Header: http.Header{"X-Should-Retry": {should}}}}
}

func broken(code llm.Code) error { return &llm.Error{Code: code} }

// TestAdvise has a row for each failure that providers are known for.
func TestAdvise(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name    string
		failure retry.Failure
		want    retry.Advice // but for Why
	}{
		{"OpenAI's rate limit", retry.Failure{Err: answered(llm.CodeUpstreamLimited, 429, "rate_limit_exceeded", 2*s)}, retry.Advice{Verdict: retry.Same, Wait: 2 * s}},
		{"OpenAI's ramp-up", retry.Failure{Err: answered(llm.CodeUpstreamLimited, 429, "slow_down", 0)}, retry.Advice{Verdict: retry.Same, Slower: true}},
		{"OpenAI's ramp-up of old", retry.Failure{Err: answered(llm.CodeUpstreamFailed, 503, "slow_down", 0)}, retry.Advice{Verdict: retry.Same, Slower: true}},
		{"OpenAI is overloaded", retry.Failure{Err: answered(llm.CodeUpstreamFailed, 503, "server_is_overloaded", 0)}, retry.Advice{Verdict: retry.Same}},
		{"no credit", retry.Failure{Err: answered(llm.CodeUpstreamQuota, 429, "insufficient_quota", 0)}, retry.Advice{Verdict: retry.Account}},
		{"Azure's rate limit", retry.Failure{Err: answered(llm.CodeUpstreamLimited, 429, "RateLimitReached", 7*s)}, retry.Advice{Verdict: retry.Same, Wait: 7 * s}},
		{"Azure has no such deployment", retry.Failure{Err: answered(llm.CodeModelUnavailable, 404, "DeploymentNotFound", 0)}, retry.Advice{}},
		{"Azure has no such path", retry.Failure{Err: answered(llm.CodeModelUnavailable, 404, "404", 0)}, retry.Advice{}},
		{"Azure's key", retry.Failure{Err: answered(llm.CodeUpstreamAuth, 401, "401", 0)}, retry.Advice{}},
		{"Azure's role", retry.Failure{Err: answered(llm.CodeUpstreamAuth, 403, "PermissionDenied", 0)}, retry.Advice{}},
		{"content filter", retry.Failure{Err: answered(llm.CodeFiltered, 400, "content_filter", 0)}, retry.Advice{}},
		{"content filter with a status that is on the list", retry.Failure{Err: answered(llm.CodeFiltered, 500, "content_filter", 0)}, retry.Advice{}},
		{"Foundry's intermittent refusal", retry.Failure{Err: answered(llm.CodeUpstreamAuth, 401, "invalid_model_endpoint_authentication", 0)}, retry.Advice{Verdict: retry.Same, Once: true}},
		{"the context is too long", retry.Failure{Err: answered(llm.CodeUpstreamRejected, 400, "context_length_exceeded", 0)}, retry.Advice{}},
		{"no such model", retry.Failure{Err: answered(llm.CodeModelUnavailable, 404, "model_not_found", 0)}, retry.Advice{}},
		{"somebody else's reasoning", retry.Failure{Err: answered(llm.CodeUpstreamRejected, 400, "invalid_encrypted_content", 0)}, retry.Advice{}},
		{"no such item", retry.Failure{Err: answered(llm.CodeUpstreamRejected, 404, "", 0)}, retry.Advice{}},
		{"Anthropic is overloaded", retry.Failure{Err: answered(llm.CodeUpstreamFailed, 529, "overloaded_error", 0)}, retry.Advice{Verdict: retry.Same}},
		{"Ollama has no such model", retry.Failure{Err: answered(llm.CodeModelUnavailable, 404, "not_found_error", 0), Ollama: true}, retry.Advice{Verdict: retry.Next}},
		{"Ollama is busy", retry.Failure{Err: answered(llm.CodeUpstreamFailed, 503, "", 0), Ollama: true}, retry.Advice{Verdict: retry.Same}},
		{"conflict", retry.Failure{Err: answered(llm.CodeUpstreamRejected, 409, "", 0)}, retry.Advice{Verdict: retry.Same}},
		{"a status that is not on the list", retry.Failure{Err: answered(llm.CodeUpstreamFailed, 501, "", 0)}, retry.Advice{}},
		{"too large", retry.Failure{Err: answered(llm.CodeUpstreamRejected, 413, "", 0)}, retry.Advice{}},
		{"nobody should try again", retry.Failure{Err: said("false")}, retry.Advice{Verdict: retry.Next}},
		{"somebody should", retry.Failure{Err: said("true")}, retry.Advice{Verdict: retry.Same}},
		{"not reached", retry.Failure{Err: broken(llm.CodeUpstreamConnect)}, retry.Advice{Verdict: retry.Same}},
		{"not reached in time", retry.Failure{Err: broken(llm.CodeConnectTimeout)}, retry.Advice{Verdict: retry.Same}},
		{"no certificate", retry.Failure{Err: broken(llm.CodeUpstreamTLS)}, retry.Advice{Verdict: retry.Next}},
		{"lost", retry.Failure{Err: broken(llm.CodeUpstreamLost)}, retry.Advice{Verdict: retry.Same}},
		{"lost on a connection of before", retry.Failure{Err: broken(llm.CodeUpstreamLost), Reused: true}, retry.Advice{Verdict: retry.Same, Free: true}},
		{"no first byte", retry.Failure{Err: broken(llm.CodeFirstByteTimeout)}, retry.Advice{Verdict: retry.Same}},
		{"stalled", retry.Failure{Err: broken(llm.CodeIdleTimeout)}, retry.Advice{Verdict: retry.Same}},
		{"out of time", retry.Failure{Err: broken(llm.CodeTotalTimeout)}, retry.Advice{}},
		{"cut", retry.Failure{Err: broken(llm.CodeUpstreamTruncated)}, retry.Advice{Verdict: retry.Same}},
		{"a page", retry.Failure{Err: broken(llm.CodeUpstreamInvalid)}, retry.Advice{Verdict: retry.Same}},
		{"a redirect", retry.Failure{Err: answered(llm.CodeUpstreamInvalid, 302, "", 0)}, retry.Advice{Verdict: retry.Next}},
		{"an error inside a success", retry.Failure{Err: broken(llm.CodeUpstreamFailed)}, retry.Advice{Verdict: retry.Same}},
		{"a limit inside a success", retry.Failure{Err: &llm.Error{Code: llm.CodeUpstreamLimited, RetryAfter: s}}, retry.Advice{Verdict: retry.Same, Wait: s}},
		{"a filter inside a success", retry.Failure{Err: broken(llm.CodeFiltered)}, retry.Advice{}},
		{"the account inside a success", retry.Failure{Err: broken(llm.CodeUpstreamQuota)}, retry.Advice{Verdict: retry.Account}},
		{"no place", retry.Failure{Err: broken(llm.CodeUpstreamBusy)}, retry.Advice{Verdict: retry.Next}},
		{"the target cannot be asked so", retry.Failure{Err: broken(llm.CodeUnsupportedParameter)}, retry.Advice{Verdict: retry.Next}},
		{"the client has left", retry.Failure{Err: broken(llm.CodeClientClosed)}, retry.Advice{}},
		{"the client has left a refusal", retry.Failure{Err: answered(llm.CodeClientClosed, 503, "", 0)}, retry.Advice{}},
		{"the client's fault", retry.Failure{Err: broken(llm.CodeInvalidValue)}, retry.Advice{}},
		{"a fault of ours", retry.Failure{Err: errors.New("x")}, retry.Advice{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := retry.Advise(&standard, tt.failure)
			if got.Why == "" {
				t.Error("it does not say why")
			}
			got.Why = ""
			if got != tt.want {
				t.Errorf("Advise = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestStatusesAreAuthoritative(t *testing.T) {
	p := standard
	p.Statuses = []int{418, 400, 401, 403, 404}
	for status, want := range map[int]retry.Verdict{
		418: retry.Same, 429: retry.Final, 500: retry.Final, 503: retry.Final,
		400: retry.Final, 401: retry.Final, 403: retry.Final, 404: retry.Final,
	} {
		if got := retry.Advise(&p, retry.Failure{Err: answered(llm.CodeUpstreamFailed, status, "", 0)}); got.Verdict != want {
			t.Errorf("status %d is %v, want %v", status, got.Verdict, want)
		}
	}
	if got := retry.Advise(&p, retry.Failure{Err: broken(llm.CodeUpstreamLimited)}); got.Verdict != retry.Final {
		t.Errorf("a limit inside a success is %v without 429 on the list, want final", got.Verdict)
	}
}

func TestWaits(t *testing.T) {
	patient := retry.Policy{Base: time.Second, Max: 8 * time.Second}
	seed := retry.Policy{Base: 800 * time.Millisecond, Max: 8 * time.Second, Jitter: retry.Added}
	const almost = 1 - 1e-9
	for _, tt := range []struct {
		name   string
		p      retry.Policy
		n      int
		chance float64
		want   time.Duration
	}{
		{"least", patient, 1, 0, 500 * time.Millisecond},
		{"half", patient, 1, 0.5, 750 * time.Millisecond},
		{"second", patient, 2, 0, time.Second},
		{"third", patient, 3, 0, 2 * time.Second},
		{"fourth", patient, 4, 0, 4 * time.Second},
		{"capped", patient, 50, 0.5, 6 * time.Second},
		{"added, least", seed, 1, 0, 800 * time.Millisecond},
		{"added, most", seed, 1, almost, 999 * time.Millisecond},
		{"added, second", seed, 2, 0.5, 1800 * time.Millisecond},
		{"added, capped", seed, 9, almost, 8 * time.Second},
		{"nothing", retry.Policy{}, 1, 0.5, 0},
	} {
		if got := tt.p.Wait(tt.n, tt.chance); got != tt.want {
			t.Errorf("%s: Wait(%d, %v) = %v, want %v", tt.name, tt.n, tt.chance, got, tt.want)
		}
	}
}
