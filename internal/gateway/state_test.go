package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// stateful is a model for each protocol of an upstream that keeps nothing, one
// whose upstream keeps what it answers, and keys of two tenants.
const stateful = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: ollama, kind: ollama, endpoint: "${SIM}" }
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: as-ollama, targets: [{ upstream: sim, model: sim-1, dialects: [ollama] }] }
  - { name: as-completions, targets: [{ upstream: sim, model: sim-1, dialects: [completions] }] }
  - { name: joined, targets: [{ upstream: ollama, model: sim-1, dialects: [responses] }] }
  - { name: keeps, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
keys:
  - { name: alice, tenant: blue, secret: alice-0123456789abcdef }
  - { name: bob, tenant: red, secret: bob-0123456789abcdef }
`

// A stateClient speaks with a gateway that has the configuration stateful.
type stateClient struct {
	t   *testing.T
	g   *gatetest.Gate
	key string
}

// A reply is what a response says.
type reply struct {
	ID         string  `json:"id"`
	Object     string  `json:"object"`
	Status     string  `json:"status"`
	Store      bool    `json:"store"`
	PreviousID *string `json:"previous_response_id"`
	Output     []struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		CallID  string `json:"call_id"`
		Name    string `json:"name"`
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Sealed string `json:"encrypted_content"`
	} `json:"output"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param"`
	} `json:"error"`

	status int
	lossy  string
	raw    string
}

func (r *reply) text() string {
	var b strings.Builder
	for _, item := range r.Output {
		for _, part := range item.Content {
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

func (c *stateClient) do(method, path, body string) *reply {
	c.t.Helper()
	resp := c.g.Do(c.t, method, path, body, "Authorization", "Bearer "+c.key+"-0123456789abcdef")
	r := &reply{status: resp.StatusCode, lossy: resp.Header.Get("X-Weir-Lossy"), raw: gatetest.Body(c.t, resp)}
	text := r.raw
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		text = c.last(r.raw)
	}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, r.raw)
	}
	return r
}

// last returns the response of a stream's last event, having seen that every
// event tells the same id.
func (c *stateClient) last(stream string) string {
	c.t.Helper()
	last, id := "{}", ""
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Response json.RawMessage `json:"response"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			c.t.Fatal(err)
		}
		if e.Response == nil {
			continue
		}
		var r reply
		if err := json.Unmarshal(e.Response, &r); err != nil {
			c.t.Fatal(err)
		}
		if id == "" {
			id = r.ID
		}
		if r.ID != id {
			c.t.Errorf("one stream tells of the responses %s and %s", id, r.ID)
		}
		last = string(e.Response)
	}
	return last
}

// ask makes a response. more are further members.
func (c *stateClient) ask(model, input string, stream bool, more ...string) *reply {
	c.t.Helper()
	body := fmt.Sprintf(`{"model":%q,"input":%s,"stream":%t%s}`, model, input, stream, strings.Join(append([]string{""}, more...), ","))
	return c.do(http.MethodPost, "/v1/responses", body)
}

func previous(r *reply) string { return `"previous_response_id":"` + r.ID + `"` }

// keepers are the models whose responses Weir keeps.
var keepers = []string{"as-chat", "as-messages", "as-ollama", "joined"}

func TestWeirKeepsWhatUpstreamsDoNot(t *testing.T) {
	g := gatetest.Start(t, stateful)
	for _, model := range keepers {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s stream=%t", model, stream), func(t *testing.T) {
				alice, bob := &stateClient{t, g, "alice"}, &stateClient{t, g, "bob"}
				first := alice.ask(model, `"hello"`, stream)
				if first.status != 200 || !first.Store || !strings.HasPrefix(first.ID, "resp_weir_") || first.PreviousID != nil || first.text() != "echo: hello" {
					t.Fatalf("%+v", first)
				}
				second := alice.ask(model, `[{"role":"user","content":"and then?"}]`, stream, previous(first))
				if second.status != 200 || !second.Store || second.PreviousID == nil || *second.PreviousID != first.ID || second.text() != "echo: and then?" {
					t.Fatalf("%+v", second)
				}
				sent := lastServed(t, g).Body
				for _, want := range []string{"hello", "echo: hello", "and then?"} {
					if !strings.Contains(sent, want) {
						t.Errorf("the upstream was sent %s, without %q", sent, want)
					}
				}
				if strings.Contains(sent, "weir") {
					t.Errorf("an id of Weir's own has gone upstream: %s", sent)
				}
				path := "/v1/responses/" + second.ID
				got := alice.do(http.MethodGet, path, "")
				if got.ID != second.ID || got.Status != "completed" || !got.Store || got.text() != "echo: and then?" {
					t.Errorf("GET = %+v", got)
				}
				if !stream && got.raw != second.raw {
					t.Errorf("GET = %s, the answer was %s", got.raw, second.raw)
				}
				for _, foreign := range []string{path, path + "/input_items"} {
					if r := bob.do(http.MethodGet, foreign, ""); r.status != 404 {
						t.Errorf("GET %s of another tenant = %d", foreign, r.status)
					}
				}
				if r := bob.ask(model, `"x"`, stream, previous(first)); r.status != 400 || r.Error.Code != "previous_response_not_found" {
					t.Errorf("another tenant goes on with it: %+v", r)
				}
				if r := alice.do(http.MethodPost, path+"/cancel", ""); r.status != 400 || r.Error.Message != "Cannot cancel a synchronous response." {
					t.Errorf("cancel = %+v", r)
				}
				if r := alice.do(http.MethodDelete, path, ""); r.status != 200 || r.raw != `{"id":"`+second.ID+`","object":"response","deleted":true}` {
					t.Errorf("DELETE = %s", r.raw)
				}
				if r := alice.do(http.MethodGet, path, ""); r.status != 404 {
					t.Errorf("GET after DELETE = %d", r.status)
				}
				if r := alice.ask(model, `"x"`, stream, previous(second)); r.status != 400 || r.Error.Code != "previous_response_not_found" {
					t.Errorf("going on with what was deleted: %+v", r)
				}
				if r := alice.ask(model, `"x"`, stream, previous(first), `"store":false`); r.status != 200 || r.Store {
					t.Errorf("a fork that is not kept: %+v", r)
				} else if got := alice.do(http.MethodGet, "/v1/responses/"+r.ID, ""); got.status != 404 {
					t.Errorf("GET of what is not kept = %d", got.status)
				}
			})
		}
	}
}
