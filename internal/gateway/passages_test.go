package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// passages is a gateway that lets files and what belongs to them through.
const passages = `
upstreams:
  - { name: up, kind: openai, endpoint: "${UP}", auth: { api_key: "` + upstreamSecret + `" }, passthrough_paths: [/v1/files, /v1/files/**, "/v1/batches**", "/v1/fine_tuning/**", /v1/vector_stores, /v1/conversations, "/openai/f*"] }
models: [{ name: m, targets: [{ upstream: up }] }]
keys:
  - { name: red, tenant: red, secret: red-0123456789abcdef }
  - { name: pink, tenant: red, secret: pink-0123456789abcdef, models: [m] }
`

// TestPassages: what passes goes on and comes back as it is, with the
// upstream's own credential.
func TestPassages(t *testing.T) {
	up := newMirror(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="x"`)
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-Request-Id", "theirs")
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "answer\x00\xff")
	})
	g := gatetest.Start(t, passages, "UP", up.URL)
	red := caller{t, g, "red"}
	for i, tt := range []struct{ method, target, body, sent string }{
		{"GET", "/v1/files?purpose=x&limit=2&a=%20b", "", "/v1/files?purpose=x&limit=2&a=%20b"},
		{"POST", "/v1/files", "\x00\xffnot JSON", "/v1/files"},
		{"GET", "/v1/files/file-1/content", "", "/v1/files/file-1/content"},
		{"DELETE", "/v1/files/file-1", "", "/v1/files/file-1"},
		{"PUT", "/v1/batches/b%20c?x=1&x=2", "{}", "/v1/batches/b%20c?x=1&x=2"},
		{"PATCH", "/v1/fine_tuning/jobs/ft-1/pause", "{}", "/v1/fine_tuning/jobs/ft-1/pause"},
		{"POST", "/openai/files?api-version=2024-10-21", "{}", "/openai/files?api-version=2024-10-21"},
	} {
		resp := red.send(tt.method, tt.target, tt.body, "X-Api-Key", "red-0123456789abcdef", "Cookie", "c=d", "Range", "bytes=0-3", "X-Weir-Tags", "t", "OpenAI-Beta", "assistants=v2")
		body := gatetest.Body(t, resp)
		if resp.StatusCode != http.StatusCreated || body != "answer\x00\xff" || resp.Header.Get("Content-Disposition") == "" || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("X-Upstream-Request-Id") != "theirs" {
			t.Errorf("%s %s = %d %q with %v", tt.method, tt.target, resp.StatusCode, body, resp.Header)
		}
		got := up.arrived()
		if got.Method != tt.method || got.URI != tt.sent || got.Body != tt.body {
			t.Errorf("%s %s arrived as %s %s %q, want %s", tt.method, tt.target, got.Method, got.URI, got.Body, tt.sent)
		}
		if h := got.Header; h.Get("Authorization") != "Bearer "+upstreamSecret || h.Get("X-Api-Key") != "" || h.Get("Cookie") != "" || h.Get("X-Weir-Tags") != "" || h.Get("Range") != "bytes=0-3" || h.Get("Openai-Beta") != "assistants=v2" {
			t.Errorf("%s %s arrived with %v", tt.method, tt.target, h)
		}
		want := llm.UsageUnknown
		if tt.method == "GET" || tt.method == "DELETE" {
			want = llm.UsageNone
		}
		e := lastEntry(t, g, i+1)
		if e.Operation != llm.OpPassthrough || e.Model != "" || e.Upstream != "up" || e.Key != "red" || e.Status != 201 || e.Code != "" || e.Usage.Provenance != want || e.BytesIn != int64(len(tt.body)) || e.BytesOut != 8 || len(e.Attempts) != 1 {
			t.Errorf("entry of %s %s = %+v, want usage %s", tt.method, tt.target, e, want)
		}
	}
}

// TestPassagesRefuse: what does not pass, and what upstreams refuse.
func TestPassagesRefuse(t *testing.T) {
	up := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("as") {
		case "401":
			w.WriteHeader(401)
		case "404":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"error":{"message":"No such File object: file-1","type":"invalid_request_error","param":"id","code":null}}`)
		case "page":
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `<html>nothing</html>`)
		case "moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "304":
			w.WriteHeader(http.StatusNotModified)
		}
	})
	g := gatetest.Start(t, "listen: { body_limit: 1KiB }\n"+passages, "UP", up.URL)
	for _, tt := range []struct {
		name, key, method, target, body string
		status                          int
		code                            llm.Code
		arrives                         bool
		entry                           bool
	}{
		{"a key with models", "pink", "GET", "/v1/files", "", 403, llm.CodePassthroughRefused, false, true},
		{"no key", "nobody", "GET", "/v1/files", "", 401, llm.CodeInvalidKey, false, false},
		{"another path", "red", "GET", "/v1/uploads", "", 404, llm.CodeUnknownURL, false, false},
		{"a prefix of a path", "red", "GET", "/v1/filesystem", "", 404, llm.CodeUnknownURL, false, false},
		{"an escaped slash", "red", "GET", "/v1/files/a%2Fb", "", 404, llm.CodeUnknownURL, false, false},
		{"dots", "red", "GET", "/v1/files/../models", "", 404, llm.CodeUnknownURL, false, false},
		{"escaped dots", "red", "GET", "/v1/files/%2E%2E/models", "", 404, llm.CodeUnknownURL, false, false},
		{"a path of Weir's own", "red", "GET", "/v1/responses/resp_1", "", 404, llm.CodeObjectNotFound, false, false},
		{"another method", "red", "TRACE", "/v1/files", "", 405, llm.CodeMethodNotAllowed, false, false},
		{"a body that is too large", "red", "POST", "/v1/files", strings.Repeat("x", 1025), 413, llm.CodeBodyTooLarge, false, true},
		{"a refused credential", "red", "GET", "/v1/files?as=401", "", 502, llm.CodeUpstreamAuth, true, true},
		{"nothing there", "red", "GET", "/v1/files/file-1?as=404", "", 404, "", true, true},
		{"nothing there, in other words", "red", "GET", "/v1/files/file-1?as=page", "", 404, llm.CodeObjectNotFound, true, true},
		{"a redirect", "red", "GET", "/v1/files?as=moved", "", 502, llm.CodeUpstreamInvalid, true, true},
		{"not modified", "red", "GET", "/v1/files?as=304", "", 304, "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := int(g.Ledger.Total())
			resp := caller{t, g, tt.key}.send(tt.method, tt.target, tt.body)
			body := gatetest.Body(t, resp)
			if resp.StatusCode != tt.status || !strings.Contains(body, string(tt.code)) {
				t.Errorf("%s %s = %d %s, want %d %s", tt.method, tt.target, resp.StatusCode, body, tt.status, tt.code)
			}
			if tt.name == "nothing there" && !strings.Contains(body, "No such File object") {
				t.Errorf("the upstream's words do not pass: %s", body)
			}
			if arrived := up.arrived().Method != ""; arrived != tt.arrives {
				t.Errorf("%s %s reached the upstream: %v, want %v", tt.method, tt.target, arrived, tt.arrives)
			}
			up.forget()
			if tt.entry {
				n++
			}
			gatetest.Until(t, func() bool { return int(g.Ledger.Total()) >= n })
			if got := int(g.Ledger.Total()); got != n {
				t.Errorf("%d entries, want %d", got, n)
			}
		})
	}
	if resp := g.Do(t, "OPTIONS", "/v1/files", ""); resp.StatusCode != 204 || !strings.Contains(resp.Header.Get("Allow"), "PATCH") {
		t.Errorf("OPTIONS = %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

// TestPassagesOfTheirOwn: with the clients' own credentials, their upstream's
// refusals are theirs.
func TestPassagesOfTheirOwn(t *testing.T) {
	up := newMirror(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: passthrough, passthrough_paths: ["/v1/organization/**"] }]
models: [{ name: m, targets: [{ upstream: up }] }]
`, "UP", up.URL)
	resp := g.Do(t, "GET", "/v1/organization/users", "", "Authorization", "Bearer sk-own")
	if got := up.arrived(); resp.StatusCode != 401 || got.Header.Get("Authorization") != "Bearer sk-own" {
		t.Errorf("= %d, and the upstream saw %v", resp.StatusCode, got.Header)
	}
	resp = g.Do(t, "GET", "/v1/organization/users", "")
	wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), llm.CodeMissingKey)
}

// TestPassagesStream: bodies pass in both directions as they come, and what is
// cut is seen to be.
func TestPassagesStream(t *testing.T) {
	seen := make(chan string)
	goOn := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, first)
		seen <- string(first)
		rest, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = w.Write(rest)
		if r.URL.RawQuery == "cut" {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(up.Close)
	g := gatetest.Start(t, passages, "UP", up.URL)
	for i, cut := range []bool{false, true} {
		target := "/v1/files"
		if cut {
			target += "?cut"
		}
		w := connect(t, g)
		w.send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer red-0123456789abcdef\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("begin"))
		if got := <-seen; got != "begin" {
			t.Fatalf("the upstream has read %q while the client sends", got)
		}
		w.send(chunk("end") + "0\r\n\r\n")
		resp, err := http.ReadResponse(w.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != "one\n" {
			t.Fatalf("the client has read %q, %v while the upstream waits", line, err)
		}
		goOn <- struct{}{}
		rest, err := io.ReadAll(resp.Body)
		if string(rest) != "end" || (err != nil) != cut {
			t.Errorf("the rest is %q, %v, want an error: %v", rest, err, cut)
		}
		code := llm.Code("")
		if cut {
			code = llm.CodeUpstreamTruncated
		}
		if e := lastEntry(t, g, i+1); e.Code != code || e.BytesIn != 8 {
			t.Errorf("entry = %+v, want code %q and 8 bytes in", e, code)
		}
		resp.Body.Close()
	}
}

// fileForm returns the body of a form with a file, and its type.
func fileForm(t *testing.T) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("purpose", "user_data"); err != nil {
		t.Fatal(err)
	}
	file, err := w.CreateFormFile("file", "notes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, "some notes"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// TestFiles makes a file, reads it, refers to it and deletes it.
func TestFiles(t *testing.T) {
	const files = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}", passthrough_paths: [/v1/files%s] }
models: [{ name: m, targets: [{ upstream: sim }] }]
keys:
  - { name: red, tenant: red, secret: red-0123456789abcdef }
  - { name: blue, tenant: %s, secret: blue-0123456789abcdef }
`
	body, contentType := fileForm(t)
	refer := func(id string) string { return asking("m", references[6].body, id) }
	t.Run("one tenant", func(t *testing.T) {
		g := gatetest.Start(t, fmt.Sprintf(files, ", /v1/files/**", "red"))
		red := caller{t, g, "red"}
		status, answer := red.ask("POST", "/v1/files", body, "Content-Type", contentType)
		if status != 200 {
			t.Fatalf("POST /v1/files = %d %s", status, answer)
		}
		id := idIn(t, answer)
		if status, answer := red.ask("GET", "/v1/files/"+id+"/content", ""); status != 200 || answer != "some notes" {
			t.Errorf("the content = %d %q", status, answer)
		}
		if status, answer := red.ask("GET", "/v1/files", ""); status != 200 || !strings.Contains(answer, id) {
			t.Errorf("the list = %d %q", status, answer)
		}
		if status, answer := red.ask("POST", "/v1/responses", refer(id)); status != 200 {
			t.Errorf("a reference to the file = %d %s", status, answer)
		}
		if status, answer := red.ask("DELETE", "/v1/files/"+id, ""); status != 200 {
			t.Errorf("DELETE = %d %s", status, answer)
		}
		if status, answer := red.ask("POST", "/v1/responses", refer(id)); status != 400 || !strings.Contains(answer, string(llm.CodeForeignReference)) {
			t.Errorf("a reference to the file that is gone = %d %s", status, answer)
		}
	})
	t.Run("two tenants", func(t *testing.T) {
		g := gatetest.Start(t, fmt.Sprintf(files, "", "blue"))
		red, blue := caller{t, g, "red"}, caller{t, g, "blue"}
		_, answer := red.ask("POST", "/v1/files", body, "Content-Type", contentType)
		id := idIn(t, answer)
		if status, answer := red.ask("POST", "/v1/responses", refer(id)); status != 200 {
			t.Errorf("a reference to the file = %d %s", status, answer)
		}
		if status, answer := blue.ask("POST", "/v1/responses", refer(id)); status != 400 || !strings.Contains(answer, string(llm.CodeForeignReference)) {
			t.Errorf("a reference to another tenant's file = %d %s", status, answer)
		}
		if status, _ := red.ask("GET", "/v1/files/"+id, ""); status != 404 {
			t.Errorf("a path that does not pass = %d", status)
		}
	})
}

// TestPassagesTellUsage: an answer that tells its usage is believed.
func TestPassagesTellUsage(t *testing.T) {
	up := newMirror(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"conv_1","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7},"pad":"`+strings.Repeat("x", 100_000)+`"}`)
	})
	g := gatetest.Start(t, passages, "UP", up.URL)
	red := caller{t, g, "red"}
	if status, _ := red.ask("POST", "/v1/conversations", "{}"); status != 200 {
		t.Fatalf("POST = %d", status)
	}
	if e := lastEntry(t, g, 1); e.Usage.Input != 3 || e.Usage.Output != 4 || e.Usage.Provenance != llm.UsageReported {
		t.Errorf("usage = %+v, want 3 and 4, reported", e.Usage)
	}
	if status, body := red.ask("POST", "/v1/responses", asking("m", references[1].body, "conv_1")); status != 200 {
		t.Errorf("a reference to the conversation = %d %.300s", status, body)
	}
}
