package registry

import (
	"sync"
)

// A Key is what an object is told apart by: a hash of all the settings that
// define it.
type Key [32]byte

// A Registry keeps objects. It may be used by several goroutines at once.
type Registry[V any] struct {
	end func(V)

	mu      sync.Mutex
	objects map[Key]*object[V] // guarded by mu; those that somebody uses
}

type object[V any] struct {
	value V
	users int // guarded by Registry.mu; never 0
}

// New returns an empty registry. End is called once for each object, when the
// last who used it has let it go, by the goroutine that did: it must be quick.
func New[V any](end func(V)) *Registry[V] {
	return &Registry[V]{end: end, objects: make(map[Key]*object[V])}
}

// Take returns the object with a key, which build makes if there is none, and
// lets nobody else in meanwhile. An error is build's, and nothing is kept then.
// Whoever takes must call release once he does not use the object any more;
// to call it again does nothing.
func (r *Registry[V]) Take(key Key, build func() (V, error)) (value V, release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.objects[key]
	if o == nil {
		if value, err = build(); err != nil {
			return value, nil, err
		}
		o = &object[V]{value: value}
		r.objects[key] = o
	}
	o.users++
	return o.value, sync.OnceFunc(func() { r.release(key, o) }), nil
}

func (r *Registry[V]) release(key Key, o *object[V]) {
	r.mu.Lock()
	o.users--
	last := o.users == 0
	if last {
		delete(r.objects, key)
	}
	r.mu.Unlock()
	if last {
		r.end(o.value)
	}
}

// Len returns how many objects there are.
func (r *Registry[V]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.objects)
}
