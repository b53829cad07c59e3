package load_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/bench/internal/bareproxy"
	"github.com/weir-gateway/weir/bench/internal/load"
	"github.com/weir-gateway/weir/bench/internal/mock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain starts a mock and a ReverseProxy before it, both closed with the test,
// and returns them with the proxy's address.
func chain(t *testing.T) (*mock.Server, string) {
	t.Helper()
	up, err := mock.Listen(t.Context(), "127.0.0.1:0", "target")
	if err != nil {
		t.Fatal(err)
	}
	proxy, tr := bareproxy.New(&url.URL{Scheme: "http", Host: up.Addr()})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // tests cut streams
	srv := httptest.NewServer(proxy)
	t.Cleanup(func() {
		srv.Close()
		tr.CloseIdleConnections()
		if err := up.Close(); err != nil {
			t.Errorf("closing the mock: %v", err)
		}
	})
	return up, strings.TrimPrefix(srv.URL, "http://")
}

// dial opens n connections that are closed with the test.
func dial(t *testing.T, addr string, n int) *load.Pool {
	t.Helper()
	p, err := load.Dial(t.Context(), addr, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// streamRequest asks for s.
func streamRequest(addr string, s mock.Stream) load.Request {
	return load.NewRequest(addr, mock.Path, "key", fmt.Appendf(nil, `{"messages":"%s","stream":true}`, s.Prompt()))
}

func TestClosedCountsEveryAnswer(t *testing.T) {
	up, addr := chain(t)
	req := load.NewRequest(addr, mock.Path, "key", []byte(`{"model":"m"}`))
	n, err := dial(t, addr, 8).Closed(t.Context(), time.Second, req, load.Exactly(mock.Answer()))
	if err != nil {
		t.Fatal(err)
	}
	if n < 8 {
		t.Errorf("Closed on 8 connections = %d answers, want at least 8", n)
	}
	if got := up.Served(); got != (mock.Served{Answers: n}) {
		t.Errorf("Served() = %+v, want exactly the %d answers counted", got, n)
	}
}

func TestClosedSendsLargeBodies(t *testing.T) {
	up, addr := chain(t)
	req := load.NewRequest(addr, mock.Path, "key", []byte(`{"pad":"`+strings.Repeat("x", 2<<20)+`","model":"target"}`))
	n, err := dial(t, addr, 2).Closed(t.Context(), 100*time.Millisecond, req, load.Exactly(mock.Answer()))
	if err != nil {
		t.Fatal(err)
	}
	if got := up.Served(); n == 0 || got != (mock.Served{Answers: n, Renamed: n}) {
		t.Errorf("Served() = %+v, want the %d answers counted, all renamed", got, n)
	}
}

func TestRateReportsEveryRequest(t *testing.T) {
	up, addr := chain(t)
	req := load.NewRequest(addr, mock.Path, "key", []byte(`{"model":"m"}`))
	took, err := dial(t, addr, 16).Rate(t.Context(), 200*time.Millisecond, 1000, req, load.Exactly(mock.Answer()))
	if err != nil {
		t.Fatal(err)
	}
	if got := up.Served().Answers; len(took) == 0 || got != int64(len(took)) {
		t.Errorf("Rate reported %d times, the mock served %d", len(took), got)
	}
	for _, d := range took {
		if d <= 0 {
			t.Fatalf("Rate reported an answer after %v, want more than nothing", d)
		}
	}
}

func TestStreamsReadsEveryEvent(t *testing.T) {
	up, addr := chain(t)
	req := streamRequest(addr, mock.Stream{Events: 20, Size: 200, Every: time.Millisecond})
	p := dial(t, addr, 10)
	for range 2 { // the second time on the same connections
		if err := p.Streams(t.Context(), req, load.Chat, 20, 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := up.Served(), (mock.Served{Streams: 20, Events: 400}); got != want {
		t.Errorf("Served() = %+v, want %+v", got, want)
	}
}

func TestHeldStreamsFinishAfterRelease(t *testing.T) {
	up, addr := chain(t)
	h := load.Hold(addr)
	t.Cleanup(h.Close)
	req := streamRequest(addr, mock.Stream{Events: 1, Size: 200, Hold: true})
	for _, n := range []int{20, 30} {
		if err := h.Open(t.Context(), n, req); err != nil {
			t.Fatal(err)
		}
	}
	up.Release()
	if err := h.Finish(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := up.Served(), (mock.Served{Streams: 50, Events: 50}); got != want {
		t.Errorf("Served() = %+v, want %+v", got, want)
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name string
		run  func(addr string, p *load.Pool) error
		want string // part of the error
	}{
		{
			name: "another body of the same length",
			run: func(addr string, p *load.Pool) error {
				_, err := p.Closed(ctx, time.Minute, load.NewRequest(addr, mock.Path, "key", []byte(`{}`)), load.Exactly(bytes.Repeat([]byte("x"), mock.AnswerSize)))
				return err
			},
			want: "answer differs",
		},
		{
			name: "a body of another length",
			run: func(addr string, p *load.Pool) error {
				_, err := p.Rate(ctx, time.Minute, 1000, load.NewRequest(addr, mock.Path, "key", []byte(`{}`)), load.Exactly([]byte("x")))
				return err
			},
			want: "answer differs",
		},
		{
			name: "another status",
			run: func(addr string, p *load.Pool) error {
				_, err := p.Closed(ctx, time.Minute, load.NewRequest(addr, "/v1/other", "key", []byte(`{}`)), load.Exactly(mock.Answer()))
				return err
			},
			want: `status "404": "not POST`,
		},
		{
			name: "fewer events than promised",
			run: func(addr string, p *load.Pool) error {
				return p.Streams(ctx, streamRequest(addr, mock.Stream{Events: 2, Size: 200}), load.Chat, 3, 0)
			},
			want: "2 of 3 events",
		},
		{
			name: "usage that was not asked for",
			run: func(addr string, p *load.Pool) error {
				body := fmt.Appendf(nil, `{"m":"%s","stream":true,"include_usage":true}`, mock.Stream{Events: 2, Size: 200}.Prompt())
				return p.Streams(ctx, load.NewRequest(addr, mock.Path, "key", body), load.Chat, 2, 0)
			},
			want: "usage that was not asked for",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, addr := chain(t)
			err := tt.run(addr, dial(t, addr, 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCutStreamIsAnError(t *testing.T) {
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "data: {\"content\":\"x\"}\n\n")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(cut.Close)
	addr := strings.TrimPrefix(cut.URL, "http://")
	err := dial(t, addr, 1).Streams(t.Context(), streamRequest(addr, mock.Stream{}), load.Chat, 1, 0)
	if err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("Streams of a cut stream = %v, want an unexpected EOF", err)
	}
}

func TestFinishEndsWithItsContext(t *testing.T) {
	_, addr := chain(t)
	h := load.Hold(addr)
	t.Cleanup(h.Close)
	if err := h.Open(t.Context(), 1, streamRequest(addr, mock.Stream{Events: 1, Size: 200, Hold: true})); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Finish(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Finish of a stream that stays held = %v, want %v", err, context.DeadlineExceeded)
	}
}
