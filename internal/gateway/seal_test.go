package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/simulator"
)

// sealing has two upstreams that read only what they have sealed themselves,
// and two tenants.
const sealing = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: other, kind: simulator, endpoint: "${OTHER}" }
models:
  - { name: as-chat, targets: [{ upstream: sim, model: sim-1, dialects: [chat] }] }
  - { name: as-responses, targets: [{ upstream: sim, model: sim-1, dialects: [responses] }] }
  - { name: as-messages, targets: [{ upstream: sim, model: sim-1, dialects: [messages] }] }
  - { name: other-chat, targets: [{ upstream: other, model: sim-1, dialects: [chat] }] }
  - { name: other-responses, targets: [{ upstream: other, model: sim-1, dialects: [responses] }] }
  - { name: other-messages, targets: [{ upstream: other, model: sim-1, dialects: [messages] }] }
keys:
  - { name: a, tenant: one, secret: key-of-tenant-one }
  - { name: b, tenant: two, secret: key-of-tenant-two }
`

// sealers are gateways with two simulators.
type sealers struct {
	*gatetest.Gate
	other *gatetest.Sim
}

func startSealing(t *testing.T) *sealers {
	t.Helper()
	other := gatetest.StartSim(t, simulator.Options{Strict: true, KeepBodies: true, Name: "other"})
	return &sealers{gatetest.Start(t, sealing, "OTHER", other.URL), other}
}

// ask posts body for tenant one and returns the answer and what the upstream
// was sent.
func (g *sealers) ask(t *testing.T, path, body string, header ...string) (resp *http.Response, got, sent string) {
	t.Helper()
	if len(header) == 0 {
		header = []string{"Authorization", "Bearer key-of-tenant-one"}
	}
	sim := g.Sim
	if strings.Contains(body, `"model":"other-`) {
		sim = g.other
	}
	before := sim.Served().Total
	resp = g.Post(t, path, body, header...)
	got = gatetest.Body(t, resp)
	if r := sim.Served(); r.Total > before {
		sent = r.Requests[len(r.Requests)-1].Body
	}
	return resp, got, sent
}

// thoughtOf asks a model to think for a client of a protocol, and returns what
// the client would send back of the answer's reasoning.
func (g *sealers) thoughtOf(t *testing.T, client, model string, stream bool) string {
	t.Helper()
	var path, body string
	switch client {
	case "responses":
		path, body = "/v1/responses", `{"model":"%s","input":"think","store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low"},"stream":%v}`
	case "messages":
		path, body = "/v1/messages", `{"model":"%s","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"think"}],"stream":%v}`
	}
	resp, got, _ := g.ask(t, path, fmt.Sprintf(body, model, stream))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	if strings.Contains(got, "sim1.") {
		t.Errorf("the upstream's own seal is shown to the client:\n%s", got)
	}
	item := firstThought(t, client, got, stream)
	if !strings.Contains(item, `"weir1.`) {
		t.Fatalf("the client is given nothing to keep: %s", item)
	}
	return item
}

// firstThought returns the reasoning in an answer as clients keep it: Codex
// sends null for raw reasoning, and everything else as it came.
func firstThought(t *testing.T, client, got string, stream bool) string {
	t.Helper()
	thought, signature := "", ""
	take := func(data []byte) (done map[string]json.RawMessage) {
		var e struct {
			Type     string
			Output   []map[string]json.RawMessage
			Content  []map[string]json.RawMessage
			Response struct {
				Output []map[string]json.RawMessage
			}
			Item  map[string]json.RawMessage
			Delta struct{ Thinking, Signature string }
		}
		_ = json.Unmarshal(data, &e)
		thought += e.Delta.Thinking
		signature += e.Delta.Signature
		for _, list := range [][]map[string]json.RawMessage{e.Output, e.Content, e.Response.Output, {e.Item}} {
			for _, item := range list {
				if kind := string(item["type"]); (kind == `"reasoning"` || kind == `"thinking"`) && (e.Type != "response.output_item.added") {
					return item
				}
			}
		}
		return nil
	}
	var items []map[string]json.RawMessage
	if !stream {
		items = append(items, take([]byte(got)))
	} else {
		for line := range strings.Lines(got) {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if item := take([]byte(data)); item != nil {
					items = append(items, item)
				}
			}
		}
	}
	if client == "messages" && stream {
		b, _ := json.Marshal(map[string]string{"type": "thinking", "thinking": thought, "signature": signature})
		return string(b)
	}
	if len(items) == 0 || items[0] == nil {
		t.Fatalf("no reasoning in %s", got)
	}
	for _, item := range items[1:] {
		if string(item["encrypted_content"]) != string(items[0]["encrypted_content"]) {
			t.Errorf("the item is sealed otherwise each time it is told of")
		}
	}
	if client == "responses" {
		items[0]["content"] = json.RawMessage("null")
	}
	b, _ := json.Marshal(items[0])
	return string(b)
}

