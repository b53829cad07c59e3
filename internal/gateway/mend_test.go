package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const withModes = `
upstreams:
  - { name: plain, kind: simulator, endpoint: "${SIM}" }
  - { name: strips, kind: simulator, endpoint: "${SIM}", responses_items: strip_ids }
  - { name: keeps, kind: simulator, endpoint: "${SIM}", responses_items: strip_ids_keep_reasoning }
  - { name: stores, kind: simulator, endpoint: "${SIM}", responses_items: force_store }
models:
  - { name: as-it-is, targets: [{ upstream: plain, model: sim-1 }] }
  - { name: azure, targets: [{ upstream: plain, model: sim-azure-items, dialects: [responses] }] }
  - { name: strips, targets: [{ upstream: strips, model: sim-1, dialects: [responses] }] }
  - { name: keeps, targets: [{ upstream: keeps, model: sim-1 }] }
  - { name: stores, targets: [{ upstream: stores, model: sim-1, dialects: [responses] }] }
`

// TestResponsesItems: what becomes of the ids of items, upstream by upstream.
func TestResponsesItems(t *testing.T) {
	g := gatetest.Start(t, withModes)
	thought := ownThought(t, g)
	bare := regexp.MustCompile(`"id":"[^"]*",`).ReplaceAllString(thought, "")
	for _, tt := range []struct{ model, input, store, want, wantStore string }{
		{"as-it-is", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "false", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "false"},
		{"strips", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "false", `{"type":"message","role":"user","content":"a"}, ` + bare, "false"},
		{"keeps", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "false", `{"type":"message","role":"user","content":"a"}, ` + thought, "false"},
		{"stores", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "false", `{"type":"message","id":"m","role":"user","content":"a"}, ` + thought, "true"},
	} {
		t.Run(tt.model, func(t *testing.T) {
			body := `{"model":"` + tt.model + `","input":[` + tt.input + `], "store": ` + tt.store + `}`
			got := converse(t, g, "/v1/responses", body)
			want := `{"model":"sim-1","input":[` + tt.want + `], "store": ` + tt.wantStore + `}`
			if sent := lastSent(g); got.status != http.StatusOK || sent != want {
				t.Errorf("%d %s\nthe upstream was sent %s\nwant                  %s", got.status, got.body, sent, want)
			}
		})
	}
	t.Run("asked in another protocol", func(t *testing.T) {
		got := converse(t, g, "/v1/chat/completions", `{"model":"stores","messages":[{"role":"user","content":"a"}]}`)
		if sent := lastSent(g); got.status != http.StatusOK || !strings.Contains(sent, `"store":true`) {
			t.Errorf("%d %s\nthe upstream was sent %s", got.status, got.body, sent)
		}
	})
	t.Run("only counted", func(t *testing.T) {
		for path, body := range asked {
			got := converse(t, g, path, strings.Replace(body, `"M"`, `"stores"`, 1))
			if sent := lastSent(g); got.status != http.StatusOK || strings.Contains(sent, `"store"`) {
				t.Errorf("%d %s\nthe upstream was sent %s", got.status, got.body, sent)
			}
		}
	})
}

// TestMended: a request that is refused for ids, or for reasoning of another,
// is sent once more without.
func TestMended(t *testing.T) {
	g := gatetest.Start(t, withModes)
	thought := ownThought(t, g)
	const foreign = `{"type":"reasoning","id":"rs_9","summary":[],"encrypted_content":"gAAAAB"}`
	const message, user = `{"type":"message","id":"msg_1","role":"assistant","content":"a"}`, `{"role":"user","content":"b"}`
	for _, tt := range []struct {
		name, input string
		header      []string
		attempts    int
		want        string // sent last; empty for a refusal
		lossy       string
	}{
		{"ids", message + `, ` + thought + `,` + user, nil, 2, `{"type":"message","role":"assistant","content":"a"}, ` + thought + `,` + user, ""},
		{"ids, strictly", message + `,` + user, []string{"X-Weir-Strict", "true"}, 2, `{"type":"message","role":"assistant","content":"a"},` + user, ""},
		{"no ids", user, nil, 1, user, ""},
		{"reasoning of another", foreign + `, ` + message + `,` + user, nil, 2, `{"type":"message","role":"assistant","content":"a"},` + user, "input[0].encrypted_content"},
		{"reasoning of another, strictly", foreign + `, ` + message + `,` + user, []string{"X-Weir-Strict", "true"}, 1, "", ""},
		{"both", message + `,` + foreign + `,` + user, nil, 2, `{"type":"message","role":"assistant","content":"a"},` + user, "input[1].encrypted_content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := converse(t, g, "/v1/responses", `{"model":"azure","input":[`+tt.input+`],"store":false}`, tt.header...)
			status, code := http.StatusOK, llm.Code("")
			if tt.want == "" {
				status, code = http.StatusBadRequest, llm.CodeUpstreamRejected
			}
			if got.status != status || got.entry.Code != code || len(got.entry.Attempts) != tt.attempts {
				t.Fatalf("%d %s after %+v, want %d after %d attempts", got.status, got.body, got.entry.Attempts, status, tt.attempts)
			}
			if sent := lastSent(g); tt.want != "" && sent != `{"model":"sim-azure-items","input":[`+tt.want+`],"store":false}` {
				t.Errorf("the upstream was sent %s\nwant                  %s", sent, tt.want)
			}
			if lossy := got.header.Get("X-Weir-Lossy"); lossy != tt.lossy {
				t.Errorf("x-weir-lossy: %q, want %q", lossy, tt.lossy)
			}
			if first := got.entry.Attempts[0]; tt.attempts == 2 && (first.Status != 400 || first.Code != llm.CodeUpstreamRejected || first.Total <= 0) {
				t.Errorf("the first attempt is %+v", first)
			}
		})
	}
}

