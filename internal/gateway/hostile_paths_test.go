package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestHostileTargets: a path is what it looks like, or there is nothing at it.
// What net/http itself cannot read is a 400 of its own.
func TestHostileTargets(t *testing.T) {
	g := gatetest.Start(t, keyed)
	const ok, notFound, notAllowed, unreadable = llm.Code("ok"), llm.CodeUnknownURL, llm.CodeMethodNotAllowed, llm.Code("unreadable")
	for _, tt := range []struct {
		method, target string
		code           llm.Code
	}{
		{"POST", "/v1/chat/completions", ok},
		{"POST", "/v1/chat/completions?", ok},
		{"POST", "/v1/chat/completions?api-version=1&api-version=2", ok},
		{"POST", "/v1/chat/completions?a=b;model=other;%zz", ok},
		{"POST", "/v1/chat/completions?/../../admin", ok},
		{"POST", "http://localhost/v1/chat/completions", ok},
		{"POST", "http://evil.example/v1/chat/completions", ok}, // with a key any host is served
		{"POST", "http:/v1/chat/completions", ok},
		{"POST", "/openai/deployments/m/chat/completions?api-version=1#f", ok},
		{"POST", "/openai/deployments/a%3Fb%23c/chat/completions", ok},
		{"POST", "/openai/deployments/%252e%252e/chat/completions", ok}, // a model called %2e%2e
		{"POST", "/openai/deployments/a%252fb/chat/completions", ok},
		{"POST", "/openai/deployments/" + strings.Repeat("a", 257) + "/chat/completions", llm.CodeInvalidValue},
		{"POST", "/v1/chat/completions#f", notFound},
		{"POST", "/v1/chat/completions%3F", notFound},
		{"POST", "/v1/chat/completions%23", notFound},
		{"POST", "/v1/chat/completions%00", notFound},
		{"POST", "/v1/chat/completions%20", notFound},
		{"POST", "/v1/chat/completions;x=y", notFound},
		{"POST", "/v1/chat/completions/.", notFound},
		{"POST", "/v1/chat/./completions", notFound},
		{"POST", "/v1/chat/x/../completions", notFound},
		{"POST", "/v1/%2e%2e/v1/chat/completions", notFound},
		{"POST", "/v1/%2E%2E/v1/chat/completions", notFound},
		{"POST", "/v1/.%2e/v1/chat/completions", notFound},
		{"POST", "/v1/%252e%252e/v1/chat/completions", notFound},
		{"POST", "/v1%2fchat%2fcompletions", notFound},
		{"POST", "/v1%2Fchat/completions", notFound},
		{"POST", "/v1%252fchat/completions", notFound},
		{"POST", "//v1/chat/completions", notFound},
		{"POST", "///evil.example/v1/chat/completions", notFound},
		{"POST", `/v1\chat\completions`, notFound},
		{"POST", "/v1%5Cchat/completions", notFound},
		{"POST", "/v1/chat/completions\xff", notFound},
		{"POST", "/v1/chat/completions%ff", notFound},
		{"POST", "/V1/chat/completions", notFound},
		{"POST", "/v1/%E2%80%A8chat/completions", notFound},
		{"POST", "http://localhost", notFound},
		{"POST", "http://localhost//v1/chat/completions", notFound},
		{"OPTIONS", "*", notFound},
		{"POST", "*", notFound},
		{"CONNECT", "upstream.example:443", notAllowed},
		{"CONNECT", "/v1/chat/completions", notAllowed},
		{"TRACE", "/v1/chat/completions", notAllowed},
		{"post", "/v1/chat/completions", notAllowed},
		{"PATCH", "/openai/deployments/m/chat/completions", notAllowed},
		{"POST", "/openai/deployments/%2E%2E/chat/completions", notFound},
		{"POST", "/openai/deployments/../../v1/chat/completions", notFound},
		{"POST", "/openai/deployments/a%2F..%2Fb/chat/completions", notFound},
		{"POST", "/openai/deployments/a%2f..%2fb/chat/completions", notFound},
		{"POST", "/openai/deployments/%0d%0ax-a:b/chat/completions", notFound},
		{"POST", "/openai/deployments/a%0D%0Ab/chat/completions", notFound},
		{"POST", "/openai/deployments/a%00/chat/completions", notFound},
		{"POST", "/openai/deployments/a/b/chat/completions", notFound},
		{"GET", "/organization/admin_api_keys", notFound},
		{"GET", "/v1/files", notFound},
		{"POST", "/api/pull", notFound},
		{"GET", "/sim/served", notFound},
		{"GET", "/debug/pprof/", notFound},
		{"GET", "/.git/config", notFound},
		{"GET", "/" + strings.Repeat("a/", 20_000), notFound},
		{"GET", "/" + strings.Repeat("%41", 20_000), notFound},
		{"GET", "/<script>alert(1)</script>", notFound},
		{"POST", "/v1/chat/completions%", unreadable},
		{"POST", "/v1/chat/completions%zz", unreadable},
		{"POST", "/v1/chat/completions\x00", unreadable},
		{"POST", "/v1/chat/completions\x7f", unreadable},
		{"POST", "/v1/chat completions", unreadable},
		{"POST", "v1/chat/completions", unreadable},
		{"POST", "", unreadable},
		{"POST", "?a=b", unreadable},
		{"POST", "http://[::1/v1/chat/completions", unreadable},
		{"POST", "http://a b/v1/chat/completions", unreadable},
	} {
		t.Run(tt.method+" "+tail(tt.target), func(t *testing.T) {
			served, entries := g.Sim.Served().Total, int(g.Ledger.Total())
			status, header, body := raw(t, g, request(tt.method, tt.target, hello, "x-api-key: "+aliceKey))
			switch tt.code {
			case ok:
				served++
				entries++
				if status != http.StatusOK {
					t.Errorf("%d %s, want 200", status, body)
				}
			case unreadable:
				if status != http.StatusBadRequest || header.Get("X-Request-Id") != "" {
					t.Errorf("%d %s, want net/http's own 400", status, body)
				}
			case llm.CodeInvalidValue:
				entries++
				fallthrough
			default:
				f := wantFailure(t, status, header, body, tt.code)
				if len(body) > 1000 || strings.ContainsAny(body, "<>\x00") || !utf8.ValidString(body) {
					t.Errorf("the answer repeats what it must not: %q", tail(body))
				}
				if allowed := header.Get("Allow"); (allowed != "") != (tt.code == notAllowed) {
					t.Errorf("Allow: %q with %s", allowed, f.Error.Code)
				}
			}
			g.Entries(t, entries)
			if n := g.Sim.Served().Total; n != served {
				t.Errorf("%d requests reached the upstream, want %d", n, served)
			}
		})
	}
	for _, r := range g.Sim.Served().Requests {
		if r.Path != "/v1/chat/completions" || r.Query != "" || strings.Contains(r.Host, "evil") {
			t.Errorf("upstream was called at %s%s?%s", r.Host, r.Path, r.Query)
		}
	}
	if log := g.Log.String(); len(log) > 60_000 || strings.Contains(log, strings.Repeat("a", 300)) {
		t.Errorf("the log has grown by %d bytes", len(log))
	}
}

