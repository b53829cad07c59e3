package responsestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weir-gateway/weir/internal/secret"
)

const (
	// DefaultTTL is how long a record is kept. Providers keep responses for as
	// long.
	DefaultTTL = 30 * 24 * time.Hour

	// MaxChain is how many records a conversation may have.
	MaxChain = 512

	// MaxChainBytes is how many bytes the items of a conversation may have.
	MaxChainBytes = 32 << 20

	// MaxItems is how many items of one record may have ids.
	MaxItems = 8192

	// purgeBatch is how many rows go in one step, so that no writer waits long.
	purgeBatch = 256
)

var (
	// ErrNotFound is returned for what the tenant does not have.
	ErrNotFound = errors.New("responsestore: there is no such record")

	// ErrExists is returned by Put: a record never changes.
	ErrExists = errors.New("responsestore: there is a record with this id")

	// ErrQuota is returned by Put for a record that has no room even if
	// everything else of its tenant went.
	ErrQuota = errors.New("responsestore: the record is larger than what its tenant may keep")

	// ErrTooLong is returned for a conversation of more than [MaxChain] records
	// or [MaxChainBytes].
	ErrTooLong = errors.New("responsestore: the conversation is too long")
)

// An Item is one item of a conversation.
type Item struct {
	ID  string // empty if it has none
	Raw []byte // its JSON exactly as it was
}

// A Record is one response and what was asked for it.
type Record struct {
	ID, Tenant string // required
	Parent     string // the response that it goes on with; empty if it begins a conversation
	Key        string // the name of the key that asked; empty on a listener without keys

	Created time.Time // set by Put if it is zero; to the millisecond
	Expires time.Time // set by Put from the TTL

	Model    string // the name that the client asked for
	Upstream string // who has answered

	// Bound names the upstream, and the credential there, that alone can read
	// some of its items. Empty if everybody can read all of them.
	Bound string

	Status string // completed, incomplete, failed or in_progress
	Input  []Item // of this request alone, in the form of the Responses protocol
	Output []Item
	Body   []byte // the response object as it is given to who asks for it
}

// Options are what a [Store] is made of.
type Options struct {
	Backend Backend      // required; the store closes it
	Root    *secret.Root // required; the keys of the tenants are derived from it

	TTL   time.Duration // of new records; 0 means [DefaultTTL]
	Quota Quota         // of each tenant
}

// Store keeps records. Its methods may be called by many goroutines at once.
// Records that are given to it and that it returns belong to the caller.
type Store struct {
	rows  Backend
	root  *secret.Root
	ttl   time.Duration
	quota Quota
}

// New returns the store over o.Backend.
func New(o Options) *Store {
	if o.TTL <= 0 {
		o.TTL = DefaultTTL
	}
	return &Store{rows: o.Backend, root: o.Root, ttl: o.TTL, quota: o.Quota}
}

