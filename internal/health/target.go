package health

import (
	"sync"
	"time"
)

// A Verdict is what an attempt says of its target, once it has ended: for a
// stream that is its end.
type Verdict uint8

// The verdicts.
const (
	// Neutral says nothing: the client has left, or its request was at fault.
	Neutral Verdict = iota

	Good
	Bad

	// Limited says that the target works and wants fewer requests.
	Limited

	// Broken says that no request can succeed: the credential is refused. The
	// target is left alone at once.
	Broken
)

// A Level says whether a target should be used.
type Level uint8

// The levels, best first.
const (
	Up      Level = iota
	Probing       // it was left alone long enough; one attempt may see how it is
	Out           // it is left alone
)

// String returns the level in a word.
func (l Level) String() string { return [...]string{"up", "probing", "out"}[l] }

// A State is what is known of a target at one moment.
type State struct {
	Level Level
	Until time.Time // when Out ends, if it is Out for its failures. Zero otherwise
	Why   string    // of Out and Probing, for people

	InFlight  int           // attempts that have begun and not ended
	FirstByte time.Duration // how long first bytes take, by a moving average; zero if none was seen

	// Failures is how many attempts have failed in a row.
	Failures int

	// LimitedUntil is when the target's rate limit should be over, as far as
	// the upstream has said so. Zero if it is not limited.
	LimitedUntil time.Time

	// Used is how much of its limits or its provisioned capacity is in use,
	// from 0 to 1. Negative if it is not known, or was told long ago.
	Used float64

	// Requests and Tokens are what is left of the current limits. Negative if
	// they are not known.
	Requests, Tokens int64
}

// weight is how much a new first byte counts in the moving average.
const weight = 0.2

// A Target is one model at one upstream. It may be used by many goroutines at
// once.
type Target struct {
	up *Upstream

	mu       sync.Mutex // guards what follows
	inFlight int
	ewma     time.Duration
	row      int // failures in a row
	recent   window
	out      bool
	until    time.Time // of out
	why      string
	times    int // it was put out without a success between
	probes   int // attempts that were let through to see
	limited  time.Time
	limits   limits
}

// State returns what is known now.
func (t *Target) State() State {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := State{
		InFlight: t.inFlight, FirstByte: t.ewma, Failures: t.row,
		Used: -1, Requests: -1, Tokens: -1,
	}
	s.Level, s.Why = t.level(now), t.why
	if s.Level == Out {
		s.Until = t.until
	}
	if t.limited.After(now) {
		s.LimitedUntil = t.limited
	}
	t.limits.tell(&s, now)
	if down := t.up.down.Load(); down != nil && s.Level != Out {
		s.Level, s.Why, s.Until = Out, *down, time.Time{}
	}
	return s
}

// level is called with mu held.
func (t *Target) level(now time.Time) Level {
	switch {
	case !t.out:
		return Up
	case now.Before(t.until), t.probes > 0:
		return Out
	default:
		return Probing
	}
}

// TryBegin is [Target.Begin] unless the target should be left alone: then it
// returns nil. Of those that find it [Probing] together one may begin.
func (t *Target) TryBegin() *Run { return t.begin(false) }

// Begin notes that an attempt begins. The run must be ended. It never refuses:
// where all targets are out the least bad one is tried.
func (t *Target) Begin() *Run { return t.begin(true) }

func (t *Target) begin(must bool) *Run {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	level := t.level(now)
	if !must && (level == Out || t.up.down.Load() != nil) {
		return nil
	}
	r := &Run{target: t, start: now, probe: level != Up}
	if r.probe {
		r.holds = true
		t.probes++
	}
	t.inFlight++
	return r
}

// end takes the verdict of an attempt.
func (t *Target) end(r *Run, v Verdict) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
	r.passed()
	if v == Good && r.slow {
		v = Bad
	}
	switch v {
	case Neutral:
		return
	case Good, Limited:
		t.row = 0
		t.recent.add(now, t.up.settings.Window, false)
		if r.probe {
			t.recover()
		}
	case Bad, Broken:
		t.row++
		t.recent.add(now, t.up.settings.Window, true)
		t.judge(r, v, now)
	}
}

// recover takes the target in again. It is called with mu held.
func (t *Target) recover() {
	t.out, t.why, t.times, t.row = false, "", 0, 0
	t.recent = window{}
}

// judge puts the target out if a failure was one too many. It is called with
// mu held.
func (t *Target) judge(r *Run, v Verdict, now time.Time) {
	s := &t.up.settings
	var why string
	switch failed, all := t.recent.count(now, s.Window); {
	case v == Broken:
		why = "its credential is refused"
	case r.probe:
		why = "it has failed again"
	case t.out:
		return // an attempt that began before
	case s.Failures > 0 && t.row >= s.Failures:
		why = "it has failed several times in a row"
	case s.Ratio > 0 && all >= s.Samples && failed*100 >= s.Ratio*all:
		why = "too many attempts have failed"
	default:
		return
	}
	if t.out && !r.probe || s.Out <= 0 {
		return
	}
	long := s.Out
	for range t.times {
		long = min(2*long, max(s.MaxOut, s.Out))
	}
	t.out, t.until, t.why = true, now.Add(long), why
	t.times++
}

// release ends the time that the target is left alone: something else has seen
// that it is there. One attempt may go and see.
func (t *Target) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out {
		t.until = time.Now()
	}
}

// A Run is one attempt at one target. One goroutine uses it.
type Run struct {
	target *Target
	start  time.Time
	probe  bool
	holds  bool // others may not probe; guarded by the target's mu
	first  bool
	slow   bool
	ended  bool
}

// Probe reports whether the attempt goes to a target that was out.
func (r *Run) Probe() bool { return r != nil && r.probe }

// FirstByte notes that the answer begins: with its status, or if it is a
// stream with its first byte. Only the first call counts.
func (r *Run) FirstByte() {
	if r == nil || r.first {
		return
	}
	r.first = true
	t, took := r.target, time.Since(r.start)
	r.slow = t.up.settings.Slow > 0 && took > t.up.settings.Slow
	t.mu.Lock()
	defer t.mu.Unlock()
	r.passed()
	if t.ewma == 0 {
		t.ewma = took
		return
	}
	t.ewma += time.Duration(weight * float64(took-t.ewma))
}

// passed lets another attempt probe: the verdict on a long stream may come after
// minutes. It is called with the target's mu held.
func (r *Run) passed() {
	if r.holds {
		r.holds = false
		r.target.probes--
	}
}

// Limited notes how long the upstream has asked to wait.
func (r *Run) Limited(wait time.Duration) {
	if r == nil || wait <= 0 {
		return
	}
	until := time.Now().Add(wait)
	r.target.mu.Lock()
	defer r.target.mu.Unlock()
	if until.After(r.target.limited) {
		r.target.limited = until
	}
}

// End notes what became of the attempt. Only the first call counts. A nil Run
// may be ended.
func (r *Run) End(v Verdict) {
	if r == nil || r.ended {
		return
	}
	r.ended = true
	r.target.end(r, v)
}
