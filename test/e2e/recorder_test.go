package e2e_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// A recorder is a transparent proxy that keeps what passes to the server
// behind it. One stands between Weir and the simulator in every test, and one
// more between the client and Weir where the two are compared.
type recorder struct {
	url string

	// meddle, if set before the first request, may change the headers of
	// request n (from 0) on its way to the simulator: x-sim-* make that one
	// misbehave, whatever kind of upstream it is for Weir.
	meddle func(n int, h http.Header)

	server *httptest.Server

	mu  sync.Mutex
	got []request // :: in the order of arrival; guarded by mu
}

// A request is one that a recorder has passed on.
type request struct {
	Method string
	URI    string // path and query as sent
	Header http.Header
	Body   []byte
	Status int         // of the answer; 0 until it has begun
	Answer http.Header // of the answer
	Reply  []byte      // the answer's body, as far as it has passed
}

// record starts a recorder in front of target, a base URL.
func record(t *testing.T, target string) *recorder {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorder)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = to.Scheme, to.Host
			p.Out.Host = to.Host
		},
		FlushInterval:  -1,
		Transport:      &http.Transport{DisableCompression: true},
		ModifyResponse: r.answered,
		ErrorLog:       log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // what the server does to the connection, the recorder does too
		},
	}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		n := r.add(request{Method: req.Method, URI: req.RequestURI, Header: req.Header.Clone(), Body: body})
		req = req.WithContext(context.WithValue(req.Context(), place{}, n))
		req.Body = io.NopCloser(bytes.NewReader(body))
		if r.meddle != nil {
			r.meddle(n, req.Header)
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(r.server.Close)
	r.url = r.server.URL
	return r
}

// die makes the recorder a server that is no more: its connections break, and
// nobody listens at its address.
func (r *recorder) die() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// A place is the key under which a request's context holds its index in got.
type place struct{}

func (r *recorder) add(one request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, one)
	return len(r.got) - 1
}

func (r *recorder) answered(answer *http.Response) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := answer.Request.Context().Value(place{}).(int)
	one := &r.got[n]
	one.Status, one.Answer = answer.StatusCode, answer.Header.Clone()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return nil // what follows is no body
	}
	answer.Body = &reply{ReadCloser: answer.Body, recorder: r, n: n}
	return nil
}

// A reply is an answer's body that is recorded while it passes.
type reply struct {
	io.ReadCloser
	recorder *recorder
	n        int
}

func (b *reply) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.recorder.mu.Lock()
	defer b.recorder.mu.Unlock()
	one := &b.recorder.got[b.n]
	one.Reply = append(one.Reply, p[:n]...)
	return n, err
}

// requests returns what has passed so far.
func (r *recorder) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}
