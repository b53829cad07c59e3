package responses_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

// chatNames are what chat calls its settings; the paths in errors and losses
// must be these.
var chatNames = [llm.Fields]string{ // immutable
	llm.FieldN: "n", llm.FieldStop: "stop", llm.FieldPresencePenalty: "presence_penalty", llm.FieldFrequencyPenalty: "frequency_penalty",
	llm.FieldLogitBias: "logit_bias", llm.FieldMaxOutput: "max_completion_tokens", llm.FieldToolChoice: "tool_choice",
	llm.FieldTopK: "top_k", llm.FieldThinking: "thinking",
}

// An encoding is a request of another protocol and what a server is told.
type encoding struct {
	name   string
	r      llm.Request
	traits dialect.Traits // zero: all
	want   string         // members behind model and input, or, with a bracket, the items of the input
	losses []string       // paths
	code   llm.Code       // of the error
	param  string
}

func said(role llm.Role, parts ...llm.Part) llm.Item {
	return llm.Item{Kind: llm.ItemMessage, Role: role, Parts: parts, Path: "messages[0]"}
}

func word(s string) llm.Part { return llm.Part{Text: s, Path: "messages[0].content"} }

func encodings() []encoding {
	return append(settingEncodings(), itemEncodings()...)
}

func settingEncodings() []encoding {
	const store = `,"store":false`
	return []encoding{
		{name: "nothing", want: store},
		{name: "stored", r: llm.Request{Store: new(true)}, want: `,"store":true`},
		{name: "limit", r: llm.Request{MaxOutput: new(int64(16))}, want: `,"max_output_tokens":16` + store},
		{name: "low limit", r: llm.Request{MaxOutput: new(int64(5))}, want: `,"max_output_tokens":16` + store, losses: []string{"max_completion_tokens"}},
		{name: "sampling as written", r: llm.Request{Temperature: "0.50", TopP: "1e0"}, want: `,"temperature":0.50,"top_p":1e0` + store},
		{name: "parallel", r: llm.Request{ParallelTools: new(false)}, want: `,"parallel_tool_calls":false` + store},
		{name: "effort", r: llm.Request{Effort: "low"}, want: `,"reasoning":{"effort":"low"}` + store},
		{name: "budget", r: llm.Request{Thinking: "enabled", ThinkingBudget: new(int64(10000))}, want: `,"reasoning":{"effort":"medium","summary":"auto"}` + store, losses: []string{"thinking"}},
		{name: "thinking off", r: llm.Request{Thinking: "disabled"}, want: `,"reasoning":{"effort":"none"}` + store, losses: []string{"thinking"}},
		{name: "thinking off, as an effort", r: llm.Request{Thinking: "disabled", Effort: "low"}, want: `,"reasoning":{"effort":"low"}` + store},
		{name: "object", r: llm.Request{Format: llm.Format{Kind: llm.FormatObject}}, want: `,"text":{"format":{"type":"json_object"}}` + store},
		{
			name: "schema", r: llm.Request{Format: llm.Format{Kind: llm.FormatSchema, Name: "n", Description: "d", Schema: []byte(`{"z": 1.0, "a":{}}`), Strict: new(true)}},
			want: `,"text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"z": 1.0, "a":{}},"strict":true}}` + store,
		},
		{
			name: "schema without a name", r: llm.Request{Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{}`)}},
			want: `,"text":{"format":{"type":"json_schema","name":"output","schema":{}}}` + store,
		},
		{name: "verbosity", r: llm.Request{Verbosity: "low"}, want: `,"text":{"verbosity":"low"}` + store},
		{name: "verbosity elsewhere", r: llm.Request{Verbosity: "low"}, traits: dialect.Traits{TopK: true}, want: store},
		{name: "log probabilities", r: llm.Request{Logprobs: true, TopLogprobs: new(int64(3))}, want: `,"include":["message.output_text.logprobs"],"top_logprobs":3` + store},
		{name: "stream", r: llm.Request{Stream: true, IncludeUsage: true, Obfuscation: new(false)}, want: `,"stream":true,"stream_options":{"include_obfuscation":false}` + store},
		{name: "hints", r: llm.Request{Seed: "5", N: 1, PresencePenalty: "0.0", FrequencyPenalty: "-0", LogitBias: []byte(`{}`), TopK: "3"}, want: store, losses: []string{"top_k"}},
		{
			name: "shared with none", traits: dialect.Traits{TopK: true}, want: store, losses: []string{"service_tier", "moderation"},
			r: llm.Request{Others: []llm.Member{
				{Name: "metadata", Value: []byte(`{"a":"b"}`)},
				{Name: "service_tier", Value: []byte(`"flex"`)},
				{Name: "moderation", Value: []byte(`{}`)},
			}},
		},
		{name: "the usual tier", traits: dialect.Traits{TopK: true}, want: store, r: llm.Request{Others: []llm.Member{{Name: "service_tier", Value: []byte(`"auto"`)}}}},
		{
			name: "shared", r: llm.Request{Others: []llm.Member{
				{Name: "metadata", Value: []byte(`{"a":"b"}`)},
				{Name: "user", Value: []byte(`"u"`)},
				{Name: "service_tier", Value: []byte(`"flex"`)},
				{Name: "prediction", Value: []byte(`{}`)},
				{Name: "modalities", Value: []byte(`["text"]`)},
				{Name: "x_new", Value: []byte(`1`)},
			}},
			want: store + `,"metadata":{"a":"b"},"user":"u","service_tier":"flex"`, losses: []string{"x_new"},
		},
		{name: "shared elsewhere", r: llm.Request{Others: []llm.Member{{Name: "user", Value: []byte(`"u"`)}}}, traits: dialect.Traits{TopK: true}, want: store},
		{name: "called otherwise", r: llm.Request{Others: []llm.Member{{Name: "x", Path: "extra.x", Value: []byte(`1`)}}, Lost: []llm.Loss{{Path: "metadata.user_id"}}}, want: store, losses: []string{"metadata.user_id", "extra.x"}},
		{name: "several answers", r: llm.Request{N: 2}, code: llm.CodeUnsupportedValue, param: "n"},
		{name: "stop", r: llm.Request{Stop: []string{"x"}}, code: llm.CodeUnsupportedParameter, param: "stop"},
		{name: "presence", r: llm.Request{PresencePenalty: "0.5"}, code: llm.CodeUnsupportedParameter, param: "presence_penalty"},
		{name: "frequency", r: llm.Request{FrequencyPenalty: "-1"}, code: llm.CodeUnsupportedParameter, param: "frequency_penalty"},
		{name: "bias", r: llm.Request{LogitBias: []byte(`{"1":2}`)}, code: llm.CodeUnsupportedParameter, param: "logit_bias"},
		{name: "speech", r: llm.Request{Others: []llm.Member{{Name: "modalities", Value: []byte(`["text","audio"]`)}}}, code: llm.CodeUnsupportedParameter, param: "modalities"},
		{name: "audio", r: llm.Request{Others: []llm.Member{{Name: "audio", Value: []byte(`{}`)}}}, code: llm.CodeUnsupportedParameter, param: "audio"},
		{
			name: "tools", r: llm.Request{Tools: []llm.Tool{
				{Name: "f", Description: "d", Schema: []byte(`{"type":"object"}`), Strict: new(true)},
				{Name: "bare"},
				{Kind: llm.ToolCustom, Name: "c"},
				{Kind: llm.ToolCustom, Name: "g", Grammar: llm.Grammar{Syntax: "regex", Definition: "a+"}},
				{Kind: llm.ToolNamespace, Name: "ns", Tools: []llm.Tool{{Name: "in"}}},
				{Kind: llm.ToolHosted, Type: llm.HostedSearch, Raw: []byte(`{"type":"web_search_20250305","name":"web_search"}`), Search: &llm.WebSearch{Context: "low", Allowed: []string{"a.example"}, Country: "DE", TimeZone: "Europe/Berlin"}},
			}},
			want: `,"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true},` +
				`{"type":"function","name":"bare","parameters":{"type":"object","properties":{}},"strict":false},` +
				`{"type":"custom","name":"c","format":{"type":"text"}},` +
				`{"type":"custom","name":"g","format":{"type":"grammar","syntax":"regex","definition":"a+"}},` +
				`{"type":"namespace","name":"ns","description":"","tools":[{"type":"function","name":"in","parameters":{"type":"object","properties":{}},"strict":false}]},` +
				`{"type":"web_search","search_context_size":"low","filters":{"allowed_domains":["a.example"]},"user_location":{"type":"approximate","country":"DE","timezone":"Europe/Berlin"}}]` + store,
		},
		{
			name: "search that keeps away", r: llm.Request{Tools: []llm.Tool{{Path: "tools[0]", Kind: llm.ToolHosted, Type: llm.HostedSearch, Search: &llm.WebSearch{Blocked: []string{"b.example"}}}}},
			want: `,"tools":[{"type":"web_search"}]` + store, losses: []string{"tools[0]"},
		},
		{
			name: "another provider's tool", r: llm.Request{Tools: []llm.Tool{{Path: "tools[0]", Kind: llm.ToolHosted, Type: "code_execution_20250825", Raw: []byte(`{}`)}}},
			code: llm.CodeUnsupportedValue, param: "tools[0].type",
		},
		{name: "choice auto", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceAuto}}, want: `,"tool_choice":"auto"` + store},
		{name: "choice none", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNone}}, want: `,"tool_choice":"none"` + store},
		{name: "choice required", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired, Raw: []byte(`{"type":"any"}`)}}, want: `,"tool_choice":"required"` + store},
		{name: "choice of one", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "f"}}}, want: `,"tool_choice":{"type":"function","name":"f"}` + store},
		{name: "choice of custom", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Kind: llm.ToolCustom, Name: "c"}}}, want: `,"tool_choice":{"type":"custom","name":"c"}` + store},
		{
			name: "choice of several", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceAllowed, Required: true, Allowed: []llm.Tool{{Name: "f"}, {Kind: llm.ToolCustom, Name: "c"}}}},
			want: `,"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}]}` + store,
		},
		{
			name: "choice of another provider's", r: llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceHosted, Named: llm.Tool{Type: "code_execution"}}},
			code: llm.CodeUnsupportedValue, param: "tool_choice",
		},
	}
}

