package responses_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestRetellWhole(t *testing.T) {
	const body = `{ "id" : "resp_1", "n": 1.50, "output": [ {"type":"message","id":"msg_1","x":1e2} ], "status": "completed"  }`
	for _, tt := range []struct {
		name, body, parent string
		keep               bool
		want               string
		asked              bool
	}{
		{"kept", body, "", true, `{ "id" : "resp_weir_x", "n": 1.50, "output": [ {"type":"message","id":"msg_1","x":1e2} ], "status": "completed"  ,"previous_response_id":null,"store":true}`, true},
		{"not kept", body, "resp_weir_p", false, `{ "id" : "resp_weir_x", "n": 1.50, "output": [ {"type":"message","id":"msg_1","x":1e2} ], "status": "completed"  ,"previous_response_id":"resp_weir_p","store":false}`, true},
		{"it says so itself", `{"store":false,"previous_response_id":null,"id":"a","status":"incomplete"}`, "p", true, `{"store":true,"previous_response_id":"p","id":"resp_weir_x","status":"incomplete"}`, true},
		{"failed", `{"id":"a","status":"failed","store":true,"previous_response_id":null}`, "", true, `{"id":"resp_weir_x","status":"failed","store":false,"previous_response_id":null}`, false},
		{"empty", `{}`, "", false, `{"id":"resp_weir_x","previous_response_id":null,"store":false}`, true},
		{"no response", `[1]`, "", true, `[1]`, false},
		{"no JSON", `{`, "", true, `{`, false},
	} {
		asked := false
		r := responses.Reteller{ID: "resp_weir_x", Parent: tt.parent, Store: true, Keep: func(e responses.Ended) bool {
			asked = true
			if !strings.Contains(string(e.Body), `"store":true`) || len(e.Output) != strings.Count(tt.body, "msg_1") {
				t.Errorf("%s: kept is %s with %d items", tt.name, e.Body, len(e.Output))
			}
			return tt.keep
		}}
		if got := string(r.Whole([]byte("> "), []byte(tt.body))); got != "> "+tt.want || asked != tt.asked {
			t.Errorf("%s: %s, asked %t; want %s, %t", tt.name, got, asked, tt.want, tt.asked)
		}
	}
}

func TestRetellEvents(t *testing.T) {
	kept := 0
	r := responses.Reteller{ID: "resp_weir_x", Store: true, Keep: func(e responses.Ended) bool {
		kept++
		if len(e.Output) != 1 || string(e.Output[0].Raw) != `{"id":"msg_1","type":"message"}` || e.Status != "completed" {
			t.Errorf("kept with %+v", e)
		}
		return true
	}}
	for _, tt := range []struct{ event, want string }{
		{"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n", "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_weir_x\",\"previous_response_id\":null,\"store\":true}}\n\n"},
		{"data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n", ""},
		{"data: {\"type\":\"response.output_item.done\",\"item\":{\"id\":\"msg_1\",\"type\":\"message\"}}\r\n\r\n", ""},
		{": \"response\"\n\n", ""},
		{"data: \"response\"\n\n", ""},
		{"data: {\"type\":\"response.completed\",\r\ndata:\"response\":{\"id\":\"resp_1\",\"store\":null,\"previous_response_id\":null,\"output\":[]}}\r\n\r\n", "data: {\"type\":\"response.completed\", \"response\":{\"id\":\"resp_weir_x\",\"store\":true,\"previous_response_id\":null,\"output\":[{\"id\":\"msg_1\",\"type\":\"message\"}]}}\r\n\r\n"},
	} {
		got, changed := r.Event(nil, []byte(tt.event))
		if string(got) != tt.want || changed != (tt.want != "") {
			t.Errorf("%q becomes %q, want %q", tt.event, got, tt.want)
		}
	}
	if kept != 1 {
		t.Errorf("kept %d times", kept)
	}
}

