package upstream_test

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen before it gives up.
const patience = 20 * time.Second

// open returns the upstream that s describes and closes its connections when
// the test ends.
func open(t testing.TB, s upstream.Settings) *upstream.Upstream {
	t.Helper()
	if s.Name == "" {
		s.Name = "test"
	}
	if s.Kind == "" {
		s.Kind = upstream.Compatible
	}
	u, err := upstream.New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.CloseIdle)
	return u
}

// serve answers every request with h until the test ends.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// call returns a call that every kind but anthropic serves.
func call() *upstream.Call {
	return &upstream.Call{Op: llm.OpChat, Model: "m", Header: http.Header{}, Body: []byte(`{"model":"m"}`)}
}

// do makes a call that must be answered, reads the answer to its end, and
// returns both.
func do(t testing.TB, u *upstream.Upstream, c *upstream.Call) (*upstream.Answer, string) {
	t.Helper()
	a, err := u.Do(patient(t), c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return a, string(b)
}

// patient returns a context that ends when the test has waited long enough.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await fails the test if ch is not closed, or sent to, in time.
func await[T any](t testing.TB, ch <-chan T, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: it did not happen within %v", what, patience)
	}
}

// pool returns the authority of s's certificate.
func pool(s *httptest.Server) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.Certificate())
	return p
}
