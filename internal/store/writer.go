package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const (
	// queueLength is how many writes may wait; more wait for their turn to
	// wait.
	queueLength = 256

	// batchLength is how many writes share a transaction at most.
	batchLength = 128
)

// A job is one write. Whoever waits for it may have left.
type job struct {
	ctx  context.Context //nolint:containedctx // of the one who waits
	do   func(context.Context, *sql.Tx) error
	done chan error // has room for the one answer
}

// commit lets the writer do something, and returns when that is on the disk.
// When ctx ends first, it may be done nevertheless: do must not use what its
// caller may change then.
func (d *DB) commit(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	j := &job{ctx: ctx, do: do, done: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own
	}
	select {
	case d.queue <- j:
	case <-d.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	case <-d.stopped:
	}
	select {
	case err := <-j.done: // it was in the last batch
		return err
	default:
		return ErrClosed
	}
}

// run is the writer. It ends when [DB.Close] is called and nothing waits.
func (d *DB) run() {
	defer close(d.stopped)
	for {
		select {
		case j := <-d.queue:
			d.batch(d.gather(j))
		case <-d.closing:
			for len(d.queue) > 0 {
				d.batch(d.gather(<-d.queue))
			}
			return
		}
	}
}

// gather returns a write and those that wait behind it.
func (d *DB) gather(first *job) []*job {
	all := []*job{first}
	for len(all) < batchLength {
		select {
		case j := <-d.queue:
			all = append(all, j)
		default:
			return all
		}
	}
	return all
}

// batch does several writes in one transaction, and tells each how it went. Its
// context is not theirs: one who leaves must not cancel the others.
func (d *DB) batch(all []*job) {
	results := make([]error, len(all))
	err := d.transact(context.Background(), all, results)
	for i, j := range all {
		if err != nil {
			results[i] = err
		}
		j.done <- results[i]
	}
}

func (d *DB) transact(ctx context.Context, all []*job, results []error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a write: %w", err)
	}
	for i, j := range all {
		if results[i] = j.ctx.Err(); results[i] != nil {
			continue
		}
		if results[i], err = apart(ctx, tx, j.do); err != nil {
			return errors.Join(fmt.Errorf("writing: %w", err), tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return errors.Join(fmt.Errorf("committing a write: %w", err), tx.Rollback())
	}
	d.batches.Add(1)
	return nil
}

// apart does one write of a transaction. What it returns first is how that
// went; if it failed it has left nothing. The second says that the transaction
// cannot go on: SQLite ends it by itself when the disk is full or fails.
func apart(ctx context.Context, tx *sql.Tx, do func(context.Context, *sql.Tx) error) (failed, broken error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	end := "RELEASE one"
	if failed = do(ctx, tx); failed != nil {
		end = "ROLLBACK TO one; RELEASE one"
	}
	if _, err := tx.ExecContext(ctx, end); err != nil {
		return nil, errors.Join(failed, err)
	}
	return failed, nil
}