func items(all ...llm.Item) llm.Request { return llm.Request{Items: all} }

func itemEncodings() []encoding {
	long := strings.Repeat("x", 65)
	image := llm.Part{Kind: llm.PartImage, URL: "https://example.com/a.png", Path: "messages[0].content[1]"}
	plain := dialect.Traits{TopK: true}
	return []encoding{
		{
			name: "messages in place", r: items(said(llm.RoleSystem, word("a")), said(llm.RoleUser, word("b")), said(llm.RoleDeveloper, word("c"))),
			want: `[{"type":"message","role":"system","content":[{"type":"input_text","text":"a"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"b"}]},` +
				`{"type":"message","role":"developer","content":[{"type":"input_text","text":"c"}]}]`,
		},
		{
			name: "answer", r: items(said(llm.RoleAssistant, word("a"), llm.Part{Kind: llm.PartRefusal, Text: "no"})),
			want: `[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]},{"type":"refusal","refusal":"no"}]}]`,
		},
		{name: "speaker, who is lost already", r: items(llm.Item{Role: llm.RoleUser, Name: "bob", Path: "messages[4]", Parts: []llm.Part{word("a")}}), want: `[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}]`},
		{
			name: "turn of nothing but calls", r: items(said(llm.RoleAssistant), llm.Item{Kind: llm.ItemCall, CallID: "1", Name: "f"}),
			want: `[{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}]`,
		},
		{
			name: "calls and outputs", r: items(
				llm.Item{Kind: llm.ItemCall, CallID: "1", Name: "f", Namespace: "ns", Input: `{"a":1}`}, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: long, Name: "c", Input: "x"},
				llm.Item{Kind: llm.ItemOutput, CallID: "1", Parts: []llm.Part{word("a"), word("b")}},
				llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolCustom, CallID: long, IsError: true, Path: "messages[2]", Parts: []llm.Part{word("a"), {Kind: llm.PartImage, URL: "data:image/png;base64,AA"}}}),
			want: `[{"type":"function_call","call_id":"1","name":"f","namespace":"ns","arguments":"{\"a\":1}"},` +
				`{"type":"custom_tool_call","call_id":"call_9537c5fdf120482f7d58d25e9ed583f5","name":"c","input":"x"},` +
				`{"type":"function_call_output","call_id":"1","output":"ab"},` +
				`{"type":"custom_tool_call_output","call_id":"call_9537c5fdf120482f7d58d25e9ed583f5","output":[{"type":"input_text","text":"a"},{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,AA"}]}]`,
			losses: []string{"messages[2]"},
		},
		{
			name: "tools of a shape of their own", r: items(
				llm.Item{Kind: llm.ItemCall, Tool: llm.ToolLocalShell, CallID: "1", Input: `{"command":["ls"]}`}, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolLocalShell, CallID: "1", Parts: []llm.Part{word("a")}},
				llm.Item{Kind: llm.ItemCall, Tool: llm.ToolShell, CallID: "2", Input: `{"commands":["ls"]}`},
				llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolShell, CallID: "2", Parts: []llm.Part{word(`[{"stdout":"","stderr":"","outcome":{"type":"timeout"}}]`)}},
				llm.Item{Kind: llm.ItemCall, Tool: llm.ToolApplyPatch, CallID: "3", Input: `{"type":"delete_file","path":"a"}`}, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolApplyPatch, CallID: "3", IsError: true, Parts: []llm.Part{word("no")}},
				llm.Item{Kind: llm.ItemCall, Tool: llm.ToolSearch, CallID: "4", Input: `{"query":"q"}`}, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolSearch, CallID: "4", Parts: []llm.Part{word(`[]`)}}),
			want: `[{"type":"local_shell_call","call_id":"1","id":"call_item_1","status":"completed","action":{"command":["ls"],"type":"exec","env":{}}},{"type":"local_shell_call_output","call_id":"1","id":"1","output":"a"},` +
				`{"type":"shell_call","call_id":"2","id":"call_item_2","status":"completed","action":{"commands":["ls"],"timeout_ms":null,"max_output_length":null}},` +
				`{"type":"shell_call_output","call_id":"2","output":[{"stdout":"","stderr":"","outcome":{"type":"timeout"}}]},` +
				`{"type":"apply_patch_call","call_id":"3","id":"call_item_3","status":"completed","operation":{"type":"delete_file","path":"a"}},{"type":"apply_patch_call_output","call_id":"3","status":"failed","output":"no"},` +
				`{"type":"tool_search_call","call_id":"4","id":"call_item_4","status":"completed","execution":"client","arguments":{"query":"q"}},{"type":"tool_search_output","call_id":"4","execution":"client","tools":[]}]`,
		},
		{name: "output of a shell that is none", r: items(llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolShell, CallID: "2", Path: "input[1]", Parts: []llm.Part{word("x")}}), code: llm.CodeInvalidValue, param: "input[1]"},
		{
			name: "images", r: items(said(llm.RoleUser, image, llm.Part{Kind: llm.PartImage, FileID: "file_1", Detail: "low"})),
			want: `[{"type":"message","role":"user","content":[{"type":"input_image","detail":"auto","image_url":"https://example.com/a.png"},{"type":"input_image","detail":"low","file_id":"file_1"}]}]`,
		},
		{name: "image to fetch", r: items(said(llm.RoleUser, image)), traits: plain, code: llm.CodeUnsupportedValue, param: "messages[0].content[1]"},
		{
			name: "files", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartFile, FileID: "file_1"}, llm.Part{Kind: llm.PartFile, URL: "https://example.com/a.pdf"},
				llm.Part{Kind: llm.PartFile, Data: "AA", Media: "application/pdf"}, llm.Part{Kind: llm.PartFile, Data: "AA", Name: "a"})),
			want: `[{"type":"message","role":"user","content":[{"type":"input_file","file_id":"file_1"},{"type":"input_file","file_url":"https://example.com/a.pdf"},` +
				`{"type":"input_file","file_data":"data:application/pdf;base64,AA","filename":"file"},{"type":"input_file","file_data":"AA","filename":"a"}]}]`,
		},
		{name: "file elsewhere", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartFile, Data: "AA", Path: "messages[0].content[0]"})), traits: plain, code: llm.CodeUnsupportedValue, param: "messages[0].content[0]"},
		{name: "audio", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartAudio, Path: "messages[0].content[0]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[0].type"},
		{name: "unknown part", r: items(said(llm.RoleUser, llm.Part{Kind: llm.PartUnknown, Type: "video", Path: "messages[0].content[0]"})), code: llm.CodeUnsupportedValue, param: "messages[0].content[0].type"},
		{name: "unknown item", r: items(llm.Item{Kind: llm.ItemUnknown, Type: "video", Path: "messages[3]"}), code: llm.CodeUnsupportedValue, param: "messages[3].type"},
		{name: "work of another provider", r: items(llm.Item{Kind: llm.ItemHosted, Type: "server_tool_use", Raw: []byte(`{}`)}), want: `[]`},
		{
			name: "reasoning", r: items(
				llm.Item{Kind: llm.ItemReasoning, Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "of another"}}},
				llm.Item{Kind: llm.ItemReasoning, Sealed: "of another"},
				llm.Item{Kind: llm.ItemReasoning, ID: "rs_1", Sealed: "own", Parts: []llm.Part{{Kind: llm.PartSummary, Text: "s"}, {Kind: llm.PartReasoning, Text: "r"}}}),
			want: `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"own"}]`,
		},
		{
			name: "reasoning for those who take it", r: items(llm.Item{Kind: llm.ItemReasoning, Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "r"}}}, llm.Item{Kind: llm.ItemReasoning}),
			traits: dialect.Traits{Reasoning: "reasoning"}, want: `[{"type":"reasoning","id":"rs_0","summary":[],"content":[{"type":"reasoning_text","text":"r"}]}]`,
		},
	}
}

func TestEncodeRequest(t *testing.T) {
	for _, tt := range encodings() {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.r
			r.Dialect, r.Names = llm.Chat, &chatNames
			traits := tt.traits
			if !traits.TopK && traits.Reasoning == "" {
				traits = all
			}
			e, err := responses.Dialect{}.EncodeRequest(&r, &dialect.Target{Model: "m", Traits: traits})
			if tt.param != "" {
				if got := llm.AsError(err); err == nil || got.Code != tt.code || got.Param != tt.param || !strings.Contains(got.Message(), " ") {
					t.Fatalf("error = %v, want %s of %s\n%s", err, tt.code, tt.param, e.Body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := `{"model":"m","input":[]` + tt.want + `}`
			if strings.HasPrefix(tt.want, "[") {
				want = `{"model":"m","input":` + tt.want + `,"store":false}`
			}
			if diff := cmp.Diff(want, string(e.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			var paths []string
			for _, l := range e.Losses {
				paths = append(paths, l.Path)
				if l.Why == "" && l.Path != "metadata.user_id" {
					t.Errorf("the loss of %s has no reason", l.Path)
				}
			}
			if diff := cmp.Diff(tt.losses, paths); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}
