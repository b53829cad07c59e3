package messages_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// theirs are the names of settings of a made-up client.
var theirs = [llm.Fields]string{ // immutable
	llm.FieldN: "n", llm.FieldLogprobs: "logprobs", llm.FieldTopLogprobs: "top_logprobs", llm.FieldPresencePenalty: "presence_penalty",
	llm.FieldFrequencyPenalty: "frequency_penalty", llm.FieldLogitBias: "logit_bias", llm.FieldStop: "stop", llm.FieldPreviousID: "previous_response_id",
	llm.FieldTemperature: "temperature", llm.FieldEffort: "reasoning_effort", llm.FieldFormat: "response_format", llm.FieldThinking: "thinking",
}

func text(role llm.Role, path, s string) llm.Item {
	return llm.Item{Kind: llm.ItemMessage, Role: role, Path: path, Parts: []llm.Part{{Kind: llm.PartText, Path: path + ".content", Text: s}}}
}

func parts(p ...llm.Part) func(*llm.Request) {
	return func(r *llm.Request) {
		r.Items = []llm.Item{{Kind: llm.ItemMessage, Role: llm.RoleUser, Parts: p}}
	}
}

func items(i ...llm.Item) func(*llm.Request) { return func(r *llm.Request) { r.Items = i } }

func other(name, value string) func(*llm.Request) {
	return func(r *llm.Request) { r.Others = []llm.Member{{Name: name, Value: []byte(value)}} }
}

func made(path, id string) llm.Item {
	return llm.Item{Kind: llm.ItemCall, Path: path, CallID: id, Name: "f", Input: `{}`}
}

func gave(path, id string) llm.Item {
	return llm.Item{Kind: llm.ItemOutput, Path: path, CallID: id, Parts: []llm.Part{{Kind: llm.PartText, Text: "out " + path}}}
}

func function(r *llm.Request) { r.Tools = []llm.Tool{{Path: "tools[0]", Name: "f"}} }

func both(all ...func(*llm.Request)) func(*llm.Request) {
	return func(r *llm.Request) {
		for _, f := range all {
			f(r)
		}
	}
}

var capable = dialect.Traits{Files: true, ImageURLs: true, Effort: true, Adaptive: true} // immutable

// A row is a request of a client of another protocol: what of it is written,
// what is lost, or why it is refused.
type row struct {
	name   string
	change func(*llm.Request)
	want   string   // in the body; what begins with "no " must not be there
	losses []string // paths
}

func (tt row) check(t *testing.T) {
	r := &llm.Request{Dialect: llm.Chat, Names: &theirs, Items: []llm.Item{text(llm.RoleUser, "messages[0]", "hi")}}
	tt.change(r)
	e, err := messages.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "theirs", Traits: capable})
	got := string(e.Body)
	if err != nil {
		got = string(llm.AsError(err).Code) + " " + llm.AsError(err).Param
	}
	if absent, ok := strings.CutPrefix(tt.want, "no "); ok && err == nil {
		if strings.Contains(got, `"`+absent+`"`) {
			t.Errorf("%s\nhas %s", got, absent)
		}
	} else if !strings.Contains(got, tt.want) {
		t.Errorf("%s\nlacks %s", got, tt.want)
	}
	var losses []string
	for _, l := range e.Losses {
		losses = append(losses, l.Path)
	}
	if diff := cmp.Diff(tt.losses, losses); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
}

func said(s string) string { return `{"type":"text","text":"` + s + `"}` }

func user(blocks ...string) string {
	return `{"role":"user","content":[` + strings.Join(blocks, ",") + `]}`
}

func conversation(all ...string) string { return `"messages":[` + strings.Join(all, ",") + `]` }

