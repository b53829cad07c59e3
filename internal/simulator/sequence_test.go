package simulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkSequence checks a Responses stream against the rules every one keeps,
// and returns the final response: numbers are dense, an item is added before
// its deltas and done after them, the deltas joined are what is done, and the
// output of the final response is what the items were when done.
func checkSequence(t *testing.T, list []event) any {
	t.Helper()
	joined := make(map[string]string) // item and kind of delta
	added, done := make(map[int]string), []any{}
	for i, e := range list {
		if str(e.data, "type") != e.name {
			t.Errorf("event %d: type %q in an event named %q", i, str(e.data, "type"), e.name)
		}
		if got := num(e.data, "sequence_number"); got != i || at(e.data, "sequence_number") == nil {
			t.Errorf("event %d (%s): sequence_number %d", i, e.name, got)
		}
		index, id := num(e.data, "output_index"), str(e.data, "item_id")
		if id != "" && (added[index] != id || len(done) > index) {
			t.Errorf("event %d (%s) is about item %s at %d, which is not open", i, e.name, id, index)
		}
		switch kind, part, _ := cutLast(e.name); {
		case e.name == "response.output_item.added":
			if index != len(done) {
				t.Errorf("event %d adds item %d, want %d", i, index, len(done))
			}
			added[index] = str(e.data, "item", "id")
		case e.name == "response.output_item.done":
			if added[index] != str(e.data, "item", "id") || index != len(done) {
				t.Errorf("event %d finishes item %d, which is not open", i, index)
			}
			done = append(done, at(e.data, "item"))
		case part == "delta":
			joined[id+kind] += str(e.data, "delta")
		case part == "done" && !strings.HasSuffix(kind, "_part"):
			whole := str(e.data, "text") + str(e.data, "arguments") + str(e.data, "input")
			if got := joined[id+kind]; got != whole {
				t.Errorf("event %d (%s): deltas joined are %q, done says %q", i, e.name, got, whole)
			}
		}
	}
	first, last := list[0], list[len(list)-1]
	if first.name != "response.created" || list[1].name != "response.in_progress" {
		t.Errorf("stream begins with %s, %s", first.name, list[1].name)
	}
	if str(first.data, "response", "status") != "in_progress" || at(first.data, "response", "usage") != nil {
		t.Errorf("first response = %s, want in progress without usage", first.text)
	}
	if diff := cmp.Diff(at(last.data, "response", "output"), any(done)); diff != "" {
		t.Errorf("items (-final output +done):\n%s", diff)
	}
	return at(last.data, "response")
}

