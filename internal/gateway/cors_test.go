package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	fromPage  = "Origin: https://chat.example.com"
	crossSite = "Sec-Fetch-Site: cross-site"
	asks      = "Access-Control-Request-Method: POST"
)

// withOrigins is a gateway with one key, or none, and pages that may call.
func withOrigins(t *testing.T, origins, key string) *gatetest.Gate {
	t.Helper()
	keys := ""
	if key != "" {
		keys = "keys: [{ name: alice, secret: " + key + " }]\n"
	}
	return gatetest.Start(t, `
cors: { origins: `+origins+` }
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
`+keys)
}

// wantCORS checks what a browser is told; an empty origin is nothing at all.
func wantCORS(t *testing.T, header http.Header, origin string) {
	t.Helper()
	if got := header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("Access-Control-Allow-Origin = %q, want %q", got, origin)
	}
	for name, values := range header {
		switch {
		case !strings.HasPrefix(name, "Access-Control-"):
		case len(values) != 1 || origin == "":
			t.Errorf("%s: %q, want it once for an origin that is named, else not", name, values)
		case name == "Access-Control-Allow-Credentials":
			t.Errorf("%s: %q, want it never", name, values)
		}
	}
	if !strings.HasPrefix(header.Get("Vary"), "Origin") {
		t.Errorf("Vary: %q, want Origin in it", header.Get("Vary"))
	}
}

// TestPreflight is what a browser asks before it lets a page call.
func TestPreflight(t *testing.T) {
	const mine = "https://chat.example.com"
	keyed, keyless := withOrigins(t, "["+mine+", 'HTTP://LOCALHOST:3000']", aliceKey), withOrigins(t, "["+mine+"]", "")
	anyPage := withOrigins(t, `["*"]`, "")
	for _, tt := range []struct {
		name   string
		g      *gatetest.Gate
		path   string
		header []string
		status int
		origin string
	}{
		{"a named origin", keyed, "/v1/chat/completions", []string{fromPage, asks, crossSite}, 204, mine},
		{"another that is named, in the browser's spelling", keyed, "/v1/responses", []string{"Origin: http://localhost:3000", asks}, 204, "http://localhost:3000"},
		{"a path with a model", keyed, "/openai/deployments/m/chat/completions?api-version=2024-07-01-preview", []string{fromPage, asks}, 204, mine},
		{"a list", keyed, "/v1/models", []string{fromPage, "Access-Control-Request-Method: GET"}, 204, mine},
		{"a method that the path does not take", keyed, "/v1/models", []string{fromPage, "Access-Control-Request-Method: DELETE"}, 204, mine},
		{"nothing is there: the page is to see that itself", keyed, "/v1/nothing", []string{fromPage, asks}, 204, mine},
		{"a path that is not canonical", keyed, "/v1//models", []string{fromPage, asks}, 404, mine},
		{"an origin that is not named", keyed, "/v1/models", []string{"Origin: https://evil.example", asks}, 204, ""},
		{"one that begins alike", keyed, "/v1/models", []string{fromPage + ".evil.example", asks}, 204, ""},
		{"another scheme", keyed, "/v1/models", []string{"Origin: http://chat.example.com", asks}, 204, ""},
		{"another port", keyed, "/v1/models", []string{fromPage + ":8443", asks}, 204, ""},
		{"a slash behind it", keyed, "/v1/models", []string{fromPage + "/", asks}, 204, ""},
		{"two origins", keyed, "/v1/models", []string{fromPage, "Origin: https://evil.example", asks}, 204, ""},
		{"two in one line", keyed, "/v1/models", []string{fromPage + " https://evil.example", asks}, 204, ""},
		{"a page that hides its origin", keyed, "/v1/models", []string{"Origin: null", asks}, 204, ""},
		{"no page", keyed, "/v1/models", nil, 204, ""},
		{"no key anywhere, a named origin", keyless, "/v1/models", []string{fromPage, asks, crossSite}, 204, mine},
		{"no key anywhere, another origin", keyless, "/v1/models", []string{"Origin: https://evil.example", asks, crossSite}, 403, ""},
		{"no key anywhere, a hidden origin", keyless, "/v1/models", []string{"Origin: null", asks}, 403, ""},
		{"any origin", anyPage, "/v1/models", []string{"Origin: https://evil.example", asks, crossSite}, 204, "*"},
		{"any origin, a hidden one", anyPage, "/v1/models", []string{"Origin: null", asks}, 204, "*"},
		{"any origin, no page", anyPage, "/v1/anything", nil, 204, "*"},
		{"any origin, another host", anyPage, "http://evil.example/v1/models", []string{fromPage, asks}, 403, "*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, tt.g, request("OPTIONS", tt.path, "", tt.header...))
			if status != tt.status || status == 204 && body != "" {
				t.Errorf("%d %q, want %d", status, body, tt.status)
			}
			wantCORS(t, header, tt.origin)
			if status != 204 || tt.origin == "" {
				return
			}
			if methods := header.Get("Access-Control-Allow-Methods"); !strings.Contains(methods, "POST") || !strings.Contains(methods, "DELETE") {
				t.Errorf("Access-Control-Allow-Methods: %q", methods)
			}
			if header.Get("Access-Control-Max-Age") == "" || header.Get("Access-Control-Allow-Private-Network") != "" {
				t.Errorf("%v, want a max-age, and a private network only if asked for", header)
			}
		})
	}
	for _, g := range []*gatetest.Gate{keyed, keyless, anyPage} {
		wantNothing(t, g)
	}
}

