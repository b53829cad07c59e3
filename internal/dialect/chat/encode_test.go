package chat_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
)

// fields are what the client of these tests calls its settings.
func fields() *[llm.Fields]string {
	var f [llm.Fields]string
	for i := range f {
		f[i] = fmt.Sprintf("field%d", i)
	}
	f[llm.FieldN], f[llm.FieldStop], f[llm.FieldToolChoice] = "n", "stop", "tool_choice"
	f[llm.FieldPreviousID], f[llm.FieldTopK], f[llm.FieldThinking] = "previous_response_id", "top_k", "thinking"
	f[llm.FieldLogprobs] = "logprobs"
	return &f
}

func text(s string) []llm.Part { return []llm.Part{{Text: s, Path: "text"}} }

func say(role llm.Role, s string) llm.Item {
	return llm.Item{Kind: llm.ItemMessage, Role: role, Parts: text(s)}
}

func callOf(id string) llm.Item {
	return llm.Item{Kind: llm.ItemCall, CallID: id, Name: "f", Input: `{"a":1}`, Path: "call " + id}
}

func outputOf(id string, parts ...llm.Part) llm.Item {
	return llm.Item{Kind: llm.ItemOutput, CallID: id, Parts: parts, Path: "output " + id}
}

// encode encodes a request of a Responses client and returns the value of a
// member, or the error as "!code param", and what is lost.
func encode(r llm.Request, t dialect.Traits, member string) (got string, losses []string, body []byte) {
	if r.Dialect == "" {
		r.Dialect = llm.Responses
	}
	r.Names = fields()
	e, err := chat.Dialect{}.EncodeRequest(&r, &dialect.Target{Model: "m", Traits: t})
	if err != nil {
		return fmt.Sprintf("!%s %s", llm.AsError(err).Code, llm.AsError(err).Param), nil, nil
	}
	for _, l := range e.Losses {
		losses = append(losses, l.Path)
	}
	v, err := jsontree.Parse(e.Body)
	if err != nil {
		return err.Error() + string(e.Body), nil, nil
	}
	return string(v.Get(member).Raw()), losses, e.Body
}

