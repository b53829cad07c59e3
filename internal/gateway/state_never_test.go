package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/secret"
)

// A shelf is a store that can fail.
type shelf struct {
	*responsestore.Store
	fail  error
	hangs bool
	puts  int
}

func (s *shelf) Put(ctx context.Context, r *responsestore.Record) error {
	s.puts++
	if s.hangs {
		<-ctx.Done()
		return ctx.Err() //nolint:wrapcheck // as a store does
	}
	if s.fail != nil {
		return s.fail
	}
	return s.Store.Put(ctx, r) //nolint:wrapcheck // it is one
}

func newShelf() *shelf {
	return &shelf{Store: responsestore.New(responsestore.Options{Backend: responsestore.NewMemory(0), Root: secret.Random()})}
}

// TestWhatCannotBeKept: the answer says so, and so does the log; it is not
// there afterwards, and nobody waits long.
func TestWhatCannotBeKept(t *testing.T) {
	for name, set := range map[string]func(*shelf){
		"a quota":            func(s *shelf) { s.fail = responsestore.ErrQuota },
		"a store that hangs": func(s *shelf) { s.hangs = true },
	} {
		s := newShelf()
		set(s)
		g := gatetest.StartWith(t, gatetest.Options{Responses: s}, stateful)
		c := &stateClient{t, g, "alice"}
		n := 0
		for _, model := range keepers {
			for _, stream := range []bool{false, true} {
				n++
				began := time.Now()
				r := c.ask(model, `"hello"`, stream)
				if r.status != 200 || r.Store || r.text() != "echo: hello" || !stream && r.lossy != "store" || time.Since(began) > 5*time.Second {
					t.Errorf("%s, %s stream=%t: %+v", name, model, stream, r)
				}
				if got := c.do(http.MethodGet, "/v1/responses/"+r.ID, ""); got.status != 404 {
					t.Errorf("%s: it is there: %d", name, got.status)
				}
				if lines := g.Log.Lines(t, "response not kept"); len(lines) != n {
					t.Errorf("%s: %d lines in the log, want %d", name, len(lines), n)
				}
			}
		}
		if s.puts != n {
			t.Errorf("%s: the store was asked %d times, want %d", name, s.puts, n)
		}
	}
}

// TestStoreNever: of such a key nothing is kept, here or at an upstream.
func TestStoreNever(t *testing.T) {
	s := newShelf()
	g := gatetest.StartWith(t, gatetest.Options{Responses: s}, strings.Replace(stateful, "keys:\n", "keys:\n  - { name: carol, tenant: blue, secret: carol-0123456789abcdef, store: never }\n", 1))
	alice, carol := &stateClient{t, g, "alice"}, &stateClient{t, g, "carol"}
	parent := alice.ask("as-chat", `"hello"`, false)
	before := s.puts
	for _, model := range append([]string{"keeps"}, keepers...) {
		for _, store := range []string{"", `"store":true`, `"store":null`, `"store":false`} {
			for _, stream := range []bool{false, true} {
				var more []string
				if store != "" {
					more = append(more, store)
				}
				r := carol.ask(model, `"secret"`, stream, more...)
				if r.status != 200 || r.Store || r.text() != "echo: secret" {
					t.Errorf("%s %s: %+v", model, store, r)
				}
				if sent := lastServed(t, g).Body; model == "keeps" && !strings.Contains(sent, `"store":false`) {
					t.Errorf("an upstream that keeps is sent %s", sent)
				}
				if got := carol.do(http.MethodGet, "/v1/responses/"+r.ID, ""); got.status != 404 {
					t.Errorf("%s: it is kept: %d", model, got.status)
				}
			}
		}
		if r := carol.ask(model, `"and on"`, false, previous(parent)); r.status != 200 || r.Store || !strings.Contains(lastServed(t, g).Body, "echo: hello") {
			t.Errorf("%s: what others have kept: %+v", model, r)
		}
	}
	if s.puts != before {
		t.Errorf("%d responses were kept", s.puts-before)
	}
	for store, want := range map[string]string{"": "", `,"store":true`: `"store":false`, `,"store":false`: `"store":false`} {
		carol.do(http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":"as-chat","messages":[{"role":"user","content":"x"}]%s}`, store))
		if sent := lastServed(t, g).Body; !strings.Contains(sent, want) || want == "" && strings.Contains(sent, "store") {
			t.Errorf("chat%s: %s is sent", store, sent)
		}
	}
}

// TestChatIsNotKept: what is made for a client of chat by another protocol
// could not be asked for, and is said not to be kept.
func TestChatIsNotKept(t *testing.T) {
	g := gatetest.Start(t, stateful)
	c := &stateClient{t, g, "alice"}
	for _, model := range []string{"keeps", "as-messages", "as-ollama"} {
		r := c.do(http.MethodPost, "/v1/chat/completions", `{"model":"`+model+`","store":true,"messages":[{"role":"user","content":"x"}]}`)
		if sent := lastServed(t, g).Body; r.status != 200 || r.lossy != "store" || strings.Contains(sent, `"store":true`) {
			t.Errorf("%s: %d, lossy %q, %s is sent", model, r.status, r.lossy, sent)
		}
	}
}
