package gateway_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// references are all the ways in which a request names what an upstream keeps;
// {id} stands for the id.
var references = []struct{ param, body, noun string }{
	{"previous_response_id", `"input":"x","previous_response_id":"{id}"`, "Previous response"},
	{"conversation", `"input":"x","conversation":"{id}"`, "Conversation"},
	{"conversation.id", `"input":"x","conversation":{"id":"{id}"}`, "Conversation"},
	{"input[1].id", `"input":[{"role":"user","content":"x"},{"type":"item_reference","id":"{id}"}]`, "Item"},
	{"input[0].id", `"input":[{"id":"{id}"}]`, "Item"},
	{"input[0].id", `"input":[{"type":"reasoning","id":"{id}","summary":[]}]`, "Item"},
	{"input[0].content[].file_id", `"input":[{"role":"user","content":[{"type":"input_file","file_id":"{id}"}]}]`, "File"},
	{"tools[0].vector_store_ids[]", `"input":"x","tools":[{"type":"file_search","vector_store_ids":["{id}"]}]`, "Vector store"},
	{"tools[0].container", `"input":"x","tools":[{"type":"code_interpreter","container":"{id}"}]`, "Container"},
	{"tools[0].container.file_ids[]", `"input":"x","tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["{id}"]}}]`, "File"},
	{"prompt.variables.*.file_id", `"prompt":{"id":"pmpt_1","variables":{"a":{"type":"input_file","file_id":"{id}"}}}`, "File"},
}

// asking returns a request with a reference.
func asking(model, body, id string) string {
	return `{"model":"` + model + `",` + strings.Replace(body, "{id}", id, 1) + `}`
}

// TestReferences: whoever refers to what is another's is told what whoever
// refers to nothing is told; its own tenant goes on.
func TestReferences(t *testing.T) {
	rec := newRecorder(t, `{"id":"resp_1","object":"response","output":[{"id":"msg_1","type":"message"}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`)
	g := gatetest.Start(t, strings.ReplaceAll(tenants, "${SIM2}", "${SIM}"), "SIM", rec.URL)
	red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
	red.make("/v1/responses", kept)
	rec.body()
	n := 1
	for _, ref := range references {
		own := "resp_1"
		if strings.HasPrefix(ref.param, "input") {
			own = "msg_1"
		}
		for _, path := range []string{"/v1/responses", "/v1/responses/compact", "/v1/responses/input_tokens", "/openai/deployments/m/responses"} {
			for _, tt := range []struct {
				who caller
				id  string
			}{{blue, own}, {red, "resp_unknown"}, {red, "resp_weir_1"}, {red, "no id"}, {red, ""}, {red, strings.Repeat("x", 300)}} {
				status, body := tt.who.ask("POST", path, asking("m", ref.body, tt.id))
				code := llm.CodeForeignReference
				if ref.param == "previous_response_id" {
					code = llm.CodePreviousNotFound
				}
				shown := tt.id
				if len(shown) > 256 {
					shown = shown[:256] + "…"
				}
				want := fmt.Sprintf(`{"error":{"message":"%s with id '%s' not found.","type":"invalid_request_error","param":"%s","code":"%s","request_id":"","retryable":false,"upstream_status":null}}`, ref.noun, shown, ref.param, code)
				if got := requestIDs.ReplaceAllString(body, `"request_id":""`); status != 400 || got != want {
					t.Errorf("POST %s with %s by %s = %d\n%s, want\n%s", path, asking("m", ref.body, tt.id), tt.who.key, status, got, want)
				}
				n++
				if e := last(t, g, n); e.Code != code || len(e.Attempts) != 0 || e.Usage.Provenance != llm.UsageNone {
					t.Errorf("the entry is %+v, want %s and nothing used", e, code)
				}
			}
			sent := asking("m", ref.body, own)
			if status, body := red.ask("POST", path, sent); status != 200 {
				t.Errorf("POST %s with %s by its own tenant = %d %s", path, sent, status, body)
			}
			n++
			if got := rec.body(); got != sent {
				t.Errorf("the upstream was sent %s, want %s", got, sent)
			}
		}
	}
}

