// Package bareproxy is the peer that Weir is measured against: a
// httputil.ReverseProxy as somebody would build who wants it fast, and nothing
// else. No authentication, no limits, no accounting.
package bareproxy
