package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/realpart"
	"github.com/weir-gateway/weir/internal/simulator"
)

// ask sends a request and returns the body of the answer, which must have the
// wanted status.
func ask(t *testing.T, server *httptest.Server, method, path, body string, want int, headers ...string) string {
	t.Helper()
	resp, got, err := do(t, server, request(t, server, method, path, body, headers...))
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s = %v, %v, want %d: %s", method, path, resp, err, want, got)
	}
	return got
}

func TestResponsesAreKept(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	body := `{"model":"m","input":"think call f {\"a\":1} call f {}",` + responsesBody
	for _, root := range []string{"/v1/responses", "/openai/v1/responses", "/openai/responses"} {
		version := ""
		if root == "/openai/responses" {
			version = "?api-version=2025-04-01-preview"
		}
		made := post(t, server, root+version, body+`}`, http.StatusOK)
		path := root + "/" + str(decode(t, made), "id")
		if diff := cmp.Diff(made, ask(t, server, "GET", path+version, "", http.StatusOK)); diff != "" {
			t.Errorf("GET %s (-made +got):\n%s", path, diff)
		}
		if r := last(t, sim); r.Operation != "response" || r.Usage != nil {
			t.Errorf("served %+v, want an object without usage", r)
		}
		want := `{"id":"` + str(decode(t, made), "id") + `","object":"response","deleted":true}`
		if got := compact(t, ask(t, server, "DELETE", path+version, "", http.StatusOK)); got != want {
			t.Errorf("DELETE = %s, want %s", got, want)
		}
		for _, method := range []string{"GET", "DELETE"} {
			checkFault(t, root, ask(t, server, method, path+version, "", http.StatusNotFound))
		}
	}
	id := str(decode(t, post(t, server, "/v1/responses", `{"model":"m","input":"x","store":false}`, http.StatusOK)), "id")
	for _, tt := range []struct{ method, path string }{
		{"GET", ""}, {"DELETE", ""}, {"GET", "/input_items"}, {"POST", "/cancel"},
	} {
		if got := ask(t, server, tt.method, "/v1/responses/"+id+tt.path, "", http.StatusNotFound); str(decode(t, got), "error", "message") != "Response with id '"+id+"' not found." {
			t.Errorf("%s %s = %s", tt.method, tt.path, got)
		}
	}
	ask(t, server, "GET", "/v1/responses/a/b", "", http.StatusNotFound)
	ask(t, server, "POST", "/v1/responses/a", "{}", http.StatusMethodNotAllowed)
}

func TestStreamsAreResumed(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	for _, extra := range []string{"", `,"background":true`} {
		stream := post(t, server, "/v1/responses", `{"model":"m","stream":true,"input":"think a b c"`+extra+`}`, http.StatusOK)
		list := events(t, stream)
		path := "/v1/responses/" + str(list[0].data, "response", "id")
		if got := ask(t, server, "GET", path+"?stream=true", "", http.StatusOK); got != stream {
			t.Errorf("the whole stream again (-want +got):\n%s", cmp.Diff(stream, got))
		}
		for _, n := range []string{"0", "3", "7"} {
			got := ask(t, server, "GET", path+"?stream=true&starting_after="+n, "", http.StatusOK)
			_, rest, _ := strings.Cut(stream, `"sequence_number":`+n+"}\n\n")
			if got != rest || got == "" {
				t.Errorf("after %s (-want +got):\n%s", n, cmp.Diff(rest, got))
			}
		}
		if got := ask(t, server, "GET", path+"?stream=true&starting_after=999", "", http.StatusOK); got != "" {
			t.Errorf("after the last: %q", got)
		}
		got := ask(t, server, "GET", path+"?stream=true&starting_after=3", "", http.StatusOK, "x-sim-end-early: 2")
		if list := events(t, got); len(list) != 2 || num(list[0].data, "sequence_number") != 4 {
			t.Errorf("two events = %s", got)
		}
		for _, query := range []string{"?starting_after=1", "?stream=yes", "?stream=true&starting_after=-1", "?stream=true&starting_after=x"} {
			ask(t, server, "GET", path+query, "", http.StatusBadRequest)
		}
		if status := str(decode(t, ask(t, server, "GET", path, "", http.StatusOK)), "status"); status != "completed" {
			t.Errorf("status %q", status)
		}
	}
}

