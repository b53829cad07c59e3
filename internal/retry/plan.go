package retry

import (
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A Plan counts the attempts of one exchange. One goroutine uses it.
type Plan struct {
	began    time.Time
	chance   func() float64
	attempts int
	tries    int // at the target that was tried last
	free     bool
	once     bool
}

// Begin returns the plan of an exchange whose first attempt begins now. Chance
// returns numbers from 0 up to 1, as [math/rand/v2.Float64] does.
func Begin(now time.Time, chance func() float64) *Plan {
	return &Plan{began: now, chance: chance}
}

// Attempts returns how many there have been.
func (pl *Plan) Attempts() int { return pl.attempts }

// Freed reports whether there was one that does not count. There is no second.
func (pl *Plan) Freed() bool { return pl.free }

// A Move is what to do next.
type Move uint8

// The moves.
const (
	Stop  Move = iota // answer with the failure
	Again             // the same target
	Other             // the next target; of another upstream if the verdict was Account
)

// A Step is what to do next, and how long to wait before.
type Step struct {
	Move Move
	Wait time.Duration
	Why  string // for people
}

// A Rest is what is left to try.
type Rest struct {
	Other   bool // there is another target
	Account bool // there is one at another upstream

	// Take asks the upstream's budget for a try at the same target. It is
	// called at most once, and only if nothing else speaks against it. Nil
	// means that there is no bound.
	Take func() bool
}

// Tried counts an attempt. It is called when an attempt begins.
func (pl *Plan) Tried() { pl.attempts++; pl.tries++ }

// After returns what to do after a failure at a target of an upstream whose
// policy is p.
//
// Where another target is there, it is taken at once if this one asks to wait:
// nobody need wait for what somebody else can do now. A move to another target
// takes nothing of a budget, or one upstream that is down would use up what is
// left of the others'.
func (pl *Plan) After(p *Policy, a Advice, now time.Time, r Rest) Step {
	if a.Free && !pl.free {
		pl.free = true
		pl.attempts--
		pl.tries--
		return Step{Again, 0, "the connection was dead before"}
	}
	other := r.Other && (a.Verdict != Account || r.Account)
	switch {
	case a.Verdict == Final:
		return Step{Stop, 0, a.Why + " is final"}
	case pl.attempts >= p.Attempts:
		return Step{Stop, 0, "enough attempts"}
	case p.Within > 0 && now.Sub(pl.began) > p.Within:
		return Step{Stop, 0, "too late for another attempt"}
	}
	if a.Verdict == Same && !(other && (a.Wait > 0 || a.Slower)) {
		if wait, ok := pl.again(p, a, now, r.Take); ok {
			return Step{Again, wait, a.Why}
		}
	}
	if !other {
		return Step{Stop, 0, "nothing else to try"}
	}
	pl.tries = 0
	return Step{Other, 0, a.Why}
}

// again reports whether the same target may be tried again, and when.
func (pl *Plan) again(p *Policy, a Advice, now time.Time, take func() bool) (time.Duration, bool) {
	switch {
	case a.Once && pl.once, !a.Once && pl.tries > p.Retries, a.Wait > p.Honour:
		return 0, false
	}
	n := pl.tries
	if a.Slower {
		n++
	}
	wait := a.Wait
	if wait == 0 {
		wait = p.Wait(n, pl.chance())
	}
	if p.Within > 0 && now.Add(wait).Sub(pl.began) > p.Within {
		return 0, false
	}
	if take != nil && !take() {
		return 0, false
	}
	pl.once = pl.once || a.Once
	return wait, true
}
