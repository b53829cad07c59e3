package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// A model is the other side of the gateway's sockets: a server that this test
// converses for.
type model struct {
	url   string
	opens chan *http.Request
}

// startModel serves sockets with serve until the test ends.
func startModel(t *testing.T, serve func(c *websocket.Conn)) *model {
	t.Helper()
	m := &model{opens: make(chan *http.Request, 1000)}
	var running sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		m.opens <- r.Clone(context.Background())
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols: []string{"realtime"}, CompressionMode: websocket.CompressionContextTakeover,
		})
		if err != nil {
			t.Errorf("the upstream cannot accept: %v", err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		serve(c)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		running.Wait()
	})
	m.url = s.URL
	return m
}

// The events of one response, as a model tells of them.
const (
	created = `{"type":"response.created","event_id":"e1","response":{"id":"resp_1","object":"realtime.response","status":"in_progress"}}`
	delta   = `{"type":"response.output_text.delta","event_id":"e2","response_id":"resp_1","item_id":"i","delta":"hello there"}`
	done    = `{"type":"response.done","event_id":"e3","response":{"id":"resp_1","object":"realtime.response","status":"completed","usage":{"total_tokens":33,"input_tokens":20,"output_tokens":13,"input_token_details":{"cached_tokens":5,"audio_tokens":7},"output_token_details":{"audio_tokens":11}}}}`
)

// converses answers response.create with a response, and sends everything else
// back.
func converses(c *websocket.Conn) {
	for {
		kind, message, err := c.Read(context.Background())
		if err != nil {
			return
		}
		replies := []string{string(message)}
		if strings.Contains(string(message), `"response.create"`) {
			kind, replies = websocket.MessageText, []string{created, delta, done}
		}
		for _, reply := range replies {
			if c.Write(context.Background(), kind, []byte(reply)) != nil {
				return
			}
		}
	}
}

// talks is a gateway with the model m of one compatible upstream, called
// far-away there. more is further configuration of the upstream.
func talks(t *testing.T, m *model, more string, rest ...string) *gatetest.Gate {
	t.Helper()
	return gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", `+more+` }]
models: [{ name: m, targets: [{ upstream: up, model: far-away, dialects: [chat, responses, messages, completions] }] }]
`+strings.Join(rest, "\n"), "UP", m.url)
}

// patient ends when a test has waited long enough.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// open opens a socket with these headers, in pairs.
func open(t *testing.T, g *gatetest.Gate, target string, header ...string) *websocket.Conn {
	t.Helper()
	c, resp, err := dial(t, g, target, header...)
	if err != nil {
		t.Fatalf("GET %s: %v (%v)", target, err, resp)
	}
	return c
}

func dial(t *testing.T, g *gatetest.Gate, target string, header ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := &websocket.DialOptions{HTTPHeader: http.Header{}, HTTPClient: &http.Client{Transport: transport}}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "protocol" {
			o.Subprotocols = append(o.Subprotocols, header[i+1])
			continue
		}
		o.HTTPHeader.Add(header[i], header[i+1])
	}
	c, resp, err := websocket.Dial(patient(t), g.URL+target, o)
	if err == nil {
		c.SetReadLimit(-1)
		t.Cleanup(func() { _ = c.CloseNow() })
	}
	return c, resp, err
}

func say(t *testing.T, c *websocket.Conn, message string) {
	t.Helper()
	if err := c.Write(patient(t), websocket.MessageText, []byte(message)); err != nil {
		t.Fatalf("writing %.100s: %v", message, err)
	}
}

func hear(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	_, b, err := c.Read(patient(t))
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return string(b)
}

// ends reads until the socket ends and returns how, and the last message.
func ends(t *testing.T, c *websocket.Conn) (end websocket.CloseError, last string) {
	t.Helper()
	for {
		_, b, err := c.Read(patient(t))
		if err == nil {
			last = string(b)
			continue
		}
		ce := websocket.CloseError{Code: websocket.CloseStatus(err)}
		if ce.Code < 0 {
			t.Fatalf("the socket ended without a close frame: %v", err)
		}
		_, ce.Reason, _ = strings.Cut(err.Error(), `reason = "`)
		ce.Reason = strings.TrimSuffix(ce.Reason, `"`)
		return ce, last
	}
}

