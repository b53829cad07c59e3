package chat_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// answer is one with everything: two texts, thoughts, two calls, of which the
// second begins before the first has ended.
func answer(emit func(llm.Event)) *llm.Reply {
	b := llm.NewBuilder(emit)
	b.Begin("resp_1", "their-model", 7)
	think := b.Open(llm.Item{Kind: llm.ItemReasoning})
	b.Delta(think, llm.PartSummary, "one", nil)
	b.Part(think, llm.Part{Kind: llm.PartSummary})
	b.Delta(think, llm.PartSummary, "two", nil)
	b.Done(think, "")
	for _, s := range []string{"é!", "bye"} {
		say := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
		b.Delta(say, llm.PartText, s, []byte(`[{"token":"t","bytes":null,"logprob":0,"top_logprobs":[]}]`))
		b.Annotate(say, llm.Annotation{URL: "https://example.com", Title: "t", Start: 0, End: 1})
		b.Done(say, "")
	}
	f := b.Open(llm.Item{Kind: llm.ItemCall, CallID: "a", Name: "f"})
	g := b.Open(llm.Item{Kind: llm.ItemCall, CallID: "b", Name: "g"})
	b.Input(g, `{"b":`)
	b.Done(f, "")
	b.Input(g, `1}`)
	b.Reply().Usage = llm.Usage{Input: 5, Output: 3, Provenance: llm.UsageReported}
	b.Reply().ServiceTier = "flex"
	b.Finish("")
	return b.Reply()
}

// deltas returns what the chunks of a stream say, without what is the same in
// all of them.
func deltas(t *testing.T, wire []byte) (all []string) {
	t.Helper()
	for _, data := range dialecttest.Data(wire) {
		v, err := jsontree.Parse([]byte(data))
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if !v.Get("id").Is("chatcmpl-0123456789") || !v.Get("model").Is("their-model") || string(v.Get("created").Raw()) != "7" {
			t.Errorf("id, model or time are not those of the stream: %s", data)
		}
		s := "none"
		for _, c := range v.Get("choices").Elements() {
			s = string(c.Get("delta").Raw())
			if c.Get("logprobs").Given() {
				s += " logprobs"
			}
			if c.Get("finish_reason").Given() {
				s += " " + c.Get("finish_reason").Text()
			}
		}
		if v.Get("usage").Given() {
			s += " usage"
		} else if v.Get("usage").Kind() == 0 {
			s += " without usage"
		}
		all = append(all, s)
	}
	return all
}

func TestWriter(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request llm.Request
		want    []string
	}{
		{"a client that wants everything", *options().Request, []string{
			`{"role":"assistant"}`,
			`{"reasoning_content":"one"}`, `{"reasoning_content":"\n\ntwo"}`,
			`{"content":"é!"} logprobs`,
			`{"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":1,"title":"t","url":"https://example.com"}}]}`,
			`{"content":"bye"} logprobs`,
			`{"annotations":[{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"title":"t","url":"https://example.com"}}]}`,
			`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}`,
			`{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}`,
			`{"tool_calls":[{"index":1,"function":{"arguments":"{\"b\":"}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`,
			`{"tool_calls":[{"index":1,"function":{"arguments":"1}"}}]}`,
			`{} tool_calls`,
			`none usage`,
		}},
		{"functions, and nothing else", llm.Request{Functions: true}, []string{
			`{"role":"assistant"} without usage`,
			`{"content":"é!"} without usage`,
			`{"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":1,"title":"t","url":"https://example.com"}}]} without usage`,
			`{"content":"bye"} without usage`,
			`{"annotations":[{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"title":"t","url":"https://example.com"}}]} without usage`,
			`{"function_call":{"name":"f","arguments":""}} without usage`,
			`{"function_call":{"arguments":"{}"}} without usage`,
			`{} function_call without usage`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.Request = &tt.request
			w := chat.Dialect{}.NewWriter(o)
			var wire []byte
			answer(func(e llm.Event) { wire = w.Append(wire, e) })
			if diff := cmp.Diff(tt.want, deltas(t, wire)); diff != "" {
				t.Errorf("chunks (-want +got):\n%s", diff)
			}
			if !strings.HasSuffix(string(wire), "}\n\ndata: [DONE]\n\n") {
				t.Errorf("the stream ends in %q", wire[max(0, len(wire)-40):])
			}
		})
	}
}

