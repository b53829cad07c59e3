package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/responsestore"
)

// TestBackend runs the suite. open returns a new, empty backend, which each
// test closes.
func TestBackend(t *testing.T, open func(t *testing.T) responsestore.Backend) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, responsestore.Backend)
	}{
		{"what is put is found", putAndGet},
		{"a row never changes", immutable},
		{"tenants do not see each other", tenants},
		{"an item is found in the newest row", withItem},
		{"a deleted row is gone with its items", deleted},
		{"an expired row is not there", expired},
		{"expired rows are removed in batches", purge},
		{"the oldest rows make room", quota},
		{"a caller that has left puts nothing", cancelled},
		{"many at once", parallel},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t)
			tt.run(t, b)
			if err := b.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		})
	}
}

// no is no quota.
var no responsestore.Quota // immutable

// row returns a row that was created so many seconds after some moment in the
// last hour, and lives for a day.
func row(tenant, id string, after int, items ...string) *responsestore.Row {
	created := time.Now().Truncate(time.Hour).Add(-time.Hour + time.Duration(after)*time.Second)
	return &responsestore.Row{
		Tenant: tenant, ID: id, Created: created, Expires: created.Add(24 * time.Hour),
		Items: items, Data: []byte("data of " + tenant + " " + id),
	}
}

func put(t *testing.T, b responsestore.Backend, q responsestore.Quota, rows ...*responsestore.Row) {
	t.Helper()
	for _, r := range rows {
		if err := b.Put(t.Context(), r, q); err != nil {
			t.Fatalf("Put(%s, %s) = %v", r.Tenant, r.ID, err)
		}
	}
}

// check looks for rows and for what must not be there.
func check(t *testing.T, b responsestore.Backend, tenant, there, not string) {
	t.Helper()
	for id := range strings.FieldsSeq(there) {
		r, err := b.Get(t.Context(), tenant, id)
		if err != nil || r.Tenant != tenant || r.ID != id || !strings.HasPrefix(string(r.Data), "data of "+tenant+" "+id) {
			t.Errorf("Get(%s, %s) = %+v, %v", tenant, id, r, err)
		}
	}
	for id := range strings.FieldsSeq(not) {
		if r, err := b.Get(t.Context(), tenant, id); !errors.Is(err, responsestore.ErrNotFound) {
			t.Errorf("Get(%s, %s) = %+v, %v, want ErrNotFound", tenant, id, r, err)
		}
	}
}

func checkItem(t *testing.T, b responsestore.Backend, tenant, item, want string) {
	t.Helper()
	r, err := b.WithItem(t.Context(), tenant, item)
	switch {
	case want == "" && !errors.Is(err, responsestore.ErrNotFound):
		t.Errorf("WithItem(%s, %s) = %+v, %v, want ErrNotFound", tenant, item, r, err)
	case want != "" && (err != nil || r.Tenant != tenant || r.ID != want || !bytes.HasPrefix(r.Data, []byte("data of "+tenant+" "+want))):
		t.Errorf("WithItem(%s, %s) = %+v, %v, want %s", tenant, item, r, err, want)
	}
}

func putAndGet(t *testing.T, b responsestore.Backend) {
	a := row("red", "resp_1", 0)
	put(t, b, no, a, row("red", "resp_2", 1))
	check(t, b, "red", "resp_1 resp_2", "resp_3 Resp_1")
	got, err := b.Get(t.Context(), "red", "resp_1")
	if err != nil || !got.Created.Equal(a.Created) || !got.Expires.Equal(a.Expires) {
		t.Errorf("Get = %+v, %v, want the times of %+v", got, err, a)
	}
	large := row("red", "large", 2)
	large.Data = append(large.Data, make([]byte, 5<<20)...)
	put(t, b, no, large)
	if got, err := b.Get(t.Context(), "red", "large"); err != nil || !bytes.Equal(got.Data, large.Data) {
		t.Errorf("a large row: %v", err)
	}
}

func immutable(t *testing.T, b responsestore.Backend) {
	put(t, b, no, row("red", "resp_1", 0, "item_1"))
	other := row("red", "resp_1", 1, "item_2")
	other.Data = []byte("other")
	if err := b.Put(t.Context(), other, no); !errors.Is(err, responsestore.ErrExists) {
		t.Errorf("Put = %v, want ErrExists", err)
	}
	check(t, b, "red", "resp_1", "")
	checkItem(t, b, "red", "item_1", "resp_1")
	checkItem(t, b, "red", "item_2", "")
}