// Put keeps r, and sets its times. When it returns nil the record survives the
// process and, where the backend has a disk, the machine. Where the quota
// demands it, the oldest records of the tenant make room.
//
// The errors are [ErrExists], [ErrQuota], that of ctx, and those of the
// backend. An error of ctx leaves open whether the record is kept.
func (s *Store) Put(ctx context.Context, r *Record) error {
	if r.ID == "" || r.Tenant == "" {
		return errors.New("responsestore: a record without an id or a tenant")
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	r.Created = r.Created.Truncate(time.Millisecond)
	r.Expires = r.Created.Add(s.ttl)
	row := &Row{Tenant: r.Tenant, ID: r.ID, Created: r.Created, Expires: r.Expires, Items: ids(r)}
	if len(row.Items) > MaxItems {
		return fmt.Errorf("%w: more than %d items", ErrQuota, MaxItems)
	}
	row.Data = s.box(r.Tenant).Seal(nil, encode(r), bind(r.Tenant, r.ID))
	if row.Size() > s.quota.bytes() {
		return fmt.Errorf("%w: %d bytes", ErrQuota, row.Size())
	}
	return s.rows.Put(ctx, row, s.quota)
}

// Get returns the record with an id, or [ErrNotFound].
func (s *Store) Get(ctx context.Context, tenant, id string) (*Record, error) {
	row, err := s.rows.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.open(row)
}

// Chain returns the conversation that ends with id, oldest record first and
// without bodies. If a record of it is missing, expired or deleted, the error
// is [ErrNotFound]; it is [ErrTooLong] if there are too many. Before it keeps
// the items of a record it asks room for the memory that they take, in bytes,
// and ends with its error.
func (s *Store) Chain(ctx context.Context, tenant, id string, room func(int64) error) ([]*Record, error) {
	var chain []*Record
	size := 0
	for id != "" {
		if len(chain) == MaxChain {
			return nil, fmt.Errorf("%w: more than %d responses", ErrTooLong, MaxChain)
		}
		r, err := s.Get(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		if size += itemBytes(r); size > MaxChainBytes {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, MaxChainBytes)
		}
		if err := room(r.memory()); err != nil {
			return nil, err
		}
		r.detach()
		chain = append(chain, r)
		id = r.Parent
	}
	if len(chain) == 0 {
		return nil, ErrNotFound
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return chain, nil
}

// Items returns the item with an id, whichever record of the tenant it is in; of
// several, that of the newest record. It comes first, and behind it what the
// same record has of others, each once: to open a record again for each would
// take as long as all of them. The error is [ErrNotFound] if there is no item
// with the id.
func (s *Store) Items(ctx context.Context, tenant, itemID string, others ...string) ([]Item, error) {
	if itemID == "" {
		return nil, ErrNotFound
	}
	row, err := s.rows.WithItem(ctx, tenant, itemID)
	if err != nil {
		return nil, err
	}
	r, err := s.open(row)
	if err != nil {
		return nil, err
	}
	byID := make(map[string][]byte, len(r.Output)+len(r.Input))
	for _, items := range [][]Item{r.Input, r.Output} {
		for _, item := range slices.Backward(items) {
			byID[item.ID] = item.Raw // output before input, the first of each
		}
	}
	var out []Item
	for _, id := range append([]string{itemID}, others...) {
		if raw, ok := byID[id]; ok && id != "" {
			out = append(out, Item{id, bytes.Clone(raw)}) // it must not hold the record
			delete(byID, id)
		}
	}
	if len(out) == 0 || out[0].ID != itemID {
		return nil, ErrNotFound
	}
	return out, nil
}

// Delete removes the record with an id, or fails with [ErrNotFound]. The
// records that go on with it cannot be gone on with any more.
func (s *Store) Delete(ctx context.Context, tenant, id string) error {
	return s.rows.Delete(ctx, tenant, id)
}

// Purge removes what has expired, a few records at a time, and returns how
// many. Nobody sees an expired record before that either.
func (s *Store) Purge(ctx context.Context) (int, error) {
	all := 0
	for {
		n, err := s.rows.Purge(ctx, purgeBatch)
		all += n
		if err != nil || n < purgeBatch {
			return all, err
		}
	}
}

// Close closes the backend.
func (s *Store) Close() error { return s.rows.Close() }

// open returns the record that a row holds.
func (s *Store) open(row *Row) (*Record, error) {
	plain, err := s.box(row.Tenant).Open(nil, row.Data, bind(row.Tenant, row.ID))
	if err != nil {
		return nil, fmt.Errorf("opening the record of a response: %w", err)
	}
	r := &Record{ID: row.ID, Tenant: row.Tenant}
	if err := decode(plain, r); err != nil {
		return nil, err
	}
	if !time.Now().Before(r.Expires) {
		return nil, ErrNotFound // the row's own time is in the open, and no proof
	}
	return r, nil
}

// box returns what seals for a tenant.
func (s *Store) box(tenant string) *secret.Box { return s.root.Box("responses " + tenant) }

// bind returns what a sealed record belongs to.
func bind(tenant, id string) []byte { return appendText(appendText(nil, tenant), id) }

// ids returns the ids of the record's items, each once.
func ids(r *Record) []string {
	seen := make(map[string]bool)
	var all []string
	for _, items := range [][]Item{r.Input, r.Output} {
		for _, item := range items {
			if item.ID != "" && !seen[item.ID] {
				seen[item.ID] = true
				all = append(all, item.ID)
			}
		}
	}
	return all
}

// itemMemory is what an item takes beside its texts, about.
const itemMemory = 64

// memory returns about how many bytes the record takes without its body.
func (r *Record) memory() int64 {
	n := itemBytes(r)
	for _, items := range [][]Item{r.Input, r.Output} {
		for i := range items {
			n += itemMemory + len(items[i].ID)
		}
	}
	return int64(n)
}

// detach takes the body away, and gives the items bytes of their own: as they
// were read they hold it, which may be much larger than they are.
func (r *Record) detach() {
	b := make([]byte, 0, itemBytes(r))
	for _, items := range [][]Item{r.Input, r.Output} {
		for i := range items {
			at := len(b)
			b = append(b, items[i].Raw...)
			items[i].Raw = b[at:len(b):len(b)]
		}
	}
	r.Body = nil
}

func itemBytes(r *Record) (n int) {
	for _, items := range [][]Item{r.Input, r.Output} {
		for _, item := range items {
			n += len(item.Raw)
		}
	}
	return n
}
