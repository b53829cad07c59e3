package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/weir-gateway/weir/internal/llm"
)

// memory is the budget of all request bodies together, and the pool that
// their buffers come from. It may be used by several goroutines at once.
type memory struct {
	limit int64
	used  atomic.Int64
	tiers [len(tierSizes)]sync.Pool // of *[]byte with a capacity of at least the tier's size
}

// tierSizes are the sizes of pooled buffers. Larger ones are the garbage
// collector's.
var tierSizes = [...]int{4 << 10, 32 << 10, 256 << 10} // immutable

// reserve counts n more bytes, or fails with [llm.CodeOverloaded].
func (m *memory) reserve(n int64) error {
	if m.used.Add(n) > m.limit {
		m.used.Add(-n)
		return &llm.Error{Code: llm.CodeOverloaded, Op: "gateway.memory"}
	}
	return nil
}

// get returns an empty buffer with a capacity of at least n.
func (m *memory) get(n int) []byte {
	for i, size := range tierSizes {
		if n > size {
			continue
		}
		if b, ok := m.tiers[i].Get().(*[]byte); ok {
			return (*b)[:0]
		}
		return make([]byte, 0, size)
	}
	return make([]byte, 0, n)
}

// put gives a buffer back. Nobody may use it any more.
func (m *memory) put(b []byte) {
	for i := len(tierSizes) - 1; i >= 0; i-- {
		if cap(b) >= tierSizes[i] {
			if cap(b) <= tierSizes[len(tierSizes)-1] {
				b = b[:0]
				m.tiers[i].Put(&b)
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
	b        []byte
	reserved atomic.Int64
	holders  atomic.Int32
}

func (m *memory) newBuffer() *buffer {
	b := &buffer{mem: m}
	b.holders.Store(1)
	return b
}

// grow makes room for n bytes in all, within the budget. What b holds is kept.
func (b *buffer) grow(n int) error {
	if err := b.mem.reserve(int64(n) - b.reserved.Load()); err != nil {
		return err
	}
	b.reserved.Store(int64(n))
	if n <= cap(b.b) {
		return nil
	}
	old := b.b
	b.b = append(b.mem.get(n), old...)
	if old != nil {
		b.mem.put(old)
	}
	return nil
}

func (b *buffer) hold() { b.holders.Add(1) }

// drop ends one hold. The last one gives the bytes back to the pool.
func (b *buffer) drop() {
	if b.holders.Add(-1) != 0 {
		return
	}
	b.unreserve()
	b.mem.put(b.b)
	b.b = nil
}

// unreserve takes the bytes out of the budget. It may be called again.
func (b *buffer) unreserve() { b.mem.used.Add(-b.reserved.Swap(0)) }
