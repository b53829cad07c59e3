package responsestore

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// MemoryBytes is how much the rows of all tenants may take in memory, unless
// something else is said.
const MemoryBytes = 64 << 20

// Memory is a backend without a disk: everything is gone with the process. All
// tenants share its bytes; when they are full, the oldest rows go of whoever
// has the most.
type Memory struct {
	limit int64

	mu      sync.Mutex
	bytes   int64             // of all tenants; guarded by mu, as the rest
	tenants map[string]*shelf // :: name → what it keeps; nobody who keeps nothing
}

// A shelf is what one tenant keeps.
type shelf struct {
	order *list.List               // of *Row, oldest first
	rows  map[string]*list.Element // :: id → element of order
	items map[string][]*Row        // :: id of an item → rows that hold it
	bytes int64
}

// rowOf returns what an element of [shelf.order] holds.
func rowOf(e *list.Element) *Row {
	row, _ := e.Value.(*Row)
	return row
}

// NewMemory returns an empty backend for limit bytes; 0 means [MemoryBytes].
func NewMemory(limit int64) *Memory {
	if limit <= 0 {
		limit = MemoryBytes
	}
	return &Memory{limit: limit, tenants: make(map[string]*shelf)}
}

// Put keeps a row: see [Backend]. A row that is larger than the whole memory
// is [ErrQuota].
func (m *Memory) Put(ctx context.Context, row *Row, q Quota) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own
	}
	if row.Size() > m.limit {
		return ErrQuota
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.tenants[row.Tenant]
	if s == nil {
		s = &shelf{order: list.New(), rows: make(map[string]*list.Element), items: make(map[string][]*Row)}
		m.tenants[row.Tenant] = s
	}
	if s.rows[row.ID] != nil {
		return ErrExists
	}
	m.add(s, row)
	for q.Exceeded(int64(len(s.rows)), s.bytes) && m.dropOldest(s, row) {
	}
	for m.bytes > m.limit && m.dropOldest(m.largest(row), row) {
	}
	return nil
}

// add and the functions below are called with mu held.
func (m *Memory) add(s *shelf, row *Row) {
	at := s.order.Back()
	for at != nil && rowOf(at).Created.After(row.Created) {
		at = at.Prev()
	}
	if at == nil {
		s.rows[row.ID] = s.order.PushFront(row)
	} else {
		s.rows[row.ID] = s.order.InsertAfter(row, at)
	}
	for _, id := range row.Items {
		s.items[id] = append(s.items[id], row)
	}
	s.bytes += row.Size()
	m.bytes += row.Size()
}

// dropOldest removes the oldest row that is not spared, and reports whether
// there was one.
func (m *Memory) dropOldest(s *shelf, spared *Row) bool {
	if s == nil {
		return false
	}
	for e := s.order.Front(); e != nil; e = e.Next() {
		if row := rowOf(e); row != spared {
			m.remove(s, row)
			return true
		}
	}
	return false
}

// largest returns the tenant with the most bytes, not counting spared.
func (m *Memory) largest(spared *Row) *shelf {
	var most *shelf
	var bytes int64
	for name, s := range m.tenants {
		n := s.bytes
		if name == spared.Tenant {
			n -= spared.Size()
		}
		if n > bytes {
			most, bytes = s, n
		}
	}
	return most
}

func (m *Memory) remove(s *shelf, row *Row) {
	s.order.Remove(s.rows[row.ID])
	delete(s.rows, row.ID)
	for _, id := range row.Items {
		left := slices.DeleteFunc(s.items[id], func(r *Row) bool { return r == row })
		if s.items[id] = left; len(left) == 0 {
			delete(s.items, id)
		}
	}
	s.bytes -= row.Size()
	m.bytes -= row.Size()
	if len(s.rows) == 0 {
		delete(m.tenants, row.Tenant)
	}
}

// Get returns the row with an id: see [Backend].
func (m *Memory) Get(_ context.Context, tenant, id string) (*Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.tenants[tenant]; s != nil && s.rows[id] != nil {
		if row := rowOf(s.rows[id]); time.Now().Before(row.Expires) {
			return row, nil
		}
	}
	return nil, ErrNotFound
}

// WithItem returns the newest row with an item: see [Backend].
func (m *Memory) WithItem(_ context.Context, tenant, item string) (*Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var newest *Row
	if s := m.tenants[tenant]; s != nil {
		for _, row := range s.items[item] { // in the order in which they came
			if now.Before(row.Expires) && (newest == nil || !row.Created.Before(newest.Created)) {
				newest = row
			}
		}
	}
	if newest == nil {
		return nil, ErrNotFound
	}
	return newest, nil
}

// Delete removes a row: see [Backend].
func (m *Memory) Delete(ctx context.Context, tenant, id string) error {
	row, err := m.Get(ctx, tenant, id)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.tenants[tenant]
	if s == nil || s.rows[id] == nil || rowOf(s.rows[id]) != row {
		return ErrNotFound // somebody was faster
	}
	m.remove(s, row)
	return nil
}

// Purge removes expired rows: see [Backend].
func (m *Memory) Purge(_ context.Context, limit int) (int, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.tenants {
		var gone []*Row
		for e := s.order.Front(); e != nil && n < limit; e = e.Next() {
			if row := rowOf(e); !now.Before(row.Expires) {
				gone = append(gone, row)
				n++
			}
		}
		for _, row := range gone {
			m.remove(s, row)
		}
	}
	return n, nil
}

// Close does nothing.
func (m *Memory) Close() error { return nil }
