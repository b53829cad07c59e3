package ollama_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/llm"
)

// clientNames are what a client calls its settings.
var clientNames = [llm.Fields]string{ // immutable
	llm.FieldEffort: "reasoning_effort", llm.FieldParallelTools: "parallel_tool_calls",
	llm.FieldN: "n", llm.FieldToolChoice: "tool_choice", llm.FieldLogitBias: "logit_bias", llm.FieldThinking: "thinking.budget_tokens", llm.FieldPreviousID: "previous_response_id",
}

type encoding struct {
	name   string
	r      llm.Request
	traits dialect.Traits
	want   string // the members behind the model and the messages, or the messages with a bracket
	losses string // paths
	code   llm.Code
	param  string
}

func said(role llm.Role, parts ...llm.Part) llm.Item {
	return llm.Item{Kind: llm.ItemMessage, Role: role, Parts: parts, Path: "messages[0]"}
}

func word(s string) llm.Part { return llm.Part{Text: s, Path: "messages[0].content"} }

func settings() []encoding {
	const end = `,"stream":false,"options":{}`
	options := func(s string) string { return `,"stream":false,"options":{` + s + `}` }
	two := []llm.Tool{{Name: "f", Description: "d", Schema: []byte(`{"properties":{}}`)}, {Name: "g"}}
	const f = `{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}}}}`
	const g = `{"type":"function","function":{"name":"g","description":"","parameters":{"type":"object","properties":{}}}}`
	tools := func(s string) string { return `,"stream":false,"tools":[` + s + `],"options":{}` }
	return []encoding{
		{name: "nothing", want: end},
		{name: "stream", r: llm.Request{Stream: true, IncludeUsage: true}, want: `,"stream":true,"options":{}`},
		{
			name: "sampling as written", r: llm.Request{MaxOutput: new(int64(5)), Temperature: "0.50", TopP: "1", TopK: "40", Seed: "7", PresencePenalty: "0.1", FrequencyPenalty: "-1", Stop: []string{"a", "b"}},
			want: options(`"num_predict":5,"temperature":0.50,"top_p":1,"top_k":40,"seed":7,"presence_penalty":0.1,"frequency_penalty":-1,"stop":["a","b"]`),
		},
		{name: "what the target is told", traits: dialect.Traits{NumCtx: 8192, KeepAlive: "10m"}, want: options(`"num_ctx":8192`) + `,"keep_alive":"10m"`},
		{name: "kept for ever", traits: dialect.Traits{KeepAlive: "-1"}, want: end + `,"keep_alive":-1`},
		{name: "object", r: llm.Request{Format: llm.Format{Kind: llm.FormatObject}}, want: `,"stream":false,"format":"json","options":{}`},
		{name: "schema", r: llm.Request{Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{"z": 1.0}`)}}, want: `,"stream":false,"format":{"z": 1.0},"options":{}`},
		{name: "no thought", r: llm.Request{Effort: "none"}, want: `,"stream":false,"think":false,"options":{}`},
		{name: "thinking off", r: llm.Request{Thinking: "disabled"}, want: `,"stream":false,"think":false,"options":{}`},
		{name: "thinking on", r: llm.Request{Thinking: "adaptive"}, want: `,"stream":false,"think":true,"options":{}`},
		{name: "minimal", r: llm.Request{Effort: "minimal"}, want: `,"stream":false,"think":"low","options":{}`, losses: "reasoning_effort"},
		{name: "medium", r: llm.Request{Effort: "medium"}, want: `,"stream":false,"think":"medium","options":{}`},
		{name: "above high", r: llm.Request{Effort: "xhigh"}, want: `,"stream":false,"think":"high","options":{}`, losses: "reasoning_effort"},
		{name: "most", r: llm.Request{Effort: "max"}, want: `,"stream":false,"think":"max","options":{}`},
		{name: "budget", r: llm.Request{Thinking: "enabled", ThinkingBudget: new(int64(1024))}, want: `,"stream":false,"think":"low","options":{}`, losses: "thinking.budget_tokens"},
		{name: "log probabilities", r: llm.Request{Logprobs: true, TopLogprobs: new(int64(2))}, want: end + `,"logprobs":true,"top_logprobs":2`},
		{
			name: "hints", want: end, losses: "logit_bias",
			r: llm.Request{N: 1, Verbosity: "low", ParallelTools: new(false), Store: new(true), LogitBias: []byte(`{"1":2}`), Others: []llm.Member{
				{Name: "metadata", Value: []byte(`{}`)},
				{Name: "user", Value: []byte(`"u"`)},
				{Name: "prediction", Value: []byte(`{}`)},
				{Name: "modalities", Value: []byte(`["text"]`)},
				{Name: "service_tier", Value: []byte(`"auto"`)},
			}},
		},
		{
			name: "lost", want: end, losses: "metadata.user_id service_tier extra.x",
			r: llm.Request{Lost: []llm.Loss{{Path: "metadata.user_id"}}, Others: []llm.Member{{Name: "service_tier", Value: []byte(`"flex"`)}, {Name: "x", Path: "extra.x", Value: []byte(`1`)}}},
		},
		{name: "several answers", r: llm.Request{N: 2}, code: llm.CodeUnsupportedValue, param: "n"},
		{name: "kept elsewhere", r: llm.Request{PreviousID: "resp_1"}, code: llm.CodePreviousNotFound, param: "previous_response_id"},
		{name: "speech", r: llm.Request{Others: []llm.Member{{Name: "modalities", Value: []byte(`["audio"]`)}}}, code: llm.CodeUnsupportedValue, param: "modalities"},
		{name: "in the background", r: llm.Request{Others: []llm.Member{{Name: "background", Value: []byte(`true`)}}}, code: llm.CodeUnsupportedParameter, param: "background"},
		{name: "tools", r: llm.Request{Tools: two, Choice: llm.ToolChoice{Mode: llm.ChoiceAuto}}, want: tools(f + "," + g)},
		{name: "a tool at a time", r: llm.Request{Tools: two, ParallelTools: new(false)}, want: tools(f + "," + g), losses: "parallel_tool_calls"},
		{name: "tools at once", r: llm.Request{Tools: two, ParallelTools: new(true)}, want: tools(f + "," + g)},
		{name: "no tool", r: llm.Request{Tools: two, Choice: llm.ToolChoice{Mode: llm.ChoiceNone}}, want: end},
		{name: "some tool", r: llm.Request{Tools: two, Choice: llm.ToolChoice{Mode: llm.ChoiceRequired}}, want: tools(f + "," + g), losses: "tool_choice"},
		{name: "this tool", r: llm.Request{Tools: two, Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "g"}}}, want: tools(g), losses: "tool_choice"},
		{name: "these tools", r: llm.Request{Tools: two, Choice: llm.ToolChoice{Mode: llm.ChoiceAllowed, Allowed: []llm.Tool{{Name: "f"}}}}, want: tools(f), losses: "tool_choice"},
		{name: "a tool of none", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired}}, code: llm.CodeUnsupportedValue, param: "tool_choice"},
		{name: "a tool that runs elsewhere", r: llm.Request{Tools: []llm.Tool{{Kind: llm.ToolHosted, Path: "tools[0]"}}}, code: llm.CodeUnsupportedValue, param: "tools[0].type"},
	}
}

func conversations() []encoding {
	items := func(all ...llm.Item) llm.Request { return llm.Request{Items: all} }
	picture := llm.Part{Kind: llm.PartImage, URL: "data:image/png;base64,AAAA", Path: "messages[0].content[1]"}
	return []encoding{
		{
			name: "roles", r: llm.Request{Instructions: "be brief", Items: []llm.Item{said(llm.RoleDeveloper, word("a")), said(llm.RoleUser, word("b"), word("c"))}},
			want: `[{"role":"system","content":"be brief"},{"role":"system","content":"a"},{"role":"user","content":"b\n\nc"}]`,
		},
		{name: "pictures", r: items(said(llm.RoleUser, word("look"), picture, picture)), want: `[{"role":"user","content":"look","images":["AAAA","AAAA"]}]`},
		{
			name: "a tool turn", r: items(
				llm.Item{Kind: llm.ItemReasoning, Parts: []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}}, said(llm.RoleAssistant, word("I "), word("look.")),
				llm.Item{Kind: llm.ItemCall, CallID: "1", Name: "f", Input: ` {"a": 1.50} `}, llm.Item{Kind: llm.ItemCall, CallID: "2", Name: "g"}, llm.Item{Kind: llm.ItemCall, CallID: "3", Name: "h", Input: "broken", Path: "input[4]"},
				llm.Item{Kind: llm.ItemOutput, CallID: "2", Parts: []llm.Part{word("x"), word("y")}}, llm.Item{Kind: llm.ItemOutput, CallID: "1", Parts: []llm.Part{word("z")}}, llm.Item{Kind: llm.ItemOutput, CallID: "3", IsError: true, Path: "input[7]"}),
			want: `[{"role":"assistant","content":"I look.","thinking":"hm","tool_calls":[{"id":"1","function":{"index":0,"name":"f","arguments":{"a": 1.50}}},` +
				`{"id":"2","function":{"index":1,"name":"g","arguments":{}}},{"id":"3","function":{"index":2,"name":"h","arguments":{"input":"broken"}}}]},` +
				`{"role":"tool","tool_name":"g","tool_call_id":"2","content":"x\ny"},{"role":"tool","tool_name":"f","tool_call_id":"1","content":"z"},{"role":"tool","tool_name":"h","tool_call_id":"3","content":""}]`,
			losses: "input[7] input[4]",
		},
		{
			name: "a picture from a tool", r: items(llm.Item{Kind: llm.ItemCall, CallID: "1", Name: "f"}, llm.Item{Kind: llm.ItemOutput, CallID: "1", Parts: []llm.Part{picture}}),
			want: `[{"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"index":0,"name":"f","arguments":{}}}]},` +
				`{"role":"tool","tool_name":"f","tool_call_id":"1","content":"[image attached below]"},{"role":"user","content":"","images":["AAAA"]}]`,
			losses: "messages[0].content[1]",
		},
		{name: "refusal", r: items(said(llm.RoleAssistant, llm.Part{Kind: llm.PartRefusal, Text: "no"})), want: `[{"role":"assistant","content":"no"}]`},
		{name: "a picture to fetch", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartImage, URL: "https://a.example/a.png", Path: "messages[0].content[1]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[1]"},
		{name: "a picture in a file", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartImage, FileID: "file_1", Path: "messages[0].content[1]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[1]"},
		{name: "a file", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartFile, Data: "AA", Path: "messages[0].content[1]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[1]"},
		{name: "a part that nobody knows", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartUnknown, Path: "messages[0].content[1]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[1].type"},
		{name: "an output of no call", r: items(llm.Item{Kind: llm.ItemOutput, CallID: "1", Path: "input[0]"}), code: llm.CodeInvalidValue, param: "input[0]"},
		{name: "a call without output", r: items(llm.Item{Kind: llm.ItemCall, CallID: "1", Name: "f", Path: "input[0]"}, said(llm.RoleUser, word("x"))), code: llm.CodeInvalidValue, param: "input[0]"},
	}
}

func TestEncodeRequest(t *testing.T) {
	for _, tt := range append(settings(), conversations()...) {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.r
			r.Dialect, r.Names = llm.Chat, &clientNames
			e, err := ollama.Dialect{}.EncodeRequest(&r, &dialect.Target{Model: "qwen3:8b", Traits: tt.traits})
			if tt.param != "" {
				if got := llm.AsError(err); err == nil || got.Code != tt.code || got.Param != tt.param {
					t.Fatalf("error = %v, want %s of %s\n%s", err, tt.code, tt.param, e.Body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := `{"model":"qwen3:8b","messages":[]` + tt.want + `}`
			if strings.HasPrefix(tt.want, "[") {
				want = `{"model":"qwen3:8b","messages":` + tt.want + `,"stream":false,"options":{}}`
			}
			if diff := cmp.Diff(want, string(e.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			var paths []string
			for _, l := range e.Losses {
				paths = append(paths, l.Path)
			}
			if got := strings.Join(paths, " "); got != tt.losses {
				t.Errorf("lost %q, want %q", got, tt.losses)
			}
		})
	}
}
