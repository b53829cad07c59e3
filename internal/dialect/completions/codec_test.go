package completions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/completions"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
)

func options() *dialect.ReplyOptions {
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: llm.Completions, Model: "m", IncludeUsage: true},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
	}
}

func TestCodec(t *testing.T) {
	dialecttest.CodecSuite{
		Codec: completions.Dialect{}, Framed: true, Options: options,
		Carries: dialecttest.Carries{TextAlone: true, Filtered: true, CacheWrite: true, ReasonTokens: true},
	}.Run(t)
}

func TestDecodeRequest(t *testing.T) {
	for _, tt := range []struct {
		members string
		want    llm.Request
	}{
		{`"max_tokens":5,"temperature":1.0,"top_p":1,"top_k":2,"seed":3,"presence_penalty":0,"frequency_penalty":1,"logit_bias":{},"stop":"a","n":1`, llm.Request{
			MaxOutput: new(int64(5)), Temperature: "1.0", TopP: "1", TopK: "2", Seed: "3", PresencePenalty: "0", FrequencyPenalty: "1",
			LogitBias: []byte(`{}`), Stop: []string{"a"}, N: 1,
		}},
		{`"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`, llm.Request{Stream: true, IncludeUsage: true, Obfuscation: new(false)}},
		{`"suffix":"","echo":false,"best_of":1,"logprobs":null`, llm.Request{}},
		{`"user":"u","x":1`, llm.Request{Others: []llm.Member{{Name: "user", Value: []byte(`"u"`)}, {Name: "x", Value: []byte(`1`)}}}},
	} {
		for _, prompt := range []string{`"say"`, `["say"]`} {
			r, err := completions.Dialect{}.DecodeRequest([]byte(`{"model":"m","prompt":` + prompt + `,` + tt.members + `}`))
			if err != nil {
				t.Fatalf("%s: %v", tt.members, err)
			}
			if len(r.Items) != 1 || r.Items[0].Text(llm.PartText) != "say" || r.Items[0].Role != llm.RoleUser || r.Path(llm.FieldMaxOutput) != "max_tokens" {
				t.Errorf("%s: items %+v", prompt, r.Items)
			}
			r.Model, r.Dialect, r.Items, r.Names = "", "", nil, nil
			if diff := cmp.Diff(tt.want, *r); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.members, diff)
			}
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	for _, tt := range []struct{ body, code, param string }{
		{`{`, "invalid_json", ""},
		{`{"model":"m"}`, "missing_required_parameter", "prompt"},
		{`{"prompt":["a","b"]}`, "unsupported_value", "prompt"},
		{`{"prompt":[1,2]}`, "unsupported_value", "prompt"},
		{`{"prompt":[[1]]}`, "unsupported_value", "prompt"},
		{`{"prompt":"a","suffix":"b"}`, "unsupported_parameter", "suffix"},
		{`{"prompt":"a","echo":true}`, "unsupported_parameter", "echo"},
		{`{"prompt":"a","best_of":2}`, "unsupported_parameter", "best_of"},
		{`{"prompt":"a","logprobs":0}`, "unsupported_parameter", "logprobs"},
		{`{"prompt":"a","max_tokens":"5"}`, "invalid_value", "max_tokens"},
	} {
		_, err := completions.Dialect{}.DecodeRequest([]byte(tt.body))
		if err == nil {
			t.Errorf("%s is taken", tt.body)
			continue
		}
		if e := llm.AsError(err); string(e.Code) != tt.code || e.Param != tt.param {
			t.Errorf("%s: error %s about %q, want %s about %q", tt.body, e.Code, e.Param, tt.code, tt.param)
		}
	}
}