// TestReferencesPin: what a request refers to decides where it goes.
func TestReferencesPin(t *testing.T) {
	g, second := startTenants(t, tenants+`routing: { header: x-provider }`)
	red := caller{t, g, "red"}
	one, two := red.make("/v1/responses", kept), red.make("/v1/responses", `{"model":"on-two","input":"hello"}`)
	item := func(id string) string {
		_, body := red.ask("GET", "/v1/responses/"+id, "")
		return regexp.MustCompile(`"(msg_[^"]+)"`).FindStringSubmatch(body)[1]
	}
	for _, tt := range []struct {
		name, body string
		header     []string
		upstream   string // "" if it is refused
		code       llm.Code
		param      string
	}{
		{"the first target", asking("m", references[0].body, one), nil, "one", "", ""},
		{"not the first target", asking("m", references[0].body, two), nil, "two", "", ""},
		{"an item", asking("m", references[3].body, item(two)), nil, "two", "", ""},
		{"no target there", asking("on-two", references[0].body, one), nil, "", llm.CodeInvalidValue, "model"},
		{"two upstreams", `{"model":"m","previous_response_id":"` + one + `","input":[{"type":"item_reference","id":"` + item(two) + `"}]}`, nil, "", llm.CodeForeignReference, "input[0].id"},
		{"the client chooses the same", asking("m", references[0].body, two), []string{"X-Provider", "two"}, "two", "", ""},
		{"the client chooses another", asking("m", references[0].body, two), []string{"X-Provider", "one"}, "", llm.CodeInvalidValue, "previous_response_id"},
		{"the client chooses, for a model without a target", asking("anything", references[0].body, two), []string{"X-Provider", "two"}, "two", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := int(g.Ledger.Total())
			resp := red.send("POST", "/v1/responses", tt.body, tt.header...)
			body := gatetest.Body(t, resp)
			e := last(t, g, n+1)
			if tt.code == "" {
				if resp.StatusCode != 200 || e.Upstream != tt.upstream {
					t.Errorf("%s = %d %s at %s, want 200 at %s", tt.body, resp.StatusCode, body, e.Upstream, tt.upstream)
				}
				return
			}
			f := wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
			if f.Error.Param == nil || *f.Error.Param != tt.param || len(e.Attempts) != 0 {
				t.Errorf("%s = %s after %d attempts, want param %s after none", tt.body, body, len(e.Attempts), tt.param)
			}
		})
	}
	_ = second
}

