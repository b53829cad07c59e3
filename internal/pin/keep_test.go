package pin_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
)

// shelf is a backend in memory that counts and fails.
type shelf struct {
	mu      sync.Mutex
	rows    map[pin.Key]pin.Row
	loads   int
	applied int
	err     error
}

func (s *shelf) Load(_ context.Context, key pin.Key) (pin.Row, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	row, ok := s.rows[key]
	return row, ok && time.Now().Before(row.Expires), s.err
}

func (s *shelf) Apply(_ context.Context, changes []pin.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.rows == nil {
		s.rows = make(map[pin.Key]pin.Row)
	}
	for _, c := range changes {
		s.applied++
		if c.Gone {
			delete(s.rows, c.Key)
		} else {
			s.rows[c.Key] = c.Row
		}
	}
	return nil
}

func (s *shelf) Purge(context.Context, int) (int, error) { return 0, nil }

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// keep runs a table over s, with a secret that all of them share. stop ends it.
func keep(s *shelf, capacity int, failed func(error)) (table *pin.Table, stop func()) {
	table = pin.NewKeyed(capacity, [32]byte{1})
	table.Keep(s)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		table.Run(ctx, context.Background(), failed)
	}()
	return table, func() { cancel(); <-done }
}

func never(t *testing.T) func(error) {
	return func(err error) { t.Errorf("the backend has failed: %v", err) }
}

// TestKept: what a table has noted, another finds.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		first, stop := keep(&s, 0, never(t))
		alice := first.Identify("sk-alice")
		own := pin.Pin{Upstream: "up", Model: "m", Caller: alice}
		first.Note("red", "resp_1", own)
		first.Note("red", "resp_2", pin.Pin{Upstream: "two"})
		first.Forget("red", "resp_2")
		if _, ok := find(t, first, "red", pin.Identity{}, "resp_2"); ok || s.loads != 0 {
			t.Errorf("what was just forgotten is found: %v, after %d looks into the backend", ok, s.loads)
		}
		stop() // and with it everything is written

		second, stop := keep(&s, 0, never(t))
		defer stop()
		for _, tt := range []struct {
			tenant, id string
			caller     pin.Identity
			ok         bool
			loads      int
		}{
			{"red", "resp_1", pin.Identity{}, false, 1},
			{"red", "resp_1", alice, true, 1}, // the table has learned it
			{"red", "resp_2", alice, false, 2},
			{"blue", "resp_1", alice, false, 3},
		} {
			got, ok := find(t, second, tt.tenant, tt.caller, tt.id)
			if ok != tt.ok || ok && got != own || s.loads != tt.loads {
				t.Errorf("Find(%s, %s) = %+v, %v after %d looks, want %v after %d", tt.tenant, tt.id, got, ok, s.loads, tt.ok, tt.loads)
			}
		}
	})
}

// TestKeptUse: to use a pin prolongs it behind the table too, but is not
// written each time.
func TestKeptUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		table, stop := keep(&s, 0, never(t))
		table.Note("t", "used", pin.Pin{Upstream: "up"})
		for range 1000 {
			find(t, table, "t", pin.Identity{}, "used")
		}
		synctest.Wait()
		if s.applied != 1 {
			t.Errorf("%d changes were written, want 1", s.applied)
		}
		time.Sleep(pin.TTL - time.Second)
		if _, ok := find(t, table, "t", pin.Identity{}, "used"); !ok {
			t.Error("it is gone before its time")
		}
		stop()
		time.Sleep(pin.TTL - time.Minute)
		table, stop = keep(&s, 0, never(t))
		defer stop()
		if _, ok := find(t, table, "t", pin.Identity{}, "used"); !ok {
			t.Error("to be used has not prolonged it behind the table")
		}
		time.Sleep(pin.TTL)
		if _, ok := find(t, table, "t", pin.Identity{}, "used"); ok {
			t.Error("it is there after its time")
		}
	})
}

// TestKeptIsMore: what memory has no room for is still found.
func TestKeptIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		table, stop := keep(&s, 10, never(t))
		defer stop()
		for i := range 100 {
			table.Note("t", strconv.Itoa(i), pin.Pin{Upstream: "up"})
			if i%2 == 1 {
				table.Forget("t", strconv.Itoa(i))
			}
		}
		synctest.Wait()
		for i := range 100 {
			if _, ok := find(t, table, "t", pin.Identity{}, strconv.Itoa(i)); ok != (i%2 == 0) {
				t.Errorf("pin %d is found: %v", i, ok)
			}
		}
		if got := table.Len(); got > 10 {
			t.Errorf("Len() = %d, want at most 10", got)
		}
	})
}

// TestBackendAway: nobody waits for a backend that fails, what has room is
// written later, and the rest is counted.
func TestBackendAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		s := shelf{err: away}
		var told []error
		table, stop := keep(&s, 0, func(err error) { told = append(told, err) })
		if _, ok, err := table.Find(t.Context(), "t", pin.Identity{}, "unknown"); ok || !errors.Is(err, away) {
			t.Errorf("Find = %v, %v, want the backend's error", ok, err)
		}
		start := time.Now()
		for i := range 3 * pin.QueueLength {
			table.Note("t", strconv.Itoa(i), pin.Pin{Upstream: "up"})
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Note has waited %v", took)
		}
		if p, ok, err := table.Find(t.Context(), "t", pin.Identity{}, "7"); !ok || err != nil || p.Upstream != "up" {
			t.Errorf("what memory has needs the backend: %v", err)
		}
		time.Sleep(10 * time.Second)
		s.fail(nil)
		time.Sleep(10 * time.Second)
		stop()
		if int64(len(s.rows))+table.Lost() != 3*pin.QueueLength || len(s.rows) < pin.QueueLength {
			t.Errorf("%d pins are written and %d lost, of %d", len(s.rows), table.Lost(), 3*pin.QueueLength)
		}
		if len(told) != 2 || !errors.Is(told[0], away) || told[1] != nil {
			t.Errorf("told of %v, want one error and one nil", told)
		}
	})
}

// TestBackendAwayAtTheEnd: the end waits for one last try.
func TestBackendAwayAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelf{err: errors.New("away")}
		table, stop := keep(&s, 0, func(error) {})
		table.Note("t", "1", pin.Pin{Upstream: "up"})
		table.Note("t", "2", pin.Pin{Upstream: "up"})
		synctest.Wait()
		start := time.Now()
		stop()
		if table.Lost() != 2 || time.Since(start) != 0 {
			t.Errorf("%d are lost, want 2, after %v", table.Lost(), time.Since(start))
		}
	})
}
