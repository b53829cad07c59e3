package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// upgrade is a handshake as text; more headers go behind it.
func upgrade(target string, header ...string) string {
	s := "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, h := range header {
		s += h + "\r\n"
	}
	return s + "\r\n"
}

// TestRealtimeRefused: what is wrong is told by status, before any upstream is
// asked.
func TestRealtimeRefused(t *testing.T) {
	m := startModel(t, converses)
	keyless := talks(t, m, "")
	keyed := talks(t, m, "", "keys: [{ name: k, secret: weir-0123456789a, models: [m, gone] }, { name: all, secret: weir-0123456789b }]")
	passing := talks(t, m, "auth: passthrough", "keys: [{ name: k, secret: weir-0123456789a }]")
	const key, all = "Authorization: Bearer weir-0123456789a", "Authorization: Bearer weir-0123456789b"
	for _, tt := range []struct {
		name  string
		g     *gatetest.Gate
		text  string
		code  llm.Code
		entry bool
	}{
		{"no handshake", keyed, request("GET", "/v1/realtime?model=m", "", key), llm.CodeWebSocketRequired, false},
		{"another upgrade", keyed, strings.Replace(upgrade("/v1/realtime?model=m", key), ": websocket", ": h2c", 1), llm.CodeWebSocketRequired, false},
		{"an upgrade that no connection header names", keyed, strings.Replace(upgrade("/v1/realtime?model=m", key), "keep-alive, Upgrade", "keep-alive", 1), llm.CodeWebSocketRequired, false},
		{"another version", keyed, strings.Replace(upgrade("/v1/realtime?model=m", key), "Version: 13", "Version: 8", 1), llm.CodeWebSocketRequired, false},
		{"no nonce", keyed, strings.Replace(upgrade("/v1/realtime?model=m", key), "AAAAAAAAAAAAAAAAAAAAAA==", "AAAA", 1), llm.CodeInvalidValue, false},
		{"another method", keyed, strings.Replace(upgrade("/v1/realtime?model=m", key), "GET", "POST", 1), llm.CodeMethodNotAllowed, false},
		{"an upgrade elsewhere", keyed, upgrade("/v1/responses", key), llm.CodeWebSocketUnsupported, false},
		{"client secrets", keyed, request("POST", "/v1/realtime/client_secrets", "{}", key), llm.CodeUnknownURL, false},
		{"sessions", keyed, request("POST", "/openai/v1/realtime/sessions", "{}", key), llm.CodeUnknownURL, false},
		{"calls", keyed, request("POST", "/v1/realtime/calls", "{}", key), llm.CodeUnknownURL, false},
		{"no key", keyed, upgrade("/v1/realtime?model=m"), llm.CodeMissingKey, false},
		{"a key in the query", keyed, upgrade("/openai/realtime?deployment=m&api-key=weir-0123456789a"), llm.CodeMissingKey, false},
		{"a wrong key", keyed, upgrade("/v1/realtime?model=m", "api-key: weir-0123456789x"), llm.CodeInvalidKey, false},
		{"a wrong key among the protocols", keyed, upgrade("/v1/realtime?model=m", "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.weir-0123456789x"), llm.CodeInvalidKey, false},
		{"two keys", keyed, upgrade("/v1/realtime?model=m", key, "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.weir-0123456789b"), llm.CodeAmbiguousCredentials, false},
		{"a page of another origin, without keys", keyless, upgrade("/v1/realtime?model=m", "Origin: https://evil.example"), llm.CodeForeignOrigin, false},
		{"a page of another origin, with one", keyed, upgrade("/v1/realtime?model=m", key, "Origin: https://evil.example"), llm.CodeForeignOrigin, false},
		{"a page of no origin", keyed, upgrade("/v1/realtime?model=m", key, "Origin: null"), llm.CodeForeignOrigin, false},
		{"another host", keyless, strings.Replace(upgrade("/v1/realtime?model=m"), "Host: localhost", "Host: evil.example", 1), llm.CodeForeignHost, false},
		{"no model", keyed, upgrade("/v1/realtime", key), llm.CodeMissingParameter, true},
		{"an empty model", keyed, upgrade("/v1/realtime?model=", key), llm.CodeMissingParameter, true},
		{"two models", keyed, upgrade("/v1/realtime?model=m&model=gone", key), llm.CodeInvalidValue, true},
		{"two models by two names", keyed, upgrade("/v1/realtime?model=m&deployment=gone", key), llm.CodeInvalidValue, true},
		{"a model with a line end", keyed, upgrade("/v1/realtime?model=m%0a", key), llm.CodeInvalidValue, true},
		{"a malformed query", keyed, upgrade("/v1/realtime?model=m&%zz", key), llm.CodeInvalidValue, true},
		{"a call", keyed, upgrade("/v1/realtime?call_id=rtc_1", key), llm.CodeInvalidValue, true},
		{"another intent", keyed, upgrade("/v1/realtime?model=m&intent=x%26deployment%3dy", key), llm.CodeInvalidValue, true},
		{"a model that the key may not use", keyed, upgrade("/v1/realtime?model=other", key), llm.CodeModelNotAllowed, true},
		{"a model that nobody has", keyed, upgrade("/v1/realtime?model=gone", all), llm.CodeModelNotFound, true},
		{"no credential of one's own", passing, upgrade("/v1/realtime?model=m", "x-weir-key: weir-0123456789a"), llm.CodeMissingKey, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := int(tt.g.Ledger.Total())
			status, header, body := raw(t, tt.g, tt.text)
			wantFailure(t, status, header, body, tt.code)
			switch {
			case tt.code == llm.CodeWebSocketRequired && (header.Get("Upgrade") != "websocket" || tt.name != "no handshake" && header.Get("Connection") != "Upgrade"):
				t.Errorf("426 without a way to upgrade: %v", header)
			case tt.name == "another version" && header.Get("Sec-Websocket-Version") != "13":
				t.Errorf("no version is offered: %v", header)
			case tt.code == llm.CodeWebSocketUnsupported && header.Get("Upgrade") == "websocket":
				t.Errorf("a WebSocket is offered where there is none: %v", header)
			}
			if strings.Contains(body+fmt.Sprint(header), "0123456789") {
				t.Errorf("the answer shows a key: %s %v", body, header)
			}
			if tt.entry {
				before++
			}
			entries := tt.g.Entries(t, before)
			if tt.entry {
				if e := entries[before-1]; e.Code != tt.code || e.Status != status || e.Usage.Provenance != llm.UsageNone || e.Operation != llm.OpRealtime {
					t.Errorf("entry = %+v", e)
				}
			}
		})
	}
	if len(m.opens) > 0 {
		t.Error("the upstream was asked")
	}
	if strings.Contains(keyed.Log.String()+passing.Log.String(), "0123456789") {
		t.Error("the log shows a key")
	}
}

