package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// FuzzDeployment checks that no name of a model leads anywhere but into one
// segment of the path.
func FuzzDeployment(f *testing.F) {
	for _, name := range []string{"gpt-5", "a b", "../../x", "a/b", "a%2fb", ".", "..", "é", "a?b#c", "a;b", "a:b@c", "\xff", "a&b=c"} {
		f.Add(name)
	}
	u, err := upstream.New(upstream.Settings{Name: "test", Kind: upstream.Azure, API: upstream.APIClassic, APIVersion: "2024-10-21", Endpoint: "https://a.example"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		target, err := u.Target(llm.OpChat, name)
		if err != nil {
			t.Skip()
		}
		sent, err := url.ParseRequestURI(target.RequestURI())
		if err != nil {
			t.Fatalf("Target(%q) = %q: %v", name, target, err)
		}
		segments := strings.Split(sent.EscapedPath(), "/")
		if len(segments) != 6 || strings.Join(segments[:3], "/") != "/openai/deployments" || strings.Join(segments[4:], "/") != "chat/completions" {
			t.Errorf("Target(%q) sends path %q", name, sent.EscapedPath())
		}
		if got := sent.Path; got != "/openai/deployments/"+name+"/chat/completions" || segments[3] == "." || segments[3] == ".." {
			t.Errorf("Target(%q) is read as %q", name, got)
		}
		if target.Host != "a.example" || sent.RawQuery != "api-version=2024-10-21" {
			t.Errorf("Target(%q) = %q, want this host and this version", name, target)
		}
	})
}

// FuzzRequestHeader checks what no header and no credential of a client can
// do: bring something along that is not on the list, split a header, or get
// between the request and the configured credential.
func FuzzRequestHeader(f *testing.F) {
	for _, name := range []string{"Cookie", "authorization", "x-codex-a", "X-Weir-Key", "connection", "content-length", "\r\n", "x-sim-a", "user-agent", "x-codex-\n"} {
		f.Add(name, "value", "eyJhbGciOiJub25lIn0.e30.c2ln")
		f.Add(name, "a\r\nb: c", "a b")
	}
	open := func(mode upstream.AuthMode, secret string) *upstream.Upstream {
		u, err := upstream.New(upstream.Settings{Name: "test", Kind: upstream.Azure, Endpoint: "https://a.example", Auth: upstream.Auth{Mode: mode, Secret: secret}})
		if err != nil {
			f.Fatal(err)
		}
		return u
	}
	configured, passthrough := open(upstream.AuthAPIKey, "sesame"), open(upstream.AuthPassthrough, "")
	allowed := map[string]bool{
		"Accept": true, "User-Agent": true, "X-Client-Request-Id": true, "Openai-Beta": true, "Originator": true, "Version": true,
		"Session-Id": true, "Session_id": true, "Thread-Id": true, "Conversation-Id": true, "Conversation_id": true, "X-Openai-Subagent": true,
		"Content-Type": true, "Accept-Encoding": true, "Api-Key": true,
	}
	f.Fuzz(func(t *testing.T, name, value, credential string) {
		c := call()
		c.Header = http.Header{name: {value}}
		c.Credential = upstream.Credential{Header: "Authorization", Value: credential}
		h, err := configured.RequestHeader(c)
		if err != nil {
			t.Fatalf("RequestHeader: %v", err)
		}
		for got, values := range h {
			codex := strings.HasPrefix(got, "X-Codex-") || strings.HasPrefix(got, "X-Openai-Internal-Codex-")
			if !allowed[got] && !codex || len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00") {
				t.Errorf("%q: %q goes upstream", got, values)
			}
		}
		if got := h.Get("Api-Key"); got != "sesame" {
			t.Errorf("Api-Key = %q, want the configured one", got)
		}
		h, err = passthrough.RequestHeader(c)
		if err != nil {
			return
		}
		key, bearer := h.Get("Api-Key"), strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
		if key+bearer != credential || key != "" && bearer != "" {
			t.Errorf("credential %q went as api-key %q and Bearer %q, want it once", credential, key, bearer)
		}
	})
}
