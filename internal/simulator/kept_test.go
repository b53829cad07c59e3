package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

func TestChatCompletionsAreKept(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	const root = "/v1/chat/completions"
	body := `{"model":"m","n":2,"messages":[{"role":"system","content":"s"},{"role":"user","name":"me","content":[{"type":"text","text":"think call f {} call f {}"}]}],"tools":[{"type":"function","function":{"name":"f"}}]`
	made := post(t, server, root, body+`,"store":true,"metadata":{"k":"v"}}`, http.StatusOK)
	id := str(decode(t, made), "id")
	want := strings.TrimSuffix(compact(t, made), "}") + `,"metadata":{"k":"v"}}`
	if diff := cmp.Diff(want, compact(t, ask(t, server, "GET", root+"/"+id, "", http.StatusOK))); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	if r := last(t, sim); r.Operation != "chat_object" || r.Usage != nil {
		t.Errorf("served %+v", r)
	}
	// A stream is kept as the whole answer that it was.
	list := events(t, post(t, server, root, `{"model":"m2","stream":true,"store":true,"messages":[{"role":"user","content":"call f {}"}],"tools":[{"type":"function","function":{"name":"f"}}]}`, http.StatusOK))
	streamed := decode(t, ask(t, server, "GET", root+"/"+str(list[0].data, "id"), "", http.StatusOK))
	if got, want := str(streamed, "choices", 0, "message", "tool_calls", 0, "id"), str(list[1].data, "choices", 0, "delta", "tool_calls", 0, "id"); got != want || got == "" {
		t.Errorf("the call's id is %q, and was %q in the stream", got, want)
	}
	post(t, server, root, body+`}`, http.StatusOK) // is not kept

	for query, want := range map[string]string{
		"": "m m2 ", "?order=desc": "m2 m ", "?model=m": "m ", "?model=other": "", "?metadata[k]=v": "m ", "?metadata[k]=w": "", "?limit=1": "m ", "?after=" + id: "m2 ",
	} {
		v := decode(t, ask(t, server, "GET", root+query, "", http.StatusOK))
		got := ""
		data, _ := v["data"].([]any)
		for _, e := range data {
			got += str(e, "model") + " "
		}
		if got != want || v["has_more"] != (query == "?limit=1") {
			t.Errorf("list%s = %q, more %v, want %q", query, got, v["has_more"], want)
		}
	}
	messages := compact(t, ask(t, server, "GET", root+"/"+id+"/messages", "", http.StatusOK))
	want = `{"object":"list","data":[{"id":"ID-0","role":"system","content":"s","content_parts":null,"name":null,"refusal":null},` +
		`{"id":"ID-1","role":"user","content":null,"content_parts":[{"type":"text","text":"think call f {} call f {}"}],"name":"me","refusal":null}],"first_id":"ID-0","last_id":"ID-1","has_more":false}`
	if diff := cmp.Diff(strings.ReplaceAll(want, "ID", id), messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if v := decode(t, post(t, server, root+"/"+id, `{"metadata":{"k":"w"}}`, http.StatusOK)); str(v, "metadata", "k") != "w" {
		t.Errorf("changed = %v", v["metadata"])
	}
	if v := decode(t, ask(t, server, "GET", root+"/"+id, "", http.StatusOK)); str(v, "metadata", "k") != "w" {
		t.Errorf("after the change: %v", v["metadata"])
	}
	post(t, server, root+"/"+id, `{}`, http.StatusBadRequest)
	if got := compact(t, ask(t, server, "DELETE", root+"/"+id, "", http.StatusOK)); got != `{"id":"`+id+`","object":"chat.completion.deleted","deleted":true}` {
		t.Errorf("deleted = %s", got)
	}
	for _, method := range []string{"GET", "DELETE"} {
		checkFault(t, root, ask(t, server, method, root+"/"+id, "", http.StatusNotFound))
	}
	ask(t, server, "GET", root+"/"+id+"/messages", "", http.StatusNotFound)
	post(t, server, root+"/"+id, `{"metadata":{}}`, http.StatusNotFound)
}

// upload is a file to be kept.
var upload = []field{{"purpose", "batch", ""}, {"file", sound, "a.jsonl"}, {"expires_after[anchor]", "created_at", ""}, {"expires_after[seconds]", "3600", ""}} // immutable

func TestFilesAreKept(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	for root, version := range map[string]string{"/v1/files": "", "/openai/v1/files": "", "/openai/files": "?api-version=2024-10-21"} {
		body, _ := postForm(t, server.URL, server.Client(), root+version, upload, http.StatusOK)
		v := decode(t, body)
		if num(v, "bytes") != len(sound) || str(v, "filename") != "a.jsonl" || str(v, "purpose") != "batch" || num(v, "expires_at") != num(v, "created_at")+3600 {
			t.Errorf("uploaded = %s", body)
		}
		path := root + "/" + str(v, "id")
		if got := ask(t, server, "GET", path+version, "", http.StatusOK); got != body {
			t.Errorf("GET = %s, want %s", got, body)
		}
		if got := ask(t, server, "GET", path+"/content"+version, "", http.StatusOK); got != sound {
			t.Errorf("content = %q", got)
		}
		if r := last(t, sim); r.Operation != "files" {
			t.Errorf("served %+v", r)
		}
		more := "?"
		if version != "" {
			more = version + "&"
		}
		for query, want := range map[string]int{"": 1, "purpose=batch": 1, "purpose=vision": 0} {
			v := decode(t, ask(t, server, "GET", root+more+query, "", http.StatusOK))
			if data, _ := v["data"].([]any); len(data) != want {
				t.Errorf("list %s = %v, want %d", query, v, want)
			}
		}
		ask(t, server, "DELETE", path+version, "", http.StatusOK)
		for _, rest := range []string{"", "/content"} {
			checkFault(t, root, ask(t, server, "GET", path+rest+version, "", http.StatusNotFound))
		}
	}
	for _, tt := range []struct {
		list  []field
		param string
	}{
		{upload[:1], "file"},
		{upload[1:2], "purpose"},
		{[]field{upload[1], {"purpose", "fun", ""}}, "purpose"},
		{[]field{upload[0], upload[1], {"expires_after[seconds]", "1", ""}}, "expires_after[seconds]"},
		{[]field{upload[0], upload[1], {"model", "m", ""}}, "model"},
	} {
		body, _ := postForm(t, server.URL, server.Client(), "/v1/files", tt.list, http.StatusBadRequest)
		if got := str(decode(t, body), "error", "param"); got != tt.param {
			t.Errorf("%v blames %q, want %q", tt.list, got, tt.param)
		}
	}
}
