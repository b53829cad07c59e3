package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// The hostile_*_test.go files are the bad days that clients make: what they
// get, that each exchange leaves one entry and nothing else does, and that
// nothing reaches the upstream that must not.

const aliceKey = "alice-0123456789"

// keyed is a gateway that demands a key.
const keyed = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models: [{ name: "*", targets: [{ upstream: sim }] }]
keys:
  - { name: alice, secret: ` + aliceKey + ` }
  - { name: gone, secret: gone-0123456789ab, disabled: true }
`

// A wire is a client's connection, byte by byte.
type wire struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

// connect opens a connection that ends with the test, if not before.
func connect(t *testing.T, g *gatetest.Gate) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a hung test says so
	return &wire{Conn: conn, r: bufio.NewReader(conn), t: t}
}

// send sends text as it is.
func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("sending: %v", err)
	}
}

// answer reads the next answer, to its end.
func (w *wire) answer() (status int, header http.Header, body string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("half an answer: %v", err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// end waits until the gateway closes the connection and returns what came
// before that.
func (w *wire) end() string {
	w.t.Helper()
	b, err := io.ReadAll(w.r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the gateway keeps the connection open")
	}
	return string(b)
}

// posted is the head of a POST to /v1/chat/completions.
func posted(header ...string) string {
	return "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + strings.Join(append(header, "\r\n"), "\r\n")
}

// wantNothing checks that no exchange has begun and the upstream has seen
// nothing.
func wantNothing(t *testing.T, g *gatetest.Gate) {
	t.Helper()
	if n := g.Ledger.Total(); n != 0 {
		t.Errorf("%d ledger entries, want none: %+v", n, g.Ledger.Entries())
	}
	if n := g.Sim.Served().Total; n != 0 {
		t.Errorf("%d requests reached the upstream, want none", n)
	}
}

// settle waits until no goroutine serves a request any more. Others stay: those
// of idle connections, which end with the gateway, as goleak sees.
func settle(t *testing.T) {
	t.Helper()
	buf := make([]byte, 4<<20)
	gatetest.Until(t, func() bool {
		return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "gateway.(*Handler).ServeHTTP")
	})
}
