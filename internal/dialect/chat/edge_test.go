package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/llm"
)

// chunk is an event whose first choice has this delta.
func chunk(delta string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n"
}

// finish is an event that tells the end.
func finish(word string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"` + word + `"}]}` + "\n\n"
}

// tool is an event with these elements of tool_calls.
func tool(elements ...string) string {
	return chunk(`{"tool_calls":[` + strings.Join(elements, ",") + `]}`)
}

const (
	done     = "data: [DONE]\n\n"
	counted  = `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}`
	usageEnd = `data: {"id":"c","choices":[],` + counted + "}\n\n"
)

// The cases of what servers send, each as it is read.
func TestEdgeCases(t *testing.T) {
	hi := chunk(`{"content":"Hi"}`)
	for _, tt := range []struct {
		name, stream string
		want         string
		usage        int64 // input tokens
	}{
		{"01 role alone first", chunk(`{"role":"assistant"}`) + hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"01 role in every chunk", chunk(`{"role":"assistant","content":"a"}`) + chunk(`{"role":"assistant","content":"b"}`) + finish("stop") + done, `text "ab"; completed`, 0},
		{"01 no role at all", hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"01 nothing in the first chunk", chunk(`{"role":"assistant","content":null,"tool_calls":[]}`) + chunk(`{"tool_calls":null}`) + hi + finish("stop") + done, `text "Hi"; completed`, 0},

		{"02 Azure's first chunk", `data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{}]}` + "\n\n" + hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"02 Azure's filter behind the text", hi + finish("stop") + `data: {"choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":{"check_offset":1}}]}` + "\n\n" + done, `text "Hi"; completed`, 0},
		{"02 Azure's filter hits", hi + finish("content_filter") + done, `text "Hi"; incomplete content_filter`, 0},
		{"02 Azure's filter hits behind the finish", hi + finish("stop") + finish("content_filter") + done, `text "Hi"; incomplete content_filter`, 0},
		{"02 Azure's filter as an error", hi + `data: {"error":{"code":"content_filter","message":"filtered"}}` + "\n\n", `text ""; failed "content_filter" "filtered"`, 0},

		{"03 usage of its own", hi + finish("stop") + usageEnd + done, `text "Hi"; completed`, 3},
		{"03 usage with the finish", hi + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],` + counted + "}\n\n" + done, `text "Hi"; completed`, 3},
		{"03 usage in every chunk", `data: {"choices":[{"index":0,"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}` + "\n\n" + finish("stop") + usageEnd + done, `text "Hi"; completed`, 3},
		{"03 usage of zeroes last", hi + finish("stop") + usageEnd + `data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}` + "\n\n" + done, `text "Hi"; completed`, 3},
		{"03 usage behind the end", hi + finish("stop") + done + usageEnd, `text "Hi"; completed`, 0},

		{"04 finish missing", hi + done, `text "Hi"; completed`, 0},
		{"04 two finishes", hi + finish("length") + finish("stop") + done, `text "Hi"; incomplete max_output_tokens`, 0},
		{"04 nothing but the end", done, `in_progress; upstream_truncated`, 0},
		{"04 no DONE", hi + finish("stop"), `text "Hi"; completed`, 0},

		{"05 text and calls in one delta", chunk(`{"content":"Hi","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`) + finish("tool_calls") + done, `text "Hi"; call a f {}; completed`, 0},
		{"05 reasoning and text in one delta", chunk(`{"content":"Hi","reasoning_content":"hm"}`) + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},

		{"06 whole call in one chunk", tool(`{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}`) + finish("tool_calls") + done, `call a f {"x":1}; completed`, 0},
		{"06 several calls in one chunk", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}`) + finish("tool_calls") + done, `call a f {}; call b g {}; completed`, 0},
		{"06 pieces interleaved", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`) + tool(`{"index":1,"id":"b","function":{"name":"g","arguments":"["}}`) +
			tool(`{"index":0,"function":{"arguments":"}"}}`, `{"index":1,"function":{"arguments":"]"}}`) + finish("tool_calls") + done, `call a f {}; call b g []; completed`, 0},
		{"06 index reused", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`) + tool(`{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}`) + finish("tool_calls") + done, `call a f {}; call b f {}; completed`, 0},
		{"06 no index, by id", tool(`{"id":"a","function":{"name":"f","arguments":"{"}}`) + tool(`{"id":"b","function":{"name":"g","arguments":"{}"}}`) + tool(`{"id":"a","function":{"arguments":"}"}}`) + finish("tool_calls") + done, `call a f {}; call b g {}; completed`, 0},
		{"06 no index, the last call", tool(`{"id":"a","function":{"name":"f","arguments":"{"}}`) + tool(`{"function":{"arguments":"}"}}`) + finish("tool_calls") + done, `call a f {}; completed`, 0},
		{"06 neither index nor id, two calls", tool(`{"function":{"name":"f","arguments":"{}"}}`, `{"function":{"name":"f","arguments":"{\"a\":1}"}}`) + finish("tool_calls") + done, `call MINTED f {}; call MINTED f {"a":1}; completed`, 0},
		{"06 no id", tool(`{"index":0,"function":{"name":"f","arguments":"{"}}`) + tool(`{"index":0,"function":{"arguments":"}"}}`) + finish("tool_calls") + done, `call MINTED f {}; completed`, 0},
		{"06 index reused and no id", tool(`{"index":0,"function":{"name":"f","arguments":"{}"}}`) + tool(`{"index":0,"function":{"name":"g","arguments":"{}"}}`) + finish("tool_calls") + done, `call MINTED f {}; call MINTED g {}; completed`, 0},
		{"06 id in every piece", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`) + tool(`{"index":0,"id":"a","function":{"arguments":"}"}}`) + finish("tool_calls") + done, `call a f {}; completed`, 0},
		{"06 name in every piece", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`) + tool(`{"index":0,"id":"","function":{"name":"f","arguments":""}}`) + tool(`{"index":0,"function":{"name":"","arguments":"}"}}`) + finish("tool_calls") + done, `call a f {}; completed`, 0},
		{"06 id before name", tool(`{"index":0,"id":"a","function":{"arguments":"{"}}`) + tool(`{"index":0,"function":{"name":"f","arguments":"}"}}`) + finish("tool_calls") + done, `call a f {}; completed`, 0},
		{"06 name before id", tool(`{"index":0,"function":{"name":"f"}}`) + tool(`{"index":0,"id":"a","function":{"arguments":"{}"}}`) + finish("tool_calls") + done, `call MINTED f {}; completed`, 0},
		{"06 arguments null and empty", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":null}}`) + tool(`{"index":0,"function":{"arguments":""}}`) + finish("tool_calls") + done, `call a f {}; completed`, 0},
		{"06 arguments as an object", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":{"a b": [1, "c \" d"]}}}`) + finish("tool_calls") + done, `call a f {"a b":[1,"c \" d"]}; completed`, 0},
		{"06 custom call", tool(`{"index":0,"id":"a","type":"custom","custom":{"name":"p","input":"x"}}`) + tool(`{"index":0,"custom":{"input":"y"}}`) + finish("tool_calls") + done, `custom call a p xy; completed`, 0},
		{"06 old form", chunk(`{"function_call":{"name":"f","arguments":""}}`) + chunk(`{"function_call":{"arguments":"{}"}}`) + finish("function_call") + done, `call MINTED f {}; completed`, 0},
		{"06 cut by the limit", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`) + finish("length") + done, `call a f {"x" (incomplete); incomplete max_output_tokens`, 0},
		{"06 text behind a call", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`) + hi + finish("tool_calls") + done, `call a f {}; text "Hi"; completed`, 0},

		{"07 finish stop with a call", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`) + finish("stop") + done, `call a f {}; completed`, 0},

		{"08 refusal", chunk(`{"refusal":"I "}`) + chunk(`{"refusal":"can't"}`) + finish("stop") + done, `refusal "I can't"; completed`, 0},
		{"08 text, then a refusal", hi + chunk(`{"refusal":"no"}`) + finish("stop") + done, `text "Hi"; refusal "no"; completed`, 0},

		{"09 reasoning", chunk(`{"reasoning":"hm"}`) + hi + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},
		{"09 both spellings of the same", chunk(`{"reasoning":"hm","reasoning_content":"hm"}`) + hi + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},
		{"09 thinking blocks", chunk(`{"thinking_blocks":[{"type":"thinking","thinking":"hm"}]}`) + hi + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},
		{"09 reasoning in an object", chunk(`{"reasoning":{"content":"hm"}}`) + hi + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},
		{"09 content of parts", chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"Hi"}]}`) + finish("stop") + done, `reasoning "hm"; text "Hi"; completed`, 0},
		{"09 reasoning behind text", hi + chunk(`{"reasoning_content":"hm"}`) + chunk(`{"content":"!"}`) + finish("stop") + done, `text "Hi"; reasoning "hm"; text "!"; completed`, 0},
		{"09 think tags are text", chunk(`{"content":"<thi"}`) + chunk(`{"content":"nk>a</think>b"}`) + finish("stop") + done, `text "<think>a</think>b"; completed`, 0},

		{
			"a signature in front of its call", tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}`) +
				tool(`{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}`) + finish("tool_calls") + done, `call a f {}; call b g {}; completed`, 0,
		},
		{"10 comments", ": keep-alive\n\n: OPENROUTER PROCESSING\n\n" + hi + ": \n\n" + finish("stop") + done, `text "Hi"; completed`, 0},

		{"11 CRLF", strings.ReplaceAll(hi+finish("stop")+done, "\n", "\r\n"), `text "Hi"; completed`, 0},
		{"11 CR", strings.ReplaceAll(hi+finish("stop")+done, "\n", "\r"), `text "Hi"; completed`, 0},
		{"11 byte order mark", "\xEF\xBB\xBF" + hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"11 no space", strings.ReplaceAll(hi+finish("stop")+done, "data: ", "data:"), `text "Hi"; completed`, 0},
		{"11 data of several lines", "data: {\"choices\":[\ndata: {\"delta\":{\"content\":\"Hi\"}}\ndata: ]}\n\n" + finish("stop") + done, `text "Hi"; completed`, 0},
		{"11 blank data", "data: \n\n" + "data:\n\n" + hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"11 null", "data: null\n\n" + hi + finish("stop") + done, `text "Hi"; completed`, 0},
		{"11 no blank line at the end", hi + strings.TrimSuffix(finish("stop"), "\n\n"), `text "Hi"; completed`, 0},

		{"13 error object", hi + `data: {"error":{"message":"boom","type":"server_error","code":500}}` + "\n\n" + done, `text ""; failed "500" "boom"`, 0},
		{"13 error text", hi + `data: {"error":"boom"}` + "\n\n", `text ""; failed "" "boom"`, 0},
		{"13 error event", hi + "event: error\ndata: {\"message\":\"boom\",\"code\":\"x\"}\n\n", `text ""; failed "x" "boom"`, 0},
		{"13 error of an older vLLM", `data: {"object":"error","message":"boom","code":400}` + "\n\n", `failed "400" "boom"`, 0},
		{"13 HTML as data", hi + "data: <html>\n\n", `text ""; in_progress; upstream_invalid_response`, 0},
		{"13 an HTML page", hi + "<html>\n<body>Bad gateway</body>\n</html>\n", `text ""; in_progress; upstream_truncated`, 0},
		{"13 torn JSON", hi + `data: {"choices":[{"ind`, `text ""; in_progress; upstream_truncated`, 0},
		{"13 finish error", hi + finish("error") + done, `text ""; failed "server_error" "the upstream ended its answer with \"error\""`, 0},
		{"13 a word that nobody knows", hi + finish("eos") + done, `text "Hi"; completed`, 0},

		{"14 Ollama loses its error", hi + `data: {"id":"c","object":"chat.completion.chunk","created":2,"model":"","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n", `text ""; in_progress; upstream_truncated`, 0},

		{"19 several choices", `data: {"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}` + "\n\n" + hi + finish("stop") + done, `text "Hi"; completed`, 0},

		{"20 a megabyte in one event", chunk(`{"content":"`+strings.Repeat("x", 1<<20)+`"}`) + finish("stop") + done, fmt.Sprintf(`text %q; completed`, strings.Repeat("x", 1<<20)), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := llm.NewBuilder(nil)
			got, usage := end(b, chat.Dialect{}, tt.stream)
			if got != tt.want {
				t.Errorf("read as\n%.400s\nwant\n%.400s", got, tt.want)
			}
			if usage.Input != tt.usage {
				t.Errorf("usage %+v, want input %d", usage, tt.usage)
			}
			if len(tt.stream) < 4<<10 {
				everySplit(t, tt.stream, read(tt.stream))
			}
		})
	}
}