// again is the next request of a conversation with a thought in it.
func again(client, model, item string) (path, body string) {
	if client == "responses" {
		return "/v1/responses", `{"model":"` + model + `","store":false,"include":["reasoning.encrypted_content"],"input":[{"role":"user","content":"think"},` + item + `,{"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"done"}],"tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]}`
	}
	return "/v1/messages", `{"model":"` + model + `","max_tokens":100,"messages":[{"role":"user","content":"think"},{"role":"assistant","content":[` + item + `,{"type":"text","text":"echo: think"}]},{"role":"user","content":"hello"}]}`
}

// TestSealedReasoningComesBack: what a model thought goes back to it exactly as
// it made it, whatever the client speaks.
func TestSealedReasoningComesBack(t *testing.T) {
	g := startSealing(t)
	for _, tt := range []struct{ client, model, want string }{
		{"responses", "as-messages", `{"type":"thinking","thinking":"thinking about: think","signature":"sim1.`},
		{"messages", "as-responses", `"encrypted_content":"sim1.`},
		{"messages", "as-responses", `{"type":"reasoning","id":"rs_`},
		{"responses", "as-chat", `"reasoning_content":"thinking about: think"`},
		{"messages", "as-chat", `"reasoning_content":"thinking about: think"`},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.client, " to ", tt.model, " stream=", stream), func(t *testing.T) {
				path, body := again(tt.client, tt.model, g.thoughtOf(t, tt.client, tt.model, stream))
				resp, got, sent := g.ask(t, path, body)
				if resp.StatusCode != http.StatusOK || !strings.Contains(sent, tt.want) || strings.Contains(sent, "weir") {
					t.Errorf("%d %s\nthe upstream was sent %s\nwant %s", resp.StatusCode, got, sent, tt.want)
				}
				if lossy := resp.Header.Get("X-Weir-Lossy"); strings.Contains(lossy, "input[1]") || strings.Contains(lossy, "content[0]") {
					t.Errorf("x-weir-lossy: %s", lossy)
				}
			})
		}
	}
}

// TestNothingIsSealedUnasked: a client of Responses that does not want sealed
// reasoning gets none.
func TestNothingIsSealedUnasked(t *testing.T) {
	g := startSealing(t)
	_, got, _ := g.ask(t, "/v1/responses", `{"model":"as-messages","input":"think"}`)
	if strings.Contains(got, "encrypted_content") || !strings.Contains(got, "thinking about") {
		t.Errorf("%s", got)
	}
}

// TestSealedReasoningStaysWhereItBelongs: what does not open, or was made
// elsewhere, reaches nobody, and the conversation goes on without it.
func TestSealedReasoningStaysWhereItBelongs(t *testing.T) {
	g := startSealing(t)
	for _, client := range []string{"responses", "messages"} {
		made := map[string]string{"responses": "as-messages", "messages": "as-responses"}[client]
		item := g.thoughtOf(t, client, made, false)
		at := strings.Index(item, "weir1.")
		flip := func(i int) string {
			c := byte('A')
			if item[at+i] == c {
				c = 'B'
			}
			return item[:at+i] + string(c) + item[at+i+1:]
		}
		end := at + strings.IndexByte(item[at:], '"')
		for _, tt := range []struct {
			name, model, item string
			header            []string
		}{
			{"another tenant", made, item, []string{"Authorization", "Bearer key-of-tenant-two"}},
			{"another upstream", "other-" + strings.TrimPrefix(made, "as-"), item, nil},
			{"another protocol", "as-chat", item, nil},
			{"another of both", "other-chat", item, nil},
			{"the version changed", made, flip(6), nil},
			{"the key's id changed", made, flip(9), nil},
			{"the middle changed", made, flip(80), nil},
			{"the end changed", made, flip(end - at - 2), nil},
			{"truncated", made, item[:end-10] + item[end:], nil},
			{"nothing but the prefix", made, item[:at+6] + item[end:], nil},
			{"no base64", made, item[:at+6] + "%%" + item[end:], nil},
			{"somebody else's", made, item[:at] + "gAAAAABmade-up" + item[end:], nil},
			{"the upstream's own form, from the client", made, item[:at] + "sim1.AAAA.BBBB" + item[end:], nil},
		} {
			t.Run(client+", "+tt.name, func(t *testing.T) {
				path, body := again(client, tt.model, tt.item)
				resp, got, sent := g.ask(t, path, body, tt.header...)
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%d %s, want 200", resp.StatusCode, got)
				}
				for _, bad := range []string{"weir1.", "sim1.", "gAAAAAB", "encrypted_content\":\"", "signature"} {
					if strings.Contains(sent, bad) {
						t.Errorf("the upstream was sent %s:\n%s", bad, sent)
					}
				}
				if lossy := resp.Header.Get("X-Weir-Lossy"); !strings.Contains(lossy, "input[1]") && !strings.Contains(lossy, "messages[1]") {
					t.Errorf("nothing is said of the loss: %q", lossy)
				}
			})
		}
	}
}

