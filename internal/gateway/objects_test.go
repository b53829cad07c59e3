package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

// tenants is a gateway for two tenants, with two upstreams.
const tenants = `
upstreams:
  - { name: one, kind: simulator, endpoint: "${SIM}" }
  - { name: two, kind: simulator, endpoint: "${SIM2}" }
models:
  - { name: m, targets: [{ upstream: one }, { upstream: two }] }
  - { name: on-two, targets: [{ upstream: two, model: theirs }] }
keys:
  - { name: red, tenant: red, secret: red-0123456789abcdef }
  - { name: red2, tenant: red, secret: red2-0123456789abcdef }
  - { name: pink, tenant: red, secret: pink-0123456789abcdef, models: [on-two] }
  - { name: blue, tenant: blue, secret: blue-0123456789abcdef }
`

// A caller asks a gateway with one key.
type caller struct {
	t   *testing.T
	g   *gatetest.Gate
	key string
}

// ask sends a request and returns its status and body.
func (c caller) ask(method, path, body string, header ...string) (int, string) {
	c.t.Helper()
	resp := c.send(method, path, body, header...)
	return resp.StatusCode, gatetest.Body(c.t, resp)
}

func (c caller) send(method, path, body string, header ...string) *http.Response {
	c.t.Helper()
	if c.key != "" {
		header = append(header, "Authorization", "Bearer "+c.key+"-0123456789abcdef")
	}
	return c.g.Do(c.t, method, path, body, header...)
}

// make sends a request and returns the id in the answer.
func (c caller) make(path, body string) string {
	c.t.Helper()
	status, answer := c.ask("POST", path, body)
	if status != http.StatusOK {
		c.t.Fatalf("POST %s %s = %d %s", path, body, status, answer)
	}
	return idIn(c.t, answer)
}

// idIn returns the first id of a kind that can be asked for in an answer.
func idIn(t *testing.T, answer string) string {
	t.Helper()
	m := regexp.MustCompile(`"id": ?"((?:resp_|chatcmpl|file|conv_)[^"]+)"`).FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("no id in %s", answer)
	}
	return m[1]
}

func startTenants(t *testing.T, yaml string) (g *gatetest.Gate, second *gatetest.Sim) {
	t.Helper()
	second = gatetest.StartSim(t, simulator.Options{Strict: true, KeepBodies: true})
	return gatetest.Start(t, yaml, "SIM2", second.URL), second
}

const (
	kept       = `{"model":"m","input":"hello"}`
	background = `{"model":"m","input":"hello","background":true}`
	keptChat   = `{"model":"m","messages":[{"role":"user","content":"hello"}],"store":true}`
)

// objectRoutes are all calls about an object; {id} stands for its id.
var objectRoutes = []struct {
	method, path string
	make, with   string // how the object is made
	body         string
	want         string // in the answer
}{
	{"GET", "/responses/{id}", "/responses", kept, "", "echo: hello"},
	{"GET", "/responses/{id}/input_items", "/responses", kept, "", `"object": "list"`},
	{"GET", "/responses/{id}?stream=true", "/responses", kept, "", "event: response.completed"},
	{"POST", "/responses/{id}/cancel", "/responses", background, "", `"cancelled"`},
	{"DELETE", "/responses/{id}", "/responses", kept, "", `"deleted": true`},
	{"GET", "/chat/completions/{id}", "/chat/completions", keptChat, "", "echo: hello"},
	{"GET", "/chat/completions/{id}/messages", "/chat/completions", keptChat, "", `"object": "list"`},
	{"POST", "/chat/completions/{id}", "/chat/completions", keptChat, `{"metadata":{"a":"b"}}`, `"a": "b"`},
	{"DELETE", "/chat/completions/{id}", "/chat/completions", keptChat, "", `"deleted": true`},
}

// notFound is what everybody is told who asks for what is not theirs, but for
// the request's id.
const notFound = `{"error":{"message":"no such object","type":"invalid_request_error","param":null,"code":"not_found","request_id":"","retryable":false,"upstream_status":null}}`

