package route_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/route"
)

func anchor(n int) []route.Anchor {
	a := route.Anchor{Why: "test"}
	binary.LittleEndian.PutUint64(a.Sum[:], uint64(n))
	return []route.Anchor{a}
}

func TestAffinities(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	a := route.NewAffinities(100, time.Hour)
	one, two := route.ID{Upstream: "one"}, route.ID{Upstream: "two", Model: "m"}
	find := func(n int, after time.Duration) route.ID {
		by, _, _ := a.Find(anchor(n), start.Add(after))
		return by
	}
	a.Note(anchor(1), one, start)
	if got := find(1, time.Hour); got != one {
		t.Errorf("within its time: %v", got)
	}
	if got := find(1, time.Hour+1); got != (route.ID{}) {
		t.Errorf("after its time: %v", got)
	}
	if got := find(2, 0); got != (route.ID{}) {
		t.Errorf("what nobody has served: %v", got)
	}
	a.Note(anchor(1), two, start.Add(30*time.Minute))
	if got := find(1, 90*time.Minute); got != two {
		t.Errorf("served by another since: %v", got)
	}
	if by, which, ok := a.Find(append(anchor(9), anchor(1)...), start); !ok || by != two || which != anchor(1)[0] {
		t.Errorf("the first that is known: %v by %v", which, by)
	}
	// Bounded: of many more than it may hold, some of the newest are left.
	kept := 0
	for n := range 10_000 {
		a.Note(anchor(n), one, start.Add(time.Hour))
	}
	for n := range 10_000 {
		if find(n, time.Hour) == one {
			kept++
		}
	}
	if kept < 50 || kept > 100 || find(9999, time.Hour) != one {
		t.Errorf("%d of 10000 are left, want 50 to 100, the last among them", kept)
	}
}
