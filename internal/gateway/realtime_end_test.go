package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// beginner returns a model that begins a response on demand and tells how its socket
// ended.
func beginner(t *testing.T) (*model, chan error) {
	t.Helper()
	how := make(chan error, 1000)
	return startModel(t, func(c *websocket.Conn) {
		for {
			_, message, err := c.Read(context.Background())
			if err != nil {
				how <- err
				return
			}
			replies := []string{string(message)}
			if strings.Contains(string(message), "response.create") {
				replies = []string{created, delta}
			}
			for _, reply := range replies {
				_ = c.Write(context.Background(), websocket.MessageText, []byte(reply))
			}
		}
	}), how
}

// within returns what comes out of ch within a second.
func within[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Second):
		t.Errorf("%s: not within a second", what)
	}
	return v
}

// TestRealtimeCloses: a close passes with its code and its reason, both ways.
func TestRealtimeCloses(t *testing.T) {
	long := strings.Repeat("r", 123)
	for _, tt := range []struct {
		code   websocket.StatusCode
		reason string
		failed bool // if the upstream says so
	}{
		{websocket.StatusNormalClosure, "bye", false},
		{websocket.StatusGoingAway, "", false},
		{websocket.StatusNoStatusRcvd, "", false},
		{websocket.StatusInternalError, "oops", true},
		{websocket.StatusTryAgainLater, long, true},
		{3000, "invalid_request_error", true},
		{4999, "ä", true},
	} {
		t.Run(strconv.Itoa(int(tt.code)), func(t *testing.T) {
			m, how := beginner(t)
			g := talks(t, m, "")
			c := open(t, g, "/v1/realtime?model=m")
			if err := c.Close(tt.code, tt.reason); err != nil {
				t.Error(err)
			}
			err := within(t, how, "the upstream's end")
			if websocket.CloseStatus(err) != tt.code || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("the upstream was told %v", err)
			}
			if e := g.Entries(t, 1)[0]; e.Code != "" || e.Status != 101 {
				t.Errorf("entry = %+v", e)
			}
			m = startModel(t, func(c *websocket.Conn) { c.Close(tt.code, tt.reason) })
			g = talks(t, m, "")
			c = open(t, g, "/v1/realtime?model=m")
			if end, last := ends(t, c); end.Code != tt.code || end.Reason != tt.reason || last != "" {
				t.Errorf("the client was told %v, %s", end, last)
			}
			want := llm.Code("")
			if tt.failed {
				want = llm.CodeUpstreamFailed
			}
			if e := g.Entries(t, 1)[0]; e.Code != want || e.Status != 101 {
				t.Errorf("entry = %+v, want code %q", e, want)
			}
		})
	}
}

// TestRealtimeReasonIsScrubbed: a reason does not show the upstream's secret.
func TestRealtimeReasonIsScrubbed(t *testing.T) {
	m := startModel(t, func(c *websocket.Conn) { c.Close(4000, "wrong key upstream-secret") })
	g := talks(t, m, "auth: { bearer: upstream-secret }")
	end, _ := ends(t, open(t, g, "/v1/realtime?model=m"))
	g.Entries(t, 1)
	if end.Code != 4000 || !strings.HasPrefix(end.Reason, "wrong key") || strings.Contains(end.Reason+g.Log.String(), "upstream-secret") {
		t.Errorf("the client was told %v; the log has %s", end, g.Log)
	}
}

// TestRealtimeClientVanishes: with it goes the upstream's socket.
func TestRealtimeClientVanishes(t *testing.T) {
	m, how := beginner(t)
	g := talks(t, m, "")
	c := open(t, g, "/v1/realtime?model=m")
	say(t, c, `{"type":"response.create"}`)
	hear(t, c)
	hear(t, c)
	_ = c.CloseNow()
	if err := within(t, how, "the upstream's end"); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the upstream was told %v", err)
	}
	entries := byID(g.Entries(t, 2))
	if e := entries[0]; e.Code != llm.CodeClientClosed || e.Status != 101 || e.Usage.Provenance != llm.UsageNone {
		t.Errorf("the socket's entry = %+v", e)
	}
	if e := entries[1]; e.Code != llm.CodeClientClosed || e.Usage != (llm.Usage{Output: 3, Provenance: llm.UsageEstimated}) {
		t.Errorf("the response's entry = %+v", e)
	}
}

