package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
)

// MaxPins is how many pins are kept. Of more, those that expire first go when
// the store is purged. They take about 120 MB.
const MaxPins = 1 << 20

// Pins returns the view for package pin.
func (d *DB) Pins() pin.Backend { return pins{d, MaxPins} }

type pins struct {
	db  *DB
	max int
}

func (p pins) Load(ctx context.Context, key pin.Key) (pin.Row, bool, error) {
	row := pin.Row{Key: key}
	var caller []byte
	var expires int64
	err := p.db.read.QueryRowContext(ctx, "SELECT upstream, model, caller, expires FROM pins WHERE key = ? AND expires > ?", key[:], time.Now().UnixMilli()).
		Scan(&row.Pin.Upstream, &row.Pin.Model, &caller, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return pin.Row{}, false, nil
	case err != nil:
		return pin.Row{}, false, fmt.Errorf("reading a pin: %w", err)
	case len(caller) != 0 && len(caller) != len(row.Pin.Caller):
		return pin.Row{}, false, fmt.Errorf("reading a pin: its caller has %d bytes", len(caller)) // and is not nobody
	}
	copy(row.Pin.Caller[:], caller)
	row.Expires = time.UnixMilli(expires)
	return row, true, nil
}

func (p pins) Apply(ctx context.Context, changes []pin.Change) error {
	return p.db.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		keep, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO pins (key, upstream, model, caller, expires) VALUES (?, ?, ?, ?, ?)")
		if err != nil {
			return fmt.Errorf("keeping pins: %w", err)
		}
		defer keep.Close()
		for i := range changes {
			c := &changes[i]
			if c.Gone {
				_, err = tx.ExecContext(ctx, "DELETE FROM pins WHERE key = ?", c.Key[:])
			} else {
				caller := []byte{}
				if c.Pin.Caller != (pin.Identity{}) {
					caller = c.Pin.Caller[:]
				}
				_, err = keep.ExecContext(ctx, c.Key[:], c.Pin.Upstream, c.Pin.Model, caller, c.Expires.UnixMilli())
			}
			if err != nil {
				return fmt.Errorf("keeping pins: %w", err)
			}
		}
		return nil
	})
}

func (p pins) Purge(ctx context.Context, limit int) (int, error) {
	n, err := p.db.purge(ctx, "DELETE FROM pins WHERE key IN (SELECT key FROM pins WHERE expires <= ? ORDER BY expires LIMIT ?)", limit)
	if err != nil || n > 0 {
		return n, err
	}
	var over int
	if err := p.db.read.QueryRowContext(ctx, "SELECT max(count(*) - ?, 0) FROM pins", p.max).Scan(&over); err != nil {
		return 0, fmt.Errorf("counting pins: %w", err)
	}
	if over == 0 {
		return 0, nil
	}
	err = p.db.commit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM pins WHERE key IN (SELECT key FROM pins ORDER BY expires LIMIT ?)", min(over, limit))
		return err //nolint:wrapcheck // below
	})
	if err != nil {
		return 0, fmt.Errorf("removing pins: %w", err)
	}
	return min(over, limit), nil
}