// byID returns the entries in the order of their ids: the socket's first.
func byID(entries []ledger.Entry) []ledger.Entry {
	slices.SortFunc(entries, func(a, b ledger.Entry) int { return strings.Compare(a.ID, b.ID) })
	return entries
}

// TestRealtime: in each of its forms, to each of the upstreams that have one.
func TestRealtime(t *testing.T) {
	m := startModel(t, converses)
	g := gatetest.Start(t, `
upstreams:
  - { name: openai, kind: openai, endpoint: "${UP}", auth: { api_key: openai-secret-1 } }
  - { name: azure, kind: azure, endpoint: "${UP}", auth: { api_key: azure-secret-1 } }
  - { name: classic, kind: azure, endpoint: "${UP}", api: classic, api_version: 2025-04-01-preview, auth: { api_key: azure-secret-1 } }
  - { name: other, kind: compatible, endpoint: "${UP}", auth: { bearer: other-secret-1 } }
  - { name: sim, kind: simulator, endpoint: "${UP}" }
models:
  - { name: gpt-realtime, targets: [{ upstream: openai }] }
  - { name: far, targets: [{ upstream: azure, model: "my deployment" }] }
  - { name: old, targets: [{ upstream: classic, model: dep }] }
  - { name: other, targets: [{ upstream: other, dialects: [chat, responses, messages, completions] }] }
  - { name: sim, targets: [{ upstream: sim }] }
`, "UP", m.url)
	for _, tt := range []struct{ target, upstream, want, header, value string }{
		{"/v1/realtime?model=gpt-realtime", "openai", "/v1/realtime?model=gpt-realtime", "Authorization", "Bearer openai-secret-1"},
		{"/openai/v1/realtime?model=far&api-key=of-no-use", "azure", "/openai/v1/realtime?model=my+deployment", "Api-Key", "azure-secret-1"},
		{"/openai/v1/realtime?deployment=far", "azure", "/openai/v1/realtime?model=my+deployment", "Api-Key", "azure-secret-1"},
		{"/openai/realtime?api-version=2024-10-01-preview&deployment=old", "classic", "/openai/realtime?api-version=2025-04-01-preview&deployment=dep", "Api-Key", "azure-secret-1"},
		{"/v1/realtime?model=old&intent=transcription", "classic", "/openai/realtime?api-version=2025-04-01-preview&intent=transcription&deployment=dep", "Api-Key", "azure-secret-1"},
		{"/openai/realtime?deployment=other", "other", "/v1/realtime?model=other", "Authorization", "Bearer other-secret-1"},
		{"/v1/realtime?model=sim", "sim", "/v1/realtime?model=sim", "Authorization", ""},
	} {
		t.Run(tt.target, func(t *testing.T) {
			before := int(g.Ledger.Total())
			c, resp, err := dial(t, g, tt.target, "OpenAI-Beta", "realtime=v1", "Cookie", "a=b", "User-Agent", "me/1", "Origin", g.URL, "Authorization", "Bearer of-the-client", "protocol", "realtime")
			if err != nil {
				t.Fatal(err, resp)
			}
			r := <-m.opens
			if r.RequestURI != tt.want || r.Header.Get(tt.header) != tt.value {
				t.Errorf("the upstream was asked for %s with %s %q, want %s with %q", r.RequestURI, tt.header, r.Header.Get(tt.header), tt.want, tt.value)
			}
			h := r.Header.Clone()
			if h.Get("Openai-Beta") != "realtime=v1" || h.Get("User-Agent") != "me/1" || h.Get("X-Request-Id") != resp.Header.Get("X-Request-Id") || h.Get("Sec-Websocket-Protocol") != "realtime" {
				t.Errorf("the upstream got %v", h)
			}
			if h["Origin"] != nil || h["Cookie"] != nil || h["Sec-Websocket-Extensions"] != nil || strings.Contains(fmt.Sprint(h, r.RequestURI), "of-the-client") || strings.Contains(r.RequestURI, "api-key") {
				t.Errorf("the upstream got what is not its own: %v", h)
			}
			if c.Subprotocol() != "realtime" || (resp.Header.Get("X-Weir-Simulator") == "true") != (tt.upstream == "sim") {
				t.Errorf("the client got %v", resp.Header)
			}
			say(t, c, `{"type":"response.create"}`)
			for _, want := range []string{created, delta, done} {
				if got := hear(t, c); got != want {
					t.Errorf("the client got %s, want %s", got, want)
				}
			}
			if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
				t.Error(err)
			}
			entries := byID(g.Entries(t, before+2)[before:])
			socket, turn := entries[0], entries[1]
			if socket.Upstream != tt.upstream || socket.Status != 101 || socket.Code != "" || socket.FramesIn != 1 || socket.FramesOut != 3 ||
				socket.BytesIn != 26 || socket.BytesOut != int64(len(created+delta+done)) || socket.Usage != (llm.Usage{Provenance: llm.UsageNone}) {
				t.Errorf("the socket's entry = %+v", socket)
			}
			want := llm.Usage{Input: 20, CachedInput: 5, Output: 13, InputAudio: 7, OutputAudio: 11, Provenance: llm.UsageReported}
			if turn.ID != socket.ID+".1" || turn.Usage != want || turn.Code != "" || turn.Status != 101 || turn.Upstream != tt.upstream ||
				turn.Operation != llm.OpRealtime || turn.FramesIn+turn.FramesOut+turn.BytesIn+turn.BytesOut != 0 ||
				turn.Attempts[0].UpstreamRequestID != "resp_1" || turn.FirstByte <= 0 || turn.Total < turn.FirstByte {
				t.Errorf("the response's entry = %+v, want usage %+v", turn, want)
			}
		})
	}
	for _, line := range g.Log.Lines(t, "exchange") {
		if line["operation"] != "realtime" || line["frames_in"] == nil || line["level"] != "INFO" {
			t.Errorf("log line %v", line)
		}
	}
}

