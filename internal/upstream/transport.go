package upstream

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxIdleConns is how many unused connections are kept. It is as high as
	// the number of requests that one process may serve at once: dialling
	// again costs more than an idle socket.
	maxIdleConns    = 4096
	idleConnTimeout = 90 * time.Second

	// maxHeaderBytes is the most that an answer's header may have. Codex's
	// state headers are the largest known, at some kilobytes.
	maxHeaderBytes = 64 << 10

	bufferSize   = 4 << 10 // a request of usual size leaves in one write
	tlsSessions  = 64
	pingInterval = 30 * time.Second // h2: how long a connection may be silent before it is asked
	pingTimeout  = 15 * time.Second
)

// newTransport returns the transport of the upstream at base.
//
// A proxy is taken from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY),
// once: behind many a company's firewall there is no other way out. Loopback
// addresses never use one.
//
// A dead HTTP/2 connection is found by pings, since all requests share it: it
// would fail each of them by its first-byte timeout.
func newTransport(s Settings, base *url.URL) (*http.Transport, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: s.Timeouts.Connect, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:            watched(dialer),
		TLSHandshakeTimeout:    s.Timeouts.Connect,
		DisableCompression:     true,
		MaxConnsPerHost:        s.Pool.Connections,
		MaxIdleConnsPerHost:    cmp.Or(s.Pool.Idle, maxIdleConns),
		IdleConnTimeout:        cmp.Or(s.Pool.KeepAlive, idleConnTimeout),
		ResponseHeaderTimeout:  s.Pool.Header,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ReadBufferSize:         bufferSize,
		WriteBufferSize:        bufferSize,
		ForceAttemptHTTP2:      true, // needed because DialContext and TLSClientConfig are set
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingInterval, PingTimeout: pingTimeout},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            s.RootCAs,
			InsecureSkipVerify: s.InsecureSkipVerify, //nolint:gosec // asked for by name, per upstream
			ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessions),
		},
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}
