package ledger

import (
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// An Entry is the account of one exchange.
type Entry struct {
	ID        string    // the request id, unique per exchange; of a response on a socket: the socket's, a dot, and a number from 1
	Time      time.Time // when the request's headers had been read
	Tenant    string
	Key       string // the key's name; empty on a listener without keys
	Remote    string // address and port of the peer
	Operation llm.Operation
	Method    string // of what passes unread: [llm.OpTransparent], [llm.OpPassthrough]; else empty
	Path      string // of the same: escaped, bounded, without its query; else empty
	Dialect   llm.Dialect
	Model     string // the name the client asked for; empty if it could not be read
	Stream    bool

	Upstream string   // of the last attempt; empty if there was none
	Target   string   // the name that upstream knows
	Lane     llm.Lane // of the last attempt
	Attempts []Attempt

	// Lossy names what of the request the last attempt does not do, by the
	// client's own names, at most 2 KiB; empty if it does all.
	Lossy string

	Status    int      // as sent to the client; 499 if it left before a status was sent
	Code      llm.Code // empty for success
	BytesIn   int64    // body bytes as read from the client, before decompression
	BytesOut  int64    // body bytes written to the client
	FirstByte time.Duration
	Total     time.Duration
	Usage     llm.Usage

	// FramesIn and FramesOut are the messages of a socket: read from the
	// client, and written to it.
	FramesIn, FramesOut int64
}

// An Attempt is one try against one target.
type Attempt struct {
	Upstream          string
	Target            string
	Lane              llm.Lane
	Status            int           // the upstream's own; 0 if it never answered
	Code              llm.Code      // empty for success
	FirstByte         time.Duration // until the upstream's headers; 0 if they never came
	Total             time.Duration
	UpstreamRequestID string // what the upstream calls it; empty if it did not say

	// Usage is what it used, if another attempt came after it. What the last one
	// used is the entry's.
	Usage llm.Usage
}

// Memory is a ledger without a disk. It keeps the newest entries and counts
// all of them. Its methods may be called by several goroutines at once.
type Memory struct {
	mu    sync.Mutex
	ring  []Entry // :: newest entries, oldest at next once full; guarded by mu
	next  int
	total int64
}

// NewMemory returns a ledger that keeps the newest n entries. n must be
// positive.
func NewMemory(n int) *Memory {
	return &Memory{ring: make([]Entry, 0, n)}
}

// Record keeps e. It never fails and never blocks on anything but other
// callers.
func (m *Memory) Record(e *Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total++
	if len(m.ring) < cap(m.ring) {
		m.ring = append(m.ring, *e)
		return nil
	}
	m.ring[m.next] = *e
	m.next = (m.next + 1) % len(m.ring)
	return nil
}

// Entries returns the kept entries, oldest first.
func (m *Memory) Entries() []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Entry, 0, len(m.ring))
	out = append(out, m.ring[m.next:]...)
	return append(out, m.ring[:m.next]...)
}

// Total returns how many entries were ever recorded; Total minus the length
// of Entries is how many were forgotten.
func (m *Memory) Total() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}
