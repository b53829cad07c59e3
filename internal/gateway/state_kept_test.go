package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/responsestore"
)

// TestStateGivesMemoryBack: what is kept and recalled counts as long as it is in
// memory, however its exchange ends.
func TestStateGivesMemoryBack(t *testing.T) {
	g := gatetest.Start(t, "listen: { body_limit: 200KiB, body_memory: 1MiB }\n"+stateful)
	alice, bob := &stateClient{t, g, "alice"}, &stateClient{t, g, "bob"}
	pad := strings.Repeat("x", 20<<10)
	for _, model := range keepers {
		first := alice.ask(model, `"`+pad+`"`, false)
		item := fmt.Sprintf(`[{"type":"item_reference","id":%q}]`, alice.inputItem(first))
		for range 12 { // each leaves what it took
			for _, stream := range []bool{false, true} {
				for _, tt := range []struct {
					who    *stateClient
					input  string
					more   []string
					status int
				}{
					{alice, `"` + pad + `"`, []string{previous(first)}, 200},
					{alice, `"` + pad + `"`, []string{previous(first), `"store":false`}, 200},
					{bob, `"` + pad + `"`, []string{previous(first)}, 400},
					{alice, `"` + pad + `"`, []string{previous(first), `"conversation":"conv_1"`}, 400},
					{alice, `"` + pad + `"`, []string{previous(first), `"background":true`}, 400},
					{alice, `[{"type":"item_reference","id":"msg_nobody"}]`, []string{previous(first)}, 400},
					{alice, item, nil, 200},
					{alice, item, []string{previous(first)}, 200},
				} {
					if r := tt.who.ask(model, tt.input, stream, tt.more...); r.status != tt.status {
						t.Fatalf("%s stream=%t %.60s %s: %d %s, want %d", model, stream, tt.input, tt.more, r.status, r.raw, tt.status)
					}
				}
			}
		}
	}
	if r := alice.ask("as-chat", `"`+strings.Repeat("x", 150<<10)+`"`, false, `"store":false`); r.status != http.StatusOK {
		t.Errorf("a gateway that is empty again: %d %s", r.status, r.raw)
	}
	for end := (*reply)(nil); ; { // 1 MiB is less than what a conversation may have
		more := []string{}
		if end != nil {
			more = append(more, previous(end))
		}
		r := alice.ask("joined", `"`+strings.Repeat("y", 100<<10)+`"`, false, more...)
		if r.status == http.StatusServiceUnavailable && r.Error.Code == "server_overloaded" && end != nil {
			break
		}
		if r.status != http.StatusOK {
			t.Fatalf("a conversation that there is no room for: %d %s", r.status, r.raw)
		}
		end = r
	}
}

// inputItem returns the id of the first item that a response was asked with.
func (c *stateClient) inputItem(r *reply) string {
	c.t.Helper()
	page := c.do(http.MethodGet, "/v1/responses/"+r.ID+"/input_items?order=asc", "").raw
	_, rest, _ := strings.Cut(page, `"first_id":"`)
	id, _, found := strings.Cut(rest, `"`)
	if !found {
		c.t.Fatalf("no items in %s", page)
	}
	return id
}

// A hurried store notes how long each Put was given.
type hurried struct {
	*responsestore.Store
	given []time.Duration
}

func (s *hurried) Put(ctx context.Context, r *responsestore.Record) error {
	left := time.Duration(-1)
	if at, ok := ctx.Deadline(); ok {
		left = time.Until(at)
	}
	s.given = append(s.given, left)
	return s.Store.Put(ctx, r) //nolint:wrapcheck // it is one
}

// TestKeepingIsHurried: the end of an answer waits 250 ms for the store.
func TestKeepingIsHurried(t *testing.T) {
	s := &hurried{Store: newShelf().Store}
	c := &stateClient{t, gatetest.StartWith(t, gatetest.Options{Responses: s}, stateful), "alice"}
	for _, model := range keepers {
		for _, stream := range []bool{false, true} {
			if r := c.ask(model, `"hello"`, stream); !r.Store {
				t.Errorf("%s stream=%t: %s", model, stream, r.raw)
			}
		}
	}
	if len(s.given) != 2*len(keepers) {
		t.Errorf("%d responses were kept", len(s.given))
	}
	for _, d := range s.given {
		if d <= 0 || d > 250*time.Millisecond {
			t.Errorf("the store is given %v", d)
		}
	}
}

// A waitingStore takes a response only when it is told to.
type waitingStore struct {
	*responsestore.Store
	asked chan string // ids
	goOn  chan struct{}
	done  chan error
}

func (s *waitingStore) Put(ctx context.Context, r *responsestore.Record) error {
	s.asked <- r.ID
	<-s.goOn
	select {
	case <-ctx.Done(): // as it must not be
	case <-time.After(20 * time.Millisecond): // if it takes longer to be noticed, nothing is proved
	}
	err := s.Store.Put(ctx, r)
	s.done <- err
	return err //nolint:wrapcheck // it is one
}

