package gateway

import (
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// An alive tells a client whose stream is silent that it is still there. It
// writes by turns with the exchange, between whole events. A nil alive does
// nothing.
type alive struct {
	x     *exchange
	every time.Duration
	timer *time.Timer

	mu      sync.Mutex // held by whoever writes
	last    time.Time  // when the client was last sent something
	stopped bool
}

// keepAlive begins to tell the client, after every so much silence; zero is
// never. The caller must stop x.alive before the exchange ends.
func (x *exchange) keepAlive(every time.Duration) {
	if every <= 0 || clientCodec(x.dialect.Name()) == nil {
		return
	}
	a := &alive{x: x, every: every, last: time.Now()}
	x.alive = a
	a.mu.Lock() // the timer must be there when it fires
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(every, a.tick)
}

func (a *alive) lock() {
	if a != nil {
		a.mu.Lock()
	}
}

// unlock ends a turn of the exchange's. What an upstream has sent that the
// client was not is silence to it.
func (a *alive) unlock(wrote bool) {
	if a == nil {
		return
	}
	if wrote {
		a.last = time.Now()
	}
	a.mu.Unlock()
}

// tick tells the client, if it has been told nothing for long enough.
func (a *alive) tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	wait := a.every - time.Since(a.last)
	if wait <= 0 && !a.x.partial {
		if a.x.write(ping(a.x.dialect.Name())) != nil || a.x.flush() != nil {
			return // the exchange will notice
		}
		a.x.disarm()
		a.last = time.Now()
	}
	if wait <= 0 {
		wait = a.every
	}
	a.timer.Reset(wait)
}

// stop ends it. Nothing is being written when it returns.
func (a *alive) stop() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	a.timer.Stop()
}

// ping returns what tells a client of d that its stream is still there, and
// nothing else.
func ping(d llm.Dialect) []byte {
	return clientCodec(d).NewWriter(&dialect.ReplyOptions{Request: &llm.Request{Dialect: d}}).KeepAlive(nil)
}