// end reads a stream and returns what it says, and the error's code.
func end(b *llm.Builder, d chat.Dialect, stream string) (string, llm.Usage) {
	r := d.NewReader(b)
	err := r.Write([]byte(stream))
	if err == nil {
		err = r.Close()
	}
	a := b.Reply()
	s := said(a)
	for i := range a.Items {
		if id := a.Items[i].CallID; len(id) == len("call_")+24 {
			s = strings.ReplaceAll(s, id, "MINTED")
		}
	}
	if err != nil {
		s += "; " + string(llm.AsError(err).Code)
	}
	return s, a.Usage
}

// Case 15: servers that answer whole to who wants a stream, and the reverse,
// are read by what they sent; a whole answer makes the same events.
func TestWholeAnswerMakesAStream(t *testing.T) {
	lines, a, err := decode(`{"id":"c","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":"hm",` +
		`"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],` + counted + `}`)
	if err != nil || said(a) != `reasoning "hm"; text "Hi"; call a f {}; completed` {
		t.Fatalf("read as %s (%v)", said(a), err)
	}
	stream := read(chunk(`{"reasoning_content":"hm"}`) + chunk(`{"content":"Hi"}`) +
		tool(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`) + finish("stop") + usageEnd + done)
	if got, want := strings.Join(lines, "\n"), strings.Join(stream, "\n"); got != want {
		t.Errorf("events of the whole answer\n%s\nof the stream\n%s", got, want)
	}
}

// Case 9, for an upstream that is known to think between tags.
func TestThinkTags(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"thoughts and text", "<think>hm\n</think>\n\nHi <think>", `reasoning "hm\n"; text "Hi <think>"; completed`},
		{"white space before", "\n <think>hm</think>Hi", `reasoning "hm"; text "Hi"; completed`},
		{"no thoughts", "Hi <think>x</think>", `text "Hi <think>x</think>"; completed`},
		{"almost a tag", "<thing>", `text "<thing>"; completed`},
		{"part of a tag", "<thi", `text "<thi"; completed`},
		{"never closed", "<think>hm </thin", `reasoning "hm </thin"; completed`},
		{"nothing thought", "<think></think>Hi", `text "Hi"; completed`},
		{"nothing but thoughts", "<think>hm</think>", `reasoning "hm"; completed`},
		{"other tags inside", "<think>a</b></think>c", `reasoning "a</b>"; text "c"; completed`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.text); size++ {
				stream := ""
				for rest := tt.text; rest != ""; {
					n := min(size, len(rest))
					stream += chunk(fmt.Sprintf(`{"content":%q}`, rest[:n]))
					rest = rest[n:]
				}
				got, _ := end(llm.NewBuilder(nil), chat.Dialect{ThinkTags: true}, stream+finish("stop")+done)
				if got != tt.want {
					t.Fatalf("in pieces of %d read as\n%s\nwant\n%s", size, got, tt.want)
				}
			}
		})
	}
}

// An upstream cannot make the reader hold more than its bounds.
func TestReaderIsBounded(t *testing.T) {
	r := chat.Dialect{}.NewReader(llm.NewBuilder(nil))
	err := r.Write([]byte("data: "))
	piece := []byte(strings.Repeat("x", 1<<20))
	for n := 0; err == nil && n < 20; n++ {
		err = r.Write(piece)
	}
	if err == nil || llm.AsError(err).Code != llm.CodeUpstreamTooLarge {
		t.Errorf("20 MiB in one event: error = %v, want %s", err, llm.CodeUpstreamTooLarge)
	}
	r = chat.Dialect{}.NewReader(llm.NewBuilder(nil))
	err = nil
	for n := 0; err == nil && n < 2000; n++ {
		err = r.Write([]byte(tool(fmt.Sprintf(`{"index":%d,"id":"call_%d","function":{"name":"f"}}`, n, n))))
	}
	if err == nil || llm.AsError(err).Code != llm.CodeUpstreamInvalid {
		t.Errorf("2000 calls: error = %v, want %s", err, llm.CodeUpstreamInvalid)
	}
}
