package health_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/llm"
)

// usual are settings under which everything counts.
var usual = health.Settings{Failures: 3, Ratio: 50, Samples: 10, Window: time.Minute, Out: 10 * time.Second, MaxOut: 30 * time.Second} // immutable

func run(t *health.Target, verdicts ...health.Verdict) {
	for _, v := range verdicts {
		t.Begin().End(v)
	}
}

func wantLevel(t *testing.T, target *health.Target, want health.Level) {
	t.Helper()
	if s := target.State(); s.Level != want {
		t.Errorf("level = %v (%s), want %v", s.Level, s.Why, want)
	}
}

func TestTargetGoesOut(t *testing.T) {
	const n, g, b, l, x = health.Neutral, health.Good, health.Bad, health.Limited, health.Broken
	for _, tt := range []struct {
		name     string
		verdicts []health.Verdict
		want     health.Level
	}{
		{"nothing yet", nil, health.Up},
		{"failures in a row", []health.Verdict{g, b, b, b}, health.Out},
		{"a success between", []health.Verdict{b, b, g, b, b}, health.Up},
		{"clients that leave end no row", []health.Verdict{b, n, b, n, n, b}, health.Out},
		{"clients that leave are no failures", []health.Verdict{n, n, n, n, n, n, n, n, n, n, n, n}, health.Up},
		{"a limit is no failure", []health.Verdict{b, b, l, b, l, l, l}, health.Up},
		{"half of them", []health.Verdict{b, g, b, g, b, g, b, g, b, b}, health.Out},
		{"half of too few", []health.Verdict{b, g, b, g, b, b}, health.Up},
		{"less than half", []health.Verdict{b, g, b, g, b, g, b, g, g, g}, health.Up},
		{"a refused credential", []health.Verdict{g, x}, health.Out},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := usual
				if tt.name == "half of them" || tt.name == "less than half" {
					s.Failures = 0
				}
				target := health.New(s, nil).Target("m")
				run(target, tt.verdicts...)
				wantLevel(t, target, tt.want)
				if s := target.State(); s.InFlight != 0 || (s.Why != "") != (tt.want == health.Out) || s.Until.IsZero() != (tt.want != health.Out) {
					t.Errorf("state = %+v", s)
				}
			})
		})
	}
}

func TestFailuresAreForgottenWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := usual
		s.Failures = 0
		target := health.New(s, nil).Target("m")
		for range 9 {
			run(target, health.Bad)
		}
		time.Sleep(s.Window)
		run(target, health.Bad)
		wantLevel(t, target, health.Up)
		for range 9 {
			run(target, health.Bad)
		}
		wantLevel(t, target, health.Out)
	})
}

func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := health.New(usual, nil).Target("m")
		run(target, health.Bad, health.Bad, health.Bad)
		if target.TryBegin() != nil {
			t.Fatal("a target that is out was begun")
		}
		for _, out := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 30 * time.Second} {
			if got := time.Until(target.State().Until); got != out {
				t.Fatalf("out for %v, want %v", got, out)
			}
			time.Sleep(out - time.Millisecond)
			wantLevel(t, target, health.Out)
			time.Sleep(time.Millisecond)
			wantLevel(t, target, health.Probing)
			probe := target.TryBegin()
			if !probe.Probe() {
				t.Fatal("no probe was let through")
			}
			if target.TryBegin() != nil {
				t.Fatal("a second probe was let through")
			}
			probe.End(health.Bad)
			wantLevel(t, target, health.Out)
		}
		time.Sleep(30 * time.Second)
		gone := target.TryBegin()
		gone.End(health.Neutral) // its client has left: the next may probe
		wantLevel(t, target, health.Probing)
		long := target.TryBegin()
		long.FirstByte()
		next := target.TryBegin()
		if !next.Probe() {
			t.Fatal("while a probe is answered no other was let through")
		}
		long.End(health.Good)
		wantLevel(t, target, health.Up)
		next.End(health.Good)
		run(target, health.Bad, health.Bad)
		wantLevel(t, target, health.Up)
		run(target, health.Bad)
		if got := time.Until(target.State().Until); got != 10*time.Second {
			t.Errorf("after a success it is out for %v, want %v", got, 10*time.Second)
		}
	})
}

func TestLeastBadTargetRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := health.New(usual, nil).Target("m")
		run(target, health.Bad, health.Bad, health.Bad)
		until := target.State().Until
		late := target.Begin() // all others are out too
		time.Sleep(time.Second)
		run(target, health.Bad)
		if got := target.State().Until; !got.After(until) {
			t.Errorf("out until %v, want later than %v", got, until)
		}
		late.End(health.Good)
		wantLevel(t, target, health.Up)
	})
}

func TestAttemptsThatBeganBeforeAddNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := health.New(usual, nil).Target("m")
		old := []*health.Run{target.Begin(), target.Begin(), target.Begin(), target.Begin(), target.Begin(), target.Begin()}
		for _, r := range old {
			r.End(health.Bad)
			r.End(health.Bad) // only the first counts
		}
		if got := time.Until(target.State().Until); got != usual.Out {
			t.Errorf("out for %v, want %v", got, usual.Out)
		}
	})
}

func TestFirstBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := usual
		s.Slow = 5 * time.Second
		target := health.New(s, nil).Target("m")
		answer := func(after time.Duration) {
			r := target.Begin()
			time.Sleep(after)
			r.FirstByte()
			time.Sleep(time.Minute)
			r.FirstByte() // only the first counts
			r.End(health.Good)
		}
		answer(time.Second)
		if got := target.State().FirstByte; got != time.Second {
			t.Errorf("first byte = %v, want 1s", got)
		}
		answer(2 * time.Second)
		if got := target.State().FirstByte; got != 1200*time.Millisecond {
			t.Errorf("first byte = %v, want 1.2s", got)
		}
		answer(6 * time.Second)
		answer(6 * time.Second)
		wantLevel(t, target, health.Up)
		answer(6 * time.Second)
		wantLevel(t, target, health.Out)
	})
}

func TestLimits(t *testing.T) {
	type header = map[string]string
	for _, tt := range []struct {
		name             string
		header           header
		used             float64
		requests, tokens int64
	}{
		{"nothing", header{"Content-Type": "text/plain"}, -1, -1, -1},
		{"utilisation", header{"Azure-Openai-Deployment-Utilization": "87.5%"}, 0.875, -1, -1},
		{"more than all", header{"Azure-Openai-Deployment-Utilization": "130%"}, 1, -1, -1},
		{"nonsense", header{"Azure-Openai-Deployment-Utilization": "NaN", "X-Ratelimit-Remaining-Requests": "-1", "X-Ratelimit-Remaining-Tokens": "many"}, -1, -1, -1},
		{"what is left", header{"X-Ratelimit-Remaining-Requests": "9", "X-Ratelimit-Remaining-Tokens": "1000"}, -1, 9, 1000},
		{"what is left of how much", header{"X-Ratelimit-Remaining-Requests": "9", "X-Ratelimit-Limit-Requests": "10", "X-Ratelimit-Remaining-Tokens": "1000", "X-Ratelimit-Limit-Tokens": "4000"}, 0.75, 9, 1000},
		{"anthropic", header{"Anthropic-Ratelimit-Requests-Remaining": "1", "Anthropic-Ratelimit-Requests-Limit": "2"}, 0.5, 1, -1},
		{"more left than there is", header{"X-Ratelimit-Remaining-Requests": "20", "X-Ratelimit-Limit-Requests": "10"}, 0, 20, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := health.New(usual, nil).Target("m")
				h := http.Header{}
				for name, value := range tt.header {
					h.Set(name, value)
				}
				r := target.Begin()
				r.Limits(h)
				r.Limits(http.Header{}) // says nothing, changes nothing
				r.End(health.Good)
				if s := target.State(); s.Used != tt.used || s.Requests != tt.requests || s.Tokens != tt.tokens {
					t.Errorf("used %v, requests %d, tokens %d, want %v, %d, %d", s.Used, s.Requests, s.Tokens, tt.used, tt.requests, tt.tokens)
				}
				time.Sleep(2 * time.Minute)
				if s := target.State(); s.Used != -1 || s.Requests != -1 || s.Tokens != -1 {
					t.Errorf("what was told long ago is believed: %+v", s)
				}
			})
		})
	}
}

func TestLimitedUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := health.New(usual, nil).Target("m")
		r := target.Begin()
		r.Limited(7 * time.Second)
		r.Limited(2 * time.Second)
		r.End(health.Limited)
		if got := time.Until(target.State().LimitedUntil); got != 7*time.Second {
			t.Errorf("limited for %v, want 7s", got)
		}
		wantLevel(t, target, health.Up)
		time.Sleep(7 * time.Second)
		if s := target.State(); !s.LimitedUntil.IsZero() {
			t.Errorf("limited until %v, want not any more", s.LimitedUntil)
		}
	})
}

func TestVerdictOf(t *testing.T) {
	for err, want := range map[error]health.Verdict{
		nil:                                     health.Good,
		errors.New("ours"):                      health.Neutral,
		&llm.Error{}:                            health.Neutral,
		&llm.Error{Code: llm.CodeClientClosed}:  health.Neutral,
		&llm.Error{Code: llm.CodeClientTooSlow}: health.Neutral,
		&llm.Error{Code: llm.CodeShuttingDown}:  health.Neutral,
		&llm.Error{Code: llm.CodeInvalidValue}:  health.Neutral,
		&llm.Error{Code: llm.CodeUpstreamBusy}:  health.Neutral,
		&llm.Error{Code: llm.CodeUpstreamRejected, Answer: &llm.Answer{Status: 400}}: health.Neutral,
		&llm.Error{Code: llm.CodeUpstreamRejected, Answer: &llm.Answer{Status: 408}}: health.Bad,
		&llm.Error{Code: llm.CodeFiltered, Answer: &llm.Answer{Status: 400}}:         health.Good,
		&llm.Error{Code: llm.CodeUpstreamLimited, Answer: &llm.Answer{Status: 429}}:  health.Limited,
		&llm.Error{Code: llm.CodeUpstreamQuota, Answer: &llm.Answer{Status: 429}}:    health.Limited,
		&llm.Error{Code: llm.CodeUpstreamAuth, Answer: &llm.Answer{Status: 401}}:     health.Broken,
		&llm.Error{Code: llm.CodeUpstreamFailed, Answer: &llm.Answer{Status: 503}}:   health.Bad,
		&llm.Error{Code: llm.CodeUpstreamConnect}:                                    health.Bad,
		&llm.Error{Code: llm.CodeUpstreamTruncated}:                                  health.Bad,
		&llm.Error{Code: llm.CodeIdleTimeout}:                                        health.Bad,
	} {
		if got := health.VerdictOf(err); got != want {
			t.Errorf("VerdictOf(%v) = %v, want %v", err, got, want)
		}
	}
}

func TestTargetsAreBounded(t *testing.T) {
	u := health.New(usual, nil)
	first := u.Target("0")
	for i := range 5000 {
		u.Target(string(rune('a' + i)))
	}
	if u.Target("0") != first || u.Target("another") != u.Target("one more") {
		t.Error("a target is not the same any more, or there is no bound")
	}
}

func FuzzLimits(f *testing.F) {
	f.Add("87.5%", "9", "10", "1000", "4000")
	f.Add("NaN", "-1", "0", "99999999999999999999", "Inf")
	f.Fuzz(func(t *testing.T, used, requests, ofRequests, tokens, ofTokens string) {
		target := health.New(usual, nil).Target("m")
		r := target.Begin()
		r.Limits(http.Header{
			"Azure-Openai-Deployment-Utilization": {used},
			"X-Ratelimit-Remaining-Requests":      {requests}, "X-Ratelimit-Limit-Requests": {ofRequests},
			"Anthropic-Ratelimit-Tokens-Remaining": {tokens}, "Anthropic-Ratelimit-Tokens-Limit": {ofTokens},
		})
		r.End(health.Good)
		s := target.State()
		if !(s.Used == -1 || s.Used >= 0 && s.Used <= 1) || s.Requests < -1 || s.Tokens < -1 {
			t.Errorf("used %v, requests %d, tokens %d", s.Used, s.Requests, s.Tokens)
		}
	})
}
