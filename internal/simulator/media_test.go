package simulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

// A field is a part of a form; one with a filename is a file.
type field struct{ name, text, filename string }

func formBody(t *testing.T, list []field) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range list {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", f.name)}}
		if f.filename != "" {
			h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", f.name, f.filename))
			h.Set("Content-Type", "audio/wav")
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, f.text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// postForm sends a form and returns the answer, which must have the wanted
// status.
func postForm(t *testing.T, server string, client *http.Client, path string, list []field, want int, headers ...string) (body string, h http.Header) {
	t.Helper()
	form, contentType := formBody(t, list)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for _, line := range headers {
		name, text, _ := strings.Cut(line, ":")
		r.Header.Set(name, strings.TrimSpace(text))
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != want {
		t.Fatalf("POST %s = %d, %v, want %d: %s", path, resp.StatusCode, err, want, b)
	}
	return string(b), resp.Header
}

const sound = "RIFF\x00\xffWAVE" // of a file whose bytes are not text

func soundHash() string {
	sum := sha256.Sum256([]byte(sound))
	return hex.EncodeToString(sum[:])
}

// pngText returns the description that a picture in base64 carries.
func pngText(t *testing.T, encoded string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		t.Fatalf("not a PNG: %v", err)
	}
	_, rest, _ := bytes.Cut(b, []byte("iTXtDescription\x00\x00\x00\x00\x00"))
	return string(rest[:max(0, len(rest)-4-12)])
}

func TestImagesAreMade(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	v := decode(t, post(t, server, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"a red weir","n":2,"size":"auto","quality":"high"}`, http.StatusOK))
	data, _ := v["data"].([]any)
	if len(data) != 2 || pngText(t, str(data[1], "b64_json")) != "echo: a red weir" || str(data[0], "b64_json") == str(data[1], "b64_json") {
		t.Errorf("images = %v, want two different ones with the echo", data)
	}
	if num(v, "usage", "input_tokens") != 3 || num(v, "usage", "output_tokens") != 512 || num(v, "usage", "total_tokens") != 515 ||
		num(v, "usage", "input_tokens_details", "text_tokens") != 3 || str(v, "quality") != "high" || str(v, "size") != "1024x1024" {
		t.Errorf("usage and settings = %v", v)
	}
	want := &simulator.Usage{Input: 3, Output: 512, Images: 2}
	if diff := cmp.Diff(want, last(t, sim).Usage); diff != "" {
		t.Errorf("served (-want +got):\n%s", diff)
	}
	v = decode(t, post(t, server, "/openai/deployments/dall-e-3/images/generations?api-version=2024-10-21", `{"prompt":"x"}`, http.StatusOK))
	if !strings.HasPrefix(str(v, "data", 0, "url"), "https://") || str(v, "data", 0, "revised_prompt") != "echo: x" || v["usage"] != nil || at(v, "data", 0, "content_filter_results") == nil {
		t.Errorf("dall-e = %v, want a link, the echo and no usage", v)
	}
	if r := last(t, sim); r.Usage != nil || r.FullUsage.Images != 1 || r.Operation != "image_generation" || r.Model != "dall-e-3" {
		t.Errorf("served %+v, want one image and no usage told", r)
	}
	v = decode(t, post(t, server, "/v1/images/generations", `{"model":"dall-e-2","prompt":"x","response_format":"b64_json"}`, http.StatusOK))
	pngText(t, str(v, "data", 0, "b64_json"))
	for _, format := range []string{"jpeg", "webp"} {
		v = decode(t, post(t, server, "/v1/images/generations", `{"model":"m","prompt":"x","output_format":"`+format+`"}`, http.StatusOK))
		b, err := base64.StdEncoding.DecodeString(str(v, "data", 0, "b64_json"))
		if got := http.DetectContentType(b); err != nil || got != "image/"+format {
			t.Errorf("%s is %s, %v", format, got, err)
		}
	}
}

func TestImagesAreEdited(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	files := []field{{"image[]", "one", "1.png"}, {"image[]", sound, "2.png"}, {"prompt", "a hat", ""}, {"model", "gpt-image-1", ""}, {"n", "2", ""}, {"mask", "m", "m.png"}}
	body, _ := postForm(t, server.URL, server.Client(), "/v1/images/edits", files, http.StatusOK)
	v := decode(t, body)
	text := pngText(t, str(v, "data", 1, "b64_json"))
	if want := "image[]=2.png type=audio/wav bytes=10 sha256=" + soundHash()[:12] + "; "; !strings.Contains(text, want) || !strings.Contains(text, "prompt=a hat") {
		t.Errorf("description %q lacks %q", text, want)
	}
	if num(v, "usage", "input_tokens") != 2+2*64 || num(v, "usage", "input_tokens_details", "image_tokens") != 2*64 {
		t.Errorf("usage = %v", v["usage"])
	}
	want := []simulator.Part{
		{Name: "image[]", Filename: "2.png", Type: "audio/wav", Size: 10, SHA256: soundHash()},
		{Name: "prompt", Size: 5, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("a hat"))), Text: "a hat"},
	}
	if diff := cmp.Diff(want, last(t, sim).Parts[1:3]); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	v = decode(t, post(t, server, "/v1/images/edits", `{"model":"m","prompt":"p","images":[{"image_url":"data:image/png;base64,AA=="},{"file_id":"f"}]}`, http.StatusOK))
	if got := pngText(t, str(v, "data", 0, "b64_json")); got != "echo: p; images=2" || num(v, "usage", "input_tokens") != 1+2*64 {
		t.Errorf("JSON edit = %q with %v", got, v["usage"])
	}
	body, _ = postForm(t, server.URL, server.Client(), "/v1/images/variations", []field{{"image", "x", "x.png"}, {"response_format", "b64_json", ""}}, http.StatusOK)
	if got := pngText(t, str(decode(t, body), "data", 0, "b64_json")); !strings.HasPrefix(got, "echo: image=x.png") {
		t.Errorf("variation = %q", got)
	}
	if r := last(t, sim); r.Operation != "image_variation" {
		t.Errorf("operation %q", r.Operation)
	}
}

func TestImagesStream(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	body := post(t, server, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"abcd","stream":true,"partial_images":2}`, http.StatusOK)
	list := events(t, body)
	var names []string
	for _, e := range list {
		names = append(names, e.name)
		if e.name != str(e.data, "type") || pngText(t, str(e.data, "b64_json")) != "echo: abcd" {
			t.Errorf("event %s", e.text)
		}
	}
	if diff := cmp.Diff([]string{"image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"}, names); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if num(list[1].data, "partial_image_index") != 1 || num(list[2].data, "usage", "output_tokens") != 256 {
		t.Errorf("events = %s", body)
	}
	if r := last(t, sim); r.Usage == nil || r.Events != 3 || !r.Stream {
		t.Errorf("served %+v", r)
	}
	body, _ = postForm(t, server.URL, server.Client(), "/v1/images/edits", []field{{"stream", "true", ""}, {"image", "x", "x.png"}, {"prompt", "p", ""}}, http.StatusOK)
	if list := events(t, body); len(list) != 1 || list[0].name != "image_edit.completed" {
		t.Errorf("edit = %s", body)
	}
}

func TestSpeech(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	ask := func(extra string) string {
		return `{"model":"tts-1","voice":"alloy","input":"eight by"` + extra + `}`
	}
	resp, body, err := do(t, server, request(t, server, http.MethodPost, "/v1/audio/speech", ask(`,"response_format":"wav"`)))
	if err != nil || resp.Header.Get("Content-Type") != "audio/wav" || http.DetectContentType([]byte(body)) != "audio/wave" || len(body) != 44+2*480 || resp.ContentLength != -1 {
		t.Fatalf("wav = %v, %v, %d bytes", resp, err, len(body))
	}
	if r := last(t, sim); r.Usage != nil || r.FullUsage.Characters != 8 || r.Events != 2 || r.Operation != "speech" {
		t.Errorf("served %+v, want two pieces and 8 characters", r)
	}
	for format, want := range map[string]string{"": "audio/mpeg", "mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "pcm": "audio/pcm"} {
		extra := ""
		if format != "" {
			extra = `,"response_format":"` + format + `"`
		}
		resp, body, err := do(t, server, request(t, server, http.MethodPost, "/openai/deployments/d/audio/speech?api-version=2024-10-21", ask(extra)))
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != want || len(body) < 960 {
			t.Errorf("%q = %v, %v, %d bytes", format, resp, err, len(body))
		}
	}
	list := events(t, post(t, server, "/v1/audio/speech", strings.Replace(ask(`,"stream_format":"sse"`), "tts-1", "gpt-4o-mini-tts", 1), http.StatusOK))
	if len(list) != 3 || str(list[0].data, "type") != "speech.audio.delta" || str(list[2].data, "type") != "speech.audio.done" || num(list[2].data, "usage", "total_tokens") != 4 {
		t.Errorf("events = %v", list)
	}
	if r := last(t, sim); r.Usage == nil || r.Usage.Input != 2 || r.Usage.Output != 2 {
		t.Errorf("served %+v", r)
	}
}

func TestSpeechMisbehavesByPieces(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	ask := func(headers ...string) (string, error) {
		_, body, err := do(t, server, request(t, server, http.MethodPost, "/v1/audio/speech", `{"model":"m","voice":"v","response_format":"pcm","input":"0123456789abcdef"}`, headers...))
		return body, err
	}
	if body, err := ask("x-sim-cut: 2", "x-sim-cut-bytes: 5"); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 2*480+5 {
		t.Errorf("cut after %d bytes, %v, want 965", len(body), err)
	}
	if body, err := ask("x-sim-end-early: 1", "x-sim-comments", "x-sim-crlf"); err != nil || len(body) != 480 {
		t.Errorf("ended after %d bytes, %v, want 480", len(body), err)
	}
	if body, err := ask("x-sim-error: middle"); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 480 {
		t.Errorf("failed after %d bytes, %v, want 480", len(body), err)
	}
	if body, err := ask("x-sim-events: 100", "x-sim-event-size: 1KiB"); err != nil || len(body) != 100<<10 || last(t, sim).Events != 100 {
		t.Errorf("%d bytes, %v, want 100 KiB in 100 pieces", len(body), err)
	}
	if body, err := ask("x-sim-huge: 3MiB"); err != nil || len(body) != 3<<20 {
		t.Errorf("%d bytes, %v, want 3 MiB", len(body), err)
	}
}

func TestTranscripts(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	about := "file=a.wav type=audio/wav bytes=10 sha256=" + soundHash()[:12]
	for _, tt := range []struct {
		name, path, model string
		extra             []field
		contentType       string
		want              []string // of the answer
		usage             *simulator.Usage
	}{
		{
			"json", "/v1/audio/transcriptions", "gpt-4o-transcribe",
			[]field{{"prompt", "four", ""}},
			"application/json",
			[]string{`"echo: ` + about + `; model=gpt-4o-transcribe; prompt=four"`, `"audio_tokens": 10`, `"text_tokens": 1`},
			&simulator.Usage{Input: 11, Output: 25, Seconds: 1},
		},
		{
			"seconds", "/v1/audio/transcriptions", "whisper-1",
			[]field{{"language", "en", ""}, {"stream", "true", ""}},
			"application/json",
			[]string{"language=en", `"type": "duration"`, `"seconds": 1`},
			&simulator.Usage{Seconds: 1},
		},
		{"text", "/v1/audio/transcriptions", "whisper-1", []field{{"response_format", "text", ""}}, textPlain, []string{"echo: " + about, "\n"}, nil},
		{"srt", "/v1/audio/transcriptions", "whisper-1", []field{{"response_format", "srt", ""}}, textPlain, []string{"1\n00:00:00,000 --> 00:00:01,000\necho: " + about}, nil},
		{"vtt", "/v1/audio/transcriptions", "whisper-1", []field{{"response_format", "vtt", ""}}, textPlain, []string{"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\necho: "}, nil},
		{
			"verbose", "/v1/audio/transcriptions", "whisper-1",
			[]field{{"response_format", "verbose_json", ""}, {"timestamp_granularities[]", "word", ""}, {"timestamp_granularities[]", "segment", ""}},
			"application/json",
			[]string{`"task": "transcribe"`, `"segments": [`, `"word": "echo:"`},
			&simulator.Usage{Seconds: 1},
		},
		{
			"speakers", "/v1/audio/transcriptions", "gpt-4o-transcribe-diarize",
			[]field{{"response_format", "diarized_json", ""}, {"chunking_strategy", "auto", ""}},
			"application/json",
			[]string{`"speaker": "A"`},
			&simulator.Usage{Input: 10, Output: 37, Seconds: 1},
		},
		{"translation", "/v1/audio/translations", "whisper-1", nil, "application/json", []string{`"text": "echo: ` + about + `; model=whisper-1"`}, nil},
		{"azure", "/openai/deployments/whisper/audio/transcriptions?api-version=2024-10-21", "", nil, "application/json", []string{`"text": "echo: ` + about + `"`}, &simulator.Usage{Seconds: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := append([]field{{"file", sound, "a.wav"}}, tt.extra...)
			if tt.model != "" {
				list = append(list, field{"model", tt.model, ""})
			}
			body, h := postForm(t, server.URL, server.Client(), tt.path, list, http.StatusOK)
			if h.Get("Content-Type") != tt.contentType {
				t.Errorf("Content-Type %q, want %q", h.Get("Content-Type"), tt.contentType)
			}
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %s", body, want)
				}
			}
			r := last(t, sim)
			if diff := cmp.Diff(tt.usage, r.Usage); diff != "" || r.FullUsage.Seconds != 1 {
				t.Errorf("usage told (-want +got), of %+v:\n%s", r.FullUsage, diff)
			}
		})
	}
}

