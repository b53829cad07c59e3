package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/simulator"
)

// FuzzServe checks that whatever body comes is answered with 200 or refused
// with 400, and that every answer, chunk and event is JSON.
func FuzzServe(f *testing.F) {
	paths := []string{
		"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions", "/v1/embeddings", "/v1/messages/count_tokens",
		"/api/chat", "/openai/v1/chat/completions", "/openai/deployments/d/completions?api-version=2024-10-21",
		"/v1/images/generations", "/v1/images/edits", "/v1/audio/speech", "/v1/moderations",
	}
	f.Add(uint8(10), `{"model":"m","prompt":"x","images":[{"file_id":"x"}],"stream":true,"partial_images":2}`)
	f.Add(uint8(11), `{"model":"m","input":"x","voice":"v","stream_format":"sse"}`)
	for i, path := range paths {
		f.Add(uint8(i), "{"+`"model":"m","max_tokens":5,"input":"x","prompt":"x","messages":[{"role":"user","content":"x"}]}`)
		for _, k := range append(append([]kind{ollamaStream}, streams...), wholes...) {
			if k.path == path {
				f.Add(uint8(i), strings.Replace(k.body, "MODEL", "m", 1))
			}
		}
	}
	f.Add(uint8(1), `{"model":"m","input":[{"role":"user","content":"call c <<<\"\\>>>"}],`+responsesBody+`,"stream":true}`)
	f.Add(uint8(0), `{"model":"m\n","messages":[{"role":"user","content":"call f {}"}],"tools":[{"type":"function","function":{"name":"f","parameters":[]}}],"tool_choice":"required"}`)
	sim := simulator.New(simulator.Options{Strict: true, Records: 10})
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		path := paths[int(which)%len(paths)]
		if strings.Contains(body, "sim-") || strings.Contains(body, `\`) && !strings.HasPrefix(body, `{"model":"m`) {
			return // names that misbehave take their time or give no answer
		}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Anthropic-Version", "2023-06-01")
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("POST %s %q = %d", path, body, w.Code)
		}
		answer := w.Body.String()
		switch kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";"); kind {
		case "text/event-stream":
			for _, e := range events(t, answer) {
				if e.data == nil && e.text != "[DONE]" {
					t.Errorf("event %q", e.text)
				}
			}
		case "application/x-ndjson":
			for line := range strings.Lines(answer) {
				decode(t, line)
			}
		case "application/json":
			if !json.Valid([]byte(answer)) {
				t.Errorf("POST %s %q answers what is not JSON: %s", path, body, answer)
			}
		case "audio/mpeg", "audio/opus", "audio/aac", "audio/flac", "audio/wav", "audio/pcm":
		default:
			t.Errorf("POST %s %q answers %q", path, body, kind)
		}
	})
}

// FuzzForm checks that whatever form comes is answered with 200 or refused with
// 400, and that an answer shows the hash of the file that came.
func FuzzForm(f *testing.F) {
	const boundary = "b"
	for _, seed := range []string{
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n",
		"--b\r\n\r\n--b--", "--b--", "--b\nContent-Disposition: form-data; name=model\n\nm\n--b--\n", "--b\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\nm\r\n--b--",
	} {
		f.Add(seed)
	}
	sim := simulator.New(simulator.Options{Strict: true, Records: 1})
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "sim-") {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/audio/transcriptions", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("%q = %d", body, w.Code)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q answers what is not JSON: %s", body, w.Body)
		}
		parts := sim.Served().Requests[0].Parts
		if w.Code != http.StatusOK {
			return
		}
		for _, p := range parts {
			if p.Filename != "" && !strings.Contains(w.Body.String(), p.SHA256[:12]) {
				t.Fatalf("%q: the answer does not show the hash of %s: %s", body, p.Filename, w.Body)
			}
		}
	})
}

// FuzzRealtime checks that whatever message comes on a socket, every event of
// the answer is JSON and the session goes on.
func FuzzRealtime(f *testing.F) {
	for _, seed := range []string{
		`{"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"a"}},"tools":[{"type":"function","name":"f"}]}}`,
		say("hi"), `{"type":"response.create","response":{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"call f {}"}]}],"tools":[{"type":"function","name":"f"}],"metadata":null}}`,
		`{"type":"input_audio_buffer.append","audio":"AAAA"}`, `{"type":"conversation.item.truncate","item_id":"a"}`, `{"type":1}`, `[`, "",
	} {
		f.Add(seed)
	}
	server := httptest.NewServer(simulator.New(simulator.Options{Strict: true, Records: 1}))
	f.Cleanup(server.Close)
	f.Cleanup(server.CloseClientConnections)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // the library closes the socket, as it must
		}
		s := open(t, server, "/v1/realtime?model=m")
		s.send(text)
		s.send(`{"type":"no such event","event_id":"the end"}`)
		for str(s.read().data, "error", "event_id") != "the end" {
		}
		_ = s.conn.CloseNow()
	})
}
