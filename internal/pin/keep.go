package pin

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// QueueLength is how many changes may wait for the backend.
	QueueLength = 1 << 14

	// batchLength is how many changes the backend is given at once.
	batchLength = 1024

	// stale is how much earlier a pin may expire in the backend than in memory:
	// to use one need not be written down each time.
	stale = 24 * time.Hour

	// retryAfter is how long a backend that has failed is left alone.
	retryAfter = time.Second
)

// A Row is a pin as a backend keeps it.
type Row struct {
	Key     Key
	Pin     Pin
	Expires time.Time // to the millisecond
}

// A Change is what a backend is told.
type Change struct {
	Row

	// Gone removes the row with the key; nothing else of the row is set. Else
	// the row is kept, in place of one with its key.
	Gone bool
}

// A Backend keeps pins where they survive the process. Its methods may be
// called by many goroutines at once.
type Backend interface {
	// Load returns the row with a key, if there is one that has not expired.
	Load(ctx context.Context, key Key) (Row, bool, error)

	// Apply makes changes, in their order, all or none. After an error it may
	// still read them for a while.
	Apply(ctx context.Context, changes []Change) error

	// Purge removes at most limit rows, those that have expired or are too
	// many, and returns how many.
	Purge(ctx context.Context, limit int) (int, error)
}

// A keeper passes what a table notes to its backend.
type keeper struct {
	backend Backend
	queue   chan Change
	lost    atomic.Int64
}

// Keep puts a backend behind the table, before it is used. Nobody waits for the
// backend but Find, for an id that the table does not know: [Table.Run] passes
// on what is noted and forgotten. Up to [QueueLength] changes wait for it. What
// comes beyond that stays in memory alone, and is counted: see [Table.Lost].
func (t *Table) Keep(b Backend) {
	t.keep = &keeper{backend: b, queue: make(chan Change, QueueLength)}
}

// Lost returns how many changes the backend was never told, because it was away
// or too slow. After the process has ended, what was noted with them is unknown
// and what was forgotten is known again.
func (t *Table) Lost() int64 {
	if t.keep == nil {
		return 0
	}
	return t.keep.lost.Load()
}

// tell queues a change, and reports whether there was room.
func (k *keeper) tell(c Change) bool {
	select {
	case k.queue <- c:
		return true
	default:
		k.lost.Add(1)
		return false
	}
}

// Run passes changes to the backend until ctx ends, and then once more those
// that wait; for that it has until last ends. It tells failed of the first
// error of several, and nil when the backend works again. It must run once, and
// only for a table with a backend.
func (t *Table) Run(ctx, last context.Context, failed func(error)) {
	k := t.keep
	batch := make([]Change, 0, batchLength)
	bad := false
	for {
		batch = k.gather(ctx, batch)
		if len(batch) == 0 {
			return // ctx has ended, and nothing waits
		}
		ending := ctx.Err() != nil
		err := k.backend.Apply(last, batch)
		if (err != nil) != bad {
			bad = err != nil
			failed(err)
		}
		switch {
		case err == nil:
			batch = batch[:0]
		case ending:
			k.lost.Add(int64(len(batch) + len(k.queue)))
			return
		default:
			pause(ctx)
		}
	}
}

// gather adds to what is left of the last batch. It waits for something until
// ctx ends.
func (k *keeper) gather(ctx context.Context, batch []Change) []Change {
	if len(batch) == 0 {
		select {
		case c := <-k.queue:
			batch = append(batch, c)
		case <-ctx.Done():
		}
	}
	for len(batch) < batchLength {
		select {
		case c := <-k.queue:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// pause waits before a backend that has failed is asked again, or until ctx
// ends.
func pause(ctx context.Context) {
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
