package simulator_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/simulator"
)

const (
	chatBody     = `{"model":"m","messages":[{"role":"user","content":"x"}]}`
	responseBody = `{"model":"m","input":"x"}`
	messageBody  = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}`
	classicChat  = "/openai/deployments/d/chat/completions?api-version=2024-10-21"
)

func TestCredentials(t *testing.T) {
	_, server := serve(t, simulator.Options{Keys: []string{"one", "two"}})
	const version = "anthropic-version: 2023-06-01"
	for _, tt := range []struct {
		name, path, body, header string
		want                     int
	}{
		{"nothing", "/v1/responses", responseBody, "", 401},
		{"bearer", "/v1/responses", responseBody, "Authorization: Bearer two", 200},
		{"bearer in another case", "/v1/responses", responseBody, "Authorization: bEaReR one", 200},
		{"unknown bearer", "/v1/responses", responseBody, "Authorization: Bearer three", 401},
		{"empty bearer", "/v1/responses", responseBody, "Authorization: Bearer ", 401},
		{"basic", "/v1/responses", responseBody, "Authorization: Basic one", 401},
		{"api-key where a bearer is wanted", "/v1/responses", responseBody, "api-key: one", 401},
		{"a JWT where a key is wanted", "/v1/responses", responseBody, "Authorization: Bearer a.b.c", 401},
		{"azure api-key", classicChat, chatBody, "api-key: one", 200},
		{"azure unknown api-key", classicChat, chatBody, "api-key: three", 401},
		{"azure bearer key", "/openai/v1/responses", responseBody, "Authorization: Bearer one", 200},
		{"azure bearer JWT", "/openai/v1/responses", responseBody, "Authorization: Bearer a.b.c", 200},
		{"azure bearer of a stranger", "/openai/v1/responses", responseBody, "Authorization: Bearer three", 401},
		{"azure x-api-key", "/openai/v1/responses", responseBody, "x-api-key: one", 401},
		{"anthropic x-api-key", "/v1/messages", messageBody, "x-api-key: one", 200},
		{"anthropic bearer", "/v1/messages/count_tokens", messageBody, "Authorization: Bearer one", 200},
		{"anthropic api-key", "/v1/messages", messageBody, "api-key: one", 401},
		{"foundry api-key", "/anthropic/v1/messages", messageBody, "api-key: one", 200},
		{"ollama", "/api/chat", chatBody, "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, err := do(t, server, request(t, server, http.MethodPost, tt.path, tt.body, append([]string{version}, nonEmpty(tt.header)...)...))
			if err != nil || resp.StatusCode != tt.want {
				t.Fatalf("%d %v, want %d: %s", resp.StatusCode, err, tt.want, body)
			}
			if tt.want == 401 {
				checkFault(t, tt.path, body)
			}
		})
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// checkFault checks the shape of an error body against the dialect of path.
func checkFault(t *testing.T, path, body string) {
	t.Helper()
	v := decode(t, body)
	switch {
	case strings.Contains(path, "/v1/messages"), strings.HasPrefix(path, "/anthropic/"):
		if str(v, "type") != "error" || str(v, "error", "type") == "" || str(v, "error", "message") == "" {
			t.Errorf("not Anthropic's shape: %s", body)
		}
	case strings.HasPrefix(path, "/openai/"):
		if str(v, "error", "code") == "" || str(v, "error", "message") == "" {
			t.Errorf("not Azure's shape: %s", body)
		}
	case strings.HasPrefix(path, "/api/"):
		if str(v, "error") == "" {
			t.Errorf("not Ollama's shape: %s", body)
		}
	default:
		e, _ := v["error"].(map[string]any)
		if len(e) != 4 || str(e, "message") == "" || str(e, "type") == "" {
			t.Errorf("not OpenAI's shape: %s", body)
		}
	}
}

func TestVersions(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	for _, tt := range []struct {
		path, body string
		want       int
	}{
		{"/openai/deployments/d/chat/completions?api-version=2024-10-21", chatBody, 200},
		{"/openai/deployments/d/embeddings?api-version=2025-04-01-preview", `{"input":"x"}`, 200},
		{"/openai/deployments/d/completions?api-version=2024-10-21", `{"prompt":"x"}`, 200},
		{"/openai/responses?api-version=2025-04-01-preview", responseBody, 200},
		{"/openai/deployments/d/chat/completions", chatBody, 404},
		{"/openai/deployments/d/chat/completions?api-version=", chatBody, 400},
		{"/openai/deployments/d/chat/completions?api-version=v1", chatBody, 400},
		{"/openai/deployments/d/chat/completions?api-version=2024-10-21&api-version=2024-10-21", chatBody, 400},
		{"/openai/deployments/d/responses?api-version=2024-10-21", responseBody, 404},
		{"/openai/deployments//chat/completions?api-version=2024-10-21", chatBody, 404},
		{"/openai/deployments/a/b/chat/completions?api-version=2024-10-21", chatBody, 404},
		{"/openai/v1/responses", responseBody, 200},
		{"/openai/v1/responses?api-version=preview", responseBody, 200},
		{"/openai/v1/responses?api-version=2024-10-21", responseBody, 400},
		{"/openai/v1/v1/responses", responseBody, 404},
		{"/v1/responses?api-version=2024-10-21", responseBody, 400},
		{"/v1/v1/responses", responseBody, 404},
		{"//v1/responses", responseBody, 404},
		{"/v1/responses/", responseBody, 404},
		{"/v1/%72esponses", responseBody, 404},
		{"/anthropic/v1/responses", responseBody, 404},
		{"/anthropic/api/chat", chatBody, 404},
		{"/api/nothing", chatBody, 404},
	} {
		resp, body, err := do(t, server, request(t, server, http.MethodPost, tt.path, tt.body))
		if err != nil || resp.StatusCode != tt.want {
			t.Errorf("POST %s = %d, %v, want %d: %s", tt.path, resp.StatusCode, err, tt.want, body)
		}
		if tt.want >= 400 {
			checkFault(t, tt.path, body)
		}
	}
	resp, body, err := do(t, server, request(t, server, http.MethodPost, "/v1/messages", messageBody))
	if err != nil || resp.StatusCode != 400 || !strings.Contains(body, "anthropic-version") {
		t.Errorf("messages without anthropic-version: %d %s", resp.StatusCode, body)
	}
}

func TestMethods(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	resp, body, err := do(t, server, request(t, server, http.MethodGet, "/v1/embeddings", ""))
	if err != nil || resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET embeddings = %d, Allow %q: %s", resp.StatusCode, resp.Header.Get("Allow"), body)
	}
	checkFault(t, "/v1/", body)
	for path, want := range map[string]string{
		"/v1/chat/completions": "GET, POST", "/v1/chat/completions/c": "GET, POST, DELETE", "/v1/files": "GET, POST", "/v1/responses/r": "GET, DELETE",
		"/openai/deployments/d/chat/completions": "POST",
	} {
		resp, body, err := do(t, server, request(t, server, http.MethodPut, path, "{}"))
		if err != nil || resp.StatusCode != 405 || resp.Header.Get("Allow") != want {
			t.Errorf("PUT %s = %d, Allow %q, want %q: %s", path, resp.StatusCode, resp.Header.Get("Allow"), want, body)
		}
	}
	resp, body, err = do(t, server, request(t, server, http.MethodGet, "/v1/responses", "", "Connection: Upgrade", "Upgrade: websocket"))
	if err != nil || resp.StatusCode != 426 {
		t.Errorf("WebSocket = %d, want 426: %s", resp.StatusCode, body)
	}
	checkFault(t, "/v1/", body)
}

func TestHeadersThatAGatewayMustKeepBack(t *testing.T) {
	_, strict := serve(t, simulator.Options{Strict: true})
	_, lax := serve(t, simulator.Options{})
	for _, tt := range []struct{ headers, name string }{
		{"Cookie: a=b", "cookie"},
		{"X-Weir-Key: k", "x-weir-key"},
		{"X-Forwarded-For: 1.2.3.4", "x-forwarded-for"},
		{"Forwarded: for=1.2.3.4", "forwarded"},
		{"Proxy-Authorization: Basic x", "proxy-authorization"},
		{"Connection: X-Secret", "x-secret"},
		{"TE: trailers", "te"},
		{"Authorization: Bearer a|api-key: b", "credentials"},
		{"Authorization: Bearer a|Authorization: Bearer b", "authorization"},
	} {
		headers := strings.Split(tt.headers, "|")
		if body := post(t, strict, "/v1/responses", responseBody, 400, headers...); !strings.Contains(body, tt.name) {
			t.Errorf("%s: %s does not name %s", tt.headers, body, tt.name)
		}
		post(t, lax, "/v1/responses", responseBody, 200, headers...)
	}
	post(t, strict, "/v1/responses", responseBody, 200, "Authorization: Bearer a", "api-key: a", "Connection: keep-alive", "OpenAI-Beta: x", "originator: y")
}

func TestBodiesThatAreNotTaken(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(responseBody))
	_ = z.Close()
	for _, tt := range []struct {
		name, body, headers, wantText string
		want                          int
	}{
		{"another type", responseBody, "Content-Type: text/plain", "Content-Type", 415},
		{"no type", responseBody, "Content-Type:", "Content-Type", 415},
		{"gzip", packed.String(), "Content-Encoding: gzip", "gzip", 415},
		{"a type with parameters", responseBody, "Content-Type: application/json; charset=utf-8", "", 200},
		{"empty", " ", "", "JSON", 400},
		{"an array", "[]", "", "an array", 400},
		{"cut off", `{"model":"m","input"`, "", "offset 20", 400},
		{"two values", responseBody + "{}", "", "offset 26", 400},
		{"not UTF-8", "{\"model\":\"\xff\"}", "", "UTF-8", 400},
		{"a byte order mark", "\uFEFF" + responseBody, "", "JSON", 400},
		{"a name twice", `{"model":"a","input":"x","model":"b"}`, "", "model", 400},
		{"a name twice, escaped", `{"model":"a","input":"x","\u006dodel":"b"}`, "", "model", 400},
		{"another case", `{"Model":"a","input":"x"}`, "", "model", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, server, http.MethodPost, "/v1/responses", tt.body)
			if name, text, ok := strings.Cut(tt.headers, ":"); ok {
				r.Header.Set(name, strings.TrimSpace(text))
			}
			resp, body, err := do(t, server, r)
			if err != nil || resp.StatusCode != tt.want || !strings.Contains(body, tt.wantText) {
				t.Errorf("%d %v, want %d with %q: %s", resp.StatusCode, err, tt.want, tt.wantText, body)
			}
		})
	}
}

func TestShapesThatAreRefused(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	const (
		chat      = `"model":"m","messages":[{"role":"user","content":"x"}],`
		messages  = `"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],`
		responses = `"model":"m","input":"x",`
	)
	for _, tt := range []struct{ path, body, param string }{
		{"/v1/chat/completions", `"messages":[{"role":"user","content":"x"}]`, "model"},
		{"/v1/chat/completions", `"model":7,"messages":[{"role":"user","content":"x"}]`, "model"},
		{"/v1/chat/completions", `"model":"m"`, "messages"},
		{"/v1/chat/completions", `"model":"m","messages":[]`, "messages"},
		{"/v1/chat/completions", `"model":"m","messages":"x"`, "messages"},
		{"/v1/chat/completions", `"model":"m","messages":["x"]`, "messages[0]"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"me","content":"x"}]`, "messages[0].role"},
		{"/v1/chat/completions", `"model":"m","messages":[{"content":"x"}]`, "messages[0].role"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"user"}]`, "messages[0].content"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"user","content":{}}]`, "messages[0].content"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]`, "messages[0].content[0].type"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"tool","content":"x"}]`, "messages[0].tool_call_id"},
		{"/v1/chat/completions", `"model":"m","messages":[{"role":"tool","tool_call_id":"c","content":"x"}]`, "messages[0].role"},
		{"/v1/chat/completions", chat + `"stream":"yes"`, "stream"},
		{"/v1/chat/completions", chat + `"stream_options":{}`, "stream_options"},
		{"/v1/chat/completions", chat + `"n":0`, "n"},
		{"/v1/chat/completions", chat + `"n":1.5`, "n"},
		{"/v1/chat/completions", chat + `"max_tokens":-1`, "max_tokens"},
		{"/v1/chat/completions", chat + `"temperature":2.5`, "temperature"},
		{"/v1/chat/completions", chat + `"temperature":"hot"`, "temperature"},
		{"/v1/chat/completions", chat + `"logprobs":true`, "logprobs"},
		{"/v1/chat/completions", chat + `"tools":{}`, "tools"},
		{"/v1/chat/completions", chat + `"tools":[{"type":"function"}]`, "tools[0].function.name"},
		{"/v1/chat/completions", chat + `"tools":[{"type":"web_search"}]`, "tools[0].type"},
		{"/v1/chat/completions", chat + `"tool_choice":"required"`, "tool_choice"},
		{"/v1/chat/completions", chat + `"tool_choice":"must"`, "tool_choice"},
		{"/v1/chat/completions", chat + `"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}`, "tool_choice"},
		{"/v1/chat/completions", chat + `"response_format":{"type":"xml"}`, "response_format.type"},
		{"/v1/chat/completions", chat + `"response_format":{"type":"json_schema","json_schema":{"name":"n"}}`, "response_format.json_schema.schema"},
		{"/v1/completions", `"model":"m"`, "prompt"},
		{"/v1/completions", `"model":"m","n":100,"prompt":["` + strings.Repeat(`x","`, 30) + `"]`, "n"},
		{"/v1/embeddings", `"model":"m","input":["` + strings.Repeat(`x","`, 2048) + `"]`, "input"},
		{"/v1/chat/completions", chat + `"tools":[` + strings.Repeat(`{"type":"function","function":{"name":"f"}},`, 4096) + `{"type":"function","function":{"name":"f"}}]`, "tools"},
		{"/v1/completions", `"model":"m","prompt":[]`, "prompt"},
		{"/v1/completions", `"model":"m","prompt":[{}]`, "prompt"},
		{"/v1/embeddings", `"model":"m"`, "input"},
		{"/v1/embeddings", `"model":"m","input":"x","encoding_format":"hex"`, "encoding_format"},
		{"/v1/embeddings", `"model":"m","input":"x","dimensions":0`, "dimensions"},
		{"/v1/responses", `"input":"x"`, "model"},
		{"/v1/responses", `"model":"m"`, "input"},
		{"/v1/responses", `"model":"m","input":7`, "input"},
		{"/v1/responses", `"model":"m","input":[7]`, "input[0]"},
		{"/v1/responses", `"model":"m","input":[{}]`, "input[0].type"},
		{"/v1/responses", `"model":"m","input":[{"role":"tool","content":"x"}]`, "input[0].role"},
		{"/v1/responses", `"model":"m","input":[{"role":"user"}]`, "input[0].content"},
		{"/v1/responses", `"model":"m","input":[{"type":"function_call_output","call_id":"c","output":"x"}]`, "input"},
		{"/v1/responses", responses + `"max_output_tokens":0`, "max_output_tokens"},
		{"/v1/moderations", `"model":"m"`, "input"},
		{"/v1/moderations", `"input":[{"type":"video"}]`, "input[0].type"},
		{"/v1/moderations", `"input":[{"type":"image_url"}]`, "input[0].image_url.url"},
		{"/v1/images/generations", `"model":"m"`, "prompt"},
		{"/v1/images/generations", `"model":"m","prompt":"p","size":"1x1"`, "size"},
		{"/v1/images/generations", `"model":"m","prompt":"p","n":"1"`, "n"},
		{"/v1/images/generations", `"prompt":"p","stream":true`, "stream"},
		{"/v1/images/edits", `"model":"m","prompt":"p"`, "images"},
		{"/v1/images/edits", `"model":"m","prompt":"p","images":[{"image_url":"x","file_id":"y"}]`, "images[0]"},
		{"/v1/audio/speech", `"input":"x","voice":"v"`, "model"},
		{"/v1/audio/speech", `"model":"m","voice":"v"`, "input"},
		{"/v1/audio/speech", `"model":"m","input":"x"`, "voice"},
		{"/v1/audio/speech", `"model":"m","input":"x","voice":{}`, "id"},
		{"/v1/audio/speech", `"model":"m","input":"x","voice":"v","response_format":"midi"`, "response_format"},
		{"/v1/audio/speech", `"model":"tts-1","input":"x","voice":"v","stream_format":"sse"`, "stream_format"},
		{"/v1/responses", responses + `"tools":[{}]`, "tools[0].type"},
		{"/v1/responses", responses + `"tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]`, "tools[0].tools[0].name"},
		{"/v1/responses", responses + `"tool_choice":{"type":"function","name":"f"}`, "tool_choice"},
		{"/v1/responses", responses + `"store":"no"`, "store"},
		{"/v1/responses", responses + `"text":{"format":{"type":"yaml"}}`, "text.format.type"},
		{"/v1/messages", `"model":"m","messages":[{"role":"user","content":"x"}]`, "max_tokens"},
		{"/v1/messages", `"model":"m","max_tokens":1,"messages":[]`, "messages"},
		{"/v1/messages", `"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"x"}]`, "messages.0.role"},
		{"/v1/messages", `"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"text":"x"}]}]`, "messages.0.content.0.type"},
		{"/v1/messages", `"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}]`, "messages.0.content.0"},
		{"/v1/messages", messages + `"system":7`, "system"},
		{"/v1/messages", messages + `"tools":[{"name":"f"}]`, "tools.0.input_schema"},
		{"/v1/messages", messages + `"tool_choice":{"type":"any"}`, "tool_choice"},
		{"/v1/messages", messages + `"temperature":1.5`, "temperature"},
		{"/api/chat", `"messages":[{"role":"user","content":"x"}]`, "model"},
		{"/api/chat", `"model":"m","messages":[{"role":"user","content":["x"]}]`, "content"},
		{"/api/chat", `"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]`, "arguments"},
	} {
		body := post(t, server, tt.path, "{"+tt.body+"}", http.StatusBadRequest)
		checkFault(t, tt.path, body)
		got := str(decode(t, body), "error", "param")
		if tt.path == "/v1/messages" || tt.path == "/api/chat" {
			got, _, _ = strings.Cut(str(decode(t, body), "error", "message")+str(decode(t, body), "error"), ":")
		}
		if got != tt.param {
			t.Errorf("POST %s {%s}: blames %q, want %q: %s", tt.path, tt.body, got, tt.param, body)
		}
	}
}

