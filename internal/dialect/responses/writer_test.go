package responses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

// write writes the stream of an answer that say makes.
func write(t *testing.T, o *dialect.ReplyOptions, tools llm.ToolMap, say func(*llm.Builder)) (*follower, string) {
	t.Helper()
	w := responses.Dialect{}.NewWriter(o)
	var wire []byte
	b := llm.NewBuilder(func(e llm.Event) {
		if wire = w.Append(wire, e); len(wire) > 0 && e.Kind < llm.ReplyDone {
			wire = w.KeepAlive(wire)
		}
	})
	b.Tools = tools
	say(b)
	f, err := follow(string(wire))
	if err != nil {
		t.Fatalf("%v\n%s", err, wire)
	}
	return f, string(wire)
}

// outputs are the items of a response as JSON, by their order.
func outputs(t *testing.T, f *follower) (all []string) {
	t.Helper()
	for _, item := range f.output {
		m := item.(map[string]any)
		delete(m, "id")
		delete(m, "status")
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// Calls of functions that stand for other tools come back as what the client
// declared, in every event.
func TestToolsAreRestored(t *testing.T) {
	tools := llm.ToolMap{
		"ns__f": {Name: "f", Namespace: "ns"}, "c": {Kind: llm.ToolCustom, Name: "c"}, "ns__c": {Kind: llm.ToolCustom, Name: "c", Namespace: "ns"},
		"local_shell": {Kind: llm.ToolLocalShell}, "shell": {Kind: llm.ToolShell}, "apply_patch": {Kind: llm.ToolApplyPatch}, "tool_search": {Kind: llm.ToolSearch},
	}
	calls := []struct{ name, input, want string }{
		{"ns__f", `{"a":1}`, `{"arguments":"{\"a\":1}","call_id":"c0","name":"f","namespace":"ns","type":"function_call"}`},
		{"c", `{"input":"x\ny"}`, `{"call_id":"c1","input":"x\ny","name":"c","type":"custom_tool_call"}`},
		{"ns__c", `broken`, `{"call_id":"c2","input":"broken","name":"c","namespace":"ns","type":"custom_tool_call"}`},
		{"local_shell", `{"command":["ls"]}`, `{"action":{"command":["ls"],"env":{},"type":"exec"},"call_id":"c3","type":"local_shell_call"}`},
		{"shell", `{"commands":["ls"],"timeout_ms":5}`, `{"action":{"commands":["ls"],"max_output_length":null,"timeout_ms":5},"call_id":"c4","environment":null,"type":"shell_call"}`},
		{"apply_patch", `{"type":"delete_file","path":"a"}`, `{"call_id":"c5","operation":{"path":"a","type":"delete_file"},"type":"apply_patch_call"}`},
		{"apply_patch", `broken`, `{"call_id":"c6","operation":{"diff":"","path":"","type":"update_file"},"type":"apply_patch_call"}`},
		{"tool_search", `{"query":"q"}`, `{"arguments":{"query":"q"},"call_id":"c7","execution":"client","type":"tool_search_call"}`},
		{"unknown", ``, `{"arguments":"","call_id":"c8","name":"unknown","type":"function_call"}`},
	}
	f, wire := write(t, codecSuite().Options(), tools, func(b *llm.Builder) {
		var open []int
		for i, c := range calls { // all of them side by side
			open = append(open, b.Open(llm.Item{Kind: llm.ItemCall, CallID: "c" + string(rune('0'+i)), Name: c.name}))
		}
		for half := range 2 {
			for i, c := range calls {
				at := len(c.input) / 2
				b.Input(open[i], []string{c.input[:at], c.input[at:]}[half])
			}
		}
		b.Finish("")
	})
	for _, name := range []string{"ns__", `"name":"shell"`, `"name":"local_shell"`} {
		if strings.Contains(wire, name) {
			t.Errorf("the client sees %s\n%s", name, wire)
		}
	}
	var want []string
	for _, c := range calls {
		want = append(want, c.want)
	}
	if diff := cmp.Diff(want, outputs(t, f)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func think(b *llm.Builder) {
	i := b.Open(llm.Item{Kind: llm.ItemReasoning})
	b.Delta(i, llm.PartReasoning, "raw", nil)
	b.Delta(i, llm.PartSummary, "short", nil)
	b.Done(i, "")
	b.Finish("")
}

// Who asks for summaries is shown reasoning as one; who asks for what is
// sealed gets it, of text, too.
func TestReasoning(t *testing.T) {
	const both = `{"content":[{"text":"raw","type":"reasoning_text"}],"summary":[{"text":"short","type":"summary_text"}],"type":"reasoning"}`
	for _, tt := range []struct {
		name string
		r    llm.Request
		seal func(*llm.Item) string
		want string
	}{
		{"as it is", llm.Request{}, nil, both},
		{"summary asked for", llm.Request{Summary: "auto"}, nil, `{"summary":[{"text":"raw","type":"summary_text"},{"text":"short","type":"summary_text"}],"type":"reasoning"}`},
		{"sealed, and not asked for", llm.Request{}, func(*llm.Item) string { return "s" }, both},
		{"nothing sealed", llm.Request{WantSealed: true}, func(*llm.Item) string { return "" }, both},
		{
			"text sealed",
			llm.Request{WantSealed: true},
			func(i *llm.Item) string { return "weir1." + i.Text(llm.PartReasoning) },
			`{"content":[{"text":"raw","type":"reasoning_text"}],"encrypted_content":"weir1.raw","summary":[{"text":"short","type":"summary_text"}],"type":"reasoning"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := write(t, &dialect.ReplyOptions{Request: &tt.r, ID: "1", Seal: tt.seal}, nil, think)
			if diff := cmp.Diff([]string{tt.want}, outputs(t, f)); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// What a client cannot be shown leaves no hole in the numbers.
func TestHiddenItems(t *testing.T) {
	f, wire := write(t, codecSuite().Options(), nil, func(b *llm.Builder) {
		b.PlayItem(llm.Item{Kind: llm.ItemHosted, Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use"}`)})
		b.PlayItem(llm.Item{Kind: llm.ItemMessage, Parts: []llm.Part{{Text: "hi"}}})
		b.PlayItem(llm.Item{Kind: llm.ItemHosted, Type: "web_search_call", Raw: []byte(`{"id":"ws_1","type":"web_search_call","status":"completed","action":{}}`)})
		b.PlayItem(llm.Item{Kind: llm.ItemCall, ID: "call_1", CallID: "call_1", Name: "f", Input: "{}"})
		b.Finish("")
	})
	if len(f.output) != 3 || strings.Contains(wire, "server_tool_use") {
		t.Errorf("output = %v", outputs(t, f))
	}
}

// An id that becomes known late does not change the one that was told.
func TestItemsKeepTheirID(t *testing.T) {
	f, _ := write(t, codecSuite().Options(), nil, func(b *llm.Builder) {
		i := b.Open(llm.Item{Kind: llm.ItemMessage})
		b.Delta(i, llm.PartText, "hi", nil)
		b.Item(i).ID = "msg_late"
		b.Finish(llm.ReasonFilter)
	})
	if id := f.items[0].id; id != "msg_0123456789_0" {
		t.Errorf("id = %s", id)
	}
}

// A failure before anything has come is a stream, too.
func TestFailAtOnce(t *testing.T) {
	w := responses.Dialect{}.NewWriter(codecSuite().Options())
	wire := w.Fail(nil, dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamTruncated}, RequestID: "r"})
	if _, err := follow(string(wire)); err != nil || !strings.Contains(string(wire), `"weir_code":"upstream_truncated"`) {
		t.Errorf("%v\n%s", err, wire)
	}
	wire = responses.Dialect{}.NewWriter(codecSuite().Options()).Append(nil, llm.Event{Kind: llm.ReplyFailed, Reply: &llm.Reply{Failure: &llm.Failure{Code: "strange", Message: "x"}}})
	if _, err := follow(string(wire)); err != nil || !strings.Contains(string(wire), `"error":{"code":"server_error","message":"x"}`) {
		t.Errorf("%v\n%s", err, wire)
	}
}

