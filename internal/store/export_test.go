package store

import "github.com/weir-gateway/weir/internal/pin"

// PinsFor is [DB.Pins] with another bound.
func (d *DB) PinsFor(most int) pin.Backend { return pins{d, most} }

// Batches returns a function that tells how many transactions were made since.
func (d *DB) Batches() func() int64 {
	before := d.batches.Load()
	return func() int64 { return d.batches.Load() - before }
}
