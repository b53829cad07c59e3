package pin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
	"unique"
)

const (
	// TTL is how long a pin is kept after it was made or used last. Providers
	// keep responses for as long.
	TTL = 30 * 24 * time.Hour

	// Capacity is how many pins a table holds unless it is told otherwise. A
	// table of this size takes about 20 MB when it is full, and nothing while
	// it is empty.
	Capacity = 1 << 17
)

// A Pin says where an object is and who may use it.
type Pin struct {
	Upstream string // the upstream's name

	// Model is the name that a client asked for when the object was made.
	// Empty if none was.
	Model string

	// Caller is set if the upstream was called with a client's own credential:
	// then only that client may use the object. Its zero value lets everybody
	// of the tenant use it.
	Caller Identity
}

// An Identity stands for the owner of a credential. The zero value is nobody.
// It tells nothing about the credential.
type Identity [16]byte

// Table is a bounded memory of pins. When it is full, the one that was used
// least recently goes first. It may have a [Backend] behind it, which remembers
// more of them for longer. Its methods may be called by many goroutines at once.
type Table struct {
	secret   [32]byte // nobody outside can tell which ids share a bucket
	capacity int

	mu   sync.Mutex
	byID map[Key]*entry // guarded by mu
	ring entry          // the most recently used is next, the least is prev; guarded by mu

	keep *keeper // nil: the table is all there is
}

// A Key is what is kept of a tenant's name and an id: a keyed hash.
type Key [16]byte

type entry struct {
	next, prev *entry
	key        Key
	pin        Pin
	expires    int64 // in nanoseconds of Unix time
	kept       int64 // the same, as the backend was told it
	gone       bool  // it was forgotten: the backend may not know yet
}

// New is [NewKeyed] with a random secret.
func New(capacity int) *Table {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		panic("pin: no random bytes: " + err.Error()) // crypto/rand never fails on a supported system
	}
	return NewKeyed(capacity, secret)
}

// NewKeyed returns an empty table for capacity pins; 0 means [Capacity]. Two
// tables with the same secret know a caller by the same [Identity].
func NewKeyed(capacity int, secret [32]byte) *Table {
	if capacity <= 0 {
		capacity = Capacity
	}
	t := &Table{secret: secret, capacity: capacity, byID: make(map[Key]*entry)}
	t.ring.next, t.ring.prev = &t.ring, &t.ring
	return t
}

// Identify returns who a credential belongs to: the same for the same
// credential, and for two tokens (JWT) in which one issuer names the same
// subject, because tokens are renewed every hour. Nobody has verified the
// token: the identity is good for nothing that is not sent to the upstream
// with it.
func (t *Table) Identify(credential string) Identity {
	h := hmac.New(sha256.New, t.secret[:])
	if issuer, subject, ok := claims(credential); ok {
		h.Write([]byte("token\x00" + issuer + "\x00" + subject))
	} else {
		h.Write([]byte("secret\x00" + credential))
	}
	return Identity(h.Sum(nil)[:len(Identity{})])
}

// Note keeps p for an id of a tenant. A pin that is there already is replaced.
func (t *Table) Note(tenant, id string, p Pin) {
	p.Model = unique.Make(p.Model).Value() // a few names, thousands of times
	k, now := t.key(tenant, id), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entry(k, now)
	e.pin, e.gone, e.kept = p, false, 0
	t.use(e, now)
}

// Find returns the pin of an id for a tenant and a caller of it, who may be
// nobody. It is not found if it belongs to another tenant or another caller: the
// two look exactly as if there were none. What the table does not know it asks
// its backend for, once; the error is the backend's.
func (t *Table) Find(ctx context.Context, tenant string, caller Identity, id string) (Pin, bool, error) {
	k := t.key(tenant, id)
	p, known, there := t.look(k, caller)
	if known || t.keep == nil {
		return p, there, nil
	}
	row, ok, err := t.keep.backend.Load(ctx, k)
	if err != nil || !ok {
		return Pin{}, false, err
	}
	t.learn(row)
	p, _, there = t.look(k, caller)
	return p, there, nil
}

// look returns the pin that the table has for a caller. known reports whether
// it has one for anybody, or knows that there is none.
func (t *Table) look(k Key, caller Identity) (p Pin, known, there bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	e := t.byID[k]
	switch {
	case e == nil, e.expires <= now.UnixNano():
		return Pin{}, false, false
	case e.gone, e.pin.Caller != (Identity{}) && e.pin.Caller != caller:
		return Pin{}, true, false
	}
	e.unlink()
	t.use(e, now)
	return e.pin, true, true
}

// learn takes what the backend has said, unless the table knows better by now.
func (t *Table) learn(row Row) {
	now := time.Now()
	if !now.Before(row.Expires) {
		return
	}
	row.Pin.Model = unique.Make(row.Pin.Model).Value()
	row.Pin.Upstream = unique.Make(row.Pin.Upstream).Value()
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.byID[row.Key]; e != nil && e.expires > now.UnixNano() {
		return
	}
	e := t.entry(row.Key, now)
	e.pin, e.gone, e.expires, e.kept = row.Pin, false, row.Expires.UnixNano(), row.Expires.UnixNano()
	t.link(e)
}

// Forget removes the pin of an id.
func (t *Table) Forget(tenant, id string) {
	k, now := t.key(tenant, id), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keep == nil {
		if e := t.byID[k]; e != nil {
			t.remove(e)
		}
		return
	}
	e := t.entry(k, now)
	e.pin, e.gone, e.kept = Pin{}, true, 0
	e.expires = now.Add(TTL).UnixNano()
	t.link(e)
	t.keep.tell(Change{Row: Row{Key: k}, Gone: true})
}

// Len returns how many pins are in memory, and of forgotten ones what says so.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(time.Now())
	return len(t.byID)
}

func (t *Table) key(tenant, id string) Key {
	var b [512]byte
	buf := append(b[:0], t.secret[:]...)
	buf = append(append(append(buf, tenant...), 0), id...)
	sum := sha256.Sum256(buf)
	return Key(sum[:len(Key{})])
}

// entry returns the entry of a key, which is in no ring and in the table. It
// makes room for a new one. It is called with mu held, as are the functions
// below.
func (t *Table) entry(k Key, now time.Time) *entry {
	t.expire(now)
	e := t.byID[k]
	if e != nil {
		e.unlink()
		return e
	}
	if len(t.byID) >= t.capacity {
		t.remove(t.ring.prev)
	}
	e = &entry{key: k}
	t.byID[k] = e
	return e
}

// use makes e, which is in no ring, the most recently used, and tells the
// backend where it would else expire much too early.
func (t *Table) use(e *entry, now time.Time) {
	expires := now.Add(TTL)
	e.expires = expires.UnixNano()
	t.link(e)
	if t.keep != nil && e.expires-e.kept >= int64(stale) && t.keep.tell(Change{Row: Row{Key: e.key, Pin: e.pin, Expires: expires}}) {
		e.kept = e.expires
	}
}

func (t *Table) link(e *entry) {
	e.next, e.prev = t.ring.next, &t.ring
	e.next.prev, e.prev.next = e, e
}

// expire removes what nobody has used for too long: since every use counts
// anew, that is always at the end of the ring, but for what was learned and not
// used.
func (t *Table) expire(now time.Time) {
	for limit := now.UnixNano(); t.ring.prev != &t.ring && t.ring.prev.expires <= limit; {
		t.remove(t.ring.prev)
	}
}

func (t *Table) remove(e *entry) {
	e.unlink()
	delete(t.byID, e.key)
}

func (e *entry) unlink() {
	e.next.prev, e.prev.next = e.prev, e.next
}
