package route

import "time"

// Health knows how targets are. Its method is called on the way of requests, by
// many goroutines at once: it must not wait.
type Health interface {
	// Of returns the vitals of a target. Of one that nobody has called yet it is
	// the zero Vitals.
	Of(ID) Vitals
}

// Vitals are what is known of a target at one moment. The zero value is a
// target that is well and idle, and of which nothing else is known.
type Vitals struct {
	// Out says that the target should not be tried as long as there is another:
	// it fails, or has asked to be left alone for a while. One that may be
	// tried again, to see, is not out.
	Out bool

	// Why says why it is out, for people: "5 failures in a row".
	Why string

	// InFlight is how many attempts run.
	InFlight int

	// FirstByte is how long its answers take to begin, lately. Zero means that
	// nobody knows.
	FirstByte time.Duration

	// Utilization is the share of its capacity that is used, as the upstream
	// has told it lately: 1 is all. Zero means that it has not.
	Utilization float64

	// Requests and Tokens are what the upstream has told lately that it will
	// still take before it refuses.
	Requests, Tokens Quota
}

// A Quota is what is left of something. The zero value is not known.
type Quota struct {
	Known bool
	Left  int64
}

// spills says why others should go elsewhere than to t, if they can. It
// returns "" if they need not. tokens is how many the request may use.
func (t *Target) spills(s Vitals, tokens int64) string {
	full := t.SpillAt
	if full == 0 {
		full = 1
	}
	switch {
	case t.MaxInFlight > 0 && s.InFlight >= t.MaxInFlight:
		return "max_in_flight is reached"
	case s.Utilization >= full:
		return "its capacity is used"
	case s.Requests.Known && s.Requests.Left <= 0:
		return "no request is left to it"
	case s.Tokens.Known && s.Tokens.Left < max(tokens, 1):
		return "too few tokens are left to it"
	}
	return ""
}
