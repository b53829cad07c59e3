package responsestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/secret"
)

func newStore(t *testing.T, o responsestore.Options) *responsestore.Store {
	t.Helper()
	if o.Backend == nil {
		o.Backend = responsestore.NewMemory(0)
	}
	if o.Root == nil {
		o.Root = secret.Random()
	}
	s := responsestore.New(o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func record(tenant, id, parent string) *responsestore.Record {
	return &responsestore.Record{
		ID: id, Tenant: tenant, Parent: parent, Key: "alice", Model: "m", Upstream: "up", Bound: "up cred", Status: "completed",
		Input:  []responsestore.Item{{Raw: []byte(`{"role":"user","content":"asks ` + id + `"}`)}, {ID: "in_" + id, Raw: []byte(`{"id":"in"}`)}},
		Output: []responsestore.Item{{ID: "out_" + id, Raw: []byte(`{ "id": "out_` + id + `" }`)}},
		Body:   []byte(`{"id":"` + id + `"}`),
	}
}

func put(t *testing.T, s *responsestore.Store, all ...*responsestore.Record) {
	t.Helper()
	for _, r := range all {
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatalf("Put(%s, %s) = %v", r.Tenant, r.ID, err)
		}
	}
}

func unbounded(int64) error { return nil }

// chain returns the ids of a conversation.
func chain(s *responsestore.Store, tenant, id string) (string, error) {
	all, err := s.Chain(context.Background(), tenant, id, unbounded)
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " "), err
}

func TestRecord(t *testing.T) {
	s := newStore(t, responsestore.Options{TTL: time.Hour})
	want := record("red", "resp_1", "")
	put(t, s, want)
	if !want.Expires.Equal(want.Created.Add(time.Hour)) || time.Since(want.Created) > time.Minute {
		t.Errorf("created %v, expires %v", want.Created, want.Expires)
	}
	got, err := s.Get(t.Context(), "red", "resp_1")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Get: %v (-want +got)\n%s", err, diff)
	}
	clear(got.Body)
	clear(got.Input[0].Raw)
	if again, err := s.Get(t.Context(), "red", "resp_1"); cmp.Diff(want, again) != "" || err != nil {
		t.Errorf("what Get has returned is not the caller's: %v", err)
	}
	if err := s.Put(t.Context(), record("red", "resp_1", "resp_0")); !errors.Is(err, responsestore.ErrExists) {
		t.Errorf("Put again = %v, want ErrExists", err)
	}
	for _, r := range []*responsestore.Record{{ID: "resp_1"}, {Tenant: "red"}} {
		if err := s.Put(t.Context(), r); err == nil {
			t.Errorf("Put(%+v) succeeded", r)
		}
	}
}

func TestChain(t *testing.T) {
	s := newStore(t, responsestore.Options{})
	put(t, s,
		record("red", "a", ""), record("red", "b", "a"), record("red", "c", "b"), record("red", "fork", "b"),
		record("red", "lost", "never"), record("red", "foreign", "x"), record("blue", "x", ""))
	for _, tt := range []struct {
		tenant, id, want string
		err              error
	}{
		{"red", "a", "a", nil},
		{"red", "c", "a b c", nil},
		{"red", "fork", "a b fork", nil},
		{"red", "lost", "", responsestore.ErrNotFound},
		{"red", "foreign", "", responsestore.ErrNotFound},
		{"red", "x", "", responsestore.ErrNotFound},
		{"blue", "c", "", responsestore.ErrNotFound},
		{"red", "", "", responsestore.ErrNotFound},
	} {
		if got, err := chain(s, tt.tenant, tt.id); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Chain(%s, %s) = %s, %v, want %s, %v", tt.tenant, tt.id, got, err, tt.want, tt.err)
		}
	}
	if err := s.Delete(t.Context(), "red", "a"); err != nil {
		t.Error(err)
	}
	if _, err := chain(s, "red", "c"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("a conversation without its beginning: %v, want ErrNotFound", err)
	}
	if _, err := s.Get(t.Context(), "red", "c"); err != nil {
		t.Errorf("its end is gone too: %v", err)
	}
}

func TestChainIsBounded(t *testing.T) {
	s := newStore(t, responsestore.Options{Backend: responsestore.NewMemory(1 << 30)})
	parent := ""
	for i := range responsestore.MaxChain + 1 {
		r := &responsestore.Record{ID: fmt.Sprint("r", i), Tenant: "red", Parent: parent}
		put(t, s, r)
		parent = r.ID
	}
	if all, err := s.Chain(t.Context(), "red", fmt.Sprint("r", responsestore.MaxChain-1), unbounded); err != nil || len(all) != responsestore.MaxChain {
		t.Errorf("Chain = %d records, %v", len(all), err)
	}
	if _, err := s.Chain(t.Context(), "red", parent, unbounded); !errors.Is(err, responsestore.ErrTooLong) {
		t.Errorf("Chain = %v, want ErrTooLong", err)
	}
	half := bytes.Repeat([]byte("x"), responsestore.MaxChainBytes/2)
	put(t, s,
		&responsestore.Record{ID: "a", Tenant: "red", Input: []responsestore.Item{{Raw: half}}, Body: half},
		&responsestore.Record{ID: "b", Tenant: "red", Parent: "a", Output: []responsestore.Item{{Raw: half}}},
		&responsestore.Record{ID: "c", Tenant: "red", Parent: "b", Output: []responsestore.Item{{Raw: half[:1]}}})
	if _, err := s.Chain(t.Context(), "red", "b", unbounded); err != nil {
		t.Errorf("Chain = %v", err)
	}
	if _, err := s.Chain(t.Context(), "red", "c", unbounded); !errors.Is(err, responsestore.ErrTooLong) {
		t.Errorf("Chain = %v, want ErrTooLong", err)
	}
}

