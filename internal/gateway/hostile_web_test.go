package gateway_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// browse is a request as a browser makes it for a web page.
func browse(method, target, host, contentType, body string, header ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
	if contentType != "" {
		head += "Content-Type: " + contentType + "\r\n"
	}
	for _, h := range header {
		head += h + "\r\n"
	}
	if method == http.MethodGet || method == http.MethodOptions {
		return head + "\r\n"
	}
	return head + sized(body)
}

// TestWebPages: no page in a developer's browser spends the developer's money
// or reads what the gateway says, whatever it can make the browser send.
func TestWebPages(t *testing.T) {
	g := gatetest.Start(t, simple)
	host := strings.TrimPrefix(g.URL, "http://")
	const path, json = "/v1/chat/completions", "application/json"
	evil := []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}
	preflight := append([]string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,authorization"}, evil...)
	for _, tt := range []struct {
		name, text string
		code       llm.Code
	}{
		{"a fetch", browse("POST", path, host, json, hello, evil...), llm.CodeForeignOrigin},
		{"a simple fetch", browse("POST", path, host, "text/plain", hello, evil...), llm.CodeForeignOrigin},
		{"a simple fetch of an old browser", browse("POST", path, host, "text/plain;charset=UTF-8", hello), llm.CodeUnsupportedMediaType},
		{"a form", browse("POST", path, host, "application/x-www-form-urlencoded", "="+hello, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"), llm.CodeForeignOrigin},
		{"a form of an old browser", browse("POST", path, host, "application/x-www-form-urlencoded", "="+hello), llm.CodeUnsupportedMediaType},
		{"a form with files", browse("POST", path, host, "multipart/form-data; boundary=application/json", hello), llm.CodeUnsupportedMediaType},
		{"a beacon without type", browse("POST", path, host, "", hello), llm.CodeUnsupportedMediaType},
		{"a type that only begins like JSON's", browse("POST", path, host, "application/jsonp", hello), llm.CodeUnsupportedMediaType},
		{"a type with JSON's as its parameter", browse("POST", path, host, "text/plain; a=application/json", hello), llm.CodeUnsupportedMediaType},
		{"two types", browse("POST", path, host, "text/plain", hello, "Content-Type: application/json"), llm.CodeUnsupportedMediaType},
		{"an old browser with the origin alone", browse("POST", path, host, json, hello, "Origin: https://evil.example"), llm.CodeForeignOrigin},
		{"DNS rebinding", browse("POST", path, "evil.example:8787", json, hello, "Origin: http://evil.example:8787", "Sec-Fetch-Site: same-origin"), llm.CodeForeignHost},
		{"DNS rebinding to a name like ours", browse("POST", path, "localhost.evil.example", json, hello), llm.CodeForeignHost},
		{"DNS rebinding, the path in absolute form", browse("POST", "http://evil.example"+path, "localhost", json, hello), llm.CodeForeignHost},
		{"DNS rebinding, models", browse("GET", "/v1/models", "evil.example", "", ""), llm.CodeForeignHost},
		{"HTTP/1.0 without host", strings.Replace(strings.Replace(browse("POST", path, host, json, hello), "HTTP/1.1", "HTTP/1.0", 1), "Host: "+host+"\r\n", "", 1), llm.CodeForeignHost},
		{"models by fetch", browse("GET", "/v1/models", host, "", "", evil...), llm.CodeForeignOrigin},
		{"models by a script element", browse("GET", "/v1/models", host, "", "", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), llm.CodeForeignOrigin},
		{"a page of another port of this machine", browse("POST", path, host, json, hello, "Origin: http://127.0.0.1:3000", "Sec-Fetch-Site: same-site"), llm.CodeForeignOrigin},
		{"a page of another name of this machine", browse("POST", path, host, json, hello, "Origin: http://"+strings.Replace(host, "127.0.0.1", "localhost", 1), "Sec-Fetch-Site: cross-site"), llm.CodeForeignOrigin},
		{"a page that is a file", browse("POST", path, host, json, hello, "Origin: file://"), llm.CodeForeignOrigin},
		{"a browser's extension", browse("POST", path, host, json, hello, "Origin: chrome-extension://abcdef"), llm.CodeForeignOrigin},
		{"an empty origin", browse("POST", path, host, json, hello, "Origin:"), llm.CodeForeignOrigin},
		{"our origin and another", browse("POST", path, host, json, hello, "Origin: http://"+host, "Origin: https://evil.example"), llm.CodeForeignOrigin},
		{"two origins in one line", browse("POST", path, host, json, hello, "Origin: http://"+host+" https://evil.example"), llm.CodeForeignOrigin},
		{"an origin with our host in its name", browse("POST", path, host, json, hello, "Origin: http://"+host+"@evil.example"), llm.CodeForeignOrigin},
		{"a WebSocket", browse("GET", "/v1/responses", host, "", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: https://evil.example"), llm.CodeForeignOrigin},
		{"a preflight", browse("OPTIONS", path, host, "", "", preflight...), llm.CodeForeignOrigin},
		{"a preflight of an unknown path", browse("OPTIONS", "/x", host, "", "", preflight...), llm.CodeForeignOrigin},
		{"a preflight of everything", browse("OPTIONS", "*", host, "", "", preflight...), llm.CodeUnknownURL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, g, tt.text)
			wantFailure(t, status, header, body, tt.code)
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("the answer allows something: %s: %s", name, header.Get(name))
				}
			}
		})
	}
	if n := g.Sim.Served().Total; n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	for _, e := range g.Ledger.Entries() {
		if e.Code != llm.CodeUnsupportedMediaType {
			t.Errorf("entry = %+v, want none but of requests that a program could have made", e)
		}
	}
}

