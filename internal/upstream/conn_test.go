package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// TestLeftovers: an upstream that sends more than it announces, as one does
// that counts characters for bytes, must not answer the next request with it.
func TestLeftovers(t *testing.T) {
	was := log.Writer()
	log.SetOutput(io.Discard) // net/http tells of each connection that it closes
	t.Cleanup(func() { log.SetOutput(was) })
	const clients, body = 20, `{"right":true}`
	answer := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for {
			const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
			fmt.Fprintf(c, head+head, len(body), body, len(`{"left":true}`), `{"left":true}`)
			next, err := http.ReadRequest(rw.Reader)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, next.Body)
		}
	}
	for secure, calls := range map[bool]int{false: 100, true: 5} { // each costs a handshake
		srv := httptest.NewUnstartedServer(http.HandlerFunc(answer))
		roots := x509.NewCertPool()
		if secure {
			srv.TLS = &tls.Config{NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
			srv.StartTLS()
			roots.AddCert(srv.Certificate())
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		u := open(t, upstream.Settings{Endpoint: srv.URL, RootCAs: roots})
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range calls {
					a, err := u.Do(patient(t), call())
					if err != nil { // the connection was closed because of what was left on it
						if e := llm.AsError(err); e.Code != llm.CodeUpstreamLost {
							t.Errorf("error = %v, want %s", err, llm.CodeUpstreamLost)
						}
						continue
					}
					b, err := io.ReadAll(a.Body)
					a.Body.Close()
					if err != nil || !strings.Contains(string(b), "right") {
						t.Errorf("an answer = %s (%v), want its own", b, err)
						return
					}
				}
			})
		}
		all.Wait()
		u.CloseIdle()
		srv.CloseClientConnections()
	}
}