func TestEncodeRequest(t *testing.T) {
	names := new([llm.Fields]string)
	for i := range names {
		names[i] = "field"
	}
	user := []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Text: "a"}, {Text: "b"}}}}
	for _, tt := range []struct {
		name    string
		request llm.Request
		want    string
		losses  int
	}{
		{"text", llm.Request{Items: user}, `{"model":"m","prompt":"a\n\nb"}`, 0},
		{
			"settings",
			llm.Request{Items: user, MaxOutput: new(int64(5)), Temperature: "1.0", TopP: "1", Seed: "3", PresencePenalty: "0", FrequencyPenalty: "1", LogitBias: []byte(`{"1":2}`), Stop: []string{"x"}, Stream: true},
			`{"model":"m","prompt":"a\n\nb","max_tokens":5,"temperature":1.0,"top_p":1,"seed":3,"presence_penalty":0,"frequency_penalty":1,"logit_bias":{"1":2},"stop":["x"],"stream":true,"stream_options":{"include_usage":true}}`, 0,
		},
		{"lost", llm.Request{Items: user, TopK: "1", Logprobs: true, Effort: "low", Dialect: llm.Messages, Others: []llm.Member{{Name: "x", Value: []byte("1")}}}, `{"model":"m","prompt":"a\n\nb"}`, 4},
		{"own member", llm.Request{Items: user, Dialect: llm.Completions, Others: []llm.Member{{Name: "min_p", Value: []byte("1")}, {Name: "user", Value: []byte(`"u"`)}}}, `{"model":"m","prompt":"a\n\nb","min_p":1,"user":"u"}`, 0},
		{"instructions", llm.Request{Items: user, Instructions: "be"}, "!unsupported_parameter field", 0},
		{"tools", llm.Request{Items: user, Tools: []llm.Tool{{Name: "f"}}}, "!unsupported_parameter field", 0},
		{"format", llm.Request{Items: user, Format: llm.Format{Kind: llm.FormatObject}}, "!unsupported_parameter field", 0},
		{"several", llm.Request{Items: user, N: 2}, "!unsupported_value field", 0},
		{"previous", llm.Request{Items: user, PreviousID: "resp_1"}, "!previous_response_not_found field", 0},
		{"conversation", llm.Request{Items: append(slices.Clone(user), llm.Item{Role: llm.RoleAssistant, Path: "input[1]"})}, "!unsupported_value input[1]", 0},
		{"system", llm.Request{Items: []llm.Item{{Role: llm.RoleSystem, Path: "input[0]"}}}, "!unsupported_value input[0]", 0},
		{"image", llm.Request{Items: []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Kind: llm.PartImage, Path: "p"}}}}}, "!unsupported_value p", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.Names = names
			e, err := completions.Dialect{}.EncodeRequest(&tt.request, &dialect.Target{Model: "m", Traits: dialect.Traits{OpenAI: true, StreamUsage: true}})
			got := string(e.Body)
			if err != nil {
				got = "!" + string(llm.AsError(err).Code) + " " + llm.AsError(err).Param
			}
			if got != tt.want || len(e.Losses) != tt.losses {
				t.Errorf("written %s, lost %v; want %s and %d lost", got, e.Losses, tt.want, tt.losses)
			}
		})
	}
}

// An answer with more in it than a text.
func answer(emit func(llm.Event)) *llm.Reply {
	b := llm.NewBuilder(emit)
	b.Begin("c", "their-model", 7)
	think := b.Open(llm.Item{Kind: llm.ItemReasoning})
	b.Delta(think, llm.PartReasoning, "hm", nil)
	b.Done(think, "")
	say := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	b.Delta(say, llm.PartText, "Hi", nil)
	b.Delta(say, llm.PartRefusal, " no", nil)
	b.Reply().Usage = llm.Usage{Input: 5, Output: 3, Provenance: llm.UsageReported}
	b.Finish(llm.ReasonLength)
	return b.Reply()
}

const (
	head  = `{"id":"cmpl-0123456789","object":"text_completion","created":7,"model":"their-model","choices":[`
	count = `"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}`
)

