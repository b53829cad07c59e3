package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/weir-gateway/weir/internal/responsestore"
)

// Responses returns the view for package responsestore. To close it does
// nothing: the file is the DB's.
func (d *DB) Responses() responsestore.Backend { return responses{d} }

type responses struct{ db *DB }

func (r responses) Put(ctx context.Context, row *responsestore.Row, q responsestore.Quota) error {
	return r.db.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := insert(ctx, tx, row)
		if err != nil {
			return err
		}
		return makeRoom(ctx, tx, row.Tenant, n, q)
	})
}

// insert returns the number of the new row.
func insert(ctx context.Context, tx *sql.Tx, row *responsestore.Row) (int64, error) {
	done, err := tx.ExecContext(ctx,
		"INSERT INTO responses (tenant, id, created, expires, size, data) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		row.Tenant, row.ID, row.Created.UnixMilli(), row.Expires.UnixMilli(), row.Size(), row.Data)
	if err != nil {
		return 0, fmt.Errorf("keeping a response: %w", err)
	}
	if count, err := done.RowsAffected(); err != nil || count == 0 {
		return 0, errors.Join(err, responsestore.ErrExists)
	}
	n, err := done.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("keeping a response: %w", err)
	}
	for _, item := range row.Items {
		if _, err := tx.ExecContext(ctx, "INSERT INTO response_items (tenant, item, response) VALUES (?, ?, ?)", row.Tenant, item, n); err != nil {
			return 0, fmt.Errorf("keeping an item of a response: %w", err)
		}
	}
	return n, nil
}

// makeRoom removes the oldest responses of a tenant, but not the one with the
// number n, until the quota holds.
func makeRoom(ctx context.Context, tx *sql.Tx, tenant string, n int64, q responsestore.Quota) error {
	for {
		var records, bytes int64
		err := tx.QueryRowContext(ctx, "SELECT records, bytes FROM response_usage WHERE tenant = ?", tenant).Scan(&records, &bytes)
		if err != nil {
			return fmt.Errorf("reading what a tenant has: %w", err)
		}
		if !q.Exceeded(records, bytes) {
			return nil
		}
		done, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE n =
			(SELECT n FROM responses WHERE tenant = ? AND n <> ? ORDER BY created, n LIMIT 1)`, tenant, n)
		if err != nil {
			return fmt.Errorf("making room for a response: %w", err)
		}
		if count, err := done.RowsAffected(); err != nil || count == 0 {
			return err //nolint:wrapcheck // the driver has none
		}
	}
}

func (r responses) Get(ctx context.Context, tenant, id string) (*responsestore.Row, error) {
	return r.one(ctx, "SELECT id, created, expires, data FROM responses WHERE tenant = ? AND id = ? AND expires > ?",
		tenant, id, time.Now().UnixMilli())
}

func (r responses) WithItem(ctx context.Context, tenant, item string) (*responsestore.Row, error) {
	return r.one(ctx, `SELECT id, created, expires, data FROM responses WHERE n =
		(SELECT r.n FROM response_items i JOIN responses r ON r.n = i.response
		 WHERE i.tenant = ? AND i.item = ? AND r.expires > ? ORDER BY r.created DESC, r.n DESC LIMIT 1)`,
		tenant, item, time.Now().UnixMilli())
}

// one returns the row that a query finds. Its first argument is the tenant.
func (r responses) one(ctx context.Context, query, tenant string, args ...any) (*responsestore.Row, error) {
	row := &responsestore.Row{Tenant: tenant}
	var created, expires int64
	err := r.db.read.QueryRowContext(ctx, query, append([]any{tenant}, args...)...).Scan(&row.ID, &created, &expires, &row.Data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, responsestore.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("reading a response: %w", err)
	}
	row.Created, row.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	return row, nil
}

func (r responses) Delete(ctx context.Context, tenant, id string) error {
	return r.db.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM responses WHERE tenant = ? AND id = ? AND expires > ?", tenant, id, time.Now().UnixMilli())
		if err != nil {
			return fmt.Errorf("deleting a response: %w", err)
		}
		if count, err := done.RowsAffected(); err != nil || count == 0 {
			return errors.Join(err, responsestore.ErrNotFound)
		}
		return nil
	})
}

func (r responses) Purge(ctx context.Context, limit int) (int, error) {
	return r.db.purge(ctx, "DELETE FROM responses WHERE n IN (SELECT n FROM responses WHERE expires <= ? ORDER BY expires LIMIT ?)", limit)
}

func (responses) Close() error { return nil }

// purge removes what has expired, with a statement that takes the time and how
// many, and gives some of the free space of the file back.
func (d *DB) purge(ctx context.Context, statement string, limit int) (int, error) {
	n := 0
	err := d.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := time.Now()
		done, err := tx.ExecContext(ctx, statement, now.UnixMilli(), limit)
		if err != nil {
			return fmt.Errorf("removing what has expired: %w", err)
		}
		count, err := done.RowsAffected()
		if n = int(count); err != nil {
			return err //nolint:wrapcheck // the driver has none
		}
		if err := d.extendCheck(ctx, tx, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "PRAGMA incremental_vacuum(1000)"); err != nil {
			return fmt.Errorf("giving space back: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
