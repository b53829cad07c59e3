package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// TestRoutes: a path stands on the host of the endpoint, whoever names it.
func TestRoutes(t *testing.T) {
	var got string
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI })
	u := open(t, upstream.Settings{
		Kind: upstream.Azure, API: classic, APIVersion: "2024-10-21", Endpoint: base + "/team/openai",
		Routes: map[llm.Operation]string{
			llm.OpResponses: "/r?v=1",
			llm.OpChat:      "/openai/deployments/{deployment}/chat/completions?api-version=2025-01-01-preview&d={deployment}",
			llm.OpMessages:  "/anthropic/v1/messages",
		},
	})
	if !u.Serves(llm.OpMessages) || u.Serves(llm.OpCountTokens) {
		t.Error("what is served is not what has a path")
	}
	for _, tt := range []struct {
		name string
		call upstream.Call
		want string
	}{
		{"its own", upstream.Call{Op: llm.OpEmbeddings, Model: "d"}, "/team/openai/deployments/d/embeddings?api-version=2024-10-21"},
		{"the upstream's", upstream.Call{Op: llm.OpResponses, Model: "d"}, "/r?v=1"},
		{"an object", upstream.Call{Op: llm.OpResponses, Method: "GET", Object: "/resp_1", Query: "a=b"}, "/r/resp_1?v=1&a=b"},
		{"a deployment", upstream.Call{Op: llm.OpChat, Model: "a b&c=ü"}, "/openai/deployments/a%20b%26c%3D%C3%BC/chat/completions?api-version=2025-01-01-preview&d=a%20b%26c%3D%C3%BC"},
		{"the call's", upstream.Call{Op: llm.OpChat, Model: "d", Path: "/x/{deployment}-{deployment}"}, "/x/d-d"},
		{"the call's for what is not served", upstream.Call{Op: llm.OpModerations, Model: "d", Path: "/m"}, "/m"},
		{"a deployment in the query alone", upstream.Call{Op: llm.OpChat, Model: "../a/b", Path: "/x?m={deployment}"}, "/x?m=..%2Fa%2Fb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.call
			c.Body = []byte("{}")
			do(t, u, &c)
			if got != tt.want {
				t.Errorf("asked for %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCheckRoute(t *testing.T) {
	for _, path := range []string{
		"", "x", "//evil.example/x", "/a//b", "https://evil.example/x", "/a/../b", "/..", "/a/.", "/%2e%2e/x", "/a%2fb", `/a\b`, "/a b", "/a#b", "/ü",
		"/a;b", "/{model}", "/x?{model}", "/x?a=%zz", "/x?a=b;c", "/x\r\ny", "/" + strings.Repeat("x", 2048),
	} {
		if err := upstream.CheckRoute(path); err == nil {
			t.Errorf("CheckRoute(%q) succeeded, want an error", path)
		}
	}
	for _, path := range []string{"/", "/v1/chat/completions", "/openai/deployments/{deployment}/images/generations?api-version=2024-10-21", "/x?a=%2F&b={deployment}", "/a/..b/c:d@e"} {
		if err := upstream.CheckRoute(path); err != nil {
			t.Errorf("CheckRoute(%q) = %v", path, err)
		}
	}
	_, err := upstream.New(upstream.Settings{Name: "test", Kind: upstream.OpenAI, Routes: map[llm.Operation]string{llm.OpChat: "//x"}})
	if err == nil || !strings.Contains(err.Error(), "routes") {
		t.Errorf("New with a bad route: error = %v", err)
	}
}

// FuzzRoute checks that no path that is taken, and no name of a model, leads to
// another host, or to another path than one can read.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/v1/chat/completions", "//evil", "/{deployment}", "/a?b={deployment}", "/..{deployment}", "/{deployment}{deployment}/x?y", "/a?b?c", "/@evil:1/"} {
		for _, model := range []string{"gpt-5", "..", ".", "a b", "ü&=?#", "a/b", "\xff"} {
			f.Add(path, model)
		}
	}
	f.Fuzz(func(t *testing.T, path, model string) {
		u, err := upstream.New(upstream.Settings{Name: "test", Kind: upstream.Compatible, Endpoint: "https://a.example/base", Routes: map[llm.Operation]string{llm.OpChat: path}})
		if err != nil || path == "" || model == "" {
			t.Skip()
		}
		target, err := u.Target(llm.OpChat, model)
		if err != nil {
			t.Skip()
		}
		sent, err := url.ParseRequestURI(target.RequestURI())
		if err != nil {
			t.Fatalf("%q, %q: sends %q: %v", path, model, target.RequestURI(), err)
		}
		before, _, _ := strings.Cut(path, "?")
		if want := strings.ReplaceAll(before, upstream.Deployment, model); target.Host != "a.example" || target.Scheme != "https" || sent.Path != want {
			t.Errorf("%q, %q: sends %q to %s, want %q", path, model, sent.Path, target.Host, want)
		}
		if strings.Count(sent.EscapedPath(), "/") != strings.Count(before, "/") {
			t.Errorf("%q, %q: sends %q", path, model, sent.EscapedPath())
		}
		for segment := range strings.SplitSeq(sent.Path, "/") {
			if segment == "." || segment == ".." {
				t.Errorf("%q, %q: sends %q", path, model, sent.Path)
			}
		}
	})
}