// TestPreflightHeaders: what a page asks to send is allowed, and nothing else
// is repeated.
func TestPreflightHeaders(t *testing.T) {
	g := withOrigins(t, `["https://chat.example.com"]`, aliceKey)
	many := strings.Repeat("x-a,", 200)
	for _, tt := range []struct{ asked, want string }{
		{"", "authorization, content-type, api-key, x-api-key, x-weir-key"},
		{"authorization,content-type,x-stainless-os", "authorization, content-type, x-stainless-os"},
		{" Content-Type ,\tX-Custom ", "Content-Type, X-Custom"},
		{"x-a, , x-b", "x-a, x-b"},
		{"x-a, b@d, x y, \"q\", <script>, é, x-b", "x-a, x-b"},
		{"x-" + strings.Repeat("n", 200) + ",x-b", "x-b"},
		{"b@d", "authorization, content-type, api-key, x-api-key, x-weir-key"},
		{many, strings.TrimSuffix(strings.Repeat("x-a, ", 64), ", ")},
	} {
		header := []string{fromPage, asks, "Access-Control-Request-Private-Network: true"}
		if tt.asked != "" {
			header = append(header, "Access-Control-Request-Headers: "+tt.asked)
		}
		status, h, _ := raw(t, g, request("OPTIONS", "/v1/chat/completions", "", header...))
		if got := h.Get("Access-Control-Allow-Headers"); status != 204 || got != tt.want {
			t.Errorf("%q is answered with %d and %q, want %q", tt.asked, status, got, tt.want)
		}
		if h.Get("Access-Control-Allow-Private-Network") != "true" || !strings.Contains(h.Get("Vary"), "Access-Control-Request-Headers") || h.Get("Allow") != "POST, GET, OPTIONS" {
			t.Errorf("%v, want the private network, Vary and Allow", h)
		}
	}
}

