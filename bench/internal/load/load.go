package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// dialers bounds how many connections are opened at the same time, well under
// any listener's backlog.
const dialers = 64

// A Pool is a number of open connections to one peer. One measurement uses it
// at a time; its connections are reused by the next.
type Pool struct {
	conns []*conn
}

// Dial opens n connections to addr, host:port. They live until [Pool.Close] or
// the end of ctx, whichever comes first.
func Dial(ctx context.Context, addr string, n int) (*Pool, error) {
	p := &Pool{}
	if err := p.grow(ctx, addr, n); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// grow opens n more connections.
func (p *Pool) grow(ctx context.Context, addr string, n int) error {
	more := make([]*conn, n)
	err := each(ctx, n, dialers, func(i int) error {
		c, err := dial(ctx, addr)
		more[i] = c
		return err
	})
	for _, c := range more {
		if c != nil {
			p.conns = append(p.conns, c)
		}
	}
	return err
}

// Close closes every connection.
func (p *Pool) Close() {
	for _, c := range p.conns {
		c.net.Close()
	}
	p.conns = nil
}

// Once sends req on one connection and checks that its answer has the body
// that is wanted.
func (p *Pool) Once(ctx context.Context, req Request, want Want) error {
	defer interrupt(ctx, p.conns)()
	return p.conns[0].whole(req, want)
}

// Closed sends req again and again for the time d, at least once, on every
// connection the next as soon as the last is answered, and returns how many
// were answered.
// Every answer must have the body that is wanted.
func (p *Pool) Closed(ctx context.Context, d time.Duration, req Request, want Want) (int64, error) {
	defer interrupt(ctx, p.conns)()
	var n atomic.Int64
	end := time.Now().Add(d)
	err := each(ctx, len(p.conns), len(p.conns), func(i int) error {
		for {
			if err := p.conns[i].whole(req, want); err != nil {
				return err
			}
			n.Add(1)
			if !time.Now().Before(end) {
				return nil
			}
		}
	})
	return n.Load(), err
}

// Rate sends req for the time d at a rate of perSecond, however long answers
// take, and returns the time from when each was due to the last byte of its
// answer. Requests that are due while every connection is busy wait, and their
// waiting counts. perSecond is rounded to a multiple of 1,000: what is due in
// a millisecond is sent together.
func (p *Pool) Rate(ctx context.Context, d time.Duration, perSecond int, req Request, want Want) ([]time.Duration, error) {
	due := make(chan time.Time, 1024)
	var mu sync.Mutex // guards took
	var took []time.Duration
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer interrupt(ctx, p.conns)()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(due)
		pace(ctx, d, max(perSecond/1000, 1), due)
	})
	err := each(ctx, len(p.conns), len(p.conns), func(i int) error {
		own := make([]time.Duration, 0, 1024)
		defer func() {
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		}()
		for t := range due {
			if err := p.conns[i].whole(req, want); err != nil {
				cancel()
				return err
			}
			own = append(own, time.Since(t))
		}
		return nil
	})
	wg.Wait()
	return took, err
}

// pace sends the time of each millisecond burst times to due, for the time d.
func pace(ctx context.Context, d time.Duration, burst int, due chan<- time.Time) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		now := time.Now() // the tick's own time is earlier: the generator's lateness is not the peer's
		for range burst {
			select {
			case due <- now:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// interrupt lets every read and write on conns fail as soon as ctx ends. The
// caller calls the result when the conns no longer belong to ctx.
func interrupt(ctx context.Context, conns []*conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		for _, c := range conns {
			_ = c.net.SetDeadline(time.Unix(1, 0)) // fails only on a conn that is closed already
		}
	})
}

// each runs f for 0 to n-1, on at most width goroutines, and waits for them.
// It returns the first error, after which no further f begins.
func each(ctx context.Context, n, width int, f func(i int) error) error {
	var (
		next  atomic.Int64
		first atomic.Pointer[error]
		wg    sync.WaitGroup
	)
	for range min(width, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || first.Load() != nil || ctx.Err() != nil {
					return
				}
				if err := f(i); err != nil {
					err = fmt.Errorf("connection %d: %w", i, err)
					first.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return errors.Join(*err, ctx.Err())
	}
	return ctx.Err()
}
