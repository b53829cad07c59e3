package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// selfSigned returns a certificate that signs itself, and a file that holds it.
func selfSigned(t *testing.T, name string, until time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pemOf(der), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// secured is wired with an upstream that is called over TLS.
const secured = `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}", ca_file: "${CA}", insecure_skip_verify: ${ANY}, auth: { bearer: "` + upstreamSecret + `" } }]
models: [{ name: "*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`

// TestNoConnection: what never reached an upstream has used nothing, and the
// client is told which part of the way is to blame, but not where it leads.
func TestNoConnection(t *testing.T) {
	later := time.Now().Add(time.Hour)
	right, rightCA := selfSigned(t, "127.0.0.1", later)
	wrong, wrongCA := selfSigned(t, "elsewhere.example", later)
	expired, expiredCA := selfSigned(t, "127.0.0.1", time.Now().Add(-time.Hour))
	serve := func(cfg *tls.Config) string {
		return serveProvider(t, tlsProvider(t, cfg), func(c *upcall) { c.good() }).URL
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	hangsUp := newProvider(t, func(*upcall) {}).URL // at anything that is not HTTP
	for _, tt := range []struct {
		name, endpoint, ca, anyone string
		code                       llm.Code
		shown                      string
	}{
		{"refused", "http://" + closed.Addr().String(), "", "false", llm.CodeUpstreamConnect, "connection refused"},
		{"refused, over TLS", "https://" + closed.Addr().String(), "", "false", llm.CodeUpstreamConnect, "connection refused"},
		{"a name that nobody has", "http://upstream.invalid", "", "false", llm.CodeUpstreamConnect, "its name"},
		{"an unknown CA", serve(&tls.Config{Certificates: []tls.Certificate{right}}), "", "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"another CA", serve(&tls.Config{Certificates: []tls.Certificate{right}}), wrongCA, "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"another name", serve(&tls.Config{Certificates: []tls.Certificate{wrong}}), wrongCA, "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"expired", serve(&tls.Config{Certificates: []tls.Certificate{expired}}), expiredCA, "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"an old version of TLS", serve(&tls.Config{Certificates: []tls.Certificate{right}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}), rightCA, "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"no TLS at all", strings.Replace(speaksFirst(t), "http:", "https:", 1), "", "false", llm.CodeUpstreamTLS, "certificate or TLS"},
		{"hangs up at the handshake", strings.Replace(hangsUp, "http:", "https:", 1), "", "false", llm.CodeUpstreamConnect, "closed the connection"},
		{"the right CA", serve(&tls.Config{Certificates: []tls.Certificate{right}}), rightCA, "false", "", ""},
		{"no CA, and no questions asked", serve(&tls.Config{Certificates: []tls.Certificate{expired}}), "", "true", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gatetest.Start(t, secured, "UP", tt.endpoint, "CA", tt.ca, "ANY", tt.anyone)
			both(t, func(t *testing.T, c dialectCase, stream bool) {
				r := converse(t, g, c.path, c.ask("m", stream))
				if tt.code == "" {
					wantEnd(t, c, r, endClean, "")
					wantGood(t, c, r, stream)
					return
				}
				f := wantEnd(t, c, r, endRefused, tt.code)
				if !strings.Contains(f.Error.Message, tt.shown) || f.Error.UpstreamStatus != nil || r.status != http.StatusBadGateway {
					t.Errorf("error = %d %s, want 502 with %q and no upstream_status", r.status, r.body, tt.shown)
				}
				if r.entry.Usage != (llm.Usage{Provenance: llm.UsageNone}) || r.entry.Attempts[0].Status != 0 {
					t.Errorf("usage %+v, attempts %+v; want nothing used, nothing answered", r.entry.Usage, r.entry.Attempts)
				}
			})
			warned := strings.Contains(g.Log.String(), "insecure_skip_verify")
			if want := tt.anyone == "true"; warned != want {
				t.Errorf("warned of insecure_skip_verify: %v, want %v; log:\n%s", warned, want, g.Log)
			}
			wantNothingLogged(t, g)
		})
	}
}

// speaksFirst is a server that answers in plain HTTP whatever it is sent.
func speaksFirst(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 64<<10)) // the handshake's first message
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n" + page))
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// TestNoConnectionBack: an upstream that comes back is used again at once.
func TestNoConnectionBack(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	g := gatetest.Start(t, wired, "UP", "http://"+address)
	c := dialectCases[0]
	wantEnd(t, c, converse(t, g, c.path, c.ask("m", true)), endRefused, llm.CodeUpstreamConnect)
	if ln, err = net.Listen("tcp", address); err != nil {
		t.Fatalf("listening at the same address again: %v", err)
	}
	up := &provider{ln: ln}
	serveProvider(t, up, func(c *upcall) { c.good() })
	for range 3 {
		r := converse(t, g, c.path, c.ask("m", true))
		wantEnd(t, c, r, endClean, "")
	}
	up.idle(t)
}