func TestABodyThatIsTooLargeIsRefusedUnread(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	conn := dial(t, server.URL)
	fmt.Fprintf(conn, "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", 64<<20+1)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
}

func TestAHostedToolCannotBeForced(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	body := `{"model":"m","input":"x","tools":[{"type":"web_search"}],"tool_choice":"required"}`
	if got := readResponses(t, post(t, server, "/v1/responses", body, http.StatusOK)).Text; got != "echo: x" {
		t.Errorf("text = %q", got)
	}
}

func TestUnknownMembersAreTaken(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	for path, body := range map[string]string{
		"/v1/chat/completions": chatBody, "/v1/responses": responseBody, "/v1/messages": messageBody,
		"/v1/completions": `{"model":"m","prompt":"x"}`, "/v1/embeddings": `{"model":"m","input":"x"}`,
	} {
		post(t, server, path, strings.TrimSuffix(body, "}")+`,"from_the_future":{"a":[1,{"model":"b"}]}}`, http.StatusOK)
	}
}

func TestAForcedCallFitsItsSchema(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	const schema = `{"type":"object","required":["s","i","e","a","o","u","r","n","d"],"properties":{"skipped":{"type":"string"},` +
		`"s":{"type":"string"},"i":{"type":"integer","minimum":3},"e":{"enum":["x","y"]},"a":{"type":"array","minItems":2,"items":{"type":"boolean"}},` +
		`"o":{"type":"object","required":["c"],"properties":{"c":{"const":7}}},"u":{"anyOf":[{"type":"null"},{"type":"string"}]},` +
		`"r":{"$ref":"#/$defs/r"},"n":{"type":["number","null"]},"d":{"type":"string","format":"date"}},` +
		`"$defs":{"r":{"type":"object","required":["again"],"properties":{"again":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/r"}]}}}}}`
	const want = `{"s":"sim","i":3,"e":"x","a":[false,false],"o":{"c":7},"u":null,"r":{"again":"sim"},"n":0,"d":"2026-01-02"}`
	ask := func(prompt, choice string) string {
		return fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":%q}],"tool_choice":%s,`+
			`"tools":[{"type":"function","function":{"name":"f","parameters":%s}},{"type":"function","function":{"name":"g"}}]}`, prompt, choice, schema)
	}
	for _, tt := range []struct{ prompt, choice, want string }{
		{"x", `"required"`, "f " + want},
		{"x", `{"type":"function","function":{"name":"g"}}`, "g {}"},
		{`call f {} call g {"b":1}`, `{"type":"function","function":{"name":"g"}}`, `g {"b":1}`},
	} {
		got := readChat(t, post(t, server, "/v1/chat/completions", ask(tt.prompt, tt.choice), http.StatusOK)).Calls
		if len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s with %s: calls %q, want %q", tt.prompt, tt.choice, got, tt.want)
		}
	}
	format := `{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":` + schema + `}}}`
	if got := readChat(t, post(t, server, "/v1/chat/completions", format, http.StatusOK)).Text; got != want {
		t.Errorf("json_schema: %s, want %s", got, want)
	}
	format = `{"model":"m","input":"x \"y\"","text":{"format":{"type":"json_object"}}}`
	if got := readResponses(t, post(t, server, "/v1/responses", format, http.StatusOK)).Text; got != `{"echo":"x \"y\""}` {
		t.Errorf("json_object: %s", got)
	}
}