// TestRealtimeOrigins: pages of the origins that are named may connect.
func TestRealtimeOrigins(t *testing.T) {
	m := startModel(t, converses)
	const keys = "keys: [{ name: k, secret: weir-0123456789a }]"
	for _, tt := range []struct {
		origins, keys, from string
		served              bool
	}{
		{`["https://chat.example"]`, keys, "https://chat.example", true},
		{`["https://chat.example"]`, "", "https://chat.example", true},
		{`["https://chat.example"]`, keys, "https://other.example", false},
		{`["https://chat.example"]`, keys, "https://chat.example.evil.example", false},
		{`["https://chat.example"]`, keys, "null", false},
		{`["*"]`, keys, "https://other.example", true},
		{`[]`, keys, "http://localhost", true}, // its own
	} {
		g := talks(t, m, "", tt.keys, "cors: { origins: "+tt.origins+" }")
		text := upgrade("/v1/realtime?model=m", "Authorization: Bearer weir-0123456789a", "Origin: "+tt.from)
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if served := resp.StatusCode == http.StatusSwitchingProtocols; served != tt.served || !served && resp.StatusCode != http.StatusForbidden {
			t.Errorf("origins %s: a page of %s got %d", tt.origins, tt.from, resp.StatusCode)
		}
		conn.Close()
	}
}

