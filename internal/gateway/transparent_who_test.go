package gateway_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
)

const bobKey = "bob-0123456789ab"

// TestTransparentKeys: where keys are demanded Weir's comes in x-weir-key and
// goes no further, and who may not use every model may not pass.
func TestTransparentKeys(t *testing.T) {
	m := newMirror(t, func(http.ResponseWriter, *http.Request) {})
	g := gatetest.Start(t, door+`
keys:
  - { name: alice, tenant: research, secret: `+aliceKey+` }
  - { name: bob, secret: `+bobKey+`, models: ["gpt-*"] }
  - { name: carol, secret: carol-0123456789, models: ["gpt-*", "*"] }
  - { name: gone, secret: gone-0123456789ab, disabled: true }
`, "UP", m.URL)
	n := 0
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code // empty: passes
		entry  string   // the key of the entry; empty: there is none
	}{
		{"a key, and a credential of the upstream's", []string{"x-weir-key: " + aliceKey, "api-key: azure-key"}, "", "alice"},
		{"a key and no credential", []string{"x-weir-key: " + aliceKey}, "", "alice"},
		{"two credentials", []string{"x-weir-key: " + aliceKey, "api-key: azure-key", "Authorization: Bearer other"}, "", "alice"},
		{"a key for every model", []string{"x-weir-key: carol-0123456789"}, "", "carol"},
		{"a key for some models", []string{"x-weir-key: " + bobKey, "api-key: azure-key"}, llm.CodeTransparentRefused, "bob"},
		{"a disabled key", []string{"x-weir-key: gone-0123456789ab"}, llm.CodeInvalidKey, ""},
		{"an unknown key", []string{"x-weir-key: other"}, llm.CodeInvalidKey, ""},
		{"two keys", []string{"x-weir-key: " + aliceKey, "x-weir-key: " + bobKey}, llm.CodeAmbiguousCredentials, ""},
		{"no key", []string{"api-key: azure-key"}, llm.CodeMissingKey, ""},
		{"a key in its usual place", []string{"Authorization: Bearer " + aliceKey}, llm.CodeMissingKey, ""},
		{"a key in both", []string{"x-weir-key: " + aliceKey, "Authorization: bearer  " + aliceKey}, llm.CodeMissingKey, ""},
		{"somebody else's key beside it", []string{"x-weir-key: " + aliceKey, "api-key: " + bobKey}, llm.CodeMissingKey, ""},
		{"a key in another header", []string{"x-weir-key: " + aliceKey, "x-api-key: azure", "X-My-Key: " + aliceKey}, llm.CodeMissingKey, ""},
		{"a disabled key beside it", []string{"x-weir-key: " + aliceKey, "x-api-key: gone-0123456789ab"}, llm.CodeMissingKey, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.forget()
			status, header, body := raw(t, g, request("POST", "/a", "{}", tt.header...))
			if tt.entry != "" {
				n++
				if e := lastEntry(t, g, n); e.Key != tt.entry || e.Code != tt.code || (e.Tenant == "research") != (tt.entry == "alice") {
					t.Errorf("entry = %+v, want the key %s and code %q", e, tt.entry, tt.code)
				}
			}
			if tt.code != "" {
				wantFailure(t, status, header, body, tt.code)
				if m.arrived().Method != "" {
					t.Errorf("the upstream was called: %+v", m.arrived())
				}
				return
			}
			if status != 200 {
				t.Fatalf("%d %s, want 200", status, body)
			}
			got := m.arrived().Header
			for _, line := range tt.header {
				name, value, _ := strings.Cut(line, ": ")
				if name != "x-weir-key" && got.Get(name) != value {
					t.Errorf("%s reached the upstream as %q", line, got.Get(name))
				}
			}
			for name, values := range got {
				if strings.Contains(strings.Join(values, ""), "0123456789") {
					t.Errorf("a key of Weir's reached the upstream in %s", name)
				}
			}
		})
	}
	g.Entries(t, n)
	if strings.Contains(g.Log.String(), "0123456789") || strings.Contains(g.Log.String(), "azure-key") {
		t.Errorf("the log shows a key:\n%s", g.Log)
	}
}

func (m *mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = arrival{}
}

