package upstream_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

const (
	short = 30 * time.Millisecond

	// much is more than a timeout of short may take on a busy machine.
	much = 5 * time.Second
)

// silent is a server that accepts and says s, and then nothing until the
// client leaves.
func silent(t testing.TB, s ...string) string {
	return raw(t, func(_ int, c *conn) {
		if len(s) > 0 {
			c.request()
		}
		c.send(s...)
		c.wait()
	})
}

// dripping is a server that sends head, and then a chunk every few milliseconds
// until the client leaves.
func dripping(t testing.TB, head string) string {
	return raw(t, func(_ int, c *conn) {
		c.request()
		c.send(head)
		for range time.Tick(short / 6) {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	})
}

func TestTimeouts(t *testing.T) {
	type timeouts = upstream.Timeouts
	for _, tt := range []struct {
		name     string
		endpoint string
		timeouts timeouts
		stream   bool
		want     llm.Code
		where    string // Op
	}{
		{"handshake that stalls", strings.Replace(silent(t), "http:", "https:", 1), timeouts{Connect: short}, false, llm.CodeConnectTimeout, "upstream.do"},
		{"connecting within the total", strings.Replace(silent(t), "http:", "https:", 1), timeouts{Connect: patience, Total: short}, false, llm.CodeTotalTimeout, "upstream.do"},
		{"no status", silent(t, ""), timeouts{FirstByte: short, Idle: patience, Total: patience}, false, llm.CodeFirstByteTimeout, "upstream.do"},
		{"no status of a stream", silent(t, ""), timeouts{FirstByte: short, Total: patience}, true, llm.CodeFirstByteTimeout, "upstream.do"},
		{"half a status", silent(t, "HTTP/1.1 2"), timeouts{FirstByte: short}, false, llm.CodeFirstByteTimeout, "upstream.do"},
		{"interim answers are no first byte", silent(t, "HTTP/1.1 103 Early Hints\r\n\r\n"), timeouts{FirstByte: short}, true, llm.CodeFirstByteTimeout, "upstream.do"},
		{"status, but no first byte of a stream", silent(t, sse), timeouts{FirstByte: short, Idle: patience}, true, llm.CodeFirstByteTimeout, "upstream.read"},
		{"no first byte of a stream within the total", silent(t, sse), timeouts{FirstByte: patience, Total: short}, true, llm.CodeTotalTimeout, "upstream.read"},
		{"silence in a stream", silent(t, sse, chunk), timeouts{Connect: patience, FirstByte: patience, Idle: short, Total: patience}, true, llm.CodeIdleTimeout, "upstream.read"},
		{"silence in a whole answer", silent(t, sse, chunk), timeouts{Connect: patience, FirstByte: patience, Idle: short, Total: patience}, false, llm.CodeIdleTimeout, "upstream.read"},
		{"silence after the status of a whole answer", silent(t, sse), timeouts{Idle: short}, false, llm.CodeIdleTimeout, "upstream.read"},
		{"slow whole answer", dripping(t, sse), timeouts{Idle: patience, Total: 2 * short}, false, llm.CodeTotalTimeout, "upstream.read"},
		{"slow whole answer to a request for a stream", dripping(t, strings.Replace(sse, "text/event-stream", "application/json", 1)), timeouts{Idle: patience, Total: 2 * short}, true, llm.CodeTotalTimeout, "upstream.read"},
		{"slow refusal of a stream", dripping(t, strings.Replace(sse, "200 OK", "503 Busy", 1)), timeouts{Idle: patience, Total: 2 * short}, true, llm.CodeTotalTimeout, "upstream.read"},
		{"long stream", dripping(t, sse), timeouts{FirstByte: patience, Idle: patience, StreamTotal: 2 * short}, true, llm.CodeTotalTimeout, "upstream.read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := open(t, upstream.Settings{Endpoint: tt.endpoint, Timeouts: tt.timeouts, InsecureSkipVerify: true})
			c := call()
			c.Stream = tt.stream
			start := time.Now()
			a, err := u.Do(patient(t), c)
			if err == nil {
				_, err = io.ReadAll(a.Body)
				defer a.Body.Close()
			}
			took := time.Since(start)
			wantError(t, err, tt.want)
			if e := llm.AsError(err); e.Op != tt.where || e.Status() != 504 {
				t.Errorf("Op = %q, status %d, want %q, 504", e.Op, e.Status(), tt.where)
			}
			if got, want := errors.Is(err, upstream.ErrNotSent), strings.HasPrefix(tt.endpoint, "https:"); got != want {
				t.Errorf("ErrNotSent: %v, want %v", got, want)
			}
			if took < short || took > much {
				t.Errorf("it took %v, want between %v and %v", took, short, much)
			}
		})
	}
}

// A limit that is not meant for a phase does not end it.
func TestTimeoutsThatDoNotApply(t *testing.T) {
	const enough = 10 * short // the machine may be busy
	type timeouts = upstream.Timeouts
	for _, tt := range []struct {
		name     string
		timeouts timeouts
		stream   bool
	}{
		{"the total ends with a stream's first byte", timeouts{Total: enough}, true},
		{"the first byte's ends with it", timeouts{FirstByte: enough}, true},
		{"idle is renewed by every byte", timeouts{Idle: enough}, true},
		{"connecting ends with the connection", timeouts{Connect: enough}, false},
		{"a whole answer has no stream's total", timeouts{StreamTotal: enough}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := open(t, upstream.Settings{Endpoint: dripping(t, sse), Timeouts: tt.timeouts})
			c := call()
			c.Stream = tt.stream
			a, err := u.Do(patient(t), c)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			buf := make([]byte, 16)
			for start := time.Now(); time.Since(start) < 3*enough/2; {
				if _, err := a.Body.Read(buf); err != nil {
					t.Fatalf("after %v: %v", time.Since(start), err)
				}
			}
		})
	}
}

// A client that reads slowly is not the upstream's silence.
func TestSlowReaderIsNotIdle(t *testing.T) {
	u := open(t, upstream.Settings{Endpoint: once(t, sse, chunk, chunk, noChunk), Timeouts: upstream.Timeouts{Idle: 5 * short}})
	a, err := u.Do(patient(t), call())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if _, err := io.ReadFull(a.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	<-time.After(10 * short) // the client is busy elsewhere
	if rest, err := io.ReadAll(a.Body); string(rest) != "hello" || err != nil {
		t.Errorf("after a pause of the reader: %q, %v, want the rest of the answer", rest, err)
	}
}

// The name may resolve to something that does not answer at all.
func TestConnectTimeout(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// A listener that never accepts: the kernel completes handshakes until its
	// queue is full, then drops them, as a firewall would.
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	fillUntilDropped(t, l, &held)

	u := open(t, upstream.Settings{Endpoint: "http://" + l.Addr().String(), Timeouts: upstream.Timeouts{Connect: short}})
	_, err = u.Do(patient(t), call())
	wantError(t, err, llm.CodeConnectTimeout)
}

// fillUntilDropped makes l's queue full: from then on dialling it hangs.
func fillUntilDropped(t *testing.T, l *net.TCPListener, held *[]net.Conn) {
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// Listening again on the same socket only changes the length of its queue.
	if err := raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), 1) }); err != nil {
		t.Fatal(err)
	}
	for range 64 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 200*time.Millisecond)
		if err != nil {
			return
		}
		*held = append(*held, c)
	}
	if runtime.GOOS == "linux" {
		t.Fatal("the listener's queue did not fill up")
	}
	t.Skip("a listener's queue cannot be filled up on this system")
}
