package simulator_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

// said is what an answer says, whatever its dialect and whether it was whole
// or streamed.
type said struct {
	Reasoning, Text, Finish string
	Calls                   []string // name, a space, input
	Input, Cached           int
	Output, Thought         int
}

// A speaker asks in one dialect and reads the answer.
type speaker struct {
	name string
	ask  func(model, prompt, extra string) (path, body string)
	// whole and stream read an answer; plain finishes are stop, calls, length.
	whole  func(t *testing.T, body string) said
	stream func(t *testing.T, body string) said
}

var speakers = []speaker{ // immutable
	{"chat", askChat, readChat, streamChat},
	{"responses", askResponses, readResponses, streamResponses},
	{"messages", askMessages, readMessages, streamMessages},
	{"ollama", askOllama, readOllama, streamOllama},
}

func askChat(model, prompt, extra string) (path, body string) {
	if strings.Contains(extra, `"stream":true`) {
		extra += `,"stream_options":{"include_usage":true}`
	}
	extra = strings.Replace(extra, `"max":`, `"max_completion_tokens":`, 1)
	return "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"be good"},{"role":"user","content":%q}],`+
		`"tools":[{"type":"function","function":{"name":"f","parameters":{}}},{"type":"function","function":{"name":"g"}}]%s}`, model, prompt, extra)
}

func askResponses(model, prompt, extra string) (path, body string) {
	extra = strings.Replace(extra, `"max":`, `"max_output_tokens":`, 1)
	return "/v1/responses", fmt.Sprintf(`{"model":%q,"instructions":"be good","input":[{"role":"user","content":[{"type":"input_text","text":%q}]}],`+
		`"tools":[{"type":"function","name":"f","parameters":{}},{"type":"function","name":"g"}]%s}`, model, prompt, extra)
}

func askMessages(model, prompt, extra string) (path, body string) {
	if !strings.Contains(extra, `"max":`) {
		extra += `,"max_tokens":1000`
	}
	extra = strings.Replace(extra, `"max":`, `"max_tokens":`, 1)
	return "/v1/messages", fmt.Sprintf(`{"model":%q,"system":"be good","messages":[{"role":"user","content":%q}],`+
		`"tools":[{"name":"f","input_schema":{"type":"object"}},{"name":"g","input_schema":{}}]%s}`, model, prompt, extra)
}

func askOllama(model, prompt, extra string) (path, body string) {
	if !strings.Contains(extra, `"stream"`) {
		extra += `,"stream":false`
	}
	if _, limit, ok := strings.Cut(extra, `"max":`); ok {
		extra = strings.Replace(extra, `"max":`+limit[:1], `"options":{"num_predict":`+limit[:1]+`}`, 1)
	}
	return "/api/chat", fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"be good"},{"role":"user","content":%q}],`+
		`"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]%s}`, model, prompt, extra)
}

func finish(reason string) string {
	switch reason {
	case "tool_calls", "tool_use":
		return "calls"
	case "max_tokens", "incomplete":
		return "length"
	case "end_turn", "completed":
		return "stop"
	}
	return reason
}

func chatUsage(s *said, u any) {
	s.Input, s.Cached = num(u, "prompt_tokens"), num(u, "prompt_tokens_details", "cached_tokens")
	s.Output, s.Thought = num(u, "completion_tokens"), num(u, "completion_tokens_details", "reasoning_tokens")
}

func readChat(t *testing.T, body string) said {
	v := decode(t, body)
	m := at(v, "choices", 0, "message")
	s := said{Reasoning: str(m, "reasoning_content"), Text: str(m, "content"), Finish: finish(str(v, "choices", 0, "finish_reason"))}
	calls, _ := at(m, "tool_calls").([]any)
	for _, c := range calls {
		s.Calls = append(s.Calls, str(c, "function", "name")+" "+str(c, "function", "arguments"))
	}
	chatUsage(&s, at(v, "usage"))
	return s
}