func TestFailureCodes(t *testing.T) {
	for _, tt := range []struct {
		f    llm.Failure
		want string
	}{
		{llm.Failure{Code: "rate_limit_exceeded"}, "rate_limit_exceeded"},
		{llm.Failure{Code: "context_length_exceeded"}, "context_length_exceeded"},
		{llm.Failure{Code: "overloaded_error", Type: "overloaded_error"}, "server_error"},
		{llm.Failure{Code: "429"}, "rate_limit_exceeded"},
		{llm.Failure{Type: "rate_limit_error"}, "rate_limit_exceeded"},
		{llm.Failure{Code: "content_filter"}, "invalid_prompt"},
	} {
		f := tt.f
		wire := responses.Dialect{}.NewWriter(codecSuite().Options()).Append(nil, llm.Event{Kind: llm.ReplyFailed, Reply: &llm.Reply{Failure: &f}})
		if !strings.Contains(string(wire), `"error":{"code":"`+tt.want+`"`) {
			t.Errorf("%+v is told as %s, want %s", tt.f, wire, tt.want)
		}
	}
}

// Log probabilities of chat servers may lack what must be there.
func TestLogprobs(t *testing.T) {
	f, _ := write(t, codecSuite().Options(), nil, func(b *llm.Builder) {
		i := b.Open(llm.Item{Kind: llm.ItemMessage})
		b.Delta(i, llm.PartText, "a", []byte(`[{"token":"a","logprob":-1.50,"bytes":null,"top_logprobs":[{"token":"b","logprob":-2,"bytes":null}]}]`))
		b.Finish("")
	})
	want := `{"content":[{"annotations":[],"logprobs":[{"bytes":[],"logprob":-1.5,"token":"a","top_logprobs":[{"bytes":[],"logprob":-2,"token":"b"}]}],"text":"a","type":"output_text"}],"role":"assistant","type":"message"}`
	if diff := cmp.Diff([]string{want}, outputs(t, f)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func FuzzReader(f *testing.F) {
	codecSuite().FuzzReader(f, "testdata/answers", func(t *testing.T, client string) {
		if _, err := follow(client); err != nil {
			t.Errorf("%v\n%s", err, client)
		}
	})
}

// Service tiers have names that only OpenAI's clients know, and others that
// only another provider's do.
func TestServiceTier(t *testing.T) {
	for tier, want := range map[string]string{"": "default", "standard": "default", "batch": "default", "priority": "priority", "ultrafast": "ultrafast"} {
		body := responses.Dialect{}.EncodeReply(nil, &llm.Reply{ServiceTier: tier}, codecSuite().Options())
		if !strings.Contains(string(body), `"service_tier":"`+want+`"`) {
			t.Errorf("tier %q is told as %s, want %s", tier, body, want)
		}
	}
}
