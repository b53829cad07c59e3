package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// page is what proxies answer. It quotes what it should not.
const page = "<html><head><title>502 Bad Gateway</title></head><body>up.internal.example.invalid said no to " + upstreamSecret + "</body></html>"

// TestContentTypes: which of the two forms an answer has is told by its type,
// whatever was asked for. What is neither is not shown.
func TestContentTypes(t *testing.T) {
	large := `{"pad":"` + strings.Repeat("x", 100_000) + `"}`
	for _, tt := range []struct {
		name, contentType string
		body              func(goodAnswer) string
		code              llm.Code
		end               ending
	}{
		{"JSON", "application/json", goodAnswer.asWhole, "", endClean},
		{"JSON without a type", "", goodAnswer.asWhole, "", endClean},
		{"JSON in another charset's name", "application/json;charset=latin1", goodAnswer.asWhole, "", endClean},
		{"a problem that is none", "application/problem+json", goodAnswer.asWhole, "", endClean},
		{"JSON with white space around", "application/json", func(a goodAnswer) string { return "\r\n \t" + a.whole + "\n\n" }, "", endClean},
		{"a stream", "text/event-stream", goodAnswer.asStream, "", endClean},
		{"JSON as text", "text/plain; charset=utf-8", goodAnswer.asWhole, llm.CodeUpstreamInvalid, endRefused},
		{"JSON as HTML", "text/html", goodAnswer.asWhole, llm.CodeUpstreamInvalid, endRefused},
		{"JSON as bytes", "application/octet-stream", goodAnswer.asWhole, llm.CodeUpstreamInvalid, endRefused},
		{"NDJSON", "application/x-ndjson", func(a goodAnswer) string { return a.whole + "\n" + a.whole + "\n" }, llm.CodeUpstreamInvalid, endRefused},
		{"NDJSON as JSON", "application/json", func(a goodAnswer) string { return a.whole + "\n" + a.whole + "\n" }, llm.CodeUpstreamInvalid, endRefused},
		{"HTML", "text/html", func(goodAnswer) string { return page }, llm.CodeUpstreamInvalid, endRefused},
		{"HTML without a type", "", func(goodAnswer) string { return page }, llm.CodeUpstreamInvalid, endRefused},
		{"HTML as JSON", "application/json", func(goodAnswer) string { return page }, llm.CodeUpstreamInvalid, endRefused},
		{"large HTML as JSON", "application/json", func(goodAnswer) string { return strings.Repeat(page, 1000) }, llm.CodeUpstreamInvalid, endRefused},
		{"large HTML without a type", "", func(goodAnswer) string { return strings.Repeat(page, 1000) }, llm.CodeUpstreamInvalid, endRefused},
		{"HTML as a stream", "text/event-stream", func(goodAnswer) string { return page }, llm.CodeUpstreamTruncated, endFailed},
		{"a stream as JSON", "application/json", goodAnswer.asStream, llm.CodeUpstreamInvalid, endRefused},
		{"a stream without a type", "", goodAnswer.asStream, llm.CodeUpstreamInvalid, endRefused},
		{"a stream as text", "text/plain", goodAnswer.asStream, llm.CodeUpstreamInvalid, endRefused},
		{"JSON as a stream", "text/event-stream", goodAnswer.asWhole, llm.CodeUpstreamTruncated, endFailed},
		{"JSON with a byte order mark", "application/json", func(a goodAnswer) string { return "\ufeff" + a.whole }, llm.CodeUpstreamInvalid, endRefused},
		{"JSON in Latin 1", "application/json; charset=latin1", func(a goodAnswer) string { return strings.Replace(a.whole, "hi there", "caf\xe9", 1) }, "", endClean},
		{"large JSON with more behind it", "application/json", func(goodAnswer) string { return large + large }, llm.CodeUpstreamInvalid, endTorn},
		{"no JSON object but text", "application/json", func(goodAnswer) string { return `Internal Server Error` }, llm.CodeUpstreamInvalid, endRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, func(c *upcall) {
				head := "HTTP/1.1 200 OK\r\n"
				if tt.contentType != "" {
					head = ok(tt.contentType)
				}
				c.keep = true
				body := tt.body(goodAnswers[c.path])
				c.send(head, length(len(body)), "\r\n", body)
			})
			g := gatetest.Start(t, wired, "UP", up.URL)
			both(t, func(t *testing.T, c dialectCase, stream bool) {
				r := converse(t, g, c.path, c.ask("m", stream))
				wantEnd(t, c, r, tt.end, tt.code)
				if tt.end != endClean {
					return
				}
				if got := r.header.Get("Content-Type"); got != tt.contentType && tt.contentType != "" {
					t.Errorf("Content-Type = %q, want %q", got, tt.contentType)
				}
				if u := r.entry.Usage; u.Input != 7 || u.Output != 5 || u.Provenance != llm.UsageReported {
					t.Errorf("usage = %+v, want 7 in and 5 out, reported", u)
				}
				want := tt.body(goodAnswers[c.path])
				if hidden := `data: {"id":"c1","object"`; stream && strings.Contains(want, hidden) {
					return // the event that was asked for is hidden: see TestOddHTTP
				}
				if r.body != want {
					t.Errorf("got %s\nwant %s", r.body, want)
				}
			})
			wantNothingLogged(t, g)
			up.idle(t)
		})
	}
}