var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

// TestObjects asks for objects in every way: whoever made them, another key of
// the same tenant, another tenant, and for ids that nobody has or could have.
func TestObjects(t *testing.T) {
	g, second := startTenants(t, tenants)
	red, red2, blue := caller{t, g, "red"}, caller{t, g, "red2"}, caller{t, g, "blue"}
	bases := []string{"/v1", "/openai/v1", "/openai"}
	exchanges := 0
	for _, route := range objectRoutes {
		for _, base := range bases {
			if base == "/openai" && strings.HasPrefix(route.path, "/chat/") {
				continue
			}
			path := func(id string) string { return base + strings.Replace(route.path, "{id}", id, 1) }
			name := route.method + " " + path("{id}")
			own, shared := red.make("/v1"+route.make, route.with), red.make("/v1"+route.make, route.with)
			exchanges += 2
			before := len(g.Sim.Served().Requests)
			for _, id := range []string{own, "resp_unknown", strings.ToUpper(own), own[:len(own)-1], "resp_weir_x", "x", strings.Repeat("r", 257), "a b", "é", own + "%2Fcancel", own + "%3Fx", "..%2F" + own, own + ";x"} {
				who := blue
				if id != own {
					who = red
				}
				status, body := who.ask(route.method, path(strings.NewReplacer(" ", "%20", "é", "%C3%A9").Replace(id)), route.body)
				if got := requestIDs.ReplaceAllString(body, `"request_id":""`); status != 404 || !strings.Contains(got, `"code":"unknown_url"`) && got != notFound {
					t.Errorf("%s of %q = %d %s, want 404 %s", name, id, status, got, notFound)
				}
			}
			if n := len(g.Sim.Served().Requests); n != before {
				t.Errorf("%s: %d requests for what is not there reached the upstream", name, n-before)
			}
			if status, body := red2.ask(route.method, path(shared), route.body); status != 200 || !strings.Contains(body, route.want) {
				t.Errorf("%s with another key of the tenant = %d %s, want %q", name, status, body, route.want)
			}
			status, body := red.ask(route.method, path(own), route.body)
			if status != 200 || !strings.Contains(body, route.want) {
				t.Errorf("%s = %d %s, want %q", name, status, body, route.want)
			}
			wantAfter := 200
			if route.method == "DELETE" {
				wantAfter = 404
			}
			before = len(g.Sim.Served().Requests)
			if status, _ = red.ask("GET", "/v1"+route.make+"/"+own, ""); status != wantAfter {
				t.Errorf("GET after %s = %d, want %d", name, status, wantAfter)
			}
			if n := len(g.Sim.Served().Requests); wantAfter == 404 && n != before {
				t.Errorf("%s: what was deleted is still asked for", name)
			}
		}
	}
	if n := len(second.Served().Requests); n != 0 {
		t.Errorf("%d requests reached the other upstream", n)
	}
	if n := int(g.Ledger.Total()); n != exchanges {
		t.Errorf("%d ledger entries for %d exchanges: calls about objects must leave none", n, exchanges)
	}
}