// TestRealtimeBytes: what passes is what was sent, however it was cut.
func TestRealtimeBytes(t *testing.T) {
	m := startModel(t, converses)
	g := talks(t, m, "")
	c := open(t, g, "/v1/realtime?model=m")
	text := func(n int) []byte { return fmt.Appendf(nil, `{"type":"x",  "audio":"%s"}`, strings.Repeat("ä", n)) }
	for _, tt := range []struct {
		kind    websocket.MessageType
		message []byte
		pieces  int
	}{
		{websocket.MessageText, text(1), 1},
		{websocket.MessageText, text(1), 3},
		{websocket.MessageText, text(32_760), 1},
		{websocket.MessageText, text(500_000), 7},
		{websocket.MessageBinary, []byte{}, 1},
		{websocket.MessageBinary, []byte("{ no JSON"), 1},
		{websocket.MessageBinary, bytes.Repeat([]byte{0, 0xff, '{'}, 1000), 2},
		{websocket.MessageBinary, bytes.Repeat([]byte{'\n'}, 64<<10), 1},
		{websocket.MessageBinary, bytes.Repeat([]byte{7}, 16<<20), 9},
	} {
		w, err := c.Writer(patient(t), tt.kind)
		if err != nil {
			t.Fatal(err)
		}
		size := len(tt.message)/tt.pieces + 1
		for piece := range slices.Chunk(tt.message, size) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		kind, got, err := c.Read(patient(t))
		if err != nil || kind != tt.kind || !bytes.Equal(got, tt.message) {
			t.Fatalf("%d bytes in %d pieces came back as %d bytes, %v, %v", len(tt.message), tt.pieces, len(got), kind, err)
		}
	}
}

