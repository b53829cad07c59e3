package messages_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// show writes a request for people.
func show(r *llm.Request) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("model %s, limit %s, stream %v", r.Model, number(r.MaxOutput), r.Stream)
	say("temperature %s, top_p %s, top_k %s, stop %q", r.Temperature, r.TopP, r.TopK, r.Stop)
	say("effort %q, thinking %q of %s, summary %q, sealed %v", r.Effort, r.Thinking, number(r.ThinkingBudget), r.Summary, r.WantSealed)
	if r.Format.Kind != "" {
		say("format %s %s %s", r.Format.Kind, r.Format.Name, r.Format.Schema)
	}
	for i := range r.Items {
		showItem(say, &r.Items[i])
	}
	for _, t := range r.Tools {
		say("%s: tool %d %q type %q %q schema %s search %+v", t.Path, t.Kind, t.Name, t.Type, t.Description, t.Schema, t.Search)
	}
	say("choice %d %q, parallel %s", r.Choice.Mode, r.Choice.Named.Name, boolean(r.ParallelTools))
	for _, m := range r.Others {
		say("other %s (%s) = %s", m.Name, m.Told(), m.Value)
	}
	for _, l := range r.Lost {
		say("lost %s: %s", l.Path, l.Why)
	}
	return b.String()
}

func showItem(say func(string, ...any), i *llm.Item) {
	switch i.Kind {
	case llm.ItemMessage:
		say("%s: %s", i.Path, i.Role)
	case llm.ItemCall:
		say("%s: call %s %s %s", i.Path, i.CallID, i.Name, i.Input)
	case llm.ItemOutput:
		say("%s: output of %s, failed %v", i.Path, i.CallID, i.IsError)
	case llm.ItemReasoning:
		say("%s: reasoning, redacted %v, sealed %q", i.Path, i.Redacted, i.Sealed)
	default:
		say("%s: kind %d, type %s %s", i.Path, i.Kind, i.Type, i.Raw)
	}
	for _, p := range i.Parts {
		say("    %s: part %d %q url %q data %q %q name %q file %q type %q", p.Path, p.Kind, p.Text, p.URL, p.Media, p.Data, p.Name, p.FileID, p.Type)
	}
}

// paths are where something was written, which written again is elsewhere.
var paths = regexp.MustCompile(`(messages|mcp_servers)[][0-9.a-z]*`) // immutable

func number(n *int64) string {
	if n == nil {
		return "unset"
	}
	return strconv.FormatInt(*n, 10)
}

func boolean(b *bool) string {
	if b == nil {
		return "unset"
	}
	return strconv.FormatBool(*b)
}

