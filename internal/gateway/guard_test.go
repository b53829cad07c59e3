package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const hello = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`

// TestKeylessListener is about a web page that must not be able to spend a
// developer's money.
func TestKeylessListener(t *testing.T) {
	g := gatetest.Start(t, `
listen: { hosts: [gw.example.com] }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: m, targets: [{ upstream: sim }] }]
`)
	served := 0
	for _, tt := range []struct {
		name   string
		host   string
		header []string
		code   llm.Code // empty: served
	}{
		{"localhost", "localhost:8787", nil, ""},
		{"127.0.0.1", "127.0.0.1", nil, ""},
		{"[::1]", "[::1]:1", nil, ""},
		{"a configured name", "GW.example.com:443", nil, ""},
		{"DNS rebinding", "evil.example.com", nil, llm.CodeForeignHost},
		{"another address", "10.0.0.1", nil, llm.CodeForeignHost},
		{"a name that begins alike", "localhost.evil.example", nil, llm.CodeForeignHost},
		{"a foreign page", "localhost", []string{"Origin: https://evil.example.com"}, llm.CodeForeignOrigin},
		{"a page of another port", "localhost:8787", []string{"Origin: http://localhost:3000"}, llm.CodeForeignOrigin},
		{"a sandboxed page", "localhost", []string{"Origin: null"}, llm.CodeForeignOrigin},
		{"its own page", "localhost:8787", []string{"Origin: http://localhost:8787"}, ""},
		{"a cross-site fetch", "localhost", []string{"Sec-Fetch-Site: cross-site"}, llm.CodeForeignOrigin},
		{"a same-origin fetch", "localhost", []string{"Sec-Fetch-Site: same-origin"}, ""},
	} {
		text := request("POST", "/v1/chat/completions", hello, tt.header...)
		status, header, body := raw(t, g, strings.Replace(text, "Host: localhost\r\n", "Host: "+tt.host+"\r\n", 1))
		if tt.code == "" {
			served++
			if status != http.StatusOK {
				t.Errorf("%s: %d %s, want 200", tt.name, status, body)
			}
			continue
		}
		wantFailure(t, status, header, body, tt.code)
	}
	// A form or a simple fetch cannot send JSON's media type.
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json, text/plain"} {
		text := strings.Replace(request("POST", "/v1/chat/completions", hello), "application/json", contentType, 1)
		status, header, body := raw(t, g, text)
		wantFailure(t, status, header, body, llm.CodeUnsupportedMediaType)
	}
	if n := len(g.Sim.Served().Requests); n != served {
		t.Errorf("%d requests reached the upstream, want %d", n, served)
	}
}

func TestKeyedListener(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: m, targets: [{ upstream: sim }] }
  - { name: other, targets: [{ upstream: sim }] }
keys:
  - { name: alice, tenant: research, secret: alice-0123456789, models: [m] }
  - { name: gone, secret: gone-0123456789ab, disabled: true }
`)
	for _, tt := range []struct {
		name   string
		path   string
		body   string
		header []string
		code   llm.Code
		entry  bool
	}{
		{"a key", "/v1/chat/completions", hello, []string{"Authorization", "Bearer alice-0123456789"}, "", true},
		{"a foreign page with a key", "/v1/chat/completions", hello, []string{"Authorization", "Bearer alice-0123456789", "Origin", "https://chat.example.com"}, "", true},
		{"no key", "/v1/chat/completions", hello, nil, llm.CodeMissingKey, false},
		{"no key, and a bad body: the key comes first", "/v1/chat/completions", `{`, nil, llm.CodeMissingKey, false},
		{"a disabled key", "/v1/chat/completions", hello, []string{"api-key", "gone-0123456789ab"}, llm.CodeInvalidKey, false},
		{"two keys", "/v1/chat/completions", hello, []string{"api-key", "alice-0123456789", "x-api-key", "z"}, llm.CodeAmbiguousCredentials, false},
		{"no key, messages", "/v1/messages", `{}`, nil, llm.CodeMissingKey, false},
		{"a model that the key may not use", "/v1/chat/completions", `{"model":"other"}`, []string{"api-key", "alice-0123456789"}, llm.CodeModelNotAllowed, true},
		{"a model that nobody has", "/v1/chat/completions", `{"model":"none"}`, []string{"api-key", "alice-0123456789"}, llm.CodeModelNotAllowed, true},
		{"no model", "/v1/chat/completions", `{"messages":[]}`, []string{"api-key", "alice-0123456789"}, llm.CodeMissingParameter, true},
		{"broken JSON", "/v1/chat/completions", `{"model":"m",}`, []string{"api-key", "alice-0123456789"}, llm.CodeInvalidJSON, true},
		{"two models", "/v1/chat/completions", `{"model":"m","\u006dodel":"other"}`, []string{"api-key", "alice-0123456789"}, llm.CodeInvalidJSON, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := int(g.Ledger.Total())
			resp := g.Post(t, tt.path, tt.body, tt.header...)
			body := gatetest.Body(t, resp)
			if tt.code == "" {
				if resp.StatusCode != 200 {
					t.Errorf("%d %s, want 200", resp.StatusCode, body)
				}
			} else {
				f := wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
				if tt.path == "/v1/messages" && f.Type != "error" {
					t.Errorf("%s is not in Anthropic's shape", body)
				}
			}
			if strings.Contains(body, "0123456789") {
				t.Errorf("the answer shows a key: %s", body)
			}
			want := before
			if tt.entry {
				want++
			}
			entries := g.Entries(t, want)
			if tt.entry {
				if e := entries[len(entries)-1]; e.Key != "alice" || e.Tenant != "research" || e.Code != tt.code || e.Status != resp.StatusCode {
					t.Errorf("entry = %+v", e)
				}
			}
		})
	}
	if strings.Contains(g.Log.String(), "0123456789") {
		t.Error("the log shows a key")
	}
}

