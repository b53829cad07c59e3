package gateway

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// A guard turns requests away that are wrong whoever sends them.
type guard func(*Snapshot, *http.Request) *llm.Error

// guards run in this order before anything else looks at a request.
var guards = []guard{canonicalPath, ownHost, ownOrigin, noWebSocket} // immutable

func canonicalPath(_ *Snapshot, r *http.Request) *llm.Error {
	p := r.URL.EscapedPath()
	if canonical(p) {
		return nil
	}
	if canonical(strings.TrimSuffix(p, "/")) {
		return &llm.Error{
			Code: llm.CodeUnknownURL, Op: "gateway.path",
			Public: "there is nothing at " + quotePath(r) + ": leave the slash at the end out",
		}
	}
	return notCanonical(r)
}

func notCanonical(r *http.Request) *llm.Error {
	return &llm.Error{
		Code: llm.CodeUnknownURL, Op: "gateway.path",
		Public: "the path " + quotePath(r) + " is not written in its canonical form: no empty or dot segments, nothing escaped that need not be",
	}
}

// ownHost and ownOrigin keep web pages from spending a developer's money: a
// listener without keys serves only its own host names (which stops DNS
// rebinding) and only requests that no page of another site has made, but for
// those of origins that are named.
//
// Probes come by whatever address the machine has: they are let through, and
// learn nothing.
func ownHost(s *Snapshot, r *http.Request) *llm.Error {
	if s.Keys.Demanded() || ours(s, hostname(r.Host)) || isProbe(r) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeForeignHost, Op: "gateway.host",
		Public: fmt.Sprintf("the host name %.100q is not served: without keys, only localhost, 127.0.0.1, [::1] and what listen.hosts names", r.Host),
	}
}

func isProbe(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

func ownOrigin(s *Snapshot, r *http.Request) *llm.Error {
	if s.Keys.Demanded() || s.anyOrigin() {
		return nil
	}
	if from := origin(r.Header); from != "" && s.namesOrigin(from) {
		return nil
	}
	if slices.Contains(r.Header["Sec-Fetch-Site"], "cross-site") || foreignOrigin(r) {
		return &llm.Error{Code: llm.CodeForeignOrigin, Op: "gateway.origin"}
	}
	return nil
}

// foreignOrigin reports whether a page of another origin makes the request. A
// page that Weir itself served has the origin of this very host. Its scheme may
// differ where a proxy in front ends TLS.
func foreignOrigin(r *http.Request) bool {
	for _, origin := range r.Header["Origin"] {
		if _, host, ok := strings.Cut(origin, "://"); !ok || !strings.EqualFold(host, r.Host) {
			return true
		}
	}
	return false
}

func noWebSocket(_ *Snapshot, r *http.Request) *llm.Error {
	if asksForSocket(r) && !slices.Contains(realtimePaths, r.URL.EscapedPath()) {
		return &llm.Error{Code: llm.CodeWebSocketUnsupported, Op: "gateway.upgrade"}
	}
	return nil
}

func asksForSocket(r *http.Request) bool {
	return slices.ContainsFunc(r.Header["Upgrade"], func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "websocket") })
}

// ours reports whether a listener without keys serves host.
func ours(s *Snapshot, host string) bool {
	switch host {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, host) })
}

// hostname returns a Host header without its port and brackets, in lower case.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// maxShownPath bounds how much of a path is repeated in an error or a log.
const maxShownPath = 200

// quotePath returns the request's path as it may be shown in a message. An
// escaped path holds no control characters.
func quotePath(r *http.Request) string {
	p := r.URL.EscapedPath()
	if len(p) > maxShownPath {
		p = p[:maxShownPath] + "…"
	}
	return "`" + p + "`"
}
