//go:build !race

package gateway_test

import (
	"bufio"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// inUse returns the bytes of heap and stacks once what nobody uses is gone.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// connectMany opens n connections, or as many as the process may have.
func connectMany(t *testing.T, g *gatetest.Gate, n int) []*net.TCPConn {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // Go has done it already; what counts is the hard limit
	if room := (int(min(limit.Cur, 1<<20)) - 500) / 2; room < n {
		t.Logf("the hard limit of %d open files leaves room for %d connections instead of %d", limit.Max, room, n)
		n = room
	}
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns[i] = conn.(*net.TCPConn)
		_ = conns[i].SetLinger(0) // leaves no trace in the kernel
		t.Cleanup(func() { conn.Close() })
	}
	return conns
}

// askOpen makes one request on an open connection.
func askOpen(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("an open connection answers %v, %v", resp, err)
	}
	_, _ = resp.Body.Read(make([]byte, 100))
	resp.Body.Close()
}

// TestFiveThousandConnections: who is connected and says nothing costs little,
// keeps nobody out, and is gone when it goes.
func TestFiveThousandConnections(t *testing.T) {
	g := gatetest.Start(t, "listen: { timeouts: { header: 1m, idle: 1m } }\n"+simple)
	gatetest.Body(t, g.Post(t, "/v1/chat/completions", hello))
	memory, goroutines := inUse(), runtime.NumGoroutine()
	conns := connectMany(t, g, 5000)
	asked := 1
	for i, conn := range conns {
		switch {
		case i%50 == 0:
			askOpen(t, conn, keylessPost("/v1/chat/completions", hello))
			asked++
		case i%3 == 0:
			askOpen(t, conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
	}
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() >= goroutines+len(conns) })
	each := (inUse() - memory) / uint64(len(conns))
	t.Logf("%d connections of %d bytes each, client and server together", len(conns), each)
	if each > 32<<10 {
		t.Errorf("a connection that does nothing costs %d bytes, want less than 32 KiB", each)
	}
	if resp := g.Post(t, "/v1/chat/completions", hello); resp.StatusCode != http.StatusOK {
		t.Errorf("another client got %s, want 200", resp.Status)
	}
	askOpen(t, conns[0], keylessPost("/v1/chat/completions", hello))
	g.Entries(t, asked+2)
	for _, conn := range conns {
		conn.Close()
	}
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= goroutines+10 })
	gatetest.Until(t, func() bool { return inUse() < memory+20<<20 })
}

// TestIdleConnectionsEnd: connections on which nothing happens are closed.
func TestIdleConnectionsEnd(t *testing.T) {
	g := gatetest.Start(t, "listen: { timeouts: { header: 300ms, idle: 300ms } }\n"+simple)
	before := runtime.NumGoroutine()
	conns := connectMany(t, g, 200)
	for i, conn := range conns {
		if i%2 == 0 {
			askOpen(t, conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
	}
	for i, conn := range conns {
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
			t.Fatalf("connection %d: %d bytes, %v; want an end", i, n, err)
		}
	}
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= before+10 }) // the gateway may not have started all of its own by then
	if n := g.Ledger.Total(); n != 0 {
		t.Errorf("%d entries for nothing", n)
	}
}
