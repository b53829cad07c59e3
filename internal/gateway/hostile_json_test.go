package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const prompt = `"messages":[{"role":"user","content":"a secret prompt"}]`

func utf16BE(s string) string {
	var b bytes.Buffer
	b.WriteString("\xfe\xff")
	for _, u := range utf16.Encode([]rune(s)) {
		b.Write([]byte{byte(u >> 8), byte(u)})
	}
	return b.String()
}

// hostileBodies are requests that are no request. Each is a 400 that says
// where, by offset or by the field's name, and repeats nothing of the prompt.
var hostileBodies = []struct { // immutable
	name, body string
	code       llm.Code
	at         string // in the message, or the param
}{
	{"nothing", ``, llm.CodeInvalidJSON, "offset 0"},
	{"white space", " \n\t ", llm.CodeInvalidJSON, "offset 4"},
	{"an array", `[{"model":"m"}]`, llm.CodeInvalidJSON, "offset 0"},
	{"a string", `"model"`, llm.CodeInvalidJSON, "offset 0"},
	{"null", `null`, llm.CodeInvalidJSON, "offset 0"},
	{"two values", `{"model":"m",` + prompt + `} {"model":"other"}`, llm.CodeInvalidJSON, "offset 71"},
	{"garbage behind", `{"model":"m",` + prompt + `}x`, llm.CodeInvalidJSON, "offset 70"},
	{"NUL behind", `{"model":"m",` + prompt + "}\x00", llm.CodeInvalidJSON, "offset 70"},
	{"cut", `{"model":"m","messages":[{"role":"user","content":"a secret pro`, llm.CodeInvalidJSON, "offset 63"},
	{"a comma too many", `{"model":"m",` + prompt + `,}`, llm.CodeInvalidJSON, "offset 70"},
	{"a comment", `{"model":"m",/* a secret prompt */"messages":[]}`, llm.CodeInvalidJSON, "offset 13"},
	{"single quotes", `{'model':'m'}`, llm.CodeInvalidJSON, "offset 1"},
	{"a byte order mark", "\xef\xbb\xbf" + hello, llm.CodeInvalidJSON, "offset 0"},
	{"UTF-16", utf16BE(hello), llm.CodeInvalidJSON, "offset 0"},
	{"bytes that are not UTF-8", `{"model":"m","a":"` + "\xff" + `"}`, llm.CodeInvalidJSON, "offset 18"},
	{"an overlong form", `{"model":"` + "\xc1\xad" + `"}`, llm.CodeInvalidJSON, "offset 10"},
	{"a surrogate in UTF-8", `{"model":"` + "\xed\xa0\x80" + `"}`, llm.CodeInvalidJSON, "offset 10"},
	{"a control character in a string", "{\"model\":\"m\",\"a\":\"a\nb\"}", llm.CodeInvalidJSON, "offset 19"},
	{"a lone surrogate in a text", `{"model":"m","a":"\ud83d"}`, llm.CodeInvalidJSON, "offset 24"},
	{"a lone surrogate in the model", `{"model":"\ud800"}`, llm.CodeInvalidJSON, "offset"},
	{"NaN", `{"model":"m","temperature":NaN}`, llm.CodeInvalidJSON, "offset 27"},
	{"Infinity", `{"model":"m","temperature":-Infinity}`, llm.CodeInvalidJSON, "offset 2"},
	{"a leading zero", `{"model":"m","n":01}`, llm.CodeInvalidJSON, "offset 18"},
	{"a hexadecimal number", `{"model":"m","n":0x1}`, llm.CodeInvalidJSON, "offset 18"},
	{"two models", `{"model":"m","model":"other",` + prompt + `}`, llm.CodeInvalidJSON, "offset 13"},
	{"two models, one escaped", `{"model":"m","\u006dodel":"other"}`, llm.CodeInvalidJSON, "offset 13"},
	{"two models, escaped first", `{"mode\u006C":"m",` + prompt + `,"model":"other"}`, llm.CodeInvalidJSON, "offset"},
	{"two streams", `{"model":"m","stream":false,"stream":true}`, llm.CodeInvalidJSON, "offset 28"},
	{"two unknown members", `{"model":"m","` + strings.Repeat("a", 70_000) + `":1,"` + strings.Repeat("a", 70_000) + `":2}`, llm.CodeInvalidJSON, "offset 70018"},
	{"two stream_options", `{"model":"m","stream":true,"stream_options":{},"stream_options":{"include_usage":false}}`, llm.CodeInvalidJSON, "offset 47"},
	{"two include_usages", `{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_\u0075sage":false}}`, llm.CodeInvalidJSON, "offset 66"},
	{"Model", `{"Model":"m",` + prompt + `}`, llm.CodeInvalidJSON, "offset 1"},
	{"MODEL beside the model", `{"model":"m","MODEL":"other"}`, llm.CodeInvalidJSON, "offset 13"},
	{"stream with a long s", `{"model":"m","ſtream":true}`, llm.CodeInvalidJSON, "offset 13"},
	{"a model deeper down", `{"a":{"model":"m"},` + prompt + `}`, llm.CodeMissingParameter, "model"},
	{"a model that is null", `{"model":null,` + prompt + `}`, llm.CodeMissingParameter, "model"},
	{"a model that is a number", `{"model":1,` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model that is an object", `{"model":{"name":"m"},` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model that is an array", `{"model":["m","other"],` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model that is true", `{"model":true,` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model that is empty", `{"model":"",` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model of 257 bytes", `{"model":"` + strings.Repeat("m", 257) + `",` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{"a model of control characters", `{"model":"m\u0001",` + prompt + `}`, llm.CodeInvalidValue, "model"},
	{`stream: "true"`, `{"model":"m","stream":"true",` + prompt + `}`, llm.CodeInvalidValue, "stream"},
	{"stream: 1", `{"model":"m","stream":1,` + prompt + `}`, llm.CodeInvalidValue, "stream"},
	{"stream: [true]", `{"model":"m","stream":[true],` + prompt + `}`, llm.CodeInvalidValue, "stream"},
	{"stream_options that are a string", `{"model":"m","stream":true,"stream_options":"include_usage",` + prompt + `}`, llm.CodeInvalidValue, "stream_options"},
	{"stream_options that are true", `{"model":"m","stream":true,"stream_options":true,` + prompt + `}`, llm.CodeInvalidValue, "stream_options"},
	{"include_usage that is a string", `{"model":"m","stream":true,"stream_options":{"include_usage":"true"},` + prompt + `}`, llm.CodeInvalidValue, "stream_options.include_usage"},
	{"200 levels", `{"model":"m","a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, llm.CodeInvalidJSON, "offset 1"},
	{"200 levels of objects", `{"model":"m","a":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200) + `}`, llm.CodeInvalidJSON, "offset"},
}

// TestHostileJSON: the scanner is the only reader of a body, and it takes
// nothing that two readers could understand differently.
func TestHostileJSON(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, tt := range hostileBodies {
		resp := g.Post(t, "/v1/chat/completions", tt.body, "Content-Type", "application/json")
		body := gatetest.Body(t, resp)
		t.Run(tt.name, func(t *testing.T) {
			f := wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, want 400", resp.StatusCode)
			}
			if tt.code == llm.CodeInvalidJSON {
				if !strings.Contains(f.Error.Message, tt.at) {
					t.Errorf("message = %q, want it with %q", f.Error.Message, tt.at)
				}
			} else if f.Error.Param == nil || *f.Error.Param != tt.at {
				t.Errorf("error = %s, want param %q", body, tt.at)
			}
			if strings.Contains(body, "secret") || len(body) > 1000 {
				t.Errorf("the error repeats too much: %s", tail(body))
			}
			if e := g.Entries(t, i+1)[i]; e.Code != tt.code || e.Usage.Provenance != llm.UsageNone || len(e.Attempts) != 0 {
				t.Errorf("entry = %+v, want %s without an attempt", e, tt.code)
			}
		})
	}
	if n := g.Sim.Served().Total; n != 0 {
		t.Errorf("%d of them reached the upstream", n)
	}
	if strings.Contains(g.Log.String(), "secret") {
		t.Error("the log repeats the prompt")
	}
}