func TestResponsesInTheBackground(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	create := func(headers ...string) (path string) {
		t.Helper()
		v := decode(t, post(t, server, "/v1/responses", `{"model":"m","input":"x","background":true}`, http.StatusOK, headers...))
		if output, _ := v["output"].([]any); str(v, "status") != "queued" || len(output) != 0 || v["usage"] != nil || v["background"] != true || v["completed_at"] != nil {
			t.Errorf("created = %v, want it queued and empty", v)
		}
		return "/v1/responses/" + str(v, "id")
	}
	status := func(method, path string, want int) string {
		t.Helper()
		return str(decode(t, ask(t, server, method, path, "", want)), "status")
	}
	path := create()
	if r := last(t, sim); r.Usage != nil || r.FullUsage == nil {
		t.Errorf("served %+v, want usage that nobody was told", r)
	}
	v := decode(t, ask(t, server, "GET", path, "", http.StatusOK))
	if str(v, "status") != "completed" || str(v, "output", 0, "content", 0, "text") != "echo: x" || num(v, "usage", "total_tokens") != 3 {
		t.Errorf("finished = %v", v)
	}
	if got := status("POST", path+"/cancel", http.StatusOK); got != "completed" {
		t.Errorf("a finished one, cancelled: %q", got)
	}
	path = create("x-sim-polls: 2")
	ask(t, server, "GET", path+"/input_items", "", http.StatusOK) // is no look
	for _, want := range []string{"in_progress", "in_progress", "completed"} {
		if got := status("GET", path, http.StatusOK); got != want {
			t.Errorf("status %q, want %q", got, want)
		}
	}
	path = create()
	for range 2 {
		if got := status("POST", path+"/cancel", http.StatusOK); got != "cancelled" {
			t.Errorf("cancelled: %q", got)
		}
	}
	if got := status("GET", path, http.StatusOK); got != "cancelled" {
		t.Errorf("looked at: %q", got)
	}
	ask(t, server, "GET", path+"?stream=true", "", http.StatusBadRequest)
	id := str(decode(t, post(t, server, "/v1/responses", `{"model":"m","input":"x"}`, http.StatusOK)), "id")
	ask(t, server, "POST", "/v1/responses/"+id+"/cancel", "", http.StatusBadRequest)
	ask(t, server, "POST", "/v1/responses", `{"model":"m","input":"x","background":true,"store":false}`, http.StatusBadRequest)
}

func TestInputItemsAreListed(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	made := decode(t, post(t, server, "/v1/responses", `{"model":"m","input":[{"role":"user","content":"one"},{"type":"function_call","id":"fc_1","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"two"},{"role":"user","content":[{"type":"input_text","text":"three"}]}]}`, http.StatusOK))
	path := "/v1/responses/" + str(made, "id") + "/input_items"
	get := func(query string) (kinds string, v map[string]any) {
		t.Helper()
		v = decode(t, ask(t, server, "GET", path+query, "", http.StatusOK))
		data, _ := v["data"].([]any)
		for _, item := range data {
			kinds += str(item, "type") + " "
		}
		return kinds, v
	}
	kinds, v := get("")
	if kinds != "message function_call_output function_call message " || v["has_more"] != false || str(v, "data", 3, "content", 0, "text") != "one" || str(v, "last_id") != str(v, "data", 3, "id") {
		t.Errorf("items = %v", v)
	}
	if kinds, v = get("?order=asc&limit=2"); kinds != "message function_call " || v["has_more"] != true || str(v, "last_id") != "fc_1" {
		t.Errorf("two items = %v", v)
	}
	if kinds, v = get("?order=asc&limit=2&after=fc_1"); kinds != "function_call_output message " || v["has_more"] != false {
		t.Errorf("two more items = %v", v)
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?order=up", "?after=fc_2"} {
		ask(t, server, "GET", path+query, "", http.StatusBadRequest)
	}
}