// TestRealtimeNobody: a model whose upstreams have no sockets.
func TestRealtimeNobody(t *testing.T) {
	g := gatetest.Start(t, `
upstreams:
  - { name: claude, kind: anthropic, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: ollama, kind: ollama, endpoint: "${SIM}" }
models: [{ name: m, targets: [{ upstream: claude }, { upstream: ollama }] }]
`)
	status, header, body := raw(t, g, upgrade("/v1/realtime?model=m"))
	wantFailure(t, status, header, body, llm.CodeUnsupportedOperation)
}

// TestRealtimeKeyInProtocol: a browser's way to send a key. It goes nowhere
// but to whom it is for.
func TestRealtimeKeyInProtocol(t *testing.T) {
	m := startModel(t, converses)
	const keys = "keys: [{ name: k, secret: weir-0123456789a }]"
	for _, tt := range []struct {
		name, auth, keys, header, protocol string
		want, organization                 string // at the upstream
	}{
		{"Weir's own", "auth: { bearer: of-the-upstream }", keys, "", "openai-insecure-api-key.weir-0123456789a", "Bearer of-the-upstream", ""},
		{"in another case", "auth: { bearer: of-the-upstream }", keys, "", "OpenAI-Insecure-API-Key.weir-0123456789a", "Bearer of-the-upstream", ""},
		{"of no use without keys", "auth: { bearer: of-the-upstream }", "", "", "openai-insecure-api-key.of-the-client", "Bearer of-the-upstream", ""},
		{"the client's own", "auth: passthrough", "", "", "openai-insecure-api-key.of-the-client", "Bearer of-the-client", "org"},
		{"both", "auth: passthrough", keys, "weir-0123456789a", "openai-insecure-api-key.of-the-client", "Bearer of-the-client", "org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := talks(t, m, tt.auth, tt.keys)
			headers := []string{"protocol", "realtime", "protocol", tt.protocol, "protocol", "openai-organization.org", "protocol", "other", "protocol", "openai-beta.realtime-v1", "Origin", g.URL}
			if tt.header != "" {
				headers = append(headers, "X-Weir-Key", tt.header)
			}
			c, resp, err := dial(t, g, "/v1/realtime?model=m", headers...)
			if err != nil {
				t.Fatal(err, resp)
			}
			if c.Subprotocol() != "realtime" {
				t.Errorf("the client was given the subprotocol %q", c.Subprotocol())
			}
			r := <-m.opens
			want := "realtime,openai-beta.realtime-v1"
			if tt.organization != "" {
				want = "realtime,openai-organization.org,openai-beta.realtime-v1"
			}
			if got := r.Header.Get("Authorization"); got != tt.want || r.Header.Get("Sec-Websocket-Protocol") != want {
				t.Errorf("the upstream got Authorization %q and the protocols %q, want %q and %q", got, r.Header.Get("Sec-Websocket-Protocol"), tt.want, want)
			}
			if shown := fmt.Sprint(r.Header) + g.Log.String() + fmt.Sprint(resp.Header); strings.Contains(shown, "0123456789") {
				t.Errorf("Weir's key is shown in %s", shown)
			}
		})
	}
}

