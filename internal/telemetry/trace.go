package telemetry

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxTraced is how much of one body a [Trace] shows, in bytes.
const maxTraced = 4 << 10

// A Trace shows a person at a terminal what passes: each request, where it goes
// and each piece of its answer. Credentials are left out, by the names of
// headers and parameters and by their known values, and of each body no more
// than its first 4 KiB is shown. It may be used by several goroutines at once.
//
// It is a way to look on, for one person at one machine, and no log: what
// prompts and answers say belongs to those who say it.
type Trace struct {
	mu      sync.Mutex
	w       io.Writer // guarded by mu, as are the rest
	n       int       // requests so far
	secrets []string  // never written to, only replaced
}

// NewTrace returns a trace that writes to w, a line at a time. Secrets are
// values that are never shown, wherever they stand.
func NewTrace(w io.Writer, secrets []string) *Trace { return &Trace{w: w, secrets: secrets} }

// Hide makes secrets what is never shown, of requests that begin from now on.
// It must not be changed any more.
func (t *Trace) Hide(secrets []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secrets = secrets
}

// traceKey is the context key of a request's *traced.
type traceKey struct{}

// A traced is one request that is being shown.
type traced struct {
	trace   *Trace
	n       int // to tell requests apart that come at the same time
	secrets []string
}

// Handler returns h with everything shown that it is asked and answers.
func (t *Trace) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.mu.Lock()
		t.n++
		x := &traced{trace: t, n: t.n, secrets: append(carried(r.Header), t.secrets...)}
		t.mu.Unlock()
		x.say("Received request: %s %s", r.Method, x.target(r.URL))
		x.say("  Host: %s", clean(r.Host))
		x.headers(r.Header)
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, x))
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &tracedBody{ReadCloser: r.Body, shown: x.piece("Request chunk", r.Header)}
		}
		answer := &tracedAnswer{ResponseWriter: w, x: x}
		ended := false
		defer func() {
			if !ended {
				x.say("Response broken off.")
				return
			}
			x.say("Response ended.")
		}()
		h.ServeHTTP(answer, r)
		answer.close()
		ended = true
	})
}

// Sending shows where a request goes. The context is that of the request that
// it is sent for.
func (*Trace) Sending(ctx context.Context, method string, u *url.URL) {
	if x, ok := ctx.Value(traceKey{}).(*traced); ok {
		x.say("Proxying to: %s %s%s", method, u.Host, x.target(u))
	}
}

// say writes one line.
func (x *traced) say(format string, a ...any) {
	line := fmt.Sprintf("[%d] "+format+"\n", append([]any{x.n}, a...)...)
	x.trace.mu.Lock()
	defer x.trace.mu.Unlock()
	_, _ = io.WriteString(x.trace.w, line) // a terminal that is gone stops nobody
}

// target returns the path and the query of a URL as they may be shown.
func (x *traced) target(u *url.URL) string {
	s := u.EscapedPath()
	if u.RawQuery != "" {
		parts := strings.Split(u.RawQuery, "&")
		for i, part := range parts {
			name, _, _ := strings.Cut(part, "=")
			if plain, err := url.QueryUnescape(name); err != nil || telling(plain) {
				parts[i] = name + "=" + redacted
			}
		}
		s += "?" + strings.Join(parts, "&")
	}
	return clean(newVeil(x.secrets).all(s))
}

// headers shows each header on a line of its own.
func (x *traced) headers(h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			if telling(name) {
				v = redacted
			}
			x.say("  %s: %s", clean(name), clean(newVeil(x.secrets).all(v)))
		}
	}
}

// tellingNames are parts of the names of headers and parameters that hold
// credentials.
var tellingNames = []string{"auth", "cookie", "credential", "key", "passw", "protocol", "secret", "token"} // immutable

// telling reports whether what is called name may be a credential. Counters of
// tokens are not.
func telling(name string) bool {
	name = strings.ToLower(name)
	if strings.Contains(name, "ratelimit") || strings.HasPrefix(name, "access-control-") {
		return false
	}
	return name == "code" || name == "sig" || slices.ContainsFunc(tellingNames, func(part string) bool { return strings.Contains(name, part) })
}

// carried returns the credentials that a request carries in its headers.
func carried(h http.Header) []string {
	var values []string
	for name, lines := range h {
		if !telling(name) {
			continue
		}
		for _, line := range lines {
			for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
				if !strings.EqualFold(word, "bearer") && !strings.EqualFold(word, "digest") {
					values = append(values, word)
				}
			}
		}
	}
	return values
}

// A piece shows one body as it passes.
type piece struct {
	x     *traced
	name  string
	media string // what is said instead of a body that is no text

	mu    sync.Mutex
	veil  *veil
	shown int  // bytes; guarded by mu, as are all below
	total int  // bytes that have passed
	cut   bool // it has been said that there is more
}

func (x *traced) piece(name string, h http.Header) *piece {
	p := &piece{x: x, name: name, veil: newVeil(x.secrets)}
	media, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	coding := h.Get("Content-Encoding")
	switch {
	case coding != "" && !strings.EqualFold(coding, "identity"):
		p.media = coding
	case media != "" && !strings.HasPrefix(media, "text/") && !strings.Contains(media, "json") && media != "application/x-www-form-urlencoded":
		p.media = media
	}
	return p
}

// pass shows b, or says how much it is.
func (p *piece) pass(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total += len(b)
	if p.media != "" {
		p.x.say("%s: (%d bytes of %s)", p.name, len(b), clean(p.media))
		return
	}
	p.show(p.veil.next(b))
}

func (p *piece) show(s string) {
	switch room := maxTraced - p.shown; {
	case s == "" || p.cut:
		return
	case len(s) > room:
		p.cut = true
		p.x.say("%s: %s … (cut at 4 KiB)", p.name, clean(strings.ToValidUTF8(s[:room], "")))
	default:
		p.shown += len(s)
		p.x.say("%s: %s", p.name, clean(s))
	}
}

// close shows what has been held back, and how much more there was.
func (p *piece) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.media == "" {
		p.show(p.veil.rest())
	}
	if p.cut {
		p.x.say("%s: (%d bytes in all)", p.name, p.total)
	}
}

// A tracedBody shows a request's body as it is read.
type tracedBody struct {
	io.ReadCloser
	shown *piece
	ended bool
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.shown.pass(p[:n])
	}
	if err != nil && !b.ended {
		b.ended = true
		b.shown.close()
	}
	return n, err
}

// A tracedAnswer shows an answer as it is written.
type tracedAnswer struct {
	http.ResponseWriter
	x     *traced
	shown *piece // nil before the status
}

// Unwrap lets an http.ResponseController through.
func (a *tracedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader shows the status and the headers.
func (a *tracedAnswer) WriteHeader(status int) {
	if a.shown == nil {
		a.x.say("Response: %d %s", status, http.StatusText(status))
		a.x.headers(a.Header())
	}
	if status >= http.StatusOK && a.shown == nil {
		a.shown = a.x.piece("Response chunk", a.Header())
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write shows one piece of the body.
func (a *tracedAnswer) Write(b []byte) (int, error) {
	if a.shown == nil {
		a.WriteHeader(http.StatusOK)
	}
	a.shown.pass(b)
	return a.ResponseWriter.Write(b)
}

func (a *tracedAnswer) close() {
	if a.shown != nil {
		a.shown.close()
	}
}
