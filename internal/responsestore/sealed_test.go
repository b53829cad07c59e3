package responsestore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/secret"
)

// spy is a backend whose rows somebody reads and changes.
type spy struct {
	*responsestore.Memory
	last   *responsestore.Row
	answer *responsestore.Row // instead of what is there, if set
}

func (s *spy) Put(ctx context.Context, row *responsestore.Row, q responsestore.Quota) error {
	s.last = row
	return s.Memory.Put(ctx, row, q)
}

func (s *spy) Get(ctx context.Context, tenant, id string) (*responsestore.Row, error) {
	if s.answer != nil {
		return s.answer, nil
	}
	return s.Memory.Get(ctx, tenant, id)
}

// TestSealed: a backend reads nothing of what was said, and what it gives back
// opens only as the row that it was.
func TestSealed(t *testing.T) {
	rows := &spy{Memory: responsestore.NewMemory(0)}
	s := newStore(t, responsestore.Options{Backend: rows})
	r := record("red", "resp_1", "resp_0")
	put(t, s, r)
	good := *rows.last
	for _, plain := range []string{"asks", "alice", "completed", "up cred", "resp_0", "role"} {
		if bytes.Contains(good.Data, []byte(plain)) {
			t.Errorf("%q is in the open", plain)
		}
	}
	changed := bytes.Clone(good.Data)
	changed[len(changed)-1] ^= 1
	for name, row := range map[string]*responsestore.Row{
		"another tenant's": {Tenant: "blue", ID: "resp_1", Data: good.Data},
		"another id":       {Tenant: "red", ID: "resp_2", Data: good.Data},
		"joined elsewhere": {Tenant: "redr", ID: "esp_1", Data: good.Data},
		"changed":          {Tenant: "red", ID: "resp_1", Data: changed},
		"empty":            {Tenant: "red", ID: "resp_1"},
	} {
		row.Created, row.Expires = good.Created, good.Expires
		rows.answer = row
		if got, err := s.Get(t.Context(), "red", "resp_1"); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %+v, %v, want ErrSealed", name, got, err)
		}
	}
	rows.answer = &good
	if _, err := s.Get(t.Context(), "red", "resp_1"); err != nil {
		t.Error(err)
	}
}

// TestKeysOfTenants: what is sealed for one opens with no other's key. Rows of
// earlier versions open as long as this passes.
func TestKeysOfTenants(t *testing.T) {
	root, rows := secret.Random(), &spy{Memory: responsestore.NewMemory(0)}
	put(t, newStore(t, responsestore.Options{Backend: rows, Root: root}), record("red", "resp_1", ""))
	for tenant, want := range map[string]error{"red": nil, "blue": secret.ErrSealed} {
		if _, err := root.Box("responses "+tenant).Open(nil, rows.last.Data, []byte("\x03red\x06resp_1")); !errors.Is(err, want) {
			t.Errorf("with the key of %s: %v, want %v", tenant, err, want)
		}
	}
}

// TestTimeIsSealed: a row that says that it has not expired is not believed.
func TestTimeIsSealed(t *testing.T) {
	rows := &spy{Memory: responsestore.NewMemory(0)}
	s := newStore(t, responsestore.Options{Backend: rows, TTL: time.Hour})
	r := record("red", "resp_1", "")
	r.Created = time.Now().Add(-2 * time.Hour)
	put(t, s, r)
	row := *rows.last
	row.Expires = time.Now().Add(time.Hour)
	rows.answer = &row
	if _, err := s.Get(t.Context(), "red", "resp_1"); !errors.Is(err, responsestore.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
}

// TestRootIsReplaced: what an old secret has sealed opens as long as it is
// behind the new one.
func TestRootIsReplaced(t *testing.T) {
	old := base64.StdEncoding.EncodeToString([]byte("a root secret of thirty-two byte"))
	young := base64.StdEncoding.EncodeToString([]byte("another root secret of 32 bytes!"))
	rows := responsestore.NewMemory(0)
	for i, tt := range []struct {
		secrets []string
		want    error
	}{{[]string{old}, nil}, {[]string{young, old}, nil}, {[]string{young}, secret.ErrSealed}} {
		root, err := secret.Parse(strings.Join(tt.secrets, ","))
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(t, responsestore.Options{Backend: rows, Root: root})
		if i == 0 {
			put(t, s, record("red", "resp_1", ""))
		}
		if _, err := s.Get(t.Context(), "red", "resp_1"); !errors.Is(err, tt.want) {
			t.Errorf("with %d secrets: %v, want %v", len(tt.secrets), err, tt.want)
		}
	}
}