// orders are conversations and the messages that they become.
var orders = []struct { // immutable
	name   string
	items  []llm.Item
	traits dialect.Traits
	want   string
	losses []string
}{
	{
		name:  "calls side by side",
		items: []llm.Item{say(llm.RoleUser, "q"), callOf("1"), callOf("2"), outputOf("1", text("x")...), outputOf("2", text("y")...)},
		want: `[{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},` +
			`{"id":"2","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"x"},{"role":"tool","tool_call_id":"2","content":"y"}]`,
	},
	{
		name:  "text, reasoning and call are one message",
		items: []llm.Item{{Kind: llm.ItemReasoning, Parts: []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}}, say(llm.RoleAssistant, "t"), callOf("1"), outputOf("1")},
		want: `[{"role":"assistant","content":"t","reasoning":"hm","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":""}]`,
		traits: dialect.Traits{Reasoning: "reasoning"},
	},
	{
		name:  "a message between a call and its output",
		items: []llm.Item{callOf("1"), say(llm.RoleAssistant, "t"), outputOf("1", text("x")...), say(llm.RoleAssistant, "u")},
		want: `[{"role":"assistant","content":"t","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":"x"},{"role":"assistant","content":"u"}]`,
	},
	{
		name:  "a message between two outputs",
		items: []llm.Item{callOf("1"), callOf("2"), outputOf("2", text("y")...), say(llm.RoleAssistant, "t"), say(llm.RoleDeveloper, "d"), outputOf("1", text("x")...), say(llm.RoleUser, "q")},
		want: `[{"role":"assistant","content":"t","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},` +
			`{"id":"2","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"2","content":"y"},` +
			`{"role":"tool","tool_call_id":"1","content":"x"},{"role":"system","content":"d"},{"role":"user","content":"q"}]`,
	},
	{
		name:  "calls one after the other",
		items: []llm.Item{callOf("1"), outputOf("1", text("x")...), callOf("1"), outputOf("1", text("y")...)},
		want: `[{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"x"},` +
			`{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"y"}]`,
	},
	{
		name: "images of outputs behind all of them",
		items: []llm.Item{
			callOf("1"), callOf("2"),
			outputOf("1", llm.Part{Text: "see"}, llm.Part{Kind: llm.PartImage, URL: "data:image/png;base64,AA", Detail: "original", Path: "image"}),
			outputOf("2", text("y")...),
		},
		traits: dialect.Traits{OpenAI: true},
		want: `[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":"see\n[image attached below]"},{"role":"tool","tool_call_id":"2","content":"y"},` +
			`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"high"}}]}]`,
		losses: []string{"image", "image"},
	},
	{"output without a call", []llm.Item{say(llm.RoleUser, "q"), outputOf("1")}, dialect.Traits{}, "!invalid_value output 1", nil},
	{"two outputs for one call", []llm.Item{callOf("1"), outputOf("1"), outputOf("1")}, dialect.Traits{}, "!invalid_value output 1", nil},
	{"call without output before the user", []llm.Item{callOf("1"), say(llm.RoleUser, "q"), outputOf("1")}, dialect.Traits{}, "!invalid_value call 1", nil},
	{"call without output at the end", []llm.Item{callOf("1")}, dialect.Traits{}, "!invalid_value call 1", nil},
	{"reasoning that nothing follows", []llm.Item{{Kind: llm.ItemReasoning, Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "hm"}}}, say(llm.RoleUser, "q")}, dialect.Traits{Reasoning: "reasoning"}, `[{"role":"user","content":"q"}]`, nil},
	{"reasoning for who takes none", []llm.Item{{Kind: llm.ItemReasoning, Sealed: "x", Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "hm"}}}, say(llm.RoleAssistant, "t")}, dialect.Traits{OpenAI: true}, `[{"role":"assistant","content":"t"}]`, nil},
	{
		"DeepSeek wants the member with calls",
		[]llm.Item{callOf("1"), outputOf("1")},
		dialect.Traits{Reasoning: "reasoning_content", ReasoningAlways: true},
		`[{"role":"assistant","content":"","reasoning_content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":""}]`, nil,
	},
	{
		"others do not",
		[]llm.Item{callOf("1"), outputOf("1")},
		dialect.Traits{Reasoning: "reasoning_content"},
		`[{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":""}]`, nil,
	},
	{
		"a signature goes with the next call, and no further",
		[]llm.Item{
			{Kind: llm.ItemReasoning, Sealed: "S", Redacted: true},
			callOf("1"), callOf("2"), outputOf("1"), outputOf("2"),
			{Kind: llm.ItemReasoning, Sealed: "T", Redacted: true},
			say(llm.RoleUser, "q"), callOf("3"), outputOf("3"),
		},
		dialect.Traits{},
		`[{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"extra_content":{"google":{"thought_signature":"S"}}},{"id":"2","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":""},{"role":"tool","tool_call_id":"2","content":""},{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":[{"id":"3","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"3","content":""}]`, nil,
	},
	{"texts are one", []llm.Item{{Role: llm.RoleUser, Parts: append(text("a"), text("b")...)}}, dialect.Traits{}, `[{"role":"user","content":"a\n\nb"}]`, nil},
	{"output texts are one", []llm.Item{{Role: llm.RoleAssistant, Parts: append(text("a"), text("b")...)}}, dialect.Traits{}, `[{"role":"assistant","content":"ab"}]`, nil},
	{"refusal", []llm.Item{{Role: llm.RoleAssistant, Parts: []llm.Part{{Kind: llm.PartRefusal, Text: "no"}}}}, dialect.Traits{OpenAI: true}, `[{"role":"assistant","content":null,"refusal":"no"}]`, nil},
	{"refusal as text", []llm.Item{{Role: llm.RoleAssistant, Parts: []llm.Part{{Kind: llm.PartRefusal, Text: "no"}}}}, dialect.Traits{}, `[{"role":"assistant","content":"no"}]`, nil},
	{"developer", []llm.Item{say(llm.RoleDeveloper, "d"), say(llm.RoleSystem, "s")}, dialect.Traits{Developer: true}, `[{"role":"developer","content":"d"},{"role":"developer","content":"s"}]`, nil},
	{"system alone", []llm.Item{say(llm.RoleSystem, "s")}, dialect.Traits{Developer: true}, `[{"role":"system","content":"s"}]`, nil},
	{"developer unknown", []llm.Item{say(llm.RoleDeveloper, "d")}, dialect.Traits{}, `[{"role":"system","content":"d"}]`, nil},
	{"image by URL", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartImage, URL: "https://example.com/a.png", Detail: "low"}}}}, dialect.Traits{ImageURLs: true}, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}}]}]`, nil},
	{"image by URL for who fetches none", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartImage, URL: "https://example.com/a.png", Path: "p"}}}}, dialect.Traits{}, `!unsupported_value p`, nil},
	{"image in data", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartImage, Data: "AA", Media: "image/png"}}}}, dialect.Traits{}, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]`, nil},
	{"image by id", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartImage, FileID: "file-1", Path: "p"}}}}, full(), `!unsupported_value p`, nil},
	{"file in data", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartFile, Data: "AA", Media: "application/pdf", Name: "a.pdf"}}}}, full(), `[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA"}}]}]`, nil},
	{"file by id", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartFile, FileID: "file-1"}}}}, full(), `[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]`, nil},
	{"file by URL", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartFile, URL: "https://example.com/a.pdf", Path: "p"}}}}, full(), `!unsupported_value p`, nil},
	{"file for who takes none", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartFile, Data: "AA", Path: "p"}}}}, dialect.Traits{OpenAI: true}, `!unsupported_value p`, nil},
	{"audio", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartAudio, Data: "AA", Media: "wav"}}}}, full(), `[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]`, nil},
	{"audio for who is deaf", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartAudio, Data: "AA", Media: "mp3", Path: "p"}}}}, dialect.Traits{OpenAI: true}, `!unsupported_value p`, nil},
	{"unknown part", []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartUnknown, Path: "p"}}}}, full(), `!unsupported_value p.type`, nil},
	{
		"custom call",
		[]llm.Item{{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: "1", Name: "p", Input: "x"}, outputOf("1")},
		full(),
		`[{"role":"assistant","content":null,"reasoning_content":"","tool_calls":[{"id":"1","type":"custom","custom":{"name":"p","input":"x"}}]},{"role":"tool","tool_call_id":"1","content":""}]`, nil,
	},
	{"custom call for who knows none", []llm.Item{{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: "1", Path: "p"}}, dialect.Traits{}, `!unsupported_value p`, nil},
	{
		"no arguments",
		[]llm.Item{{Kind: llm.ItemCall, CallID: "1", Name: "f"}, outputOf("1")},
		dialect.Traits{OpenAI: true},
		`[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":""}]`, nil,
	},
	{
		"arguments that are none",
		[]llm.Item{{Kind: llm.ItemCall, CallID: "1", Name: "f", Input: `{"a`, Path: "p"}, outputOf("1")},
		dialect.Traits{},
		`[{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"input\":\"{\\\"a\"}"}}]},{"role":"tool","tool_call_id":"1","content":""}]`,
		[]string{"p"},
	},
	{"a tool that failed", []llm.Item{callOf("1"), {Kind: llm.ItemOutput, CallID: "1", IsError: true, Path: "p"}}, dialect.Traits{OpenAI: true}, `[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":""}]`, []string{"p"}},
	{"hosted work", []llm.Item{{Kind: llm.ItemHosted, Type: "web_search_call"}, say(llm.RoleAssistant, "t")}, dialect.Traits{}, `[{"role":"assistant","content":"t"}]`, nil},
	{
		"MCP call",
		[]llm.Item{{Kind: llm.ItemHosted, Type: "mcp_call", Raw: []byte(`{"id":"mcp_1","name":"f","arguments":"{}","output":"x"}`)}},
		dialect.Traits{},
		`[{"role":"assistant","content":"","tool_calls":[{"id":"mcp_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"mcp_1","content":"x"}]`, nil,
	},
	{"compaction", []llm.Item{{Kind: llm.ItemHosted, Type: "compaction", Path: "p"}}, dialect.Traits{}, `!unsupported_value p.type`, nil},
	{"reference", []llm.Item{{Kind: llm.ItemReference, ID: "msg_1", Path: "p"}}, dialect.Traits{}, `!reference_not_found p`, nil},
	{"unknown item", []llm.Item{{Kind: llm.ItemUnknown, Type: "x", Path: "p"}}, dialect.Traits{}, `!unsupported_value p.type`, nil},
}

