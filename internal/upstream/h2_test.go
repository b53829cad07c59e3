package upstream_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// serveH2 answers every request with h over HTTP/2, and fails the test if one
// comes otherwise.
func serveH2(t *testing.T, h http.HandlerFunc) upstream.Settings {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("request came over %s, want HTTP/2", r.Proto)
		}
		h(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return upstream.Settings{Endpoint: s.URL, RootCAs: pool(s)}
}

func TestHTTP2Failures(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, tt := range []struct {
		name     string
		handler  http.HandlerFunc
		timeouts upstream.Timeouts
		want     llm.Code
	}{
		{"stream reset before the status", abort, upstream.Timeouts{}, llm.CodeUpstreamLost},
		{"stream reset in the answer", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "hello")
			_ = http.NewResponseController(w).Flush()
			abort(w, r)
		}, upstream.Timeouts{}, llm.CodeUpstreamTruncated},
		{"header too large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", strings.Repeat("a", 80<<10))
		}, upstream.Timeouts{}, llm.CodeUpstreamInvalid},
		{"no status", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, upstream.Timeouts{FirstByte: short}, llm.CodeFirstByteTimeout},
		{"silence", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "hello")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, upstream.Timeouts{Idle: short}, llm.CodeIdleTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := true
			s := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
				if first { // makes the connection one that has served before
					first = false
					return
				}
				tt.handler(w, r)
			})
			s.Timeouts = tt.timeouts
			u := open(t, s)
			do(t, u, call())
			a, err := u.Do(patient(t), call())
			if err == nil {
				_, err = io.ReadAll(a.Body)
				defer a.Body.Close()
			}
			wantError(t, err, tt.want)
			if errors.Is(err, upstream.ErrReusedConnection) {
				t.Errorf("error = %v, which blames the connection for what one stream did", err)
			}
		})
	}
}

// Requests share one connection, and one that is given up does not take the
// others along.
func TestHTTP2CancelLeavesTheConnection(t *testing.T) {
	addresses := make(chan string, 3)
	s := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		addresses <- r.RemoteAddr
		if len(addresses) == 2 {
			<-r.Context().Done()
		}
	})
	s.Timeouts = upstream.Timeouts{FirstByte: 10 * short}
	u := open(t, s)
	do(t, u, call())
	_, err := u.Do(patient(t), call())
	wantError(t, err, llm.CodeFirstByteTimeout)
	do(t, u, call())
	if a, b, c := <-addresses, <-addresses, <-addresses; a != b || b != c {
		t.Errorf("requests came from %s, %s and %s, want one connection", a, b, c)
	}
}

// A whole conversation over HTTP/1.1 uses one connection too: an answer that
// was read to its end gives it back.
func TestConnectionIsReused(t *testing.T) {
	connections := 0
	u := open(t, upstream.Settings{Endpoint: raw(t, func(n int, c *conn) {
		connections = n
		for {
			if _, ok := c.request(); !ok {
				return
			}
			c.send(sse, chunk, noChunk)
		}
	})})
	for range 5 {
		do(t, u, call())
	}
	if u.CloseIdle(); connections != 1 {
		t.Errorf("%d connections for five calls in turn, want 1", connections)
	}
}
