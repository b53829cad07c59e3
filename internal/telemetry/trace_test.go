package telemetry_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/telemetry"
)

const (
	ownSecret   = "weir-key-0123456789"
	theirSecret = "azure-key-0123456789"
)

// TestTraceOfADoor is what somebody sees who runs Weir as a proxy for a first
// look.
func TestTraceOfADoor(t *testing.T) {
	trace := &gatetest.Buffer{}
	g := gatetest.StartWith(t, gatetest.Options{Trace: trace}, `
upstreams: [{ name: azure, kind: azure, endpoint: "${SIM}", auth: passthrough }]
transparent: { upstream: azure }
keys: [{ name: me, secret: `+ownSecret+` }]
`)
	const path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-07-01-preview&subscription-key=" + theirSecret
	resp := g.Post(t, path, `{"stream":true,"messages":[{"role":"user","content":"hello `+theirSecret+` \u001b[2J"}]}`, "api-key", theirSecret, "x-weir-key", ownSecret)
	gatetest.Body(t, resp)
	got := trace.String()
	at := 0
	for _, want := range []string{
		"[1] Received request: POST /openai/deployments/gpt-4o/chat/completions?api-version=2024-07-01-preview&subscription-key=[redacted]\n",
		"[1]   Host: 127.0.0.1:",
		"[1]   Api-Key: [redacted]\n",
		"[1]   Content-Type: application/json\n",
		"[1]   X-Weir-Key: [redacted]\n",
		"[1] Proxying to: POST " + strings.TrimPrefix(g.Sim.URL, "http://") + "/openai/deployments/gpt-4o/chat/completions?api-version=2024-07-01-preview",
		`[1] Request chunk: {"stream":true,"messages":[{"role":"user","content":"hello [redacted] \u001b[2J"}]}` + "\n",
		"[1] Response: 200 OK\n",
		"[1]   Content-Type: text/event-stream",
		"[1] Response chunk: data: {",
		`data: [DONE]\n\n` + "\n",
		"[1] Response ended.\n",
	} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("%q is not in the trace, or not in its place:\n%s", want, got)
		}
		at += i
	}
	if strings.Contains(got, "0123456789") {
		t.Errorf("the trace shows a credential:\n%s", got)
	}
}

// TestTraceOfModels: calls of models are shown too, with the upstream that
// they go to, and the configuration's secrets are not.
func TestTraceOfModels(t *testing.T) {
	trace := &gatetest.Buffer{}
	g := gatetest.StartWith(t, gatetest.Options{Trace: trace}, `
upstreams: [{ name: up, kind: compatible, endpoint: "${SIM}", auth: { bearer: `+theirSecret+` } }]
models: [{ name: m, targets: [{ upstream: up }] }]
`)
	resp := g.Post(t, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"say `+theirSecret+`"}]}`)
	gatetest.Body(t, resp)
	got := trace.String()
	for _, want := range []string{"Received request: POST /v1/chat/completions", "Proxying to: POST 127.0.0.1:", "Response: 200 OK", "echo: say [redacted]", "Response ended."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the trace:\n%s", want, got)
		}
	}
	if strings.Contains(got, theirSecret) {
		t.Errorf("the trace shows the upstream's credential:\n%s", got)
	}
}

// traced serves one request with a handler and returns what was shown.
func traced(t *testing.T, r *http.Request, h http.HandlerFunc) string {
	t.Helper()
	var b bytes.Buffer
	func() {
		defer func() { _ = recover() }()
		telemetry.NewTrace(&b, []string{ownSecret}).Handler(h).ServeHTTP(httptest.NewRecorder(), r)
	}()
	return b.String()
}

// asked is a request with credentials in several places.
func asked() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/a?q=1&code=abc&%74oken=def", strings.NewReader(`{"a":"cookie-value-1"}`))
	r.Header.Set("Cookie", "session=cookie-value-1; b=c")
	return r
}

func TestTraceBounds(t *testing.T) {
	write := func(contentType, encoding string, pieces ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			for _, p := range pieces {
				_, _ = io.WriteString(w, p)
			}
		}
	}
	long := strings.Repeat("é", 3000)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   []string
		not    string
	}{
		{"control characters", write("text/plain", "", "a\x1b]0;x\x07\nb\xff"), []string{`Response chunk: a\x1b]0;x\a\nb\xff` + "\n"}, "\x1b"},
		{"a long answer", write("text/plain", "", long, long), []string{"é … (cut at 4 KiB)\n", "(12000 bytes in all)"}, strings.Repeat("é", 2049)},
		{"a little too long", write("text/plain", "", strings.Repeat("x", 4500)), []string{"x … (cut at 4 KiB)\n", "(4500 bytes in all)"}, strings.Repeat("x", 4097)},
		{"an answer before the last", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg") // of nothing yet
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "abc")
		}, []string{"Response: 103 Early Hints", "Response: 200 OK", "Response chunk: abc\n"}, "of audio"},
		{"a secret in two pieces", write("text/plain", "", "x "+ownSecret[:9], ownSecret[9:]+" y"), []string{"chunk: x \n", "chunk: [redacted] y\n"}, ownSecret[:9]},
		{"a secret that is broken off", write("text/plain", "", "x "+ownSecret[:9]), []string{"chunk: x \n", "chunk: [redacted]\n"}, ownSecret[:9]},
		{"a character in two pieces", write("text/plain", "", "x\xc3", "\xa9y"), []string{"chunk: x\n", "chunk: éy\n"}, `\xc3`},
		{"what looks like a key", write("application/json", "", `{"key":"sk-proj-abcdefghijkl","t":"Bearer abcdefghij"}`), []string{`"[redacted]"`, "Bearer [redacted]"}, "abcdefghi"},
		{"compressed", write("application/json", "gzip", "\x1f\x8b..."), []string{"(5 bytes of gzip)"}, `\x1f`},
		{"sound", write("audio/mpeg", "", "ID3..."), []string{"(6 bytes of audio/mpeg)"}, "ID3"},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"Response broken off."}, "ended"},
		{"headers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "a=secret-cookie")
			w.Header().Set("X-Ratelimit-Remaining-Tokens", "99")
			w.Header().Set("X-Odd", "\x1b[31m"+ownSecret)
			w.WriteHeader(http.StatusTeapot)
		}, []string{"Response: 418 I'm a teapot", "Set-Cookie: [redacted]", "X-Ratelimit-Remaining-Tokens: 99", `X-Odd: \x1b[31m[redacted]`}, "secret-cookie"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := traced(t, asked(), tt.answer)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in the trace:\n%s", want, got)
				}
			}
			if strings.Contains(got, tt.not) || strings.Contains(got, "=abc") || strings.Contains(got, "=def") || strings.Contains(got, "cookie-value-1; b") {
				t.Errorf("%q is in the trace:\n%s", tt.not, got)
			}
		})
	}
}

// TestTraceTellsRequestsApart: those that come at the same time have numbers.
func TestTraceTellsRequestsApart(t *testing.T) {
	var b bytes.Buffer
	h := telemetry.NewTrace(&b, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	}
	for n := 1; n <= 3; n++ {
		if want := fmt.Sprintf("[%d] Received request: GET /\n", n); !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the trace:\n%s", want, &b)
		}
	}
}
