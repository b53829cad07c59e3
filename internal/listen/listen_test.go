package listen_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler) // immutable

// start serves h until the test ends and returns the server.
func start(t *testing.T, s listen.Settings, h http.HandlerFunc) *listen.Server {
	t.Helper()
	return startLogging(t, quiet, s, h)
}

// told hands on the messages of a log.
type told struct {
	slog.Handler
	messages chan<- string
}

func (h told) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h told) Handle(_ context.Context, r slog.Record) error {
	h.messages <- r.Message
	return nil
}

func startLogging(t *testing.T, log *slog.Logger, s listen.Settings, h http.HandlerFunc) *listen.Server {
	t.Helper()
	if s.Address == "" {
		s.Address = "127.0.0.1:0"
	}
	srv, err := listen.Listen(t.Context(), s, h, log)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Drain(ctx, context.Canceled, 0) // already cancelled: cuts what is left
		if err := <-done; err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
	return srv
}

// writePair writes a new self-signed certificate for 127.0.0.1 and returns it.
func writePair(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTLSReloadsItsCertificate(t *testing.T) {
	dir := t.TempDir()
	first := writePair(t, dir, "weir")
	var proto string
	noticed := make(chan string, 10)
	srv := startLogging(t, slog.New(told{slog.DiscardHandler, noticed}), listen.Settings{
		CertFile: filepath.Join(dir, "weir.crt"), KeyFile: filepath.Join(dir, "weir.key"),
	}, func(_ http.ResponseWriter, r *http.Request) { proto = r.Proto })

	serial := func() *big.Int {
		t.Helper()
		conn, err := tls.Dial("tcp", srv.Addr().String(), &tls.Config{InsecureSkipVerify: true}) // only looks at the certificate
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber
	}
	roots := x509.NewCertPool()
	roots.AddCert(first)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if proto != "HTTP/2.0" {
		t.Errorf("served over %s, want HTTP/2.0", proto)
	}

	// A broken file keeps the old certificate; a good one replaces it.
	if err := os.WriteFile(filepath.Join(dir, "weir.crt"), []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		if serial().Cmp(first.SerialNumber) != 0 {
			t.Fatal("a broken file replaced the certificate")
		}
		select {
		case msg := <-noticed:
			return strings.Contains(msg, "not reloaded")
		default:
			return false
		}
	})
	second := writePair(t, dir, "weir")
	until(t, func() bool { return serial().Cmp(second.SerialNumber) == 0 })
}

// until asks ok again and again for up to ten seconds.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("what was waited for did not come true in 10s")
		}
	}
}

func TestListenErrors(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		s    listen.Settings
		want string
	}{
		{"address in use", listen.Settings{Address: busy.Addr().String()}, "address already in use\n\tanother program"},
		{"another machine's address", listen.Settings{Address: "192.0.2.1:0"}, "\n\tthis machine does not have that address"},
		{"no such file", listen.Settings{Address: "127.0.0.1:0", CertFile: filepath.Join(dir, "no.crt"), KeyFile: filepath.Join(dir, "no.key")}, "no.crt"},
	} {
		if _, err := listen.Listen(t.Context(), tt.s, nil, quiet); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Listen = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestDrain(t *testing.T) {
	errStop := errors.New("stop")
	for _, tt := range []struct {
		name    string
		patient bool // whether the drain waits for the request's own end
		want    string
	}{
		{"waits for a running request", true, "own end"},
		{"then ends it with the cause", false, "stop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			running, finish := make(chan struct{}), make(chan struct{})
			srv := start(t, listen.Settings{}, func(w http.ResponseWriter, r *http.Request) {
				close(running)
				select {
				case <-finish:
					_, _ = io.WriteString(w, "own end")
				case <-r.Context().Done():
					_, _ = io.WriteString(w, context.Cause(r.Context()).Error())
				}
			})
			got := make(chan string, 1)
			go func() {
				resp, err := http.Get("http://" + srv.Addr().String())
				if err != nil {
					got <- err.Error()
					return
				}
				defer resp.Body.Close()
				b, _ := io.ReadAll(resp.Body)
				got <- string(b)
			}()
			<-running
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.patient {
				close(finish)
			} else {
				cancel()
			}
			err := srv.Drain(ctx, errStop, 5*time.Second)
			if (err == nil) != tt.patient {
				t.Errorf("Drain() = %v, want an error only if requests were cut", err)
			}
			if g := <-got; g != tt.want {
				t.Errorf("the request ended with %q, want %q", g, tt.want)
			}
			if _, err := net.Dial("tcp", srv.Addr().String()); err == nil {
				t.Error("a drained server still takes connections")
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// TestDrainWaitsForHandlers: what a handler does after its connection was
// closed is done when Drain returns.
func TestDrainWaitsForHandlers(t *testing.T) {
	running, ended := make(chan struct{}), false
	srv := start(t, listen.Settings{}, func(w http.ResponseWriter, _ *http.Request) {
		close(running)
		for { // until the connection is closed: its client reads nothing
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				break
			}
		}
		<-time.After(50 * time.Millisecond) // the account takes its time
		ended = true
	})
	conn, err := net.Dial("tcp", srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-running
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Drain(ctx, errors.New("stop"), 10*time.Millisecond); err == nil {
		t.Error("Drain() = nil although a request was cut")
	}
	if !ended {
		t.Error("Drain returned before the handler")
	}
}

// TestDrainWaitsForTakenConnections: a connection that a handler has taken is
// none of net/http's any more. It gets the time of a drain too, and then the
// end of its context.
func TestDrainWaitsForTakenConnections(t *testing.T) {
	for _, tt := range []struct {
		name string
		stay bool // until it is told to go
	}{{"it goes by itself", false}, {"it must be told", true}} {
		t.Run(tt.name, func(t *testing.T) {
			release, ended := make(chan struct{}), make(chan error, 1)
			srv := start(t, listen.Settings{}, func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
				select {
				case <-release:
				case <-r.Context().Done():
				}
				ended <- context.Cause(r.Context())
			})
			conn, err := net.Dial("tcp", srv.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			cause := errors.New("stop")
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			begun, drained := time.Now(), make(chan error, 1)
			go func() { drained <- srv.Drain(ctx, cause, time.Second) }()
			if !tt.stay {
				close(release)
			}
			err = <-drained
			if tt.stay && (!errors.Is(err, context.DeadlineExceeded) || time.Since(begun) < 300*time.Millisecond) || !tt.stay && err != nil {
				t.Errorf("Drain() = %v after %v", err, time.Since(begun))
			}
			select {
			case got := <-ended:
				if tt.stay && !errors.Is(got, cause) {
					t.Errorf("the handler was told %v", got)
				}
			default:
				t.Error("Drain has not waited for the handler")
			}
		})
	}
}