func tenants(t *testing.T, b responsestore.Backend) {
	put(t, b, no, row("red", "resp_1", 0, "item"), row("blue", "resp_1", 1, "item"), row("red", "resp_2", 2, "own"))
	check(t, b, "red", "resp_1 resp_2", "")
	check(t, b, "blue", "resp_1", "resp_2")
	check(t, b, "green", "", "resp_1 resp_2")
	checkItem(t, b, "red", "item", "resp_1")
	checkItem(t, b, "blue", "item", "resp_1")
	checkItem(t, b, "blue", "own", "")
	if err := b.Delete(t.Context(), "blue", "resp_2"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("Delete of another tenant's = %v, want ErrNotFound", err)
	}
	if err := b.Delete(t.Context(), "blue", "resp_1"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	check(t, b, "red", "resp_1 resp_2", "")
	checkItem(t, b, "red", "item", "resp_1")
}

func withItem(t *testing.T, b responsestore.Backend) {
	put(t, b, no, row("red", "late", 5, "item", "one"), row("red", "early", 1, "item", "two"))
	checkItem(t, b, "red", "item", "late")
	checkItem(t, b, "red", "one", "late")
	checkItem(t, b, "red", "two", "early")
	checkItem(t, b, "red", "three", "")
	put(t, b, no, row("red", "same", 5, "item"))
	checkItem(t, b, "red", "item", "same")
	over := row("red", "over", 9, "item")
	over.Expires = over.Created
	put(t, b, no, over)
	checkItem(t, b, "red", "item", "same")
}

func deleted(t *testing.T, b responsestore.Backend) {
	put(t, b, no, row("red", "resp_1", 0, "item"), row("red", "resp_2", 1, "item", "other"))
	if err := b.Delete(t.Context(), "red", "resp_2"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	check(t, b, "red", "resp_1", "resp_2")
	checkItem(t, b, "red", "item", "resp_1")
	checkItem(t, b, "red", "other", "")
	if err := b.Delete(t.Context(), "red", "resp_2"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("Delete again = %v, want ErrNotFound", err)
	}
	put(t, b, no, row("red", "resp_2", 2))
	check(t, b, "red", "resp_1 resp_2", "")
	checkItem(t, b, "red", "other", "")
}

func expired(t *testing.T, b responsestore.Backend) {
	gone := row("red", "gone", 0, "item")
	gone.Expires = time.Now().Truncate(time.Millisecond)
	put(t, b, no, gone, row("red", "here", 1))
	check(t, b, "red", "here", "gone")
	checkItem(t, b, "red", "item", "")
	if err := b.Delete(t.Context(), "red", "gone"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("Delete = %v, want ErrNotFound", err)
	}
}

func purge(t *testing.T, b responsestore.Backend) {
	for i := range 25 {
		gone := row([]string{"red", "blue"}[i%2], fmt.Sprint("gone_", i), i, "item")
		gone.Expires = time.Now().Add(-time.Second)
		put(t, b, no, gone)
	}
	put(t, b, no, row("red", "here", 1, "item"))
	for i, want := range []int{10, 10, 5, 0} {
		if n, err := b.Purge(t.Context(), 10); n != want || err != nil {
			t.Errorf("Purge %d = %d, %v, want %d", i, n, err, want)
		}
	}
	check(t, b, "red", "here", "gone_0")
	checkItem(t, b, "red", "item", "here")
	put(t, b, no, row("red", "gone_0", 2)) // an id is free again once its row has gone
}

func quota(t *testing.T, b responsestore.Backend) {
	few := responsestore.Quota{Records: 3}
	put(t, b, few, row("blue", "other", 0), row("red", "b", 2, "item_b"), row("red", "a", 1, "item_a"), row("red", "c", 3))
	check(t, b, "red", "a b c", "")
	put(t, b, few, row("red", "d", 4))
	check(t, b, "red", "b c d", "a")
	checkItem(t, b, "red", "item_a", "")
	put(t, b, few, row("red", "old", 0)) // the oldest of all, but the one that is wanted
	check(t, b, "red", "c d old", "b")
	check(t, b, "blue", "other", "")
	if err := b.Put(t.Context(), row("red", "c", 9), few); !errors.Is(err, responsestore.ErrExists) {
		t.Errorf("Put = %v, want ErrExists", err)
	}
	check(t, b, "red", "c d old", "") // nothing goes for what does not come

	large := row("red", "large", 5)
	large.Data = append(large.Data, make([]byte, 1000)...)
	put(t, b, responsestore.Quota{Bytes: large.Size() + row("red", "d", 0).Size()}, large)
	check(t, b, "red", "d large", "c old")
	put(t, b, responsestore.Quota{Records: 1}, row("red", "last", 6))
	check(t, b, "red", "last", "d large")
	if err := b.Delete(t.Context(), "red", "last"); err != nil {
		t.Error(err)
	}
	put(t, b, few, row("red", "1", 1), row("red", "2", 2), row("red", "3", 3)) // what has gone does not count
	check(t, b, "red", "1 2 3", "")
}

func cancelled(t *testing.T, b responsestore.Backend) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Put(ctx, row("red", "resp_1", 0), no); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want context.Canceled", err)
	}
	put(t, b, no, row("red", "resp_2", 0))
	check(t, b, "red", "resp_2", "resp_1")
}

func parallel(t *testing.T, b responsestore.Backend) {
	q := responsestore.Quota{Records: 50}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			tenant := fmt.Sprint("t", g%2)
			for i := range 40 {
				id := fmt.Sprintf("r_%d_%d", g, i)
				if err := b.Put(t.Context(), row(tenant, id, i, "item", id), q); err != nil {
					t.Errorf("Put = %v", err)
				}
				if r, err := b.WithItem(t.Context(), tenant, "item"); err != nil || r.Tenant != tenant {
					t.Errorf("WithItem = %+v, %v", r, err)
				}
				if i%5 == 0 {
					if err := b.Delete(t.Context(), tenant, id); err != nil && !errors.Is(err, responsestore.ErrNotFound) {
						t.Errorf("Delete = %v", err)
					}
				}
				if i%10 == 0 {
					if _, err := b.Purge(t.Context(), 10); err != nil {
						t.Errorf("Purge = %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}
