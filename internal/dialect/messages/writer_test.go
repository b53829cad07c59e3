package messages_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// wireLines are the events of a stream in short.
func wireLines(t *testing.T, wire []byte) (lines []string) {
	t.Helper()
	for event := range bytes.SplitSeq(bytes.TrimSuffix(wire, []byte("\n\n")), []byte("\n\n")) {
		name, data, ok := strings.Cut(string(event), "\ndata: ")
		v, err := jsontree.Parse([]byte(data))
		if !ok || err != nil || "event: "+v.Get("type").Text() != name {
			t.Fatalf("no event: %q (%v)", event, err)
		}
		at := string(v.Get("index").Raw())
		d := v.Get("delta")
		switch name = strings.TrimPrefix(name, "event: "); name {
		case "content_block_start":
			b := v.Get("content_block")
			lines = append(lines, strings.TrimSpace(at+" "+b.Get("type").Text()+" "+b.Get("name").Text()+b.Get("data").Text()))
		case "content_block_delta":
			text := d.Get("text").Text() + d.Get("thinking").Text() + d.Get("partial_json").Text() + d.Get("signature").Text() + d.Get("citation").Get("url").Text()
			lines = append(lines, at+" + "+fmt.Sprintf("%q", text))
		case "content_block_stop":
			lines = append(lines, at+" stop")
		case "message_delta":
			lines = append(lines, "end "+d.Get("stop_reason").Text())
		case "error":
			lines = append(lines, "error "+v.Get("error").Get("type").Text())
		default:
			lines = append(lines, name)
		}
	}
	return lines
}

func call(b *llm.Builder, name string) int {
	return b.Open(llm.Item{Kind: llm.ItemCall, CallID: "id_" + name, Name: name})
}

func say(b *llm.Builder) int { return b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant}) }

