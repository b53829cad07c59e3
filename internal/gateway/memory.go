package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/weir-gateway/weir/internal/llm"
)

// memory is the budget of all request bodies together, and the pool that
// their buffers come from. It may be used by several goroutines at once.
type memory struct {
	limit atomic.Int64 // may be set at any time
	used  atomic.Int64
	tiers [len(tierSizes)]sync.Pool // of *slab with a capacity of at least the tier's size
}

// tierSizes are the sizes of pooled buffers. Larger ones are the garbage
// collector's.
var tierSizes = [...]int{2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10} // immutable

// reserve counts n more bytes, or fails with [llm.CodeOverloaded].
func (m *memory) reserve(n int64) error {
	if m.used.Add(n) > m.limit.Load() {
		m.used.Add(-n)
		return &llm.Error{Code: llm.CodeOverloaded, Op: "gateway.memory"}
	}
	return nil
}

// A slab is bytes that come from the pool and go back to it as one.
type slab struct{ b []byte }

// get returns an empty slab with a capacity of at least n.
func (m *memory) get(n int) *slab {
	for i, size := range tierSizes {
		if n > size {
			continue
		}
		if s, ok := m.tiers[i].Get().(*slab); ok {
			return s
		}
		return &slab{make([]byte, 0, size)}
	}
	return &slab{make([]byte, 0, n)}
}

// put gives a slab back. Nobody may use it any more.
func (m *memory) put(s *slab) {
	for i := len(tierSizes) - 1; i >= 0; i-- {
		if cap(s.b) >= tierSizes[i] {
			if cap(s.b) <= tierSizes[len(tierSizes)-1] {
				s.b = s.b[:0]
				m.tiers[i].Put(s)
			}
			return
		}
	}
}

// A buffer is a request body in memory that several attempts may read. The
// exchange holds it from the start; each attempt holds it until the transport
// has said that it will not read it any more. Where a transport never says so,
// the bytes are left to the garbage collector: http.Transport may read a body
// after RoundTrip has returned, and a buffer that was used again too early
// would send one client's prompt in another's request.
type buffer struct {
	mem      *memory
	slab     *slab // nil until it has grown, and again once it was given back
	reserved atomic.Int64
	holders  atomic.Int32
}

func (m *memory) newBuffer() *buffer {
	b := &buffer{mem: m}
	b.holders.Store(1)
	return b
}

// claim counts n bytes in all, within the budget, and takes none yet.
func (b *buffer) claim(n int) error {
	if err := b.mem.reserve(int64(n) - b.reserved.Load()); err != nil {
		return err
	}
	b.reserved.Store(int64(n))
	return nil
}

// grow makes room for n bytes in all, within the budget. What b holds is kept.
func (b *buffer) grow(n int) error {
	if err := b.claim(n); err != nil {
		return err
	}
	old := b.slab
	if old != nil && n <= cap(old.b) {
		return nil
	}
	b.slab = b.mem.get(n)
	if old != nil {
		b.slab.b = append(b.slab.b, old.b...)
		b.mem.put(old)
	}
	return nil
}

// become makes p what b holds, which must be empty. Nobody else may use p any
// more.
func (b *buffer) become(p []byte) error {
	if err := b.claim(cap(p)); err != nil {
		return err
	}
	b.slab = &slab{p}
	return nil
}

// bytes returns what b holds.
func (b *buffer) bytes() []byte {
	if b.slab == nil {
		return nil
	}
	return b.slab.b
}

func (b *buffer) hold() { b.holders.Add(1) }

// drop ends one hold. The last one gives the bytes back to the pool.
func (b *buffer) drop() {
	if b.holders.Add(-1) != 0 {
		return
	}
	b.unreserve()
	if b.slab != nil {
		b.mem.put(b.slab)
		b.slab = nil
	}
}

// unreserve takes the bytes out of the budget. It may be called again.
func (b *buffer) unreserve() { b.mem.used.Add(-b.reserved.Swap(0)) }