// TestWhoLeavesAtTheEnd: what was answered is kept also where the client has
// left meanwhile.
func TestWhoLeavesAtTheEnd(t *testing.T) {
	for _, model := range keepers {
		s := &waitingStore{newShelf().Store, make(chan string), make(chan struct{}), make(chan error, 1)}
		g := gatetest.StartWith(t, gatetest.Options{Responses: s}, stateful)
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/v1/responses", strings.NewReader(`{"model":"`+model+`","input":"hello"}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer alice-0123456789abcdef")
			req.Header.Set("Content-Type", "application/json")
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}()
		id := <-s.asked
		leave()
		<-left
		s.goOn <- struct{}{}
		if err := <-s.done; err != nil {
			t.Errorf("%s: %v", model, err)
		}
		if r := (&stateClient{t, g, "alice"}).do(http.MethodGet, "/v1/responses/"+id, ""); r.status != http.StatusOK {
			t.Errorf("%s: %d", model, r.status)
		}
	}
}

// TestFailuresAreNotKept: nor can anybody go on with one.
func TestFailuresAreNotKept(t *testing.T) {
	g := gatetest.Start(t, stateful)
	c := &stateClient{t, g, "alice"}
	for _, model := range []string{"as-chat", "as-messages", "as-ollama"} {
		for _, how := range []string{"X-Sim-Error: middle", "X-Sim-Cut: 2"} {
			name, value, _ := strings.Cut(how, ": ")
			resp := g.Do(t, http.MethodPost, "/v1/responses", `{"model":"`+model+`","input":"hello","stream":true}`,
				"Authorization", "Bearer alice-0123456789abcdef", name, value)
			var r reply
			if err := json.Unmarshal([]byte(c.last(gatetest.Body(t, resp))), &r); err != nil {
				t.Fatal(err)
			}
			if r.Status != "failed" || r.Store {
				t.Errorf("%s %s: %+v", model, how, r)
			}
			if got := c.do(http.MethodGet, "/v1/responses/"+r.ID, ""); got.status != http.StatusNotFound {
				t.Errorf("%s %s: it is there: %d", model, how, got.status)
			}
			if on := c.ask(model, `"x"`, false, previous(&r)); on.status != http.StatusBadRequest {
				t.Errorf("%s %s: it is gone on with: %d", model, how, on.status)
			}
		}
	}
}

// TestHowItEnded: what has ended well or was cut short is gone on with.
func TestHowItEnded(t *testing.T) {
	s := newShelf()
	c := &stateClient{t, gatetest.StartWith(t, gatetest.Options{Responses: s}, stateful), "alice"}
	for status, want := range map[string]int{"completed": 200, "incomplete": 200, "failed": 400, "in_progress": 400} {
		r := &responsestore.Record{
			ID: "resp_weir_" + status, Tenant: "blue", Model: "as-chat", Upstream: "sim", Status: status,
			Input: []responsestore.Item{{Raw: []byte(`{"role":"user","content":"hello"}`)}},
		}
		if err := s.Store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for _, model := range keepers {
			if got := c.ask(model, `"and on"`, false, previous(&reply{ID: r.ID})); got.status != want || want == 400 && got.Error.Param != "previous_response_id" {
				t.Errorf("%s, after one that is %s: %d %s, want %d", model, status, got.status, got.raw, want)
			}
		}
	}
}

// TestKeysWithModels: a key that may use some models is given nothing that
// another has made, and an item only in the conversation that it goes on with.
func TestKeysWithModels(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(stateful, "keys:\n", "keys:\n  - { name: anna, tenant: blue, models: [as-chat], secret: anna-0123456789abcdef }\n", 1))
	alice, anna := &stateClient{t, g, "alice"}, &stateClient{t, g, "anna"}
	theirs, ours := alice.ask("joined", `"hello"`, false), alice.ask("as-chat", `"hello"`, false)
	mixed := alice.ask("as-chat", `"and on"`, false, previous(theirs))
	for _, r := range []*reply{
		anna.do(http.MethodGet, "/v1/responses/"+theirs.ID, ""), anna.do(http.MethodDelete, "/v1/responses/"+theirs.ID, ""),
		anna.do(http.MethodGet, "/v1/responses/"+theirs.ID+"/input_items", ""),
		anna.ask("as-chat", `"x"`, false, previous(theirs)), anna.ask("as-chat", `"x"`, false, previous(mixed)),
	} {
		if r.status != http.StatusForbidden || r.Error.Code != "model_not_allowed" {
			t.Errorf("of a model that the key may not use: %d %s", r.status, r.raw)
		}
	}
	for _, r := range []*reply{theirs, ours} {
		item := fmt.Sprintf(`[{"type":"item_reference","id":%q}]`, r.Output[0].ID)
		if got := anna.ask("as-chat", item, false); got.status != http.StatusBadRequest || got.Error.Code != "reference_not_found" {
			t.Errorf("an item from anywhere: %d %s", got.status, got.raw)
		}
	}
	item := fmt.Sprintf(`[{"type":"item_reference","id":%q}]`, ours.Output[0].ID)
	if got := anna.ask("as-chat", item, false, previous(ours)); got.status != http.StatusOK {
		t.Errorf("an item of the conversation: %d %s", got.status, got.raw)
	}
}