// TestRealtimeUpstreamVanishes: the client is told, in words and by a code.
func TestRealtimeUpstreamVanishes(t *testing.T) {
	for _, where := range []string{"between", "within a small message", "within a large message"} {
		t.Run(where, func(t *testing.T) {
			m := &model{opens: make(chan *http.Request, 10)}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				wire := &keeps{ResponseWriter: w}
				c, err := websocket.Accept(wire, r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				ctx := context.Background()
				_ = c.Write(ctx, websocket.MessageText, []byte(created))
				_ = c.Write(ctx, websocket.MessageText, []byte(delta))
				switch where {
				case "within a small message":
					_, _ = wire.conn.Write([]byte{0x81, 100, '{', '"'})
				case "within a large message":
					mw, _ := c.Writer(ctx, websocket.MessageText)
					_, _ = mw.Write([]byte(strings.Repeat(" ", 1<<20)))
					_, _ = mw.Write([]byte(" "))
				}
				wire.conn.Close()
			}))
			t.Cleanup(s.Close)
			m.url = s.URL
			g := talks(t, m, "")
			end, last := ends(t, open(t, g, "/v1/realtime?model=m"))
			if end.Code != websocket.StatusBadGateway || !strings.Contains(end.Reason, "upstream") {
				t.Errorf("the socket ended with %v", end)
			}
			if told := strings.Contains(last, `"type":"error"`) && strings.Contains(last, `"code":"upstream_truncated"`); told == (where == "within a large message") {
				t.Errorf("the last message was %.200s", last)
			}
			entries := byID(g.Entries(t, 2))
			for _, e := range entries {
				if e.Code != llm.CodeUpstreamTruncated || e.Upstream != "up" {
					t.Errorf("entry = %+v", e)
				}
			}
			if u := entries[1].Usage; u.Provenance != llm.UsageEstimated || u.Output != 3 {
				t.Errorf("usage = %+v", u)
			}
		})
	}
}

// keeps remembers the connection that is taken from a server.
type keeps struct {
	http.ResponseWriter
	conn net.Conn
}

func (k *keeps) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// Hijack is for websocket.Accept.
func (k *keeps) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(k.ResponseWriter).Hijack()
	k.conn = conn
	return conn, rw, err
}

// TestRealtimeTooLarge: a message of more than 16 MiB ends the socket,
// whoever sends it.
func TestRealtimeTooLarge(t *testing.T) {
	large := []byte(strings.Repeat("x", 17<<20))
	how := make(chan error, 1)
	m := startModel(t, func(c *websocket.Conn) {
		_, message, err := c.Read(context.Background())
		if err == nil && string(message) == `{"type":"large"}` {
			_ = c.Write(context.Background(), websocket.MessageBinary, large)
			_, _, err = c.Read(context.Background())
		}
		how <- err
	})
	g := talks(t, m, "")
	for i, tt := range []struct {
		name     string
		message  []byte
		upstream websocket.StatusCode
		words    bool
	}{
		{"the client's", large, websocket.StatusGoingAway, true},
		{"the upstream's", []byte(`{"type":"large"}`), websocket.StatusMessageTooBig, false},
	} {
		c := open(t, g, "/v1/realtime?model=m")
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			_ = c.Write(context.Background(), websocket.MessageBinary, tt.message) // it may be cut
		}()
		end, last := ends(t, c)
		if end.Code != websocket.StatusMessageTooBig || !strings.Contains(end.Reason, "16777216") {
			t.Errorf("%s: the socket ended with %v", tt.name, end)
		}
		if strings.Contains(last, `"code":"message_too_large"`) != tt.words {
			t.Errorf("%s: the last message was %.200s", tt.name, last)
		}
		_ = c.CloseNow()
		<-wrote
		if err := within(t, how, tt.name); websocket.CloseStatus(err) != tt.upstream {
			t.Errorf("%s: the upstream was told %v", tt.name, err)
		}
		if e := g.Entries(t, i+1)[i]; e.Code != llm.CodeMessageTooLarge || e.FramesOut > 1 {
			t.Errorf("%s: entry = %+v", tt.name, e)
		}
	}
}

