package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/retry"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/upstream"
)

// A Watch is what is done about an upstream that may fail.
type Watch struct {
	Health *health.Upstream
	Retry  retry.Policy
	Commit Commit
}

// A Commit says when an attempt at a stream counts: from then on no other
// takes its place.
type Commit uint8

// The commits.
const (
	CommitAuto   Commit = iota // as CommitEvent if there is more than one target, else as CommitStatus
	CommitStatus               // with the upstream's status, which the client then has at once
	CommitEvent                // with the first event that means something
)

// Watches are those of the upstreams, by their names. Of one that is not among
// them nothing is known, and nothing is tried again there.
type Watches map[string]*Watch

// Of is [route.Health].
func (w Watches) Of(id route.ID) route.Vitals {
	watch := w[id.Upstream]
	if watch == nil {
		return route.Vitals{}
	}
	s := watch.Health.Target(id.Model).State()
	v := route.Vitals{Out: s.Level == health.Out, Why: s.Why, InFlight: s.InFlight, FirstByte: s.FirstByte, Utilization: max(s.Used, 0)}
	if !s.LimitedUntil.IsZero() {
		v.Out, v.Why = true, "it has asked for fewer requests"
	}
	if s.Requests >= 0 {
		v.Requests = route.Quota{Known: true, Left: s.Requests}
	}
	if s.Tokens >= 0 {
		v.Tokens = route.Quota{Known: true, Left: s.Tokens}
	}
	return v
}

// noWatch is that of an upstream of which nothing is known.
var noWatch = &Watch{Retry: retry.Policy{Attempts: 1}} // immutable

// further is what the loop of attempts knows beside the present one.
type further struct {
	decision route.Decision
	plan     *retry.Plan
	place    int      // of the present target among the candidates
	asked    []string // the upstreams that have had an attempt
	failure  error    // of the last attempt that was made
	steps    []string // what followed on each attempt that was made and failed, and why

	mended dialect.Trim // what the request goes without since it was refused for it; only once
}

// carry is the loop of attempts: it sends the request to a target and passes
// the answer on, and comes back to try again as long as the client has been
// sent nothing and another try may help.
func (x *exchange) carry() error {
	x.plan = retry.Begin(time.Now(), rand.Float64)
	defer func() { x.leave(health.Neutral) }() // after a panic
	for {
		err := x.enter()
		if err == nil {
			err = x.step(StepAttempt, (*exchange).attempt)
		}
		if err == nil {
			err = x.step(StepRelay, (*exchange).relay)
		}
		x.leave(x.verdict(err))
		if err == nil || x.sent {
			return err
		}
		if err := x.again(err); err != nil {
			return err
		}
	}
}

// watch returns that of the present target's upstream.
func (x *exchange) watch() *Watch {
	if w := x.snap.Watches[x.target.Upstream]; w != nil {
		return w
	}
	return noWatch
}

// enter takes a place at the present target. It waits for one only where there
// is nothing else to try. The error is CodeUpstreamBusy.
func (x *exchange) enter() error {
	h := x.watch().Health
	if h == nil || x.target.Lane == llm.Estimated {
		return nil
	}
	elsewhere := x.other(false) >= 0
	if elsewhere {
		leave, ok := h.TryEnter()
		if !ok {
			return &llm.Error{Code: llm.CodeUpstreamBusy, Op: opCarry, Upstream: x.target.Upstream, RetryAfter: time.Second}
		}
		x.leavePlace = leave
	} else {
		leave, err := h.Enter(x.r.Context(), x.caller.Principal.Tenant)
		if err != nil {
			return x.named(err)
		}
		x.leavePlace = leave
	}
	target := h.Target(x.target.ID().Model)
	if x.run = target.TryBegin(); x.run == nil {
		if x.target.Standing != route.Out && elsewhere {
			return &llm.Error{Code: llm.CodeUpstreamBusy, Op: opCarry, Upstream: x.target.Upstream, RetryAfter: time.Second}
		}
		x.run = target.Begin()
		x.w.Header()[headerDegraded] = []string{"true"}
	}
	if !slices.Contains(x.asked, x.target.Upstream) {
		x.asked = append(x.asked, x.target.Upstream)
		h.Asked()
	}
	return nil
}

const opCarry = "gateway.carry"

// The headers of the loop.
const (
	headerAttempts = "X-Weir-Attempts"
	headerDegraded = "X-Weir-Degraded" // the target does not work as far as anybody knows, nor does another
)

// leave ends an attempt for those who look after its target. It may be called
// again.
func (x *exchange) leave(v health.Verdict) {
	x.run.End(v)
	if x.leavePlace != nil {
		x.leavePlace()
		x.leavePlace = nil
	}
}

// verdict returns what the present attempt, which has ended with err, says of
// its target.
func (x *exchange) verdict(err error) health.Verdict {
	if err == nil && x.told != nil {
		err = x.told
	}
	e := llm.AsError(err)
	if e != nil && e.RetryAfter > 0 && e.Kind() == llm.UpstreamLimited {
		x.run.Limited(e.RetryAfter)
	}
	return health.VerdictOf(err)
}

