package health

import (
	"sync"
	"time"
)

const (
	// floor is how many tries there are where nothing was asked for a while,
	// and how many come back in a second.
	floor  = 10
	refill = 1.0

	// most is how many tries can be saved up.
	most = 100
)

// A budget bounds tries to a share of the requests: while everything fails,
// tries would multiply what an upstream cannot take already. The floor is for
// upstreams with few requests, of which no share is a whole try.
type budget struct {
	mu    sync.Mutex
	share float64 // of a try, for each request. Zero: no bound
	left  float64
	at    time.Time // when left was right
}

func (b *budget) init(percent int) {
	b.share, b.left, b.at = float64(percent)/100, floor, time.Now()
}

// asked adds the share of a request.
func (b *budget) asked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, most)
}

// take takes one try.
func (b *budget) take() bool {
	if b.share == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.left < floor {
		b.left = min(b.left+refill*now.Sub(b.at).Seconds(), floor)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
