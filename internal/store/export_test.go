package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/weir-gateway/weir/internal/pin"
)

// PutAndFail is a write that fails after it has written something.
func (d *DB) PutAndFail(ctx context.Context, key pin.Key, err error) error {
	return d.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, bad := tx.ExecContext(ctx, "INSERT INTO pins VALUES (?, '', '', x'', 9223372036854775807)", key[:])
		return errors.Join(err, bad)
	})
}

// PinsFor is [DB.Pins] with another bound.
func (d *DB) PinsFor(most int) pin.Backend { return pins{d, most} }

// Batches returns a function that tells how many transactions were made since.
func (d *DB) Batches() func() int64 {
	before := d.batches.Load()
	return func() int64 { return d.batches.Load() - before }
}

// Pragmas returns the values of settings of the connection that writes.
func (d *DB) Pragmas(ctx context.Context, names ...string) (values []int, err error) {
	err = d.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, name := range names {
			var v int
			if err := tx.QueryRowContext(ctx, "PRAGMA "+name).Scan(&v); err != nil {
				return err
			}
			values = append(values, v)
		}
		return nil
	})
	return values, err
}
