package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestFilesOfConversations: in every dialect a file and a container that
// another tenant's upstream account keeps look as if there were none.
func TestFilesOfConversations(t *testing.T) {
	const chat, anthropic = `"messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"text","text":"x"},%s]}]`, `"max_tokens":9,"messages":[{"role":"user","content":[%s]}]`
	rec := newRecorder(t, `{"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"input_tokens":1,"output_tokens":1}}`)
	g := gatetest.Start(t, strings.ReplaceAll(tenants, "${SIM2}", "${SIM}"), "SIM", rec.URL)
	red := caller{t, g, "red"}
	n := 0
	for _, tt := range []struct{ path, param, body string }{
		{"/v1/chat/completions", "messages[1].content[].file.file_id", fmt.Sprintf(chat, `{"type":"file","file":{"file_id":"%s"}}`)},
		{"/openai/deployments/m/chat/completions", "messages[1].content[].file.file_id", fmt.Sprintf(chat, `{"file":{"file\u005fid":"%s"}}`)},
		{"/v1/messages", "messages[0].content[].source.file_id", fmt.Sprintf(anthropic, `{"type":"document","source":{"type":"file","file_id":"%s"}}`)},
		{"/v1/messages/count_tokens", "messages[0].content[].source.file_id", fmt.Sprintf(anthropic, `{"type":"image","source":{"type":"file","file_id":"%s"}}`)},
		{"/v1/messages", "messages[0].content[].content[].source.file_id", fmt.Sprintf(anthropic, `{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"file","file_id":"%s"}}]}`)},
		{"/anthropic/v1/messages", "messages[0].content[].file_id", fmt.Sprintf(anthropic, `{"type":"container_upload","file_id":"%s"}`)},
		{"/v1/messages", "container", `"container":"%s",` + fmt.Sprintf(anthropic, `{"type":"text","text":"x"}`)},
		{"/v1/messages", "container.id", `"container":{"id":"%s","skills":[]},` + fmt.Sprintf(anthropic, `{"type":"text","text":"x"}`)},
	} {
		for _, id := range []string{"file-theirs", "../x", "resp_weir_1"} {
			status, body := red.ask("POST", tt.path, `{"model":"m",`+fmt.Sprintf(tt.body, id)+`}`)
			if status != 400 || !strings.Contains(body, `"`+string(llm.CodeForeignReference)+`"`) || !strings.Contains(body, `"param":"`+tt.param+`"`) {
				t.Errorf("POST %s with %s %q = %d %s, want 400 that names it", tt.path, tt.param, id, status, body)
			}
			n++
			if e := last(t, g, n); e.Code != llm.CodeForeignReference || len(e.Attempts) != 0 {
				t.Errorf("the entry is %+v, want one without an attempt", e)
			}
		}
	}
	// What is no reference passes as ever.
	for _, body := range []string{
		`"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"x","filename":"file_id"}}]}],"file_id":"x"`,
		`"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":null}}]}]`,
	} {
		if status, answer := red.ask("POST", "/v1/chat/completions", `{"model":"m",`+body+`}`); status != 200 {
			t.Errorf("%s = %d %s", body, status, answer)
		}
	}
}

// TestContainersOfMessages: the container that an answer names is its
// tenant's; the message itself leads nowhere and is not noted.
func TestContainersOfMessages(t *testing.T) {
	const ask = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]%s}`
	for name, answer := range map[string][]string{
		"whole": {`{"id":"msg_1","type":"message","container":{"id":"container_1","expires_at":"x"},"usage":{"input_tokens":1,"output_tokens":1}}`},
		"stream": {"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"container\":{\"id\":\"container_1\"}},\"usage\":{\"output_tokens\":1}}\n\n" +
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "Content-Type", "text/event-stream"},
		"stream, at once": {"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"container\":{\"id\":\"container_1\"},\"usage\":{\"input_tokens\":1}}}\n\n" +
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "Content-Type", "text/event-stream"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(t, answer[0], answer[1:]...)
			yaml := strings.ReplaceAll(strings.ReplaceAll(tenants, "${SIM2}", "${SIM}"), "kind: simulator", `kind: anthropic, auth: { api_key: k }`)
			g := gatetest.Start(t, yaml, "SIM", rec.URL)
			red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
			stream := ""
			if len(answer) > 1 {
				stream = `,"stream":true`
			}
			if status, body := red.ask("POST", "/v1/messages", fmt.Sprintf(ask, stream)); status != 200 {
				t.Fatalf("POST = %d %s", status, body)
			}
			again := fmt.Sprintf(ask, stream+`,"container":"container_1"`)
			if status, body := red.ask("POST", "/v1/messages", again); status != 200 {
				t.Errorf("its own tenant again = %d %s", status, body)
			}
			if status, body := blue.ask("POST", "/v1/messages", again); status != 400 {
				t.Errorf("another tenant = %d %s, want 400", status, body)
			}
			if status, body := red.ask("POST", "/v1/messages", fmt.Sprintf(ask, stream+`,"container":"msg_1"`)); status != 400 {
				t.Errorf("with the message's id = %d %s, want 400", status, body)
			}
		})
	}
}
