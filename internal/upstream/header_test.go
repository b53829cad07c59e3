package upstream_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// hostile is what a client may send, wanted or not. Every value is the
// header's own name in lower case, unless it matters.
func hostile() http.Header {
	h := http.Header{}
	for _, name := range []string{
		// Welcome everywhere:
		"Accept", "User-Agent", "X-Client-Request-Id",
		// OpenAI's dialects:
		"OpenAI-Beta", "Originator", "Version", "Session-Id", "Session_id", "Thread-Id", "Conversation_id",
		"X-Codex-Window-Id", "X-Codex-Turn-Metadata", "X-Codex-Beta-Features", "X-OpenAI-Internal-Codex-Responses-Lite", "X-OpenAI-Subagent",
		// Anthropic's:
		"Anthropic-Version", "Anthropic-Beta",
		// With the client's own credential:
		"OpenAI-Organization", "OpenAI-Project", "ChatGPT-Account-Id", "Idempotency-Key",
		// To the simulator:
		"X-Sim-Stall", "X-Sim-Status",
		// Never:
		"Authorization", "Api-Key", "X-Api-Key", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "Cookie", "Proxy-Authorization",
		"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-Ip", "Origin", "Referer", "Sec-Fetch-Site",
		"X-Weir-Key", "X-Weir-Tags", "X-Request-Id", "X-User-Id", "X-Stainless-Os", "X-Ms-Oai-Image-Generation-Deployment",
		"Host", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept-Encoding", "Te", "Trailer", "Upgrade",
		"Keep-Alive", "Proxy-Connection", "Expect", "Traceparent", "X-Http-Method-Override", "If-None-Match", "Range",
		"Anthropic-Dangerous-Direct-Browser-Access", "X-Codex", "X_codex_window_id",
		// Named in Connection:
		"X-Codex-Turn-State",
	} {
		h.Set(name, strings.ToLower(name))
	}
	h.Set("Connection", "keep-alive, x-codex-turn-state")
	h.Set("Content-Type", "text/plain")
	h["X-Codex-Bad"] = []string{"a\r\nx-injected: b"}
	return h
}

func TestRequestHeader(t *testing.T) {
	always := []string{"Accept", "User-Agent", "X-Client-Request-Id"}
	openAI := []string{
		"Openai-Beta", "Originator", "Version", "Session-Id", "Session_id", "Thread-Id", "Conversation_id",
		"X-Codex-Window-Id", "X-Codex-Turn-Metadata", "X-Codex-Beta-Features", "X-Openai-Internal-Codex-Responses-Lite", "X-Openai-Subagent",
	}
	anthropic := []string{"Anthropic-Version", "Anthropic-Beta"}
	own := []string{"Idempotency-Key"}
	account := []string{"Openai-Organization", "Openai-Project", "Chatgpt-Account-Id"}
	simulator := []string{"X-Sim-Stall", "X-Sim-Status"}
	passthrough := upstream.Auth{Mode: upstream.AuthPassthrough}

	for _, tt := range []struct {
		name string
		kind upstream.Kind
		auth upstream.Auth
		op   llm.Operation
		want [][]string
	}{
		{"openai", upstream.OpenAI, upstream.Auth{}, llm.OpResponses, [][]string{always, openAI}},
		{"openai, passthrough", upstream.OpenAI, passthrough, llm.OpChat, [][]string{always, openAI, own, account}},
		{"azure", upstream.Azure, upstream.Auth{}, llm.OpChat, [][]string{always, openAI}},
		{"ollama", upstream.Ollama, upstream.Auth{}, llm.OpMessages, [][]string{always, anthropic}},
		{"anthropic", upstream.Anthropic, upstream.Auth{}, llm.OpMessages, [][]string{always, anthropic}},
		{"anthropic, passthrough", upstream.Anthropic, passthrough, llm.OpCountTokens, [][]string{always, anthropic, own}},
		{"compatible", upstream.Compatible, upstream.Auth{}, llm.OpEmbeddings, [][]string{always, openAI}},
		{"simulator", upstream.Simulator, upstream.Auth{}, llm.OpResponses, [][]string{always, openAI, simulator}},
		{"simulator, messages", upstream.Simulator, upstream.Auth{}, llm.OpMessages, [][]string{always, anthropic, simulator}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got http.Header
			u := open(t, upstream.Settings{Kind: tt.kind, Auth: tt.auth, Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = r.Header
				got.Set("Host", r.Host)
			})})
			c := call()
			c.Op, c.Header, c.RequestID = tt.op, hostile(), "weir-1"
			do(t, u, c)

			want := http.Header{
				"Content-Type": {"application/json"}, "Content-Length": {"13"}, "Accept-Encoding": {"identity"},
				"X-Request-Id": {"weir-1"}, "Host": got["Host"],
			}
			for _, name := range slices.Concat(tt.want...) {
				want[name] = []string{strings.ToLower(name)}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("header sent (-want +got):\n%s", diff)
			}
			if got.Get("Host") == "host" {
				t.Error("the client's Host went upstream")
			}
		})
	}
}

