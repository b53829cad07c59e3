package chat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

const ask = `"messages":[{"role":"user","content":"q"}]`

func part(k llm.PartKind, path, text string) llm.Part {
	return llm.Part{Kind: k, Path: path, Text: text}
}

// Each message becomes these items.
func TestMessages(t *testing.T) {
	asUser := func(parts ...llm.Part) []llm.Item {
		return []llm.Item{{Kind: llm.ItemMessage, Role: llm.RoleUser, Path: "messages[0]", Parts: parts}}
	}
	for _, tt := range []struct {
		name, messages string
		want           []llm.Item
	}{
		{
			"system, developer, user in place",
			`{"role":"system","content":"s"},{"role":"user","content":"q","name":"Ann"},{"role":"developer","content":[{"type":"text","text":"d"}]}`,
			[]llm.Item{
				{Role: llm.RoleSystem, Path: "messages[0]", Parts: []llm.Part{part(llm.PartText, "messages[0].content", "s")}},
				{Role: llm.RoleUser, Path: "messages[1]", Name: "Ann", Parts: []llm.Part{part(llm.PartText, "messages[1].content", "q")}},
				{Role: llm.RoleDeveloper, Path: "messages[2]", Parts: []llm.Part{{Path: "messages[2].content[0]", Text: "d", Type: "text"}}},
			},
		},
		{
			"image", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a","detail":"low"}}]}`,
			asUser(llm.Part{Kind: llm.PartImage, Path: "messages[0].content[0]", Type: "image_url", URL: "https://example.com/a", Detail: "low"}),
		},
		{
			"audio", `{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"mp3"}}]}`,
			asUser(llm.Part{Kind: llm.PartAudio, Path: "messages[0].content[0]", Type: "input_audio", Data: "AA", Media: "mp3"}),
		},
		{
			"file", `{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,AA","filename":"a.pdf"}},{"type":"file","file":{"file_id":"file-1"}}]}`,
			asUser(
				llm.Part{Kind: llm.PartFile, Path: "messages[0].content[0]", Type: "file", Data: "AA", Media: "application/pdf", Name: "a.pdf"},
				llm.Part{Kind: llm.PartFile, Path: "messages[0].content[1]", Type: "file", FileID: "file-1"},
			),
		},
		{
			"unknown part", `{"role":"user","content":[{"type":"video","x":1}]}`,
			asUser(llm.Part{Kind: llm.PartUnknown, Path: "messages[0].content[0]", Type: "video", Raw: []byte(`{"type":"video","x":1}`)}),
		},
		{
			"assistant with everything",
			`{"role":"assistant","content":"t","refusal":"no","reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"custom","custom":{"name":"p","input":"x"}}]},` +
				`{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"y"}]},{"role":"tool","tool_call_id":"a","content":"z"}`,
			[]llm.Item{
				{Kind: llm.ItemReasoning, Path: "messages[0]", Parts: []llm.Part{part(llm.PartReasoning, "messages[0]", "hm")}},
				{Role: llm.RoleAssistant, Path: "messages[0]", Parts: []llm.Part{part(llm.PartText, "messages[0].content", "t"), part(llm.PartRefusal, "messages[0].refusal", "no")}},
				{Kind: llm.ItemCall, Path: "messages[0].tool_calls[0]", CallID: "a", Name: "f", Input: "{}"},
				{Kind: llm.ItemCall, Path: "messages[0].tool_calls[1]", CallID: "b", Name: "p", Input: "x", Tool: llm.ToolCustom},
				{Kind: llm.ItemOutput, Path: "messages[1]", CallID: "b", Tool: llm.ToolCustom, Parts: []llm.Part{{Path: "messages[1].content[0]", Text: "y", Type: "text"}}},
				{Kind: llm.ItemOutput, Path: "messages[2]", CallID: "a", Parts: []llm.Part{part(llm.PartText, "messages[2].content", "z")}},
			},
		},
		{
			"calls without text", `{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
			[]llm.Item{{Kind: llm.ItemCall, Path: "messages[0].tool_calls[0]", CallID: "a", Name: "f", Input: "{}"}},
		},
		{
			"old form, answered by name",
			`{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"1"}},{"role":"function","name":"f","content":"x"}`,
			[]llm.Item{
				{Kind: llm.ItemCall, Path: "messages[0].function_call", CallID: "call_625bbb4e15b72be10b714898", Name: "f", Input: "1"},
				{Kind: llm.ItemOutput, Path: "messages[1]", CallID: "call_625bbb4e15b72be10b714898", Parts: []llm.Part{part(llm.PartText, "messages[1].content", "x")}},
			},
		},
		{"an assistant that says nothing", `{"role":"assistant","content":""}`, []llm.Item{{Role: llm.RoleAssistant, Path: "messages[0]"}}},
		{
			"audio of an assistant", `{"role":"assistant","audio":{"id":"x"}}`,
			[]llm.Item{{Role: llm.RoleAssistant, Path: "messages[0]", Parts: []llm.Part{{Kind: llm.PartUnknown, Path: "messages[0].audio", Type: "audio", Raw: []byte(`{"id":"x"}`)}}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := chat.Dialect{}.DecodeRequest([]byte(`{"model":"m","messages":[` + tt.messages + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}

// Each member becomes a setting; the request is otherwise empty.
func TestMembers(t *testing.T) {
	for _, tt := range []struct {
		name, members string
		want          llm.Request
	}{
		{"limit", `"max_completion_tokens":5,"max_tokens":9`, llm.Request{MaxOutput: new(int64(5))}},
		{"sampling", `"temperature":1.0,"top_p":0.5,"top_k":3,"seed":7,"presence_penalty":0,"frequency_penalty":-1`, llm.Request{Temperature: "1.0", TopP: "0.5", TopK: "3", Seed: "7", PresencePenalty: "0", FrequencyPenalty: "-1"}},
		{"bias", `"logit_bias":{"1": 2}`, llm.Request{LogitBias: []byte(`{"1": 2}`)}},
		{"one stop", `"stop":"a"`, llm.Request{Stop: []string{"a"}}},
		{"stops", `"stop":["a","b"]`, llm.Request{Stop: []string{"a", "b"}}},
		{"n", `"n":2`, llm.Request{N: 2}},
		{"log probabilities", `"logprobs":true,"top_logprobs":2`, llm.Request{Logprobs: true, TopLogprobs: new(int64(2))}},
		{"stream", `"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`, llm.Request{Stream: true, IncludeUsage: true, Obfuscation: new(false)}},
		{"store", `"store":true`, llm.Request{Store: new(true)}},
		{"thought", `"reasoning_effort":"low","verbosity":"high"`, llm.Request{Effort: "low", Verbosity: "high"}},
		{"reasoning wanted", `"include_reasoning":true`, llm.Request{Summary: "auto"}},
		{"reasoning not wanted", `"include_reasoning":false`, llm.Request{}},
		{"text", `"response_format":{"type":"text"}`, llm.Request{}},
		{"JSON", `"response_format":{"type":"json_object"}`, llm.Request{Format: llm.Format{Kind: llm.FormatObject}}},
		{
			"schema", `"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{ "a":1.50 }}}`,
			llm.Request{Format: llm.Format{Kind: llm.FormatSchema, Name: "n", Description: "d", Strict: new(true), Schema: []byte(`{ "a":1.50 }`)}},
		},
		{"others", `"metadata":{"a":"b"},"x":[1]`, llm.Request{Others: []llm.Member{{Name: "metadata", Value: []byte(`{"a":"b"}`)}, {Name: "x", Value: []byte(`[1]`)}}}},
		{"nulls", `"tools":null,"stop":null,"n":null,"x":null,"function_call":null`, llm.Request{}},
		{
			"tools", `"parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"a":1},"strict":true}},` +
				`{"type":"custom","custom":{"name":"p","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}},{"type":"custom","custom":{"name":"r","format":{"type":"text"}}},{"type":"mcp"}]`,
			llm.Request{ParallelTools: new(false), Tools: []llm.Tool{
				{
					Path: "tools[0]", Type: "function", Name: "f", Description: "d", Schema: []byte(`{"a":1}`), Strict: new(true),
					Raw: []byte(`{"type":"function","function":{"name":"f","description":"d","parameters":{"a":1},"strict":true}}`),
				},
				{
					Kind: llm.ToolCustom, Path: "tools[1]", Type: "custom", Name: "p", Grammar: llm.Grammar{Syntax: "lark", Definition: "x"},
					Raw: []byte(`{"type":"custom","custom":{"name":"p","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}`),
				},
				{Kind: llm.ToolCustom, Path: "tools[2]", Type: "custom", Name: "r", Raw: []byte(`{"type":"custom","custom":{"name":"r","format":{"type":"text"}}}`)},
				{Kind: llm.ToolHosted, Path: "tools[3]", Type: "mcp", Raw: []byte(`{"type":"mcp"}`)},
			}},
		},
		{
			"web search", `"web_search_options":{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"country":"JP","timezone":"Asia/Tokyo"}}}`,
			llm.Request{Tools: []llm.Tool{{
				Kind: llm.ToolHosted, Type: "web_search", Path: "web_search_options",
				Search: &llm.WebSearch{Context: "low", Country: "JP", TimeZone: "Asia/Tokyo"},
				Raw:    []byte(`{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"country":"JP","timezone":"Asia/Tokyo"}}}`),
			}}},
		},
		{"functions", `"functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"}`, llm.Request{
			Functions: true, Tools: []llm.Tool{{Path: "functions[0]", Type: "function", Name: "f", Schema: []byte(`{}`)}},
			Choice: llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "f", Type: "function", Path: "function_call"}},
		}},
		{"function_call auto", `"function_call":"auto"`, llm.Request{Functions: true, Choice: llm.ToolChoice{Mode: llm.ChoiceAuto}}},
		{"choice", `"tool_choice":"required"`, llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceRequired, Raw: []byte(`"required"`)}}},
		{"choice none", `"tool_choice":"none"`, llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceNone, Raw: []byte(`"none"`)}}},
		{"named custom", `"tool_choice":{"type":"custom","custom":{"name":"p"}}`, llm.Request{Choice: llm.ToolChoice{
			Mode: llm.ChoiceNamed, Named: llm.Tool{Kind: llm.ToolCustom, Name: "p", Type: "custom", Path: "tool_choice"}, Raw: []byte(`{"type":"custom","custom":{"name":"p"}}`),
		}}},
		{"allowed", `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}`, llm.Request{Choice: llm.ToolChoice{
			Mode: llm.ChoiceAllowed, Required: true, Allowed: []llm.Tool{{Name: "f", Type: "function", Path: "tool_choice.allowed_tools.tools[0]"}},
			Raw: []byte(`{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}`),
		}}},
		{"hosted choice", `"tool_choice":{"type":"mcp"}`, llm.Request{Choice: llm.ToolChoice{Mode: llm.ChoiceHosted, Raw: []byte(`{"type":"mcp"}`)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := chat.Dialect{}.DecodeRequest([]byte(`{"model":"m",` + ask + `,` + tt.members + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if r.Model != "m" || r.Dialect != llm.Chat || len(r.Items) != 1 || r.Names == nil {
				t.Errorf("request = %+v", r)
			}
			r.Model, r.Dialect, r.Items, r.Names = "", "", nil, nil
			if diff := cmp.Diff(tt.want, *r); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// What has two names is called by the one that the client has used.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		members string
		field   llm.Field
		want    string
	}{
		{`"max_tokens":5`, llm.FieldMaxOutput, "max_tokens"},
		{`"max_tokens":5,"max_completion_tokens":5`, llm.FieldMaxOutput, "max_completion_tokens"},
		{`"functions":[{"name":"f"}]`, llm.FieldTools, "functions"},
		{`"functions":[{"name":"f"}]`, llm.FieldToolChoice, "function_call"},
		{`"tools":[]`, llm.FieldToolChoice, "tool_choice"},
		{`"x":1`, llm.FieldPreviousID, ""},
	} {
		r, err := chat.Dialect{}.DecodeRequest([]byte(`{` + ask + `,` + tt.members + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Path(tt.field); got != tt.want {
			t.Errorf("%s: field %d is called %q, want %q", tt.members, tt.field, got, tt.want)
		}
	}
}

// What no other protocol has is lost to all of them.
func TestLost(t *testing.T) {
	r, err := chat.Dialect{}.DecodeRequest([]byte(`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","name":"Bob"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lost) != 1 || r.Lost[0].Path != "messages[1].name" {
		t.Errorf("lost %+v, want the name", r.Lost)
	}
}

func TestRefusedRequests(t *testing.T) {
	for _, tt := range []struct{ body, code, param string }{
		{`{`, "invalid_json", ""},
		{`{}`, "missing_required_parameter", "messages"},
		{`{"messages":"q"}`, "invalid_value", "messages"},
		{`{"messages":[]}`, "invalid_value", "messages"},
		{`{"messages":[1]}`, "invalid_value", "messages[0]"},
		{`{"messages":[{}]}`, "missing_required_parameter", "messages[0].role"},
		{`{"messages":[{"role":"x"}]}`, "invalid_value", "messages[0].role"},
		{`{"messages":[{"role":"user"}]}`, "missing_required_parameter", "messages[0].content"},
		{`{"messages":[{"role":"user","content":1}]}`, "invalid_value", "messages[0].content"},
		{`{"messages":[{"role":"user","content":[1]}]}`, "invalid_value", "messages[0].content[0]"},
		{`{"messages":[{"role":"user","content":[{}]}]}`, "missing_required_parameter", "messages[0].content[0].type"},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}`, "invalid_value", "messages[0].content[0].text"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, "missing_required_parameter", "messages[0].content[0].image_url.url"},
		{`{"messages":[{"role":"user","content":[{"type":"file"}]}]}`, "missing_required_parameter", "messages[0].content[0].file"},
		{`{"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}`, "missing_required_parameter", "messages[0].content[0].file.file_data"},
		{`{"messages":[{"role":"assistant","tool_calls":[{}]}]}`, "missing_required_parameter", "messages[0].tool_calls[0].id"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"x"}]}]}`, "invalid_value", "messages[0].tool_calls[0].type"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function"}]}]}`, "missing_required_parameter", "messages[0].tool_calls[0].function.name"},
		{`{"messages":[{"role":"tool","content":"x"}]}`, "missing_required_parameter", "messages[0].tool_call_id"},
		{`{"messages":[{"role":"function","name":"f","content":"x"}]}`, "invalid_value", "messages[0].name"},
		{`{` + ask + `,"n":0}`, "invalid_value", "n"},
		{`{` + ask + `,"temperature":"1"}`, "invalid_value", "temperature"},
		{`{` + ask + `,"max_tokens":1.5}`, "invalid_value", "max_tokens"},
		{`{` + ask + `,"stop":[1]}`, "invalid_value", "stop"},
		{`{` + ask + `,"stop":{}}`, "invalid_value", "stop"},
		{`{` + ask + `,"logprobs":1}`, "invalid_value", "logprobs"},
		{`{` + ask + `,"stream_options":[]}`, "invalid_value", "stream_options"},
		{`{` + ask + `,"tools":{}}`, "invalid_value", "tools"},
		{`{` + ask + `,"tools":[1]}`, "invalid_value", "tools[0]"},
		{`{` + ask + `,"tools":[{}]}`, "missing_required_parameter", "tools[0].type"},
		{`{` + ask + `,"tools":[{"type":"function"}]}`, "missing_required_parameter", "tools[0].function"},
		{`{` + ask + `,"tools":[{"type":"function","function":{}}]}`, "missing_required_parameter", "tools[0].function.name"},
		{`{` + ask + `,"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]}`, "invalid_value", "tools[0].function.parameters"},
		{`{` + ask + `,"tools":[{"type":"custom","custom":{"name":"f","format":{"type":"x"}}}]}`, "invalid_value", "tools[0].custom.format.type"},
		{`{` + ask + `,"tool_choice":"x"}`, "invalid_value", "tool_choice"},
		{`{` + ask + `,"tool_choice":1}`, "invalid_value", "tool_choice"},
		{`{` + ask + `,"tool_choice":{"type":"function"}}`, "missing_required_parameter", "tool_choice.function.name"},
		{`{` + ask + `,"function_call":"x"}`, "invalid_value", "function_call"},
		{`{` + ask + `,"response_format":{"type":"xml"}}`, "invalid_value", "response_format.type"},
		{`{` + ask + `,"response_format":{"type":"json_schema"}}`, "missing_required_parameter", "response_format.json_schema"},
		{`{` + ask + `,"web_search_options":1}`, "invalid_value", "web_search_options"},
	} {
		t.Run(tt.body, func(t *testing.T) {
			_, err := chat.Dialect{}.DecodeRequest([]byte(tt.body))
			if err == nil {
				t.Fatal("no error")
			}
			if e := llm.AsError(err); string(e.Code) != tt.code || e.Param != tt.param {
				t.Errorf("error %s about %q, want %s about %q", e.Code, e.Param, tt.code, tt.param)
			}
		})
	}
}

// FuzzDecodeRequest checks that whatever a client sends is either refused, with
// a word about what is wrong, or can be asked of a target, or is refused there.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m",` + ask + `,"stream":true,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto"}`,
		`{"messages":[{"role":"assistant","reasoning_content":"hm","content":[{"type":"text","text":"a"},{"type":"refusal","refusal":"b"}],"tool_calls":[{"id":"a","type":"custom","custom":{"name":"p","input":"x"}}]},{"role":"tool","tool_call_id":"a","content":"y"}]}`,
		`{"messages":[{"role":"assistant","function_call":{"name":"f","arguments":""}},{"role":"function","name":"f","content":null}],"functions":[{"name":"f","parameters":{"type":null}}],"function_call":{"name":"f"}}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}},{"type":"file","file":{"file_data":"data:a;base64,AA"}},{"type":"input_audio","input_audio":{"data":"A","format":"wav"}}]}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"logit_bias":{},"x":null,"y":[1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := chat.Dialect{}.DecodeRequest(body)
		if err != nil {
			if e := llm.AsError(err); e.Kind() != llm.Invalid || e.Param == "" && e.Code != llm.CodeInvalidJSON {
				t.Fatalf("error = %v, want one about a field", err)
			}
			return
		}
		for _, traits := range []dialect.Traits{{}, full()} {
			e, err := chat.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m", Traits: traits})
			if err != nil {
				if e := llm.AsError(err); e.Kind() != llm.Invalid || e.Param == "" {
					t.Fatalf("error = %v, want one about a field", err)
				}
				continue
			}
			if _, err := jsontree.Parse(e.Body); err != nil {
				t.Fatalf("%v in %s", err, e.Body)
			}
			again, err := chat.Dialect{}.DecodeRequest(e.Body)
			if err != nil {
				t.Fatalf("what was written is refused: %v\n%s", err, e.Body)
			}
			if again.Stream != r.Stream || again.Model != "m" || len(again.Stop) != len(r.Stop) {
				t.Fatalf("%s is read as %+v, want what %+v says", e.Body, again, r)
			}
		}
	})
}