// ownThought returns reasoning as a client keeps it that has come as it is.
func ownThought(t *testing.T, g *gatetest.Gate) string {
	t.Helper()
	got := converse(t, g, "/v1/responses", `{"model":"as-it-is","input":"think","store":false,"include":["reasoning.encrypted_content"]}`)
	return firstThought(t, "responses", got.body, false)
}

// lastSent returns what the simulator was sent last.
func lastSent(g *gatetest.Gate) string {
	r := g.Sim.Served().Requests
	return r[len(r)-1].Body
}

// A refuser is an upstream that refuses as many calls as it is told to.
type refuser struct {
	mu      sync.Mutex
	refusal string
	times   int
	bodies  []string
}

func (r *refuser) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
	w.Header().Set("Content-Type", "application/json")
	if r.times > 0 {
		r.times--
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, r.refusal)
		return
	}
	_, _ = io.WriteString(w, `{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},`+
		`{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`)
}

// refuse makes the next calls fail, and returns what has been sent so far.
func (r *refuser) refuse(times int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.bodies
	r.times, r.bodies = times, nil
	return sent
}

func startRefuser(t *testing.T, refusal string) (*refuser, *gatetest.Gate) {
	t.Helper()
	r := &refuser{refusal: refusal}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, gatetest.Start(t, `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: { api_key: k } }]
models: [{ name: m, targets: [{ upstream: up, dialects: [responses] }] }]
`, "UP", server.URL)
}

// TestMendedOnce: whatever the upstream says, there is no third time; and
// nothing is sent again that would be the same.
func TestMendedOnce(t *testing.T) {
	const missing = `{"error":{"message":"Item with id 'msg_1' not found.","type":"invalid_request_error","param":"input","code":null}}`
	for name, tt := range map[string]struct {
		body string
		sent int
	}{
		"an id that can go":    {`{"model":"m","input":[{"type":"message","id":"msg_1","role":"user","content":"a"},{"type":"message","id":"msg_2","role":"user","content":"a"}]}`, 2},
		"no id":                {`{"model":"m","input":[{"role":"user","content":"a"}]}`, 1},
		"a text":               {`{"model":"m","input":"Item with id 'msg_1' not found."}`, 1},
		"another protocol":     {`{"model":"m","messages":[{"role":"user","content":"a"}]}`, 1},
		"an id that must stay": {`{"model":"m","input":[{"type":"computer_call","id":"msg_1"},{"type":"message","id":"msg_2","role":"user","content":"a"}]}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, g := startRefuser(t, missing)
			r.refuse(99)
			path := "/v1/responses"
			if strings.Contains(tt.body, `"messages"`) {
				path = "/v1/chat/completions"
			}
			got := converse(t, g, path, tt.body)
			if sent := r.refuse(0); got.status != http.StatusBadRequest || len(sent) != tt.sent || len(got.entry.Attempts) != tt.sent {
				t.Errorf("%d %s after %q, want %d", got.status, got.body, sent, tt.sent)
			}
		})
	}
}

// TestMendedTranslation: reasoning that the upstream has made itself and does
// not know any more goes, for clients of other protocols too.
func TestMendedTranslation(t *testing.T) {
	r, g := startRefuser(t, `{"error":{"message":"The encrypted content could not be verified.","code":"invalid_encrypted_content"}}`)
	const ask = `{"model":"m","max_tokens":2000,"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"a"}`
	first := converse(t, g, "/v1/messages", ask+`]}`)
	thinking := firstThought(t, "messages", first.body, false)
	if !strings.Contains(thinking, "weir1.") {
		t.Fatalf("the client is given nothing to keep: %s", first.body)
	}
	again := ask + `,{"role":"assistant","content":[` + thinking + `,{"type":"text","text":"hi"}]},{"role":"user","content":"b"}]}`
	for _, tt := range []struct {
		name             string
		refused          int
		strict           string
		status, attempts int
	}{
		{"taken", 0, "true", http.StatusOK, 1},
		{"refused", 1, "false", http.StatusOK, 2},
		{"refused twice", 2, "false", http.StatusBadRequest, 2},
		{"refused, strictly", 1, "true", http.StatusBadRequest, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.refuse(tt.refused)
			got := converse(t, g, "/v1/messages", again, "X-Weir-Strict", tt.strict)
			sent := r.refuse(0)
			if got.status != tt.status || len(got.entry.Attempts) != tt.attempts || !strings.Contains(sent[0], "gAAA") {
				t.Fatalf("%d %s, sent %q", got.status, got.body, sent)
			}
			if tt.attempts > 1 && (strings.Contains(sent[1], "gAAA") || got.header.Get("X-Weir-Lossy") != "messages[1].content[0]") {
				t.Errorf("sent %s, lost %q", sent[1], got.header.Get("X-Weir-Lossy"))
			}
		})
	}
}