// other returns the place of the next target to try, at another upstream if
// the account of the present one is spent, or -1.
func (x *exchange) other(account bool) int {
	for i := x.place + 1; i < len(x.decision.Candidates); i++ {
		c := &x.decision.Candidates[i]
		switch {
		case account && c.Upstream == x.target.Upstream:
		case c.Standing == route.Out && x.plan.Attempts() > 0: // it is left alone
		case len(x.unknown) > 0 && x.unknownAt(c) != nil:
		default:
			return i
		}
	}
	return -1
}

// aim makes the candidate at a place the present target.
func (x *exchange) aim(place int) {
	c := x.decision.Candidates[place]
	x.place = place
	x.try = try{target: c, up: x.snap.Upstreams[c.Upstream]}
	x.entry.Upstream, x.entry.Target, x.entry.Lane = c.Upstream, c.Model, c.Lane
}

// more reports whether another attempt may follow the present one, if that
// fails before the client is sent anything. What the attempt needs of the
// request is kept until then. The first that finds a dead connection is always
// followed by another, the last one too.
func (x *exchange) more() bool {
	return x.plan != nil && (x.plan.Attempts() < x.watch().Retry.Attempts || !x.plan.Freed()) || x.mendable() || x.op.Counts()
}

// holdsStream reports whether a stream is held back until it means something:
// until then another attempt can take its place.
func (x *exchange) holdsStream() bool {
	w := x.watch()
	if x.plan == nil || x.plan.Attempts() >= w.Retry.Attempts {
		return false
	}
	return w.Commit == CommitEvent || w.Commit == CommitAuto && len(x.decision.Candidates) > 1
}

// maxHold bounds how long a stream is held back while something comes that
// means nothing: until then its client hears nothing at all, and many give up on
// an answer without a head after a minute.
const maxHold = 30 * time.Second

// heldLong reports whether the stream has been held back for long enough.
func (x *exchange) heldLong() bool {
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	return time.Since(x.began)-a.FirstByte > maxHold
}

// after decides what follows on err, once for each attempt.
func (x *exchange) after(err error) retry.Step {
	if x.next != nil {
		return *x.next
	}
	if !x.cure.None() {
		x.next = &retry.Step{Move: retry.Again, Why: "without what was refused"}
		return *x.next
	}
	w := x.watch()
	rest := retry.Rest{Other: x.other(false) >= 0, Account: x.other(true) >= 0}
	if w.Health != nil {
		rest.Take = w.Health.TakeTry
	}
	advice := retry.Advise(&w.Retry, retry.Failure{
		Err: err, Ollama: x.up.Kind() == upstream.Ollama, Reused: errors.Is(err, upstream.ErrReusedConnection),
	})
	step := x.plan.After(&w.Retry, advice, time.Now(), rest)
	x.next = &step
	return step
}

// again makes the exchange ready for another attempt after err, or returns the
// error that it ends with.
func (x *exchange) again(err error) error {
	made := !x.began.IsZero()
	if made {
		x.failure = err
	}
	step := x.after(err)
	if made {
		x.steps = append(x.steps, stepText(step))
	}
	if step.Move == retry.Stop {
		if x.failure != nil && !made && llm.AsError(err).Kind() != llm.Cancelled {
			return x.failure // what an upstream has said counts for more than what nobody was asked
		}
		return err
	}
	place := x.place
	if step.Move == retry.Other {
		e := llm.AsError(err)
		place = x.other(e.Code == llm.CodeUpstreamQuota)
	}
	if !x.cure.None() {
		x.mended = x.cure
	}
	x.endTry(err, stepText(step))
	x.aim(place)
	return x.pause(step.Wait)
}

// stepText says for people what follows, and why.
func stepText(s retry.Step) string {
	what := [...]string{retry.Stop: "the end", retry.Again: "again", retry.Other: "the next target"}[s.Move]
	if s.Wait > 0 {
		what += " after " + s.Wait.Round(time.Millisecond).String()
	}
	return what + ": " + s.Why
}

// pause waits, unless the exchange ends.
func (x *exchange) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.r.Context().Done():
		return &llm.Error{Code: llm.CodeClientClosed, Op: opCarry, Err: context.Cause(x.r.Context())}
	}
}

// endTry takes back all that an attempt has made after which there is another,
// and closes its account.
func (x *exchange) endTry(err error, next string) {
	if !x.began.IsZero() {
		e := llm.AsError(err)
		a := &x.entry.Attempts[len(x.entry.Attempts)-1]
		a.Total, a.Code, a.Usage = time.Since(x.began), e.Code, x.usage(e)
		for _, o := range x.h.observers {
			o.AttemptDone(x.id, a, e, next)
		}
	}
	if x.answer != nil {
		_ = x.answer.Body.Close() // its errors have been seen
	}
	if x.tap != nil {
		x.tap.Free()
	}
	x.translation.free()
	if x.out != nil && x.out != x.body {
		x.out.unreserve() // also where the transport never says that it is done
	}
	delete(x.w.Header(), headerLossy)
	x.entry.Lossy = ""
	delete(x.w.Header(), headerDegraded)
}

// countAttempts tells the client how many attempts there were, if there were
// at least so many.
func (x *exchange) countAttempts(least int) {
	if n := len(x.entry.Attempts); n >= least {
		x.w.Header()[headerAttempts] = []string{strconv.Itoa(n)}
	}
}
