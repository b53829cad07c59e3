package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestEnvironmentOfProviders runs the cases of a proxy for Codex CLI that
// chooses between OpenAI and Ollama, with its variables alone.
func TestEnvironmentOfProviders(t *testing.T) {
	g := gatetest.StartEnvironment(t,
		"PORT", "8787", "PROXY_API_KEY", "your-proxy-key",
		"OPENAI_BASE_URL", "${SIM}/v1", "OPENAI_API_KEY", "key-of-openai", "OLLAMA_BASE_URL", "${SIM}/v1")
	for _, tt := range []struct {
		name, key, model, provider string
		upstream                   string
		code                       llm.Code
	}{
		{"the default", "your-proxy-key", "gpt-5", "", "openai", ""},
		{"gpt-oss in the name", "your-proxy-key", "gpt-oss", "", "ollama", ""},
		{"gpt-oss further on", "your-proxy-key", "my-gpt-oss:20b", "", "ollama", ""},
		{"the header names ollama", "your-proxy-key", "gpt-5", "ollama", "ollama", ""},
		{"the header wins over the name", "your-proxy-key", "gpt-oss", "openai", "openai", ""},
		{"a provider that is not there", "your-proxy-key", "gpt-5", "custom", "", llm.CodeUnknownProvider},
		{"no key", "", "gpt-5", "", "", llm.CodeMissingKey},
		{"another key", "undefined", "gpt-5", "", "", llm.CodeInvalidKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, sent := g.Ledger.Total(), len(g.Sim.Served().Requests)
			header := []string{"Content-Type", "application/json"}
			if tt.key != "" {
				header = append(header, "Authorization", "Bearer "+tt.key)
			}
			if tt.provider != "" {
				header = append(header, "x-provider", tt.provider)
			}
			resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, `"m"`, `"`+tt.model+`"`, 1), header...)
			body := gatetest.Body(t, resp)
			if tt.code != "" {
				if resp.StatusCode != tt.code.Row().Status || !strings.Contains(body, string(tt.code)) {
					t.Errorf("%d %s, want %s", resp.StatusCode, body, tt.code)
				}
				return
			}
			entries := g.Entries(t, int(before)+1)
			if e := entries[len(entries)-1]; resp.StatusCode != http.StatusOK || e.Upstream != tt.upstream || e.Target != tt.model || e.Key != "proxy" {
				t.Errorf("%d %s from %s as %s, want %s from %s", resp.StatusCode, body, e.Upstream, e.Target, tt.model, tt.upstream)
			}
			r := g.Sim.Served().Requests[sent]
			want := ""
			if tt.upstream == "openai" {
				want = "Bearer key-of-openai"
			}
			if got := r.Headers.Get("Authorization"); got != want || r.Path != "/v1/chat/completions" || r.Headers.Get("X-Provider") != "" {
				t.Errorf("sent to %s with Authorization %q, want %q", r.Path, got, want)
			}
		})
	}
}

// TestEnvironmentOfAzureOpenAIProxy: conversion and credentials, with the
// variables of azure-openai-proxy alone.
func TestEnvironmentOfAzureOpenAIProxy(t *testing.T) {
	for _, tt := range []struct {
		name    string
		env     []string
		header  []string
		code    llm.Code
		wantKey string // that Azure is called with
	}{
		{name: "the client's own key", header: []string{"Authorization", "Bearer key-of-the-client"}, wantKey: "key-of-the-client"},
		{name: "the client's own key as api-key", header: []string{"api-key", "key-of-the-client"}, wantKey: "key-of-the-client"},
		{name: "none", code: llm.CodeMissingKey},
		{
			name: "PROXY_API_KEY beside the client's own", env: []string{"PROXY_API_KEY", "key-of-the-proxy"},
			header: []string{"x-weir-key", "key-of-the-proxy", "Authorization", "Bearer key-of-the-client"}, wantKey: "key-of-the-client",
		},
		{
			name: "PROXY_API_KEY is demanded", env: []string{"PROXY_API_KEY", "key-of-the-proxy"},
			header: []string{"Authorization", "Bearer key-of-the-client"}, code: llm.CodeInvalidKey,
		},
		{
			name: "PROXY_API_KEY is not sent to Azure", env: []string{"PROXY_API_KEY", "key-of-the-proxy"},
			header: []string{"Authorization", "Bearer key-of-the-proxy"}, code: llm.CodeMissingKey,
		},
		{
			name: "the proxy's token, whatever the client sends", env: []string{"AZURE_OPENAI_TOKEN", "token-of-the-proxy"},
			header: []string{"Authorization", "Bearer key-of-the-client"}, wantKey: "token-of-the-proxy",
		},
		{
			name: "the proxy's token for a key", env: []string{"AZURE_OPENAI_TOKEN", "token-of-the-proxy", "PROXY_API_KEY", "key-of-the-proxy"},
			header: []string{"Authorization", "Bearer key-of-the-proxy"}, wantKey: "token-of-the-proxy",
		},
		{
			name: "the proxy's token for nobody else", env: []string{"AZURE_OPENAI_TOKEN", "token-of-the-proxy", "PROXY_API_KEY", "key-of-the-proxy"},
			header: []string{"Authorization", "Bearer key-of-the-client"}, code: llm.CodeInvalidKey,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.StartEnvironment(t, append([]string{"AZURE_OPENAI_ENDPOINT", "${SIM}/"}, tt.env...)...)
			for _, c := range []struct{ path, body, sent string }{
				{"/v1/chat/completions", `{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"hello"}]}`, "/openai/deployments/gpt-35-turbo/chat/completions"},
				{"/v1/completions", `{"model":"ada.2","prompt":"hello"}`, "/openai/deployments/ada.2/completions"},
				{"/v1/embeddings?api-version=2020-01-01", `{"model":"e","input":"hello"}`, "/openai/deployments/e/embeddings"},
			} {
				before := len(g.Sim.Served().Requests)
				resp := g.Post(t, c.path, c.body, tt.header...)
				body := gatetest.Body(t, resp)
				if tt.code != "" {
					if resp.StatusCode != tt.code.Row().Status || !strings.Contains(body, string(tt.code)) {
						t.Errorf("%s: %d %s, want %s", c.path, resp.StatusCode, body, tt.code)
					}
					if sent := len(g.Sim.Served().Requests); sent != before {
						t.Errorf("%s: Azure was called", c.path)
					}
					continue
				}
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("%s: %d %s", c.path, resp.StatusCode, body)
				}
				r := g.Sim.Served().Requests[before]
				if r.Path != c.sent || r.Query != "api-version=2023-03-15-preview" || r.Headers.Get("Api-Key") != tt.wantKey || r.Headers.Get("Authorization") != "" {
					t.Errorf("sent to %s?%s with api-key %q, Authorization %q; want %s with %q", r.Path, r.Query, r.Headers.Get("Api-Key"), r.Headers.Get("Authorization"), c.sent, tt.wantKey)
				}
			}
		})
	}
}
