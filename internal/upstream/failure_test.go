package upstream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// refused returns a URL at which nobody listens.
func refused(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// once answers the first request of every connection with s and closes.
func once(t testing.TB, s ...string) string {
	return raw(t, func(_ int, c *conn) {
		if _, ok := c.request(); ok {
			c.send(s...)
		}
	})
}

func TestNotAnswered(t *testing.T) {
	for _, tt := range []struct {
		name     string
		endpoint string
		want     llm.Code
		public   string // part of the client's message
	}{
		{"refused", refused(t), llm.CodeUpstreamConnect, "could not be reached: connection refused"},
		{"name not known", "http://upstream.invalid", llm.CodeUpstreamConnect, "could not be reached: its name"},
		{"closed before a byte", once(t), llm.CodeUpstreamLost, ""},
		{"closed within the header", once(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), llm.CodeUpstreamLost, ""},
		{"closed within the status line", once(t, "HTTP/1.1 20"), llm.CodeUpstreamInvalid, ""},
		{"reset", raw(t, func(_ int, c *conn) { c.request(); c.reset() }), llm.CodeUpstreamLost, ""},
		{"reset while the request arrives", raw(t, func(_ int, c *conn) { _, _ = c.r.ReadByte(); c.reset() }), llm.CodeUpstreamLost, ""},
		{"another protocol", once(t, "SSH-2.0-OpenSSH_9.6\r\n"), llm.CodeUpstreamInvalid, ""},
		{"status that is no number", once(t, "HTTP/1.1 abc OK\r\n\r\n"), llm.CodeUpstreamInvalid, ""},
		{"header line without a colon", once(t, "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), llm.CodeUpstreamInvalid, ""},
		{"two lengths", once(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), llm.CodeUpstreamInvalid, ""},
		{"unknown transfer coding", once(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), llm.CodeUpstreamInvalid, ""},
		{"header too large", once(t, "HTTP/1.1 200 OK\r\nX-A: ", strings.Repeat("a", 80<<10), "\r\n\r\n"), llm.CodeUpstreamInvalid, ""},
		{"endless header", raw(t, func(_ int, c *conn) {
			c.request()
			c.send("HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, "X-A: "+strings.Repeat("a", 1000)+"\r\n")
			}
		}), llm.CodeUpstreamInvalid, ""},
		{"endless interim answers", raw(t, func(_ int, c *conn) {
			c.request()
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
			}
		}), llm.CodeUpstreamInvalid, ""},
		{"switches protocols", once(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), llm.CodeUpstreamInvalid, ""},
		{"redirect", once(t, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), llm.CodeUpstreamInvalid, "redirect"},
		{"compressed", once(t, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na"), llm.CodeUpstreamInvalid, "compressed"},
		{"compressed twice", once(t, "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\na"), llm.CodeUpstreamInvalid, "compressed"},
		{"plain text to a TLS client", strings.Replace(raw(t, func(_ int, c *conn) { c.send("HTTP/1.1 400 Bad Request\r\n\r\n"); c.wait() }), "http:", "https:", 1), llm.CodeUpstreamTLS, ""},
		{"closed in the handshake", strings.Replace(raw(t, func(_ int, c *conn) { _, _ = c.r.ReadByte() }), "http:", "https:", 1), llm.CodeUpstreamConnect, "it closed the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := open(t, upstream.Settings{Endpoint: tt.endpoint, Timeouts: upstream.Timeouts{Connect: patience}})
			_, err := u.Do(patient(t), call())
			wantError(t, err, tt.want)
			e := llm.AsError(err)
			if !strings.Contains(e.Message(), tt.public) {
				t.Errorf("message = %q, want one that says %q", e.Message(), tt.public)
			}
			if e.Err == nil || e.Op != "upstream.do" {
				t.Errorf("error = %+v, want op upstream.do and a cause for the log", e)
			}
			if strings.Contains(e.Message(), "127.0.0.1") || strings.Contains(e.Message(), ".invalid") {
				t.Errorf("message = %q, which names the host", e.Message())
			}
		})
	}
}

// wantError fails the test unless err has the code and names the upstream.
func wantError(t testing.TB, err error, want llm.Code) {
	t.Helper()
	e := llm.AsError(err)
	if e == nil || e.Code != want || e.Upstream != "test" {
		t.Fatalf("error = %v, want %s of the upstream", err, want)
	}
}

func TestAnswerThatBreaks(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
	for _, tt := range []struct {
		name     string
		endpoint string
		want     llm.Code
		read     string
	}{
		{"shorter than its length", once(t, head, "hello"), llm.CodeUpstreamTruncated, "hello"},
		{"no byte of its length", once(t, head), llm.CodeUpstreamTruncated, ""},
		{"last chunk missing", once(t, sse, chunk), llm.CodeUpstreamTruncated, "hello"},
		{"cut within a chunk", once(t, sse, "5\r\nhel"), llm.CodeUpstreamTruncated, "hel"},
		{"broken chunk length", once(t, sse, chunk, "nonsense\r\n"), llm.CodeUpstreamInvalid, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := open(t, upstream.Settings{Endpoint: tt.endpoint})
			a, err := u.Do(patient(t), call())
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			b, err := io.ReadAll(a.Body)
			wantError(t, err, tt.want)
			if string(b) != tt.read {
				t.Errorf("read %q, want %q", b, tt.read)
			}
			if _, again := a.Body.Read(make([]byte, 1)); again != err { //nolint:errorlint // the same one
				t.Errorf("second Read error = %v, want the first again: %v", again, err)
			}
			if e := llm.AsError(err); e.Op != "upstream.read" {
				t.Errorf("Op = %q, want upstream.read", e.Op)
			}
		})
	}
}

func TestAnswerThatIsReset(t *testing.T) {
	read := make(chan struct{})
	u := open(t, upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
		c.request()
		c.send(sse, chunk)
		<-read // a reset would overtake what was not read yet
		c.reset()
	})})
	a, err := u.Do(patient(t), call())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if _, err := io.ReadFull(a.Body, make([]byte, len("hello"))); err != nil {
		t.Fatal(err)
	}
	close(read)
	_, err = io.ReadAll(a.Body)
	wantError(t, err, llm.CodeUpstreamTruncated)
}

func TestWholeAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer []string
		length int64
		want   string
	}{
		{"with a length", []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}, 5, "hello"},
		{"more than its length", []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"}, 5, "hello"},
		{"chunked", []string{sse, chunk, chunk, noChunk}, -1, "hellohello"},
		{"up to the end of the connection", []string{"HTTP/1.0 200 OK\r\n\r\nhello"}, -1, "hello"},
		{"after interim answers", []string{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}, 5, "hello"},
		{"identity by name", []string{"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 5\r\n\r\nhello"}, 5, "hello"},
		{"an error, compressed", []string{"HTTP/1.1 502 Bad Gateway\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"}, 5, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, body := do(t, open(t, upstream.Settings{Endpoint: once(t, tt.answer...)}), call())
			if a.ContentLength != tt.length || body != tt.want {
				t.Errorf("answer = %d bytes announced, %q, want %d, %q", a.ContentLength, body, tt.length, tt.want)
			}
		})
	}
}

func TestReadAfterClose(t *testing.T) {
	a, err := open(t, upstream.Settings{Endpoint: once(t, sse, chunk, noChunk)}).Do(patient(t), call())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Errorf("Close error = %v", err)
	}
	if n, err := a.Body.Read(make([]byte, 8)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read after Close = %d, %v, want an error that is not the end", n, err)
	}
	if err := a.Body.Close(); err != nil {
		t.Errorf("second Close error = %v", err)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		reached := make(chan struct{}, 1)
		elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { reached <- struct{}{} })
		u := open(t, upstream.Settings{
			Auth: upstream.Auth{Mode: upstream.AuthBearer, Secret: "sesame"},
			Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere, status)
			}),
		})
		_, err := u.Do(patient(t), call())
		wantError(t, err, llm.CodeUpstreamInvalid)
		if a := llm.AsError(err).Answer; a == nil || a.Status != status || a.Body != nil || a.Header != nil {
			t.Errorf("Answer = %+v, want only the status %d", a, status)
		}
		if len(reached) > 0 {
			t.Errorf("status %d was followed", status)
		}
	}
}

func TestEmptyBodyIsOurFault(t *testing.T) {
	u := open(t, upstream.Settings{Endpoint: refused(t)})
	c := call()
	c.Body = nil
	_, err := u.Do(patient(t), c)
	wantError(t, err, llm.CodeInternal)
}