func streamChat(t *testing.T, body string) said {
	var s said
	list := events(t, body)
	if list[len(list)-1].text != "[DONE]" {
		t.Errorf("last event = %s, want [DONE]", list[len(list)-1].text)
	}
	if got := str(list[0].data, "choices", 0, "delta", "role"); got != "assistant" {
		t.Errorf("role of the first chunk = %q, want assistant", got)
	}
	for _, e := range list[:len(list)-1] {
		d := at(e.data, "choices", 0, "delta")
		s.Reasoning += str(d, "reasoning_content")
		s.Text += str(d, "content")
		if c := at(d, "tool_calls", 0); c != nil {
			i := num(c, "index")
			if i == len(s.Calls) {
				s.Calls = append(s.Calls, str(c, "function", "name")+" ")
			}
			s.Calls[i] += str(c, "function", "arguments")
		}
		if f := str(e.data, "choices", 0, "finish_reason"); f != "" {
			s.Finish = finish(f)
		}
		if u := at(e.data, "usage"); u != nil {
			chatUsage(&s, u)
		}
	}
	return s
}

func readResponses(t *testing.T, body string) said { return saidByResponse(decode(t, body)) }

func saidByResponse(v any) said {
	s := said{Finish: finish(str(v, "status"))}
	items, _ := at(v, "output").([]any)
	for _, item := range items {
		switch str(item, "type") {
		case "reasoning":
			s.Reasoning = str(item, "summary", 0, "text")
		case "message":
			s.Text = str(item, "content", 0, "text")
		case "function_call":
			s.Calls = append(s.Calls, str(item, "name")+" "+str(item, "arguments"))
			if s.Finish == "stop" {
				s.Finish = "calls"
			}
		}
	}
	u := at(v, "usage")
	s.Input, s.Cached = num(u, "input_tokens"), num(u, "input_tokens_details", "cached_tokens")
	s.Output, s.Thought = num(u, "output_tokens"), num(u, "output_tokens_details", "reasoning_tokens")
	return s
}

func streamResponses(t *testing.T, body string) said {
	return saidByResponse(checkSequence(t, events(t, body)))
}

func messagesUsage(s *said, u any) {
	s.Cached = num(u, "cache_read_input_tokens")
	s.Input = num(u, "input_tokens") + s.Cached
	s.Output = num(u, "output_tokens")
}

func readMessages(t *testing.T, body string) said {
	v := decode(t, body)
	s := said{Finish: finish(str(v, "stop_reason"))}
	blocks, _ := at(v, "content").([]any)
	for _, b := range blocks {
		s.Reasoning += str(b, "thinking")
		s.Text += str(b, "text")
		if str(b, "type") == "tool_use" {
			s.Calls = append(s.Calls, str(b, "name")+" "+compact(t, encode(t, at(b, "input"))))
		}
	}
	messagesUsage(&s, at(v, "usage"))
	return s
}

func streamMessages(t *testing.T, body string) said {
	var s said
	open, next := -1, 0
	list := events(t, body)
	for i, e := range list {
		if str(e.data, "type") != e.name {
			t.Errorf("event %d: type %q in an event named %q", i, str(e.data, "type"), e.name)
		}
		switch e.name {
		case "message_start":
			messagesUsage(&s, at(e.data, "message", "usage"))
		case "content_block_start":
			if open >= 0 || num(e.data, "index") != next {
				t.Errorf("event %d starts block %d, want %d with none open", i, num(e.data, "index"), next)
			}
			open = next
			if str(e.data, "content_block", "type") == "tool_use" {
				s.Calls = append(s.Calls, str(e.data, "content_block", "name")+" ")
			}
		case "content_block_delta":
			if num(e.data, "index") != open {
				t.Errorf("event %d is a delta of block %d, want %d", i, num(e.data, "index"), open)
			}
			s.Reasoning += str(e.data, "delta", "thinking")
			s.Text += str(e.data, "delta", "text")
			if piece := str(e.data, "delta", "partial_json"); piece != "" {
				s.Calls[len(s.Calls)-1] += piece
			}
		case "content_block_stop":
			open, next = -1, next+1
		case "message_delta":
			s.Finish = finish(str(e.data, "delta", "stop_reason"))
			messagesUsage(&s, at(e.data, "usage"))
		}
	}
	if first, last := list[0].name, list[len(list)-1].name; first != "message_start" || last != "message_stop" {
		t.Errorf("stream runs from %s to %s, want message_start to message_stop", first, last)
	}
	return s
}

func readOllama(t *testing.T, body string) said {
	v := decode(t, body)
	s := said{Reasoning: str(v, "message", "thinking"), Text: str(v, "message", "content"), Finish: finish(str(v, "done_reason"))}
	calls, _ := at(v, "message", "tool_calls").([]any)
	for _, c := range calls {
		s.Calls = append(s.Calls, str(c, "function", "name")+" "+compact(t, encode(t, at(c, "function", "arguments"))))
		s.Finish = "calls"
	}
	s.Input, s.Output = num(v, "prompt_eval_count"), num(v, "eval_count")
	return s
}