// TestRealtimeModels: a session can use no more than its caller may.
func TestRealtimeModels(t *testing.T) {
	m := startModel(t, converses)
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models:
  - { name: m, targets: [{ upstream: up, model: far-away, dialects: [chat, responses, messages, completions] }] }
  - { name: whisper-1, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }
  - { name: secret, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }
keys: [{ name: k, secret: weir-0123456789a, models: [m, "whisper-*"] }]
`, "UP", m.url)
	c := open(t, g, "/v1/realtime?model=m", "Authorization", "Bearer weir-0123456789a")
	for _, tt := range []struct {
		name, message string
		want          string // what comes back; empty: an error
		code          llm.Code
		param         string
	}{
		{name: "no model", message: `{"type":"session.update","session":{"voice":"alloy"}}`, want: `{"type":"session.update","session":{"voice":"alloy"}}`},
		{name: "its own: in the upstream's words", message: `{"session": {"model": "m"}, "type":"session.update"}`, want: `{"session": {"model": "far-away"}, "type":"session.update"}`},
		{name: "null", message: `{"session":{"model":null}}`, want: `{"session":{"model":null}}`},
		{name: "elsewhere", message: `{"item":{"model":"secret"},"model":"secret"}`, want: `{"item":{"model":"secret"},"model":"secret"}`},
		{name: "one it may not use", message: `{"event_id":"mine","type":"session.update","session":{"model":"secret"}}`, code: llm.CodeModelNotAllowed, param: "session.model"},
		{name: "one of another socket", message: `{"event_id":"mine","session":{"model":"whisper-1"}}`, code: llm.CodeInvalidValue, param: "session.model"},
		{name: "the upstream's name", message: `{"event_id":"mine","session":{"model":"far-away"}}`, code: llm.CodeModelNotAllowed, param: "session.model"},
		{name: "in a response", message: `{"event_id":"mine","type":"response.create","response":{"model":"secret"}}`, code: llm.CodeModelNotAllowed, param: "response.model"},
		{name: "hidden by escapes", message: `{"event_id":"mine","se\u0073sion":{"model":"secret"}}`, code: llm.CodeModelNotAllowed, param: "session.model"},
		{name: "hidden by a second one", message: `{"event_id":"mine","session":{"model":"m"},"session":{"model":"secret"}}`, code: llm.CodeInvalidJSON},
		{name: "hidden by case", message: `{"event_id":"mine","Session":{"model":"secret"}}`, code: llm.CodeInvalidJSON},
		{name: "not a string", message: `{"event_id":"mine","session":{"model":["secret"]}}`, code: llm.CodeInvalidValue, param: "session.model"},
		{name: "no event", message: `hello`, code: llm.CodeInvalidJSON},
		{name: "a transcriber", message: `{"session":{"audio":{"input":{"transcription":{"model":"whisper-1"}}}}}`, want: `{"session":{"audio":{"input":{"transcription":{"model":"whisper-1"}}}}}`},
		{name: "a transcriber that is the socket's own", message: `{"session":{"input_audio_transcription":{"model":"m"}}}`, want: `{"session":{"input_audio_transcription":{"model":"far-away"}}}`},
		{name: "a transcriber it may not use", message: `{"event_id":"mine","session":{"audio":{"input":{"transcription":{"model":"secret"}}}}}`, code: llm.CodeModelNotAllowed, param: "session.audio.input.transcription.model"},
		{name: "the same, of old", message: `{"event_id":"mine","session":{"input_audio_transcription":{"model":"secret"}}}`, code: llm.CodeModelNotAllowed, param: "session.input_audio_transcription.model"},
	} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if kind == websocket.MessageBinary && tt.name == "no event" {
				continue // that is sound
			}
			if err := c.Write(patient(t), kind, []byte(tt.message)); err != nil {
				t.Fatal(err)
			}
			got := hear(t, c)
			if tt.code == "" {
				if got != tt.want {
					t.Errorf("%s (%v): the upstream got %s, want %s", tt.name, kind, got, tt.want)
				}
				continue
			}
			var e struct {
				Type    string `json:"type"`
				EventID string `json:"event_id"`
				Error   struct {
					Type, Code, Message string
					Param               *string
					EventID             *string `json:"event_id"`
				}
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil || e.Type != "error" || e.EventID == "" || e.Error.Code != string(tt.code) || e.Error.Type == "" || e.Error.Message == "" {
				t.Errorf("%s: the client got %s (%v), want the error %s", tt.name, got, err, tt.code)
			}
			if tt.param != "" && (e.Error.Param == nil || *e.Error.Param != tt.param) || tt.code != llm.CodeInvalidJSON && (e.Error.EventID == nil || *e.Error.EventID != "mine") {
				t.Errorf("%s: %s does not blame %s of the event", tt.name, got, tt.param)
			}
		}
	}
	c.Close(websocket.StatusNormalClosure, "")
	entries := byID(g.Entries(t, 3))
	for _, e := range entries[1:] { // a response that was refused, twice
		if e.Code != llm.CodeModelNotAllowed || e.Usage.Provenance != llm.UsageNone {
			t.Errorf("entry = %+v", e)
		}
	}
}

// TestRealtimeIDs: who has had a response may ask for it where it was made.
func TestRealtimeIDs(t *testing.T) {
	m := startModel(t, converses)
	asked := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			forward(t, w, r, m.url)
			return
		}
		asked <- r.Method + " " + r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"resp_1","object":"response"}`))
	}))
	t.Cleanup(s.Close)
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: { api_key: made-up } }]
models: [{ name: m, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
keys:
  - { name: a, tenant: a, secret: weir-0123456789a }
  - { name: b, tenant: b, secret: weir-0123456789b }
`, "UP", s.URL)
	c := open(t, g, "/v1/realtime?model=m", "Authorization", "Bearer weir-0123456789a")
	say(t, c, `{"type":"response.create"}`)
	hear(t, c)
	if resp := g.Do(t, http.MethodGet, "/v1/responses/resp_1", "", "Authorization", "Bearer weir-0123456789b"); resp.StatusCode != http.StatusNotFound || len(asked) > 0 {
		t.Errorf("another tenant got %s", resp.Status)
	}
	if resp := g.Do(t, http.MethodGet, "/v1/responses/resp_1", "", "Authorization", "Bearer weir-0123456789a"); resp.StatusCode != http.StatusOK || <-asked != "GET /v1/responses/resp_1" {
		t.Errorf("its own tenant got %s", resp.Status)
	}
}

// TestRealtimeAccount: one entry for each response, whoever has begun it and
// however it ends, and one for the socket.
func TestRealtimeAccount(t *testing.T) {
	script, heard := make(chan string, 100), make(chan string, 100)
	m := startModel(t, func(c *websocket.Conn) {
		go func() {
			for {
				_, b, err := c.Read(context.Background())
				if err != nil {
					return
				}
				heard <- string(b)
			}
		}()
		for event := range script {
			if c.Write(context.Background(), websocket.MessageText, []byte(event)) != nil {
				return
			}
		}
		c.Close(websocket.StatusNormalClosure, "")
	})
	g := talks(t, m, "")
	c := open(t, g, "/v1/realtime?model=m")
	ask := func(event string) {
		t.Helper()
		say(t, c, event)
		if got := <-heard; got != event {
			t.Fatalf("the upstream got %s, want %s", got, event)
		}
	}
	tell := func(event string) {
		t.Helper()
		script <- event
		if got := hear(t, c); got != event {
			t.Fatalf("the client got %s, want %s", got, event)
		}
	}
	reply := func(id, status, rest string) {
		t.Helper()
		tell(fmt.Sprintf(`{"type":"response.created","response":{"id":%q}}`, id))
		tell(fmt.Sprintf(`{"type":"response.done","response":{"id":%q,"status":%q%s}}`, id, status, rest))
	}
	// 1: the server's own, with a transcript before it.
	tell(`{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"tokens","input_tokens":9,"output_tokens":4,"input_token_details":{"audio_tokens":8}}}`)
	tell(`{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"duration","seconds":1.5}}`)
	reply("r1", "completed", `,"usage":{"input_tokens":1,"output_tokens":2}`)
	// 2: asked for, cancelled.
	ask(`{"type":"response.create"}`)
	reply("r2", "cancelled", `,"usage":{"input_tokens":0,"output_tokens":0}`)
	// 3: failed, with no word about usage.
	ask(`{"type":"response.create"}`)
	reply("r3", "failed", `,"status_details":{"type":"failed","error":{"type":"server_error","code":"overloaded"}}`)
	// 4: refused by name; 5: refused without one; an error about something else.
	ask(`{"type":"response.create","event_id":"four"}`)
	ask(`{"type":"response.create"}`)
	tell(`{"type":"error","error":{"type":"invalid_request_error","code":"bad_voice","message":"no","param":"session.voice","event_id":null}}`)
	tell(`{"type":"error","error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"no","event_id":null}}`)
	tell(`{"type":"error","error":{"type":"invalid_request_error","code":"x","message":"no","event_id":"four"}}`)
	// 6: completed, and the server counts nothing.
	ask(`{"type":"response.create"}`)
	tell(`{"type":"response.created","response":{"id":"r6"}}`)
	tell(`{"type":"response.output_audio.delta","response_id":"r6","delta":"` + strings.Repeat("AAAA", 1600) + `"}`)
	tell(`{"type":"response.output_audio_transcript.delta","response_id":"r6","delta":"four"}`)
	tell(`{"type":"response.done","response":{"id":"r6","status":"completed","usage":{"input_tokens":0,"output_tokens":0}}}`)
	// 7 runs and 8 waits when the socket ends.
	ask(`{"type":"response.create"}`)
	tell(`{"type":"response.created","response":{"id":"r7"}}`)
	tell(`{"type":"response.text.delta","response_id":"r7","delta":"sixteen bytes of"}`)
	ask(`{"type":"response.create"}`)
	gatetest.Until(t, func() bool { return g.Ledger.Total() == 6 })
	close(script)
	if end, _ := ends(t, c); end.Code != websocket.StatusNormalClosure {
		t.Errorf("the socket ended with %v", end)
	}
	reported := func(in, out int64) llm.Usage {
		return llm.Usage{Input: in, Output: out, Provenance: llm.UsageReported}
	}
	none := llm.Usage{Provenance: llm.UsageNone}
	entries := byID(g.Entries(t, 9))
	for i, want := range []struct {
		usage llm.Usage
		code  llm.Code
	}{
		{llm.Usage{Input: 9, Output: 4, InputAudio: 8, Audio: 1500 * time.Millisecond, Provenance: llm.UsageReported}, ""},
		{reported(1, 2), ""},
		{reported(0, 0), ""},
		{llm.Usage{}, llm.CodeUpstreamFailed},
		{none, llm.CodeUpstreamRejected},
		{none, llm.CodeUpstreamRejected},
		{llm.Usage{Output: 3, OutputAudio: 2, Provenance: llm.UsageEstimated}, ""},
		{llm.Usage{Output: 4, Provenance: llm.UsageEstimated}, llm.CodeUpstreamTruncated},
		{llm.Usage{}, llm.CodeUpstreamTruncated},
	} {
		if e := entries[i]; e.Usage != want.usage || e.Code != want.code {
			t.Errorf("entry %s: code %q, usage %+v; want %q, %+v", e.ID, e.Code, e.Usage, want.code, want.usage)
		}
	}
	if entries[0].Attempts[0].Status != 101 {
		t.Errorf("the socket's attempt = %+v", entries[0].Attempts)
	}
}
