package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// roomy is a gateway whose limits for forms a test can reach.
const roomy = `
listen: { body_limit: 300KiB, body_memory: 600KiB, body_disk: 400KiB, timeouts: { body: 200ms } }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
keys:
  - { name: alice, secret: ` + aliceKey + ` }
`

const transcriptions = "/v1/audio/transcriptions"

// TestHostileForms: each is refused with what is wrong, leaves one entry that
// used nothing and no file, and reaches no upstream.
func TestHostileForms(t *testing.T) {
	g := gatetest.Start(t, roomy)
	const form = "multipart/form-data; boundary=B"
	part := func(name, content string) string {
		return "--B\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" + content + "\r\n"
	}
	file := "--B\r\nContent-Disposition: form-data; name=file; filename=a.wav\r\n\r\n" + strings.Repeat("x", 100_000) + "\r\n"
	const end = "--B--\r\n"
	for i, tt := range []struct {
		name, path, contentType, body string
		code                          llm.Code
		says, param                   string
	}{
		{"two models", transcriptions, form, part("model", "m") + file + part("model", "other") + end, llm.CodeInvalidMultipart, "`model` is there twice", "model"},
		{"the same model twice", transcriptions, form, part("model", "m") + part("model", "m") + file + end, llm.CodeInvalidMultipart, "`model` is there twice", "model"},
		{"a model in another case", transcriptions, form, part("model", "m") + part("MODEL", "other") + file + end, llm.CodeInvalidMultipart, "could be taken for `model`", "MODEL"},
		{"a model that is a file", transcriptions, form, "--B\r\nContent-Disposition: form-data; name=model; filename=m\r\n\r\nm\r\n" + file + end, llm.CodeInvalidMultipart, "must be a value, not a file", "model"},
		{"a second name", transcriptions, form, file + "--B\r\nContent-Disposition: form-data; name=x; name*=utf-8''model\r\n\r\nm\r\n" + end, llm.CodeInvalidMultipart, "name*", ""},
		{"an empty model", transcriptions, form, part("model", "") + file + end, llm.CodeInvalidValue, "empty", "model"},
		{"a model of control characters", transcriptions, form, part("model", "m\n") + file + end, llm.CodeInvalidValue, "control", "model"},
		{"a model that nobody has", transcriptions, form, part("model", "other") + file + end, llm.CodeModelNotFound, "other", "model"},
		{"no model", transcriptions, form, file + end, llm.CodeMissingParameter, "model", "model"},
		{"a stream that is neither", transcriptions, form, part("model", "m") + part("stream", "maybe") + file + end, llm.CodeInvalidValue, "true or false", "stream"},
		{"cut", transcriptions, form, part("model", "m") + file, llm.CodeInvalidMultipart, "ends before its closing boundary", "file"},
		{"cut in the file", transcriptions, form, (part("model", "m") + file)[:50_000], llm.CodeInvalidMultipart, "ends before its closing boundary", "file"},
		{"another boundary", transcriptions, "multipart/form-data; boundary=C", part("model", "m") + file + end, llm.CodeInvalidMultipart, "does not begin with the boundary", ""},
		{"no boundary", transcriptions, "multipart/form-data", part("model", "m") + file + end, llm.CodeInvalidMultipart, "names no boundary", ""},
		{"two boundaries", transcriptions, form + "; boundary=C", part("model", "m") + file + end, llm.CodeInvalidMultipart, "twice", ""},
		{"a second form behind the first", transcriptions, form, part("model", "m") + file + end + part("model", "other") + end, llm.CodeInvalidMultipart, "behind the closing boundary", ""},
		{"too many parts", transcriptions, form, part("model", "m") + strings.Repeat(part("x", ""), 64) + file + end, llm.CodeInvalidMultipart, "more than 64 parts", ""},
		{"a huge head", transcriptions, form, part("model", "m") + "--B\r\nX: " + strings.Repeat("x", 100_000), llm.CodeInvalidMultipart, "head is longer than 8192", ""},
		{"a form within", transcriptions, form, part("model", "m") + "--B\r\nContent-Disposition: form-data; name=file\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n--C--\r\n" + end, llm.CodeInvalidMultipart, "form of its own", ""},
		{"nothing", transcriptions, form, "", llm.CodeInvalidMultipart, "empty", ""},
		{"larger than the limit", transcriptions, form, part("model", "m") + strings.Repeat(file, 4) + end, llm.CodeBodyTooLarge, "307200", ""},
		{"JSON instead of a form", transcriptions, "application/json", `{"model":"m"}`, llm.CodeUnsupportedMediaType, "multipart/form-data", ""},
		{"a form of another kind", transcriptions, "application/x-www-form-urlencoded", "model=m", llm.CodeUnsupportedMediaType, "multipart/form-data", ""},
		{"no type", "/v1/images/variations", "", "x", llm.CodeUnsupportedMediaType, "multipart/form-data", ""},
		{"mixed", transcriptions, "multipart/mixed; boundary=B", part("model", "m") + file + end, llm.CodeUnsupportedMediaType, "multipart/form-data", ""},
		{"a form instead of JSON", "/v1/images/generations", form, part("model", "m") + part("prompt", "x") + end, llm.CodeUnsupportedMediaType, "application/json", ""},
		{"a form for a chat", "/v1/chat/completions", form, part("model", "m") + end, llm.CodeUnsupportedMediaType, "application/json", ""},
		{"a file of somebody's", "/v1/images/edits", "application/json", `{"model":"m","prompt":"x","images":[{"image_url":"x"},{"file_id":"file-1"}]}`, llm.CodeForeignReference, "file-1", "images[1].file_id"},
		{"a file of somebody's, in a form", "/v1/images/edits", form, part("model", "m") + part(`"images[][File_Id]"`, "file-1") + end, llm.CodeInvalidValue, "in JSON alone", "images[][File_Id]"},
		{"an edit that is mixed", "/v1/images/edits", "multipart/mixed; boundary=B", part("model", "m") + end, llm.CodeUnsupportedMediaType, "or a form with files as multipart/form-data", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for j, chunked := range []bool{false, true} {
				body := io.Reader(strings.NewReader(tt.body))
				if chunked {
					body = io.MultiReader(body) // hides its length
				}
				r := upload(t, g, tt.path, body, "Content-Type", tt.contentType, "x-api-key", aliceKey)
				f := wantFailure(t, r.status, r.header, r.body, tt.code)
				param := ""
				if f.Error.Param != nil {
					param = *f.Error.Param
				}
				if !strings.Contains(f.Error.Message, tt.says) || param != tt.param {
					t.Errorf("message %q about %q, want %q about %q", f.Error.Message, param, tt.says, tt.param)
				}
				if e := last(t, g, 2*i+j+1); e.Code != tt.code || e.Usage.Provenance != llm.UsageNone {
					t.Errorf("entry = %+v, want %s that used nothing", e, tt.code)
				}
			}
		})
	}
	wantNoUploads(t, g)
	if n := g.Sim.Served().Total; n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
}