func TestEncodeReply(t *testing.T) {
	const (
		head    = `{"id":"chatcmpl-0123456789","object":"chat.completion","created":7,"model":"their-model","choices":[{"index":0,"message":{"role":"assistant","content":"é!bye","refusal":null,`
		notes   = `"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":1,"title":"t","url":"https://example.com"}},{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"title":"t","url":"https://example.com"}}],`
		logs    = `{"token":"t","bytes":null,"logprob":0,"top_logprobs":[]}`
		numbers = `"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"flex"}`
	)
	full := answer(nil)
	for _, tt := range []struct {
		name    string
		request llm.Request
		answer  *llm.Reply
		want    string
	}{
		{
			"a client that wants everything", *options().Request, full,
			head + `"reasoning_content":"one\n\ntwo",` + notes + `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{\"b\":1}"}}]},` +
				`"logprobs":{"content":[` + logs + `,` + logs + `],"refusal":null},"finish_reason":"tool_calls"}],` + numbers,
		},
		{"functions, and nothing else", llm.Request{Functions: true}, full, head + notes + `"function_call":{"name":"f","arguments":"{}"}},"logprobs":null,"finish_reason":"function_call"}],` + numbers},
		{
			"calls alone",
			llm.Request{},
			&llm.Reply{Status: llm.StatusCompleted, Items: []llm.Item{{Kind: llm.ItemCall, CallID: "a", Name: "p", Tool: llm.ToolCustom, Input: "x"}}},
			`{"id":"chatcmpl-0123456789","object":"chat.completion","created":1800000000,"model":"","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"a","type":"custom","custom":{"name":"p","input":"x"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}`,
		},
		{
			"cut in a call",
			llm.Request{Model: "asked"},
			&llm.Reply{Status: llm.StatusIncomplete, Reason: llm.ReasonLength, ServiceTier: "standard", Items: []llm.Item{
				{Kind: llm.ItemCall, CallID: "a", Name: "f", Status: llm.ItemCompleted, Input: "{}"}, {Kind: llm.ItemCall, CallID: "b", Name: "f", Status: llm.ItemIncomplete, Input: "{"},
			}},
			`{"id":"chatcmpl-0123456789","object":"chat.completion","created":1800000000,"model":"asked","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":null,"finish_reason":"length"}]}`,
		},
		{
			"refused",
			llm.Request{},
			&llm.Reply{Status: llm.StatusIncomplete, Reason: llm.ReasonFilter, Items: []llm.Item{{Parts: []llm.Part{{Kind: llm.PartRefusal, Text: "no"}}}}},
			`{"id":"chatcmpl-0123456789","object":"chat.completion","created":1800000000,"model":"","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"no"},"logprobs":null,"finish_reason":"content_filter"}]}`,
		},
		{
			"nothing",
			llm.Request{},
			&llm.Reply{Status: llm.StatusCompleted, Items: []llm.Item{{Kind: llm.ItemHosted, Type: "web_search_call"}}},
			`{"id":"chatcmpl-0123456789","object":"chat.completion","created":1800000000,"model":"","choices":[{"index":0,"message":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":"stop"}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.Request = &tt.request
			got := chat.Dialect{}.EncodeReply([]byte("before "), tt.answer, o)
			if diff := cmp.Diff("before "+tt.want, string(got)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// A stream that fails ends without [DONE], in words that SDKs raise.
func TestWriterFails(t *testing.T) {
	for _, tt := range []struct {
		name    string
		failure llm.Failure
		want    string
	}{
		{"in the upstream's words", llm.Failure{Code: "rate_limit_exceeded", Type: "tokens", Message: "no\n"}, `data: {"error":{"message":"no\n","type":"tokens","param":null,"code":"rate_limit_exceeded"}}` + "\n\n"},
		{"without words", llm.Failure{Message: "no"}, `data: {"error":{"message":"no","type":"server_error","param":null,"code":null}}` + "\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := chat.Dialect{}.NewWriter(options())
			var wire []byte
			b := llm.NewBuilder(func(e llm.Event) { wire = w.Append(nil, e) })
			b.Begin("", "", 0)
			b.Fail(tt.failure)
			if string(wire) != tt.want {
				t.Errorf("written %q, want %q", wire, tt.want)
			}
		})
	}
	w := chat.Dialect{}.NewWriter(options())
	if got := string(w.Fail(nil, dialect.Failure{})); !strings.HasPrefix(got, `data: {"error":{"message":`) || strings.Contains(got, "[DONE]") {
		t.Errorf("Fail wrote %q", got)
	}
	if got := string(w.KeepAlive(nil)); got != ": ping\n\n" {
		t.Errorf("KeepAlive wrote %q", got)
	}
}

// FuzzReader checks that a stream is read as the same events however it is cut,
// and that they come in an order that a writer can tell of.
func FuzzReader(f *testing.F) {
	for _, r := range recordings(f) {
		if answer, stream := r.answer(); stream && len(answer) < 8<<10 {
			f.Add([]byte(answer), uint8(3), false)
		}
	}
	f.Add([]byte(chunk(`{"content":"<think>a</think>b"}`)+done), uint8(7), true)
	f.Fuzz(func(t *testing.T, stream []byte, size uint8, tags bool) {
		d := chat.Dialect{ThinkTags: tags}
		want, wire := relay(d, string(stream))
		var pieces []string
		for p := range slices.Chunk(stream, int(size%32)+1) {
			pieces = append(pieces, string(p))
		}
		got, _ := relay(d, pieces...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("in pieces (-want +got):\n%s", diff)
		}
		for _, data := range dialecttest.Data(wire) {
			if _, err := jsontree.Parse([]byte(data)); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
		}
	})
}

// FuzzDecodeReply checks that a whole body of an upstream is an answer, a
// failure or an error.
func FuzzDecodeReply(f *testing.F) {
	for _, r := range recordings(f) {
		if answer, stream := r.answer(); !stream {
			f.Add(answer)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		_, a, err := decode(body)
		switch {
		case err != nil:
			if llm.AsError(err).Code != llm.CodeUpstreamInvalid {
				t.Fatalf("error = %v", err)
			}
		case a.Status == llm.StatusFailed:
		case a.Status == llm.StatusInProgress:
			t.Fatal("the answer has no end")
		default:
			wire := chat.Dialect{}.EncodeReply(nil, a, options())
			if _, _, err := decode(string(wire)); err != nil {
				t.Fatalf("%v in %s", err, wire)
			}
		}
	})
}