func streamOllama(t *testing.T, body string) said {
	var s said
	for line := range strings.Lines(body) {
		one := readOllama(t, line)
		s.Reasoning += one.Reasoning
		s.Text += one.Text
		s.Calls = append(s.Calls, one.Calls...)
		s.Finish, s.Input, s.Output = one.Finish, one.Input, one.Output
	}
	if len(s.Calls) > 0 {
		s.Finish = "calls"
	}
	return s
}

func TestEveryDialectSaysTheSameWholeAndStreamed(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	for _, tt := range []struct {
		name, model, prompt, extra string
		want                       said
	}{
		{"text", "sim-1", "hello", ``, said{Text: "echo: hello", Finish: "stop", Input: 3, Output: 3}},
		{
			"text that needs quotes", "sim-1", `a "b" \ <c> & ä 世 😀`, ``,
			said{Text: `echo: a "b" \ <c> & ä 世 😀`, Finish: "stop", Input: 8, Output: 8},
		},
		{
			"reasoning", "sim-1", "please think", ``,
			said{Reasoning: "thinking about: please think", Text: "echo: please think", Finish: "stop", Input: 5, Output: 12, Thought: 7},
		},
		{"reasoning by model", "sim-think", "x", ``, said{Reasoning: "thinking about: x", Text: "echo: x", Finish: "stop", Input: 2, Output: 7, Thought: 5}},
		{"one call", "sim-1", `call f {"a": "b c"}`, ``, said{Finish: "calls", Calls: []string{`f {"a":"b c"}`}, Input: 7, Output: 3}},
		{"parallel calls", "sim-1", `call f {"a":1} and call g {} then`, ``, said{Finish: "calls", Calls: []string{`f {"a":1}`, `g {}`}, Input: 10, Output: 3}},
		{"a tool that is not offered", "sim-1", `call h {}`, ``, said{Text: "echo: call h {}", Finish: "stop", Input: 4, Output: 4}},
		{"limited", "sim-1", "a long text", `,"max":2`, said{Text: "echo: a ", Finish: "length", Input: 5, Output: 2}},
		{"cached", "sim-cached", "0123456789", ``, said{Text: "echo: 0123456789", Finish: "stop", Input: 5, Cached: 2, Output: 4}},
	} {
		for _, sp := range speakers {
			t.Run(tt.name+"/"+sp.name, func(t *testing.T) {
				want := tt.want
				if sp.name == "messages" || sp.name == "ollama" {
					want.Thought = 0 // these do not tell
				}
				if sp.name == "ollama" {
					want.Cached = 0
				}
				path, body := sp.ask(tt.model, tt.prompt, tt.extra)
				whole := post(t, server, path, body, http.StatusOK)
				if diff := cmp.Diff(want, sp.whole(t, whole)); diff != "" {
					t.Errorf("whole answer (-want +got):\n%s\n%s", diff, whole)
				}
				path, body = sp.ask(tt.model, tt.prompt, tt.extra+`,"stream":true`)
				stream := post(t, server, path, body, http.StatusOK)
				if diff := cmp.Diff(want, sp.stream(t, stream)); diff != "" {
					t.Errorf("stream (-want +got):\n%s\n%s", diff, stream)
				}
				wantUsage := simulator.Usage{Input: tt.want.Input, Cached: tt.want.Cached, Output: tt.want.Output, Reasoning: tt.want.Thought}
				report := sim.Served()
				for _, r := range report.Requests[len(report.Requests)-2:] {
					if r.Usage == nil || *r.Usage != wantUsage || r.Ended != "complete" {
						t.Errorf("served %+v ended %q, want %+v complete", r.Usage, r.Ended, wantUsage)
					}
				}
			})
		}
	}
}

