package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/simulator"
)

// TestRelease: a snapshot is released once, and not before the last exchange
// that has it has ended.
func TestRelease(t *testing.T) {
	sim := gatetest.StartSim(t, simulator.Options{})
	var released atomic.Int32
	first := snapshotOf(t, "first", sim.URL, "the-key")
	first.Release = func() { released.Add(1) }
	h := gateway.New(gateway.Options{
		Snapshot: first, Ledger: ledger.NewMemory(10), NewID: func(time.Time) string { return "req_x" },
	})
	srv := httptest.NewServer(h)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader(dialectCases[0].body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-key")
	req.Header.Set("X-Sim-Stall", "1")
	flying, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	h.Swap(snapshotOf(t, "second", sim.URL, "the-key"))
	h.Swap(snapshotOf(t, "third", sim.URL, "the-key"))
	if _, err := io.ReadFull(flying.Body, make([]byte, 10)); err != nil || released.Load() != 0 {
		t.Errorf("released %d times (%v) while an exchange has it", released.Load(), err)
	}
	flying.Body.Close()
	gatetest.Until(t, func() bool { return released.Load() == 1 })
	http.DefaultClient.CloseIdleConnections()
}

// TestHold: whatever is swapped meanwhile, nobody is served from a snapshot that
// has been released, and each is released once.
func TestHold(t *testing.T) {
	var live, wrong atomic.Int64
	make1 := func() *gateway.Snapshot {
		live.Add(1)
		var released atomic.Bool
		return &gateway.Snapshot{
			Keys: auth.New(nil), Routes: route.New(nil), BodyLimit: 1, BodyMemory: 1,
			Release: func() {
				if released.Swap(true) {
					wrong.Add(1)
				}
				live.Add(-1)
			},
		}
	}
	h := gateway.New(gateway.Options{Snapshot: make1(), NewID: func(time.Time) string { return "req_x" }})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/readyz", nil))
			}
		})
	}
	for range 500 {
		h.Swap(make1())
	}
	all.Wait()
	if live.Load() != 1 || wrong.Load() != 0 {
		t.Errorf("%d snapshots are live and %d were released again, want the current one alone", live.Load(), wrong.Load())
	}
}
