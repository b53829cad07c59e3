package pin_test

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
)

func find(t *testing.T, table *pin.Table, tenant string, caller pin.Identity, id string) (pin.Pin, bool) {
	t.Helper()
	p, ok, err := table.Find(t.Context(), tenant, caller, id)
	if err != nil {
		t.Fatalf("Find(%q, %q) error = %v", tenant, id, err)
	}
	return p, ok
}

func TestTable(t *testing.T) {
	table := pin.New(0)
	alice, bob := table.Identify("sk-alice"), table.Identify("sk-bob")
	shared := pin.Pin{Upstream: "one", Model: "m"}
	own := pin.Pin{Upstream: "two", Caller: alice}
	table.Note("red", "resp_1", shared)
	table.Note("red", "resp_2", own)
	for _, tt := range []struct {
		name, tenant, id string
		caller           pin.Identity
		want             pin.Pin
		ok               bool
	}{
		{"of the tenant", "red", "resp_1", pin.Identity{}, shared, true},
		{"of the tenant, from somebody with a credential", "red", "resp_1", bob, shared, true},
		{"of another tenant", "blue", "resp_1", pin.Identity{}, pin.Pin{}, false},
		{"of nobody", "red", "resp_3", pin.Identity{}, pin.Pin{}, false},
		{"of the caller", "red", "resp_2", alice, own, true},
		{"of another caller", "red", "resp_2", bob, pin.Pin{}, false},
		{"of a caller, from nobody", "red", "resp_2", pin.Identity{}, pin.Pin{}, false},
		{"tenant and id joined elsewhere", "redresp", "_1", pin.Identity{}, pin.Pin{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := find(t, table, tt.tenant, tt.caller, tt.id); got != tt.want || ok != tt.ok {
				t.Errorf("Find(%q, %q) = %+v, %v, want %+v, %v", tt.tenant, tt.id, got, ok, tt.want, tt.ok)
			}
		})
	}
	table.Forget("blue", "resp_1")
	if _, ok := find(t, table, "red", pin.Identity{}, "resp_1"); !ok {
		t.Error("another tenant made a pin be forgotten")
	}
	table.Forget("red", "resp_1")
	if _, ok := find(t, table, "red", pin.Identity{}, "resp_1"); ok {
		t.Error("a forgotten pin is found")
	}
	if got := table.Len(); got != 1 {
		t.Errorf("Len() = %d, want 1", got)
	}
}

func TestBound(t *testing.T) {
	const capacity = 100
	table := pin.New(capacity)
	for i := range 3 * capacity {
		table.Note("t", strconv.Itoa(i), pin.Pin{Upstream: "up"})
		if _, ok := find(t, table, "t", pin.Identity{}, "0"); !ok { // used each time, so never the one to go
			t.Fatalf("the pin in use is gone after %d", i)
		}
	}
	if got := table.Len(); got != capacity {
		t.Errorf("Len() = %d, want %d", got, capacity)
	}
	for _, tt := range []struct {
		id int
		ok bool
	}{{1, false}, {2*capacity - 1, false}, {2*capacity + 1, true}, {3*capacity - 1, true}} {
		if _, ok := find(t, table, "t", pin.Identity{}, strconv.Itoa(tt.id)); ok != tt.ok {
			t.Errorf("pin %d is there: %v, want %v", tt.id, ok, tt.ok)
		}
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := pin.New(0)
		table.Note("t", "unused", pin.Pin{Upstream: "up"})
		table.Note("t", "used", pin.Pin{Upstream: "up"})
		time.Sleep(pin.TTL - time.Second)
		if _, ok := find(t, table, "t", pin.Identity{}, "used"); !ok {
			t.Error("a pin is gone before its time")
		}
		time.Sleep(time.Second)
		if _, ok := find(t, table, "t", pin.Identity{}, "unused"); ok {
			t.Error("a pin is there after its time")
		}
		if got := table.Len(); got != 1 {
			t.Errorf("Len() = %d, want 1: what has expired takes memory", got)
		}
		time.Sleep(pin.TTL - 2*time.Second)
		if _, ok := find(t, table, "t", pin.Identity{}, "used"); !ok {
			t.Error("to be used has not prolonged a pin")
		}
		time.Sleep(pin.TTL)
		if got := table.Len(); got != 0 {
			t.Errorf("Len() = %d, want 0", got)
		}
	})
}