// TestTransparentPaths: what is refused at the door, and what is the path
// behind it.
func TestTransparentPaths(t *testing.T) {
	m := newMirror(t, func(http.ResponseWriter, *http.Request) {})
	const models = "models: [{ name: m, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]\n"
	const one = "upstreams: [{ name: up, kind: compatible, endpoint: '${UP}', auth: passthrough }]\n"
	all := gatetest.Start(t, door, "UP", m.URL)
	below := gatetest.Start(t, one+models+"transparent: { upstream: up, prefix: /azure }", "UP", m.URL)
	apart := gatetest.Start(t, one+models+"transparent: { upstream: up, address: '127.0.0.1:0', prefix: /p/q }", "UP", m.URL)
	path := gatetest.Start(t, strings.Replace(one, "${UP}", "${UP}/base/v1", 1)+"transparent: { upstream: up }", "UP", m.URL)
	for _, tt := range []struct {
		name, url, line string
		uri             string // at the upstream; empty: it was not called
		code            llm.Code
	}{
		{"everything passes", all.URL, "GET /v1/models", "/v1/models", ""},
		{"also what is Weir's elsewhere", all.URL, "POST /v1/chat/completions", "/v1/chat/completions", ""},
		{"but probes", all.URL, "GET /healthz", "", ""},
		{"a path that ends in a probe's", all.URL, "GET /x/healthz", "/x/healthz", ""},
		{"an absolute URL", all.URL, "GET http://api.openai.com/v1/models?a=b", "/v1/models?a=b", ""},
		{"an absolute URL without path", all.URL, "GET http://api.openai.com", "/", ""},
		{"another scheme", all.URL, "GET https://api.openai.com/v1/models", "/v1/models", ""},
		{"dots", all.URL, "GET /a/../b", "", llm.CodeUnknownURL},
		{"dots in disguise", all.URL, "GET /a/%2e%2E/b", "", llm.CodeUnknownURL},
		{"dots behind a slash in disguise", all.URL, "GET /a/b%2F..%2Fc", "", llm.CodeUnknownURL},
		{"two slashes", all.URL, "GET //evil.example/a", "", llm.CodeUnknownURL},
		{"a slash at the end", all.URL, "GET /v1/models/", "/v1/models/", ""},
		{"two slashes at the end", all.URL, "GET /a//", "", llm.CodeUnknownURL},
		{"a backslash", all.URL, `GET /a\b`, "", llm.CodeUnknownURL},
		{"a needless escape", all.URL, "GET /%61", "", llm.CodeUnknownURL},
		{"no path", all.URL, "OPTIONS *", "", llm.CodeUnknownURL},
		{"a tunnel", all.URL, "CONNECT api.openai.com:443", "", llm.CodeMethodNotAllowed},

		{"below a prefix", below.URL, "GET /azure/openai/models?a=b", "/openai/models?a=b", ""},
		{"the prefix alone", below.URL, "GET /azure?a", "/?a", ""},
		{"the prefix and a slash", below.URL, "GET /azure/", "/", ""},
		{"what begins alike", below.URL, "GET /azurex/openai", "", llm.CodeUnknownURL},
		{"the prefix in disguise", below.URL, "GET /%61zure/a", "", llm.CodeUnknownURL},
		{"the prefix in capitals", below.URL, "GET /Azure/a", "", llm.CodeUnknownURL},
		{"dots below the prefix", below.URL, "GET /azure/../v1/models", "", llm.CodeUnknownURL},
		{"beside the prefix", below.URL, "GET /v1/models", "", ""},

		{"a listener of its own", apart.App.DoorURL(), "GET /p/q/v1/models", "/v1/models", ""},
		{"a listener of its own, probes too", apart.App.DoorURL(), "GET /p/q/healthz", "/healthz", ""},
		{"a listener of its own, without the prefix", apart.App.DoorURL(), "GET /v1/models", "", llm.CodeUnknownURL},
		{"a listener of its own, no probe", apart.App.DoorURL(), "GET /healthz", "", llm.CodeUnknownURL},
		{"the main listener beside it", apart.URL, "GET /p/q/v1/models", "", llm.CodeUnknownURL},
		{"the main listener's own", apart.URL, "GET /v1/models", "", ""},

		{"an endpoint with a path", path.URL, "GET /v1/models", "/base/v1/models", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.forget()
			a := converseRaw(t, tt.url, tt.line+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if got := m.arrived().URI; got != tt.uri {
				t.Errorf("the upstream was asked for %q, want %q", got, tt.uri)
			}
			if tt.code != "" {
				wantFailure(t, a.Status, a.Header, a.Body, tt.code)
			} else if a.Status != 200 {
				t.Errorf("%d %s, want 200", a.Status, a.Body)
			}
		})
	}
}