// TestShapesOfRefusals: a client reads errors of its own protocol alone.
func TestShapesOfRefusals(t *testing.T) {
	g := gatetest.Start(t, keyed)
	for _, tt := range []struct {
		method, target, header string
		code                   llm.Code
		anthropic              bool
	}{
		{"GET", "/v1/nothing", "", llm.CodeUnknownURL, false},
		{"GET", "/v1/nothing", "anthropic-version: 2023-06-01", llm.CodeUnknownURL, true},
		{"POST", "/v1/messages/nothing", "", llm.CodeUnknownURL, true},
		{"POST", "/anthropic/v1/messages/", "", llm.CodeUnknownURL, true},
		{"GET", "/v1/messages", "", llm.CodeMethodNotAllowed, true},
		{"GET", "/v1/responses", "", llm.CodeMethodNotAllowed, false},
		{"POST", "/v1/messages", "", llm.CodeMissingKey, true},
		{"POST", "/v1/messages", "x-api-key: wrong", llm.CodeInvalidKey, true},
		{"POST", "/v1/responses", "x-api-key: wrong", llm.CodeInvalidKey, false},
		{"GET", "/v1/models", "", llm.CodeMissingKey, false},
		{"GET", "/v1/models", "anthropic-version: 2023-06-01", llm.CodeMissingKey, true},
		{"HEAD", "/v1/nothing", "", llm.CodeUnknownURL, false},
	} {
		t.Run(tt.method+" "+tt.target+" "+tt.header, func(t *testing.T) {
			resp := g.Do(t, tt.method, tt.target, "", header(tt.header)...)
			if tt.method == http.MethodHead {
				if resp.StatusCode != http.StatusNotFound || resp.ContentLength <= 0 {
					t.Errorf("%s with %d bytes, want 404 and the length of the error", resp.Status, resp.ContentLength)
				}
				return
			}
			body := gatetest.Body(t, resp)
			f := wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
			if (f.Type == "error") != tt.anthropic || (resp.Header.Get("Request-Id") != "") != tt.anthropic {
				t.Errorf("%s with Request-Id %q, want Anthropic's shape: %v", body, resp.Header.Get("Request-Id"), tt.anthropic)
			}
		})
	}
	wantNothing(t, g)
}

// header is a header line as its name and value.
func header(line string) []string {
	name, value, ok := strings.Cut(line, ": ")
	if !ok {
		return nil
	}
	return []string{name, value}
}