// TestObjectsAreLogged: whoever looks for a call about an object finds it.
func TestObjectsAreLogged(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
	id := red.make("/v1/responses", kept)
	red.ask("GET", "/v1/responses/"+id, "")
	blue.ask("DELETE", "/v1/responses/"+id, "")
	red.ask("GET", "/v1/responses/"+id, "", "X-Sim-Status", "500")
	caller{t, g, "nobody"}.ask("GET", "/v1/responses/"+id, "")
	gatetest.Until(t, func() bool { return len(g.Log.Lines(t, "object")) == 3 && len(g.Log.Lines(t, "refused")) == 1 })
	for i, want := range []map[string]any{
		{"level": "INFO", "method": "GET", "key": "red", "upstream": "one", "status": 200.0, "code": "", "model": "m", "upstream_status": 200.0},
		{"level": "INFO", "method": "DELETE", "key": "blue", "upstream": "", "status": 404.0, "code": "not_found", "error": "gateway.object: not_found: nobody has seen it, or another tenant or caller has it"},
		{"level": "WARN", "method": "GET", "key": "red", "upstream": "one", "status": 500.0, "code": "upstream_failed", "upstream_status": 500.0},
	} {
		line := g.Log.Lines(t, "object")[i]
		want["path"], want["operation"] = "/v1/responses/"+id, "responses"
		for name, value := range want {
			if line[name] != value {
				t.Errorf("line %d: %s = %v, want %v", i, name, line[name], value)
			}
		}
	}
	if n := len(g.Log.Lines(t, "exchange")); n != 1 {
		t.Errorf("%d lines of exchanges, want 1", n)
	}
	if events := g.App.Ring().Events(); len(events) != 5 || events[1].Path != "/v1/responses/"+id || events[1].Method != "GET" {
		t.Errorf("the ring has %d events, want 5, the second of them the first look", len(events))
	}
}

// TestObjectQueries: what is not on the list of a route goes nowhere.
func TestObjectQueries(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	id, chat := red.make("/v1/responses", kept), red.make("/v1/chat/completions", keptChat)
	for _, tt := range []struct{ method, path, query, want string }{
		{"GET", "/v1/responses/" + id, "include[]=a&include%5B%5D=b&include=c&api-version=2020&key=secret", "include%5B%5D=a&include%5B%5D=b&include=c"},
		{"GET", "/v1/responses/" + id, "stream=false&stream=true&include_obfuscation=false", "stream=false&include_obfuscation=false"},
		{"GET", "/v1/responses/" + id, "stream=false;x=1&include=a%26model=b", "include=a%26model%3Db"},
		{"GET", "/openai/responses/" + id, "api-version=2025-04-01-preview", ""},
		{"GET", "/v1/responses/" + id + "/input_items", "after=a&before=b&limit=5&order=asc&stream=true&model=m", "after=a&before=b&limit=5&order=asc"},
		{"DELETE", "/v1/responses/" + id, "force=true&stream=true", ""},
		{"GET", "/v1/chat/completions/" + chat + "/messages", "after=a&limit=5&order=desc&%zz=1", "after=a&limit=5&order=desc"},
		{"GET", "/v1/chat/completions/" + chat, "limit=5", ""},
	} {
		red.ask(tt.method, tt.path+"?"+tt.query, "")
		served := g.Sim.Served().Requests
		if got := served[len(served)-1]; got.Query != tt.want || got.Method != tt.method {
			t.Errorf("%s %s?%s: the upstream is asked %s ?%s, want ?%s", tt.method, tt.path, tt.query, got.Method, got.Query, tt.want)
		}
	}
}

// TestResume goes on with a stream in its middle, and is told when what goes
// on breaks off, as of any stream.
func TestResume(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	id := red.make("/v1/responses", kept)
	_, whole := red.ask("GET", "/v1/responses/"+id+"?stream=true", "")
	resp := red.send("GET", "/v1/responses/"+id+"?stream=true&starting_after=3", "")
	rest := gatetest.Body(t, resp)
	if media := resp.Header.Get("Content-Type"); !strings.HasPrefix(media, "text/event-stream") || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("the headers of a resumed stream are %v", resp.Header)
	}
	if !strings.Contains(rest, `"sequence_number":4`) || strings.Contains(rest, `"sequence_number":3`) || !strings.HasSuffix(whole, rest) {
		t.Errorf("what goes on after event 3 is\n%s\nwant the end of\n%s", rest, whole)
	}
	for _, header := range [][]string{{"X-Sim-Cut", "1"}, {"X-Sim-End-Early", "1"}, {"X-Sim-Cut", "1", "X-Sim-Cut-Bytes", "30"}} {
		_, body := red.ask("GET", "/v1/responses/"+id+"?stream=true&starting_after=3", "", header...)
		if !strings.Contains(body, "event: response.failed\n") || !strings.Contains(body, `"sequence_number":5,"response"`) || !strings.Contains(body, `"weir_code":"upstream_truncated"`) {
			t.Errorf("a resumed stream with %v ends in\n%s", header, body)
		}
	}
	if n := g.Ledger.Total(); n != 1 {
		t.Errorf("%d ledger entries, want 1: to look again uses nothing", n)
	}
}

