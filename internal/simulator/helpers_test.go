package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; nothing waits so long that passes.
const patience = 20 * time.Second

// serve starts a simulator on a socket.
func serve(t *testing.T, o simulator.Options) (*simulator.Simulator, *httptest.Server) {
	t.Helper()
	sim := simulator.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return sim, server
}

// request makes a request with a JSON body, none if body is empty. Headers are
// "name: value".
func request(t *testing.T, server *httptest.Server, method, path, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, text, _ := strings.Cut(line, ":")
		r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(text))
	}
	return r
}

// do sends r and reads the answer; err is what reading the body ended with.
func do(t *testing.T, server *httptest.Server, r *http.Request) (resp *http.Response, body string, err error) {
	t.Helper()
	client := server.Client()
	client.Timeout = patience
	resp, err = client.Do(r)
	if err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp, string(b), err
}

// post sends a JSON body and returns the body of the answer, which must have
// the wanted status.
func post(t *testing.T, server *httptest.Server, path, body string, want int, headers ...string) string {
	t.Helper()
	if strings.Contains(path, "/messages") {
		headers = append(headers, "anthropic-version: 2023-06-01")
	}
	resp, got, err := do(t, server, request(t, server, http.MethodPost, path, body, headers...))
	if err != nil {
		t.Fatalf("POST %s: %v after %q", path, err, got)
	}
	if resp.StatusCode != want {
		t.Fatalf("POST %s = %d, want %d; body %s", path, resp.StatusCode, want, got)
	}
	return got
}

// decode returns the JSON text as maps and slices.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not a JSON object: %v in %q", err, text)
	}
	return v
}

// at follows path through maps (string) and slices (int); nil where it ends.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

// str is at for a string.
func str(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

// num is at for a whole number.
func num(v any, path ...any) int {
	f, _ := at(v, path...).(float64)
	return int(f)
}

// An event is one of a stream.
type event struct {
	name string // of the event: line, if any
	text string
	data map[string]any // nil for [DONE]
}

// events splits a stream, which must be well formed: every event one data line,
// at most one event line before it, and a blank line after it.
func events(t *testing.T, stream string) []event {
	t.Helper()
	if stream != "" && !strings.HasSuffix(stream, "\n\n") {
		t.Fatalf("stream does not end with a blank line: %q", stream[max(0, len(stream)-80):])
	}
	var list []event
	for block := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		var e event
		name, rest, _ := strings.Cut(block, "\n")
		var ok bool
		if e.name, ok = strings.CutPrefix(name, "event: "); !ok {
			e.name, rest = "", block
		}
		if e.text, ok = strings.CutPrefix(rest, "data: "); !ok || strings.Contains(e.text, "\n") {
			t.Fatalf("not an event: %q", block)
		}
		if e.text != "[DONE]" {
			e.data = decode(t, e.text)
		}
		list = append(list, e)
	}
	return list
}

// compact returns text without white space between tokens.
func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return b.String()
}