// TestOwnPages: what is not a foreign page is served.
func TestOwnPages(t *testing.T) {
	g := gatetest.Start(t, simple)
	host := strings.TrimPrefix(g.URL, "http://")
	for name, header := range map[string][]string{
		"a program":                       nil,
		"a page of ours":                  {"Origin: http://" + host, "Sec-Fetch-Site: same-origin"},
		"a page of ours, behind TLS":      {"Origin: https://" + host},
		"a page of ours, in capitals":     {"Origin: HTTP://" + strings.ToUpper(host)},
		"an address typed by its owner":   {"Sec-Fetch-Site: none"},
		"a type with a character set":     {"Content-Type: application/json; charset=utf-8"},
		"a type of JSON's kin":            {"Content-Type: application/vnd.api+json"},
		"a type in capitals":              {"Content-Type: APPLICATION/JSON"},
		"a type with an odd parameter":    {"Content-Type: application/json;charset=\"utf-8\";v=1"},
		"a host in capitals":              {"Host: LOCALHOST"},
		"the path in absolute form, ours": nil,
	} {
		t.Run(name, func(t *testing.T) {
			target, at, contentType := "/v1/chat/completions", host, "application/json"
			if strings.HasPrefix(name, "the path") {
				target = "http://" + host + target
			}
			header = slices.DeleteFunc(slices.Clone(header), func(h string) bool {
				value, isHost := strings.CutPrefix(h, "Host: ")
				if isHost {
					at = value
				}
				media, isType := strings.CutPrefix(h, "Content-Type: ")
				if isType {
					contentType = media
				}
				return isHost || isType
			})
			if status, _, body := raw(t, g, browse("POST", target, at, contentType, hello, header...)); status != http.StatusOK {
				t.Errorf("%d %s, want 200", status, body)
			}
		})
	}
}

