package realtime_test

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/realtime"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestReadClientTools: what would run at the provider is noticed.
func TestReadClientTools(t *testing.T) {
	for message, want := range map[string]string{
		`{"session":{"tools":[{"type":"function","name":"f"}]}}`:                      "",
		`{"session":{"tools":[{"type":"function"},{"type":"mcp"},{"type":"other"}]}}`: "session.tools[1] mcp",
		`{"response":{"tools":[{"type":7}]}}`:                                         "response.tools[0] ",
		`{"tools":[{"type":"mcp"}]}`:                                                  "",
	} {
		e, err := realtime.ReadClient([]byte(message))
		got := e.Hosted.Path
		if got != "" {
			got += " " + e.Hosted.Type
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", message, got, err, want)
		}
	}
}

func TestReadClient(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		typ, id       string
		models        []string // path=name, a transcriber's with a star
		code          llm.Code
		param         string
	}{
		{name: "nothing", message: `{}`},
		{name: "its name and id", message: `{"type":"response.create","event_id":"e\u0031"}`, typ: "response.create", id: "e1"},
		{name: "a type that is none", message: `{"type":7,"event_id":null}`},
		{
			name: "all the models", message: `{"session":{"model":"a","audio":{"input":{"transcription":{"model":"b"}}},"input_audio_transcription":{"model":"c"}},"response":{"model":"d"}}`,
			models: []string{"session.model=a", "*session.audio.input.transcription.model=b", "*session.input_audio_transcription.model=c", "response.model=d"},
		},
		{name: "elsewhere", message: `{"model":"a","item":{"session":{"model":"b"}},"session":{"tools":[{"model":"c"}]}}`},
		{name: "null", message: `{"session":{"model":null}}`},
		{name: "an object", message: `{"event_id":"e","session":{"model":{}}}`, id: "e", code: llm.CodeInvalidValue, param: "session.model"},
		{name: "empty", message: `{"session":{"audio":{"input":{"transcription":{"model":""}}}}}`, code: llm.CodeInvalidValue, param: "session.audio.input.transcription.model"},
		{name: "a line end", message: `{"response":{"model":"a\nb"}}`, code: llm.CodeInvalidValue, param: "response.model"},
		{name: "twice", message: `{"session":{"model":"a","model":"b"}}`, code: llm.CodeInvalidJSON},
		{name: "another case", message: `{"session":{"Model":"b"}}`, code: llm.CodeInvalidJSON},
		{name: "an array", message: `[{"session":{"model":"a"}}]`, code: llm.CodeInvalidJSON},
		{name: "two events", message: `{}{"session":{"model":"a"}}`, code: llm.CodeInvalidJSON},
		{name: "cut", message: `{"session":`, code: llm.CodeInvalidJSON},
	} {
		e, err := realtime.ReadClient([]byte(tt.message))
		var code llm.Code
		param := ""
		if err != nil {
			code, param = llm.AsError(err).Code, llm.AsError(err).Param
		}
		if code != tt.code || param != tt.param || e.Type != tt.typ || e.ID != tt.id {
			t.Errorf("%s: %+v, %v; want type %q, id %q, code %q about %q", tt.name, e, err, tt.typ, tt.id, tt.code, tt.param)
		}
		var models []string
		for _, m := range e.Models {
			s := m.Path + "=" + m.Name
			if m.Transcriber {
				s = "*" + s
			}
			models = append(models, s)
			if got := tt.message[m.Span.Start:m.Span.End]; err == nil && got != `"`+m.Name+`"` {
				t.Errorf("%s: the span of %s is %s", tt.name, m.Path, got)
			}
		}
		if diff := cmp.Diff(tt.models, models); tt.code == "" && diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestServerEvents(t *testing.T) {
	usage := llm.Usage{Input: 20, CachedInput: 5, Output: 13, InputAudio: 7, OutputAudio: 11, Provenance: llm.UsageReported}
	for _, tt := range []struct {
		name, message string
		want          realtime.ServerEvent
	}{
		{"no event", `hello`, realtime.ServerEvent{}},
		{"cut", `{"type":"response.done"`, realtime.ServerEvent{}},
		{"unknown", `{"type":"session.created","session":{"id":"s"}}`, realtime.ServerEvent{Type: "session.created"}},
		{"begun", `{"type":"response.created","response":{"id":"r"}}`, realtime.ServerEvent{Type: "response.created", Response: "r"}},
		{"text", `{"type":"response.output_text.delta","response_id":"r","delta":"fo\u00fcr"}`, realtime.ServerEvent{Type: "response.output_text.delta", Response: "r", Text: 5}},
		{"sound", `{"type":"response.output_audio.delta","response_id":"r","delta":"` + strings.Repeat("AAAA", 100) + `"}`, realtime.ServerEvent{Type: "response.output_audio.delta", Response: "r", Sound: 400}},
		{"the user's words are no output", `{"type":"conversation.item.input_audio_transcription.delta","delta":"four"}`, realtime.ServerEvent{Type: "conversation.item.input_audio_transcription.delta"}},
		{
			"done", `{"response":{"status":"completed","id":"r","usage":{"total_tokens":33,"input_tokens":20,"output_tokens":13,"input_token_details":{"cached_tokens":5,"audio_tokens":7,"text_tokens":13},"output_token_details":{"audio_tokens":11}}},"type":"response.done"}`,
			realtime.ServerEvent{Type: "response.done", Response: "r", Status: "completed", Usage: usage, HasUsage: true},
		},
		{
			"done, and more sound than there is", `{"type":"response.done","response":{"id":"r","status":"incomplete","usage":{"input_tokens":1,"output_tokens":2,"input_token_details":{"cached_tokens":5,"audio_tokens":7},"output_token_details":{"audio_tokens":11}}}}`,
			realtime.ServerEvent{Type: "response.done", Response: "r", Status: "incomplete", Usage: llm.Usage{Input: 1, CachedInput: 1, Output: 2, InputAudio: 1, OutputAudio: 2, Provenance: llm.UsageReported}, HasUsage: true},
		},
		{"done without usage", `{"type":"response.done","response":{"id":"r","status":"completed","usage":null}}`, realtime.ServerEvent{Type: "response.done", Response: "r", Status: "completed"}},
		{"planted", `{"type":"response.created","response":{"id":"r","metadata":{"usage":{"input_tokens":9}}},"x":"{\"type\":\"response.done\"}"}`, realtime.ServerEvent{Type: "response.created", Response: "r"}},
		{
			"failed", `{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"type":"t","code":null,"message":"m"}}}}`,
			realtime.ServerEvent{Type: "response.done", Response: "r", Status: "failed", Failed: true, Code: "t", Message: "m"},
		},
		{
			"error", `{"type":"error","error":{"type":"t","code":"c","message":"m","param":"p","event_id":"e"}}`,
			realtime.ServerEvent{Type: "error", Failed: true, Code: "c", Message: "m", Param: "p", Culprit: "e"},
		},
		{
			"heard, in tokens", `{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"tokens","input_tokens":9,"output_tokens":4,"input_token_details":{"audio_tokens":8}}}`,
			realtime.ServerEvent{Type: realtime.TranscriptionDone, HasUsage: true, Usage: llm.Usage{Input: 9, Output: 4, InputAudio: 8, Provenance: llm.UsageReported}},
		},
		{
			"heard, in seconds", `{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"duration","seconds":2.5}}`,
			realtime.ServerEvent{Type: realtime.TranscriptionDone, HasUsage: true, Usage: llm.Usage{Audio: 2500 * time.Millisecond, Provenance: llm.UsageReported}},
		},
		{
			"heard, for ever", `{"type":"conversation.item.input_audio_transcription.completed","usage":{"seconds":1e300}}`,
			realtime.ServerEvent{Type: realtime.TranscriptionDone, HasUsage: true, Usage: llm.Usage{Audio: 24 * time.Hour, Provenance: llm.UsageReported}},
		},
	} {
		for _, size := range []int{len(tt.message), 1, 7} {
			var r realtime.Reader
			for at := 0; at < len(tt.message); at += size {
				r.Write([]byte(tt.message[at:min(at+size, len(tt.message))]))
			}
			if diff := cmp.Diff(tt.want, r.Close()); diff != "" {
				t.Errorf("%s, in pieces of %d (-want +got):\n%s", tt.name, size, diff)
			}
		}
	}
}

func TestMayBeEvent(t *testing.T) {
	const event = "\t\n{\"type\":\"session.update\",\"x\":\"a\u0105\U0001F600\"}"
	wide := func(text string, order binary.AppendByteOrder) (b []byte) {
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	wider := func(text string, order binary.AppendByteOrder) (b []byte) {
		for _, r := range text {
			b = order.AppendUint32(b, uint32(r))
		}
		return b
	}
	for _, tt := range []struct {
		name    string
		message []byte
		want    bool
	}{
		{"UTF-8", []byte(event), true},
		{"with a mark", []byte("\ufeff" + event), true},
		{"with a second mark", []byte("\ufeff\ufeff" + event), false},
		{"UTF-8 that is not quite", []byte("{\"a\":\"\xff\"}"), true},
		{"UTF-16, little", wide(event, binary.LittleEndian), true},
		{"UTF-16, big", wide("\ufeff"+event, binary.BigEndian), true},
		{"UTF-32, little", wider("\ufeff"+event, binary.LittleEndian), true},
		{"UTF-32, big", wider(event, binary.BigEndian), true},
		{"large", []byte(`{"a":"` + strings.Repeat("ä", 5000) + `"}`), true},
		{"nothing", nil, false},
		{"an array", []byte(`[]`), false},
		{"half an object", []byte(`{"a":`), false},
		{"sound", []byte("\x7b\x00\x01\x00\x7b\x00"), false},
		{"quiet", make([]byte, 64), false},
	} {
		if got := realtime.MayBeEvent(tt.message); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAppendError(t *testing.T) {
	f := dialect.Failure{Err: &llm.Error{Code: llm.CodeModelNotAllowed, Param: "session.model"}, RequestID: "req_1"}
	for culprit, want := range map[string]string{
		"":       `{"type":"error","event_id":"e","error":{"message":"this key may not use this model","type":"invalid_request_error","param":"session.model","code":"model_not_allowed","request_id":"req_1","retryable":false,"upstream_status":null,"event_id":null}}`,
		"mi\"ne": `{"type":"error","event_id":"e","error":{"message":"this key may not use this model","type":"invalid_request_error","param":"session.model","code":"model_not_allowed","request_id":"req_1","retryable":false,"upstream_status":null,"event_id":"mi\"ne"}}`,
	} {
		if got := string(realtime.AppendError(nil, f, "e", culprit)); got != want {
			t.Errorf("AppendError(%q) = %s, want %s", culprit, got, want)
		}
	}
}

// FuzzReadClient: what is agreed to names the models that another reader finds.
func FuzzReadClient(f *testing.F) {
	for _, s := range []string{
		`{"type":"session.update","session":{"model":"a","audio":{"input":{"transcription":{"model":"b"}}}}}`,
		`{"response":{"model":"\u0061"},"event_id":"e"}`, `{"session":{"Model":"x"}}`, `{`,
	} {
		f.Add([]byte(s))
	}
	type named struct {
		Session struct {
			Model any
			Audio struct {
				Input struct{ Transcription struct{ Model any } }
			}
			Old struct{ Model any } `json:"input_audio_transcription"`
		}
		Response struct{ Model any }
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := realtime.ReadClient(message)
		if err != nil {
			if e := llm.AsError(err); e.Kind() != llm.Invalid {
				t.Fatalf("ReadClient error = %v", err)
			}
			return
		}
		if !realtime.MayBeEvent(message) {
			t.Fatal("an event that may be none")
		}
		var other named
		_ = json.Unmarshal(message, &other) // types that do not fit are left out
		found := map[string]bool{}
		for _, m := range e.Models {
			found[m.Name] = true
		}
		for _, v := range []any{other.Session.Model, other.Session.Audio.Input.Transcription.Model, other.Session.Old.Model, other.Response.Model} {
			if name, ok := v.(string); ok && !found[name] {
				t.Errorf("the model %q was not seen in %s", name, message)
			}
		}
	})
}

// FuzzReader: no message of an upstream does harm, and cuts change nothing.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"type":"response.done","response":{"id":"r","usage":{"input_tokens":1e99}}}`), 3)
	f.Add([]byte(`{"type":"error","error":"x"}`), 1)
	f.Fuzz(func(t *testing.T, message []byte, size int) {
		size = max(1, min(size, len(message)))
		var whole, cut realtime.Reader
		whole.Write(message)
		for at := 0; at < len(message); at += size {
			cut.Write(message[at:min(at+size, len(message))])
		}
		want, got := whole.Close(), cut.Close()
		if want != got {
			t.Errorf("%+v in pieces, %+v at once", got, want)
		}
		if u := got.Usage; u.Input < 0 || u.Output < 0 || u.CachedInput > u.Input || u.InputAudio > u.Input || u.OutputAudio > u.Output || u.Audio < 0 {
			t.Errorf("usage %+v", u)
		}
	})
}