// TestRealtimeLimits: of time, and of memory.
func TestRealtimeLimits(t *testing.T) {
	m, how := beginner(t)
	for _, tt := range []struct {
		name, more, rest string
		chatter          bool
		message          string
		code             llm.Code
		end              websocket.StatusCode
	}{
		{"silence", "timeouts: { idle: 300ms }", "", false, `{"type":"response.create"}`, llm.CodeIdleTimeout, 3008},
		{"age", "timeouts: { stream_total: 600ms, idle: 10s }", "", true, `{"type":"response.create"}`, llm.CodeTotalTimeout, 3008},
		{"memory", "", "listen: { body_memory: 1MiB, body_limit: 256KiB }", false, `{"type":"` + strings.Repeat("x", 2<<20) + `"}`, llm.CodeOverloaded, websocket.StatusTryAgainLater},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := talks(t, m, tt.more, tt.rest)
			c := open(t, g, "/v1/realtime?model=m")
			say(t, c, tt.message)
			stop := make(chan struct{})
			var talker sync.WaitGroup
			if tt.chatter {
				talker.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(20 * time.Millisecond):
							_ = c.Write(context.Background(), websocket.MessageText, []byte(`{"type":"input_audio_buffer.append"}`))
						}
					}
				})
			}
			end, last := ends(t, c)
			close(stop)
			talker.Wait()
			if end.Code != tt.end || !strings.Contains(last, `"code":"`+string(tt.code)+`"`) {
				t.Errorf("the socket ended with %v, after %.300s", end, last)
			}
			if err := within(t, how, "the upstream's end"); websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("the upstream was told %v", err)
			}
			n := 1
			if strings.Contains(tt.message, "response.create") {
				n = 2
			}
			for _, e := range g.Entries(t, n) {
				if e.Code != tt.code {
					t.Errorf("entry = %+v, want code %s", e, tt.code)
				}
			}
		})
	}
}

// TestRealtimePingsAreNotMessages: who only pings is idle.
func TestRealtimePingsAreNotMessages(t *testing.T) {
	m, _ := beginner(t)
	g := talks(t, m, "timeouts: { idle: 400ms }")
	c := open(t, g, "/v1/realtime?model=m")
	stop := make(chan struct{})
	var pings sync.WaitGroup
	pings.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_ = c.Ping(patient(t))
			}
		}
	})
	end, _ := ends(t, c)
	close(stop)
	pings.Wait()
	if end.Code != 3008 {
		t.Errorf("the socket ended with %v", end)
	}
}