func TestClientHeaderIsNotChanged(t *testing.T) {
	u := open(t, upstream.Settings{
		Auth:     upstream.Auth{Mode: upstream.AuthBearer, Secret: "sesame"},
		Headers:  map[string]string{"originator": "weir"},
		Endpoint: serve(t, func(http.ResponseWriter, *http.Request) {}),
	})
	c := call()
	c.Header = hostile()
	before := c.Header.Clone()
	do(t, u, c)
	if diff := cmp.Diff(before, c.Header); diff != "" {
		t.Errorf("the client's header changed (-before +after):\n%s", diff)
	}
}

func TestRequestHeaderDefaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		op     llm.Operation
		client http.Header
		extra  map[string]string
		want   map[string]string // "" means absent
	}{
		{"no user agent", llm.OpChat, nil, nil, map[string]string{"User-Agent": "weir", "X-Request-Id": "", "Accept": ""}},
		{"endless user agent", llm.OpChat, http.Header{"User-Agent": {strings.Repeat("a", 4000)}}, nil, map[string]string{"User-Agent": strings.Repeat("a", 512)}},
		{"no anthropic version", llm.OpMessages, nil, nil, map[string]string{"Anthropic-Version": "2023-06-01"}},
		{"newer anthropic version", llm.OpMessages, http.Header{"Anthropic-Version": {"2026-10-21"}}, nil, map[string]string{"Anthropic-Version": "2026-10-21"}},
		{"not for openai's dialects", llm.OpChat, nil, nil, map[string]string{"Anthropic-Version": ""}},
		{"extra headers come before the client's", llm.OpChat, http.Header{"Openai-Beta": {"client"}}, map[string]string{"openai-beta": "config", "openai-organization": "org"}, map[string]string{"Openai-Beta": "config", "Openai-Organization": "org"}},
		{"names in any case", llm.OpChat, http.Header{"openai-beta": {"b"}, "cookie": {"c"}}, nil, map[string]string{"Openai-Beta": "b", "Cookie": ""}},
		{"connection names several", llm.OpChat, http.Header{"Openai-Beta": {"b"}, "Originator": {"o"}, "Connection": {"close", "OPENAI-BETA ,, originator"}}, nil, map[string]string{"Openai-Beta": "", "Originator": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got http.Header
			u := open(t, upstream.Settings{Headers: tt.extra, Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header })})
			c := call()
			c.Op, c.Header = tt.op, tt.client
			do(t, u, c)
			for name, want := range tt.want {
				if got := got.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		})
	}
}

