package retry_test

import (
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/retry"
)

// A world plays exchanges through without waiting.
type world struct {
	now   time.Time
	plan  *retry.Plan
	takes int // tries that the budget has; negative for any number
}

func begin() *world {
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), takes: -1}
	w.plan = retry.Begin(w.now, func() float64 { return 0.5 })
	return w
}

// fail lets an attempt fail and returns what comes next.
func (w *world) fail(p retry.Policy, a retry.Advice, other bool) retry.Step {
	w.plan.Tried()
	s := w.plan.After(&p, a, w.now, retry.Rest{Other: other, Account: other, Take: func() bool { w.takes--; return w.takes != -1 }})
	w.now = w.now.Add(s.Wait)
	return s
}

func want(t *testing.T, got retry.Step, move retry.Move, wait time.Duration) {
	t.Helper()
	if got.Move != move || got.Wait != wait {
		t.Errorf("step = %+v, want move %v after %v", got, move, wait)
	}
	if got.Why == "" {
		t.Error("it does not say why")
	}
}

var (
	same  = retry.Advice{Verdict: retry.Same, Why: "status 503"} // immutable
	final = retry.Advice{Why: "status 400"}                      // immutable
)

func TestPlanOfOneTarget(t *testing.T) {
	w := begin()
	want(t, w.fail(standard, same, false), retry.Again, 750*time.Millisecond)
	want(t, w.fail(standard, same, false), retry.Stop, 0)
	patient := standard
	patient.Retries = 3
	w = begin()
	for _, wait := range []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second} {
		want(t, w.fail(patient, same, false), retry.Again, wait)
	}
	want(t, w.fail(patient, same, false), retry.Stop, 0)
	want(t, begin().fail(retry.Policy{}, same, true), retry.Stop, 0)
	want(t, begin().fail(standard, final, true), retry.Stop, 0)
}

func TestPlanOfSeveralTargets(t *testing.T) {
	w := begin()
	want(t, w.fail(standard, same, true), retry.Again, 750*time.Millisecond)
	want(t, w.fail(standard, same, true), retry.Other, 0)
	want(t, w.fail(standard, same, true), retry.Again, 750*time.Millisecond) // it begins anew
	want(t, w.fail(standard, same, true), retry.Other, 0)
	want(t, w.fail(standard, retry.Advice{Verdict: retry.Next, Why: "TLS"}, true), retry.Other, 0)
	want(t, w.fail(standard, same, true), retry.Stop, 0) // six attempts
	if n := w.plan.Attempts(); n != 6 {
		t.Errorf("%d attempts, want 6", n)
	}
	want(t, begin().fail(standard, retry.Advice{Verdict: retry.Next, Why: "TLS"}, false), retry.Stop, 0)
	once := standard
	once.Retries = 0
	want(t, begin().fail(once, same, true), retry.Other, 0)
}

func TestPlanHonoursWhatUpstreamsAskFor(t *testing.T) {
	asks := func(wait time.Duration) retry.Advice {
		return retry.Advice{Verdict: retry.Same, Wait: wait, Why: "status 429"}
	}
	want(t, begin().fail(standard, asks(7*time.Second), false), retry.Again, 7*time.Second)
	want(t, begin().fail(standard, asks(120*time.Millisecond), false), retry.Again, 120*time.Millisecond)
	want(t, begin().fail(standard, asks(31*time.Second), false), retry.Stop, 0)
	want(t, begin().fail(standard, asks(120*time.Millisecond), true), retry.Other, 0)
	want(t, begin().fail(standard, retry.Advice{Verdict: retry.Same, Slower: true, Why: "slow_down"}, false), retry.Again, 1500*time.Millisecond)
}

func TestPlanOfSpentAccounts(t *testing.T) {
	spent := retry.Advice{Verdict: retry.Account, Why: "spent"}
	for rest, move := range map[[2]bool]retry.Move{
		{false, false}: retry.Stop,
		{true, false}:  retry.Stop,
		{true, true}:   retry.Other,
	} {
		pl := retry.Begin(time.Time{}, nil)
		pl.Tried()
		want(t, pl.After(&standard, spent, time.Time{}, retry.Rest{Other: rest[0], Account: rest[1]}), move, 0)
	}
}

func TestPlanIsBoundedInTime(t *testing.T) {
	p := standard
	p.Retries, p.Attempts, p.Within = 100, 100, 10*time.Second
	w := begin()
	for w.fail(p, same, false).Move == retry.Again {
	}
	if took := w.now.Sub(begin().now); took > p.Within || took < p.Within/2 {
		t.Errorf("the last attempt began after %v, want within %v", took, p.Within)
	}
	w = begin()
	w.now = w.now.Add(p.Within + 1)
	want(t, w.fail(p, same, true), retry.Stop, 0)
}

func TestPlanAsksTheBudget(t *testing.T) {
	p := standard
	p.Retries = 10
	w := begin()
	w.takes = 1
	want(t, w.fail(p, same, false), retry.Again, 750*time.Millisecond)
	want(t, w.fail(p, same, false), retry.Stop, 0)
	w = begin()
	w.takes = 0
	want(t, w.fail(p, same, true), retry.Other, 0) // which takes nothing of it
}

func TestPlanGivesOneAttemptForADeadConnection(t *testing.T) {
	dead := retry.Advice{Verdict: retry.Same, Free: true, Why: "lost"}
	w := begin()
	w.takes = 0
	want(t, w.fail(retry.Policy{Attempts: 1}, dead, false), retry.Again, 0)
	want(t, w.fail(retry.Policy{Attempts: 1}, dead, false), retry.Stop, 0)
	if n := w.plan.Attempts(); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

func TestPlanOfOneMoreTry(t *testing.T) {
	once := retry.Advice{Verdict: retry.Same, Once: true, Why: "status 401"}
	p := standard
	p.Retries = 0
	w := begin()
	want(t, w.fail(p, once, false), retry.Again, 750*time.Millisecond)
	want(t, w.fail(p, once, false), retry.Stop, 0)
	p.Retries = 3
	w = begin()
	want(t, w.fail(p, once, false), retry.Again, 750*time.Millisecond)
	want(t, w.fail(p, once, false), retry.Stop, 0)
}
