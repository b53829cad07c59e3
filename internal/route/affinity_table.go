package route

import (
	"sync"
	"time"
)

// Affinities remember which target has served what an [Anchor] stands for. They
// forget what nobody has asked for within their time, and what is more than
// they may hold. The methods may be called by many goroutines at once.
type Affinities struct {
	most int
	ttl  time.Duration

	mu         sync.Mutex // guards what follows
	young, old map[[16]byte]served
	since      time.Time // when young was begun
}

type served struct {
	by   ID
	last time.Time
}

// NewAffinities returns a memory of at most so many anchors, each for as long.
func NewAffinities(most int, ttl time.Duration) *Affinities {
	return &Affinities{most: max(most/2, 1), ttl: ttl, young: map[[16]byte]served{}}
}

// Note remembers who has served anchors, now.
func (a *Affinities) Note(anchors []Anchor, by ID, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range anchors {
		a.put(anchors[i].Sum, served{by, now})
	}
}

// put is called with mu held. What is young becomes old when it is half of
// what may be held, or half of the time has gone; what was old is forgotten.
func (a *Affinities) put(sum [16]byte, s served) {
	if _, there := a.young[sum]; !there && len(a.young) >= a.most || s.last.Sub(a.since) > a.ttl {
		a.young, a.old, a.since = map[[16]byte]served{}, a.young, s.last
	}
	a.young[sum] = s
}

// Find returns who has served the first of anchors that it knows.
func (a *Affinities) Find(anchors []Anchor, now time.Time) (by ID, anchor Anchor, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range anchors {
		s, there := a.young[anchors[i].Sum]
		if !there {
			s, there = a.old[anchors[i].Sum]
		}
		if there && now.Sub(s.last) <= a.ttl {
			return s.by, anchors[i], true
		}
	}
	return ID{}, Anchor{}, false
}
