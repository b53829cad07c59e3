package upstream

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Passage is a request that goes on to an upstream as it came: its path,
// query and body are not looked at.
type Passage struct {
	// Transparent lets everything pass that is not for one connection alone:
	// the client's credential and cookies go with the request, and every
	// header of the answer comes back. Otherwise headers are held to the lists
	// that calls are held to, and the upstream's own credential is sent.
	Transparent bool

	Method string
	Path   string // escaped and canonical; it begins with a slash
	Query  string // encoded
	Header http.Header

	// Credential is the client's own, for an upstream with AuthPassthrough
	// and a passage that is not transparent.
	Credential Credential

	Body      io.Reader // nil if there is none; never closed
	Length    int64     // of Body in bytes; -1 if it is not known
	RequestID string    // sent as x-request-id unless Transparent; empty sends none

	// Sent is as in [Call].
	Sent func()

	// Informed is called with each answer of the upstream that is not its last
	// (1xx, but for 100), from a goroutine of the transport, and perhaps once
	// when Pass has returned already. Nil leaves them out.
	Informed func(status int, header http.Header)
}

// String returns the method, without path, header, credential and body.
func (p Passage) String() string { return "passage " + p.Method }

// Format writes [Passage.String], whatever the verb is.
func (p Passage) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue returns [Passage.String].
func (p Passage) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Pass sends p once. Paths below /v1 lead to where the upstream has its
// versioned API, all others to the root of its endpoint. Answers and errors
// are those of [Upstream.Do]; a transparent passage returns redirects and
// compressed answers too.
func (u *Upstream) Pass(ctx context.Context, p *Passage) (*Answer, error) {
	r := request{
		op: llm.OpPassthrough, method: p.Method, url: u.plan.passage(p), stream: true,
		sent: p.Sent, own: own(p.Credential), opaque: p.Transparent, length: p.Length, informed: p.Informed,
	}
	if p.Body != nil {
		r.body = io.NopCloser(p.Body)
	} else {
		r.length = 0
	}
	if p.Transparent {
		r.op, r.header = llm.OpTransparent, opaqueHeader(p.Header)
		if len(r.header["User-Agent"]) == 0 {
			r.header["User-Agent"] = []string{""} // none: net/http would send its own name
		}
		return u.send(ctx, r)
	}
	var err error
	if r.header, err = u.passageHeader(p); err != nil {
		return nil, err
	}
	return u.send(ctx, r)
}

// passage returns the URL of c. A versioned API is sent no api-version, and
// Azure's classic one the version that is configured, whatever the client says.
func (p *plan) passage(c *Passage) *url.URL {
	base, path := p.root, c.Path
	if rest, ok := strings.CutPrefix(path, "/v1/"); ok && !c.Transparent {
		base, path = p.v1, "/"+rest
	}
	u := withPath(base, path)
	u.RawQuery = c.Query
	switch {
	case c.Transparent:
	case base == p.v1, strings.HasPrefix(path, "/openai/v1/"):
		u.RawQuery = withoutVersion(c.Query)
	case p.version != "":
		u.RawQuery = joinQuery(withoutVersion(c.Query), p.version)
	}
	return u
}

// withoutVersion returns an encoded query without api-version.
func withoutVersion(query string) string {
	parts := strings.Split(query, "&")
	parts = slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		return err == nil && strings.EqualFold(plain, "api-version")
	})
	return strings.Join(parts, "&")
}

// passageHeader returns the header to send with what passes to a path of the
// upstream's: as for a call, and what describes the body and the wanted part
// of an object.
func (u *Upstream) passageHeader(p *Passage) (http.Header, error) {
	h := make(http.Header, len(p.Header)+4)
	dropped := connectionHeaders(p.Header)
	for name, values := range p.Header {
		name = http.CanonicalHeaderKey(name)
		if (u.forwards(name, u.kind == Anthropic) || ofContent(name)) && !slices.Contains(dropped, name) && validValues(values) {
			h[name] = values
		}
	}
	if h.Get("User-Agent") == "" {
		h["User-Agent"] = ownAgent
	}
	if u.kind == Anthropic && h.Get(headerAnthropicVersion) == "" {
		h[headerAnthropicVersion] = []string{defaultAnthropicVersion}
	}
	h["Accept-Encoding"] = identity
	if p.RequestID != "" {
		h["X-Request-Id"] = []string{p.RequestID}
	}
	maps.Copy(h, u.headers.extra)
	return h, u.authorize(h, p.Credential)
}

// ofContent reports whether a header says something of a body or an object,
// and nothing of who sends it.
func ofContent(name string) bool {
	switch name {
	case "Content-Type", "Content-Encoding", "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since":
		return true
	}
	return false
}

// passedHeader is answerHeader for what passes to a path of the upstream's.
func passedHeader(from http.Header) (h http.Header, id string) {
	h, id = answerHeader(from)
	for _, name := range [...]string{"Content-Disposition", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified"} {
		if values := from[name]; len(values) > 0 {
			h[name] = values
		}
	}
	return h, id
}

// opaqueHeader returns a copy of from without what is for one connection
// alone (RFC 9110 §7.6.1), what net/http writes itself, and Weir's own.
func opaqueHeader(from http.Header) http.Header {
	h := make(http.Header, len(from))
	dropped := connectionHeaders(from)
	for name, values := range from {
		canonical := http.CanonicalHeaderKey(name)
		if !ofConnection(canonical) && !strings.HasPrefix(canonical, "X-Weir-") && !slices.Contains(dropped, canonical) && validValues(values) {
			h[name] = values
		}
	}
	return h
}

// ofConnection reports whether a header is for one connection alone, or
// net/http's own to write.
func ofConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect":
		return true
	}
	return false
}