// TestOddJSON: what is odd but can be understood in one way only passes, byte
// for byte.
func TestOddJSON(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"escapes in a name", `{"\u006dodel":"m","messages":[]}`},
		{"escapes in the model", `{"model":"\u006d","messages":[]}`},
		{"another case deeper down", `{"model":"m","a":{"Model":"other","STREAM":1}}`},
		{"a huge number", `{"model":"m","seed":` + strings.Repeat("9", 100_000) + `,"x":1e999999999}`},
		{"a huge string", `{"model":"m","x":"` + strings.Repeat("y", 1_000_000) + `"}`},
		{"a huge name", `{"model":"m","` + strings.Repeat("y", 1_000_000) + `":1}`},
		{"the same names in many objects", `{"model":"m","a":{"b":1},"c":{"b":1,"model":"other","stream":"x"}}`},
		{"a usage that the client plants", `{"model":"m","usage":{"prompt_tokens":1},"messages":[]}`},
		{"white space everywhere", " {\r\n\t\"model\" \n:\t\"m\" , \"n\" : 1 } \n"},
		{"100 levels", `{"model":"m","a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newRecorder(t, `{"object":"x"}`)
			g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: m, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`, "UP", up.URL)
			resp := g.Post(t, "/v1/chat/completions", tt.body)
			if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusOK {
				t.Fatalf("%d %s, want 200", resp.StatusCode, body)
			}
			if got := up.body(); got != tt.body {
				t.Errorf("upstream got another body, first difference at %d: %s", diff(got, tt.body), tail(got))
			}
		})
	}
}
