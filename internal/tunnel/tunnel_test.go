package tunnel

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everything passes.
type everything struct{}

func (everything) FromClient(_ bool, message []byte) (forward, answer []byte) { return message, nil }
func (everything) FromUpstream(bool, []byte, bool)                            {}
func (everything) Sent(int)                                                   {}
func (everything) LastWords(err *llm.Error) []byte                            { return []byte(err.Code) }
func (everything) Reason(said string) string                                  { return said }

type plain struct{}

func (plain) Extend(used []byte, n int) ([]byte, error) {
	return append(make([]byte, 0, n), used...), nil
}
func (plain) Drop() {}

// taken is a response writer of a server whose connection is conn.
type taken struct {
	http.ResponseWriter
	header http.Header
	conn   net.Conn
}

func (t *taken) Header() http.Header { return t.header }
func (t *taken) WriteHeader(status int) {
	r := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: t.header}
	_ = r.Write(t.conn)
}

func (t *taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return t.conn, bufio.NewReadWriter(bufio.NewReader(t.conn), bufio.NewWriter(t.conn)), nil
}

// accept accepts the handshake that comes over conn.
func accept(conn net.Conn) (*End, error) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil, err
	}
	return Accept(&taken{header: http.Header{}, conn: conn}, r, "")
}

// over is a transport whose server is at the other end of conn.
type over struct{ conn net.Conn }

func (o over) dial(ctx context.Context, _, _ string) (net.Conn, error) { return o.conn, ctx.Err() }

// bench is a tunnel whose connections are pipes: time is the test's own.
type bench struct {
	client, model         *websocket.Conn // the two peers
	clientWire, modelWire net.Conn        // theirs
	result                chan Result
	stop                  context.CancelCauseFunc
}

func start(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{result: make(chan Result, 1)}
	far, up := net.Pipe()
	near, down := net.Pipe()
	b.clientWire, b.modelWire = near, far
	var both sync.WaitGroup
	both.Go(func() {
		end, err := accept(down)
		if err != nil {
			t.Error(err)
		}
		o.Client = end
	})
	both.Go(func() {
		r, err := http.ReadRequest(bufio.NewReader(far))
		if err != nil {
			t.Error(err)
			return
		}
		b.model, err = websocket.Accept(&taken{header: http.Header{}, conn: far}, r, nil)
		if err != nil {
			t.Error(err)
		}
	})
	both.Go(func() {
		end, resp, err := Dial(t.Context(), &http.Transport{DialContext: over{up}.dial}, "http://model.example/", http.Header{}, nil)
		if err != nil {
			t.Error(err, resp)
		}
		o.Upstream = end
	})
	c, resp, err := websocket.Dial(t.Context(), "http://weir.example/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: over{near}.dial}}})
	if err != nil {
		t.Fatal(err, resp)
	}
	b.client = c
	both.Wait()
	o.Start, o.MaxMessage, o.Traffic = time.Now(), 1<<20, everything{}
	o.Buffer = func() Buffer { return plain{} }
	ctx, stop := context.WithCancelCause(context.Background())
	b.stop = stop
	go func() { b.result <- Run(ctx, o) }()
	return b
}

// listen reads from a peer until it ends, and answers pings.
func listen(c *websocket.Conn) (messages chan string, end chan error) {
	messages, end = make(chan string, 100), make(chan error, 1)
	go func() {
		for {
			_, m, err := c.Read(context.Background())
			if err != nil {
				end <- err
				return
			}
			messages <- string(m)
		}
	}()
	return messages, end
}

// TestDeadPeers: a peer that answers no ping is left; one that does is not,
// however long it is silent.
func TestDeadPeers(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		client, model         bool // whether they live
		code                  llm.Code
		toClient, toModel     websocket.StatusCode
		after                 time.Duration
		idle, total, untilNow time.Duration
	}{
		{name: "both live, for ever", client: true, model: true, untilNow: 10 * time.Hour},
		{name: "the client is dead", model: true, code: llm.CodeClientClosed, toModel: websocket.StatusGoingAway, after: pingInterval + pingTimeout},
		{name: "the model is dead", client: true, code: llm.CodeUpstreamTruncated, toClient: websocket.StatusBadGateway, after: pingInterval + pingTimeout},
		{name: "nobody says anything", client: true, model: true, idle: 15 * time.Minute, code: llm.CodeIdleTimeout, toClient: statusTimeout, toModel: websocket.StatusGoingAway, after: 15 * time.Minute},
		{name: "it is too old", client: true, model: true, idle: time.Hour, total: 50 * time.Minute, code: llm.CodeTotalTimeout, toClient: statusTimeout, toModel: websocket.StatusGoingAway, after: 50 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, Options{Idle: tt.idle, Total: tt.total})
				begun := time.Now()
				clientEnd, modelEnd := make(chan error, 1), make(chan error, 1)
				if tt.client {
					_, clientEnd = listen(b.client)
				} else {
					go func() { _, _ = io.Copy(io.Discard, b.clientWire) }()
				}
				if tt.model {
					_, modelEnd = listen(b.model)
				} else {
					go func() { _, _ = io.Copy(io.Discard, b.modelWire) }()
				}
				if tt.untilNow > 0 {
					time.Sleep(tt.untilNow)
					if len(b.result) > 0 {
						t.Fatalf("ended with %+v", <-b.result)
					}
					_ = b.client.Close(websocket.StatusNormalClosure, "")
				}
				r := <-b.result
				if r.Err == nil && tt.code != "" || r.Err != nil && r.Err.Code != tt.code {
					t.Errorf("ended with %v, want %q", r.Err, tt.code)
				}
				if took := time.Since(begun); tt.code != "" && (took < tt.after || took > tt.after+clientPatience+time.Second) {
					t.Errorf("ended after %v, want %v", took, tt.after)
				}
				if tt.toClient != 0 {
					if err := <-clientEnd; websocket.CloseStatus(err) != tt.toClient {
						t.Errorf("the client was told %v, want %d", err, tt.toClient)
					}
				}
				if tt.toModel != 0 {
					if err := <-modelEnd; websocket.CloseStatus(err) != tt.toModel {
						t.Errorf("the model was told %v, want %d", err, tt.toModel)
					}
				}
				b.clientWire.Close()
				b.modelWire.Close()
				_ = b.client.CloseNow()
				_ = b.model.CloseNow()
				synctest.Wait()
			})
		})
	}
}