func TestOrder(t *testing.T) {
	for _, tt := range orders {
		t.Run(tt.name, func(t *testing.T) {
			got, losses, _ := encode(llm.Request{Items: tt.items}, tt.traits, "messages")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.losses, losses); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}

// settings are requests and one member that they become.
var settings = []struct { // immutable
	name    string
	request llm.Request
	traits  dialect.Traits
	member  string
	want    string
	losses  []string
}{
	{"instructions", llm.Request{Instructions: "be", Items: []llm.Item{say(llm.RoleUser, "q")}}, dialect.Traits{Developer: true}, "messages", `[{"role":"developer","content":"be"},{"role":"user","content":"q"}]`, nil},
	{"instructions elsewhere", llm.Request{Instructions: "be"}, dialect.Traits{}, "messages", `[{"role":"system","content":"be"}]`, nil},
	{"limit", llm.Request{MaxOutput: new(int64(9))}, dialect.Traits{MaxCompletionTokens: true}, "max_completion_tokens", "9", nil},
	{"old limit", llm.Request{MaxOutput: new(int64(9))}, dialect.Traits{}, "max_tokens", "9", nil},
	{"effort", llm.Request{Effort: "low"}, dialect.Traits{}, "reasoning_effort", `"low"`, nil},
	{"budget", llm.Request{Thinking: "enabled", ThinkingBudget: new(int64(5000))}, dialect.Traits{}, "reasoning_effort", `"medium"`, []string{"thinking"}},
	{"verbosity", llm.Request{Verbosity: "low"}, full(), "verbosity", `"low"`, nil},
	{"verbosity elsewhere", llm.Request{Verbosity: "low"}, dialect.Traits{}, "verbosity", "", nil},
	{"JSON", llm.Request{Format: llm.Format{Kind: llm.FormatObject}}, dialect.Traits{}, "response_format", `{"type":"json_object"}`, nil},
	{
		"schema untouched",
		llm.Request{Format: llm.Format{Kind: llm.FormatSchema, Name: "n", Description: "d", Schema: []byte(`{ "a":1.50 }`), Strict: new(true)}},
		dialect.Traits{},
		"response_format", `{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{ "a":1.50 },"strict":true}}`, nil,
	},
	{"temperature as written", llm.Request{Temperature: "1.0"}, dialect.Traits{}, "temperature", "1.0", nil},
	{"top_p", llm.Request{TopP: "0.5"}, dialect.Traits{}, "top_p", "0.5", nil},
	{"seed", llm.Request{Seed: "7"}, dialect.Traits{}, "seed", "7", nil},
	{"presence", llm.Request{PresencePenalty: "1"}, dialect.Traits{}, "presence_penalty", "1", nil},
	{"frequency", llm.Request{FrequencyPenalty: "1"}, dialect.Traits{}, "frequency_penalty", "1", nil},
	{"bias", llm.Request{LogitBias: []byte(`{"1":2}`)}, dialect.Traits{}, "logit_bias", `{"1":2}`, nil},
	{"top_k", llm.Request{TopK: "5"}, dialect.Traits{TopK: true}, "top_k", "5", nil},
	{"top_k elsewhere", llm.Request{TopK: "5"}, dialect.Traits{OpenAI: true}, "top_k", "", []string{"top_k"}},
	{"stop", llm.Request{Stop: []string{"a", "b"}}, dialect.Traits{}, "stop", `["a","b"]`, nil},
	{"too many stops", llm.Request{Stop: []string{"a", "b", "c", "d", "e"}}, full(), "", "!unsupported_value stop", nil},
	{"one answer", llm.Request{N: 1}, full(), "n", "", nil},
	{"two answers", llm.Request{N: 2}, full(), "", "!unsupported_value n", nil},
	{"log probabilities", llm.Request{Logprobs: true}, full(), "logprobs", "true", nil},
	{"top log probabilities", llm.Request{TopLogprobs: new(int64(2))}, full(), "top_logprobs", "2", nil},
	{"log probabilities elsewhere", llm.Request{Logprobs: true}, dialect.Traits{}, "logprobs", "", []string{"logprobs"}},
	{"stream", llm.Request{Stream: true}, dialect.Traits{StreamUsage: true}, "stream_options", `{"include_usage":true}`, nil},
	{"stream without usage", llm.Request{Stream: true}, dialect.Traits{}, "stream_options", "", nil},
	{"no stream", llm.Request{Obfuscation: new(true)}, full(), "stream_options", "", nil},
	{"obfuscation", llm.Request{Stream: true, Obfuscation: new(false)}, dialect.Traits{OpenAI: true}, "stream_options", `{"include_obfuscation":false}`, nil},
	{"obfuscation elsewhere", llm.Request{Stream: true, Obfuscation: new(false)}, dialect.Traits{}, "stream_options", "", nil},
	{"store of a responses client", llm.Request{Store: new(true)}, full(), "store", "", nil},
	{"store of a chat client", llm.Request{Dialect: llm.Chat, Store: new(true)}, full(), "store", "true", nil},
	{"previous response", llm.Request{PreviousID: "resp_1"}, full(), "", "!previous_response_not_found previous_response_id", nil},

	{"shared member", llm.Request{Others: []llm.Member{{Name: "metadata", Value: []byte(`{"a":"b"}`)}}}, full(), "metadata", `{"a":"b"}`, nil},
	{"shared member elsewhere", llm.Request{Others: []llm.Member{{Name: "metadata", Value: []byte(`{"a":"b"}`)}}}, dialect.Traits{}, "metadata", "", nil},
	{"moderation elsewhere", llm.Request{Others: []llm.Member{{Name: "moderation", Value: []byte(`{"model":"x"}`)}}}, dialect.Traits{}, "moderation", "", []string{"moderation"}},
	{"service tier", llm.Request{Others: []llm.Member{{Name: "service_tier", Value: []byte(`"flex"`)}}}, full(), "service_tier", `"flex"`, nil},
	{"service tier of another protocol", llm.Request{Others: []llm.Member{{Name: "service_tier", Value: []byte(`"standard_only"`)}}}, full(), "service_tier", "", []string{"service_tier"}},
	{"service tier elsewhere", llm.Request{Others: []llm.Member{{Name: "service_tier", Value: []byte(`"auto"`)}}}, dialect.Traits{}, "service_tier", "", nil},
	{"conversation", llm.Request{Others: []llm.Member{{Name: "conversation", Value: []byte(`"c"`)}}}, full(), "", "!unsupported_parameter conversation", nil},
	{"background", llm.Request{Others: []llm.Member{{Name: "background", Value: []byte(`true`)}}}, full(), "", "!unsupported_parameter background", nil},
	{"no background", llm.Request{Others: []llm.Member{{Name: "background", Value: []byte(`false`)}}}, full(), "background", "", nil},
	{"prompt", llm.Request{Others: []llm.Member{{Name: "prompt", Value: []byte(`{}`)}}}, full(), "", "!unsupported_parameter prompt", nil},
	{"truncation", llm.Request{Others: []llm.Member{{Name: "truncation", Value: []byte(`"auto"`)}}}, full(), "truncation", "", []string{"truncation"}},
	{"no truncation", llm.Request{Others: []llm.Member{{Name: "truncation", Value: []byte(`"disabled"`)}}}, full(), "truncation", "", nil},
	{"context management", llm.Request{Others: []llm.Member{{Name: "context_management", Value: []byte(`[]`)}}}, full(), "context_management", "", []string{"context_management"}},
	{"hint of a responses client", llm.Request{Others: []llm.Member{{Name: "client_metadata", Value: []byte(`{}`)}}}, full(), "client_metadata", "", nil},
	{"unknown member of a chat client", llm.Request{Dialect: llm.Chat, Others: []llm.Member{{Name: "min_p", Value: []byte(`0.1`)}}}, dialect.Traits{}, "min_p", "0.1", nil},
	{"unknown member of a messages client", llm.Request{Dialect: llm.Messages, Others: []llm.Member{{Name: "x", Value: []byte(`1`)}}}, full(), "x", "", []string{"x"}},
	{"prediction", llm.Request{Others: []llm.Member{{Name: "prediction", Value: []byte(`{"type":"content","content":"x"}`)}}}, full(), "prediction", `{"type":"content","content":"x"}`, nil},
	{"text alone", llm.Request{Others: []llm.Member{{Name: "modalities", Value: []byte(`["text"]`)}}}, full(), "modalities", "", nil},
	{"spoken", llm.Request{Others: []llm.Member{{Name: "modalities", Value: []byte(`["text","audio"]`)}}}, full(), "", "!unsupported_value modalities", nil},
	{"voice", llm.Request{Others: []llm.Member{{Name: "audio", Value: []byte(`{}`)}}}, full(), "", "!unsupported_parameter audio", nil},

	{"function", llm.Request{Tools: []llm.Tool{{Name: "f", Description: "d", Schema: []byte(`{ "type":"object" }`), Strict: new(false)}}}, dialect.Traits{}, "tools", `[{"type":"function","function":{"name":"f","description":"d","parameters":{ "type":"object" },"strict":false}}]`, nil},
	{"function without parameters", llm.Request{Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{}, "tools", `[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]`, nil},
	{"parameters without a type", llm.Request{Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"properties":{"a":{}},"type":null}`)}}}, dialect.Traits{}, "tools", `[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{}}}}}]`, nil},
	{
		"custom",
		llm.Request{Tools: []llm.Tool{{Kind: llm.ToolCustom, Name: "p", Grammar: llm.Grammar{Syntax: "lark", Definition: "start: x"}}}},
		full(),
		"tools", `[{"type":"custom","custom":{"name":"p","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}}}]`, nil,
	},
	{"custom elsewhere", llm.Request{Tools: []llm.Tool{{Kind: llm.ToolCustom, Name: "p", Path: "tools[0]"}}}, dialect.Traits{}, "", "!unsupported_value tools[0].type", nil},
	{"namespace", llm.Request{Tools: []llm.Tool{{Kind: llm.ToolNamespace, Path: "tools[0]"}}}, full(), "", "!unsupported_value tools[0].type", nil},
	{
		"search",
		llm.Request{Tools: []llm.Tool{{Kind: llm.ToolHosted, Type: llm.HostedSearch, Search: &llm.WebSearch{Context: "low", Country: "JP", City: "Tokyo"}}}},
		full(),
		"web_search_options", `{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"country":"JP","city":"Tokyo"}}}`, nil,
	},
	{"search without a word", llm.Request{Tools: []llm.Tool{{Kind: llm.ToolHosted, Type: llm.HostedSearch}}}, full(), "web_search_options", `{}`, nil},
	{"parallel", llm.Request{ParallelTools: new(false), Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{}, "parallel_tool_calls", "false", nil},
	{"parallel without tools", llm.Request{ParallelTools: new(false)}, full(), "parallel_tool_calls", "", nil},

	{"auto", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceAuto}, Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{}, "tool_choice", `"auto"`, nil},
	{"none", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNone}, Tools: []llm.Tool{{Name: "f"}}}, full(), "tool_choice", `"none"`, nil},
	{"none for who does not listen", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNone}, Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{}, "tools", "", nil},
	{"required for who does not listen", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired}, Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{}, "tool_choice", `"required"`, []string{"tool_choice"}},
	{"required", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired}, Tools: []llm.Tool{{Name: "f"}}}, dialect.Traits{ToolChoice: true}, "tool_choice", `"required"`, nil},
	{"required without tools", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired}}, full(), "", "!unsupported_value tool_choice", nil},
	{"named", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "f"}}, Tools: []llm.Tool{{Name: "f"}}}, full(), "tool_choice", `{"type":"function","function":{"name":"f"}}`, nil},
	{"named custom", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Kind: llm.ToolCustom, Name: "f"}}, Tools: []llm.Tool{{Name: "f"}}}, full(), "tool_choice", `{"type":"custom","custom":{"name":"f"}}`, nil},
	{
		"allowed",
		llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceAllowed, Required: true, Allowed: []llm.Tool{{Name: "f"}}}, Tools: []llm.Tool{{Name: "f"}, {Name: "g"}}},
		full(),
		"tool_choice", `{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}`, nil,
	},
	{
		"allowed for who knows no such",
		llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceAllowed, Allowed: []llm.Tool{{Name: "g"}}}, Tools: []llm.Tool{{Name: "f"}, {Name: "g"}}},
		dialect.Traits{},
		"tools", `[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}]`,
		[]string{"tool_choice"},
	},
	{"hosted", llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceHosted}, Tools: []llm.Tool{{Name: "f"}}}, full(), "", "!unsupported_value tool_choice", nil},
}

func TestSettings(t *testing.T) {
	for _, tt := range settings {
		t.Run(tt.name, func(t *testing.T) {
			got, losses, _ := encode(tt.request, tt.traits, tt.member)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.member, diff)
			}
			if diff := cmp.Diff(tt.losses, losses); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}

// What is written for OpenAI's servers must be what OpenAI publishes.
func TestRequestsFitThePublishedSchema(t *testing.T) {
	schemas := dialecttest.LoadSchemas(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	traits := full()
	traits.Reasoning = ""
	check := func(t *testing.T, r llm.Request) {
		t.Helper()
		if len(r.Items) == 0 {
			r.Items = []llm.Item{say(llm.RoleUser, "q")}
		}
		_, _, body := encode(r, traits, "model")
		if body != nil {
			schemas.Check(t, "CreateChatCompletionRequest", string(body))
		}
	}
	for _, tt := range orders {
		t.Run(tt.name, func(t *testing.T) { check(t, llm.Request{Items: tt.items}) })
	}
	for _, tt := range settings {
		t.Run(tt.name, func(t *testing.T) { check(t, tt.request) })
	}
}
