package gateway_test

import (
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
			`{ "model": "sim-1", "input": [{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}], "store": false }`, "input[1].encrypted_content",
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