func TestCompletions(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	body := `{"model":"sim-1","prompt":["one","two"],"n":2`
	v := decode(t, post(t, server, "/v1/completions", body+`}`, http.StatusOK))
	var whole, streamed []string
	for i := range 4 {
		whole = append(whole, str(v, "choices", i, "text"))
	}
	if diff := cmp.Diff([]string{"echo: one", "echo: one (choice 1)", "echo: two", "echo: two (choice 1)"}, whole); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
	streamed = make([]string, 4)
	var usage any
	for _, e := range events(t, post(t, server, "/v1/completions", body+`,"stream":true,"stream_options":{"include_usage":true}}`, http.StatusOK)) {
		if at(e.data, "choices", 0) != nil {
			streamed[num(e.data, "choices", 0, "index")] += str(e.data, "choices", 0, "text")
		}
		if u := at(e.data, "usage"); u != nil {
			usage = u
		}
	}
	if diff := cmp.Diff(whole, streamed); diff != "" {
		t.Errorf("streamed choices (-whole +streamed):\n%s", diff)
	}
	if diff := cmp.Diff(at(v, "usage"), usage); diff != "" || num(usage, "prompt_tokens") != 2 {
		t.Errorf("usage (-whole +streamed):\n%s", diff)
	}
}

func TestChatChoicesInterleave(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	body := `{"model":"sim-1","n":3,"stream":true,"messages":[{"role":"user","content":"a b c"}]}`
	var order []int
	texts := make([]string, 3)
	for _, e := range events(t, post(t, server, "/v1/chat/completions", body, http.StatusOK)) {
		if at(e.data, "usage") != nil {
			t.Errorf("usage in a stream that did not ask for it: %s", e.text)
		}
		if text := str(e.data, "choices", 0, "delta", "content"); text != "" {
			i := num(e.data, "choices", 0, "index")
			order = append(order, i)
			texts[i] += text
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2, 0, 1, 2}, order[:6]); diff != "" {
		t.Errorf("order of choices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"echo: a b c", "echo: a b c (choice 1)", "echo: a b c (choice 2)"}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func TestAzureStreamsBeginWithThePromptFilter(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	body := `{"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	list := events(t, post(t, server, "/openai/deployments/my%2Fdep/chat/completions?api-version=2024-10-21", body, http.StatusOK))
	choices, _ := at(list[0].data, "choices").([]any)
	if len(choices) != 0 || at(list[0].data, "prompt_filter_results", 0) == nil {
		t.Errorf("first chunk = %s, want empty choices and prompt_filter_results", list[0].text)
	}
	if got := str(list[1].data, "model"); got != "my/dep" {
		t.Errorf("model = %q, want the deployment of the path", got)
	}
}

func TestEmbeddings(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	floats := decode(t, post(t, server, "/v1/embeddings", `{"model":"m","input":["hello","you"],"dimensions":16}`, http.StatusOK))
	encoded := decode(t, post(t, server, "/v1/embeddings", `{"model":"m","input":["hello","you"],"dimensions":16,"encoding_format":"base64"}`, http.StatusOK))
	if got := num(floats, "usage", "total_tokens"); got != 3 {
		t.Errorf("total_tokens = %d, want 3", got)
	}
	for i := range 2 {
		raw, err := base64.StdEncoding.DecodeString(str(encoded, "data", i, "embedding"))
		if err != nil || len(raw) != 64 {
			t.Fatalf("base64 of vector %d: %d bytes, %v, want 64", i, len(raw), err)
		}
		var sum float64
		for j := range 16 {
			want := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
			f, _ := at(floats, "data", i, "embedding", j).(float64)
			if float32(f) != want {
				t.Errorf("vector %d[%d] = %v, in base64 %v", i, j, f, want)
			}
			sum += f * f
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("length of vector %d = %v, want 1", i, math.Sqrt(sum))
		}
	}
	tokens := decode(t, post(t, server, "/v1/embeddings", `{"model":"m-large","input":[[1,2,3],[4]]}`, http.StatusOK))
	vector, _ := at(tokens, "data", 1, "embedding").([]any)
	if got := num(tokens, "usage", "prompt_tokens"); got != 4 || len(vector) != 3072 {
		t.Errorf("tokens as input: %d tokens, %d dimensions, want 4 and 3072", got, len(vector))
	}
}

func TestCountTokensIsWhatTheAnswerCosts(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	body := `{"model":"m","max_tokens":10,"system":[{"type":"text","text":"four"}],"messages":[{"role":"user","content":"five5"}]}`
	counted := num(decode(t, post(t, server, "/v1/messages/count_tokens", body, http.StatusOK)), "input_tokens")
	spent := num(decode(t, post(t, server, "/v1/messages", body, http.StatusOK)), "usage", "input_tokens")
	if counted != 3 || spent != counted {
		t.Errorf("counted %d, spent %d, want 3", counted, spent)
	}
}