func segment(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestCredential(t *testing.T) {
	jwt := segment(`{"alg":"RS256","typ":"JWT"}`) + "." + segment(`{"aud":"x"}`) + "." + segment("signature")
	configured := func(mode upstream.AuthMode) upstream.Auth { return upstream.Auth{Mode: mode, Secret: "sesame"} }
	passthrough := upstream.Auth{Mode: upstream.AuthPassthrough}
	bearer := func(v string) upstream.Credential { return upstream.Credential{Header: "authorization", Value: v} }
	apiKey := func(v string) upstream.Credential { return upstream.Credential{Header: "Api-Key", Value: v} }
	xAPIKey := func(v string) upstream.Credential { return upstream.Credential{Header: "x-api-key", Value: v} }

	for _, tt := range []struct {
		name   string
		kind   upstream.Kind
		auth   upstream.Auth
		client upstream.Credential
		want   map[string]string
	}{
		{"openai key", upstream.OpenAI, configured(upstream.AuthAPIKey), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"compatible key", upstream.Compatible, configured(upstream.AuthAPIKey), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"ollama key", upstream.Ollama, configured(upstream.AuthAPIKey), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"azure key", upstream.Azure, configured(upstream.AuthAPIKey), bearer("client"), map[string]string{"Api-Key": "sesame"}},
		{"anthropic key", upstream.Anthropic, configured(upstream.AuthAPIKey), bearer("client"), map[string]string{"X-Api-Key": "sesame"}},
		{"openai bearer", upstream.OpenAI, configured(upstream.AuthBearer), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"azure bearer", upstream.Azure, configured(upstream.AuthBearer), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"anthropic bearer", upstream.Anthropic, configured(upstream.AuthBearer), bearer("client"), map[string]string{"Authorization": "Bearer sesame"}},
		{"none", upstream.Ollama, upstream.Auth{Mode: upstream.AuthNone}, bearer("client"), nil},
		{"nothing said", upstream.OpenAI, upstream.Auth{}, bearer("client"), nil},

		{"passthrough to openai", upstream.OpenAI, passthrough, bearer("client"), map[string]string{"Authorization": "Bearer client"}},
		{"passthrough to openai, came as api-key", upstream.OpenAI, passthrough, apiKey("client"), map[string]string{"Authorization": "Bearer client"}},
		{"passthrough to ollama, nothing came", upstream.Ollama, passthrough, upstream.Credential{}, nil},
		{"passthrough to azure, key", upstream.Azure, passthrough, bearer("client"), map[string]string{"Api-Key": "client"}},
		{"passthrough to azure, JWT", upstream.Azure, passthrough, bearer(jwt), map[string]string{"Authorization": "Bearer " + jwt}},
		{"passthrough to azure, JWT as api-key", upstream.Azure, passthrough, apiKey(jwt), map[string]string{"Authorization": "Bearer " + jwt}},
		{"passthrough to azure, no algorithm", upstream.Azure, passthrough, bearer(segment(`{"typ":"JWT"}`) + ".e30.c2ln"), map[string]string{"Api-Key": segment(`{"typ":"JWT"}`) + ".e30.c2ln"}},
		{"passthrough to azure, header no JSON", upstream.Azure, passthrough, bearer("abc.def.ghi"), map[string]string{"Api-Key": "abc.def.ghi"}},
		{"passthrough to azure, two segments", upstream.Azure, passthrough, bearer(segment(`{"alg":"x"}`) + ".e30"), map[string]string{"Api-Key": segment(`{"alg":"x"}`) + ".e30"}},
		{"passthrough to azure, four segments", upstream.Azure, passthrough, bearer(jwt + ".e30"), map[string]string{"Api-Key": jwt + ".e30"}},
		{"passthrough to anthropic, x-api-key", upstream.Anthropic, passthrough, xAPIKey("client"), map[string]string{"X-Api-Key": "client"}},
		{"passthrough to anthropic, api-key", upstream.Anthropic, passthrough, apiKey("client"), map[string]string{"X-Api-Key": "client"}},
		{"passthrough to anthropic, Bearer", upstream.Anthropic, passthrough, bearer("client"), map[string]string{"Authorization": "Bearer client"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]string{}
			u := open(t, upstream.Settings{Kind: tt.kind, Auth: tt.auth, Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
				for _, name := range []string{"Authorization", "Api-Key", "X-Api-Key"} {
					if v := r.Header.Get(name); v != "" {
						got[name] = v
					}
				}
			})})
			c := call()
			c.Header, c.Credential = hostile(), tt.client
			if tt.kind == upstream.Anthropic {
				c.Op = llm.OpMessages
			}
			do(t, u, c)
			if !maps.Equal(got, tt.want) {
				t.Errorf("credential headers = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFoundryTakesAKeyTwice(t *testing.T) {
	key := upstream.Auth{Mode: upstream.AuthAPIKey, Secret: "sesame"}
	pass := upstream.Auth{Mode: upstream.AuthPassthrough}
	for _, tt := range []struct {
		endpoint string
		auth     upstream.Auth
		came     string
		want     [3]string // X-Api-Key, Api-Key, Authorization
	}{
		{"https://r.services.ai.azure.com/anthropic", key, "", [3]string{"sesame", "sesame", ""}},
		{"https://r.services.ai.azure.com/anthropic", pass, "X-Api-Key", [3]string{"client", "client", ""}},
		{"https://r.services.ai.azure.com/anthropic", pass, "Authorization", [3]string{"", "", "Bearer client"}},
		{"https://api.anthropic.com", key, "", [3]string{"sesame", "", ""}},
	} {
		c := call()
		c.Op, c.Credential = llm.OpMessages, upstream.Credential{Header: tt.came, Value: "client"}
		h, err := open(t, upstream.Settings{Kind: upstream.Anthropic, Endpoint: tt.endpoint, Auth: tt.auth}).RequestHeader(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{h.Get("X-Api-Key"), h.Get("Api-Key"), h.Get("Authorization")}; got != tt.want {
			t.Errorf("%s, %v: credential headers = %q, want %q", tt.endpoint, tt.auth, got, tt.want)
		}
	}
}

func TestCredentialThatIsNoHeader(t *testing.T) {
	u := open(t, upstream.Settings{Auth: upstream.Auth{Mode: upstream.AuthPassthrough}, Endpoint: "http://127.0.0.1:1"})
	for _, value := range []string{"a b", "a\r\nx: y", "a\x00", "é"} {
		c := call()
		c.Credential = upstream.Credential{Header: "Authorization", Value: value}
		if _, err := u.Do(patient(t), c); err == nil || llm.AsError(err).Code != llm.CodeInvalidKey {
			t.Errorf("Do(credential %q) error = %v, want %s", value, err, llm.CodeInvalidKey)
		}
	}
}

func TestAnswerHeader(t *testing.T) {
	u := open(t, upstream.Settings{Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Type": "text/event-stream", "Retry-After": "1", "Retry-After-Ms": "900", "X-Should-Retry": "true",
			"OpenAI-Processing-Ms": "12", "OpenAI-Model": "gpt", "X-Models-Etag": "e", "X-Reasoning-Included": "true",
			"X-Codex-Turn-State": "s", "Apim-Request-Id": "apim", "Azure-OpenAI-Deployment-Utilization": "12%",
			"X-RateLimit-Remaining-Tokens": "5", "Anthropic-RateLimit-Requests-Limit": "9", "X-Request-Id": "theirs",

			"Set-Cookie": "a=b", "Server": "nginx", "X-Ms-Region": "here", "X-Ms-Deployment-Name": "d", "Azureml-Model-Session": "m",
			"OpenAI-Organization": "org", "OpenAI-Version": "2020-10-01", "Cf-Ray": "r", "Alt-Svc": "h3", "Strict-Transport-Security": "max-age=1",
			"Access-Control-Allow-Origin": "*", "Location": "elsewhere", "Www-Authenticate": "Bearer", "Cache-Control": "public", "X-Weir-Notice": "spoofed",
			"Content-Length": "2", "Trailer": "X-T",
		} {
			w.Header().Set(name, value)
		}
		_, _ = w.Write([]byte("ok"))
	})})
	a, body := do(t, u, call())
	want := http.Header{
		"Content-Type": {"text/event-stream"}, "Retry-After": {"1"}, "Retry-After-Ms": {"900"}, "X-Should-Retry": {"true"},
		"Openai-Processing-Ms": {"12"}, "Openai-Model": {"gpt"}, "X-Models-Etag": {"e"}, "X-Reasoning-Included": {"true"},
		"X-Codex-Turn-State": {"s"}, "Apim-Request-Id": {"apim"}, "Azure-Openai-Deployment-Utilization": {"12%"},
		"X-Ratelimit-Remaining-Tokens": {"5"}, "Anthropic-Ratelimit-Requests-Limit": {"9"}, "X-Upstream-Request-Id": {"theirs"},
	}
	if diff := cmp.Diff(want, a.Header); diff != "" {
		t.Errorf("Answer.Header (-want +got):\n%s", diff)
	}
	if a.Status != 200 || a.RequestID != "theirs" || body != "ok" {
		t.Errorf("answer = %d, id %q, body %q, want 200, id theirs, body ok", a.Status, a.RequestID, body)
	}
}

func TestAnswerRequestID(t *testing.T) {
	for _, tt := range []struct {
		header http.Header
		want   string
		shown  string
	}{
		{http.Header{"Request-Id": {"req_1"}}, "req_1", "req_1"},
		{http.Header{"X-Request-Id": {"x"}, "Request-Id": {"req_1"}}, "x", "x"},
		{http.Header{"Apim-Request-Id": {"a"}}, "a", ""},
		{nil, "", ""},
	} {
		u := open(t, upstream.Settings{Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) { maps.Copy(w.Header(), tt.header) })})
		a, _ := do(t, u, call())
		if got := a.Header.Get("X-Upstream-Request-Id"); a.RequestID != tt.want || got != tt.shown {
			t.Errorf("%v: RequestID = %q, header %q, want %q and %q", tt.header, a.RequestID, got, tt.want, tt.shown)
		}
	}
}