func TestInputIsCountedAndCompacted(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true, Name: "one"})
	_, other := serve(t, simulator.Options{Strict: true, Name: "two"})
	const input = `"input":[{"role":"user","content":"12345678"},{"role":"assistant","content":"1234"},{"role":"user","content":"last"}]`
	if got := compact(t, post(t, server, "/v1/responses/input_tokens", `{`+input+`}`, http.StatusOK)); got != `{"object":"response.input_tokens","input_tokens":4}` {
		t.Errorf("input tokens = %s", got)
	}
	v := decode(t, post(t, server, "/v1/responses/compact", `{"model":"m",`+input+`}`, http.StatusOK))
	if str(v, "object") != "response.compaction" || str(v, "output", 0, "content", 0, "text") != "last" || num(v, "usage", "input_tokens") != 4 {
		t.Errorf("compaction = %v", v)
	}
	if r := last(t, sim); r.Operation != "compact" || r.Usage == nil || r.Usage.Input != 4 || r.Usage.Output == 0 {
		t.Errorf("served %+v", r)
	}
	replay := `{"model":"m","input":` + encode(t, v["output"]) + `}`
	post(t, server, "/v1/responses", replay, http.StatusOK)
	if got := str(decode(t, post(t, other, "/v1/responses", replay, http.StatusBadRequest)), "error", "code"); got != "invalid_encrypted_content" {
		t.Errorf("foreign compaction: code %q", got)
	}
	post(t, server, "/v1/responses/compact", `{`+input+`}`, http.StatusBadRequest)
	for _, path := range []string{"/openai/responses/compact", "/openai/responses/input_tokens"} {
		post(t, server, path+"?api-version=2025-04-01-preview", `{"model":"m",`+input+`}`, http.StatusNotFound)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	large := `{"model":"m","store":true,"input":"` + strings.Repeat("x", 20<<20) + `"}`
	first := str(decode(t, post(t, server, "/v1/responses", large, http.StatusOK)), "id")
	second := str(decode(t, post(t, server, "/v1/responses", large, http.StatusOK)), "id")
	ask(t, server, "GET", "/v1/responses/"+first, "", http.StatusNotFound)
	ask(t, server, "GET", "/v1/responses/"+second, "", http.StatusOK)
	// What it was is forgotten, how long it was is not.
	post(t, server, "/v1/responses", `{"model":"m","input":"x","previous_response_id":"`+first+`"}`, http.StatusOK)
}

func TestObjectsFitThePublishedSchemas(t *testing.T) {
	openai := load(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	_, server := serve(t, simulator.Options{Strict: true})
	v := post(t, server, "/v1/responses", `{"model":"m","background":true,"input":[{"role":"user","content":"one"},{"role":"assistant","content":"two"},`+
		`{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"x"},`+
		`{"type":"custom_tool_call","call_id":"2","name":"c","input":""},{"type":"custom_tool_call_output","call_id":"2","output":"x"},`+
		`{"type":"reasoning","summary":[]}]}`, http.StatusOK)
	openai.validate(t, "Response", withoutNullUsage(compact(t, v)))
	path := "/v1/responses/" + str(decode(t, v), "id")
	items := ask(t, server, "GET", path+"/input_items", "", http.StatusOK)
	openai.validate(t, "ResponseItemList", items)
	openai.validate(t, "Response", withoutNullUsage(compact(t, ask(t, server, "POST", path+"/cancel", "", http.StatusOK))))
	openai.validate(t, "TokenCountsResource", post(t, server, "/v1/responses/input_tokens", `{"input":"x"}`, http.StatusOK))
	openai.validate(t, "CompactResource", post(t, server, "/v1/responses/compact", `{"model":"m","input":"x"}`, http.StatusOK))
	chat := ask(t, server, "POST", "/v1/chat/completions", `{"model":"m","store":true,"messages":[{"role":"assistant","content":"a"}]}`, http.StatusOK)
	path = "/v1/chat/completions/" + str(decode(t, chat), "id")
	openai.validate(t, "CreateChatCompletionResponse", ask(t, server, "GET", path, "", http.StatusOK))
	openai.validate(t, "ChatCompletionList", ask(t, server, "GET", "/v1/chat/completions", "", http.StatusOK))
	openai.validate(t, "ChatCompletionMessageList", ask(t, server, "GET", path+"/messages", "", http.StatusOK))
	openai.validate(t, "ChatCompletionDeleted", ask(t, server, "DELETE", path, "", http.StatusOK))
	uploaded, _ := postForm(t, server.URL, server.Client(), "/v1/files", upload, http.StatusOK)
	openai.validate(t, "OpenAIFile", uploaded)
	openai.validate(t, "ListFilesResponse", ask(t, server, "GET", "/v1/files", "", http.StatusOK))
	openai.validate(t, "DeleteFileResponse", ask(t, server, "DELETE", "/v1/files/"+str(decode(t, uploaded), "id"), "", http.StatusOK))
	names := eventSchemas()
	for _, e := range events(t, post(t, server, "/v1/responses", `{"model":"m","background":true,"stream":true,"input":"x"}`, http.StatusOK)) {
		openai.validate(t, names[e.name], withoutNullUsage(e.text))
	}
	openai.validate(t, "ErrorResponse", ask(t, server, "GET", "/v1/responses/none", "", http.StatusNotFound))
}