// TestItemsOfStreams: the items of a stream can be referred to, too.
func TestItemsOfStreams(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
	_, body := red.ask("POST", "/v1/responses", `{"model":"m","input":"think about it","stream":true}`)
	ids := regexp.MustCompile(`"id":"((?:msg|rs)_[^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(ids) < 2 {
		t.Fatalf("no items in %s", body)
	}
	for _, id := range ids {
		ask := `{"model":"m","input":[{"type":"item_reference","id":"` + id[1] + `"},{"role":"user","content":"x"}]}`
		if status, body := red.ask("POST", "/v1/responses", ask); status != 200 {
			t.Errorf("%s = %d %s", ask, status, body)
		}
		if status, body := blue.ask("POST", "/v1/responses", ask); status != 400 {
			t.Errorf("%s of another tenant = %d %s", ask, status, body)
		}
	}
}

// passing is a gateway before two upstreams that are called with the clients'
// own credentials.
const passing = `
upstreams:
  - { name: own, kind: compatible, endpoint: "${SIM}", auth: passthrough }
  - { name: other, kind: compatible, endpoint: "${SIM2}", auth: passthrough }
models: [{ name: m, targets: [{ upstream: own, dialects: [chat, responses, messages, completions] }] }, { name: n, targets: [{ upstream: other, dialects: [chat, responses, messages, completions] }] }]
`

func ownToken(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return "Bearer " + encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(payload)) + ".c2ln"
}

// TestCallersOfTheirOwn: without keys everybody is of one tenant, and a
// credential is what tells callers apart.
func TestCallersOfTheirOwn(t *testing.T) {
	g, _ := startTenants(t, passing)
	nobody := caller{t, g, ""}
	id := idIn(t, func() string {
		_, b := nobody.ask("POST", "/v1/responses", kept, "Authorization", "Bearer sk-alice")
		return b
	}())
	first := ownToken(`{"iss":"https://login.example/","sub":"carol","exp":1}`)
	hers := idIn(t, func() string { _, b := nobody.ask("POST", "/v1/responses", kept, "Authorization", first); return b }())
	for _, tt := range []struct {
		name, id string
		header   []string
		status   int
	}{
		{"herself", id, []string{"Authorization", "Bearer sk-alice"}, 200},
		{"herself, in another header", id, []string{"Api-Key", "sk-alice"}, 200},
		{"somebody else", id, []string{"Authorization", "Bearer sk-bob"}, 404},
		{"nobody", id, nil, 404},
		{"two at once", id, []string{"Authorization", "Bearer sk-alice", "Api-Key", "sk-bob"}, 404},
		{"a renewed token", hers, []string{"Authorization", ownToken(`{"iss":"https://login.example/","sub":"carol","exp":2}`)}, 200},
		{"a token for somebody else", hers, []string{"Authorization", ownToken(`{"iss":"https://login.example/","sub":"dave"}`)}, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(g.Sim.Served().Requests)
			status, body := nobody.ask("GET", "/v1/responses/"+tt.id, "", tt.header...)
			if status != tt.status || status == 404 && len(g.Sim.Served().Requests) != before {
				t.Errorf("GET = %d %s, want %d", status, body, tt.status)
			}
			status, body = nobody.ask("POST", "/v1/responses", asking("m", references[0].body, tt.id), tt.header...)
			if ok := status == 200; ok != (tt.status == 200) {
				t.Errorf("POST that goes on = %d %s", status, body)
			}
		})
	}
}

// TestUnknownIDs: an upstream may decide about ids that nobody has seen.
func TestUnknownIDs(t *testing.T) {
	const forward = `auth: passthrough, unknown_ids: forward`
	alice := []string{"Authorization", "Bearer sk-alice"}
	for _, tt := range []struct {
		name, yaml string
		query      string
		header     []string
		upstream   int // 1 or 2; 0 if nobody is asked
	}{
		{"refused", passing, "", nil, 0},
		{"the only one that takes them", strings.Replace(passing, "auth: passthrough", forward, 1), "", nil, 1},
		{"two, and nobody says which", strings.ReplaceAll(passing, "auth: passthrough", forward), "", nil, 0},
		{"two, and a model", strings.ReplaceAll(passing, "auth: passthrough", forward), "?model=n", nil, 2},
		{"two, and a model of nobody", strings.ReplaceAll(passing, "auth: passthrough", forward), "?model=x", nil, 0},
		{"two, and the header", strings.ReplaceAll(passing, "auth: passthrough", forward) + `routing: { header: x-provider }`, "", []string{"X-Provider", "other"}, 2},
		{"the header names one that does not take them", strings.Replace(passing, "auth: passthrough", forward, 1) + `routing: { header: x-provider }`, "", []string{"X-Provider", "other"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, second := startTenants(t, tt.yaml)
			me := caller{t, g, ""}
			status, body := me.ask("GET", "/v1/responses/resp_old"+tt.query, "", append(tt.header, alice...)...)
			if status != 404 {
				t.Errorf("GET = %d %s, want 404", status, body)
			}
			asked := [2]bool{len(g.Sim.Served().Requests) > 0, len(second.Served().Requests) > 0}
			if asked != [2]bool{tt.upstream == 1, tt.upstream == 2} {
				t.Errorf("the upstreams are asked: %v, want %d", asked, tt.upstream)
			}
			if status, _ := me.ask("GET", "/v1/responses/resp_weir_1"+tt.query, "", append(tt.header, alice...)...); status != 404 {
				t.Errorf("GET of an id of Weir's own = %d, want 404", status)
			}
		})
	}
	t.Run("references", func(t *testing.T) {
		g, second := startTenants(t, strings.Replace(passing, "auth: passthrough", forward, 1))
		me := caller{t, g, ""}
		for _, tt := range []struct {
			body  string
			code  string
			asked bool
		}{
			{asking("m", references[0].body, "resp_old"), "previous_response_not_found", true}, // says the upstream
			{asking("n", references[0].body, "resp_old"), "previous_response_not_found", false},
			{asking("m", references[0].body, "resp_weir_1"), "previous_response_not_found", false},
			{asking("n", references[6].body, "file-1"), "reference_not_found", false},
		} {
			before := len(g.Sim.Served().Requests) + len(second.Served().Requests)
			status, body := me.ask("POST", "/v1/responses", tt.body, alice...)
			asked := len(g.Sim.Served().Requests)+len(second.Served().Requests) != before
			if status != 400 || !strings.Contains(body, tt.code) || asked != tt.asked {
				t.Errorf("%s = %d %s, asked %v, want %s, asked %v", tt.body, status, body, asked, tt.code, tt.asked)
			}
		}
	})
	t.Run("keys for some models", func(t *testing.T) {
		g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}", unknown_ids: forward }]
models: [{ name: m, targets: [{ upstream: sim }] }]
keys: [{ name: red, secret: red-0123456789abcdef }, { name: pink, secret: pink-0123456789abcdef, models: [m] }]
`)
		for _, tt := range []struct {
			key   string
			asked int
		}{{"red", 2}, {"pink", 0}} {
			before := len(g.Sim.Served().Requests)
			me := caller{t, g, tt.key}
			me.ask("GET", "/v1/responses/resp_old", "")
			me.ask("POST", "/v1/responses", asking("m", references[0].body, "resp_old"))
			if n := len(g.Sim.Served().Requests) - before; n != tt.asked {
				t.Errorf("key %s: the upstream is asked %d times, want %d", tt.key, n, tt.asked)
			}
		}
	})
}