func (a goodAnswer) asWhole() string { return a.whole }

func (a goodAnswer) asStream() string { return strings.Join(a.events, "") }

// wantNothingLogged checks that the log has not the upstream's credential.
func wantNothingLogged(t *testing.T, g *gatetest.Gate) {
	t.Helper()
	if text := g.Log.String(); strings.Contains(text, upstreamSecret) {
		t.Errorf("the log shows the upstream's credential:\n%s", tail(text))
	}
}

// TestPagesInsteadOfErrors: a proxy's page reaches no client; what it means
// does.
func TestPagesInsteadOfErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   llm.Code
		want   int
	}{
		{400, llm.CodeUpstreamRejected, 400},
		{401, llm.CodeUpstreamAuth, 502},
		{403, llm.CodeUpstreamAuth, 502},
		{404, llm.CodeModelUnavailable, 502},
		{413, llm.CodeUpstreamRejected, 413},
		{429, llm.CodeUpstreamLimited, 429},
		{500, llm.CodeUpstreamFailed, 500},
		{502, llm.CodeUpstreamFailed, 502},
		{503, llm.CodeUpstreamFailed, 503},
		{504, llm.CodeUpstreamFailed, 504},
	} {
		up := newProvider(t, func(c *upcall) {
			c.keep = true
			c.send(fmt.Sprintf("HTTP/1.1 %d Oh\r\nContent-Type: text/html\r\nServer: nginx\r\nSet-Cookie: a=b\r\n", tt.status), length(len(page)), "\r\n", page)
		})
		g := gatetest.Start(t, wired, "UP", up.URL)
		both(t, func(t *testing.T, c dialectCase, stream bool) {
			r := converse(t, g, c.path, c.ask("m", stream))
			f := wantEndStatus(t, c, r, tt.code, tt.want)
			if f.Error.UpstreamStatus == nil || *f.Error.UpstreamStatus != tt.status {
				t.Errorf("%d: %s, want upstream_status %d", tt.status, r.body, tt.status)
			}
			if r.header.Get("Content-Type") != "application/json" || r.header.Get("Server")+r.header.Get("Set-Cookie") != "" {
				t.Errorf("%d: headers %v, want JSON and nothing of the proxy's", tt.status, r.header)
			}
			if r.entry.Attempts[0].Status != tt.status || r.entry.Usage.Provenance != llm.UsageNone {
				t.Errorf("%d: entry: attempts %+v, usage %+v", tt.status, r.entry.Attempts, r.entry.Usage)
			}
		})
		wantNothingLogged(t, g)
		up.idle(t)
	}
}

// wantEndStatus is wantEnd for a refusal that has not the status of its code,
// but the upstream's.
func wantEndStatus(t *testing.T, c dialectCase, r heard, code llm.Code, status int) failure {
	t.Helper()
	if r.status != status {
		t.Errorf("%s: %d %s, want %d", c.name, r.status, r.body, status)
	}
	r.status = code.Row().Status
	if r.entry.Status != status {
		t.Errorf("%s: the entry's status = %d, want %d", c.name, r.entry.Status, status)
	}
	r.entry.Status = r.status
	if status == http.StatusTooManyRequests && r.header.Get("Retry-After") == "" {
		t.Errorf("%s: a 429 without Retry-After", c.name)
	}
	return wantEnd(t, c, r, endRefused, code)
}