// TestRealtimeProtocolOfNobody: an upstream that does not choose a protocol
// does not break off a client that must have one.
func TestRealtimeProtocolOfNobody(t *testing.T) {
	m := startModel(t, converses)
	g := talks(t, m, "")
	if c := open(t, g, "/v1/realtime?model=m"); c.Subprotocol() != "" {
		t.Errorf("the client was given %q, which it has not asked for", c.Subprotocol())
	}
	if c := open(t, g, "/v1/realtime?model=m", "protocol", "other"); c.Subprotocol() != "" {
		t.Errorf("the client was given %q, which nobody has chosen", c.Subprotocol())
	}
	silent := &model{url: rawUpstream(t, func(conn *net.TCPConn) {
		// The answer to any nonce is not known here, so that the handshake
		// fails: what the client is told of that is what is looked at.
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
	})}
	status, header, body := raw(t, talks(t, silent, ""), upgrade("/v1/realtime?model=m"))
	wantFailure(t, status, header, body, llm.CodeUpstreamInvalid)
}

// TestRealtimeUpstreamRefuses: the client is told by a status, as for calls.
func TestRealtimeUpstreamRefuses(t *testing.T) {
	const openAI = `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`
	long := `{"error":{"message":"` + strings.Repeat("long ", 1000) + `","type":"invalid_request_error","param":"model","code":"x"}}`
	hang := make(chan struct{})
	for _, tt := range []struct {
		name   string
		status int
		header []string
		body   string
		want   int
		code   llm.Code
		after  string
		passes bool
	}{
		{"its key is wrong", 401, nil, openAI, 502, llm.CodeUpstreamAuth, "", false},
		{"it is forbidden", 403, nil, openAI, 502, llm.CodeUpstreamAuth, "", false},
		{"limited", 429, []string{"Retry-After", "7"}, openAI, 429, llm.CodeUpstreamLimited, "7", true},
		{"limited without a time", 429, nil, "", 429, llm.CodeUpstreamLimited, "1", false},
		{"no such path", 404, nil, openAI, 502, llm.CodeModelUnavailable, "", false},
		{"no such deployment", 400, nil, `{"error":{"message":"no","type":"x","code":"DeploymentNotFound"}}`, 502, llm.CodeModelUnavailable, "", false},
		{"a long message", 400, nil, long, 400, llm.CodeUpstreamRejected, "", true},
		{"it fails", 500, nil, openAI, 500, llm.CodeUpstreamFailed, "", true},
		{"its proxy fails, in HTML", 503, []string{"Content-Type", "text/html", "Retry-After", "3"}, "<html>", 503, llm.CodeUpstreamFailed, "3", false},
		{"a page", 200, []string{"Content-Type", "text/html"}, "<html>", 502, llm.CodeUpstreamInvalid, "", false},
		{"a success without a socket", 200, []string{"Content-Type", "application/json"}, "{}", 502, llm.CodeUpstreamInvalid, "", false},
		{"somewhere else", 307, []string{"Location", "http://127.0.0.1:1/"}, "", 502, llm.CodeUpstreamInvalid, "", false},
		{"it hangs", 0, nil, "", 504, llm.CodeFirstByteTimeout, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.status == 0 {
					select {
					case <-hang:
					case <-r.Context().Done():
					}
					return
				}
				w.Header().Set("Content-Type", "application/json")
				for i := 0; i < len(tt.header); i += 2 {
					w.Header().Set(tt.header[i], tt.header[i+1])
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
			g := talks(t, &model{url: s.URL}, "timeouts: { first_byte: 200ms }")
			status, header, body := raw(t, g, upgrade("/v1/realtime?model=m"))
			if tt.passes {
				if status != tt.want || body != tt.body {
					t.Errorf("%d %.200s, want %d and the upstream's own words", status, body, tt.want)
				}
			} else if status != tt.want || !strings.Contains(body, `"code":"`+string(tt.code)+`"`) || !strings.Contains(body, header.Get("X-Request-Id")) {
				t.Errorf("%d %s, want %d and code %s", status, body, tt.want, tt.code)
			}
			if header.Get("Retry-After") != tt.after {
				t.Errorf("Retry-After = %q, want %q", header.Get("Retry-After"), tt.after)
			}
			e := g.Entries(t, 1)[0]
			if e.Code != tt.code || e.Status != tt.want || e.Usage.Provenance != llm.UsageNone || len(e.Attempts) != 1 || e.Upstream != "up" {
				t.Errorf("entry = %+v", e)
			}
			if tt.status > 0 && tt.status != 307 && e.Attempts[0].Status != tt.status {
				t.Errorf("attempt = %+v, want status %d", e.Attempts[0], tt.status)
			}
		})
	}
}