// TestSealsOutliveTheirSecret: what was sealed before a new secret was put in
// front opens as long as the old one is in the list, also after a restart.
func TestSealsOutliveTheirSecret(t *testing.T) {
	const first, second = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
	sim := gatetest.StartSim(t, simulator.Options{Strict: true, KeepBodies: true})
	start := func(list string) *sealers {
		root, err := secret.Parse(list)
		if err != nil {
			t.Fatal(err)
		}
		const config = `
upstreams: [{ name: up, kind: simulator, endpoint: "${OTHER}" }]
models: [{ name: other-messages, targets: [{ upstream: up, model: sim-1, dialects: [messages] }] }]
`
		return &sealers{gatetest.StartWith(t, gatetest.Options{Root: root}, config, "OTHER", sim.URL), sim}
	}
	item := start(first).thoughtOf(t, "responses", "other-messages", false)
	path, body := again("responses", "other-messages", item)
	for _, tt := range []struct {
		list string
		want bool
	}{{first, true}, {second + "," + first, true}, {second, false}} {
		resp, got, sent := start(tt.list).ask(t, path, body)
		if resp.StatusCode != http.StatusOK || strings.Contains(sent, `"signature":"sim1.`) != tt.want {
			t.Errorf("%d %s\nthe upstream was sent %s\nwant the signature: %v", resp.StatusCode, got, sent, tt.want)
		}
	}
}

// TestSealsBelongToACredential: with another credential the upstream is another
// account, which cannot read it.
func TestSealsBelongToACredential(t *testing.T) {
	root := secret.Random()
	sim := gatetest.StartSim(t, simulator.Options{KeepBodies: true})
	start := func(auth string) *sealers {
		config := `
upstreams: [{ name: up, kind: compatible, endpoint: "${OTHER}", auth: ` + auth + ` }]
models: [{ name: other-messages, targets: [{ upstream: up, model: sim-1, dialects: [messages] }] }]
`
		return &sealers{gatetest.StartWith(t, gatetest.Options{Root: root}, config, "OTHER", sim.URL), sim}
	}
	own := func(key string) []string { return []string{"Authorization", "Bearer " + key} }
	for _, tt := range []struct {
		name, auth, then string
		header           []string
		want             bool
	}{
		{"the same", "{ api_key: made-up-one }", "{ api_key: made-up-one }", nil, true},
		{"another key", "{ api_key: made-up-one }", "{ api_key: made-up-two }", nil, false},
		{"the caller's own", "passthrough", "passthrough", own("key-of-tenant-one"), true},
		{"another caller's", "passthrough", "passthrough", own("of-another-caller"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, body := again("responses", "other-messages", start(tt.auth).thoughtOf(t, "responses", "other-messages", true))
			resp, got, sent := start(tt.then).ask(t, path, body, tt.header...)
			if resp.StatusCode != http.StatusOK || strings.Contains(sent, `"signature":"sim1.`) != tt.want {
				t.Errorf("%d %s\nthe upstream was sent %s\nwant the signature: %v", resp.StatusCode, got, sent, tt.want)
			}
		})
	}
}
