package responses_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestDecodeRequest(t *testing.T) {
	body := `{"model":"m","instructions":"i","input":"hi","parallel_tool_calls":true,"max_output_tokens":5,"temperature":1.0,"top_p":0.10,
		"top_logprobs":2,"include":["message.output_text.logprobs","reasoning.encrypted_content","x"],"stream":true,"stream_options":{"include_obfuscation":false},
		"store":false,"previous_response_id":"resp_1","reasoning":{"effort":"low","generate_summary":"concise"},"metadata":{"a":"b"},"user":null,
		"text":{"verbosity":"low","format":{"type":"json_schema","name":"n","description":"d","schema":{"z": 1e0},"strict":false}},"tool_choice":"required","x_new":[1]}`
	got, err := responses.Dialect{}.DecodeRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[llm.Field]string{llm.FieldMaxOutput: "max_output_tokens", llm.FieldFormat: "text.format", llm.FieldEffort: "reasoning.effort"} {
		if got.Path(field) != want {
			t.Errorf("Path(%d) = %q, want %q", field, got.Path(field), want)
		}
	}
	want := &llm.Request{
		Dialect: llm.Responses, Model: "m", Instructions: "i",
		Items:         []llm.Item{{Role: llm.RoleUser, Path: "input", Parts: []llm.Part{{Text: "hi", Path: "input"}}}},
		ParallelTools: new(true), MaxOutput: new(int64(5)), Temperature: "1.0", TopP: "0.10", TopLogprobs: new(int64(2)), Logprobs: true, WantSealed: true,
		Include: []string{"message.output_text.logprobs", "reasoning.encrypted_content", "x"}, Stream: true, Obfuscation: new(false), Store: new(false),
		PreviousID: "resp_1", Effort: "low", Summary: "concise", Verbosity: "low",
		Format: llm.Format{Kind: llm.FormatSchema, Name: "n", Description: "d", Schema: []byte(`{"z": 1e0}`), Strict: new(false)},
		Choice: llm.ToolChoice{Mode: llm.ChoiceRequired, Raw: []byte(`"required"`)},
		Others: []llm.Member{{Name: "metadata", Value: []byte(`{"a":"b"}`)}, {Name: "x_new", Value: []byte(`[1]`)}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(llm.Request{}, "Names", "Echo")); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	var echo []string
	for _, m := range got.Echo {
		echo = append(echo, m.Name)
	}
	if diff := cmp.Diff(strings.Fields("instructions parallel_tool_calls max_output_tokens temperature top_p top_logprobs previous_response_id reasoning metadata text tool_choice"), echo); diff != "" {
		t.Errorf("what is echoed (-want +got):\n%s", diff)
	}
}

// Items of every type.
func TestDecodeItems(t *testing.T) {
	text := func(path, s string) []llm.Part { return []llm.Part{{Text: s, Path: "input[0]." + path}} }
	for _, tt := range []struct {
		item string
		want llm.Item
	}{
		{`{"role":"system","content":"a"}`, llm.Item{Role: llm.RoleSystem, Parts: text("content", "a")}},
		{`{"type":"message","role":"assistant","content":[]}`, llm.Item{Role: llm.RoleAssistant, Parts: []llm.Part{}}},
		{`{"id":"msg_1"}`, llm.Item{Kind: llm.ItemReference, ID: "msg_1"}},
		{`{"type":"item_reference","id":"msg_1"}`, llm.Item{Kind: llm.ItemReference, ID: "msg_1"}},
		{
			`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"r"}],"encrypted_content":"e"}`,
			llm.Item{Kind: llm.ItemReasoning, ID: "rs_1", Sealed: "e", Parts: []llm.Part{
				{Kind: llm.PartSummary, Text: "s", Path: "input[0].summary[0]"}, {Kind: llm.PartReasoning, Text: "r", Path: "input[0].content[0]"},
			}},
		},
		{`{"type":"function_call","call_id":"c","name":"f","namespace":"ns","arguments":"{}"}`, llm.Item{Kind: llm.ItemCall, CallID: "c", Name: "f", Namespace: "ns", Input: "{}"}},
		{`{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}`, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: "c", Name: "f", Input: "x"}},
		{`{"type":"local_shell_call","call_id":"c","action":{"a": 1}}`, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolLocalShell, CallID: "c", Input: `{"a": 1}`}},
		{`{"type":"shell_call","call_id":"c","action":{}}`, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolShell, CallID: "c", Input: `{}`}},
		{`{"type":"apply_patch_call","call_id":"c","operation":{}}`, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolApplyPatch, CallID: "c", Input: `{}`}},
		{`{"type":"tool_search_call","execution":"client","call_id":"c","arguments":{}}`, llm.Item{Kind: llm.ItemCall, Tool: llm.ToolSearch, CallID: "c", Input: `{}`}},
		{`{"type":"tool_search_call","call_id":null,"arguments":{}}`, llm.Item{Kind: llm.ItemHosted, Tool: llm.ToolSearch}},
		{`{"type":"function_call_output","call_id":"c","output":"o"}`, llm.Item{Kind: llm.ItemOutput, CallID: "c", Parts: text("output", "o")}},
		{
			`{"type":"custom_tool_call_output","call_id":"c","output":[{"type":"input_image","image_url":"data:x","detail":"low"}]}`,
			llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolCustom, CallID: "c", Parts: []llm.Part{{Kind: llm.PartImage, URL: "data:x", Detail: "low", Path: "input[0].output[0]"}}},
		},
		{`{"type":"local_shell_call_output","id":"c","output":"o"}`, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolLocalShell, ID: "c", CallID: "c", Parts: text("output", "o")}},
		{`{"type":"shell_call_output","call_id":"c","output":[ ]}`, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolShell, CallID: "c", Parts: text("output", "[ ]")}},
		{`{"type":"apply_patch_call_output","call_id":"c","status":"failed","output":"o"}`, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolApplyPatch, Status: "failed", IsError: true, CallID: "c", Parts: text("output", "o")}},
		{`{"type":"apply_patch_call_output","call_id":"c","status":"completed"}`, llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolApplyPatch, Status: "completed", CallID: "c", Parts: text("status", "completed")}},
		{
			`{"type":"tool_search_output","execution":"client","call_id":"c","tools":[{"type":"function","name":"f"}]}`,
			llm.Item{Kind: llm.ItemOutput, Tool: llm.ToolSearch, CallID: "c", Parts: text("tools", `[{"type":"function","name":"f"}]`), Tools: []llm.Tool{{Name: "f", Path: "input[0].tools[0]"}}},
		},
		{
			`{"type":"additional_tools","role":"developer","tools":[{"type":"namespace","name":"n","description":"d","tools":[{"type":"custom","name":"c","format":{"type":"grammar","syntax":"lark","definition":"x"}}]}]}`,
			llm.Item{Kind: llm.ItemTools, Tools: []llm.Tool{{Kind: llm.ToolNamespace, Name: "n", Description: "d", Path: "input[0].tools[0]", Tools: []llm.Tool{
				{Kind: llm.ToolCustom, Name: "c", Path: "input[0].tools[0].tools[0]", Grammar: llm.Grammar{Syntax: "lark", Definition: "x"}},
			}}}},
		},
		{`{"type":"web_search_call","id":"ws_1"}`, llm.Item{Kind: llm.ItemHosted, ID: "ws_1"}},
		{`{"type":"compaction_trigger"}`, llm.Item{Kind: llm.ItemHosted}},
		{`{"type":"of_tomorrow"}`, llm.Item{Kind: llm.ItemUnknown}},
		{
			`{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","file_id":"f"},{"type":"input_file","filename":"n","file_data":"data:application/pdf;base64,AA"},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},{"type":"x"}]}`,
			llm.Item{Role: llm.RoleUser, Parts: []llm.Part{
				{Text: "a", Path: "input[0].content[0]"},
				{Kind: llm.PartImage, FileID: "f", Path: "input[0].content[1]"},
				{Kind: llm.PartFile, Name: "n", Data: "AA", Media: "application/pdf", Path: "input[0].content[2]"},
				{Kind: llm.PartAudio, Data: "AA", Media: "wav", Path: "input[0].content[3]"},
				{Kind: llm.PartUnknown, Path: "input[0].content[4]", Raw: []byte(`{"type":"x"}`)},
			}},
		},
	} {
		t.Run(tt.item, func(t *testing.T) {
			r, err := responses.Dialect{}.DecodeRequest([]byte(`{"input":[` + tt.item + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Path, tt.want.Raw = "input[0]", []byte(tt.item)
			if diff := cmp.Diff(tt.want, r.Items[0], cmpopts.IgnoreFields(llm.Item{}, "Type"), cmpopts.IgnoreFields(llm.Part{}, "Type"), cmpopts.IgnoreFields(llm.Tool{}, "Type", "Raw")); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

// Tools that are not those of a client.
func TestDecodeHostedTools(t *testing.T) {
	body := `{"tools":[{"type":"web_search_preview_2025_03_11","search_context_size":"high","filters":{"allowed_domains":["a"]},"user_location":{"type":"approximate","city":"B","country":"DE","region":"N","timezone":"T"}},
		{"type":"tool_search"},{"type":"shell","environment":{"type":"container_auto"}},{"type":"shell","environment":{"type":"local"}},{"type":"mcp"}],"tool_choice":{"type":"web_search_preview"}}`
	r, err := responses.Dialect{}.DecodeRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tool := range r.Tools {
		got = append(got, fmt.Sprint(tool.Kind == llm.ToolHosted, " ", tool.Type))
	}
	if diff := cmp.Diff([]string{"true web_search", "true tool_search", "true shell", "false shell", "true mcp"}, got); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&llm.WebSearch{Context: "high", Allowed: []string{"a"}, City: "B", Country: "DE", Region: "N", TimeZone: "T"}, r.Tools[0].Search); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
	if c := r.Choice; c.Mode != llm.ChoiceHosted || c.Named.Type != llm.HostedSearch {
		t.Errorf("choice = %+v", c)
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	for _, tt := range []struct {
		body, param string
		code        llm.Code
	}{
		{`[]`, "", llm.CodeInvalidJSON},
		{`{"input":[{"a":1,"a":2}]}`, "", llm.CodeInvalidJSON},
		{`{"input":5}`, "input", llm.CodeInvalidValue},
		{`{"input":["x"]}`, "input[0]", llm.CodeInvalidValue},
		{`{"input":[{}]}`, "input[0].type", llm.CodeMissingParameter},
		{`{"input":[{"role":"tool","content":""}]}`, "input[0].role", llm.CodeInvalidValue},
		{`{"input":[{"type":"message","content":""}]}`, "input[0].role", llm.CodeMissingParameter},
		{`{"input":[{"role":"user","content":5}]}`, "input[0].content", llm.CodeInvalidValue},
		{`{"input":[{"role":"user","content":[5]}]}`, "input[0].content[0]", llm.CodeInvalidValue},
		{`{"input":[{"role":"user","content":[{}]}]}`, "input[0].content[0].type", llm.CodeMissingParameter},
		{`{"input":[{"role":"user","content":[{"type":"input_text"}]}]}`, "input[0].content[0].text", llm.CodeInvalidValue},
		{`{"input":[{"role":"user","content":[{"type":"input_image"}]}]}`, "input[0].content[0].image_url", llm.CodeMissingParameter},
		{`{"input":[{"role":"user","content":[{"type":"input_image","image_url":{}}]}]}`, "input[0].content[0].image_url", llm.CodeInvalidValue},
		{`{"input":[{"role":"user","content":[{"type":"input_file"}]}]}`, "input[0].content[0].file_data", llm.CodeMissingParameter},
		{`{"input":[{"type":"function_call","name":"f","arguments":"{}"}]}`, "input[0].call_id", llm.CodeMissingParameter},
		{`{"input":[{"type":"function_call","call_id":"c","arguments":"{}"}]}`, "input[0].name", llm.CodeMissingParameter},
		{`{"input":[{"type":"function_call_output","output":"{}"}]}`, "input[0].call_id", llm.CodeMissingParameter},
		{`{"input":[{"type":"additional_tools","tools":[{"type":"function"}]}]}`, "input[0].tools[0].name", llm.CodeMissingParameter},
		{`{"tools":{}}`, "tools", llm.CodeInvalidValue},
		{`{"tools":[{}]}`, "tools[0].type", llm.CodeMissingParameter},
		{`{"tools":[{"type":"function","name":"f","parameters":[]}]}`, "tools[0].parameters", llm.CodeInvalidValue},
		{`{"tools":[{"type":"custom","name":"f","format":{"type":"grammar","syntax":"lark"}}]}`, "tools[0].format.definition", llm.CodeMissingParameter},
		{`{"tool_choice":"any"}`, "tool_choice", llm.CodeInvalidValue},
		{`{"tool_choice":5}`, "tool_choice", llm.CodeInvalidValue},
		{`{"tool_choice":{"type":"function"}}`, "tool_choice.name", llm.CodeMissingParameter},
		{`{"tool_choice":{"type":"allowed_tools","mode":"any","tools":[]}}`, "tool_choice.mode", llm.CodeInvalidValue},
		{`{"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}}`, "tool_choice.tools", llm.CodeMissingParameter},
		{`{"text":{"format":{"type":"xml"}}}`, "text.format.type", llm.CodeInvalidValue},
		{`{"text":{"format":{"type":"json_schema","name":"n"}}}`, "text.format.schema", llm.CodeMissingParameter},
		{`{"reasoning":"high"}`, "reasoning", llm.CodeInvalidValue},
		{`{"max_output_tokens":0}`, "max_output_tokens", llm.CodeInvalidValue},
		{`{"temperature":"1"}`, "temperature", llm.CodeInvalidValue},
		{`{"include":"x"}`, "include", llm.CodeInvalidValue},
		{`{"store":"yes"}`, "store", llm.CodeInvalidValue},
		{`{"stream_options":[]}`, "stream_options", llm.CodeInvalidValue},
	} {
		_, err := responses.Dialect{}.DecodeRequest([]byte(tt.body))
		if got := llm.AsError(err); err == nil || got.Code != tt.code || got.Param != tt.param {
			t.Errorf("DecodeRequest(%s) = %v, want %s of %q", tt.body, err, tt.code, tt.param)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, body := range requests(f) {
		f.Add(body)
	}
	f.Add(`{"input":[{"type":"tool_search_output","execution":"client","call_id":"c","tools":[{"type":"shell","environment":{"type":"local"}}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := responses.Dialect{}.DecodeRequest([]byte(body))
		if err != nil {
			if e := llm.AsError(err); e.Code == llm.CodeInternal {
				t.Fatalf("DecodeRequest(%q) = %v, want an error of the client's", body, err)
			}
			return
		}
		// What has passed can be sent on, as it is and made simpler.
		e, err := responses.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m", Traits: all})
		if err != nil && llm.AsError(err).Param == "" {
			t.Fatalf("EncodeRequest of %q: %v", body, err)
		}
		if err == nil {
			if _, err := (responses.Dialect{}).DecodeRequest(e.Body); err != nil {
				t.Fatalf("%q is sent as %q, which is refused: %v", body, e.Body, err)
			}
		}
		low, _, _, err := dialect.Lower(r, dialect.Traits{}, false)
		if err != nil {
			return
		}
		low.Dialect = llm.Chat // so that everything is written anew
		if e, err = (responses.Dialect{}).EncodeRequest(low, &dialect.Target{Model: "m"}); err == nil {
			if _, err := (responses.Dialect{}).DecodeRequest(e.Body); err != nil {
				t.Fatalf("%q is lowered to %q, which is refused: %v", body, e.Body, err)
			}
		}
	})
}
