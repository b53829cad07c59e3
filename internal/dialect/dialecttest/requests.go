package dialecttest

import (
	"errors"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

func (s Suite) testRequests(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		model      string
		hasModel   bool
		stream     bool
	}{
		{name: "model and nothing else", body: `{"model":"m"}`, model: "m", hasModel: true},
		{name: "model last, among white space", body: " { \"stream\" : true ,\n\t\"x\":[{\"model\":\"no\"}], \"model\" : \"a b\" } ", model: "a b", hasModel: true, stream: true},
		{name: "escapes in the model", body: `{"model":"gpt\u002d5\/x"}`, model: "gpt-5/x", hasModel: true},
		{name: "no model", body: `{"stream":false}`},
		{name: "null model", body: `{"model":null}`},
		{name: "null stream", body: `{"model":"m","stream":null}`, model: "m", hasModel: true},
		{name: "longest model", body: `{"model":"` + strings.Repeat("m", 256) + `"}`, model: strings.Repeat("m", 256), hasModel: true},
		{name: "empty object", body: `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := s.Dialect.ReadRequest([]byte(tt.body))
			if err != nil {
				t.Fatalf("ReadRequest(%s) error = %v", tt.body, err)
			}
			if r.Model != tt.model || r.HasModel != tt.hasModel || r.Stream != tt.stream {
				t.Errorf("ReadRequest(%s) = model %q (%v), stream %v, want %q (%v), %v", tt.body, r.Model, r.HasModel, r.Stream, tt.model, tt.hasModel, tt.stream)
			}
			if got := tt.body[r.Object.Start:r.Object.End]; got != strings.TrimSpace(tt.body) {
				t.Errorf("ReadRequest(%s).Object = %s, want the whole object", tt.body, got)
			}
			need := r.NeedModel()
			if (need == nil) != tt.hasModel {
				t.Errorf("NeedModel() of %s = %v, want an error: %v", tt.body, need, !tt.hasModel)
			}
			if need != nil {
				wantError(t, need, llm.CodeMissingParameter, "model", "model")
			}
		})
	}
}

func (s Suite) testRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		code       llm.Code
		param      string
		message    string // part of what the client is told
	}{
		{name: "cut", body: `{"model":"m"`, code: llm.CodeInvalidJSON, message: "at byte offset 12"},
		{name: "no JSON", body: `model=m`, code: llm.CodeInvalidJSON, message: "at byte offset 0"},
		{name: "nothing", body: ``, code: llm.CodeInvalidJSON, message: "at byte offset 0"},
		{name: "no object", body: `["model"]`, code: llm.CodeInvalidJSON, message: "at byte offset"},
		{name: "something behind the object", body: `{"model":"m"} {}`, code: llm.CodeInvalidJSON, message: "at byte offset 14"},
		{name: "two models", body: `{"model":"cheap","model":"dear"}`, code: llm.CodeInvalidJSON, message: "model"},
		{name: "two models, one escaped", body: `{"model":"cheap","\u006dodel":"dear"}`, code: llm.CodeInvalidJSON, message: "model"},
		{name: "a second model in another case", body: `{"model":"cheap","Model":"dear"}`, code: llm.CodeInvalidJSON, message: "Model"},
		{name: "invalid UTF-8", body: "{\"model\":\"\xff\"}", code: llm.CodeInvalidJSON, message: "at byte offset 10"},
		{name: "model is a number", body: `{"model":5}`, code: llm.CodeInvalidValue, param: "model", message: "string"},
		{name: "model is an object", body: `{"model":{"a":1}}`, code: llm.CodeInvalidValue, param: "model", message: "string"},
		{name: "model is empty", body: `{"model":""}`, code: llm.CodeInvalidValue, param: "model", message: "empty"},
		{name: "model is too long", body: `{"model":"` + strings.Repeat("m", 257) + `"}`, code: llm.CodeInvalidValue, param: "model", message: "256"},
		{name: "line feed in the model", body: `{"model":"a\nb"}`, code: llm.CodeInvalidValue, param: "model", message: "control"},
		{name: "DEL in the model", body: `{"model":"a\u007f"}`, code: llm.CodeInvalidValue, param: "model", message: "control"},
		{name: "C1 control in the model", body: `{"model":"a\u009b"}`, code: llm.CodeInvalidValue, param: "model", message: "control"},
		{name: "stream is a string", body: `{"model":"m","stream":"true"}`, code: llm.CodeInvalidValue, param: "stream", message: "boolean"},
		{name: "stream is a number", body: `{"model":"m","stream":1}`, code: llm.CodeInvalidValue, param: "stream", message: "boolean"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Dialect.ReadRequest([]byte(tt.body))
			wantError(t, err, tt.code, tt.param, tt.message)
		})
	}
}

// testOptions checks the members that only some dialects have.
func (s Suite) testOptions(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		param      string // at fault, in a dialect that injects; empty for none
		choices    int    // in a dialect that injects
	}{
		{name: "options are a list", body: `{"stream":true,"stream_options":[]}`, param: "stream_options"},
		{name: "options are a boolean", body: `{"stream":true,"stream_options":true}`, param: "stream_options"},
		{name: "options are a string", body: `{"stream_options":"x","stream":true}`, param: "stream_options"},
		{name: "include_usage is a string", body: `{"stream":true,"stream_options":{"include_usage":"true"}}`, param: "stream_options.include_usage"},
		{name: "include_usage is a number", body: `{"stream":true,"stream_options":{"include_usage":1}}`, param: "stream_options.include_usage"},
		{name: "without a stream they are not looked at", body: `{"stream_options":[]}`, choices: 1},
		{name: "one choice", body: `{"n":1}`, choices: 1},
		{name: "several choices", body: `{"n":5}`, choices: 5},
		{name: "null choices", body: `{"n":null}`, choices: 1},
		{name: "no choices", body: `{"n":0}`, choices: 1},
		{name: "negative choices", body: `{"n":-3}`, choices: 1},
		{name: "choices in a string", body: `{"n":"3"}`, choices: 1},
		{name: "endless choices", body: `{"n":1e99}`, choices: 1},
		{name: "too many choices to multiply", body: `{"n":9000000000000000000}`, choices: 65536},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := s.Dialect.ReadRequest([]byte(tt.body))
			if s.Injects && tt.param != "" {
				wantError(t, err, llm.CodeInvalidValue, tt.param, tt.param)
				return
			}
			if err != nil {
				t.Fatalf("ReadRequest(%s) error = %v", tt.body, err)
			}
			if want := max(tt.choices, 1); s.Injects && r.Choices != want {
				t.Errorf("ReadRequest(%s).Choices = %d, want %d", tt.body, r.Choices, want)
			}
		})
	}
}

// wantError checks that err is an *llm.Error of this code and member, and says
// message among other things.
func wantError(t *testing.T, err error, code llm.Code, param, message string) {
	t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		t.Fatalf("error = %v, want an *llm.Error %s", err, code)
	}
	if e.Code != code || e.Param != param || !strings.Contains(e.Message(), message) {
		t.Errorf("error = %s, param %q, message %q, want %s, %q and %q in the message", e.Code, e.Param, e.Message(), code, param, message)
	}
}

// testEdits checks what the gateway changes in a request: each body is what
// comes out for the model "new" with usage asked for.
func (s Suite) testEdits(t *testing.T) {
	for _, tt := range []struct {
		name, body    string
		asked, silent string // for a dialect that injects, and for one that does not
	}{
		{
			name:   "whole answer",
			body:   `{"model":"old","n":1.0}`,
			asked:  `{"model":"new","n":1.0}`,
			silent: `{"model":"new","n":1.0}`,
		},
		{
			name:   "no model",
			body:   `{ }`,
			asked:  `{ "model":"new"}`,
			silent: `{ "model":"new"}`,
		},
		{
			name:   "null model",
			body:   `{"model":null,"x":1}`,
			asked:  `{"model":"new","x":1}`,
			silent: `{"model":"new","x":1}`,
		},
		{
			name:   "stream without options",
			body:   `{"stream":true,"model":"old"}`,
			asked:  `{"stream":true,"model":"new","stream_options":{"include_usage":true}}`,
			silent: `{"stream":true,"model":"new"}`,
		},
		{
			name:   "stream without model and options",
			body:   `{"stream":true}` + "\n",
			asked:  `{"stream":true,"model":"new","stream_options":{"include_usage":true}}` + "\n",
			silent: `{"stream":true,"model":"new"}` + "\n",
		},
		{
			name:   "null options",
			body:   `{"stream_options":null,"stream":true,"model":"old"}`,
			asked:  `{"stream_options":{"include_usage":true},"stream":true,"model":"new"}`,
			silent: `{"stream_options":null,"stream":true,"model":"new"}`,
		},
		{
			name:   "other options are kept",
			body:   `{"model":"old","stream":true,"stream_options":{"include_obfuscation":false, "z":1e2}}`,
			asked:  `{"model":"new","stream":true,"stream_options":{"include_obfuscation":false, "z":1e2,"include_usage":true}}`,
			silent: `{"model":"new","stream":true,"stream_options":{"include_obfuscation":false, "z":1e2}}`,
		},
		{
			name:   "empty options",
			body:   `{"model":"old","stream":true,"stream_options":{}}`,
			asked:  `{"model":"new","stream":true,"stream_options":{"include_usage":true}}`,
			silent: `{"model":"new","stream":true,"stream_options":{}}`,
		},
		{
			name:   "usage switched off",
			body:   `{"model":"old","stream":true,"stream_options":{"include_usage":false,"a":1}}`,
			asked:  `{"model":"new","stream":true,"stream_options":{"include_usage":true,"a":1}}`,
			silent: `{"model":"new","stream":true,"stream_options":{"include_usage":false,"a":1}}`,
		},
		{
			name:   "usage null",
			body:   `{"model":"old","stream":true,"stream_options":{"include_usage": null}}`,
			asked:  `{"model":"new","stream":true,"stream_options":{"include_usage": true}}`,
			silent: `{"model":"new","stream":true,"stream_options":{"include_usage": null}}`,
		},
		{
			name:   "usage asked for",
			body:   `{"model":"old","stream":true,"stream_options":{"include_usage":true}}`,
			asked:  `{"model":"new","stream":true,"stream_options":{"include_usage":true}}`,
			silent: `{"model":"new","stream":true,"stream_options":{"include_usage":true}}`,
		},
		{
			name:   "data sources refuse options",
			body:   `{"model":"old","stream":true,"data_sources":[{"type":"azure_search"}]}`,
			asked:  `{"model":"new","stream":true,"data_sources":[{"type":"azure_search"}]}`,
			silent: `{"model":"new","stream":true,"data_sources":[{"type":"azure_search"}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.silent
			if s.Injects {
				want = tt.asked
			}
			got := s.rewrite(t, tt.body)
			if got != want {
				t.Errorf("edits of %s give\n%s, want\n%s", tt.body, got, want)
			}
			if again := s.rewrite(t, got); again != got {
				t.Errorf("edits of %s give %s, want no more edits", got, again)
			}
		})
	}
}

// rewrite applies every edit to body.
func (s Suite) rewrite(t testing.TB, body string) string {
	t.Helper()
	r, err := s.Dialect.ReadRequest([]byte(body))
	if err != nil {
		t.Fatalf("ReadRequest(%s) error = %v", body, err)
	}
	edits := s.Dialect.UsageEdits(r, []byte(body))
	if e, ok := r.ModelEdit([]byte(body), "new"); ok {
		edits = dialect.AddEdit(edits, e)
	}
	return string(jsonscan.Splice(nil, []byte(body), edits...))
}
