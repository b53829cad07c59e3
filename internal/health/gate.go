package health

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A gate admits a number of attempts at once and lets a number more wait. Those
// who wait are admitted tenant by tenant in turn, so that one tenant's crowd
// costs another no more than its own place in the turn. Where no more may wait,
// a tenant with more than one fewer waiting than the largest crowd takes the
// place of that crowd's last.
type gate struct {
	places, most int
	wait         time.Duration

	mu      sync.Mutex // guards what follows
	taken   int
	waiting int
	turn    []*crowd      // tenants of whom somebody waits, the next one first
	held    time.Duration // how long places are held, by a moving average
}

// A crowd is those of one tenant who wait, in their order. It is never empty.
type crowd struct {
	tenant string
	queue  []*waiter
}

// A waiter waits. Its channel is closed when it has a place, or will get none.
type waiter struct {
	done chan struct{}
	out  bool // guarded by the gate's mu: somebody took its place in the queue
}

func (g *gate) init(s Settings) { g.places, g.most, g.wait = s.InFlight, s.Queue, s.Wait }

func (g *gate) load() (taken, places, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken, g.places, g.waiting
}

// tryEnter takes a place if one is free and nobody waits.
func (g *gate) tryEnter() (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.places > 0 && (g.taken >= g.places || g.waiting > 0) {
		return nil, false
	}
	g.taken++
	return g.leaver(), true
}

// enter waits for a place: for as long as the settings allow and the context
// lasts. The error is an [llm.Error] with CodeUpstreamBusy and a RetryAfter in
// whole seconds, or if the context has ended its cause, or CodeClientClosed if
// that is no [llm.Error]. Leave must be called when the attempt has ended; it
// may be called again.
func (g *gate) enter(ctx context.Context, tenant string) (leave func(), err error) {
	if leave, ok := g.tryEnter(); ok {
		return leave, nil
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	w := &waiter{done: make(chan struct{})}
	if !g.join(w, tenant) {
		return nil, g.busy("the queue is full")
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	if g.leaveQueue(w, tenant) {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		return nil, g.busy("no place within " + g.wait.String())
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.out {
		return nil, g.busyLocked("another tenant's turn")
	}
	return g.leaver(), nil
}

// ended is the error of whoever waits no longer.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*llm.Error](cause); ok {
		return e
	}
	return &llm.Error{Code: llm.CodeClientClosed, Op: "health.enter", Err: cause}
}

// join puts w in its tenant's queue, if there is room or somebody must make it.
func (g *gate) join(w *waiter, tenant string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken < g.places && g.waiting == 0 {
		g.taken++ // it has become free just now
		close(w.done)
		return true
	}
	own, largest := (*crowd)(nil), (*crowd)(nil)
	for _, c := range g.turn {
		if c.tenant == tenant {
			own = c
		}
		if largest == nil || len(c.queue) > len(largest.queue) {
			largest = c
		}
	}
	if g.waiting >= g.most {
		has := 0
		if own != nil {
			has = len(own.queue)
		}
		if largest == nil || len(largest.queue) < has+2 {
			return false
		}
		last := largest.queue[len(largest.queue)-1]
		largest.queue = largest.queue[:len(largest.queue)-1] // one is left at least
		last.out = true
		close(last.done)
		g.waiting--
	}
	if own == nil {
		own = &crowd{tenant: tenant}
		g.turn = append(g.turn, own)
	}
	own.queue = append(own.queue, w)
	g.waiting++
	return true
}

// leaveQueue takes w out of the queue, and reports whether it was still there.
func (g *gate) leaveQueue(w *waiter, tenant string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.turn {
		if c.tenant != tenant {
			continue
		}
		for j := range c.queue {
			if c.queue[j] != w {
				continue
			}
			c.queue = append(c.queue[:j], c.queue[j+1:]...)
			if len(c.queue) == 0 {
				g.turn = append(g.turn[:i], g.turn[i+1:]...)
			}
			g.waiting--
			return true
		}
	}
	return false
}

// leaver returns what gives a place back once.
func (g *gate) leaver() func() {
	var once sync.Once
	began := time.Now()
	return func() { once.Do(func() { g.leave(time.Since(began)) }) }
}

// leave gives a place to whoever is next.
func (g *gate) leave(held time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == 0 {
		g.held = held
	}
	g.held += time.Duration(weight * float64(held-g.held))
	if len(g.turn) == 0 || g.taken > g.places {
		g.taken--
		return
	}
	c := g.turn[0]
	g.turn = g.turn[1:]
	w := c.queue[0]
	c.queue = c.queue[1:]
	if len(c.queue) > 0 {
		g.turn = append(g.turn, c)
	}
	g.waiting--
	close(w.done) // the place is its own now
}

// busy is the refusal of an attempt for which there is no place.
func (g *gate) busy(why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busyLocked(why)
}

// maxBusy bounds what a client is told to wait for a place.
const maxBusy = 60

// busyLocked is called with mu held. By when there should be room is what is
// running and waiting now, at the pace of late.
func (g *gate) busyLocked(why string) error {
	seconds := 1.0
	if g.places > 0 {
		seconds = math.Ceil(g.held.Seconds() * float64(g.waiting+1) / float64(g.places))
	}
	return &llm.Error{
		Code: llm.CodeUpstreamBusy, Op: "health.enter", Err: errors.New(why),
		RetryAfter: time.Duration(min(max(seconds, 1), maxBusy)) * time.Second,
	}
}
