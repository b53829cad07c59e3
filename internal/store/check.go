package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/weir-gateway/weir/internal/secret"
)

// checkText is what is sealed to see later that the secret is the same.
const checkText = "weir"

// grace is added to the time for which a secret is needed, so that it need not
// be written down with each thing that is sealed.
const grace = 24 * time.Hour

// checkSecret fails with [ErrOtherSecret] if something that is in the file may
// have been sealed with a secret that the root does not have.
func (d *DB) checkSecret(ctx context.Context) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a write: %w", err)
	}
	err = d.extendCheck(ctx, tx, time.Now())
	if errors.Is(err, ErrOtherSecret) {
		var forgotten bool
		if forgotten, err = forgetSecrets(ctx, tx); err == nil && !forgotten {
			err = ErrOtherSecret
		} else if err == nil {
			err = d.extendCheck(ctx, tx, time.Now())
		}
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit() //nolint:wrapcheck // the caller says what it was about
}

// forgetSecrets forgets that anything was ever sealed, if nothing is there that
// was: who tries Weir and then gives it a secret loses nothing.
func forgetSecrets(ctx context.Context, tx *sql.Tx) (done bool, err error) {
	var empty bool
	err = tx.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT 1 FROM responses) AND NOT EXISTS (SELECT 1 FROM pins)").Scan(&empty)
	if err == nil && empty {
		_, err = tx.ExecContext(ctx, "DELETE FROM checks; DELETE FROM secrets")
	}
	if err != nil {
		return false, fmt.Errorf("looking for what was sealed: %w", err)
	}
	return empty, nil
}

// A check is one row of the table.
type check struct {
	n      int64
	sealed []byte
	until  int64
}

// extendCheck looks whether all checks open, and writes down that the secret
// that seals now is needed for as long as the new things are kept. What is
// needed no more is removed.
func (d *DB) extendCheck(ctx context.Context, tx *sql.Tx, now time.Time) error {
	all, err := checks(ctx, tx)
	if err != nil {
		return err
	}
	until := now.Add(d.keep + grace).UnixMilli()
	found := false
	for _, c := range all {
		_, err := d.box.Open(nil, c.sealed, []byte(checkText))
		switch {
		case err == nil && d.box.Seals(c.sealed):
			found = true
			_, err = tx.ExecContext(ctx, "UPDATE checks SET until = max(until, ?) WHERE n = ?", until, c.n)
		case c.until <= now.UnixMilli():
			_, err = tx.ExecContext(ctx, "DELETE FROM checks WHERE n = ?", c.n)
		case err != nil:
			return ErrOtherSecret
		}
		if err != nil {
			return fmt.Errorf("writing the check of the root secret: %w", err)
		}
	}
	if found {
		return nil
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO checks (sealed, until) VALUES (?, ?)", d.box.Seal(nil, []byte(checkText), []byte(checkText)), until)
	if err != nil {
		return fmt.Errorf("writing the check of the root secret: %w", err)
	}
	return nil
}

func checks(ctx context.Context, tx *sql.Tx) (all []check, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT n, sealed, until FROM checks")
	if err != nil {
		return nil, fmt.Errorf("reading the check of the root secret: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c check
		if err := rows.Scan(&c.n, &c.sealed, &c.until); err != nil {
			return nil, fmt.Errorf("reading the check of the root secret: %w", err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// Secret returns the secret with a name. The first time that is the one that is
// given: so it stays the same when the root secret is replaced that it was
// derived from.
func (d *DB) Secret(ctx context.Context, name string, first [secret.Size]byte) ([secret.Size]byte, error) {
	var got [secret.Size]byte
	err := d.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var sealed []byte
		err := tx.QueryRowContext(ctx, "SELECT sealed FROM secrets WHERE name = ?", name).Scan(&sealed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			got = first
		case err != nil:
			return fmt.Errorf("reading a secret: %w", err)
		default:
			plain, err := d.box.Open(nil, sealed, []byte(name))
			if err != nil || len(plain) != len(got) {
				return fmt.Errorf("opening a secret: %w", errors.Join(err, ErrOtherSecret))
			}
			if got = [secret.Size]byte(plain); d.box.Seals(sealed) {
				return nil
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO secrets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
			name, d.box.Seal(nil, got[:], []byte(name)))
		if err != nil {
			return fmt.Errorf("writing a secret: %w", err)
		}
		return nil
	})
	if err != nil {
		return [secret.Size]byte{}, err
	}
	return got, nil
}