// TestRealtimeBackPressure: a client that does not read slows the upstream
// down, and costs no memory.
func TestRealtimeBackPressure(t *testing.T) {
	const total, size = 400, 256 << 10 // 100 MiB
	var sent atomic.Int64
	m := startModel(t, func(c *websocket.Conn) {
		message := make([]byte, size)
		for i := range total {
			message[0] = byte(i)
			if c.Write(context.Background(), websocket.MessageBinary, message) != nil {
				return
			}
			sent.Add(1)
		}
		c.Close(websocket.StatusNormalClosure, "")
	})
	g := talks(t, m, "")
	c := open(t, g, "/v1/realtime?model=m")
	// It comes to a halt: nothing has been sent for a while, and not all.
	var before runtime.MemStats
	last, since := int64(-1), time.Now()
	gatetest.Until(t, func() bool {
		if n := sent.Load(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
	runtime.GC()
	runtime.ReadMemStats(&before)
	if last == total || before.HeapAlloc > 80<<20 {
		t.Errorf("%d of %d messages were taken for nobody, with %d MiB of heap", last, total, before.HeapAlloc>>20)
	}
	for i := range total {
		_, b, err := c.Read(patient(t))
		if err != nil || len(b) != size || b[0] != byte(i) {
			t.Fatalf("message %d: %d bytes, %v", i, len(b), err)
		}
	}
	if end, _ := ends(t, c); end.Code != websocket.StatusNormalClosure {
		t.Errorf("the socket ended with %v", end)
	}
	if e := g.Entries(t, 1)[0]; e.Code != "" || e.FramesOut != total || e.BytesOut != total*size {
		t.Errorf("entry = %+v", e)
	}
}

// TestRealtimeSlowClient: one that takes nothing for too long is left.
func TestRealtimeSlowClient(t *testing.T) {
	how := make(chan error, 1)
	m := startModel(t, func(c *websocket.Conn) {
		message := make([]byte, 1<<20)
		for {
			if err := c.Write(context.Background(), websocket.MessageBinary, message); err != nil {
				how <- err
				return
			}
		}
	})
	g := talks(t, m, "", "listen: { timeouts: { write: 300ms } }")
	open(t, g, "/v1/realtime?model=m")
	e := g.Entries(t, 1)[0]
	if e.Code != llm.CodeClientTooSlow || e.Status != 101 {
		t.Errorf("entry = %+v", e)
	}
	_ = within(t, how, "the upstream's end")
}

// TestRealtimeSlowUpstream: nor is one that takes nothing.
func TestRealtimeSlowUpstream(t *testing.T) {
	release := make(chan struct{})
	m := startModel(t, func(c *websocket.Conn) {
		for {
			select {
			case <-release:
				return
			case <-time.After(20 * time.Millisecond):
				if c.Write(context.Background(), websocket.MessageText, []byte(`{"type":"x"}`)) != nil {
					return
				}
			}
		}
	})
	defer close(release)
	g := talks(t, m, "timeouts: { idle: 400ms }")
	c := open(t, g, "/v1/realtime?model=m")
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		message := make([]byte, 1<<20)
		for c.Write(context.Background(), websocket.MessageBinary, message) == nil {
		}
	}()
	end, last := ends(t, c)
	if end.Code != 3008 || !strings.Contains(last, "upstream_idle_timeout") {
		t.Errorf("the socket ended with %v after %s", end, last)
	}
	_ = c.CloseNow()
	<-wrote
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeIdleTimeout {
		t.Errorf("entry = %+v", e)
	}
}

// TestRealtimeBadFrames: what is no WebSocket ends it, and nothing else.
func TestRealtimeBadFrames(t *testing.T) {
	m, how := beginner(t)
	g := talks(t, m, "")
	for i, frame := range []string{
		"\x81\x01x",                        // not masked
		"\xc1\x81\x00\x00\x00\x00x",        // compressed
		"\x83\x80\x00\x00\x00\x00",         // an opcode that nobody has
		"\x80\x80\x00\x00\x00\x00",         // goes on with nothing
		"\x09\x80\x00\x00\x00\x00",         // a ping in pieces
		"\x88\x82\x00\x00\x00\x00\x03\xed", // a close code that must not be sent
		"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00" + strings.Repeat(" ", 17<<20), // endless
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a hung test says so
		go func() { _, _ = io.WriteString(conn, upgrade("/v1/realtime?model=m")+frame) }()
		head := bufio.NewReader(conn)
		if _, err := http.ReadResponse(head, nil); err != nil {
			t.Fatal(err)
		}
		_, _ = head.ReadByte() // of a close frame
		conn.Close()
		_ = within(t, how, "the upstream's end")
		if e := g.Entries(t, i+1)[i]; e.Code != llm.CodeInvalidValue && e.Code != llm.CodeMessageTooLarge {
			t.Errorf("frame %q: entry = %+v", frame[:2], e)
		}
	}
}

// TestRealtimeShutdown: sockets get the time of a drain, and then are told and
// accounted for.
func TestRealtimeShutdown(t *testing.T) {
	m, how := beginner(t)
	g := talks(t, m, "", "listen: { drain: 500ms }")
	const n = 50
	var all []*websocket.Conn
	for range n {
		c := open(t, g, "/v1/realtime?model=m")
		say(t, c, `{"type":"response.create"}`)
		hear(t, c)
		hear(t, c)
		all = append(all, c)
	}
	begun := time.Now()
	stopped := make(chan struct{})
	go func() { g.Stop(t); close(stopped) }()
	gatetest.Until(t, func() bool { return strings.Contains(g.Log.String(), `"msg":"stopping"`) })
	say(t, all[0], `{"type":"still.there"}`)
	if got := hear(t, all[0]); got != `{"type":"still.there"}` {
		t.Errorf("while it drains: %s", got)
	}
	var heard sync.WaitGroup
	for _, c := range all {
		heard.Go(func() {
			if end, last := ends(t, c); end.Code != websocket.StatusGoingAway || !strings.Contains(last, `"code":"shutting_down"`) {
				t.Errorf("a socket ended with %v after %s", end, last)
			}
		})
	}
	heard.Wait()
	if took := time.Since(begun); took < 500*time.Millisecond {
		t.Errorf("the sockets were cut after %v", took)
	}
	<-stopped
	if g.Ledger.Total() != 2*n {
		t.Errorf("%d entries, want %d", g.Ledger.Total(), 2*n)
	}
	for _, e := range g.Ledger.Entries() {
		if e.Code != llm.CodeShuttingDown || e.Status != 101 {
			t.Errorf("entry = %+v", e)
		}
	}
	for range n {
		if err := <-how; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the upstream was told %v", err)
		}
	}
}

// TestRealtimeManySockets: two hundred at once leave nothing behind.
func TestRealtimeManySockets(t *testing.T) {
	m := startModel(t, converses)
	g := talks(t, m, "")
	before := runtime.NumGoroutine()
	const n = 200
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c, _, err := dial(t, g, "/v1/realtime?model=m")
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				say(t, c, `{"type":"response.create"}`)
				for range 3 {
					hear(t, c)
				}
			}
			if i%3 == 0 {
				_ = c.CloseNow()
			} else {
				c.Close(websocket.StatusNormalClosure, "")
			}
		})
	}
	all.Wait()
	count := map[string]int{}
	for _, e := range g.Entries(t, 4*n) {
		id, turn, _ := strings.Cut(e.ID, ".")
		count[id]++
		if turn != "" && (e.Usage.Input != 20 || e.Code != "") {
			t.Errorf("entry = %+v", e)
		}
	}
	if len(count) != n {
		t.Errorf("the entries are of %d sockets", len(count))
	}
	gatetest.Until(t, func() bool { return runtime.NumGoroutine() <= before+5 })
}

