package responsestore

import (
	"context"
	"math"
	"time"
)

// A Row is a record as a backend keeps it.
type Row struct {
	Tenant, ID       string
	Created, Expires time.Time // to the millisecond
	Items            []string  // the ids of its items, each once; only for Put
	Data             []byte    // the sealed record
}

// What a row takes beside its data, roughly.
const (
	rowBytes  = 256
	itemIndex = 64
)

// Size is how many bytes of its tenant's quota a row takes: its data and
// roughly what finds it again.
func (r *Row) Size() int64 {
	n := int64(rowBytes + len(r.Data))
	for _, id := range r.Items {
		n += int64(itemIndex + len(id))
	}
	return n
}

// A Quota bounds what one tenant may keep. 0 is no bound.
type Quota struct {
	Records int64
	Bytes   int64 // of the sum of [Row.Size]
}

func (q Quota) bytes() int64 {
	if q.Bytes <= 0 {
		return math.MaxInt64
	}
	return q.Bytes
}

func (q Quota) records() int64 {
	if q.Records <= 0 {
		return math.MaxInt64
	}
	return q.Records
}

// Exceeded reports whether a tenant with so many records and bytes has more
// than it may keep.
func (q Quota) Exceeded(records, bytes int64) bool {
	return records > q.records() || bytes > q.bytes()
}

// A Backend keeps rows. Its methods may be called by many goroutines at once.
// Nobody changes a row that was given to it or that it has returned. Expired
// rows look exactly as if they were not there. Package storetest holds each
// implementation to this.
type Backend interface {
	// Put keeps a row, durably where there is a disk, and removes the oldest
	// rows of its tenant until the quota holds, but never the new one. Both
	// happen or neither. It fails with [ErrExists] if the tenant has a row with
	// this id, expired or not.
	Put(ctx context.Context, row *Row, q Quota) error

	// Get returns the row with an id, or [ErrNotFound].
	Get(ctx context.Context, tenant, id string) (*Row, error)

	// WithItem returns the row that was created last of those with an item, or
	// [ErrNotFound].
	WithItem(ctx context.Context, tenant, item string) (*Row, error)

	// Delete removes a row, or fails with [ErrNotFound].
	Delete(ctx context.Context, tenant, id string) error

	// Purge removes at most limit expired rows and returns how many.
	Purge(ctx context.Context, limit int) (int, error)

	// Close ends it. Nothing may be called after it.
	Close() error
}
