package health

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fresh is how long what a header says of a limit is believed.
const fresh = time.Minute

// limits are what the upstream has said last of what is left.
type limits struct {
	at   time.Time // zero if it never said anything
	told State     // Used, Requests and Tokens of it
}

// tell adds what is still believed to s.
func (l *limits) tell(s *State, now time.Time) {
	if l.at.IsZero() || now.Sub(l.at) > fresh {
		return
	}
	s.Used, s.Requests, s.Tokens = l.told.Used, l.told.Requests, l.told.Tokens
}

// Limits notes what the header of an answer says of the target's limits: how
// much of a provisioned deployment is in use (Azure:
// azure-openai-deployment-utilization, in percent), and what is left of the
// requests and tokens of the current window (OpenAI, Azure:
// x-ratelimit-remaining-*, Anthropic: anthropic-ratelimit-*-remaining). A
// header that says nothing of it changes nothing.
func (r *Run) Limits(h http.Header) {
	if r == nil {
		return
	}
	said := State{Used: -1, Requests: -1, Tokens: -1}
	if p, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(h.Get("Azure-Openai-Deployment-Utilization")), "%"), 64); err == nil && p >= 0 {
		said.Used = min(p/100, 1)
	}
	for _, l := range [...]struct {
		left       *int64
		left1, of1 string
		left2, of2 string
	}{
		{&said.Requests, "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Limit-Requests", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Limit"},
		{&said.Tokens, "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Limit-Tokens", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Limit"},
	} {
		left, of := count(h, l.left1), count(h, l.of1)
		if left < 0 {
			left, of = count(h, l.left2), count(h, l.of2)
		}
		*l.left = left
		if left >= 0 && of > 0 {
			said.Used = max(said.Used, 1-min(float64(left)/float64(of), 1))
		}
	}
	if said.Used < 0 && said.Requests < 0 && said.Tokens < 0 {
		return
	}
	t := r.target
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = limits{time.Now(), said}
}

// count reads a number that is not negative; -1 if there is none.
func count(h http.Header, name string) int64 {
	n, err := strconv.ParseInt(h.Get(name), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}
