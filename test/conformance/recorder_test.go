package conformance_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// base is the path below which recorders serve, like a provider.
const base = "/v1"

// A recorder is a proxy in front of a server that keeps what passes. Its
// clients find the API below /v1.
type recorder struct {
	url string // ends in /v1

	mu    sync.Mutex
	calls []*call // :: in the order of arrival; guarded by mu
}

// A call is one request and its answer, with whole bodies.
type call struct {
	method string
	uri    string // path and query, with /v1
	header http.Header
	body   []byte
	status int // 0: there was none
	answer http.Header
	reply  []byte // decompressed
}

// callKey is the key of a request's call in its context.
type callKey struct{}

// record starts a recorder in front of target, whose API lies below prefix.
func record(t *testing.T, target, prefix string) *recorder {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorder)
	transport := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = to.Scheme, to.Host, to.Host
			p.Out.URL.Path = prefix + strings.TrimPrefix(p.Out.URL.Path, base)
			if p.Out.URL.RawPath != "" {
				p.Out.URL.RawPath = prefix + strings.TrimPrefix(p.Out.URL.RawPath, base)
			}
			p.Out.URL.RawQuery = p.In.URL.RawQuery // also where it cannot be parsed
		},
		Transport:      transport,
		ModifyResponse: r.answered,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.TrimSuffix(req.URL.Path, "/") == base {
			return // a test asks first whether there is a server at all
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		c := &call{method: req.Method, uri: req.RequestURI, header: req.Header.Clone(), body: body}
		r.mu.Lock()
		r.calls = append(r.calls, c)
		r.mu.Unlock()
		req = req.WithContext(context.WithValue(req.Context(), callKey{}, c))
		req.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	r.url = server.URL + base
	return r
}

// answered keeps the answer to a call.
func (r *recorder) answered(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	c := answer.Request.Context().Value(callKey{}).(*call)
	c.status, c.answer, c.reply = answer.StatusCode, answer.Header.Clone(), body
	if answer.Header.Get("Content-Encoding") == "gzip" {
		if plain, err := gunzip(body); err == nil {
			c.reply = plain
		}
	}
	return nil
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// take returns what has passed since the last time. Call it when the client
// has ended.
func (r *recorder) take() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := make([]call, len(r.calls))
	for i, c := range r.calls {
		calls[i] = *c
	}
	r.calls = nil
	return calls
}
