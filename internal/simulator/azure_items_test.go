package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/simulator"
)

func TestAzureItems(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	thought := post(t, server, "/v1/responses", `{"model":"sim-1","input":"think","include":["reasoning.encrypted_content"]}`, http.StatusOK)
	output := decode(t, thought)["output"]
	id, sealed := str(output, 0, "id"), str(output, 0, "encrypted_content")
	for _, tt := range []struct {
		name, item, rest string
		want             string // of the refusal; empty for a success
	}{
		{"no id", `{"role":"user","content":"a"}`, `"store":false`, ""},
		{"an id", `{"type":"message","id":"msg_1","role":"user","content":"a"}`, `"store":false`, "Item with id 'msg_1' not found. Items are not persisted when `store` is set to false."},
		{"an id of a call", `{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}`, `"store":false`, "Item with id 'fc_1' not found."},
		{"an id in what is kept", `{"type":"message","id":"msg_1","role":"user","content":"a"}`, `"store":true`, ""},
		{"reasoning", `{"type":"reasoning","id":"` + id + `","summary":[],"encrypted_content":"` + sealed + `"}`, `"store":false`, ""},
		{"reasoning without its id", `{"type":"reasoning","summary":[],"encrypted_content":"` + sealed + `"}`, `"store":false`, "Missing required parameter: 'input[0].id'."},
		{"reasoning of another", `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}`, `"store":true`, `"invalid_encrypted_content"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model":"sim-azure-items","input":[` + tt.item + `,{"role":"user","content":"b"}],` + tt.rest + `}`
			status := http.StatusOK
			if tt.want != "" {
				status = http.StatusBadRequest
			}
			if got := post(t, server, "/v1/responses", body, status); !strings.Contains(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
