package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

// A field is one part of a form.
type field struct{ name, filename, media, content string }

func val(name, content string) field { return field{name: name, content: content} }

// sound is a file of n bytes that no boundary is in.
func sound(n int) field {
	return field{"file", "talk é.wav", "audio/wav", strings.Repeat("RIFF\x00\xff\r\n--", n/10+1)[:n]}
}

func picture(name string) field { return field{name, "p.png", "image/png", "\x89PNG\r\n\x1a\n"} }

// formed returns a form and its Content-Type.
func formed(t testing.TB, fields ...field) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		disposition := `form-data; name="` + f.name + `"`
		if f.filename != "" {
			disposition += `; filename="` + f.filename + `"`
		}
		h := textproto.MIMEHeader{"Content-Disposition": {disposition}}
		if f.media != "" {
			h.Set("Content-Type", f.media)
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, f.content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// upload sends a body with headers of its own and returns what came back.
func upload(t testing.TB, g *gatetest.Gate, path string, body io.Reader, header ...string) heard {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a hung test says so
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Errorf("POST %s: %v", path, err)
		return heard{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return heard{status: resp.StatusCode, header: resp.Header, body: string(b), broken: err}
}

// wantNoUploads checks that nothing is left of any upload.
func wantNoUploads(t *testing.T, g *gatetest.Gate) {
	t.Helper()
	gatetest.Until(t, func() bool { return g.App.Spool().Files() == 0 && g.App.Spool().Used() == 0 })
}

// A formCase is one call of an operation with a form.
type formCase struct {
	op     llm.Operation
	path   string
	fields []field // beside the model
	stream bool
	media  string // of the answer
	want   string // in it
	usage  llm.Usage
	kinds  string // of upstreams that have it
}

func formCases() []formCase {
	const all, openai, some = "sim openai azure classic compatible ollama", "sim openai compatible", "sim openai azure classic compatible"
	speech := sound(64_000) // two seconds
	byTokens := llm.Usage{Input: 20, Provenance: llm.UsageReported}
	return []formCase{
		{llm.OpTranscription, "/audio/transcriptions", []field{speech}, false, "application/json", `"text": "echo: file=talk é.wav type=audio/wav bytes=64000`, byTokens, all},
		{llm.OpTranscription, "/audio/transcriptions", []field{val("stream", "true"), speech}, true, "text/event-stream; charset=utf-8", `"type":"transcript.text.done"`, byTokens, all},
		{llm.OpTranscription, "/audio/transcriptions", []field{speech, val("response_format", "verbose_json"), val("timestamp_granularities[]", "word"), val("timestamp_granularities[]", "segment")}, false, "application/json", `"words"`, llm.Usage{Audio: 2 * time.Second, Provenance: llm.UsageReported}, all},
		{llm.OpTranscription, "/audio/transcriptions", []field{speech, val("response_format", "text")}, false, "text/plain; charset=utf-8", "echo: file=talk", llm.Usage{}, all},
		{llm.OpTranscription, "/audio/transcriptions", []field{speech, val("response_format", "srt")}, false, "text/plain; charset=utf-8", "00:00:00,000 --> ", llm.Usage{}, all},
		{llm.OpTranscription, "/audio/transcriptions", []field{speech, val("response_format", "vtt")}, false, "text/plain; charset=utf-8", "WEBVTT\n\n", llm.Usage{}, all},
		{llm.OpTranslation, "/audio/translations", []field{speech, val("prompt", "é")}, false, "application/json", `"text": "echo: file=talk`, llm.Usage{}, some},
		{llm.OpTranslation, "/audio/translations", []field{speech, val("response_format", "verbose_json")}, false, "application/json", `"task": "translate"`, llm.Usage{Audio: 2 * time.Second, Provenance: llm.UsageReported}, some},
		{llm.OpImageEdit, "/images/edits", []field{picture("image"), val("prompt", "a weir"), picture("mask")}, false, "application/json", `"b64_json"`, llm.Usage{Input: 66, Output: 256, Images: 1, Provenance: llm.UsageReported}, some},
		{llm.OpImageEdit, "/images/edits", []field{picture("image[]"), picture("image[]"), val("prompt", "a weir"), val("stream", "true"), val("partial_images", "1")}, true, "text/event-stream; charset=utf-8", "event: image_edit.completed\n", llm.Usage{Input: 130, Output: 256, Images: 1, Provenance: llm.UsageReported}, some},
		{llm.OpImageVariation, "/images/variations", []field{picture("image"), val("n", "2")}, false, "application/json", `"b64_json"`, llm.Usage{Input: 64, Output: 512, Images: 2, Provenance: llm.UsageReported}, openai},
	}
}

// TestForms runs every operation that takes a form against every kind of
// upstream, with the model in each place.
func TestForms(t *testing.T) {
	g := gatetest.Start(t, kinds)
	n := 0
	for _, kind := range []string{"sim", "openai", "azure", "classic", "compatible", "ollama"} {
		for i, c := range formCases() {
			at := i % (len(c.fields) + 1)
			fields := slices.Insert(slices.Clone(c.fields), at, val("model", kind))
			body, contentType := formed(t, fields...)
			before := len(g.Sim.Served().Requests)
			r := upload(t, g, "/v1"+c.path, strings.NewReader(body), "Content-Type", contentType)
			n++
			e := last(t, g, n)
			if !strings.Contains(c.kinds, kind) {
				wantFailure(t, r.status, r.header, r.body, llm.CodeUnsupportedOperation)
				continue
			}
			if media := r.header.Get("Content-Type"); r.status != http.StatusOK || r.broken != nil || media != c.media || !strings.Contains(r.body, c.want) {
				t.Errorf("%s of %s: %d %s %.500s, %v, want %s with %s", c.op, kind, r.status, media, r.body, r.broken, c.media, c.want)
				continue
			}
			if c.op == llm.OpTranscription && e.Usage.Input > 0 { // how long the echo is, is not the point
				e.Usage.Output = 0
			}
			if e.Operation != c.op || e.Stream != c.stream || e.Code != "" || e.Usage != c.usage || e.Model != kind || e.Target != "m" || e.BytesIn != int64(len(body)) {
				t.Errorf("%s of %s: entry = %+v, want %s, stream %v, usage %+v, %d bytes in", c.op, kind, e, c.op, c.stream, c.usage, len(body))
			}
			wantSent(t, g.Sim.Served().Requests[before], below(kind, c.path), contentType, fields, at)
		}
	}
	wantNoUploads(t, g)
}

// wantSent checks what of a form has reached the upstream: all of it, in order,
// with the model's name there.
func wantSent(t *testing.T, r simulator.Record, path, contentType string, fields []field, model int) {
	t.Helper()
	fields = slices.Clone(fields)
	fields[model].content = "m"
	var want []simulator.Part
	for _, f := range fields {
		sum := sha256.Sum256([]byte(f.content))
		p := simulator.Part{Name: f.name, Filename: f.filename, Type: f.media, Size: len(f.content), SHA256: hex.EncodeToString(sum[:])}
		if f.filename == "" {
			p.Text = f.content
		}
		want = append(want, p)
	}
	if r.Path != path || r.Model != "m" || !slices.Equal(r.Parts, want) {
		t.Errorf("sent to %s as %s: %+v\nwant %s, %+v", r.Path, r.Model, r.Parts, path, want)
	}
	if got := r.Headers.Get("Content-Type"); got == contentType || !strings.HasPrefix(got, "multipart/form-data; boundary=weir-") {
		t.Errorf("sent as %s, want a boundary of Weir's own", got)
	}
	if got := r.Headers.Get("Content-Length"); got != "" && got != strconv.Itoa(r.BodySize) {
		t.Errorf("sent with Content-Length %s, and it has %d bytes", got, r.BodySize)
	}
}

// TestFormsInAzureForms: the deployment in the path is the model, whatever the
// form says, and the form is made to agree.
func TestFormsInAzureForms(t *testing.T) {
	g := gatetest.Start(t, kinds)
	for _, tt := range []struct {
		path   string
		fields []field
	}{
		{"/openai/deployments/sim/audio/transcriptions?api-version=2024-10-21", []field{sound(10)}},
		{"/openai/deployments/classic/audio/translations?api-version=2024-10-21", []field{sound(10), val("model", "nobody")}},
		{"/deployments/azure/images/edits", []field{val("prompt", "x"), picture("image")}},
		{"/openai/v1/audio/transcriptions", []field{val("model", "sim"), sound(10)}},
	} {
		body, contentType := formed(t, tt.fields...)
		if r := upload(t, g, tt.path, strings.NewReader(body), "Content-Type", contentType); r.status != http.StatusOK {
			t.Errorf("POST %s = %d %s, want 200", tt.path, r.status, r.body)
		}
	}
	for _, r := range g.Sim.Served().Requests {
		models := 0
		for _, p := range r.Parts {
			if p.Name == "model" && p.Text == "m" {
				models++
			}
		}
		if r.Model != "m" || models != 1 {
			t.Errorf("sent to %s as %s: %+v", r.Path, r.Model, r.Parts)
		}
	}
}

// TestFormDefaultModel: where the form names no model, the API's default is
// authorised, and said.
func TestFormDefaultModel(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: dall-e-2, targets: [{ upstream: sim, model: m }] }]
`)
	body, contentType := formed(t, picture("image"))
	if r := upload(t, g, "/v1/images/variations", strings.NewReader(body), "Content-Type", contentType); r.status != http.StatusOK {
		t.Errorf("%d %s, want 200", r.status, r.body)
	}
	if r := g.Sim.Served().Requests[0]; r.Model != "m" || r.Parts[0].Name != "model" || r.Parts[0].Text != "m" {
		t.Errorf("sent as %s: %+v", r.Model, r.Parts)
	}
	body, contentType = formed(t, picture("image"), val("prompt", "x"))
	r := upload(t, g, "/v1/images/edits", strings.NewReader(body), "Content-Type", contentType)
	wantFailure(t, r.status, r.header, r.body, llm.CodeMissingParameter)
	body, contentType = formed(t, sound(10))
	r = upload(t, g, "/v1/audio/transcriptions", strings.NewReader(body), "Content-Type", contentType)
	wantFailure(t, r.status, r.header, r.body, llm.CodeMissingParameter)
	if e := last(t, g, 3); e.Model != "" || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("entry = %+v, want one without a model that used nothing", e)
	}
	wantNoUploads(t, g)
}

// TestFormEncodings: a form may be compressed like anything else.
func TestFormEncodings(t *testing.T) {
	g := gatetest.Start(t, simple)
	body, contentType := formed(t, val("model", "m"), sound(100_000))
	for _, tt := range []struct{ encoding, body string }{
		{"gzip", gzipped(t, body)},
		{"zstd", zstandard(t, body, zstd.WithWindowSize(1<<20))},
	} {
		r := upload(t, g, "/v1/audio/transcriptions", strings.NewReader(tt.body), "Content-Type", contentType, "Content-Encoding", tt.encoding)
		if r.status != http.StatusOK || !strings.Contains(r.body, "bytes=100000") {
			t.Errorf("%s: %d %s, want 200", tt.encoding, r.status, r.body)
		}
	}
	r := upload(t, g, "/v1/audio/transcriptions", strings.NewReader(gzipped(t, body)[:50]), "Content-Type", contentType, "Content-Encoding", "gzip")
	wantFailure(t, r.status, r.header, r.body, llm.CodeInvalidEncoding)
	wantNoUploads(t, g)
}

// TestUploadsInParallel: what is large is on disk, not in memory.
func TestUploadsInParallel(t *testing.T) {
	g := gatetest.Start(t, simple+"listen: { body_limit: 8MiB, body_memory: 16MiB }\n")
	const size = 6 << 20
	body, contentType := formed(t, val("model", "m"), field{"file", "a.wav", "audio/wav", strings.Repeat("0123456789abcdef", size/16)})
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			r := upload(t, g, "/v1/audio/transcriptions", strings.NewReader(body), "Content-Type", contentType)
			if r.status != http.StatusOK || !strings.Contains(r.body, fmt.Sprintf("bytes=%d", size)) {
				t.Errorf("%d %.300s, want 200", r.status, r.body)
			}
		})
	}
	wg.Wait()
	g.Entries(t, 5)
	wantNoUploads(t, g)
}