// cutLast splits a name at its last dot.
func cutLast(name string) (before, after string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// codexInput is the input of a coding agent: several user messages, tools as
// an input item.
const codexInput = `[{"type":"additional_tools","role":"developer","id":"at_1","tools":[` +
	`{"type":"namespace","name":"shell","description":"","tools":[{"type":"function","name":"run","parameters":{"type":"object"}},{"type":"custom","name":"patch"}]}]},` +
	`{"type":"message","role":"developer","content":[{"type":"input_text","text":"rules"}]},` +
	`{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]},` +
	`{"type":"unknown_item","x":1},` +
	`{"type":"message","role":"user","content":[{"type":"input_text","text":"ignored"},{"type":"input_text","text":PROMPT}]}TAIL]`

func TestToolsOfCodingAgents(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	for _, tt := range []struct {
		name, prompt, tail, tools string
		want                      []string // of the output items, JSON without ids
	}{
		{
			"custom tool of a namespace", "call patch <<<*** Begin\n+ é\n*** End>>>", "", "",
			[]string{`{"input":"*** Begin\n+ é\n*** End","name":"patch","namespace":"shell","status":"completed","type":"custom_tool_call"}`},
		},
		{
			"function by its full name", `call shell.run {"cmd":["ls"]}`, "", "",
			[]string{`{"arguments":"{\"cmd\":[\"ls\"]}","name":"run","namespace":"shell","status":"completed","type":"function_call"}`},
		},
		{
			"custom tool at top level", "call apply_patch <<<x>>>", "", `,"tools":[{"type":"custom","name":"apply_patch"},{"type":"web_search"}]`,
			[]string{`{"input":"x","name":"apply_patch","status":"completed","type":"custom_tool_call"}`},
		},
		{
			"arguments that are not JSON", "call run <<<{broken>>>", "", "",
			[]string{`{"arguments":"{broken","name":"run","namespace":"shell","status":"completed","type":"function_call"}`},
		},
		{
			"only one call at a time", `call run {} call run {"a":1}`, "", `,"parallel_tool_calls":false`,
			[]string{`{"arguments":"{}","name":"run","namespace":"shell","status":"completed","type":"function_call"}`},
		},
		{
			"outputs of tools", "call run {}", `,{"type":"function_call","call_id":"1","name":"run","arguments":"{}"},` +
				`{"type":"custom_tool_call","call_id":"2","name":"patch","input":""},` +
				`{"type":"function_call_output","call_id":"1","output":"one"},{"type":"custom_tool_call_output","call_id":"2","output":[{"type":"input_text","text":"two"}]}`, "",
			[]string{`{"content":[{"annotations":[],"logprobs":[],"text":"tool said: one\ntool said: two","type":"output_text"}],"role":"assistant","status":"completed","type":"message"}`},
		},
		{
			"no call allowed", "call run {}", "", `,"tool_choice":"none"`,
			[]string{`{"content":[{"annotations":[],"logprobs":[],"text":"echo: call run {}","type":"output_text"}],"role":"assistant","status":"completed","type":"message"}`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			input := strings.NewReplacer("PROMPT", encode(t, tt.prompt), "TAIL", tt.tail).Replace(codexInput)
			body := `{"model":"gpt-5.5","store":false,"input":` + input + tt.tools
			response := checkSequence(t, events(t, post(t, server, "/v1/responses", body+`,"stream":true}`, http.StatusOK)))
			whole := decode(t, post(t, server, "/v1/responses", body+`}`, http.StatusOK))
			for form, v := range map[string]any{"stream": response, "whole": whole} {
				var got []string
				items, _ := at(v, "output").([]any)
				for _, item := range items {
					m, _ := item.(map[string]any)
					delete(m, "id")
					delete(m, "call_id")
					got = append(got, encode(t, m))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: output (-want +got):\n%s", form, diff)
				}
			}
		})
	}
}

func TestResponsesEchoTheirSettings(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	body := `{"model":"m","input":"x","instructions":"be\nbrief","temperature":0.25,"metadata":{"k":"v"},"max_output_tokens":50,` +
		`"tool_choice":"none","reasoning":{"effort":"high"},"store":false,"text":{"format":{"type":"text"}},` +
		`"tools":[ {"type":"function", "name":"f","parameters":{"properties":{"usage":{"input_tokens":7}}}} ]}`
	v := decode(t, post(t, server, "/v1/responses", body, http.StatusOK))
	got := encode(t, map[string]any{
		"instructions": v["instructions"], "temperature": v["temperature"], "metadata": v["metadata"], "max": v["max_output_tokens"],
		"choice": v["tool_choice"], "reasoning": v["reasoning"], "store": v["store"], "text": v["text"], "tools": v["tools"],
	})
	want := `{"choice":"none","instructions":"be\nbrief","max":50,"metadata":{"k":"v"},"reasoning":{"effort":"high","summary":null},"store":false,` +
		`"temperature":0.25,"text":{"format":{"type":"text"},"verbosity":"medium"},` +
		`"tools":[{"description":null,"name":"f","parameters":{"properties":{"usage":{"input_tokens":7}}},"strict":true,"type":"function"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestPreviousResponses(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	first := decode(t, post(t, server, "/v1/responses", `{"model":"m","input":"12345678"}`, http.StatusOK))
	next := decode(t, post(t, server, "/v1/responses", `{"model":"m","previous_response_id":"`+str(first, "id")+`","input":[{"type":"function_call_output","call_id":"c","output":"1234"}]}`, http.StatusOK))
	// 8 bytes asked, 14 ("echo: 12345678") answered as 4 tokens, 4 bytes more.
	if got := num(next, "usage", "input_tokens"); got != 7 {
		t.Errorf("input tokens of a continued response = %d, want 7", got)
	}
	for name, id := range map[string]string{"unknown": "resp_unknown", "not stored": str(decode(t, post(t, server, "/v1/responses", `{"model":"m","input":"x","store":false}`, http.StatusOK)), "id")} {
		body := post(t, server, "/v1/responses", `{"model":"m","input":"x","previous_response_id":"`+id+`"}`, http.StatusBadRequest)
		if got := str(decode(t, body), "error", "code"); got != "previous_response_not_found" {
			t.Errorf("%s previous response: code %q, want previous_response_not_found", name, got)
		}
	}
}

func TestSealedReasoningBelongsToItsSimulator(t *testing.T) {
	_, one := serve(t, simulator.Options{Strict: true, Name: "one"})
	_, two := serve(t, simulator.Options{Strict: true, Name: "two"})
	ask := `{"model":"m","input":"think","include":["reasoning.encrypted_content"],"store":false}`
	item := encode(t, at(decode(t, post(t, one, "/v1/responses", ask, http.StatusOK)), "output", 0))
	replay := `{"model":"m","store":false,"input":[` + item + `,{"role":"user","content":"go on"}]}`
	post(t, one, "/v1/responses", replay, http.StatusOK)
	if got := str(decode(t, post(t, two, "/v1/responses", replay, http.StatusBadRequest)), "error", "code"); got != "invalid_encrypted_content" {
		t.Errorf("foreign reasoning: code %q, want invalid_encrypted_content", got)
	}
	block := encode(t, at(decode(t, post(t, one, "/v1/messages", `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"think"}]}`, http.StatusOK)), "content", 0))
	replay = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + block + `]},{"role":"user","content":"b"}]}`
	post(t, one, "/v1/messages", replay, http.StatusOK)
	post(t, two, "/v1/messages", replay, http.StatusBadRequest)
}