// TestBadKeys: who has no key learns nothing, costs little and leaves no
// entry.
func TestBadKeys(t *testing.T) {
	g := gatetest.Start(t, keyed)
	var shown []map[string]string // what a client sees of each refusal of an invalid key
	for i, tt := range []struct {
		name   string
		header []string
		code   llm.Code
	}{
		{"unknown", []string{"Authorization: Bearer nobody-0123456789"}, llm.CodeInvalidKey},
		{"disabled", []string{"Authorization: Bearer gone-0123456789ab"}, llm.CodeInvalidKey},
		{"disabled, elsewhere", []string{"x-api-key: gone-0123456789ab"}, llm.CodeInvalidKey},
		{"the beginning of a good one", []string{"api-key: " + aliceKey[:15]}, llm.CodeInvalidKey},
		{"a good one and more", []string{"api-key: " + aliceKey + "0"}, llm.CodeInvalidKey},
		{"a good one in capitals", []string{"api-key: " + strings.ToUpper(aliceKey)}, llm.CodeInvalidKey},
		{"a good one with a space", []string{"api-key: alice- 0123456789"}, llm.CodeInvalidKey},
		{"a good one with a NUL's look", []string{"api-key: " + aliceKey + "%00"}, llm.CodeInvalidKey},
		{"a good one in quotes", []string{`api-key: "` + aliceKey + `"`}, llm.CodeInvalidKey},
		{"a good one in a list", []string{"api-key: " + aliceKey + ", " + aliceKey}, llm.CodeInvalidKey},
		{"60 KiB", []string{"api-key: " + strings.Repeat("k", 60<<10)}, llm.CodeInvalidKey},
		{"bytes that are not ASCII", []string{"api-key: \xff\xfe\x80"}, llm.CodeInvalidKey},
		{"a good one beside a bad x-weir-key", []string{"x-weir-key: bad", "api-key: " + aliceKey}, llm.CodeInvalidKey},
		{"an empty x-weir-key", []string{"x-weir-key:", "api-key: " + aliceKey}, llm.CodeInvalidKey},
		{"a name instead of a key", []string{"api-key: alice"}, llm.CodeInvalidKey},
		{"none", nil, llm.CodeMissingKey},
		{"one in a cookie", []string{"Cookie: x-api-key=" + aliceKey}, llm.CodeMissingKey},
		{"one of another scheme", []string{"Authorization: Basic " + aliceKey}, llm.CodeMissingKey},
		{"one without a scheme", []string{"Authorization: " + aliceKey}, llm.CodeMissingKey},
		{"one for a proxy", []string{"Proxy-Authorization: Bearer " + aliceKey}, llm.CodeMissingKey},
		{"two", []string{"api-key: " + aliceKey, "x-api-key: other"}, llm.CodeAmbiguousCredentials},
		{"two in x-weir-key", []string{"x-weir-key: " + aliceKey, "x-weir-key: other"}, llm.CodeAmbiguousCredentials},
		{"two in x-weir-key, one empty", []string{"x-weir-key: " + aliceKey, "x-weir-key:"}, llm.CodeAmbiguousCredentials},
		{"two in Authorization", []string{"Authorization: Bearer " + aliceKey, "Authorization: Bearer other"}, llm.CodeAmbiguousCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, g, request("POST", "/v1/chat/completions", hello, tt.header...))
			f := wantFailure(t, status, header, body, tt.code)
			if header.Get("Www-Authenticate") == "" || strings.Contains(body, "0123456789") {
				t.Errorf("%v %s, want WWW-Authenticate and no key", header, body)
			}
			if n := len(g.App.Ring().Events()); n != i+1 {
				t.Errorf("the ring has %d events, want %d", n, i+1)
			}
			if tt.code != llm.CodeInvalidKey {
				return
			}
			id := header.Get("X-Request-Id")
			seen := map[string]string{"body": strings.ReplaceAll(body, id, "ID"), "status": http.StatusText(status), "message": f.Error.Message}
			for name := range header {
				if name != "Date" && name != "X-Request-Id" {
					seen[name] = header.Get(name)
				}
			}
			shown = append(shown, seen)
		})
	}
	for _, s := range shown[1:] {
		if !maps.Equal(s, shown[0]) {
			t.Errorf("an unknown key is told\n%v\nanother invalid one\n%v", shown[0], s)
		}
	}
	for _, ok := range [][]string{
		{"x-weir-key: " + aliceKey, "x-weir-key: " + aliceKey},
		{"x-weir-key: " + aliceKey, "Authorization: Bearer other"},
		{"Authorization: bearer " + aliceKey, "api-key:   " + aliceKey + "  "},
	} {
		if status, _, body := raw(t, g, request("GET", "/v1/models", "", ok...)); status != http.StatusOK {
			t.Errorf("%v: %d %s, want 200", ok, status, body)
		}
	}
	wantNothing(t, g)
	if strings.Contains(g.Log.String(), "0123456789") {
		t.Error("the log shows a key")
	}
}

// TestManyBadKeys: who knocks a thousand times does not fill the disk.
func TestManyBadKeys(t *testing.T) {
	g := gatetest.Start(t, keyed)
	w := connect(t, g)
	const knocks = 1000
	for range knocks {
		w.send(posted("x-api-key: wrong\r\nContent-Length: 0"))
		if status, _, body := w.answer(); status != http.StatusUnauthorized {
			t.Fatalf("%d %s, want 401", status, body)
		}
	}
	if n := g.App.Ring().Refusals(llm.CodeInvalidKey); n != knocks {
		t.Errorf("%d refusals counted, want %d", n, knocks)
	}
	if n := len(g.Log.Lines(t, "refused")); n == 0 || n > 30 {
		t.Errorf("%d log lines for %d refusals, want one a second", n, knocks)
	}
	wantNothing(t, g)
}
