package retry

import (
	"math"
	"slices"
	"time"
)

// A Jitter says how waits are spread, so that clients which failed together do
// not come back together.
type Jitter uint8

// The ways.
const (
	// Equal waits between half of the step and all of it.
	Equal Jitter = iota

	// Added waits the step and up to a quarter more, in whole milliseconds, as
	// AOAI-Proxy does.
	Added
)

// A Policy is what one upstream is worth. The zero value is one attempt. It is
// immutable and may be shared.
type Policy struct {
	// Attempts is how many an exchange may make at all its targets together.
	// Zero counts as one.
	Attempts int

	// Retries is how often the same target is tried again.
	Retries int

	// Base is the first step, each further one is twice as long, and Max the
	// longest wait that this makes.
	Base, Max time.Duration

	Jitter Jitter

	// Statuses are those of which a try may follow. No other status is ever
	// tried again, but for what [Advise] names.
	Statuses []int

	// Honour is the longest wait that an upstream may ask for. Where it asks
	// for a longer one, the target is not tried again.
	Honour time.Duration

	// Within is how long after the exchange's first attempt another may begin.
	// Zero is for ever.
	Within time.Duration
}

// Wait returns how long to wait before the n-th try after the first, n from 1.
// Chance is between 0 and 1, without 1.
func (p *Policy) Wait(n int, chance float64) time.Duration {
	step := p.step(n)
	if p.Jitter == Added {
		ms := step.Milliseconds()
		more := math.Floor(chance * math.Max(1, math.Floor(float64(ms)*0.25)))
		return min(p.Max, step+time.Duration(more)*time.Millisecond)
	}
	return step/2 + time.Duration(chance*float64(step-step/2))
}

// step is Base, doubled n-1 times, and at most Max.
func (p *Policy) step(n int) time.Duration {
	step := p.Base
	for range n - 1 {
		if step >= p.Max {
			break
		}
		step *= 2
	}
	return min(step, p.Max)
}

func (p *Policy) retries(status int) bool { return slices.Contains(p.Statuses, status) }
