package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// A secureGate is a gateway that speaks TLS, and its certificate.
type secureGate struct {
	*gatetest.Gate
	roots *x509.CertPool
}

// startTLS runs a gateway with a certificate of its own. timeouts are those
// of its listener.
func startTLS(t *testing.T, timeouts, yaml string) *secureGate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	for file, b := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	g := gatetest.Start(t, `
listen: { tls: { cert: "${CERT}", key: "${KEY}" }, timeouts: { `+timeouts+` } }
`+yaml, "CERT", certFile, "KEY", keyFile)
	return &secureGate{g, roots}
}

// client returns a client that speaks HTTP/2, over one connection once that
// stands.
func (g *secureGate) client(t *testing.T) *http.Transport {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.roots}, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	if resp := g.ask(t, tr, http.MethodGet, "/healthz", ""); resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /healthz = %s over %s, want 200 over HTTP/2", resp.Status, resp.Proto)
	}
	return tr
}

// ask sends a request and returns the answer, which is closed with the test.
func (g *secureGate) ask(t *testing.T, tr *http.Transport, method, path, body string, header ...string) *http.Response {
	t.Helper()
	resp, err := g.try(t.Context(), tr, method, path, strings.NewReader(body), header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (g *secureGate) try(ctx context.Context, tr *http.Transport, method, path string, body io.Reader, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, g.URL+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return tr.RoundTrip(req)
}

func TestHTTP2(t *testing.T) {
	g := startTLS(t, "", simple)
	tr := g.client(t)
	if body := gatetest.Body(t, g.ask(t, tr, "POST", "/v1/chat/completions", hello)); !strings.Contains(body, "echo: hello") {
		t.Errorf("a whole answer = %s", body)
	}
	for _, c := range dialectCases {
		body := gatetest.Body(t, g.ask(t, tr, "POST", c.path, c.body, "anthropic-version", "2023-06-01"))
		if !strings.Contains(body, c.clean) || !strings.HasSuffix(body, "\n\n") {
			t.Errorf("%s: the stream does not end as it should:\n%s", c.name, tail(body))
		}
	}
	// A failure in the middle of a whole answer resets its stream: no clean end.
	resp := g.ask(t, tr, "POST", "/v1/chat/completions", hello, "X-Sim-Huge", "300KiB", "X-Sim-Cut", "0")
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("half an answer ended with %v after %d bytes, want a reset", err, len(b))
	}
	for i, e := range g.Entries(t, 6) {
		if failed := i == 5; (e.Code != "") != failed {
			t.Errorf("entry %d = %+v", i, e)
		}
	}
}

// TestHTTP2ManyStreams is 100 exchanges at once on one connection, of which
// every third client leaves.
func TestHTTP2ManyStreams(t *testing.T) {
	const streams = 100
	g := startTLS(t, "", simple)
	tr := g.client(t)
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := dialectCases[i%len(dialectCases)]
			header := []string{"anthropic-version", "2023-06-01"}
			if i%3 == 0 {
				header = append(header, "X-Sim-Stall", "2")
			}
			resp, err := g.try(ctx, tr, "POST", c.path, strings.NewReader(c.body), header...)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if i%3 == 0 {
				_, _ = resp.Body.Read(make([]byte, 1))
				return // cancelled: RST_STREAM
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(b), c.clean) {
				t.Errorf("%s: %v, %s", c.name, err, tail(string(b)))
			}
		})
	}
	wg.Wait()
	left := 0
	for _, e := range g.Entries(t, streams) {
		if e.Code == llm.CodeClientClosed {
			left++
		} else if e.Code != "" {
			t.Errorf("entry = %+v", e)
		}
	}
	if left != (streams+2)/3 {
		t.Errorf("%d entries of clients that have left, want %d", left, (streams+2)/3)
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
}

// TestSilenceIsNotSlowness: the time for a write is not the time between two
// writes. A model may think longer than a client may be slow.
func TestSilenceIsNotSlowness(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "write: 300ms", simple)
	http2 := g.client(t)
	http1 := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.roots}}
	t.Cleanup(http1.CloseIdleConnections)
	stream := `{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}`
	var wg sync.WaitGroup
	for _, tr := range []*http.Transport{http2, http1} {
		for _, tt := range []struct {
			name, body string
			header     []string
		}{
			{"before a whole answer", hello, []string{"X-Sim-First-Byte", "700ms"}},
			{"before a stream", stream, []string{"X-Sim-First-Byte", "700ms"}},
			{"in a stream", stream, []string{"X-Sim-Event-Delay", "400ms"}},
		} {
			wg.Go(func() {
				resp, err := g.try(t.Context(), tr, "POST", "/v1/chat/completions", strings.NewReader(tt.body), tt.header...)
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					return
				}
				defer resp.Body.Close()
				if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%s, %s: %s, %v after %q", resp.Proto, tt.name, resp.Status, err, tail(string(b)))
				}
			})
		}
	}
	wg.Wait()
	for _, e := range g.Entries(t, 6) {
		if e.Code != "" {
			t.Errorf("entry = %+v, want success", e)
		}
	}
	// More than the time for a write has passed since the last one.
	gatetest.Body(t, g.ask(t, http1, "GET", "/healthz", ""))
	gatetest.Body(t, g.ask(t, http2, "GET", "/healthz", ""))
}

// TestHTTP2SlowReader: a client that reads one of its streams too slowly
// loses that stream and no other.
func TestHTTP2SlowReader(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := startTLS(t, "write: 300ms", simple)
	tr := g.client(t)
	endless := `{"model":"sim-endless","stream":true,"messages":[{"role":"user","content":"x"}]}`
	slow := g.ask(t, tr, "POST", "/v1/chat/completions", endless, "X-Sim-Event-Delay", "1us", "X-Sim-Event-Size", "60000")
	e := g.Entries(t, 1)[0]
	if e.Code != llm.CodeClientTooSlow || e.BytesOut > 64<<20 {
		t.Errorf("entry = %+v, want a client that is too slow", e)
	}
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	if _, err := io.Copy(io.Discard, slow.Body); err == nil {
		t.Error("the slow stream has a clean end")
	}
	if b := gatetest.Body(t, g.ask(t, tr, "POST", "/v1/chat/completions", hello)); !strings.Contains(b, "echo: hello") {
		t.Errorf("another stream of the same connection = %s", b)
	}
}

// TestHTTP2BodiesThatDoNotCome: one stream's missing body is that stream's
// matter.
func TestHTTP2BodiesThatDoNotCome(t *testing.T) {
	g := startTLS(t, "body: 200ms", keyed)
	tr := g.client(t)
	reused := true
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { reused = reused && c.Reused },
	})
	for _, tt := range []struct {
		name   string
		header []string
		code   llm.Code
	}{
		{"no key", nil, llm.CodeMissingKey},
		{"a key", []string{"x-api-key", aliceKey}, llm.CodeRequestTimeout},
		{"no key again", nil, llm.CodeMissingKey},
	} {
		body, never := io.Pipe()
		resp, err := g.try(ctx, tr, "POST", "/v1/chat/completions", body, tt.header...)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		wantFailure(t, resp.StatusCode, resp.Header, gatetest.Body(t, resp), tt.code)
		resp.Body.Close()
		never.Close()
	}
	if !reused {
		t.Error("one slow stream has cost the others their connection")
	}
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeRequestTimeout {
		t.Errorf("entry = %+v, want that of the key's request alone", e)
	}
}