func token(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(payload)) + ".c2ln"
}

func TestIdentify(t *testing.T) {
	table := pin.New(0)
	first := token(`{"iss":"https://login.example/t1/","sub":"s1","exp":1}`)
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"one secret", "sk-1", "sk-1", true},
		{"two secrets", "sk-1", "sk-2", false},
		{"a renewed token", first, token(`{"exp":2,"sub":"s1","iss":"https://login.example/t1/"}`), true},
		{"another subject", first, token(`{"iss":"https://login.example/t1/","sub":"s2"}`), false},
		{"another issuer", first, token(`{"iss":"https://login.example/t2/","sub":"s1"}`), false},
		{"tokens without a subject", token(`{"iss":"i","jti":"1"}`), token(`{"iss":"i","jti":"2"}`), false},
		{"tokens that are no JSON", token(`x`), token(`y`), false},
		{"a member moved into another", token(`{"iss":"a\u0000b","sub":"c"}`), token(`{"iss":"a","sub":"b\u0000c"}`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := table.Identify(tt.a) == table.Identify(tt.b); got != tt.same {
				t.Errorf("Identify(%q) == Identify(%q): %v, want %v", tt.a, tt.b, got, tt.same)
			}
		})
	}
	if pin.New(0).Identify("sk-1") == table.Identify("sk-1") {
		t.Error("two tables hash with the same key")
	}
	before, after := pin.NewKeyed(0, [32]byte{1}), pin.NewKeyed(0, [32]byte{1})
	if before.Identify("sk-1") != after.Identify("sk-1") {
		t.Error("two tables with one secret know a caller by different identities")
	}
	if table.Identify("") == (pin.Identity{}) {
		t.Error("an empty credential is nobody's")
	}
}

func TestConcurrent(t *testing.T) {
	table := pin.New(64)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			tenant := fmt.Sprint("t", g%2)
			for i := range 2000 {
				id := strconv.Itoa(i % 100)
				table.Note(tenant, id, pin.Pin{Upstream: tenant})
				if p, ok, _ := table.Find(t.Context(), tenant, pin.Identity{}, id); ok && p.Upstream != tenant {
					t.Errorf("tenant %s was given the pin of %s", tenant, p.Upstream)
				}
				if i%7 == 0 {
					table.Forget(tenant, id)
				}
			}
		})
	}
	wg.Wait()
	if got := table.Len(); got > 64 {
		t.Errorf("Len() = %d, want at most 64", got)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("sk-1", "a.b.c")
	f.Add(token(`{"iss":"i","sub":"s"}`), token(`{"iss":"i","sub":"t"}`))
	table := pin.New(0)
	f.Fuzz(func(t *testing.T, a, b string) {
		ia, ib := table.Identify(a), table.Identify(b)
		if ia == (pin.Identity{}) {
			t.Errorf("Identify(%q) is nobody", a)
		}
		if ia != ib && a == b {
			t.Errorf("Identify(%q) is not always the same", a)
		}
		if ia == ib && a != b && (strings.Count(a, ".") != 2 || strings.Count(b, ".") != 2) {
			t.Errorf("Identify(%q) == Identify(%q)", a, b)
		}
	})
}

func BenchmarkNote(b *testing.B) {
	table := pin.New(0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			table.Note("tenant", fmt.Sprintf("resp_%048d", i), pin.Pin{Upstream: "up", Model: "gpt-5-mini"})
		}
	})
}

func BenchmarkFind(b *testing.B) {
	table := pin.New(0)
	table.Note("tenant", "resp_0123456789abcdef", pin.Pin{Upstream: "up"})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok, _ := table.Find(b.Context(), "tenant", pin.Identity{}, "resp_0123456789abcdef"); !ok {
				b.Fatal("not found")
			}
		}
	})
}
