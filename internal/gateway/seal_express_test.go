package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestSealedReasoningInTheExpressLane: a client that moves to a model of its
// own protocol brings what Weir has sealed for another. The upstream is not
// sent it, and everything else as it came.
func TestSealedReasoningInTheExpressLane(t *testing.T) {
	g := startSealing(t)
	r := g.thoughtOf(t, "responses", "as-messages", false) // with a text beside
	m := g.thoughtOf(t, "messages", "as-responses", false)
	silent := `{"type":"reasoning","id":"rs_weir_1_0","summary":[],"content":null,"encrypted_content":"weir1.AQIDBA"}`
	redacted := `{"type":"redacted_thinking","data":"weir1.AQIDBA"}`
	escaped := `{"type":"reasoning","summary":[],"encrypted_content":"\u0077eir\u0031.AQIDBA"}`
	for _, tt := range []struct {
		name, path, body string
		want             string // sent to the upstream; empty means as it came, but for the model
		lossy            string
	}{
		{
			"reasoning", "/v1/responses", `{ "model": "as-responses", "input": [ {"role":"user","content":"a"}, ` + silent + `, {"role":"assistant","content":"b"}, {"role":"user","content":"c"} ], "store": false }`,
			`{ "model": "sim-1", "input": [ {"role":"user","content":"a"}, {"role":"assistant","content":"b"}, {"role":"user","content":"c"} ], "store": false }`, "input[1].encrypted_content",
		},
		{
			"with escapes, and last", "/v1/responses", `{"model":"as-responses","input":[{"role":"user","content":"a"},` + escaped + `,` + silent + `]}`,
			`{"model":"sim-1","input":[{"role":"user","content":"a"}]}`, "input[1].encrypted_content, input[2].encrypted_content",
		},
		{
			"thinking", "/v1/messages", `{"model":"as-messages","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + m + `, {"type":"text","text":"b"}]},{"role":"user","content":"c"}], "x": 1.0}`,
			`{"model":"sim-1","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":"c"}], "x": 1.0}`, "messages[1].content[0]",
		},
		{
			"nothing but thinking", "/v1/messages", `{"model":"as-messages","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + m + `,` + redacted + `]},{"role":"user","content":"c"}]}`,
			`{"model":"sim-1","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"user","content":"c"}]}`, "messages[1].content[0], messages[1].content[1]",
		},
		{
			"counted", "/v1/messages/count_tokens", `{"model":"as-messages","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + m + `,{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`,
			`{"model":"sim-1","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`, "messages[1].content[0]",
		},
		{"what users say", "/v1/responses", `{"model":"as-responses", "input":[ {"role":"user","content":"weir1.AQIDBA"}, {"role":"user","content":[{"type":"input_text","text":"weir1."}]}]}`, "", ""},
		{"what users say, as text", "/v1/responses", `{"model":"as-responses", "input":"weir1.AQIDBA"}`, "", ""},
		{"what users say in messages", "/v1/messages", `{"model":"as-messages","max_tokens":9, "messages":[ {"role":"user","content":"weir1.AQIDBA"}, {"role":"user","content":[{"type":"text","text":"weir1."}]}]}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got, sent := g.ask(t, tt.path, tt.body)
			want := tt.want
			if want == "" {
				want = strings.Replace(strings.Replace(tt.body, "as-responses", "sim-1", 1), "as-messages", "sim-1", 1)
			}
			if resp.StatusCode != http.StatusOK || sent != want {
				t.Errorf("%d %s\nthe upstream was sent %s\nwant                  %s", resp.StatusCode, got, sent, want)
			}
			if lossy := resp.Header.Get("X-Weir-Lossy"); lossy != tt.lossy {
				t.Errorf("x-weir-lossy: %q, want %q", lossy, tt.lossy)
			}
		})
	}
	t.Run("a text that the upstream can read stays", func(t *testing.T) {
		body := `{"model":"as-responses","input":[{"role":"user","content":"a"},` + strings.Replace(r, `"content":null`, `"content":[{"type":"reasoning_text","text":"hm"}]`, 1) + `,{"role":"user","content":"c"}]}`
		resp, got, sent := g.ask(t, "/v1/responses", body)
		if resp.StatusCode != http.StatusOK || strings.Contains(sent, "weir1.") || !strings.Contains(sent, `"text":"hm"`) {
			t.Errorf("%d %s\nthe upstream was sent %s", resp.StatusCode, got, sent)
		}
	})
	t.Run("strict", func(t *testing.T) {
		body := `{"model":"as-responses","input":[{"role":"user","content":"a"},` + silent + `]}`
		resp, got, sent := g.ask(t, "/v1/responses", body, "Authorization", "Bearer key-of-tenant-one", "X-Weir-Strict", "true")
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, `"param":"input[1].encrypted_content"`) || sent != "" {
			t.Errorf("%d %s, the upstream was sent %s", resp.StatusCode, got, sent)
		}
	})
}

// TestMintedIDsInTheExpressLane: a client that moves from a translated model to
// one of its own protocol brings ids that Weir has made up. They mean nothing
// there, and go.
func TestMintedIDsInTheExpressLane(t *testing.T) {
	g := startSealing(t)
	_, first, _ := g.ask(t, "/v1/responses", `{"model":"as-chat","input":"think call look {}","store":false,"tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]}`)
	var answer struct{ Output []json.RawMessage }
	if err := json.Unmarshal([]byte(first), &answer); err != nil || len(answer.Output) != 2 || !strings.Contains(first, `"rs_weir_`) || !strings.Contains(first, `"fc_weir_`) {
		t.Fatalf("%v: %s", err, first)
	}
	var call struct {
		CallID string `json:"call_id"`
	}
	_ = json.Unmarshal(answer.Output[1], &call)
	history := `{"type":"message","id":"msg_client","role":"user","content":"think call look {}"}, ` + string(answer.Output[0]) + `, ` + string(answer.Output[1]) +
		`, {"type":"function_call_output","id":"fco_client","call_id":"` + call.CallID + `","output":"done"}`
	t.Run("an upstream that can read it", func(t *testing.T) {
		resp, got, sent := g.ask(t, "/v1/responses", `{"model":"as-responses","store":false,"input":[`+history+`]}`)
		if resp.StatusCode != http.StatusOK || strings.Contains(sent, "_weir_") || !strings.Contains(sent, `"id":"rs_1"`) || !strings.Contains(sent, `"id":"msg_client"`) {
			t.Errorf("%d %s\nthe upstream was sent %s", resp.StatusCode, got, sent)
		}
	})
	t.Run("one that reads only what it has sealed", func(t *testing.T) {
		r, g := startRefuser(t, "")
		got := converse(t, g, "/v1/responses", `{"model":"m","store":false,"input":[`+history+`]}`)
		sent := r.refuse(0)
		if got.status != http.StatusOK || strings.Contains(sent[0], "_weir_") || strings.Contains(sent[0], `"reasoning"`) || !strings.Contains(sent[0], `"function_call"`) {
			t.Errorf("%d %s\nthe upstream was sent %s", got.status, got.body, sent)
		}
		if lossy := got.header.Get("X-Weir-Lossy"); lossy != "input[1]" {
			t.Errorf("x-weir-lossy: %q", lossy)
		}
	})
	t.Run("a bare reference", func(t *testing.T) {
		resp, got, sent := g.ask(t, "/v1/responses", `{"model":"as-responses","store":false,"input":[{"type":"item_reference","id":"msg_weir_1"},{"role":"user","content":"a"}]}`)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, `"param":"input[0].id"`) || sent != "" {
			t.Errorf("%d %s\nthe upstream was sent %s", resp.StatusCode, got, sent)
		}
	})
}