// TestSharedAnswers: a page can read successes, streams and errors alike, and
// the headers that clients act on.
func TestSharedAnswers(t *testing.T) {
	g := withOrigins(t, `["https://chat.example.com"]`, aliceKey)
	key := "Authorization: Bearer " + aliceKey
	const stream = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`
	for _, tt := range []struct {
		name, text string
		status     int
	}{
		{"an answer", request("POST", "/v1/chat/completions", hello, key, fromPage), 200},
		{"a stream", request("POST", "/v1/chat/completions", stream, key, fromPage), 200},
		{"the models", request("GET", "/v1/models", "", key, fromPage), 200},
		{"a probe", request("GET", "/healthz", "", fromPage), 200},
		{"no key", request("POST", "/v1/chat/completions", hello, fromPage), 401},
		{"no such path", request("POST", "/v1/nothing", hello, key, fromPage), 404},
		{"no such method", request("DELETE", "/v1/models", "", key, fromPage), 405},
		{"a bad body", request("POST", "/v1/chat/completions", "{", key, fromPage), 400},
		{"the upstream's limit", request("POST", "/v1/chat/completions", hello, key, fromPage, "x-sim-status: 429"), 429},
		{"the upstream's failure", request("POST", "/v1/chat/completions", hello, key, fromPage, "x-sim-status: 503"), 503},
		{"the upstream's page", request("POST", "/v1/chat/completions", hello, key, fromPage, "x-sim-html: 1"), 502},
		{"a WebSocket", request("GET", "/v1/responses", "", key, fromPage, "Upgrade: websocket"), 426},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, g, tt.text)
			if status != tt.status {
				t.Errorf("%d %s, want %d", status, body, tt.status)
			}
			wantCORS(t, header, "https://chat.example.com")
			shown := ", " + header.Get("Access-Control-Expose-Headers") + ","
			for _, name := range []string{"x-request-id", "x-upstream-request-id", "retry-after", "retry-after-ms", "x-ratelimit-remaining-tokens", "x-weir-simulator"} {
				if !strings.Contains(shown, " "+name+",") {
					t.Errorf("%s is not exposed by %q", name, shown)
				}
			}
			other, foreign, _ := raw(t, g, strings.Replace(tt.text, fromPage, "Origin: https://evil.example", 1))
			if other != tt.status {
				t.Errorf("a page of another origin gets %d, want %d, which its browser keeps from it", other, tt.status)
			}
			wantCORS(t, foreign, "")
			_, none, _ := raw(t, g, strings.Replace(tt.text, fromPage+"\r\n", "", 1))
			wantCORS(t, none, "")
		})
	}
}

// TestKeylessOrigins: without keys a page of an origin that is named is served
// as a program is, and no other page is.
func TestKeylessOrigins(t *testing.T) {
	g := withOrigins(t, `["https://chat.example.com"]`, "")
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code
	}{
		{"a named origin", []string{fromPage, crossSite}, ""},
		{"another", []string{"Origin: https://evil.example", crossSite}, llm.CodeForeignOrigin},
		{"a named one and another", []string{fromPage, "Origin: https://evil.example"}, llm.CodeForeignOrigin},
		{"a hidden one", []string{"Origin: null", crossSite}, llm.CodeForeignOrigin},
		{"none, but another site", []string{crossSite}, llm.CodeForeignOrigin},
		{"a named origin, by a foreign name", []string{fromPage, "Host: evil.example"}, llm.CodeForeignHost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := request("POST", "/v1/chat/completions", hello, tt.header...)
			if strings.Contains(text, "Host: evil") {
				text = strings.Replace(text, "Host: localhost\r\n", "", 1)
			}
			status, header, body := raw(t, g, text)
			if tt.code != "" {
				wantFailure(t, status, header, body, tt.code)
			} else if status != 200 {
				t.Errorf("%d %s, want 200", status, body)
			}
		})
	}
	// What makes a browser ask first is still demanded.
	status, header, body := raw(t, g, strings.Replace(request("POST", "/v1/chat/completions", hello, fromPage), "application/json", "text/plain", 1))
	wantFailure(t, status, header, body, llm.CodeUnsupportedMediaType)
	wantCORS(t, header, "https://chat.example.com")
}

// TestOptionsWithoutOrigins: who asks what a path takes is told, and no page
// is let in.
func TestOptionsWithoutOrigins(t *testing.T) {
	for _, tt := range []struct {
		name, yaml, path string
		header           []string
		status           int
		allow            string
	}{
		{"a program", simple, "/v1/chat/completions", nil, 204, "POST, GET, OPTIONS"},
		{"a path with a model", simple, "/openai/deployments/m/embeddings", nil, 204, "POST, OPTIONS"},
		{"a list", simple, "/v1/models", nil, 204, "GET, OPTIONS"},
		{"a key is not needed", keyed, "/v1/messages", nil, 204, "POST, OPTIONS"},
		{"a page, with keys", keyed, "/v1/messages", []string{fromPage, asks}, 204, "POST, OPTIONS"},
		{"a page, without keys", simple, "/v1/messages", []string{fromPage, asks}, 403, ""},
		{"its own page", simple, "/v1/messages", []string{"Origin: http://localhost", asks}, 204, "POST, OPTIONS"},
		{"nothing is there", simple, "/v1/nothing", nil, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.Start(t, tt.yaml)
			status, header, body := raw(t, g, request("OPTIONS", tt.path, "", tt.header...))
			if status != tt.status || header.Get("Allow") != tt.allow {
				t.Errorf("%d, Allow %q, %s; want %d and %q", status, header.Get("Allow"), body, tt.status, tt.allow)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
					t.Errorf("the answer has %s: %s", name, header.Get(name))
				}
			}
			wantNothing(t, g)
		})
	}
}