// TestTwoContentTypes of which each names another boundary.
func TestTwoContentTypes(t *testing.T) {
	g := gatetest.Start(t, roomy)
	body, contentType := formed(t, val("model", "m"), sound(10))
	r := upload(t, g, transcriptions, strings.NewReader(body), "Content-Type", contentType, "Content-Type", "multipart/form-data; boundary=C", "x-api-key", aliceKey)
	f := wantFailure(t, r.status, r.header, r.body, llm.CodeInvalidMultipart)
	if !strings.Contains(f.Error.Message, "two headers Content-Type") {
		t.Errorf("message = %q", f.Error.Message)
	}
}

// beginUpload sends all of an upload but its last bytes, and waits until that is
// on disk.
func beginUpload(t *testing.T, g *gatetest.Gate, size int, header ...string) (w *wire, rest string) {
	t.Helper()
	body, contentType := formed(t, val("model", "m"), sound(size))
	w = connect(t, g)
	head := "POST " + transcriptions + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + contentType + "\r\nx-api-key: " + aliceKey + "\r\n"
	w.send(head + strings.Join(append(header, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body[:len(body)-1000])
	gatetest.Until(t, func() bool { return g.App.Spool().Used() >= int64(size)-2000 })
	return w, body[len(body)-1000:]
}

// openUploads returns the modes of the files of uploads that this process has
// open, and checks that none has a name.
func openUploads(t *testing.T) (modes []os.FileMode) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		name, err := os.Readlink(fd)
		if err != nil || !strings.Contains(name, "/spool/upload-") {
			continue
		}
		if !strings.HasSuffix(name, " (deleted)") {
			t.Errorf("%s has a name", name)
		}
		if info, err := os.Stat(fd); err == nil {
			modes = append(modes, info.Mode())
		}
	}
	return modes
}

// TestClientLeavesWhileUploading leaves an entry and no file. While it is
// there nobody else can open the file.
func TestClientLeavesWhileUploading(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(roomy, "body: 200ms", "body: 30s", 1))
	w, _ := beginUpload(t, g, 100_000)
	modes := openUploads(t)
	if _, err := os.Stat("/proc/self/fd"); err == nil && (len(modes) != 1 || modes[0] != 0o600) {
		t.Errorf("files of uploads with modes %v, want one with 0600", modes)
	}
	w.Close()
	if e := last(t, g, 1); e.Code != llm.CodeClientClosed || e.Status != 499 || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("entry = %+v, want a client that has left and used nothing", e)
	}
	wantNoUploads(t, g)
	if modes := openUploads(t); len(modes) > 0 {
		t.Errorf("%d files are still open", len(modes))
	}
}

