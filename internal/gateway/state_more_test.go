package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestForks: two that go on with the same know nothing of each other.
func TestForks(t *testing.T) {
	g := gatetest.Start(t, stateful)
	for _, model := range keepers {
		c := &stateClient{t, g, "alice"}
		root := c.ask(model, `"the root"`, false)
		left := c.ask(model, `"to the left"`, true, previous(root))
		right := c.ask(model, `"to the right"`, false, previous(root))
		c.ask(model, `"further"`, false, previous(left))
		if sent := lastServed(t, g).Body; !strings.Contains(sent, "the root") || !strings.Contains(sent, "to the left") || strings.Contains(sent, "to the right") {
			t.Errorf("%s: left of the fork %s is sent", model, sent)
		}
		c.ask(model, `"further"`, false, previous(right))
		if sent := lastServed(t, g).Body; strings.Contains(sent, "to the left") || !strings.Contains(sent, "to the right") {
			t.Errorf("%s: right of the fork %s is sent", model, sent)
		}
	}
}

// TestChainsGoWhereverAModelIs: what one upstream has said another goes on
// with, also one that would keep it itself: Weir has the conversation then.
func TestChainsGoWhereverAModelIs(t *testing.T) {
	g := gatetest.Start(t, stateful)
	c := &stateClient{t, g, "alice"}
	for _, stream := range []bool{false, true} {
		last := c.ask("as-chat", `"one"`, stream)
		n := 1
		for _, model := range []string{"joined", "keeps", "as-messages", "keeps", "as-ollama", "joined", "as-chat"} {
			n++
			last = c.ask(model, fmt.Sprintf(`"turn %d"`, n), stream, previous(last))
			if last.status != 200 || !last.Store || !strings.HasPrefix(last.ID, "resp_weir_") || last.text() != fmt.Sprintf("echo: turn %d", n) {
				t.Fatalf("%s: %+v", model, last)
			}
			served := lastServed(t, g)
			for i := 2; i <= n; i++ {
				if !strings.Contains(served.Body, fmt.Sprintf("turn %d", i)) {
					t.Errorf("%s is not told of turn %d: %s", model, i, served.Body)
				}
			}
			if strings.Contains(served.Body, "weir_") || model == "keeps" && !strings.Contains(served.Body, `"store":false`) {
				t.Errorf("%s is sent %s", model, served.Body)
			}
		}
		if r := c.do(http.MethodGet, "/v1/responses/"+last.ID, ""); r.status != 200 {
			t.Errorf("GET = %d", r.status)
		}
	}
	entries := g.Ledger.Entries()
	for _, e := range entries {
		if e.Model == "keeps" && e.Lane != llm.Joined {
			t.Errorf("lane %s, want joined", e.Lane)
		}
	}
	own := c.ask("keeps", `"mine"`, false)
	if !strings.HasPrefix(own.ID, "resp_") || strings.HasPrefix(own.ID, "resp_weir_") {
		t.Fatalf("an upstream that keeps is stood in for: %+v", own)
	}
	if r := c.ask("as-chat", `"x"`, false, previous(own)); r.status != 400 {
		t.Errorf("what an upstream keeps goes on elsewhere: %+v", r)
	}
}

// TestToolsGoOn: a call that was kept is answered without being repeated.
func TestToolsGoOn(t *testing.T) {
	g := gatetest.Start(t, stateful)
	const tools = `"tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{"at":{"type":"string"}}},"strict":false}]`
	for _, model := range keepers {
		for _, stream := range []bool{false, true} {
			c := &stateClient{t, g, "alice"}
			first := c.ask(model, `"call look {\"at\":\"x\"}"`, stream, tools)
			call := ""
			for _, item := range first.Output {
				if item.Type == "function_call" {
					call = item.CallID
				}
			}
			if call == "" {
				t.Fatalf("%s: no call in %s", model, first.raw)
			}
			second := c.ask(model, `[{"type":"function_call_output","call_id":"`+call+`","output":"seen"}]`, stream, tools, previous(first))
			if second.text() != "tool said: seen" {
				t.Errorf("%s: %s", model, second.raw)
			}
		}
	}
}