// TestRealtimeLedgerPanics: a response whose account cannot be kept ends the
// socket, not the program.
func TestRealtimeLedgerPanics(t *testing.T) {
	m := startModel(t, converses)
	g := gatetest.StartWith(t, gatetest.Options{Ledger: panics{ledger.NewMemory(10)}}, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: m, targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`, "UP", m.url)
	c := open(t, g, "/v1/realtime?model=m")
	say(t, c, `{"type":"response.create"}`)
	if end, last := ends(t, c); end.Code != websocket.StatusInternalError || !strings.Contains(last, `"code":"internal_error"`) {
		t.Errorf("the socket ended with %v after %s", end, last)
	}
}

// panics takes the entries of sockets alone.
type panics struct{ *ledger.Memory }

func (p panics) Record(e *ledger.Entry) error {
	if strings.Contains(e.ID, ".") {
		panic("no account of responses")
	}
	return p.Memory.Record(e)
}

// TestRealtimeWishes: a client that asks for more responses than a server
// ever begins does not fill the memory: the oldest wish is given up, and told of.
func TestRealtimeWishes(t *testing.T) {
	const asked = 100
	m := startModel(t, func(c *websocket.Conn) {
		for {
			if _, _, err := c.Read(context.Background()); err != nil {
				return
			}
		}
	})
	g := talks(t, m, "")
	c := open(t, g, "/v1/realtime?model=m")
	for range asked {
		say(t, c, `{"type":"response.create"}`)
	}
	gatetest.Until(t, func() bool { return g.Ledger.Total() == asked-64 })
	_ = c.Close(websocket.StatusNormalClosure, "")
	gatetest.Until(t, func() bool { return g.Ledger.Total() == asked+1 })
}