// TestSlowUpload: a client that stops sending is told so.
func TestSlowUpload(t *testing.T) {
	g := gatetest.Start(t, roomy)
	w, _ := beginUpload(t, g, 100_000)
	if answer := w.end(); !strings.Contains(answer, " 408 ") || !strings.Contains(answer, string(llm.CodeRequestTimeout)) {
		t.Errorf("got %q, want 408", answer)
	}
	if e := last(t, g, 1); e.Code != llm.CodeRequestTimeout {
		t.Errorf("entry = %+v, want %s", e, llm.CodeRequestTimeout)
	}
	wantNoUploads(t, g)
}

// TestUploadBudget is promise 7 for the disk: uploads that are held back keep
// others out with a 503, and let them in when they go.
func TestUploadBudget(t *testing.T) {
	g := gatetest.Start(t, strings.Replace(roomy, "body: 200ms", "body: 30s", 1))
	body, contentType := formed(t, val("model", "m"), sound(200_000))
	send := func() heard {
		return upload(t, g, transcriptions, strings.NewReader(body), "Content-Type", contentType, "x-api-key", aliceKey)
	}
	w, rest := beginUpload(t, g, 290_000)
	r := send()
	f := wantFailure(t, r.status, r.header, r.body, llm.CodeOverloaded)
	if !strings.Contains(f.Error.Message, "uploads are on disk") || r.header.Get("Retry-After") != "1" {
		t.Errorf("message %q, Retry-After %q", f.Error.Message, r.header.Get("Retry-After"))
	}
	w.send(rest)
	if status, _, body := w.answer(); status != http.StatusOK {
		t.Errorf("who was first got %d %s", status, body)
	}
	if r := send(); r.status != http.StatusOK {
		t.Errorf("%d %s, want 200 once there is room", r.status, r.body)
	}
	wantNoUploads(t, g)
}

// TestFormMemory: values are part of the budget of bodies.
func TestFormMemory(t *testing.T) {
	g := gatetest.Start(t, roomy)
	fields := []field{val("model", "m"), sound(10)}
	for range 5 {
		fields = append(fields, val("prompt", strings.Repeat("x", 50_000)))
	}
	body, contentType := formed(t, fields...)
	for range 5 { // the upstream refuses a prompt that is there twice; nothing is left of it
		r := upload(t, g, transcriptions, strings.NewReader(body), "Content-Type", contentType, "x-api-key", aliceKey)
		if r.status != http.StatusBadRequest || !strings.Contains(r.body, "duplicate_parameter") {
			t.Errorf("%d %s, want the upstream's 400", r.status, r.body)
		}
	}
	wantNoUploads(t, g)
}

// TestUpstreamAnswersEarly: an upstream that has seen enough is heard, and
// nothing of the upload is left.
func TestUpstreamAnswersEarly(t *testing.T) {
	g := gatetest.Start(t, simple)
	body, contentType := formed(t, val("model", "m"), sound(20<<20))
	for i, tt := range []struct {
		status int
		code   llm.Code
	}{{413, llm.CodeUpstreamRejected}, {429, llm.CodeUpstreamLimited}, {500, llm.CodeUpstreamFailed}, {200, ""}} {
		header := []string{"Content-Type", contentType, "X-Sim-Early-Answer", "1"}
		if tt.code != "" {
			header = append(header, "X-Sim-Status", strconv.Itoa(tt.status))
		}
		r := upload(t, g, transcriptions, strings.NewReader(body), header...)
		if e := last(t, g, i+1); e.Code != tt.code || r.status != tt.status {
			t.Errorf("%d %s with code %s, want %d with %s", r.status, r.body, e.Code, tt.status, tt.code)
		}
	}
	wantNoUploads(t, g)
}

// TestFormsOfForeignPages: a page of another site can send a form without
// asking first. A listener without keys takes it for what it is.
func TestFormsOfForeignPages(t *testing.T) {
	g := gatetest.Start(t, simple)
	body, contentType := formed(t, val("model", "m"), sound(10))
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code
	}{
		{"a page of another site", []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}, llm.CodeForeignOrigin},
		{"its origin alone", []string{"Origin", "https://evil.example.com"}, llm.CodeForeignOrigin},
		{"a form in a frame", []string{"Origin", "null"}, llm.CodeForeignOrigin},
		{"what browsers say of it alone", []string{"Sec-Fetch-Site", "cross-site"}, llm.CodeForeignOrigin},
		{"a page of another port", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site"}, llm.CodeForeignOrigin},
		{"its own page", []string{"Origin", g.URL, "Sec-Fetch-Site", "same-origin"}, ""},
		{"a program", nil, ""},
	} {
		r := upload(t, g, transcriptions, strings.NewReader(body), append(tt.header, "Content-Type", contentType)...)
		if tt.code != "" {
			wantFailure(t, r.status, r.header, r.body, tt.code)
		} else if r.status != http.StatusOK {
			t.Errorf("%s: %d %s, want 200", tt.name, r.status, r.body)
		}
	}
	if n := g.Sim.Served().Total; n != 2 {
		t.Errorf("%d requests reached the upstream, want 2", n)
	}
}
