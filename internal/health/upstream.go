package health

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Settings say when a target is left alone, and how much an upstream may be
// asked. They can be compared: two upstreams with the same settings and the
// same address are the same one. The zero value bounds nothing and leaves
// nothing alone.
type Settings struct {
	// Failures in a row put a target out. Zero: they never do.
	Failures int

	// Ratio is the percentage of failed attempts within Window that puts a
	// target out, if there were at least Samples. Zero: it never does.
	Ratio   int
	Samples int
	Window  time.Duration

	// Slow is a first byte that counts as a failure. Zero: none does.
	Slow time.Duration

	// Out is how long a target is left alone. It doubles each time until an
	// attempt succeeds, up to MaxOut.
	Out, MaxOut time.Duration

	// InFlight is how many attempts may run at the upstream at once. Zero: any
	// number. Queue is how many may wait for that, and Wait how long one may.
	InFlight int
	Queue    int
	Wait     time.Duration

	// Budget is how many attempts in a hundred may be tries at a target that
	// has just failed. Zero: any number.
	Budget int

	// Every is how often the upstream is asked whether it is there, and
	// Timeout how long it may take to answer. Zero: it never is.
	Every, Timeout time.Duration
}

// maxTargets is how many targets of one upstream are told apart: the name of a
// model can be the client's own.
const maxTargets = 1024

// An Upstream is what is known of one account at one provider. It may be used
// by many goroutines at once.
type Upstream struct {
	settings Settings
	gate     gate
	budget   budget
	down     atomic.Pointer[string] // why, if it does not answer checks

	mu      sync.Mutex
	targets map[string]*Target

	stop context.CancelFunc
	done sync.WaitGroup
}

// New returns an upstream of which nothing is known. Check asks whether it is
// there, every [Settings.Every], until [Upstream.Close]; it may be nil. The
// context that it gets ends in time.
func New(s Settings, check func(context.Context) error) *Upstream {
	u := &Upstream{settings: s, targets: make(map[string]*Target), stop: func() {}}
	u.gate.init(s)
	u.budget.init(s.Budget)
	if check != nil && s.Every > 0 {
		ctx, stop := context.WithCancel(context.Background())
		u.stop = stop
		u.done.Go(func() { u.watch(ctx, check) })
	}
	return u
}

// Close ends the checks and waits for the one under way. Everything else may
// still be used: exchanges that have begun keep what they have.
func (u *Upstream) Close() {
	u.stop()
	u.done.Wait()
}

// Target returns the target for what the upstream calls model, always the same
// one. Of more than 1,024 models the further ones share one.
func (u *Upstream) Target(model string) *Target {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.targets[model]; t != nil {
		return t
	}
	if len(u.targets) >= maxTargets {
		model = ""
		if t := u.targets[model]; t != nil {
			return t
		}
	}
	t := &Target{up: u}
	u.targets[model] = t
	return t
}

// Enter waits for one of the places of an attempt; see gate.go.
func (u *Upstream) Enter(ctx context.Context, tenant string) (leave func(), err error) {
	return u.gate.enter(ctx, tenant)
}

// TryEnter is Enter where somewhere else is free perhaps: it does not wait,
// and reports whether there was a place.
func (u *Upstream) TryEnter() (leave func(), ok bool) { return u.gate.tryEnter() }

// Load returns how many places are taken, how many there are (zero: any
// number), and how many wait for one.
func (u *Upstream) Load() (taken, places, waiting int) { return u.gate.load() }

// Asked counts a request at the upstream: the first attempt of an exchange
// there. Tries grow from it.
func (u *Upstream) Asked() { u.budget.asked() }

// TakeTry takes one try from the budget, and reports whether there was one.
func (u *Upstream) TakeTry() bool { return u.budget.take() }

// Down returns why the upstream does not answer checks; empty if it does, or
// is not asked.
func (u *Upstream) Down() string {
	if why := u.down.Load(); why != nil {
		return *why
	}
	return ""
}

// falls is how many checks in a row must fail.
const falls = 2

// watch asks again and again.
func (u *Upstream) watch(ctx context.Context, check func(context.Context) error) {
	tick := time.NewTicker(u.settings.Every)
	defer tick.Stop()
	failed := 0
	for {
		within, cancel := context.WithTimeout(ctx, u.settings.Timeout)
		err := check(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failed = 0
			if u.down.Swap(nil) != nil {
				u.release()
			}
		default:
			if failed++; failed >= falls {
				why := "it does not answer checks: " + err.Error()
				u.down.Store(&why)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// release lets every target be tried.
func (u *Upstream) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.targets {
		t.release()
	}
}