// TestPassthrough is promise 8: a caller's credential reaches an upstream only
// where it is meant to, and Weir's own key never does.
func TestPassthrough(t *testing.T) {
	const keys = "\nkeys: [{ name: k, secret: weir-0123456789a }]"
	const upstreams = `
upstreams:
  - { name: pass, kind: compatible, endpoint: "${SIM}", auth: passthrough }
  - { name: own, kind: compatible, endpoint: "${SIM}", auth: { bearer: server-secret-1 } }
models:
  - { name: pass, targets: [{ upstream: pass, dialects: [chat, responses, messages, completions] }] }
  - { name: own, targets: [{ upstream: own, dialects: [chat, responses, messages, completions] }] }`
	keyless, keyed := gatetest.Start(t, upstreams+"\nlisten: { open: true }"), gatetest.Start(t, upstreams+keys)
	for _, tt := range []struct {
		name   string
		g      *gatetest.Gate
		model  string
		header []string
		status int
		want   string // Authorization at the upstream
	}{
		{"no keys: the caller's", keyless, "pass", []string{"Authorization", "Bearer mine"}, 200, "Bearer mine"},
		{"no keys: from api-key", keyless, "pass", []string{"api-key", "mine"}, 200, "Bearer mine"},
		{"no keys, none given", keyless, "pass", nil, 401, ""},
		{"no keys, two given", keyless, "pass", []string{"api-key", "a", "Authorization", "Bearer b"}, 401, ""},
		{"a server's credential, not the caller's", keyless, "own", []string{"Authorization", "Bearer mine"}, 200, "Bearer server-secret-1"},
		{"keys: ours in x-weir-key, theirs beside it", keyed, "pass", []string{"x-weir-key", "weir-0123456789a", "Authorization", "Bearer mine"}, 200, "Bearer mine"},
		{"keys: ours alone is not forwarded", keyed, "pass", []string{"Authorization", "Bearer weir-0123456789a"}, 401, ""},
		{"keys: nor twice", keyed, "pass", []string{"x-weir-key", "weir-0123456789a", "api-key", "weir-0123456789a"}, 401, ""},
		{"keys: ours, and a server's credential", keyed, "own", []string{"Authorization", "Bearer weir-0123456789a"}, 200, "Bearer server-secret-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(tt.g.Sim.Served().Requests)
			resp := tt.g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1), tt.header...)
			body := gatetest.Body(t, resp)
			if resp.StatusCode != tt.status {
				t.Fatalf("%d %s, want %d", resp.StatusCode, body, tt.status)
			}
			served := tt.g.Sim.Served().Requests[before:]
			if tt.want == "" {
				if len(served) != 0 {
					t.Errorf("the upstream was called with %v", served[0].Headers)
				}
				return
			}
			h := served[0].Headers
			if h.Get("Authorization") != tt.want || h.Get("Api-Key") != "" || h.Get("X-Weir-Key") != "" {
				t.Errorf("upstream got %v, want Authorization %q alone", h, tt.want)
			}
		})
	}
}