// TestHoldsNoMore: what is got to go on with holds no more than it is, and asks for
// room before it has it.
func TestHoldsNoMore(t *testing.T) {
	const n, body = 24, 4 << 20
	s := newStore(t, responsestore.Options{Backend: responsestore.NewMemory(1 << 30)})
	for i := range n {
		r := record("red", fmt.Sprint("r", i), fmt.Sprint("r", i-1))
		if i == 0 {
			r.Parent = ""
		}
		r.Body = make([]byte, body)
		put(t, s, r)
	}
	last := fmt.Sprint("r", n-1)
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, room := used(), int64(0)
	chain, err := s.Chain(t.Context(), "red", last, func(n int64) error { room += n; return nil })
	if err != nil || len(chain) != n || room < 100*n || room > 1000*n {
		t.Errorf("Chain = %d records, %v, for which %d bytes were asked", len(chain), err, room)
	}
	var items []responsestore.Item
	for i := range n {
		found, err := s.Items(t.Context(), "red", fmt.Sprint("out_r", i))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		items = append(items, found[0])
	}
	if more := used() - before; more > n*body/4 {
		t.Errorf("%d bytes are held for %d small records and items", more, n)
	}
	for i, r := range chain {
		if want := record("red", fmt.Sprint("r", i), ""); cmp.Diff(want.Input, r.Input)+cmp.Diff(want.Output, r.Output) != "" || r.Body != nil {
			t.Errorf("record %d is %+v", i, r)
		}
		if string(items[i].Raw) != string(r.Output[0].Raw) {
			t.Errorf("item %d is %s", i, items[i].Raw)
		}
	}
	full, asked := errors.New("full"), 0
	if _, err := s.Chain(t.Context(), "red", last, func(int64) error { asked++; return full }); !errors.Is(err, full) || asked != 1 {
		t.Errorf("without room: %v, asked %d times", err, asked)
	}
}

func TestItem(t *testing.T) {
	s := newStore(t, responsestore.Options{})
	first, second := record("red", "a", ""), record("red", "b", "a")
	first.Created = time.Now().Add(-time.Minute)
	second.Input[1] = responsestore.Item{ID: "out_a", Raw: []byte(`"newer"`)}
	put(t, s, first, second, record("blue", "x", ""))
	for _, tt := range []struct{ tenant, id, want string }{
		{"red", "in_a", `{"id":"in"}`},
		{"red", "out_a", `"newer"`},
		{"red", "out_b", `{ "id": "out_b" }`},
		{"red", "out_x", ""},
		{"blue", "out_x", `{ "id": "out_x" }`},
		{"red", "", ""},
	} {
		got, err := s.Items(t.Context(), tt.tenant, tt.id)
		if (tt.want == "") != errors.Is(err, responsestore.ErrNotFound) || tt.want != "" && (len(got) != 1 || string(got[0].Raw) != tt.want) {
			t.Errorf("Items(%s, %s) = %s, %v, want %s", tt.tenant, tt.id, got, err, tt.want)
		}
	}
	got, err := s.Items(t.Context(), "red", "out_b", "out_a", "nothing", "out_b", "", "out_x")
	if err != nil || len(got) != 2 || got[0].ID != "out_b" || got[1].ID != "out_a" {
		t.Errorf("Items with others = %s, %v; want those of one record, once", got, err)
	}
}

func TestQuota(t *testing.T) {
	s := newStore(t, responsestore.Options{Quota: responsestore.Quota{Records: 2, Bytes: 4000}})
	put(t, s, record("red", "a", ""), record("red", "b", "a"), record("red", "c", "b"))
	if _, err := s.Get(t.Context(), "red", "a"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("the oldest has not gone: %v", err)
	}
	large := record("red", "large", "")
	large.Body = make([]byte, 4000)
	if err := s.Put(t.Context(), large); !errors.Is(err, responsestore.ErrQuota) {
		t.Errorf("Put = %v, want ErrQuota", err)
	}
	many := record("red", "many", "")
	for i := range responsestore.MaxItems {
		many.Input = append(many.Input, responsestore.Item{ID: strconv.Itoa(i)})
	}
	if err := s.Put(t.Context(), many); !errors.Is(err, responsestore.ErrQuota) {
		t.Errorf("Put = %v, want ErrQuota", err)
	}
	if _, err := s.Get(t.Context(), "red", "b"); err != nil {
		t.Errorf("another has gone for what did not come: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := responsestore.New(responsestore.Options{Backend: responsestore.NewMemory(0), Root: secret.Random(), TTL: time.Hour})
		put(t, s, record("red", "a", ""))
		time.Sleep(time.Hour - time.Second)
		put(t, s, record("red", "b", "a"))
		if got, err := chain(s, "red", "b"); got != "a b" || err != nil {
			t.Errorf("Chain = %s, %v", got, err)
		}
		time.Sleep(time.Second)
		if _, err := chain(s, "red", "b"); !errors.Is(err, responsestore.ErrNotFound) {
			t.Errorf("Chain = %v, want ErrNotFound", err)
		}
		if _, err := s.Items(t.Context(), "red", "out_a"); !errors.Is(err, responsestore.ErrNotFound) {
			t.Errorf("Item = %v, want ErrNotFound", err)
		}
		if n, err := s.Purge(t.Context()); n != 1 || err != nil {
			t.Errorf("Purge = %d, %v, want 1", n, err)
		}
		if _, err := s.Get(t.Context(), "red", "b"); err != nil {
			t.Errorf("Get = %v", err)
		}
	})
}
