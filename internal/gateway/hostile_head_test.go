package gateway_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestHugeHeaders: 64 KiB of request line and headers are enough for anybody.
func TestHugeHeaders(t *testing.T) {
	g := gatetest.Start(t, keyed)
	many := make([]string, 6000)
	for i := range many {
		many[i] = "x-a" + strconv.Itoa(i) + ": b"
	}
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"a large one", posted("x-a: "+strings.Repeat("a", 40<<10), "Content-Length: 0"), 401},
		{"a large path", "GET /" + strings.Repeat("a", 40<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a large key", posted("x-api-key: "+strings.Repeat("k", 60<<10), "Content-Length: 0"), 401},
		{"too large a one", posted("x-a: "+strings.Repeat("a", 70<<10), "Content-Length: 0"), 431},
		{"too many", posted(append(many, "Content-Length: 0")...), 431},
		{"too large a path", "GET /" + strings.Repeat("a", 70<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		{"too large a key", posted("x-api-key: "+strings.Repeat("k", 70<<10), "Content-Length: 0"), 431},
		{"too large a method", strings.Repeat("A", 70<<10) + " / HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := connect(t, g)
			_, _ = io.WriteString(w, tt.text) // the end may not be taken any more
			status, header, body := w.answer()
			if status != tt.want || len(body) > 1000 || len(fmt.Sprint(header)) > 1000 {
				t.Errorf("%d with %d bytes, want %d with few", status, len(body), tt.want)
			}
		})
	}
	wantNothing(t, g)
	if n := len(g.Log.String()); n > 10_000 {
		t.Errorf("the log has grown by %d bytes", n)
	}
}

// TestExpect: who asks before it sends its body gets an answer that is worth
// asking for.
func TestExpect(t *testing.T) {
	g := gatetest.Start(t, "listen: { body_limit: 100KiB }\n"+keyed)
	const expect, key = "Expect: 100-continue", "x-api-key: " + aliceKey
	for _, tt := range []struct {
		name   string
		header []string
		want   int // 100: the body is sent, and 200 must follow
	}{
		{"a good key", []string{key, expect, "Content-Length: " + strconv.Itoa(len(hello))}, 100},
		{"a good key, in capitals", []string{key, "EXPECT: 100-Continue", "Content-Length: " + strconv.Itoa(len(hello))}, 100},
		{"a bad key", []string{"x-api-key: wrong", expect, "Content-Length: 60"}, 401},
		{"no key, chunked", []string{expect, "Transfer-Encoding: chunked"}, 401},
		{"too large", []string{key, expect, "Content-Length: 200000"}, 413},
		{"an encoding that is not served", []string{key, expect, "Content-Encoding: br", "Content-Length: 60"}, 415},
		{"something else", []string{key, "Expect: the-unexpected", "Content-Length: 60"}, 417},
	} {
		t.Run(tt.name, func(t *testing.T) {
			served, entries := g.Sim.Served().Total, int(g.Ledger.Total())
			w := connect(t, g)
			w.send(posted(tt.header...))
			status, _, body := w.answer()
			if status != tt.want {
				t.Fatalf("%d %s, want %d first", status, body, tt.want)
			}
			if tt.want == http.StatusContinue {
				w.send(hello)
				if status, _, body = w.answer(); status != http.StatusOK {
					t.Errorf("%d %s after 100, want 200", status, body)
				}
				served++
			}
			if tt.want == 100 || tt.want == 413 || tt.want == 415 {
				entries++
			}
			g.Entries(t, entries)
			if n := g.Sim.Served().Total; n != served {
				t.Errorf("%d requests reached the upstream, want %d", n, served)
			}
		})
	}
}

// smuggled are headers of a client that no upstream must see.
var smuggled = []string{ // immutable
	"X-Weir-Key", aliceKey, "X-Weir-Tenant", "root", "X-Weir-Strict", "1", "X-Weir-Tags", "a=b",
	"X-Forwarded-For", "10.0.0.1", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "for=10.0.0.1",
	"X-Real-Ip", "10.0.0.1", "Via", "1.1 evil", "Cookie", "session=1", "Authorization", "Bearer mine", "Proxy-Authorization", "Basic bWluZQ==",
	"Api-Key", "mine", "X-Api-Key", "mine", "X-Goog-Api-Key", "mine", "Ocp-Apim-Subscription-Key", "mine",
	"Openai-Organization", "org-mine", "Openai-Project", "proj-mine", "Chatgpt-Account-Id", "mine",
	"Idempotency-Key", "1", "X-Request-Id", "mine", "X-User-Id", "root", "X-Original-Url", "/admin", "X-Http-Method-Override", "DELETE",
	"X-Ms-Oai-Image-Generation-Deployment", "other", "Accept-Encoding", "gzip", "Range", "bytes=0-1", "If-None-Match", "*",
	"Te", "trailers", "Trailer", "x-a", "Upgrade", "h2c", "Keep-Alive", "timeout=5", "Proxy-Connection", "close",
	"Connection", "close, x-api-key, authorization, api-key, content-type, content-length, accept-encoding, user-agent, x-request-id, host",
	"Origin", "https://evil.example", "Referer", "https://evil.example/", "Sec-Fetch-Site", "cross-site",
	"X_Api_Key", "mine", "X-Sim-Status", "500", "X-Base-Url", "http://evil.example", "Content-Language", "de", "Content-Location", "/x",
}

// TestNothingIsSmuggledUpstream: the upstream sees Weir's own headers, the
// server's credential, and of the client what the allow-list names.
func TestNothingIsSmuggledUpstream(t *testing.T) {
	common := []string{"Accept-Encoding", "Content-Length", "Content-Type", "User-Agent", "X-Request-Id"}
	for _, tt := range []struct {
		name, upstream, path, body string
		auth, query                string
		more                       []string // header names beside the common ones
	}{
		{"compatible", `kind: compatible, auth: { bearer: server-secret-1 }`, "/v1/chat/completions", hello, "Bearer server-secret-1", "", []string{"Authorization"}},
		{"openai", `kind: openai, auth: { api_key: server-secret-1 }`, "/v1/responses", `{"model":"m","input":"x"}`, "Bearer server-secret-1", "", []string{"Authorization"}},
		{"azure", `kind: azure, auth: { api_key: server-secret-1 }`, "/v1/chat/completions", hello, "server-secret-1", "", []string{"Api-Key"}},
		{"azure classic", `kind: azure, api: classic, auth: { api_key: server-secret-1 }`, "/v1/embeddings", `{"model":"m","input":"x"}`, "server-secret-1", "api-version=2024-10-21", []string{"Api-Key"}},
		{"anthropic", `kind: anthropic, auth: { api_key: server-secret-1 }`, "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}`, "server-secret-1", "", []string{"X-Api-Key", "Anthropic-Version"}},
		{"ollama", `kind: ollama`, "/v1/chat/completions", hello, "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.Start(t, `
upstreams: [{ name: up, endpoint: "${SIM}", `+tt.upstream+` }]
models: [{ name: "*", targets: [{ upstream: up }] }]
keys: [{ name: alice, secret: `+aliceKey+` }]
`)
			text := "POST " + tt.path + "?api-version=1999-01-01&api-version=2;model=x&key=mine#f HTTP/1.1\r\nHost: evil.example\r\nContent-Type: text/html\r\n"
			for i := 0; i < len(smuggled); i += 2 {
				text += smuggled[i] + ": " + smuggled[i+1] + "\r\n"
			}
			status, header, body := raw(t, g, text+sized(tt.body))
			if status != http.StatusOK {
				t.Fatalf("%d %s, want 200", status, body)
			}
			r := g.Sim.Served().Requests[0]
			want := append(slices.Clone(common), tt.more...)
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(r.Headers)); !slices.Equal(got, want) {
				t.Errorf("upstream got the headers %v, want %v", got, want)
			}
			if auth := r.Headers.Get("Authorization") + r.Headers.Get("Api-Key") + r.Headers.Get("X-Api-Key"); auth != tt.auth {
				t.Errorf("upstream got the credential %q, want %q", auth, tt.auth)
			}
			if got := fmt.Sprint(r.Headers, r.Query, r.Host, r.Path); strings.Contains(got, "mine") || strings.Contains(got, "evil") || r.Query != tt.query {
				t.Errorf("upstream got %s, which the client has said", got)
			}
			if r.Headers.Get("Content-Type") != "application/json" || r.Headers.Get("Accept-Encoding") != "identity" || r.Headers.Get("X-Request-Id") != header.Get("X-Request-Id") {
				t.Errorf("upstream got %v, want Weir's own values", r.Headers)
			}
		})
	}
}

// TestNamesThatAreMoreThanNames: a model's name is authorised as what it is,
// and becomes no path, no header and no second line.
func TestNamesThatAreMoreThanNames(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: azure, api: classic, endpoint: "${SIM}", auth: { api_key: server-secret-1 } }]
models: [{ name: "*", targets: [{ upstream: up }] }]
keys: [{ name: alice, secret: `+aliceKey+`, models: ["mine*", "..*", "."] }]
`)
	served := 0
	for i, tt := range []struct {
		model string // as it stands in JSON
		code  llm.Code
		path  string // at the upstream, if it is reached
	}{
		{`mine`, "", "mine"},
		{`mine one:1@2&x=y;z,+$!'()*~`, "", "mine%20one:1@2&x=y%3Bz%2C+$%21%27%28%29%2A~"},
		{`mine?api-version=x#f`, "", "mine%3Fapi-version=x%23f"},
		{`mine\u00e9\ud83d\ude00`, "", "mine%C3%A9%F0%9F%98%80"},
		{`mine/../other`, llm.CodeInvalidValue, ""},
		{`mine\/..\/other`, llm.CodeInvalidValue, ""},
		{`mine\\..\\else`, llm.CodeInvalidValue, ""},
		{`mine%2f..%2fother`, llm.CodeInvalidValue, ""},
		{`..`, llm.CodeInvalidValue, ""},
		{`.`, llm.CodeInvalidValue, ""},
		{`../../../other`, llm.CodeInvalidValue, ""},
		{`mine\r\nx-api-key: k`, llm.CodeInvalidValue, ""},
		{`mine\u000d\u000ax: y`, llm.CodeInvalidValue, ""},
		{`mine\u0000`, llm.CodeInvalidValue, ""},
		{`mine\u0085`, llm.CodeInvalidValue, ""},
		{`mine\u001b[31m`, llm.CodeInvalidValue, ""},
		{`mine\ud800`, llm.CodeInvalidJSON, ""},
		{`Mine`, llm.CodeModelNotAllowed, ""},
		{`\u041cine`, llm.CodeModelNotAllowed, ""},
	} {
		resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1), "api-key", aliceKey)
		body := gatetest.Body(t, resp)
		if tt.code != "" {
			wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
		} else if served++; resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s, want 200", tt.model, resp.StatusCode, body)
		}
		for name, values := range resp.Header {
			if s := strings.Join(values, " "); strings.Contains(s, "ine") && name != "Apim-Request-Id" {
				t.Errorf("%s: the answer's header has %s: %s", tt.model, name, s)
			}
		}
		e := g.Entries(t, i+1)[i]
		if e.Code != tt.code || tt.code != "" && e.Usage.Provenance != llm.UsageNone {
			t.Errorf("%s: entry = %+v, want code %q, and nothing used if refused", tt.model, e, tt.code)
		}
		records := g.Sim.Served().Requests
		if len(records) != served {
			t.Fatalf("%s: %d requests reached the upstream, want %d", tt.model, len(records), served)
		}
		if want := "/openai/deployments/" + tt.path + "/chat/completions"; tt.code == "" && records[served-1].Path != want {
			t.Errorf("%s: upstream got the path %s, want %s", tt.model, records[served-1].Path, want)
		}
	}
	for line := range strings.Lines(g.Log.String()) {
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x1b\x00") {
			t.Errorf("a log line has control characters: %q", line)
		}
	}
}