// A request that has an Idempotency-Key and meets a connection that just died
// is what net/http sends again on its own, if it can.
func TestNothingIsSentTwice(t *testing.T) {
	requests := make(chan string, 8)
	endpoint := raw(t, func(_ int, c *conn) {
		for {
			body, ok := c.request()
			if !ok {
				return
			}
			requests <- body
			if body != `"first"` {
				return // closes a connection that has served before
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	u := open(t, upstream.Settings{Endpoint: endpoint, Auth: upstream.Auth{Mode: upstream.AuthPassthrough}})
	c := call()
	c.Body, c.Header = []byte(`"first"`), http.Header{"Idempotency-Key": {"k"}}
	do(t, u, c)

	c.Body = []byte(`"second"`)
	_, err := u.Do(patient(t), c)
	wantError(t, err, llm.CodeUpstreamLost)
	if !errors.Is(err, upstream.ErrReusedConnection) {
		t.Errorf("error = %v, want one that wraps ErrReusedConnection", err)
	}
	if a, b, more := <-requests, <-requests, len(requests); a != `"first"` || b != `"second"` || more != 0 {
		t.Errorf("the upstream saw %s, %s and %d more, want each body once", a, b, more)
	}

	// On a fresh connection there is no such doubt.
	u.CloseIdle()
	_, err = u.Do(patient(t), c)
	wantError(t, err, llm.CodeUpstreamLost)
	if errors.Is(err, upstream.ErrReusedConnection) {
		t.Errorf("error = %v, which blames a used connection", err)
	}
}

func TestTLS(t *testing.T) {
	newServer := func(t *testing.T, config *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
		s.TLS, s.EnableHTTP2 = config, true
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	t.Run("unknown authority", func(t *testing.T) {
		_, err := open(t, upstream.Settings{Endpoint: newServer(t, nil).URL}).Do(patient(t), call())
		wantError(t, err, llm.CodeUpstreamTLS)
	})
	t.Run("another name", func(t *testing.T) {
		s := newServer(t, nil)
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
		_, err := open(t, upstream.Settings{Endpoint: "https://localhost:" + port, RootCAs: pool(s)}).Do(patient(t), call())
		wantError(t, err, llm.CodeUpstreamTLS)
	})
	t.Run("too old", func(t *testing.T) {
		s := newServer(t, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
		_, err := open(t, upstream.Settings{Endpoint: s.URL, RootCAs: pool(s)}).Do(patient(t), call())
		wantError(t, err, llm.CodeUpstreamTLS)
	})
	t.Run("wants a certificate of ours", func(t *testing.T) {
		// With TLS 1.3 the client only learns of it when it reads.
		s := newServer(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
		_, err := open(t, upstream.Settings{Endpoint: s.URL, RootCAs: pool(s)}).Do(patient(t), call())
		wantError(t, err, llm.CodeUpstreamTLS)
	})
	t.Run("known authority", func(t *testing.T) {
		s := newServer(t, nil)
		if _, body := do(t, open(t, upstream.Settings{Endpoint: s.URL, RootCAs: pool(s)}), call()); body != "HTTP/2.0" {
			t.Errorf("protocol = %s, want HTTP/2.0", body)
		}
	})
	t.Run("not verified", func(t *testing.T) {
		s := newServer(t, nil)
		if _, body := do(t, open(t, upstream.Settings{Endpoint: s.URL, InsecureSkipVerify: true}), call()); body != "HTTP/2.0" {
			t.Errorf("protocol = %s, want HTTP/2.0", body)
		}
	})
}

func TestClientLeaves(t *testing.T) {
	t.Run("before the answer", func(t *testing.T) {
		arrived, left := make(chan struct{}), make(chan struct{})
		u := open(t, upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
			c.request()
			close(arrived)
			c.wait()
			close(left)
		})})
		ctx, cancel := context.WithCancel(patient(t))
		defer cancel()
		go func() {
			<-arrived
			cancel()
		}()
		_, err := u.Do(ctx, call())
		wantError(t, err, llm.CodeClientClosed)
		await(t, left, "the upstream learning of it")
	})
	t.Run("within the answer", func(t *testing.T) {
		left := make(chan struct{})
		u := open(t, upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
			c.request()
			c.send(sse, chunk)
			c.wait()
			close(left)
		})})
		ctx, cancel := context.WithCancel(patient(t))
		defer cancel()
		a, err := u.Do(ctx, call())
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		if _, err := a.Body.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		cancel()
		_, err = io.ReadAll(a.Body)
		wantError(t, err, llm.CodeClientClosed)
		await(t, left, "the upstream learning of it")
	})
	t.Run("because of an error of ours", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(patient(t))
		cancel(&llm.Error{Code: llm.CodeShuttingDown, Op: "elsewhere"})
		_, err := open(t, upstream.Settings{Endpoint: refused(t)}).Do(ctx, call())
		wantError(t, err, llm.CodeShuttingDown)
	})
	t.Run("by closing the body", func(t *testing.T) {
		left := make(chan struct{})
		u := open(t, upstream.Settings{Endpoint: raw(t, func(_ int, c *conn) {
			c.request()
			c.send(sse, chunk)
			c.wait()
			close(left)
		})})
		a, err := u.Do(patient(t), call())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_ = a.Body.Close()
		await(t, left, "the upstream learning of it")
		if d := time.Since(start); d > time.Second {
			t.Errorf("the upstream learned of it after %v, want within a second", d)
		}
	})
}
