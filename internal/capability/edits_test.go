package capability_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestEdits: what Apply does to a request is done to a client's bytes, and
// every other byte stays.
func TestEdits(t *testing.T) {
	const m = `"messages":[ {"role":"user","content":"\u0061"}]`
	for _, tt := range []struct {
		name, model string
		policy      capability.Policy
		dialect     llm.Dialect
		in, want    string // "" for what went in
		lost        string
	}{
		{"off", "o3", capability.Off, llm.Chat, `{` + m + `,"temperature":1,"max_tokens":5}`, "", ""},
		{"unknown model", "llama3", capability.Drop, llm.Chat, `{` + m + `,"temperature":0.5,"max_tokens":5}`, "", ""},
		{
			"safe, all that changes nothing", "o3", capability.Safe, llm.Chat,
			`{"temperature":1.0,"top_p":1,` + m + `,"n":1,"presence_penalty":0,"x" : 1e2,"frequency_penalty":0.0,"logit_bias":{},"stop":[],"logprobs":false, "max_tokens" : 5 }`,
			`{` + m + `,"x" : 1e2,"max_completion_tokens" : 5 }`, "",
		},
		{
			"safe, what changes something", "o3", capability.Safe, llm.Chat,
			`{"temperature":0.5,` + m + `,"stop":"x","logprobs":true,"top_logprobs":2,"n":2,"logit_bias":{"1":2}}`, "", "",
		},
		{"safe, null", "o3", capability.Safe, llm.Chat, `{"temperature":null,"stop":null,"n":null,"logprobs":null,"reasoning_effort":null,` + m + `}`, "", ""},
		{"safe, wrong kinds", "o3", capability.Safe, llm.Chat, `{"temperature":"1","stop":7,"n":"1","logprobs":0,"logit_bias":5,"parallel_tool_calls":1,` + m + `}`, "", ""},
		{"safe, effort", "gpt-5", capability.Safe, llm.Chat, `{"reasoning_effort": "xhigh",` + m + `}`, `{"reasoning_effort": "high",` + m + `}`, "reasoning_effort"},
		{"safe, a model that is served as it is", "gpt-4o", capability.Safe, llm.Chat, `{"temperature":1,"max_tokens":5,` + m + `}`, "", ""},
		{
			"drop", "o3", capability.Drop, llm.Chat,
			`{"temperature":0.5,"stop":"x","logprobs":true,"top_logprobs":2,"logit_bias":{"1":2},"verbosity":"low","parallel_tool_calls":false,"top_k":3,"presence_penalty":0.1,` + m + `}`,
			`{` + m + `}`, "temperature top_k logprobs presence_penalty logit_bias stop verbosity parallel_tool_calls",
		},
		{"drop, both limits", "o3", capability.Drop, llm.Chat, `{"max_tokens":5,"max_completion_tokens":7,` + m + `}`, `{"max_completion_tokens":7,` + m + `}`, ""},
		{"drop, sampling without work", "gpt-5.1", capability.Drop, llm.Chat, `{"temperature":0.5,"reasoning_effort":"none",` + m + `}`, "", ""},
		{"drop, sampling with work", "gpt-5.1", capability.Drop, llm.Chat, `{"temperature":0.5,"reasoning_effort":"low",` + m + `}`, `{"reasoning_effort":"low",` + m + `}`, "temperature"},
		{"drop, effort of none that reasons", "gpt-4o", capability.Drop, llm.Chat, `{"reasoning_effort":"low",` + m + `}`, `{` + m + `}`, "reasoning_effort"},
		{
			"responses, safe", "gpt-5", capability.Safe, llm.Responses, `{"input":"a","temperature":1,"reasoning":{"summary":"auto","effort":"none"},"max_tokens":1}`,
			`{"input":"a","reasoning":{"summary":"auto","effort":"minimal"},"max_tokens":1}`, "reasoning.effort",
		},
		{
			"responses, drop", "o3", capability.Drop, llm.Responses, `{"input":"a","top_p":0.1,"include":["a","message.output_text.logprobs"],"top_logprobs":2,"text":{"verbosity":"low"}}`,
			`{"input":"a","include":["a"],"text":{}}`, "top_p include text.verbosity",
		},
		{
			"responses, drop all that is included", "gpt-4o", capability.Drop, llm.Responses, `{"input":"a","reasoning":{"effort":"low"},"include":["message.output_text.logprobs"]}`,
			`{"input":"a","reasoning":{},"include":["message.output_text.logprobs"]}`, "reasoning.effort",
		},
		{
			"messages, safe", "claude-opus-4-7", capability.Safe, llm.Messages, `{` + m + `,"max_tokens":5,"temperature":1,"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024}}`,
			`{` + m + `,"max_tokens":5,"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024}}`, "",
		},
		{
			"messages, drop", "claude-opus-4-7", capability.Drop, llm.Messages, `{` + m + `,"max_tokens":5,"temperature":0.3,"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"xhigh"}}`,
			`{` + m + `,"max_tokens":5,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`, "output_config.effort temperature top_k thinking",
		},
		{"nothing would be left", "o3", capability.Safe, llm.Chat, `{"temperature":1}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, tt.in, tt.want, tt.lost, tt.dialect, false, capability.Rules{Policy: tt.policy, Family: capability.Find(tt.model)})
		})
	}
}

func check(t *testing.T, in, want, lost string, d llm.Dialect, stream bool, w capability.Rules) {
	t.Helper()
	if want == "" {
		want = in
	}
	edits, losses, err := capability.Edits([]byte(in), d, stream, w)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(jsonscan.Splice(nil, []byte(in), edits...)); got != want {
		t.Errorf("%s\nbecomes %s\nwant    %s", in, got, want)
	}
	var paths []string
	for _, l := range losses {
		paths = append(paths, l.Path)
	}
	if got := strings.Join(paths, " "); got != lost {
		t.Errorf("lost %q, want %q", got, lost)
	}
}

// foundryRows are the rows of the policy, in the client's own protocol.
var foundryRows = []struct { // immutable
	name, model string
	dialect     llm.Dialect
	stream      bool
	in, want    string // members beside the conversation; want "" is what went in, "-" nothing
	lost        string
	param       string // of a refusal
}{
	{name: "an old model", model: "gpt-35-turbo", in: `"max_tokens":5,"service_tier":"flex","top_k":1,"verbosity":"low","reasoning_effort":"xhigh"`},
	{name: "another old model", model: "gpt-35-turbo-16k", in: `"max_tokens":5`},
	{name: "gpt-4o", model: "gpt-4o", in: `"max_tokens":5,"top_k":1`},
	{name: "gpt-oss", model: "gpt-oss-120b", in: `"max_tokens":5`},
	{name: "two digits", model: "gpt-10", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "twelve", model: "gpt-12-mini", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "no dash", model: "gpt-5mini", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "a chat variant", model: "gpt-5-chat", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "within a name", model: "my-gpt-5", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "o", model: "o4-mini", in: `"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "both limits", in: `"max_completion_tokens":7,"max_tokens":5`, want: `"max_completion_tokens":7`},
	{name: "no limit but null", in: `"max_completion_tokens":null,"max_tokens":5`, want: `"max_completion_tokens":5`},
	{name: "a limit of null", in: `"a":1,"max_tokens":null`, want: `"a":1`},
	{name: "limits of responses", dialect: llm.Responses, in: `"max_tokens":5`},
	{name: "strip", in: `"service_tier":"flex","serviceTier":"priority","verbosity":"low","top_k":7`, want: "-", lost: "service_tier serviceTier top_k verbosity"},
	{name: "strip what is usual", in: `"service_tier":"auto","verbosity":"medium","top_k":null,"serviceTier":"default"`, want: "-"},
	{name: "strip of responses", dialect: llm.Responses, in: `"service_tier":"flex","verbosity":"low","text":{"verbosity":"low"},"top_k":1`, want: `"text":{"verbosity":"low"}`, lost: "service_tier top_k verbosity"},
	{name: "log probabilities", in: `"top_logprobs":3`, want: `"top_logprobs":3,"logprobs":true`},
	{name: "log probabilities of null", in: `"logprobs":null,"top_logprobs":3`, want: `"logprobs":true,"top_logprobs":3`},
	{name: "no log probabilities", in: `"logprobs":false,"top_logprobs":3`},
	{name: "log probabilities of an old model", model: "gpt-4o", in: `"top_logprobs":3`},
	{name: "low", in: `"reasoning_effort":"low"`},
	{name: "white space and capitals", in: `"reasoning_effort":" HIGH\t"`, want: `"reasoning_effort":"high"`},
	{name: "xhigh", in: `"reasoning_effort":"XHigh"`, want: `"reasoning_effort":"high"`, lost: "reasoning_effort"},
	{name: "xhigh of a model that knows it", model: "gpt-5.2", in: `"reasoning_effort":"xhigh"`},
	{name: "minimal", in: `"reasoning_effort":"minimal"`, param: "reasoning_effort"},
	{name: "none", in: `"reasoning_effort":"none"`, param: "reasoning_effort"},
	{name: "no word", in: `"reasoning_effort":3`, param: "reasoning_effort"},
	{name: "effort of null", in: `"reasoning_effort":null`},
	{name: "effort of an old model", model: "gpt-4o", in: `"reasoning_effort":"minimal"`},
	{name: "responses low", dialect: llm.Responses, in: `"reasoning":{"effort":" Low"}`, want: `"reasoning":{"effort":"low"}`},
	{name: "responses xhigh", dialect: llm.Responses, in: `"reasoning":{"effort":"xhigh","summary":"auto"}`, want: `"reasoning":{"effort":"high","summary":"auto"}`, lost: "reasoning.effort"},
	{name: "responses minimal", dialect: llm.Responses, in: `"reasoning":{"effort":"minimal"}`, param: "reasoning.effort"},
	{name: "thinking for reasoning", dialect: llm.Responses, model: "gpt-4o", in: `"thinking":{"effort":"max","summary":"auto"}`, want: `"reasoning":{"summary":"auto","effort":"max"}`},
	{name: "thinking for reasoning, normalised", dialect: llm.Responses, in: `"thinking":{"effort":"XHIGH"}`, want: `"reasoning":{"effort":"high"}`, lost: "reasoning.effort"},
	{name: "thinking beside reasoning", dialect: llm.Responses, in: `"reasoning":{"summary":"auto"},"thinking":{"effort":"low"}`, want: `"reasoning":{"summary":"auto","effort":"low"}`},
	{name: "effort for reasoning", dialect: llm.Responses, in: `"reasoning_effort":"low","thinking":"high"`, want: `"reasoning":{"effort":"low"}`},
	{name: "thinking is a word", dialect: llm.Responses, in: `"reasoning":null,"thinking":"high"`, want: `"reasoning":{"effort":"high"}`},
	{name: "reasoning has an effort", dialect: llm.Responses, in: `"reasoning":{"effort":"low"},"reasoning_effort":"high","thinking":{"effort":"high"}`, want: `"reasoning":{"effort":"low"}`},
	{name: "reasoning for effort", model: "gpt-4o", in: `"reasoning":{"effort":"max"},"thinking":{"effort":"low"}`, want: `"reasoning_effort":"max"`},
	{name: "thinking for effort", in: `"thinking":{"effort":"low"}`, want: `"reasoning_effort":"low"`},
	{name: "words for effort", in: `"reasoning":"High","thinking":"low"`, want: `"reasoning_effort":"high"`},
	{name: "effort itself", in: `"reasoning_effort":"low","reasoning":{"effort":"high"},"thinking":null`, want: `"reasoning_effort":"low"`},
	{name: "thinking that is lost", in: `"thinking":{"type":"enabled","budget_tokens":5}`, want: "-", lost: "thinking"},
	{name: "merged minimal", in: `"thinking":{"effort":"minimal"}`, param: "reasoning_effort"},
	{name: "options of a stream", stream: true, in: `"stream_options":{"include_usage":true}`},
	{name: "options of no stream", in: `"stream_options":{"include_usage":true}`, want: "-"},
	{name: "options of a stream of responses", stream: true, dialect: llm.Responses, in: `"stream_options":{"include_obfuscation":false}`},
	{name: "options of no stream of responses", dialect: llm.Responses, model: "gpt-4o", in: `"stream_options":{}`, want: "-"},
	{name: "sampling is not its affair", in: `"temperature":1,"top_p":0.5,"presence_penalty":0`},
	{name: "web search", in: `"tools":[{"type":"function"},{"type":"web_search"}]`, param: "tools"},
	{name: "web search by another name", dialect: llm.Responses, in: `"tools":[{"type":"web_search_preview_2025_03_11"}]`, param: "tools"},
	{name: "web search that is chosen", dialect: llm.Responses, in: `"tools":[],"tool_choice":{"type":"web_search_preview"}`, param: "tool_choice"},
	{name: "web search of an old model", model: "gpt-4o", in: `"tools":[{"type":"web_search"}]`},
	{name: "other tools", dialect: llm.Responses, in: `"tools":[{"type":"file_search"}],"tool_choice":{"type":"function","name":"web_search"}`},
}

func TestFoundry(t *testing.T) {
	for _, tt := range foundryRows {
		t.Run(tt.name, func(t *testing.T) {
			d, conversation := tt.dialect, `{"input":"a"`
			if d == "" {
				d, conversation = llm.Chat, `{"messages":[]`
			}
			model := tt.model
			if model == "" {
				model = "gpt-5-mini"
			}
			body := func(members string) string {
				if members == "" {
					return conversation + "}"
				}
				return conversation + "," + members + "}"
			}
			w := capability.Rules{Policy: capability.Foundry, Family: capability.Find(model), Search: capability.SearchRefusedModern}
			if tt.param != "" {
				_, _, err := capability.Edits([]byte(body(tt.in)), d, tt.stream, w)
				if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Status() != 400 {
					t.Fatalf("%v, want a refusal of %s", err, tt.param)
				}
				return
			}
			want := tt.want
			switch want {
			case "":
				want = tt.in
			case "-":
				want = ""
			}
			check(t, body(tt.in), body(want), tt.lost, d, tt.stream, w)
		})
	}
}

// TestOwnEfforts: what the operator says of a model counts before its family.
func TestOwnEfforts(t *testing.T) {
	for _, tt := range []struct {
		model         string
		policy        capability.Policy
		own           []string
		effort, want  string
		refused, lost bool
	}{
		{"gpt-5", capability.Foundry, []string{"low", "high", "xhigh"}, "xhigh", "xhigh", false, false},
		{"gpt-5.2", capability.Foundry, []string{"low", "high"}, "xhigh", "high", false, true},
		{"gpt-5", capability.Foundry, []string{"minimal", "low"}, "Minimal", "minimal", false, false},
		{"gpt-5", capability.Foundry, []string{"low"}, "minimal", "", true, false},
		{"llama3", capability.Safe, []string{"low", "high"}, "none", "low", false, true},
	} {
		in := `{"messages":[],"reasoning_effort":"` + tt.effort + `","temperature":0.5}`
		w := capability.Rules{Policy: tt.policy, Family: capability.Find(tt.model).WithEfforts(tt.own)}
		edits, losses, err := capability.Edits([]byte(in), llm.Chat, false, w)
		if (err != nil) != tt.refused || len(losses) > 0 != tt.lost {
			t.Errorf("%+v: %v, lost %v", tt, err, losses)
		}
		want := `{"messages":[],"reasoning_effort":"` + tt.want + `","temperature":0.5}`
		if got := string(jsonscan.Splice(nil, []byte(in), edits...)); err == nil && got != want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// TestTooManyTools: a search could be among those that nobody looks at.
func TestTooManyTools(t *testing.T) {
	body := []byte(`{"input":"a","tools":[` + strings.Repeat(`{"type":"function"},`, jsonscan.MaxHits) + `{"type":"web_search"}]}`)
	for search, refused := range map[capability.Search]bool{capability.SearchPasses: false, capability.SearchRefused: true} {
		_, _, err := capability.Edits(body, llm.Responses, false, capability.Rules{Policy: capability.Drop, Family: capability.Find("o3"), Search: search})
		if e, ok := errors.AsType[*llm.Error](err); ok != refused || refused && e.Param != "tools" {
			t.Errorf("search %d: %v, refused is to be %v", search, err, refused)
		}
	}
}

// TestEffortRefused: the refusal names all that would be taken.
func TestEffortRefused(t *testing.T) {
	for _, tt := range []struct {
		own  []string
		want string
	}{
		{nil, "must be one of low, medium, high;"},
		{[]string{"minimal", "low", "max"}, "must be one of minimal, low, medium, high, max;"},
	} {
		w := capability.Rules{Policy: capability.Foundry, Family: capability.Find("gpt-5").WithEfforts(tt.own)}
		_, _, err := capability.Edits([]byte(`{"messages":[],"reasoning_effort":"none"}`), llm.Chat, false, w)
		if e, ok := errors.AsType[*llm.Error](err); !ok || !strings.Contains(e.Message(), tt.want) {
			t.Errorf("efforts %v: %v, want %s", tt.own, err, tt.want)
		}
	}
}

// FuzzEdits checks that the result is valid JSON, that nothing changes of
// members that no policy knows, and that a second look finds nothing to do.
func FuzzEdits(f *testing.F) {
	for _, tt := range foundryRows {
		f.Add([]byte(`{"keep":[1e2, "\u0061"],`+tt.in+`}`), uint8(3))
	}
	f.Add([]byte(`{"keep":0,"include":["message.output_text.logprobs"],"text":{"verbosity":"low"},"stop":[],"n":1}`), uint8(6))
	policies := []capability.Policy{capability.Safe, capability.Drop, capability.Foundry}
	dialects := []llm.Dialect{llm.Chat, llm.Responses, llm.Messages, ""}
	f.Fuzz(func(t *testing.T, body []byte, pick uint8) {
		if !json.Valid(body) || len(body) > 0 && body[0] != '{' {
			return
		}
		d := dialects[pick%4]
		w := capability.Rules{Policy: policies[pick/4%3], Family: capability.Find([]string{"o3", "gpt-5.1", "claude-opus-4-7", "gpt-4o"}[pick/12%4])}
		edits, _, err := capability.Edits(body, d, pick > 127, w)
		if err != nil {
			return
		}
		out := jsonscan.Splice(nil, body, edits...)
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%s becomes %s: %v", body, out, err)
		}
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatal(err)
		}
		if string(before["keep"]) != string(after["keep"]) {
			t.Fatalf("%s becomes %s", body, out)
		}
		again, losses, err := capability.Edits(out, d, pick > 127, w)
		if err != nil || len(losses) > 0 && len(edits) > 0 || len(again) > 0 && len(edits) > 0 {
			t.Fatalf("%s becomes %s, and then %+v %+v %v", body, out, again, losses, err)
		}
	})
}
