package responsestore_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/responsestore/storetest"
)

func TestMemory(t *testing.T) {
	storetest.TestBackend(t, func(*testing.T) responsestore.Backend { return responsestore.NewMemory(0) })
}

// TestMemoryFull: who has the most makes room, and the row that has just come
// never goes.
func TestMemoryFull(t *testing.T) {
	row := func(tenant, id string) *responsestore.Row {
		return &responsestore.Row{Tenant: tenant, ID: id, Data: make([]byte, 744)} // 1000 bytes with the rest
	}
	m := responsestore.NewMemory(10_000)
	put := func(tenant, id string, want error) {
		t.Helper()
		r := row(tenant, id)
		r.Expires = r.Created.AddDate(9000, 0, 0)
		if err := m.Put(t.Context(), r, responsestore.Quota{}); !errors.Is(err, want) {
			t.Errorf("Put(%s, %s) = %v, want %v", tenant, id, err, want)
		}
	}
	there := func(tenant string, n int) (ids []string) {
		for i := range n {
			id := strconv.Itoa(i)
			if _, err := m.Get(t.Context(), tenant, id); err == nil {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for i := range 3 {
		put("small", strconv.Itoa(i), nil)
	}
	for i := range 20 {
		put("large", strconv.Itoa(i), nil)
	}
	if got := strings.Join(there("small", 3), " "); got != "0 1 2" {
		t.Errorf("the small tenant has %s", got)
	}
	if got := strings.Join(there("large", 20), " "); got != "13 14 15 16 17 18 19" {
		t.Errorf("the large tenant has %s", got)
	}
	huge := row("small", "huge")
	huge.Data = make([]byte, 10_000)
	if err := m.Put(t.Context(), huge, responsestore.Quota{}); !errors.Is(err, responsestore.ErrQuota) {
		t.Errorf("Put = %v, want ErrQuota", err)
	}
}
