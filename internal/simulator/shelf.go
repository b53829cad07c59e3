package simulator

import (
	"slices"
	"sync"
)

// A shelf keeps objects by their ids: at most so many, and at most so many
// bytes of them. The oldest go first. The zero value keeps nothing.
type shelf[T any] struct {
	most  int // objects
	bytes int // of all objects

	mu    sync.Mutex
	slots map[string]*slot[T]
	order []string // the ids in slots, oldest first
	used  int      // bytes
}

type slot[T any] struct {
	object T
	size   int // bytes
}

// put keeps an object of size bytes, unless it alone is too large.
func (s *shelf[T]) put(id string, object T, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > s.bytes {
		return
	}
	if s.slots == nil {
		s.slots = make(map[string]*slot[T])
	}
	for len(s.order) > 0 && (len(s.order) >= s.most || s.used+size > s.bytes) {
		s.drop(0)
	}
	s.slots[id] = &slot[T]{object, size}
	s.order = append(s.order, id)
	s.used += size
}

func (s *shelf[T]) drop(i int) {
	id := s.order[i]
	s.used -= s.slots[id].size
	delete(s.slots, id)
	if i == 0 {
		s.order = s.order[1:]
	} else {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

// get returns a copy of an object.
func (s *shelf[T]) get(id string) (object T, ok bool) {
	return s.change(id, func(*T) {})
}

// change changes an object and returns a copy of what it is then.
func (s *shelf[T]) change(id string, change func(*T)) (object T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.slots[id]
	if !ok {
		return object, false
	}
	change(&one.object)
	return one.object, true
}

// remove reports whether there was such an object.
func (s *shelf[T]) remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.order, id)
	if i < 0 {
		return false
	}
	s.drop(i)
	return true
}

// all returns the objects, oldest first, and their ids.
func (s *shelf[T]) all() (ids []string, objects []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.order {
		ids, objects = append(ids, id), append(objects, s.slots[id].object)
	}
	return ids, objects
}