// TestResumeIsLeft: a client that leaves a resumed stream cancels it.
func TestResumeIsLeft(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	id := red.make("/v1/responses", kept)
	resp := red.send("GET", "/v1/responses/"+id+"?stream=true", "", "X-Sim-Stall", "2")
	buf := make([]byte, 1)
	if _, err := resp.Body.Read(buf); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 && len(g.Log.Lines(t, "object")) == 1 })
	if line := g.Log.Lines(t, "object")[0]; line["code"] != string(llm.CodeClientClosed) || line["stream"] != true {
		t.Errorf("the line says %v of a client that has left", line)
	}
}

// TestBackground: items that come only when somebody looks can be referred to.
func TestBackground(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
	id := red.make("/v1/responses", background)
	if e := last(t, g, 1); e.Code != "" || e.Usage.Provenance != llm.UsageUnknown {
		t.Errorf("the entry is %+v, want unknown usage: the model has only begun", e)
	}
	_, body := red.ask("GET", "/v1/responses/"+id, "")
	m := regexp.MustCompile(`"id": ?"(msg_[^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no item in %s", body)
	}
	ref := fmt.Sprintf(`{"model":"m","input":[{"type":"item_reference","id":%q},{"role":"user","content":"x"}]}`, m[1])
	if status, body := blue.ask("POST", "/v1/responses", ref); status != 400 || !strings.Contains(body, string(llm.CodeForeignReference)) {
		t.Errorf("another tenant refers to an item: %d %s", status, body)
	}
	if status, body := red.ask("POST", "/v1/responses", ref); status != 200 {
		t.Errorf("its own tenant refers to an item: %d %s", status, body)
	}
}

// TestEventsAreAskedForAtOnce: the id in the first event of a stream can be
// asked for while the stream goes on.
func TestEventsAreAskedForAtOnce(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	for _, tt := range []struct{ path, body string }{
		{"/v1/responses", `{"model":"m","input":"hello","stream":true}`},
		{"/v1/chat/completions", strings.Replace(keptChat, "{", `{"stream":true,`, 1)},
	} {
		resp := red.send("POST", tt.path, tt.body, "X-Sim-Stall", "1")
		got := ""
		for buf := make([]byte, 4096); !strings.Contains(got, "\n\n"); {
			n, err := resp.Body.Read(buf)
			if got += string(buf[:n]); err != nil {
				t.Fatalf("%v after %q", err, got)
			}
		}
		before := len(g.Sim.Served().Requests)
		red.ask("GET", tt.path+"/"+idIn(t, got), "")
		if n := len(g.Sim.Served().Requests); n != before+1 {
			t.Errorf("GET %s/… in mid-stream did not reach the upstream", tt.path)
		}
		resp.Body.Close()
	}
}

// TestNotKept: what is not kept is not remembered.
func TestNotKept(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	for _, tt := range []struct{ path, body string }{
		{"/v1/responses", `{"model":"m","input":"hello","store":false}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hello"}]}`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hello"}],"store":false}`},
	} {
		id := red.make(tt.path, tt.body)
		before := len(g.Sim.Served().Requests)
		if status, _ := red.ask("GET", tt.path+"/"+id, ""); status != 404 || len(g.Sim.Served().Requests) != before {
			t.Errorf("GET of what %s has not kept = %d, and the upstream is asked: %v", tt.body, status, len(g.Sim.Served().Requests) != before)
		}
	}
}

// TestObjectsOfModels: a key asks for nothing that a model has made which it
// may not use.
func TestObjectsOfModels(t *testing.T) {
	g, second := startTenants(t, tenants)
	red, pink := caller{t, g, "red"}, caller{t, g, "pink"}
	id, theirs := red.make("/v1/responses", kept), red.make("/v1/responses", `{"model":"on-two","input":"hello"}`)
	if status, body := pink.ask("GET", "/v1/responses/"+theirs, ""); status != 200 {
		t.Errorf("GET of what its model has made = %d %s", status, body)
	}
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "/v1/responses/" + id, ""},
		{"DELETE", "/v1/responses/" + id, ""},
		{"POST", "/v1/responses", `{"model":"on-two","previous_response_id":"` + id + `","input":"x"}`},
	} {
		before := len(g.Sim.Served().Requests) + len(second.Served().Requests)
		resp := pink.send(tt.method, tt.path, tt.body)
		f := wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeModelNotAllowed)
		if !strings.Contains(f.Error.Message, "`m`") || len(g.Sim.Served().Requests)+len(second.Served().Requests) != before {
			t.Errorf("%s %s: %q, and the upstream may have been asked", tt.method, tt.path, f.Error.Message)
		}
	}
}

// TestUpstreamsDifferAboutObjects: an upstream that has forgotten, has no such
// API or sends ids that it must not.
func TestUpstreamsDifferAboutObjects(t *testing.T) {
	g := gatetest.Start(t, `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: ollama, kind: ollama, endpoint: "${SIM}" }
  - { name: classic, kind: azure, endpoint: "${SIM}", api: classic, api_version: 2025-04-01-preview, auth: { api_key: made-up } }
  - { name: v1, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }
models:
  - { name: m, targets: [{ upstream: sim }] }
  - { name: ollama, targets: [{ upstream: ollama }] }
  - { name: classic, targets: [{ upstream: classic }] }
  - { name: v1, targets: [{ upstream: v1 }] }
`)
	me := caller{t, g, ""}
	id := me.make("/v1/responses", kept)
	status, body := me.ask("GET", "/v1/responses/"+id, "", "X-Sim-Status", "404")
	if got := strings.Replace(requestIDs.ReplaceAllString(body, `"request_id":""`), `"upstream_status":404`, `"upstream_status":null`, 1); status != 404 || got != notFound {
		t.Errorf("what the upstream has forgotten = %d %s, want %s", status, body, notFound)
	}
	if status, body := me.ask("GET", "/v1/responses/"+id, "", "X-Sim-Status", "401"); status != 502 || !strings.Contains(body, string(llm.CodeUpstreamAuth)) {
		t.Errorf("an upstream that refuses Weir = %d %s, want 502", status, body)
	}
	for _, model := range []string{"v1", "classic"} {
		id := me.make("/v1/responses", strings.Replace(kept, `"m"`, `"`+model+`"`, 1))
		if status, body := me.ask("GET", "/v1/responses/"+id, ""); status != 200 {
			t.Errorf("GET of a response of azure %s = %d %s", model, status, body)
		}
		served := g.Sim.Served().Requests
		want := map[string]string{"v1": "/openai/v1/responses/" + id + "?", "classic": "/openai/responses/" + id + "?api-version=2025-04-01-preview"}[model]
		if r := served[len(served)-1]; r.Path+"?"+r.Query != want {
			t.Errorf("azure %s is asked %s?%s, want %s", model, r.Path, r.Query, want)
		}
	}
	chat := me.make("/v1/chat/completions", strings.Replace(keptChat, `"m"`, `"classic"`, 1))
	if status, body := me.ask("GET", "/v1/chat/completions/"+chat, ""); status != 400 || !strings.Contains(body, string(llm.CodeUnsupportedOperation)) {
		t.Errorf("GET of a chat completion of azure classic = %d %s, want 400", status, body)
	}
	id = me.make("/v1/responses", strings.Replace(kept, `"m"`, `"ollama"`, 1))
	if status, _ := me.ask("GET", "/v1/responses/"+id, ""); status != 200 || !strings.HasPrefix(id, "resp_weir_") {
		t.Errorf("GET of %s, a response of Ollama that Weir keeps, = %d, want 200", id, status)
	}
	if status, body := me.ask("POST", "/v1/responses", `{"model":"ollama","input":"x","previous_response_id":"resp_1"}`); status != 400 || !strings.Contains(body, string(llm.CodePreviousNotFound)) {
		t.Errorf("an answer that nobody knows goes on at Ollama: %d %s, want 400: it would be forgotten", status, body)
	}
	me.ask("POST", "/v1/responses", kept, "X-Sim-Body", `{"id":"resp_weir_1","output":[]}`)
	if status, _ := me.ask("GET", "/v1/responses/resp_weir_1", ""); status != 404 {
		t.Errorf("GET of an id that is Weir's own = %d, want 404", status)
	}
}

// TestInputTokensAndCompact: these two are exchanges.
func TestInputTokensAndCompact(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
	id := red.make("/v1/responses", kept)
	n := 1
	for _, base := range []string{"/v1", "/openai/v1", "/openai"} {
		for _, tt := range []struct {
			op    llm.Operation
			path  string
			want  string
			usage llm.Provenance
		}{
			{llm.OpInputTokens, "/responses/input_tokens", `"input_tokens"`, llm.UsageNone},
			{llm.OpCompact, "/responses/compact", `"response.compaction"`, llm.UsageReported},
		} {
			body := `{"model":"m","input":"hello","previous_response_id":"` + id + `"}`
			status, answer := red.ask("POST", base+tt.path, body)
			n++
			if e := last(t, g, n); status != 200 || !strings.Contains(answer, tt.want) || e.Operation != tt.op || e.Usage.Provenance != tt.usage || e.Code != "" {
				t.Errorf("POST %s = %d %s with %+v, want %s and usage %s", base+tt.path, status, answer, e, tt.want, tt.usage)
			}
			status, answer = blue.ask("POST", base+tt.path, body)
			n++
			if e := last(t, g, n); status != 400 || e.Code != llm.CodePreviousNotFound || e.Usage.Provenance != llm.UsageNone {
				t.Errorf("POST %s of another tenant = %d %s with %+v", base+tt.path, status, answer, e)
			}
		}
	}
}

// TestChatList: a list shows what one credential has made, so it is for one
// tenant alone.
func TestChatList(t *testing.T) {
	single := strings.ReplaceAll(tenants, "tenant: blue", "tenant: red")
	for _, tt := range []struct {
		name, yaml, key, query string
		status                 int
		sent                   string // query at the second upstream
	}{
		{"of a model", single, "red", "?model=on-two&limit=2&metadata%5Ba%5D=b&order=asc&x=y", 200, "model=theirs&limit=2&metadata%5Ba%5D=b&order=asc"},
		{"of a model, for a key that may", single, "pink", "?model=on-two", 200, "model=theirs"},
		{"of a model that the key may not use", single, "pink", "?model=m", 403, ""},
		{"of an unknown model", single, "red", "?model=nobody", 404, ""},
		{"of whatever", single, "red", "", 400, ""},
		{"of two tenants", tenants, "red", "?model=on-two", 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, second := startTenants(t, tt.yaml)
			me := caller{t, g, tt.key}
			id := caller{t, g, "red"}.make("/v1/chat/completions", strings.Replace(keptChat, `"m"`, `"on-two"`, 1))
			before := len(second.Served().Requests)
			status, body := me.ask("GET", "/v1/chat/completions"+tt.query, "")
			if status != tt.status {
				t.Fatalf("GET %s = %d %s, want %d", tt.query, status, body, tt.status)
			}
			served := second.Served().Requests
			if status != 200 {
				if len(served) != before || strings.Contains(body, id) {
					t.Errorf("the upstream was asked, or %s shows what is there", body)
				}
				return
			}
			if got := served[len(served)-1].Query; got != tt.sent {
				t.Errorf("the upstream was asked ?%s, want ?%s", got, tt.sent)
			}
		})
	}
	t.Run("one upstream", func(t *testing.T) {
		me := caller{t, gatetest.Start(t, simple), ""}
		id := me.make("/v1/chat/completions", keptChat)
		if status, body := me.ask("GET", "/v1/chat/completions", ""); status != 200 || !strings.Contains(body, id) {
			t.Errorf("GET = %d %s, want a list with %s", status, body, id)
		}
	})
}

// TestObjectsConcurrently: many clients of two tenants, none of whom is given
// what is the other's.
func TestObjectsConcurrently(t *testing.T) {
	g, _ := startTenants(t, tenants)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			names := []string{"red", "blue"}
			me, other := caller{t, g, names[i%2]}, caller{t, g, names[(i+1)%2]}
			for n := range 5 {
				status, body := me.ask("POST", "/v1/responses", fmt.Sprintf(`{"model":"m","input":"mine %d %d"}`, i, n))
				var made struct{ ID string }
				if err := json.Unmarshal([]byte(body), &made); err != nil || status != 200 {
					t.Errorf("POST = %d %s", status, body)
					return
				}
				if status, body := me.ask("GET", "/v1/responses/"+made.ID, ""); status != 200 || !strings.Contains(body, fmt.Sprintf("mine %d %d", i, n)) {
					t.Errorf("GET of its own = %d %s", status, body)
				}
				if status, _ := other.ask("GET", "/v1/responses/"+made.ID, ""); status != 404 {
					t.Errorf("GET of another's = %d", status)
				}
				if status, _ := me.ask("DELETE", "/v1/responses/"+made.ID, ""); status != 200 {
					t.Errorf("DELETE = %d", status)
				}
			}
		})
	}
	wg.Wait()
}

// TestLastBytes: the id in an answer that fills the buffer to its last byte can
// be asked for before the upstream has ended it.
func TestLastBytes(t *testing.T) {
	const buffer = 64 << 10
	asked, goOn := make(chan string, 10), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost {
			_, _ = io.WriteString(w, `{"id":"resp_1"}`)
			return
		}
		_, _ = io.ReadAll(r.Body)
		head, end := `{"id":"resp_1","pad":"`, `"}`
		_, _ = io.WriteString(w, head+strings.Repeat("x", buffer-len(head+end))+end)
		_ = http.NewResponseController(w).Flush()
		<-goOn
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, strings.Replace(passages, "/v1/conversations", "/v1/conversations, /v1/evals", 1), "UP", up.URL)
	red := caller{t, g, "red"}
	for _, path := range []string{"/v1/responses", "/v1/evals"} {
		resp := red.send("POST", path, kept)
		<-asked
		if _, err := io.ReadFull(resp.Body, make([]byte, buffer)); err != nil {
			t.Fatal(err)
		}
		if status, body := red.ask("GET", "/v1/responses/resp_1", ""); status != 200 || <-asked != "GET /v1/responses/resp_1" {
			t.Errorf("GET while POST %s has not ended = %d %s", path, status, body)
		}
		goOn <- struct{}{}
		gatetest.Body(t, resp)
		red.ask("DELETE", "/v1/responses/resp_1", "")
		for len(asked) > 0 {
			<-asked
		}
	}
}

// TestHead: HEAD is GET without the body.
func TestHead(t *testing.T) {
	g, _ := startTenants(t, tenants)
	red := caller{t, g, "red"}
	id := red.make("/v1/responses", kept)
	resp := red.send("HEAD", "/v1/responses/"+id, "")
	if body := gatetest.Body(t, resp); resp.StatusCode != 200 || body != "" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD = %d %q with %v", resp.StatusCode, body, resp.Header)
	}
}
