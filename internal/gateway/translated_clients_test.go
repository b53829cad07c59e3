package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// TestTranslatedReasoningComesBack: clients send what a model thought back as
// they got it, with the id that Weir has made up. It is no reference to
// anything that is kept; an item that says nothing but its id still is one.
func TestTranslatedReasoningComesBack(t *testing.T) {
	g := gatetest.Start(t, oneEach)
	for _, up := range []string{"chat", "messages"} {
		for _, tt := range []struct {
			input  string
			status int
		}{
			{`{"type":"reasoning","id":"rs_weir_req_1_0","summary":[{"type":"summary_text","text":"hm"}]}`, http.StatusOK},
			{`{"type":"reasoning","id":"rs_weir_req_1_0","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}`, http.StatusOK},
			{`{"type":"reasoning","id":"rs_weir_req_1_0","summary":[]}`, http.StatusOK},
			{`{"type":"item_reference","id":"rs_weir_req_9_0"}`, http.StatusBadRequest},
			{`{"id":"rs_weir_req_9_0"}`, http.StatusBadRequest},
		} {
			body := `{"model":"as-` + up + `","input":[{"role":"user","content":"a"},` + tt.input + `,{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`
			resp := g.Post(t, "/v1/responses", body)
			if got := gatetest.Body(t, resp); resp.StatusCode != tt.status || tt.status != http.StatusOK && !strings.Contains(got, `"param":"input[1].id"`) {
				t.Errorf("%s = %d, want %d\n%s", body, resp.StatusCode, tt.status, got)
			}
		}
	}
}