// TestShutdown: both are told, and the client in words too.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Options{})
		words, clientEnd := listen(b.client)
		_, modelEnd := listen(b.model)
		b.stop(errors.New("stop"))
		r := <-b.result
		if r.Err == nil || r.Err.Code != llm.CodeShuttingDown || r.ByClient {
			t.Errorf("ended with %+v", r)
		}
		if said := <-words; said != string(llm.CodeShuttingDown) {
			t.Errorf("the last words were %q", said)
		}
		for _, end := range []chan error{clientEnd, modelEnd} {
			if err := <-end; websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("told %v", err)
			}
		}
	})
}

// TestDeafClient: one that does not take its close frame is not waited for.
func TestDeafClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Options{Total: time.Second})
		_, modelEnd := listen(b.model)
		begun := time.Now()
		if r := <-b.result; r.Err == nil || r.Err.Code != llm.CodeTotalTimeout {
			t.Errorf("ended with %+v", r)
		}
		if took := time.Since(begun); took > 8*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := <-modelEnd; err == nil {
			t.Error("the model is not told")
		}
		_ = b.client.CloseNow()
	})
}

func TestFit(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"short", "short"},
		{"\xff", "\uFFFD"},
		{strings.Repeat("x", 200), strings.Repeat("x", 123)},
		{strings.Repeat("ä", 100), strings.Repeat("ä", 61)},
	} {
		if got := fit(tt.in); got != tt.want {
			t.Errorf("fit(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestWire: an end that comes with bytes comes after them.
func TestWire(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	w := &wire{ReadWriteCloser: lastByte{near}}
	go func() { _, _ = far.Write([]byte("x")) }()
	var b [8]byte
	if n, err := w.Read(b[:]); n != 1 || err != nil || w.ended.Load() {
		t.Errorf("Read = %d, %v; ended %v", n, err, w.ended.Load())
	}
	if n, err := w.Read(b[:]); n != 0 || !errors.Is(err, io.EOF) || !w.ended.Load() {
		t.Errorf("Read = %d, %v; ended %v", n, err, w.ended.Load())
	}
	near.Close()
}

// lastByte returns its end with its last bytes, as TLS connections do.
type lastByte struct{ net.Conn }

func (l lastByte) Read(p []byte) (int, error) {
	n, _ := l.Conn.Read(p)
	return n, io.EOF
}
