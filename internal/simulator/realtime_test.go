package simulator_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/realpart"
	"github.com/weir-gateway/weir/internal/simulator"
)

// A session is a client on a socket.
type session struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // of the test
	conn *websocket.Conn
}

// dialSocket opens a socket; headers are "name: value".
func dialSocket(t *testing.T, server *httptest.Server, path string, protocols []string, headers ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	h := make(http.Header)
	for _, line := range headers {
		name, text, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(text))
	}
	return websocket.Dial(ctx, server.URL+path, &websocket.DialOptions{HTTPClient: server.Client(), HTTPHeader: h, Subprotocols: protocols})
}

// open opens a session that lives until the test has ended.
func open(t *testing.T, server *httptest.Server, path string, headers ...string) *session {
	t.Helper()
	conn, resp, err := dialSocket(t, server, path, nil, headers...)
	if err != nil {
		t.Fatalf("%v: %+v", err, resp)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(128 << 20)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &session{t, ctx, conn}
}

func (s *session) send(text string) {
	s.t.Helper()
	if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// read returns the next event.
func (s *session) read() event {
	s.t.Helper()
	kind, data, err := s.conn.Read(s.ctx)
	if err != nil || kind != websocket.MessageText {
		s.t.Fatalf("reading: %v, %v, %.200q", kind, err, data)
	}
	v := decode(s.t, string(data))
	return event{name: str(v, "type"), text: string(data), data: v}
}

// until returns the events up to the first called name.
func (s *session) until(name string) []event {
	s.t.Helper()
	var list []event
	for {
		e := s.read()
		list = append(list, e)
		if e.name == name {
			return list
		}
		if e.name == "error" {
			s.t.Fatalf("before %s came %s", name, e.text)
		}
	}
}

func names(list []event) string {
	var all []string
	for i, e := range list {
		if i == 0 || list[i-1].name != e.name {
			all = append(all, e.name)
		}
	}
	return strings.Join(all, " ")
}

func say(text string) string {
	return fmt.Sprintf(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":%q}]}}`, text)
}

func TestRealtimeAnswersInText(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true, KeepBodies: true})
	s := open(t, server, "/v1/realtime?model=gpt-realtime")
	if e := s.read(); e.name != "session.created" || str(e.data, "session", "model") != "gpt-realtime" || str(e.data, "session", "id") == "" {
		t.Fatalf("first event %s", e.text)
	}
	update := `{"type":"session.update","session":{"type":"realtime","output_modalities":["text"],"instructions":"1234","audio":{"output":{"voice":"sage"}}}}`
	s.send(update)
	e := s.read()
	if e.name != "session.updated" || str(e.data, "session", "output_modalities", 0) != "text" || str(e.data, "session", "audio", "output", "voice") != "sage" || num(e.data, "session", "audio", "output", "format", "rate") != 24000 {
		t.Errorf("updated = %s", e.text)
	}
	s.send(say("12345678"))
	list := s.until("conversation.item.done")
	if got := names(list); got != "conversation.item.added conversation.item.done" || str(list[1].data, "item", "id") == "" {
		t.Errorf("item: %s", got)
	}
	s.send(`{"type":"response.create"}`)
	list = s.until("rate_limits.updated")
	want := "response.created response.output_item.added conversation.item.added response.content_part.added response.output_text.delta response.output_text.done " +
		"response.content_part.done conversation.item.done response.output_item.done response.done rate_limits.updated"
	if diff := cmp.Diff(want, names(list)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	var text string
	for _, e := range list {
		if e.name == "response.output_text.delta" {
			text += str(e.data, "delta")
		}
	}
	done := list[len(list)-2].data
	if text != "echo: 12345678" || str(done, "response", "output", 0, "content", 0, "text") != text || str(done, "response", "status") != "completed" {
		t.Errorf("deltas %q, done %v", text, done)
	}
	usage := `{"input_token_details":{"audio_tokens":0,"cached_tokens":0,"cached_tokens_details":{"audio_tokens":0,"image_tokens":0,"text_tokens":0},"image_tokens":0,"text_tokens":3},` +
		`"input_tokens":3,"output_token_details":{"audio_tokens":0,"text_tokens":4},"output_tokens":4,"total_tokens":7}`
	if diff := cmp.Diff(usage, encode(t, at(done, "response", "usage"))); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	s.send(say("again"))
	s.until("conversation.item.done")
	s.send(`{"type":"response.create"}`)
	list = s.until("rate_limits.updated")
	if got := num(list[len(list)-2].data, "response", "usage", "input_tokens"); got != 8 { // 4 + 8 + 14 + 5 bytes
		t.Errorf("the second answer cost %d tokens of input, want 8", got)
	}
	if err := s.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	r := last(t, sim)
	sent := update + say("12345678") + `{"type":"response.create"}` + say("again") + `{"type":"response.create"}`
	hash := sha256.Sum256([]byte(sent))
	if r.Operation != "realtime" || r.Model != "gpt-realtime" || r.Status != 101 || r.Ended != "complete" || !r.Stream || r.Messages != 5 ||
		r.Body != sent || r.BodySize != len(sent) || r.BodySHA256 != hex.EncodeToString(hash[:]) || r.Events < 20 {
		t.Errorf("served %+v", r)
	}
	if diff := cmp.Diff(&simulator.Usage{Input: 11, Output: 7}, r.Usage); diff != "" {
		t.Errorf("usage told (-want +got):\n%s", diff)
	}
}

func TestRealtimeHearsAndSpeaks(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	s := open(t, server, "/openai/v1/realtime?model=m")
	s.read()
	s.send(`{"type":"input_audio_buffer.commit","event_id":"mine"}`)
	if e := s.read(); e.name != "error" || str(e.data, "error", "code") != "input_audio_buffer_commit_empty" || str(e.data, "error", "event_id") != "mine" {
		t.Errorf("empty commit = %s", e.text)
	}
	for range 2 {
		s.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString([]byte(sound)) + `"}`)
	}
	s.send(`{"type":"input_audio_buffer.commit"}`)
	s.until("conversation.item.done")
	s.send(`{"type":"response.create"}`)
	list := s.until("response.done")
	if got := names(list); !strings.Contains(got, "response.output_audio_transcript.delta response.output_audio.delta") || !strings.Contains(got, "response.output_audio.done response.output_audio_transcript.done") {
		t.Errorf("events %s", got)
	}
	hash := sha256.Sum256([]byte(sound + sound))
	want := "echo: audio bytes=20 sha256=" + hex.EncodeToString(hash[:])[:12]
	done := list[len(list)-1].data
	if got := str(done, "response", "output", 0, "content", 0, "transcript"); got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
	if num(done, "response", "usage", "input_token_details", "audio_tokens") != 1 || num(done, "response", "usage", "output_token_details", "audio_tokens") != (len(want)+3)/4 {
		t.Errorf("usage = %v", at(done, "response", "usage"))
	}
}

func TestRealtimeCallsTools(t *testing.T) {
	_, server := serve(t, simulator.Options{Strict: true})
	s := open(t, server, "/openai/realtime?api-version=2025-04-01-preview&deployment=d")
	s.read()
	s.send(say(`call f {"a":1}`))
	s.until("conversation.item.done")
	s.send(`{"type":"response.create","response":{"tools":[{"type":"function","name":"f"}],"metadata":{"k":"v"}}}`)
	list := s.until("response.done")
	done := list[len(list)-1].data
	call := at(done, "response", "output", 0)
	if str(call, "type") != "function_call" || str(call, "arguments") != `{"a":1}` || !strings.Contains(names(list), "response.function_call_arguments.delta response.function_call_arguments.done") || str(done, "response", "metadata", "k") != "v" {
		t.Errorf("call = %v in %s", call, names(list))
	}
	s.until("rate_limits.updated")
	s.send(`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"` + str(call, "call_id") + `","output":"4"}}`)
	s.until("conversation.item.done")
	s.send(`{"type":"response.create","response":{"output_modalities":["text"]}}`)
	list = s.until("response.done")
	if got := str(list[len(list)-1].data, "response", "output", 0, "content", 0, "text"); got != "tool said: 4" {
		t.Errorf("text %q", got)
	}
}

func TestRealtimeItems(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	s := open(t, server, "/v1/realtime?model=m")
	s.read()
	for _, tt := range []struct{ event, want string }{
		{`{"type":"conversation.item.create","item":{"id":"a","type":"message","role":"user","content":[]}}`, `"previous_item_id":null,"item":{"id":"a"`},
		{`{"type":"conversation.item.create","item":{"id":"b","type":"message","role":"user","content":[]}}`, `"previous_item_id":"a"`},
		{`{"type":"conversation.item.create","previous_item_id":"root","item":{"id":"c","type":"message","role":"user","content":[]}}`, `"previous_item_id":null`},
		{`{"type":"conversation.item.create","previous_item_id":"a","item":{"id":"d","type":"message","role":"user","content":[]}}`, `"previous_item_id":"a"`},
	} {
		s.send(tt.event)
		if list := s.until("conversation.item.done"); !strings.Contains(list[1].text, tt.want) {
			t.Errorf("%s: %s, want %s", tt.event, list[1].text, tt.want)
		}
	}
	for _, tt := range []struct{ event, kind, want string }{
		{`{"type":"conversation.item.retrieve","item_id":"d"}`, "conversation.item.retrieved", `"id":"d"`},
		{`{"type":"conversation.item.truncate","item_id":"d","content_index":0,"audio_end_ms":7}`, "conversation.item.truncated", `"audio_end_ms":7`},
		{`{"type":"conversation.item.delete","item_id":"d"}`, "conversation.item.deleted", `"item_id":"d"`},
		{`{"type":"conversation.item.delete","item_id":"d"}`, "error", `"item_not_found"`},
		{`{"type":"conversation.item.create","previous_item_id":"z","item":{"type":"message","role":"user","content":[]}}`, "error", `"previous_item_id"`},
		{`{"type":"conversation.item.create","item":{"type":"message","role":"me","content":[]}}`, "error", `"item.role"`},
		{`{"type":"conversation.item.create"}`, "error", `"param":"item"`},
		{`{"type":"session.update","session":{}}`, "error", `"session.type"`},
		{`{"type":"session.update","session":{"type":"realtime","model":"other"}}`, "error", `"session.model"`},
		{`{"type":"session.update","session":{"type":"realtime","output_modalities":["smell"]}}`, "error", `"output_modalities"`},
		{`{"type":"input_audio_buffer.append","audio":"*"}`, "error", `"audio"`},
		{`{"type":"input_audio_buffer.clear"}`, "input_audio_buffer.cleared", ""},
		{`{"type":"response.cancel"}`, "error", `"response_cancel_not_active"`},
		{`{"type":"weather.get","event_id":"e"}`, "error", `"event_id":"e"`},
		{`{"type":"a","type":"b"}`, "error", "Duplicate"},
		{`[]`, "error", "an array"},
		{`{`, "error", "not valid JSON"},
	} {
		s.send(tt.event)
		if e := s.read(); e.name != tt.kind || !strings.Contains(e.text, tt.want) {
			t.Errorf("%s: %s, want %s with %s", tt.event, e.text, tt.kind, tt.want)
		}
	}
	if err := s.conn.Write(s.ctx, websocket.MessageBinary, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if e := s.read(); e.name != "error" || !strings.Contains(e.text, "Binary") {
		t.Errorf("binary: %s", e.text)
	}
}

func TestRealtimeIsRefused(t *testing.T) {
	sim, server := serve(t, simulator.Options{Keys: []string{"key"}, Strict: true})
	const bearer = "Authorization: Bearer key"
	for _, tt := range []struct {
		path, headers string
		protocols     []string
		want          int
	}{
		{"/v1/realtime?model=m", "", nil, 401},
		{"/v1/realtime?model=m", bearer, nil, 101},
		{"/v1/realtime?model=m", "", []string{"realtime", "openai-insecure-api-key.key"}, 101},
		{"/v1/realtime?model=m", "", []string{"realtime", "openai-insecure-api-key.other"}, 401},
		{"/v1/realtime?model=m", "Authorization: Bearer other", []string{"realtime", "openai-insecure-api-key.key"}, 400},
		{"/v1/realtime?model=m", "api-key: key", nil, 401},
		{"/openai/v1/realtime?model=m", "api-key: key", nil, 101},
		{"/openai/realtime?api-version=2025-04-01-preview&deployment=d", "api-key: key", nil, 101},
		{"/openai/realtime?api-version=2025-04-01-preview&model=d", "api-key: key", nil, 400},
		{"/openai/realtime?deployment=d", "api-key: key", nil, 404},
		{"/v1/realtime", bearer, nil, 400},
		{"/v1/realtime?model=a&model=b", bearer, nil, 400},
		{"/v1/realtime?model=sim-unknown", bearer, nil, 404},
		{"/v1/realtime?model=sim-503", bearer, nil, 503},
		{"/v1/realtime?model=m", bearer + "|x-sim-status: 429", nil, 429},
		{"/v1/realtime?model=m", bearer + "|X-Forwarded-For: 1.2.3.4", nil, 400},
	} {
		conn, resp, err := dialSocket(t, server, tt.path, tt.protocols, nonEmptyAll(strings.Split(tt.headers, "|"))...)
		if resp == nil || resp.StatusCode != tt.want {
			t.Fatalf("%s with %s, %q: %v, %v, want %d", tt.path, tt.headers, tt.protocols, resp, err, tt.want)
		}
		if conn == nil {
			body, _ := io.ReadAll(resp.Body)
			checkFault(t, tt.path, string(body))
			continue
		}
		if got := conn.Subprotocol(); len(tt.protocols) > 0 && got != "realtime" {
			t.Errorf("subprotocol %q, want realtime", got)
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
	for _, r := range sim.Served().Requests {
		for _, text := range r.Headers["Sec-Websocket-Protocol"] {
			if strings.Contains(text, ".key") || strings.Contains(text, ".other") || !strings.Contains(text, "openai-insecure-api-key.sha256:") {
				t.Errorf("the key is shown in %q", text)
			}
		}
	}
	ask(t, server, "GET", "/v1/realtime?model=m", "", http.StatusUpgradeRequired, bearer)
	ask(t, server, "POST", "/v1/realtime?model=m", "{}", http.StatusMethodNotAllowed, bearer)
}

func nonEmptyAll(list []string) []string {
	var all []string
	for _, s := range list {
		all = append(all, nonEmpty(s)...)
	}
	return all
}

func TestRealtimeMisbehaves(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	// begin opens a session and asks; the first event has been read.
	begin := func(t *testing.T, model string, headers ...string) *session {
		t.Helper()
		s := open(t, server, "/v1/realtime?model="+model, headers...)
		s.read()
		s.send(`{"type":"response.create","response":{"output_modalities":["text"],"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a b c"}]}]}}`)
		return s
	}
	// rest returns the events that come until the socket ends, and how it ends.
	rest := func(s *session) (n int, kinds []websocket.MessageType, err error) {
		for {
			kind, _, err := s.conn.Read(s.ctx)
			if err != nil {
				return n, kinds, err
			}
			n, kinds = n+1, append(kinds, kind)
		}
	}
	t.Run("cut", func(t *testing.T) {
		n, _, err := rest(begin(t, "sim-cut"))
		if n != 2 || !errors.Is(err, io.EOF) || websocket.CloseStatus(err) >= 0 || last(t, sim).Ended != "cut" || last(t, sim).Events != 3 {
			t.Errorf("%d more events, %v, served %+v", n, err, last(t, sim))
		}
	})
	t.Run("ends early", func(t *testing.T) {
		if n, _, err := rest(begin(t, "sim-end-early")); n != 2 || websocket.CloseStatus(err) != websocket.StatusNormalClosure || last(t, sim).Ended != "cut" {
			t.Errorf("%d more events, %v", n, err)
		}
	})
	t.Run("fails", func(t *testing.T) {
		s := begin(t, "sim-error")
		for {
			_, data, err := s.conn.Read(s.ctx)
			if err != nil {
				t.Fatalf("no error event, but %v", err)
			}
			if v := decode(t, string(data)); str(v, "type") == "error" {
				if str(v, "error", "type") != "server_error" {
					t.Errorf("error %s", data)
				}
				break
			}
		}
		if n, _, err := rest(s); n != 0 || websocket.CloseStatus(err) != websocket.StatusInternalError {
			t.Errorf("%d more events, %v", n, err)
		}
	})
	t.Run("binary", func(t *testing.T) {
		s := begin(t, "m", "x-sim-binary: 1", "x-sim-end-early: 4")
		if _, kinds, _ := rest(s); len(kinds) != 3 || kinds[0] != websocket.MessageBinary || kinds[1] != websocket.MessageText {
			t.Errorf("kinds %v", kinds)
		}
	})
	t.Run("huge", func(t *testing.T) {
		s := begin(t, "m", "x-sim-huge: 17MiB")
		s.until("response.content_part.added")
		_, data, err := s.conn.Read(s.ctx)
		if n := len(data) - 17<<20; err != nil || n < 0 || n > 1<<10 {
			t.Errorf("a message of %d bytes, %v, want one of 17 MiB", len(data), err)
		}
	})
	t.Run("a frame for each byte", func(t *testing.T) {
		begin(t, "sim-one-byte").until("response.done")
	})
	t.Run("no usage", func(t *testing.T) {
		list := begin(t, "sim-no-usage").until("response.done")
		if usage := at(list[len(list)-1].data, "response", "usage"); usage != nil {
			t.Errorf("usage %v", usage)
		}
	})
	t.Run("silence", func(t *testing.T) {
		s := begin(t, "sim-stall")
		s.read()
		s.read()
		s.send(`{"type":"response.create"}`) // is heard and not answered
		_ = s.conn.CloseNow()
		if r := last(t, sim); r.Ended != "client_gone" || r.Events != 3 || r.Messages > 2 {
			t.Errorf("served %+v", r)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		s := begin(t, "sim-endless")
		s.until("response.output_text.delta")
		s.send(`{"type":"response.cancel"}`)
		list := s.until("response.done")
		if done := list[len(list)-1].data; str(done, "response", "status") != "cancelled" || str(done, "response", "status_details", "reason") != "client_cancelled" {
			t.Errorf("done %v", done)
		}
	})
}

// realtimeEvents names the schema of each event by its type.
func realtimeEvents() map[string]string {
	return map[string]string{
		"error": "Error", "session.created": "SessionCreated", "session.updated": "SessionUpdated",
		"conversation.item.added": "ConversationItemAdded", "conversation.item.done": "ConversationItemDone", "conversation.item.deleted": "ConversationItemDeleted",
		"conversation.item.retrieved": "ConversationItemRetrieved", "conversation.item.truncated": "ConversationItemTruncated",
		"input_audio_buffer.committed": "InputAudioBufferCommitted", "input_audio_buffer.cleared": "InputAudioBufferCleared", "rate_limits.updated": "RateLimitsUpdated",
		"response.created": "ResponseCreated", "response.done": "ResponseDone", "response.output_item.added": "ResponseOutputItemAdded", "response.output_item.done": "ResponseOutputItemDone",
		"response.content_part.added": "ResponseContentPartAdded", "response.content_part.done": "ResponseContentPartDone",
		"response.output_text.delta": "ResponseTextDelta", "response.output_text.done": "ResponseTextDone",
		"response.output_audio_transcript.delta": "ResponseAudioTranscriptDelta", "response.output_audio_transcript.done": "ResponseAudioTranscriptDone",
		"response.output_audio.delta": "ResponseAudioDelta", "response.output_audio.done": "ResponseAudioDone",
		"response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDelta", "response.function_call_arguments.done": "ResponseFunctionCallArgumentsDone",
	}
}

func TestRealtimeFitsThePublishedSchemas(t *testing.T) {
	openai := load(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	_, server := serve(t, simulator.Options{Strict: true})
	s := open(t, server, "/v1/realtime?model=gpt-realtime")
	schemas := realtimeEvents()
	check := func(list ...event) {
		t.Helper()
		for _, e := range list {
			openai.validate(t, "RealtimeServerEvent"+schemas[e.name], withoutNullUsage(e.text))
		}
	}
	check(s.read())
	for _, step := range []struct{ event, last string }{
		{`{"type":"session.update","session":{"type":"realtime","instructions":"x","tools":[{"type":"function","name":"f"}]}}`, "session.updated"},
		{say("hi"), "conversation.item.done"},
		{`{"type":"response.create"}`, "rate_limits.updated"},
		{`{"type":"response.create","response":{"output_modalities":["text"],"metadata":{"a":"b"}}}`, "rate_limits.updated"},
		{say("call f {}"), "conversation.item.done"},
		{`{"type":"response.create"}`, "rate_limits.updated"},
		{`{"type":"conversation.item.create","item":{"id":"o","type":"function_call_output","call_id":"1","output":"x"}}`, "conversation.item.done"},
		{`{"type":"conversation.item.retrieve","item_id":"o"}`, "conversation.item.retrieved"},
		{`{"type":"conversation.item.delete","item_id":"o"}`, "conversation.item.deleted"},
		{`{"type":"input_audio_buffer.append","audio":"AAAA"}` + "", ""},
		{`{"type":"input_audio_buffer.commit"}`, "conversation.item.done"},
		{`{"type":"input_audio_buffer.clear"}`, "input_audio_buffer.cleared"},
		{`{"type":"nothing"}`, "error"},
	} {
		s.send(step.event)
		switch step.last {
		case "":
		case "error":
			check(s.read())
		default:
			check(s.until(step.last)...)
		}
	}
}