func TestEncodeConversation(t *testing.T) {
	five := int64(5)
	const out0, out1 = `{"type":"tool_result","tool_use_id":"a","content":"out o0"}`, `{"type":"tool_result","tool_use_id":"b","content":"out o1"}`
	use := func(id string) string { return `{"type":"tool_use","id":"` + id + `","name":"f","input":{}}` }
	model := func(blocks ...string) string {
		return `{"role":"assistant","content":[` + strings.Join(blocks, ",") + `]}`
	}
	for _, tt := range []row{
		{"nothing", func(*llm.Request) {}, `{"model":"theirs","max_tokens":8192,` + conversation(user(said("hi"))) + `}`, nil},
		{"limit", func(r *llm.Request) { r.MaxOutput = &five }, `"max_tokens":5`, nil},
		{"system in order", both(func(r *llm.Request) { r.Instructions = "zero" }, items(
			text(llm.RoleSystem, "m0", "one"), text(llm.RoleDeveloper, "m1", "two"), text(llm.RoleUser, "m2", "hi"), text(llm.RoleSystem, "m3", "late"),
		)), `"system":[` + strings.Join([]string{said("zero"), said("one"), said("two"), said("late")}, ",") + `],` + conversation(user(said("hi"))), []string{"m3"}},
		{"roles merge", items(
			text(llm.RoleUser, "m0", "a"), text(llm.RoleUser, "m1", "b"), text(llm.RoleAssistant, "m2", "c"), text(llm.RoleAssistant, "m3", "d"), text(llm.RoleUser, "m4", "e"),
		), conversation(user(said("a"), said("b")), model(said("c"), said("d")), user(said("e"))), nil},
		{"empty texts", items(text(llm.RoleUser, "m0", "a"), text(llm.RoleAssistant, "m1", " \n"), text(llm.RoleUser, "m2", "b")), conversation(user(said("a"), said("b"))), nil},
		{"the model first", items(text(llm.RoleAssistant, "m0", "a")), conversation(user(said("…")), model(said("a"))), []string{"m0"}},
		{"white space at the end", items(text(llm.RoleUser, "m0", "a "), text(llm.RoleAssistant, "m1", "b \n")), conversation(user(said("a ")), model(said("b"))), nil},
		{
			"parallel calls", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), made("c1", "b"), gave("o1", "b"), gave("o0", "a"), text(llm.RoleUser, "m", "e")),
			conversation(user(said("a")), model(use("a"), use("b")), user(out0, out1, said("e"))), nil,
		},
		{
			"text before what a tool gave back", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), text(llm.RoleUser, "m", "e"), gave("o0", "a")),
			conversation(user(said("a")), model(use("a")), user(out0, said("e"))), nil,
		},
		{
			"text between a call and what it gave back", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), text(llm.RoleAssistant, "m", "so"), gave("o0", "a")),
			conversation(user(said("a")), model(use("a"), said("so")), user(out0)), nil,
		},
		{
			"one id twice", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), gave("o0", "a"), made("c1", "a"), gave("o1", "a")),
			conversation(user(said("a")), model(use("a")), user(out0), model(use("a")), user(strings.Replace(out1, `"b"`, `"a"`, 1))), nil,
		},
		{"no output", items(text(llm.RoleUser, "m0", "a"), made("c0", "a")), "invalid_value c0", nil},
		{"no output before the next turn", items(made("c0", "a"), text(llm.RoleUser, "m0", "a")), "invalid_value c0", nil},
		{"no call", items(text(llm.RoleUser, "m0", "a"), gave("o0", "a")), "invalid_value o0", nil},
		{"output before its call", items(gave("o0", "a"), made("c0", "a")), "invalid_value o0", nil},
		{"odd id", items(made("c0", "functions.f:0"), gave("o0", "functions.f:0")), `"id":"toolu_d6bdd4de328a22edd610f954"`, []string{"c0"}},
		{"broken input", items(text(llm.RoleUser, "m0", "a"), llm.Item{Kind: llm.ItemCall, Path: "c0", CallID: "a", Input: `{"`}, gave("o0", "a")), "invalid_value c0", nil},
		{"failed tool", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), llm.Item{Kind: llm.ItemOutput, CallID: "a", IsError: true}), `"tool_use_id":"a","is_error":true}`, nil},
		{
			"image of a tool", items(text(llm.RoleUser, "m0", "a"), made("c0", "a"), llm.Item{Kind: llm.ItemOutput, CallID: "a", Parts: []llm.Part{{Kind: llm.PartText, Text: "x"}, {Kind: llm.PartImage, URL: "data:image/png;base64,iVBO"}}}),
			`"content":[` + said("x") + `,{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}]`, nil,
		},
		{
			"thoughts of its own", items(text(llm.RoleUser, "m0", "a"), llm.Item{Kind: llm.ItemReasoning, Sealed: "s", Parts: []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}}, text(llm.RoleAssistant, "m1", "b")),
			model(`{"type":"thinking","thinking":"hm","signature":"s"}`, said("b")), nil,
		},
		{
			"thoughts of others", items(text(llm.RoleUser, "m0", "a"), llm.Item{Kind: llm.ItemReasoning, Path: "r", Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "hm"}}}, text(llm.RoleAssistant, "m1", "b")),
			conversation(user(said("a")), model(said("b"))),
			[]string{"r"},
		},
		{"reference", items(llm.Item{Kind: llm.ItemReference, Path: "i0", ID: "msg_1"}), "reference_not_found i0", nil},
		{"unknown item", items(llm.Item{Kind: llm.ItemUnknown, Path: "i0", Type: "x"}), "unsupported_value i0.type", nil},
		{"hosted item", items(text(llm.RoleUser, "m0", "a"), llm.Item{Kind: llm.ItemHosted, Type: "web_search_call"}), conversation(user(said("a"))), nil},
		{"compaction", items(llm.Item{Kind: llm.ItemHosted, Path: "i0", Type: "compaction"}), "unsupported_value i0.type", nil},
		{
			"MCP call", items(text(llm.RoleUser, "m0", "a"), llm.Item{Kind: llm.ItemHosted, Type: "mcp_call", Raw: []byte(`{"id":"m","name":"f","arguments":"{}","output":"res"}`)}),
			model(use("m")) + `,` + user(`{"type":"tool_result","tool_use_id":"m","content":"res"}`), nil,
		},

		{"image", parts(llm.Part{Kind: llm.PartImage, URL: "https://e/x.png", Detail: "high"}), `{"type":"image","source":{"type":"url","url":"https://e/x.png"}}`, nil},
		{"kept image", parts(llm.Part{Kind: llm.PartImage, Path: "p", FileID: "f"}), "unsupported_value p", nil},
		{"PDF", parts(llm.Part{Kind: llm.PartFile, Name: "a.pdf", Media: "application/pdf", Data: "JVBE"}), `{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"},"title":"a.pdf"}`, nil},
		{"text file", parts(llm.Part{Kind: llm.PartFile, Media: "text/markdown", Data: "IyBh"}), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"# a"}}`, nil},
		{"file far away", parts(llm.Part{Kind: llm.PartFile, URL: "https://e/x.pdf"}), `{"type":"document","source":{"type":"url","url":"https://e/x.pdf"}}`, nil},
		{"other file", parts(llm.Part{Kind: llm.PartFile, Path: "p", Media: "application/zip", Data: "UEsD"}), "unsupported_value p", nil},
		{"kept file", parts(llm.Part{Kind: llm.PartFile, Path: "p", FileID: "f"}), "unsupported_value p", nil},
		{"audio part", parts(llm.Part{Kind: llm.PartAudio, Path: "p"}), "unsupported_value p", nil},
		{"unknown part", parts(llm.Part{Kind: llm.PartUnknown, Path: "p", Type: "x"}), "unsupported_value p.type", nil},
	} {
		t.Run(tt.name, tt.check)
	}
}

func TestEncodeSettings(t *testing.T) {
	yes, no, five := true, false, int64(5)
	for _, tt := range []row{
		{"tool", func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "f", Description: "d", Schema: []byte(`{"properties":{"a":1.50}}`), Strict: &yes, Raw: []byte("{}")}}
		}, `"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":1.50}}}]}`, nil},
		{"tool without schema", function, `"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, nil},
		{"web search", func(r *llm.Request) {
			r.Tools = []llm.Tool{{Kind: llm.ToolHosted, Type: llm.HostedSearch, Search: &llm.WebSearch{Blocked: []string{"e"}, City: "Bern"}}}
		}, `{"type":"web_search_20250305","name":"web_search","blocked_domains":["e"],"user_location":{"type":"approximate","city":"Bern"}}`, nil},
		{"other hosted tool", func(r *llm.Request) { r.Tools = []llm.Tool{{Kind: llm.ToolHosted, Path: "t", Type: "x"}} }, "unsupported_value t.type", nil},
		{"choice without tools", func(r *llm.Request) { r.Choice.Mode = llm.ChoiceRequired }, "no tool_choice", nil},
		{"auto", both(function, func(r *llm.Request) { r.Choice.Mode = llm.ChoiceAuto }), `"tool_choice":{"type":"auto"}`, nil},
		{"required", both(function, func(r *llm.Request) { r.Choice.Mode = llm.ChoiceRequired }), `"tool_choice":{"type":"any"}`, nil},
		{"none, one at a time", both(function, func(r *llm.Request) { r.Choice.Mode, r.ParallelTools = llm.ChoiceNone, &no }), `"tool_choice":{"type":"none"}`, nil},
		{"one at a time", both(function, func(r *llm.Request) { r.ParallelTools = &no }), `"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`, nil},
		{"named", both(function, func(r *llm.Request) { r.Choice = llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "f"}} }), `"tool_choice":{"type":"tool","name":"f"}`, nil},
		{"allowed", func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "f"}, {Name: "g"}}
			r.Choice = llm.ToolChoice{Mode: llm.ChoiceAllowed, Allowed: []llm.Tool{{Name: "g"}}, Required: true}
		}, `"tools":[{"name":"g","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"any"}`, nil},

		{"temperature", func(r *llm.Request) { r.Temperature = "0.70" }, `"temperature":0.70`, nil},
		{"hot", func(r *llm.Request) { r.Temperature = "1.5" }, `"temperature":1}`, []string{"temperature"}},
		{"effort", func(r *llm.Request) { r.Effort, r.Summary = "high", "auto" }, `"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}`, nil},
		{"little effort", func(r *llm.Request) { r.Effort = "minimal" }, `"output_config":{"effort":"low"}`, []string{"reasoning_effort"}},
		{"no effort", func(r *llm.Request) { r.Effort = "none" }, "no thinking", nil},
		{"effort and a call", both(function, func(r *llm.Request) { r.Effort, r.Choice.Mode = "low", llm.ChoiceRequired }), "no thinking", nil},
		{"schema", func(r *llm.Request) { r.Format = llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{ "a":1.50}`)} }, `"output_config":{"format":{"type":"json_schema","schema":{ "a":1.50}}}`, nil},
		{"object", func(r *llm.Request) { r.Format.Kind = llm.FormatObject }, `"system":[` + said("Answer with one JSON object and nothing else.") + `]`, []string{"response_format"}},
		{"stop", func(r *llm.Request) { r.Stop = []string{"a"} }, `"stop_sequences":["a"]`, nil},
		{"blank stop", func(r *llm.Request) { r.Stop = []string{"\n"} }, "unsupported_value stop", nil},
		{"top_k, top_p, stream", func(r *llm.Request) { r.TopK, r.TopP, r.Stream = "3", "0.1", true }, `"top_p":0.1,"top_k":3,"stream":true`, nil},
		{"two answers", func(r *llm.Request) { r.N = 2 }, "unsupported_value n", nil},
		{"logprobs", func(r *llm.Request) { r.Logprobs = true }, "unsupported_parameter logprobs", nil},
		{"top logprobs", func(r *llm.Request) { r.TopLogprobs = &five }, "unsupported_parameter top_logprobs", nil},
		{"presence", func(r *llm.Request) { r.PresencePenalty = "0.1" }, "unsupported_parameter presence_penalty", nil},
		{"frequency", func(r *llm.Request) { r.FrequencyPenalty = "-1" }, "unsupported_parameter frequency_penalty", nil},
		{"no penalties", func(r *llm.Request) {
			r.FrequencyPenalty, r.PresencePenalty, r.LogitBias, r.Seed, r.Store = "0.0", "0", []byte("{}"), "1", &yes
		}, conversation(user(said("hi"))) + "}", nil},
		{"bias", func(r *llm.Request) { r.LogitBias = []byte(`{"1":2}`) }, "unsupported_parameter logit_bias", nil},
		{"previous", func(r *llm.Request) { r.PreviousID = "resp_1" }, "previous_response_not_found previous_response_id", nil},
		{"user", other("user", `"u"`), `"metadata":{"user_id":"u"}`, nil},
		{"safety identifier", func(r *llm.Request) {
			r.Others = []llm.Member{{Name: "user", Value: []byte(`"u"`)}, {Name: "safety_identifier", Value: []byte(`"s"`)}}
		}, `"metadata":{"user_id":"s"}`, nil},
		{"metadata", other("metadata", `{"a":"b"}`), "no metadata", nil},
		{"tier", other("service_tier", `"default"`), `"service_tier":"standard_only"`, nil},
		{"tier auto", other("service_tier", `"auto"`), `"service_tier":"auto"`, nil},
		{"tier flex", other("service_tier", `"flex"`), "no service_tier", []string{"service_tier"}},
		{"audio", other("audio", `{}`), "unsupported_parameter audio", nil},
		{"modalities", other("modalities", `["text"]`), "no modalities", nil},
		{"audible", other("modalities", `["text","audio"]`), "unsupported_value modalities", nil},
		{"background", other("background", `true`), "unsupported_parameter background", nil},
		{"foreground", other("background", `false`), "no background", nil},
		{"conversation", other("conversation", `"c"`), "unsupported_parameter conversation", nil},
		{"truncation", other("truncation", `"auto"`), "no truncation", []string{"truncation"}},
		{"hints", other("prediction", `{}`), "no prediction", nil},
		{"cache key", other("prompt_cache_key", `"k"`), "no prompt_cache_key", nil},
		{"unknown", other("odd", `1`), "no odd", []string{"odd"}},
		{"hint of a responses client", both(other("client_metadata", `{}`), func(r *llm.Request) { r.Dialect = llm.Responses }), "no client_metadata", nil},
	} {
		t.Run(tt.name, tt.check)
	}
}

// A server of which nothing is known is sent no effort, no files, and nothing
// that it would have to fetch.
func TestEncodeForTheLeast(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*llm.Request)
		want   string
	}{
		"image":  {parts(llm.Part{Kind: llm.PartImage, Path: "p", URL: "https://e/x.png"}), "unsupported_value p"},
		"file":   {parts(llm.Part{Kind: llm.PartFile, Path: "p", Data: "JVBE"}), "unsupported_value p"},
		"effort": {func(r *llm.Request) { r.Effort = "high" }, "lost reasoning_effort"},
		"limit":  {func(*llm.Request) {}, `"max_tokens":77`},
	} {
		r := &llm.Request{Dialect: llm.Chat, Names: &theirs, Items: []llm.Item{text(llm.RoleUser, "messages[0]", "hi")}}
		tt.change(r)
		e, err := messages.Dialect{}.EncodeRequest(r, &dialect.Target{Traits: dialect.Traits{MaxTokens: 77}})
		got := string(e.Body)
		if err != nil {
			got = string(llm.AsError(err).Code) + " " + llm.AsError(err).Param
		}
		for _, l := range e.Losses {
			got += "lost " + l.Path
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\nlacks %s", name, got, tt.want)
		}
	}
}

// A model that refuses a budget is given an effort, and what else the client
// said of thinking.
func TestOwnThinking(t *testing.T) {
	r, err := messages.Dialect{}.DecodeRequest([]byte(`{"model":"m","max_tokens":9,"thinking":{"type":"enabled","budget_tokens":9000,"display":"summarized"},"messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := messages.Dialect{}.EncodeRequest(r, &dialect.Target{Traits: dialect.Traits{Adaptive: true}})
	const want = `"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"medium"}`
	if err != nil || !strings.Contains(string(e.Body), want) || len(e.Losses) != 1 || e.Losses[0].Path != "thinking" {
		t.Errorf("%s (%v, losses %v)\nlacks %s", e.Body, err, e.Losses, want)
	}
}