// TestRealtimeUpstreamAway: nobody is there, or goes without an answer.
func TestRealtimeUpstreamAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	ln.Close()
	for _, tt := range []struct {
		name, url string
		code      llm.Code
	}{
		{"nobody", nobody, llm.CodeUpstreamConnect},
		{"it hangs up", rawUpstream(t, func(*net.TCPConn) {}), llm.CodeUpstreamLost},
		{"it speaks something else", rawUpstream(t, func(c *net.TCPConn) { io.WriteString(c, "220 smtp ready\r\n") }), llm.CodeUpstreamInvalid},
		{"it wants to compress", rawUpstream(t, func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
		}), llm.CodeUpstreamInvalid},
	} {
		g := talks(t, &model{url: tt.url}, "")
		status, header, body := raw(t, g, upgrade("/v1/realtime?model=m"))
		t.Log(tt.name)
		wantFailure(t, status, header, body, tt.code)
		if e := g.Entries(t, 1)[0]; e.Code != tt.code || e.Usage.Provenance != llm.UsageNone {
			t.Errorf("%s: entry = %+v", tt.name, e)
		}
	}
}

// TestRealtimeOverTLS: an upstream that prefers HTTP/2 is spoken to in
// HTTP/1.1, where its sockets are.
func TestRealtimeOverTLS(t *testing.T) {
	m := startModel(t, converses)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("the handshake came over %s", r.Proto)
		}
		forward(t, w, r, m.url)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	g := talks(t, &model{url: s.URL}, "insecure_skip_verify: true")
	c := open(t, g, "/v1/realtime?model=m")
	say(t, c, `{"type":"x"}`)
	if got := hear(t, c); got != `{"type":"x"}` {
		t.Error(got)
	}
	g = talks(t, &model{url: s.URL}, "")
	status, header, body := raw(t, g, upgrade("/v1/realtime?model=m"))
	wantFailure(t, status, header, body, llm.CodeUpstreamTLS)
}

// forward is a tunnel of bytes to the server at url.
func forward(t *testing.T, w http.ResponseWriter, r *http.Request, url string) {
	far, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer far.Close()
	if err := r.Write(far); err != nil {
		t.Error(err)
		return
	}
	near, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer near.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(near, far)
		near.Close()
	}()
	_, _ = io.Copy(far, rw)
	far.Close()
	<-done
}

// TestRealtimeClientLeavesTheHandshake: an upstream that hangs is not waited
// for by nobody.
func TestRealtimeClientLeavesTheHandshake(t *testing.T) {
	asked, left := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	}))
	defer s.Close()
	g := talks(t, &model{url: s.URL}, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, upgrade("/v1/realtime?model=m")); err != nil {
		t.Fatal(err)
	}
	<-asked
	conn.Close()
	select {
	case <-left:
	case <-time.After(time.Second):
		t.Error("the upstream was not left within a second")
	}
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeClientClosed || e.Status != 499 {
		t.Errorf("entry = %+v", e)
	}
}

// TestRealtimeOverOldHTTP: where there is no upgrade, the client is told.
func TestRealtimeOverOldHTTP(t *testing.T) {
	m := startModel(t, converses)
	g := talks(t, m, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, strings.Replace(upgrade("/v1/realtime?model=m"), "HTTP/1.1", "HTTP/1.0", 1))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("over HTTP/1.0: %s", resp.Status)
	}
}