// FuzzReteller: whatever an upstream sends, an event stays one, and what of it
// can be read tells the id.
func FuzzReteller(f *testing.F) {
	for _, s := range []string{
		"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"a\",\"output\":[{}]}}\n\n", "data: {\"response\":{}}\n\ndata: {\n\n",
		"event: response.completed\r\ndata:{\"response\":\r\ndata: {\"store\":1,\"id\":{}}}\r\n\r\n", "data: {\"type\":\"response.output_item.done\",\"item\":3}\n\n", "\r\r", "data:\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r := responses.Reteller{ID: "resp_weir_x", Parent: "p", Store: true, Keep: func(responses.Ended) bool { return true }}
		for at := 0; at < len(p); {
			n := responses.EventEnd(p[at:])
			if n <= 0 {
				t.Fatalf("an event of %d bytes", n)
			}
			event := p[at : at+n]
			at += n
			got, changed := r.Event(nil, event)
			if changed && !bytes.Contains(got, []byte("resp_weir_x")) {
				t.Errorf("%q becomes %q", event, got)
			}
		}
		var v map[string]any
		if whole := r.Whole(nil, p); json.Unmarshal(p, &v) == nil && v != nil && !json.Valid(whole) {
			t.Errorf("%q becomes %q, which is not JSON", p, whole)
		}
	})
}

func TestJoin(t *testing.T) {
	item := []byte(`{"kept":1.0}`)
	for _, tt := range []struct {
		name, body string
		joint      responses.Joint
		want       string // or the member that is refused
	}{
		{"a text", `{"model":"m", "previous_response_id":"resp_weir_1", "input" : "hi"}`, responses.Joint{Before: [][]byte{item}}, `{"model":"m", "previous_response_id":null, "input" : [{"kept":1.0},{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],"store":false}`},
		{"items", `{"store":true,"input":[ {"a": 1e3} ,2]}`, responses.Joint{Before: [][]byte{item, item}}, `{"store":false,"input":[{"kept":1.0},{"kept":1.0},{"a": 1e3},2]}`},
		{"a reference", `{"store":false,"input":[{"type":"item_reference","id":"x"},{"b":2}]}`, responses.Joint{Instead: map[int][]byte{0: item}}, `{"store":false,"input":[{"kept":1.0},{"b":2}]}`},
		{"nothing in front", `{"input":"as it is", "x":1.0}`, responses.Joint{}, `{"input":"as it is", "x":1.0,"store":false}`},
		{"no input", `{"previous_response_id":"resp_weir_1"}`, responses.Joint{Before: [][]byte{item}}, `{"previous_response_id":null,"store":false,"input":[{"kept":1.0}]}`},
		{"a conversation", `{"input":"x","conversation":{"id":"c"}}`, responses.Joint{}, "conversation"},
		{"none", `{"input":"x","conversation":null,"background":false}`, responses.Joint{}, `{"input":"x","conversation":null,"background":false,"store":false}`},
		{"no text to go on with", `{"input":"x","previous_response_id":1}`, responses.Joint{}, "previous_response_id"},
		{"neither yes nor no", `{"input":"x","store":"false"}`, responses.Joint{}, "store"},
		{"nothing said", `{"input":"x","store":null,"previous_response_id":null}`, responses.Joint{}, `{"input":"x","store":false,"previous_response_id":null}`},
		{"in the background", `{"input":"x","background":true}`, responses.Joint{}, "background"},
	} {
		got, err := joinOf(tt.body, tt.joint)
		if err != nil {
			got = llmParam(err)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCarry(t *testing.T) {
	const (
		sealed = `{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"weir1.x"}`
		native = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"theirs"}`
		plain  = `{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]}`
		hosted = `{"type":"web_search_call","id":"ws_1"}`
		said   = `{"type":"message","role":"user","content":"x"}`
	)
	maker, reader, other := responses.Carrier{Maker: true}, responses.Carrier{Text: true}, responses.Carrier{}
	for _, tt := range []struct {
		item string
		c    responses.Carrier
		want string
		lost bool
	}{
		{said, other, said, false},
		{native, maker, native, false},
		{native, other, "", true},
		{native, reader, "", true},
		{sealed, maker, "", true},
		{sealed, reader, plain, true},
		{sealed, other, "", true},
		{plain, reader, plain, false},
		{plain, other, "", false},
		{hosted, maker, hosted, false},
		{hosted, other, "", true},
	} {
		if got, lost := tt.c.Carry([]byte(tt.item)); string(got) != tt.want || lost != tt.lost {
			t.Errorf("%s for %+v: %s, lost %t; want %s, %t", tt.item, tt.c, got, lost, tt.want, tt.lost)
		}
	}
}

func joinOf(body string, with responses.Joint) (string, error) {
	edits, err := responses.Join([]byte(body), with)
	return string(jsonscan.Splice(nil, []byte(body), edits...)), err
}

func llmParam(err error) string { return llm.AsError(err).Param }