const textPlain = "text/plain; charset=utf-8"

func TestTranscriptsStream(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	list := []field{{"stream", "true", ""}, {"model", "gpt-4o-mini-transcribe", ""}, {"file", sound, "a.wav"}}
	stream, _ := postForm(t, server.URL, server.Client(), "/v1/audio/transcriptions", list, http.StatusOK)
	var text string
	all := events(t, stream)
	for _, e := range all[:len(all)-1] {
		if str(e.data, "type") != "transcript.text.delta" {
			t.Errorf("event %s", e.text)
		}
		text += str(e.data, "delta")
	}
	done := all[len(all)-1].data
	if str(done, "type") != "transcript.text.done" || str(done, "text") != text || !strings.HasPrefix(text, "echo: file=a.wav") || num(done, "usage", "input_tokens") != 10 {
		t.Errorf("deltas %q, done %v", text, done)
	}
	if r := last(t, sim); r.Usage == nil || r.Usage.Seconds != 1 || r.Operation != "transcription" {
		t.Errorf("served %+v", r)
	}
	postForm(t, server.URL, server.Client(), "/v1/audio/transcriptions", list, http.StatusServiceUnavailable, "x-sim-status: 503")
	stream, _ = postForm(t, server.URL, server.Client(), "/v1/audio/transcriptions", list, http.StatusOK, "x-sim-error: middle")
	if all := events(t, stream); len(all) != 2 || at(all[1].data, "error") == nil {
		t.Errorf("failed stream = %q", stream)
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	file, model := field{"file", "x", "a.wav"}, field{"model", "whisper-1", ""}
	image, prompt := field{"image", "x", "a.png"}, field{"prompt", "p", ""}
	const transcriptions = "/v1/audio/transcriptions"
	for _, tt := range []struct {
		path  string
		list  []field
		param string
	}{
		{transcriptions, []field{file}, "model"},
		{transcriptions, []field{model}, "file"},
		{transcriptions, []field{file, model, model}, "model"},
		{transcriptions, []field{file, file, model}, "file"},
		{transcriptions, []field{file, model, {"from_the_future", "x", ""}}, "from_the_future"},
		{transcriptions, []field{file, {"model", "whisper-1", "model.txt"}}, "model"},
		{transcriptions, []field{{"file", "x", ""}, model}, "file"},
		{transcriptions, []field{{"file", "", "a.wav"}, model}, "file"},
		{transcriptions, []field{file, model, {"response_format", "yaml", ""}}, "response_format"},
		{transcriptions, []field{file, {"model", "gpt-4o-transcribe", ""}, {"response_format", "srt", ""}}, "response_format"},
		{transcriptions, []field{file, model, {"temperature", "hot", ""}}, "temperature"},
		{transcriptions, []field{file, model, {"stream", "yes", ""}}, "stream"},
		{transcriptions, []field{file, model, {"timestamp_granularities[]", "letter", ""}}, "timestamp_granularities"},
		{"/v1/audio/translations", []field{file, model, {"language", "en", ""}}, "language"},
		{"/v1/images/edits", []field{prompt}, "image"},
		{"/v1/images/edits", []field{image}, "prompt"},
		{"/v1/images/edits", []field{image, prompt, {"n", "11", ""}}, "n"},
		{"/v1/images/edits", []field{image, prompt, {"n", "two", ""}}, "n"},
		{"/v1/images/edits", []field{image, prompt, {"model", "dall-e-2", ""}, {"stream", "true", ""}}, "stream"},
		{"/v1/images/edits", []field{image, prompt, {"n", "2", ""}, {"stream", "true", ""}}, "n"},
		{"/v1/images/variations", []field{image, {"prompt", "p", ""}}, "prompt"},
	} {
		body, _ := postForm(t, server.URL, server.Client(), tt.path, tt.list, http.StatusBadRequest)
		checkFault(t, tt.path, body)
		if got := str(decode(t, body), "error", "param"); got != tt.param {
			t.Errorf("POST %s %v blames %q, want %q: %s", tt.path, tt.list, got, tt.param, body)
		}
	}
	body, contentType := formBody(t, []field{file, model})
	for name, tt := range map[string]struct {
		body, contentType string
		want              int
	}{
		"nothing behind the last boundary": {body, contentType, 200},
		"something behind it":              {body + "--more", contentType, 400},
		"something before the first":       {"x" + body, contentType, 400},
		"cut off":                          {body[:len(body)-20], contentType, 400},
		"another boundary":                 {body, "multipart/form-data; boundary=other", 400},
		"no boundary":                      {body, "multipart/form-data", 415},
		"JSON":                             {"{}", "application/json", 415},
		"an encoded part":                  {strings.Replace(body, "Content-Type: audio/wav", "Content-Transfer-Encoding: base64", 1), contentType, 400},
		"no name":                          {strings.Replace(body, `name="model"`, `title="model"`, 1), contentType, 400},
		"too many":                         {strings.Repeat(strings.TrimSuffix(body, "--\r\n")+"\r\n", 33) + body, contentType, 400},
	} {
		r := request(t, server, http.MethodPost, transcriptions, tt.body)
		r.Header.Set("Content-Type", tt.contentType)
		if resp, got, err := do(t, server, r); err != nil || resp.StatusCode != tt.want {
			t.Errorf("%s: %d, %v, want %d: %s", name, resp.StatusCode, err, tt.want, got)
		}
	}
}

func TestModerations(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	v := decode(t, post(t, server, "/v1/moderations", `{"input":["peace","some violence"]}`, http.StatusOK))
	if at(v, "results", 0, "flagged") != false || at(v, "results", 1, "categories", "violence") != true || str(v, "model") != "omni-moderation-latest" {
		t.Errorf("moderations = %v", v)
	}
	v = decode(t, post(t, server, "/v1/moderations", `{"model":"m","input":[{"type":"text","text":"hate"},{"type":"image_url","image_url":{"url":"data:,"}}]}`, http.StatusOK))
	if results, _ := v["results"].([]any); len(results) != 1 || at(results, 0, "flagged") != true {
		t.Errorf("parts = %v", v)
	}
	if r := last(t, sim); r.Operation != "moderations" || r.Model != "m" || r.Usage != nil {
		t.Errorf("served %+v", r)
	}
}

func TestOnlyEightOperationsAreBelowADeployment(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for path, want := range map[string]int{
		"completions": 400, "chat/completions": 400, "embeddings": 400, "audio/speech": 400, "images/generations": 400, "images/edits": 400,
		"audio/transcriptions": 415, "audio/translations": 415,
		"images/variations": 404, "moderations": 404, "responses": 404, "models": 404, "files": 404, "realtime": 404,
	} {
		path = "/openai/deployments/d/" + path + "?api-version=2024-10-21"
		if resp, body, err := do(t, server, request(t, server, http.MethodPost, path, "{}")); err != nil || resp.StatusCode != want {
			t.Errorf("POST %s = %d, %v, want %d: %s", path, resp.StatusCode, err, want, body)
		}
	}
}
