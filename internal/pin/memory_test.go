//go:build !race

package pin_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/weir-gateway/weir/internal/pin"
)

// TestMemory checks what the comment of Capacity promises.
func TestMemory(t *testing.T) {
	const most = 25 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	table := pin.New(0)
	for i := range 2 * pin.Capacity {
		table.Note("tenant", fmt.Sprint("resp_", i), pin.Pin{Upstream: "up", Model: fmt.Sprint("model-", i%10)})
	}
	got := heap() - before
	if t.Logf("a full table takes %d bytes", got); got > most {
		t.Errorf("a full table takes %d bytes, want at most %d", got, most)
	}
	runtime.KeepAlive(table)
}