// Each request is read as "neutral" and written for a server of the same
// protocol as "own".
func TestRequests(t *testing.T) {
	for name, r := range recordings(t, "requests", 10) {
		t.Run(name, func(t *testing.T) {
			body, _ := r.file("client")
			q, err := messages.Dialect{}.DecodeRequest([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			e, err := messages.Dialect{}.EncodeRequest(q, &dialect.Target{Model: "theirs"})
			if err != nil || len(e.Losses) > 0 {
				t.Fatalf("losses %v, error %v; want none", e.Losses, err)
			}
			r.check(t, map[string]string{"neutral": show(q), "own": string(e.Body)})
			again, err := messages.Dialect{}.DecodeRequest(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			again.Model = q.Model
			if diff := cmp.Diff(paths.ReplaceAllString(show(q), ""), paths.ReplaceAllString(show(again), "")); diff != "" {
				t.Errorf("written and read again (-want +got):\n%s", diff)
			}
		})
	}
}

// A request that cannot be read is refused by the client's own path.
func TestRequestFaults(t *testing.T) {
	const message = `{"role":"user","content":"x"}`
	in := func(block string) string {
		return `"max_tokens":1,"messages":[` + message + `,{"role":"user","content":[` + block + `]}]`
	}
	with := func(member string) string { return `"max_tokens":1,"messages":[` + message + `],` + member }
	for body, want := range map[string]string{
		`"messages":[` + message + `]`:                            "missing_required_parameter max_tokens",
		`"max_tokens":1`:                                          "missing_required_parameter messages",
		`"max_tokens":1,"messages":[]`:                            "invalid_value messages",
		`"max_tokens":1,"messages":[{"content":"x"}]`:             "missing_required_parameter messages[0].role",
		`"max_tokens":1,"messages":[{"role":"user"}]`:             "missing_required_parameter messages[0].content",
		`"max_tokens":1,"messages":[{"role":"tool"}]`:             "invalid_value messages[0].role",
		`"max_tokens":1,"messages":[{"role":"user","content":1}]`: "invalid_value messages[0].content",
		`"max_tokens":1,"messages":[7]`:                           "invalid_value messages[0]",
		`"max_tokens":"1","messages":[` + message + `]`:           "invalid_value max_tokens",
		in(`7`):                        "invalid_value messages[1].content[0]",
		in(`{"text":"x"}`):             "missing_required_parameter messages[1].content[0].type",
		in(`{"type":"text","text":7}`): "invalid_value messages[1].content[0].text",
		in(`{"type":"image"}`):         "missing_required_parameter messages[1].content[0].source.type",
		in(`{"type":"image","source":{"type":"x"}}`):    "invalid_value messages[1].content[0].source.type",
		in(`{"type":"image","source":{"type":"url"}}`):  "missing_required_parameter messages[1].content[0].source.url",
		in(`{"type":"document","source":{"type":"x"}}`): "invalid_value messages[1].content[0].source.type",
		in(`{"type":"tool_result"}`):                    "missing_required_parameter messages[1].content[0].tool_use_id",
		`"max_tokens":1,"messages":[` + message + `,{"role":"assistant","content":[{"type":"tool_use","name":"f"}]}]`:                      "missing_required_parameter messages[1].content[0].id",
		`"max_tokens":1,"messages":[` + message + `,{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"x"}]}]`: "invalid_value messages[1].content[0].input",
		with(`"system":7`):                                        "invalid_value system",
		with(`"system":[{"type":"image"}]`):                       "invalid_value system[0].type",
		with(`"tools":{}`):                                        "invalid_value tools",
		with(`"tools":[{"name":"f"}]`):                            "missing_required_parameter tools[0].input_schema",
		with(`"tools":[{"input_schema":{}}]`):                     "missing_required_parameter tools[0].name",
		with(`"tool_choice":{"type":"x"}`):                        "invalid_value tool_choice.type",
		with(`"tool_choice":{"type":"tool"}`):                     "missing_required_parameter tool_choice.name",
		with(`"tool_choice":"auto"`):                              "invalid_value tool_choice",
		with(`"thinking":{"type":"enabled"}`):                     "missing_required_parameter thinking.budget_tokens",
		with(`"thinking":{"type":"x"}`):                           "invalid_value thinking.type",
		with(`"output_config":{"format":{}}`):                     "missing_required_parameter output_config.format.type",
		with(`"output_config":{"format":{"type":"json_schema"}}`): "missing_required_parameter output_config.format.schema",
		with(`"stop_sequences":["a",7]`):                          "invalid_value stop_sequences[1]",
		with(`"temperature":"hot"`):                               "invalid_value temperature",
		with(`"service_tier":"x"`):                                "invalid_value service_tier",
		with(`"metadata":{"user_id":7}`):                          "invalid_value metadata.user_id",
	} {
		_, err := messages.Dialect{}.DecodeRequest([]byte(`{"model":"m",` + body + `}`))
		got := "nothing"
		if e := llm.AsError(err); e != nil {
			got = string(e.Code) + " " + e.Param
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", body, got, want)
		}
	}
}

// What counts tokens needs no limit, and is given no setting that it refuses.
func TestCounting(t *testing.T) {
	d := messages.Dialect{Counting: true}
	r, err := d.DecodeRequest([]byte(`{"model":"m","temperature":1,"messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Dialect = llm.Chat
	r.Others = []llm.Member{{Name: "user", Value: []byte(`"u"`)}}
	e, err := d.EncodeRequest(r, &dialect.Target{Model: "n"})
	if want := `{"model":"n","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`; err != nil || string(e.Body) != want {
		t.Errorf("got %s, error %v; want %s", e.Body, err, want)
	}
}

// Tools that the protocol does not know are functions for the upstream, and
// what they were for the client.
func TestLoweredTools(t *testing.T) {
	in := &llm.Request{
		Dialect: llm.Responses, Items: []llm.Item{
			text(llm.RoleUser, "input[0]", "go"),
			{Kind: llm.ItemCall, Tool: llm.ToolCustom, CallID: "a", Name: "patch", Namespace: "fs", Input: "a\"b"},
			{Kind: llm.ItemOutput, Tool: llm.ToolCustom, CallID: "a"},
		},
		Tools: []llm.Tool{{Kind: llm.ToolNamespace, Name: "fs", Tools: []llm.Tool{{Kind: llm.ToolCustom, Name: "patch"}}}},
	}
	r, tools, _, err := dialect.Lower(in, dialect.Traits{}, false)
	if err != nil {
		t.Fatal(err)
	}
	e, err := messages.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m"})
	if err != nil || !strings.Contains(string(e.Body), `"name":"fs__patch","input":{"input":"a\"b"}}`) {
		t.Fatalf("%s, error %v", e.Body, err)
	}
	b := llm.NewBuilder(nil)
	b.Tools = tools
	err = messages.Dialect{}.DecodeReply([]byte(`{"content":[{"type":"tool_use","id":"b","name":"fs__patch","input":{"input":"c\nd"}}],"stop_reason":"tool_use"}`), b)
	if err != nil {
		t.Fatal(err)
	}
	if c := b.Reply().Items[0]; c.Tool != llm.ToolCustom || c.Name != "patch" || c.Namespace != "fs" || c.Input != "c\nd" || c.Status != llm.ItemCompleted {
		t.Errorf("the call is %+v", c)
	}
}