// Blocks stand one behind the other, whatever order an answer arrives in, and
// nothing is written to one that has ended.
func TestWriterOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(b *llm.Builder)
		want []string
	}{
		{"calls side by side", func(b *llm.Builder) {
			x, y, z := call(b, "x"), call(b, "y"), call(b, "z")
			b.Input(x, `{"a"`)
			b.Input(y, `{"b"`)
			b.Input(z, `{}`)
			b.Input(x, `:1`)
			b.Input(y, `:2}`)
			b.Input(x, `}`)
			b.Finish("")
		}, []string{
			"0 tool_use x", `0 + "{\"a\""`, `0 + ":1"`, `0 + "}"`, "0 stop",
			"1 tool_use y", `1 + "{\"b\":2}"`, "1 stop", "2 tool_use z", `2 + "{}"`, "2 stop", "end tool_use",
		}},
		{"one call after the other, none of which says that it is done", func(b *llm.Builder) {
			x := call(b, "x")
			b.Input(x, `{}`)
			y := call(b, "y")
			b.Input(y, `{"b"`)
			b.Input(y, `:2}`)
			b.Finish("")
		}, []string{
			"0 tool_use x", `0 + "{}"`, "0 stop", "1 tool_use y", `1 + "{\"b\""`, `1 + ":2}"`, "1 stop", "end tool_use",
		}},
		{"text behind a call that is whole", func(b *llm.Builder) {
			x := call(b, "x")
			b.Input(x, `{"a":1}`)
			b.Delta(say(b), llm.PartText, "so", nil)
			b.Finish("")
		}, []string{"0 tool_use x", `0 + "{\"a\":1}"`, "0 stop", "1 text", `1 + "so"`, "1 stop", "end tool_use"}},
		{"text while a call is not whole", func(b *llm.Builder) {
			x := call(b, "x")
			b.Input(x, `{"a"`)
			m := say(b)
			b.Delta(m, llm.PartText, "s", nil)
			b.Input(x, `:1}`)
			b.Delta(m, llm.PartText, "o", nil)
			b.Finish("")
		}, []string{"0 tool_use x", `0 + "{\"a\""`, `0 + ":1}"`, "0 stop", "1 text", `1 + "s"`, `1 + "o"`, "1 stop", "end tool_use"}},
		{"text that goes on behind a call", func(b *llm.Builder) {
			m := say(b)
			b.Delta(m, llm.PartText, "one", nil)
			x := call(b, "x")
			b.Input(x, `{}`)
			b.Delta(m, llm.PartText, "two", nil)
			b.Finish("")
		}, []string{"0 text", `0 + "one"`, "0 stop", "1 tool_use x", `1 + "{}"`, "1 stop", "2 text", `2 + "two"`, "2 stop", "end tool_use"}},
		{"a call without input", func(b *llm.Builder) {
			call(b, "x")
			b.Finish("")
		}, []string{"0 tool_use x", `0 + ""`, "0 stop", "end tool_use"}},
		{"a call cut short", func(b *llm.Builder) {
			b.Input(call(b, "x"), `{"a"`)
			b.Finish(llm.ReasonLength)
		}, []string{"0 tool_use x", `0 + "{\"a\""`, "0 stop", "end max_tokens"}},
		{"a custom call", func(b *llm.Builder) {
			x := b.Open(llm.Item{Kind: llm.ItemCall, Tool: llm.ToolCustom, Name: "x", Namespace: "n"})
			b.Input(x, "a\"")
			b.Input(x, "}")
			b.Finish("")
		}, []string{"0 tool_use n__x", `0 + "{\"input\":\"a\\\"}\"}"`, "0 stop", "end tool_use"}},
		{"thoughts of two parts, then text", func(b *llm.Builder) {
			i := b.Open(llm.Item{Kind: llm.ItemReasoning})
			b.Part(i, llm.Part{Kind: llm.PartSummary})
			b.Delta(i, llm.PartSummary, "one", nil)
			b.Part(i, llm.Part{Kind: llm.PartSummary})
			b.Delta(i, llm.PartSummary, "two", nil)
			b.Item(i).Sealed = "sig"
			b.Done(i, "")
			b.Delta(say(b), llm.PartText, "so", nil)
			b.Finish("")
		}, []string{"0 thinking", `0 + "one"`, `0 + "\n\ntwo"`, `0 + "sig"`, "0 stop", "1 text", `1 + "so"`, "1 stop", "end end_turn"}},
		{"thoughts while a call is not whole", func(b *llm.Builder) {
			x := call(b, "x")
			i := b.Open(llm.Item{Kind: llm.ItemReasoning, Sealed: "sig"})
			b.Delta(i, llm.PartReasoning, "hm", nil)
			b.Delta(say(b), llm.PartText, "so", nil)
			b.Done(i, "")
			b.Input(x, `{}`)
			b.Finish("")
		}, []string{
			"0 tool_use x", `0 + "{}"`, "0 stop", "1 thinking", `1 + "hm"`, `1 + "sig"`, "1 stop", "2 text", `2 + "so"`, "2 stop", "end tool_use",
		}},
		{"only thoughts", func(b *llm.Builder) {
			b.Delta(b.Open(llm.Item{Kind: llm.ItemReasoning}), llm.PartReasoning, "hm", nil)
			b.Finish("")
		}, []string{"0 thinking", `0 + "hm"`, "0 stop", "end end_turn"}},
		{"refusal and citation", func(b *llm.Builder) {
			m := say(b)
			b.Delta(m, llm.PartText, "so", nil)
			b.Annotate(m, llm.Annotation{URL: "u"})
			b.Delta(m, llm.PartRefusal, "no", nil)
			b.Finish(llm.ReasonFilter)
		}, []string{"0 text", `0 + "so"`, `0 + "u"`, "0 stop", "1 text", `1 + "no"`, "1 stop", "end refusal"}},
		{"nothing", func(b *llm.Builder) {
			say(b)
			b.Finish("")
		}, []string{"end end_turn"}},
		{"a failure", func(b *llm.Builder) {
			b.Delta(say(b), llm.PartText, "so", nil)
			b.Fail(llm.Failure{Code: "server_is_overloaded"})
		}, []string{"0 text", `0 + "so"`, "error overloaded_error"}},
		{"a failure of another type", func(b *llm.Builder) {
			b.Fail(llm.Failure{Type: "invalid_request_error", Code: "17"})
		}, []string{"error invalid_request_error"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := messages.Dialect{}.NewWriter(options())
			var wire []byte
			b := llm.NewBuilder(func(e llm.Event) { wire = w.Append(wire, e) })
			b.Begin("id", "m", 1)
			if len(wire) == 0 {
				t.Error("nothing was written when the answer began")
			}
			tt.make(b)
			want := append([]string{"message_start"}, tt.want...)
			if b.Reply().Status != llm.StatusFailed {
				want = append(want, "message_stop")
			}
			if diff := cmp.Diff(want, wireLines(t, wire)); diff != "" {
				t.Errorf("events (-want +got):\n%s\n%s", diff, wire)
			}
			if more := w.Fail(nil, dialect.Failure{}); len(more) > 0 {
				t.Errorf("after the end comes %s", more)
			}
		})
	}
}

func TestKeepAlive(t *testing.T) {
	const want = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
	if got := (messages.Dialect{}).NewWriter(options()).KeepAlive(nil); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What no client could read is left out of a whole answer, and what its maker
// alone can read unless it is sealed.
func TestWholeAnswer(t *testing.T) {
	r := &llm.Reply{
		Status: llm.StatusIncomplete, Reason: llm.ReasonLength, ServiceTier: "default",
		Usage: llm.Usage{Input: 5, CachedInput: 4, CacheWrite: 3, Output: 2},
		Items: []llm.Item{
			{Kind: llm.ItemReasoning, Redacted: true, Sealed: "x"},
			{Kind: llm.ItemReasoning, Sealed: "x", Parts: []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}},
			{Kind: llm.ItemMessage, Parts: []llm.Part{{Kind: llm.PartText}, {Kind: llm.PartUnknown}}},
			{Kind: llm.ItemHosted, Raw: []byte("{}")},
			{Kind: llm.ItemCall, CallID: "a", Name: "f", Input: `{"a`, Status: llm.ItemIncomplete},
			{Kind: llm.ItemCall, CallID: "b", Name: "f"},
			{Kind: llm.ItemCall, CallID: "c", Name: "f", Input: `[1]`, Status: llm.ItemCompleted},
		},
	}
	o := options()
	o.Seal = nil
	got := string(messages.Dialect{}.EncodeReply(nil, r, o))
	for _, want := range []string{
		`"content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"tool_use","id":"b","name":"f","caller":{"type":"direct"},"input":{}},` +
			`{"type":"tool_use","id":"c","name":"f","caller":{"type":"direct"},"input":{"input":"[1]"}}],"stop_reason":"max_tokens"`,
		`"input_tokens":0,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2`, `"service_tier":null`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}