// TestTransparentNames: the door is there to be called by any name, by pages
// too, for it spends nobody's credential but the caller's.
func TestTransparentNames(t *testing.T) {
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://theirs.example")
		w.Header().Set("Vary", "Accept")
		w.WriteHeader(http.StatusTeapot)
	})
	plain := gatetest.Start(t, door, "UP", m.URL)
	named := gatetest.Start(t, "cors: { origins: ['https://chat.example.com'] }\n"+door, "UP", m.URL)
	for _, tt := range []struct {
		name   string
		g      *gatetest.Gate
		text   string
		passes bool
		origin string
	}{
		{"a name of its own", plain, browse("GET", "/a", "aoai.corp.example", "", ""), true, "https://theirs.example"},
		{"a page, where nothing is said of pages", plain, browse("GET", "/a", "x", "", "", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), true, "https://theirs.example"},
		{"a preflight, where nothing is said of pages", plain, browse("OPTIONS", "/a", "x", "", "", "Origin: https://evil.example", asks), true, "https://theirs.example"},
		{"a named page", named, browse("GET", "/a", "x", "", "", fromPage), true, "https://chat.example.com"},
		{"another page", named, browse("GET", "/a", "x", "", "", "Origin: https://evil.example"), true, ""},
		{"a named page's preflight", named, browse("OPTIONS", "/a", "x", "", "", fromPage, asks), false, "https://chat.example.com"},
		{"another page's preflight", named, browse("OPTIONS", "/a", "x", "", "", "Origin: https://evil.example", asks), false, ""},
		{"OPTIONS of a program", named, browse("OPTIONS", "/a", "x", "", ""), true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, tt.g, tt.text)
			if want := map[bool]int{true: http.StatusTeapot, false: http.StatusNoContent}[tt.passes]; status != want {
				t.Errorf("%d %s, want %d", status, body, want)
			}
			if got := header.Values("Access-Control-Allow-Origin"); strings.Join(got, " ") != tt.origin {
				t.Errorf("Access-Control-Allow-Origin: %q, want %q", got, tt.origin)
			}
			if vary := strings.Join(header.Values("Vary"), ", "); tt.g == named && !strings.HasPrefix(vary, "Origin") || tt.passes && !strings.HasSuffix(vary, "Accept") {
				t.Errorf("Vary: %q", vary)
			}
		})
	}
	status, header, body := raw(t, plain, request("GET", "/openai/realtime", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	wantFailure(t, status, header, body, llm.CodeWebSocketUnsupported)
}

// TestForwardProxy: what a client sends that takes Weir for its proxy is served
// as if it had been sent to Weir, and tunnels are refused with the remedy.
func TestForwardProxy(t *testing.T) {
	open := gatetest.Start(t, "listen: { hosts: ['*'] }\n"+simple)
	own := gatetest.Start(t, simple)
	const target = "http://api.openai.com/v1/chat/completions"
	if status, _, body := raw(t, open, request("POST", target, hello, "Proxy-Connection: keep-alive")); status != 200 {
		t.Errorf("an absolute URL gets %d %s, want 200", status, body)
	}
	status, header, body := raw(t, own, request("POST", target, hello))
	wantFailure(t, status, header, body, llm.CodeForeignHost)
	for _, g := range []*gatetest.Gate{open, own, gatetest.Start(t, keyed)} {
		status, header, body := raw(t, g, "CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n")
		f := wantFailure(t, status, header, body, llm.CodeMethodNotAllowed)
		if header.Get("Allow") == "" || !strings.Contains(f.Error.Message, "base URL") {
			t.Errorf("CONNECT is answered with %v %s, want Allow and what to do", header, body)
		}
	}

	realpart.Need(t, "curl", "curl")
	curl := func(args ...string) string {
		out, _ := exec.Command("curl", append([]string{"-sS", "-m", "20", "-x", open.URL}, args...)...).CombinedOutput() // some are to fail
		return string(out)
	}
	if out := curl("http://api.openai.com/v1/models/m"); !strings.Contains(out, `"object":"model"`) {
		t.Errorf("curl through Weir as its proxy got %q", out)
	}
	if out := curl("https://api.openai.com/v1/models"); !strings.Contains(out, "405") {
		t.Errorf("curl that wants a tunnel got %q", out)
	}
}

// TestOpenAIMode is a configuration that forwards every path to one provider.
func TestOpenAIMode(t *testing.T) {
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) })
	g := gatetest.Start(t, `
listen: { hosts: ['*'] }
cors: { origins: ['*'] }
upstreams: [{ name: openai, kind: openai, endpoint: "${UP}", auth: passthrough }]
transparent: { upstream: openai, prefix: / }
`, "UP", m.URL)
	for _, line := range []string{
		"GET /v1/models", "POST /v1/chat/completions", "GET /v1/files?limit=2", "DELETE /v1/responses/resp_1", "GET /dashboard/billing/usage",
		"POST /v1/fine_tuning/jobs", "GET /", "GET http://api.openai.com/v1/models",
	} {
		m.forget()
		status, header, body := raw(t, g, line+" HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer sk-mine\r\nOrigin: https://a.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		got, want := m.arrived(), strings.Replace(strings.Fields(line)[1], "http://api.openai.com", "", 1)
		if status != 200 || got.URI != want || got.Header.Get("Authorization") != "Bearer sk-mine" || got.Host != strings.TrimPrefix(m.URL, "http://") {
			t.Errorf("%s: %d %s, and the upstream saw %+v", line, status, body, got)
		}
		if header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v, want it to be readable for pages", line, header)
		}
	}
	for _, probe := range []string{"/healthz", "/readyz"} {
		if status, _, body := raw(t, g, request("GET", probe, "")); status != 200 || !strings.Contains(body, "ok") {
			t.Errorf("%s: %d %s", probe, status, body)
		}
	}
}