func TestAnswers(t *testing.T) {
	got := string(completions.Dialect{}.EncodeReply(nil, answer(nil), options()))
	if want := head + `{"text":"Hi no","index":0,"logprobs":null,"finish_reason":"length"}],` + count; got != want {
		t.Errorf("whole answer\n%s\nwant\n%s", got, want)
	}
	w := completions.Dialect{}.NewWriter(options())
	var wire []byte
	answer(func(e llm.Event) { wire = w.Append(wire, e) })
	want := ""
	for _, choice := range []string{`{"text":"","index":0,"logprobs":null,"finish_reason":null}`, `{"text":"Hi","index":0,"logprobs":null,"finish_reason":null}`, `{"text":" no","index":0,"logprobs":null,"finish_reason":null}`, `{"text":"","index":0,"logprobs":null,"finish_reason":"length"}`} {
		want += "data: " + head + choice + `],"usage":null}` + "\n\n"
	}
	want += "data: " + head + "]," + count + "\n\ndata: [DONE]\n\n"
	if diff := cmp.Diff(want, string(wire)); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestAnswersFitThePublishedSchema(t *testing.T) {
	schemas := dialecttest.LoadSchemas(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	schemas.Check(t, "CreateCompletionResponse", string(completions.Dialect{}.EncodeReply(nil, answer(nil), options())))
	r := llm.Request{Items: []llm.Item{{Role: llm.RoleUser, Parts: []llm.Part{{Text: "a"}}}}, Stream: true, Stop: []string{"x"}}
	e, err := completions.Dialect{}.EncodeRequest(&r, &dialect.Target{Model: "m", Traits: dialect.Traits{StreamUsage: true}})
	if err != nil {
		t.Fatal(err)
	}
	schemas.Check(t, "CreateCompletionRequest", string(e.Body))
}

// Streams of servers, and what is read of them.
func TestStreams(t *testing.T) {
	const hi = `data: {"id":"c","choices":[{"text":"Hi","index":0,"finish_reason":null}]}` + "\n\n"
	const stop = `data: {"id":"c","choices":[{"text":"","index":0,"finish_reason":"stop"}]}` + "\n\n"
	for _, tt := range []struct{ name, stream, want string }{
		{"plain", hi + stop + "data: [DONE]\n\n", "completed Hi"},
		{"no DONE", hi + stop, "completed Hi"},
		{"cut", hi, "in_progress Hi upstream_truncated"},
		{"another choice", `data: {"choices":[{"text":"no","index":1,"finish_reason":"stop"}]}` + "\n\n" + hi + stop, "completed Hi"},
		{"error", hi + `data: {"error":{"message":"boom"}}` + "\n\n", "failed Hi boom"},
		{"not JSON", hi + "data: <html>\n\n", "in_progress Hi upstream_invalid_response"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.stream); size += 7 {
				text := ""
				b := llm.NewBuilder(func(e llm.Event) {
					if e.Kind == llm.PartDelta {
						text += e.Text
					}
				})
				r := completions.Dialect{}.NewReader(b)
				err := error(nil)
				for p := range slices.Chunk([]byte(tt.stream), size) {
					if err == nil {
						err = r.Write(p)
					}
				}
				if err == nil {
					err = r.Close()
				}
				got := string(b.Reply().Status) + " " + text
				if f := b.Reply().Failure; f != nil {
					got += " " + f.Message
				}
				if err != nil {
					got += " " + string(llm.AsError(err).Code)
				}
				if got != tt.want {
					t.Fatalf("in pieces of %d read as %s, want %s", size, got, tt.want)
				}
			}
		})
	}
}

// FuzzDecodeRequest checks that what is taken can be written.
func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":["a"],"stop":["b"],"stream":true,"x":[1]}`))
	f.Add([]byte(`{"prompt":"a","best_of":1,"echo":false,"suffix":"","logit_bias":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := completions.Dialect{}.DecodeRequest(body)
		if err != nil {
			if e := llm.AsError(err); e.Kind() != llm.Invalid {
				t.Fatalf("error = %v", err)
			}
			return
		}
		e, err := completions.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m"})
		if err != nil {
			if llm.AsError(err).Param == "" {
				t.Fatalf("error = %v, want one about a field", err)
			}
			return
		}
		if v, err := jsontree.Parse(e.Body); err != nil || !v.Get("prompt").Is(r.Items[0].Text(llm.PartText)) {
			t.Fatalf("%v: %s", err, e.Body)
		}
	})
}

// FuzzReader checks that pieces change nothing.
func FuzzReader(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"text\":\"Hi\"}]}\n\ndata: [DONE]\n\n"), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		read := func(pieces ...[]byte) string {
			var s strings.Builder
			b := llm.NewBuilder(func(e llm.Event) { s.WriteString(string(rune('a'+e.Kind)) + e.Text + "\n") })
			r := completions.Dialect{}.NewReader(b)
			for _, p := range pieces {
				if err := r.Write(p); err != nil {
					return s.String() + err.Error()
				}
			}
			if err := r.Close(); err != nil {
				s.WriteString(err.Error())
			}
			return s.String()
		}
		if diff := cmp.Diff(read(stream), read(slices.Collect(slices.Chunk(stream, int(size%32)+1))...)); diff != "" {
			t.Fatalf("in pieces (-whole +pieces):\n%s", diff)
		}
	})
}