// TestItemsAreReferredTo: in the conversation that goes on first, then anywhere
// in the tenant; not in another's.
func TestItemsAreReferredTo(t *testing.T) {
	g := gatetest.Start(t, stateful)
	for _, model := range keepers {
		alice, bob := &stateClient{t, g, "alice"}, &stateClient{t, g, "bob"}
		kept := alice.ask(model, `"what was said"`, false)
		item := fmt.Sprintf(`[{"type":"item_reference","id":%q},{"role":"user","content":"and on"}]`, kept.Output[len(kept.Output)-1].ID)
		for _, more := range [][]string{nil, {previous(kept)}, {`"store":false`}} {
			r := alice.ask(model, item, false, more...)
			sent := lastServed(t, g).Body
			if r.status != 200 || !strings.Contains(sent, "echo: what was said") || strings.Contains(sent, "item_reference") {
				t.Errorf("%s %s: %d %s; %s is sent", model, more, r.status, r.raw, sent)
			}
		}
		if r := bob.ask(model, item, false); r.status != 400 || r.Error.Code != "reference_not_found" || r.Error.Param != "input[0].id" {
			t.Errorf("%s: another tenant refers to it: %+v", model, r)
		}
		if r := alice.ask(model, `"x"`, false, `"conversation":"conv_1"`); r.status != 400 || r.Error.Param != "conversation" {
			t.Errorf("%s: a conversation: %+v", model, r)
		}
		if r := alice.ask(model, `"x"`, false, `"background":true`); r.status != 400 || r.Error.Param != "background" {
			t.Errorf("%s: in the background: %+v", model, r)
		}
	}
}

// TestInputItems: the pages are OpenAI's.
func TestInputItems(t *testing.T) {
	g := gatetest.Start(t, stateful)
	for _, model := range keepers {
		c := &stateClient{t, g, "alice"}
		made := c.ask(model, `[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"type":"message","role":"user","id":"msg_mine","content":[{"type":"input_text","text":"c"}]}]`, false, `"instructions":"be brief"`)
		type page struct {
			Object string
			Data   []struct {
				ID, Type, Status, Role string
				Content                []struct{ Type, Text string }
			}
			First string `json:"first_id"`
			Last  string `json:"last_id"`
			More  bool   `json:"has_more"`
		}
		list := func(query string) (p page) {
			t.Helper()
			if err := json.Unmarshal([]byte(c.do(http.MethodGet, "/v1/responses/"+made.ID+"/input_items"+query, "").raw), &p); err != nil {
				t.Fatal(err)
			}
			return p
		}
		all := list("?order=asc")
		if len(all.Data) != 3 || all.More || all.Object != "list" || all.First != all.Data[0].ID || all.Last != "msg_mine" {
			t.Fatalf("%s: %+v", model, all)
		}
		for i, want := range []string{"input_text a", "output_text b", "input_text c"} {
			item := all.Data[i]
			if item.ID == "" || item.Type != "message" || item.Status != "completed" || item.Content[0].Type+" "+item.Content[0].Text != want {
				t.Errorf("%s: item %d is %+v, want %s", model, i, item, want)
			}
		}
		if p := list(""); p.First != "msg_mine" {
			t.Errorf("%s: the newest is not first: %+v", model, p)
		}
		if p := list("?limit=1&order=asc&after=" + all.First); len(p.Data) != 1 || p.First != all.Data[1].ID || !p.More {
			t.Errorf("%s: the page after the first: %+v", model, p)
		}
		for _, query := range []string{"?limit=0", "?limit=101", "?limit=x", "?order=up", "?after=msg_nobody"} {
			if r := c.do(http.MethodGet, "/v1/responses/"+made.ID+"/input_items"+query, ""); r.status != 400 {
				t.Errorf("%s = %d", query, r.status)
			}
		}
	}
}

// TestLanesAgree: a conversation is the same whoever carries it.
func TestLanesAgree(t *testing.T) {
	g := gatetest.Start(t, stateful)
	for _, stream := range []bool{false, true} {
		var want []string
		for _, model := range []string{"keeps", "joined", "as-chat", "as-messages", "as-ollama"} {
			c := &stateClient{t, g, "alice"}
			var got []string
			first := c.ask(model, `"hello"`, stream)
			second := c.ask(model, `[{"role":"user","content":"and then?"}]`, stream, previous(first))
			for _, r := range []*reply{first, second, c.do(http.MethodGet, "/v1/responses/"+second.ID, "")} {
				parent := r.PreviousID != nil && *r.PreviousID == first.ID
				got = append(got, fmt.Sprint(r.status, r.Object, r.Status, r.Store, parent, r.text(), inputOf(t, r.raw, r)))
			}
			c.do(http.MethodDelete, "/v1/responses/"+second.ID, "")
			gone := c.do(http.MethodGet, "/v1/responses/"+second.ID, "")
			off := c.ask(model, `"x"`, stream, previous(second))
			got = append(got, fmt.Sprint(gone.status, gone.Error.Code, off.status, off.Error.Code, off.Error.Param))
			if want == nil {
				want = got
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("stream=%t: %s says\n%s, express\n%s", stream, model, got[i], want[i])
				}
			}
		}
	}
}

// inputOf returns how many tokens a response says that it has read.
func inputOf(t *testing.T, raw string, _ *reply) int {
	t.Helper()
	_, rest, _ := strings.Cut(raw[max(0, strings.LastIndex(raw, `"usage"`)):], `"input_tokens":`)
	n := 0
	_, _ = fmt.Sscan(strings.TrimLeft(rest, " "), &n)
	return n
}