// TestTransparentHTTP2: the door speaks HTTP/2 to either side.
func TestTransparentHTTP2(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		_, _ = w.Write([]byte("hi"))
	}))
	up.EnableHTTP2 = true
	up.StartTLS()
	t.Cleanup(up.Close)
	g := gatetest.Start(t, strings.Replace(door, "auth:", "insecure_skip_verify: true, auth:", 1), "UP", up.URL)
	resp := g.Post(t, "/a", "{}")
	if body := gatetest.Body(t, resp); body != "hi" || resp.Header.Get("X-Proto") != "HTTP/2.0" {
		t.Errorf("%q by %q", body, resp.Header.Get("X-Proto"))
	}
}

// TestTransparentTLS: the door's own listener has its own certificate.
func TestTransparentTLS(t *testing.T) {
	m := newMirror(t, func(http.ResponseWriter, *http.Request) {})
	issuer := httptest.NewUnstartedServer(nil) // for its certificate, which is for example.com
	issuer.StartTLS()
	t.Cleanup(issuer.Close)
	folder := t.TempDir()
	own := issuer.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"door.crt": {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, "door.key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", auth: passthrough }]
models: [{ name: m, targets: [{ upstream: up }] }]
transparent: { upstream: up, address: "127.0.0.1:0", tls: { cert: "`+folder+`/door.crt", key: "`+folder+`/door.key" } }
`, "UP", m.URL)
	transport, ok := issuer.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the client of a test has another transport")
	}
	transport.TLSClientConfig.ServerName, transport.ForceAttemptHTTP2 = "example.com", true
	resp, err := issuer.Client().Get(g.App.DoorURL() + "/v1/files")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	transport.CloseIdleConnections()
	if !strings.HasPrefix(g.App.DoorURL(), "https://") || resp.ProtoMajor != 2 || m.arrived().URI != "/v1/files" {
		t.Errorf("%s by %s led to %+v", g.App.DoorURL(), resp.Proto, m.arrived())
	}
	if !strings.HasPrefix(g.URL, "http://") {
		t.Errorf("the main listener is at %s", g.URL)
	}
}
