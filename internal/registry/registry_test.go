package registry_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-gateway/weir/internal/registry"
)

func TestRegistry(t *testing.T) {
	var ended []string
	r := registry.New(func(v *string) { ended = append(ended, *v) })
	built := 0
	build := func(name string) func() (*string, error) {
		return func() (*string, error) { built++; return &name, nil }
	}
	a, releaseA, _ := r.Take(registry.Key{1}, build("a"))
	again, releaseAgain, _ := r.Take(registry.Key{1}, build("another a"))
	b, releaseB, _ := r.Take(registry.Key{2}, build("b"))
	if a != again || a == b || built != 2 || r.Len() != 2 {
		t.Fatalf("took %q, %q, %q of %d built and %d kept; want one object for one key", *a, *again, *b, built, r.Len())
	}
	releaseA()
	releaseA()
	if len(ended) != 0 {
		t.Fatalf("ended %q although it is used", ended)
	}
	releaseAgain()
	releaseB()
	if len(ended) != 2 || ended[0] != "a" || ended[1] != "b" || r.Len() != 0 {
		t.Errorf("ended %q with %d kept, want a and b, and none", ended, r.Len())
	}
	anew, release, _ := r.Take(registry.Key{1}, build("a anew"))
	defer release()
	if anew == a {
		t.Error("an object that has ended was given out again")
	}
}

func TestBuildFails(t *testing.T) {
	r := registry.New(func(int) { t.Error("ended what was never built") })
	wrong := errors.New("wrong")
	if _, release, err := r.Take(registry.Key{}, func() (int, error) { return 1, wrong }); !errors.Is(err, wrong) || release != nil || r.Len() != 0 {
		t.Errorf("a failed build gave %v, %d kept", err, r.Len())
	}
}

// TestManyUsers: whoever holds an object holds one that has not ended.
func TestManyUsers(t *testing.T) {
	type object struct{ ended atomic.Bool }
	r := registry.New(func(o *object) { o.ended.Store(true) })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				o, release, _ := r.Take(registry.Key{byte(i % 3)}, func() (*object, error) { return &object{}, nil })
				if o.ended.Load() {
					t.Error("an object ended that is used")
				}
				release()
			}
		})
	}
	all.Wait()
	if r.Len() != 0 {
		t.Errorf("%d objects are left", r.Len())
	}
}
