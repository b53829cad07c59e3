package upstream_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/weir-gateway/weir/internal/upstream"
)

const bodySize = 8 << 20 // more than the sockets of both sides hold

// owned returns a call whose buffer is overwritten with b's as soon as the
// transport has said that it will not read it any more, as the next request
// would when it takes the buffer from a pool.
func owned(sent chan<- struct{}) *upstream.Call {
	c := call()
	c.Body = bytes.Repeat([]byte("a"), bodySize)
	buf := c.Body
	c.Sent = func() {
		for i := range buf {
			buf[i] = 'b'
		}
		sent <- struct{}{}
	}
	return c
}

// An upstream that answers before it has read the request, and goes on reading
// when the call is long over, must not find another request's bytes in it.
func TestBufferIsNotReusedTooEarly(t *testing.T) {
	answered := make(chan struct{})
	foreign := make(chan bool, 1)
	check := func(r io.Reader) {
		b, _ := io.ReadAll(r)
		foreign <- bytes.IndexByte(b, 'b') >= 0
	}
	newH1 := func(t *testing.T) upstream.Settings {
		return upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
			r, err := http.ReadRequest(c.r)
			if err != nil {
				return
			}
			c.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
			<-answered
			check(r.Body)
		})}
	}
	newH2 := func(t *testing.T) upstream.Settings {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = io.WriteString(w, "no")
			_ = http.NewResponseController(w).Flush()
			<-answered
			check(r.Body)
		}))
		s.EnableHTTP2 = true
		s.StartTLS()
		t.Cleanup(s.Close)
		return upstream.Settings{Endpoint: s.URL, RootCAs: pool(s)}
	}
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) upstream.Settings
	}{{"HTTP/1.1", newH1}, {"HTTP/2", newH2}} {
		t.Run(tt.name, func(t *testing.T) {
			answered = make(chan struct{})
			u := open(t, tt.start(t))
			sent := make(chan struct{}, 2)
			a, err := u.Do(patient(t), owned(sent))
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != 413 {
				t.Errorf("Status = %d, want 413", a.Status)
			}
			if len(sent) > 0 {
				t.Error("Sent was called while the upstream had still to read most of the body")
			}
			if _, err := io.ReadFull(a.Body, make([]byte, 2)); err != nil {
				t.Errorf("reading the early answer: %v", err)
			}
			_ = a.Body.Close()
			await(t, sent, "Sent after Close")
			close(answered)
			if <-foreign {
				t.Error("the upstream read bytes that were written into the buffer afterwards")
			}
			if len(sent) > 0 {
				t.Error("Sent was called twice")
			}
		})
	}
}

func TestSentOnceWhenAllIsWell(t *testing.T) {
	var got atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got.Store(int64(bytes.Count(b, []byte("a"))))
		if r.ContentLength != bodySize || len(r.TransferEncoding) > 0 {
			t.Errorf("Content-Length %d, Transfer-Encoding %q, want %d and none", r.ContentLength, r.TransferEncoding, bodySize)
		}
	})
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	for _, settings := range []upstream.Settings{{Endpoint: serve(t, h)}, {Endpoint: s.URL, RootCAs: pool(s)}} {
		u := open(t, settings)
		sent := make(chan struct{}, 2)
		do(t, u, owned(sent))
		await(t, sent, "Sent")
		u.CloseIdle()
		if n := got.Load(); n != bodySize || len(sent) > 0 {
			t.Errorf("the upstream read %d bytes of ours, and Sent came %d times more, want %d and 0", n, len(sent), bodySize)
		}
	}
}

// Without a connection the transport never looks at the body, and does not
// say so either: then the buffer is the garbage collector's.
func TestSentWithoutConnection(t *testing.T) {
	sent := make(chan struct{}, 2)
	if _, err := open(t, upstream.Settings{Endpoint: refused(t)}).Do(patient(t), owned(sent)); err == nil {
		t.Fatal("Do succeeded, want an error")
	}
	if len(sent) > 0 {
		t.Error("Sent was called without a connection")
	}
}

// A request of usual size leaves in one write: header and body together.
func TestOneWrite(t *testing.T) {
	first := make(chan string, 1)
	u := open(t, upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
		buf := make([]byte, 64<<10)
		n, _ := c.Read(buf)
		first <- string(buf[:n])
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})})
	c := call()
	c.Body = bytes.Repeat([]byte("a"), 1024)
	do(t, u, c)
	if got := <-first; !bytes.HasSuffix([]byte(got), c.Body) {
		t.Errorf("the first segment ends in %.40q, want the whole body in it", got[max(0, len(got)-40):])
	}
}
