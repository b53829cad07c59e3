package mock_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/bench/internal/mock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a mock and returns it with a client, both closed with the test.
func start(t *testing.T) (*mock.Server, *http.Client) {
	t.Helper()
	s, err := mock.Listen(t.Context(), "127.0.0.1:0", "target")
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return s, &http.Client{Transport: tr}
}

// post sends body and returns status and body of the answer.
func post(t *testing.T, c *http.Client, url, body string) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, got
}

func TestServerAnswersWhole(t *testing.T) {
	s, c := start(t)
	url := "http://" + s.Addr() + mock.Path
	for _, body := range []string{`{"model":"asked"}`, `{"model":"target"}`, `{"pad":"` + strings.Repeat("x", 200<<10) + `","model":"target"}`} {
		status, got := post(t, c, url, body)
		if status != 200 || !bytes.Equal(got, mock.Answer()) {
			t.Fatalf("POST of %d bytes = %d, %q, want 200 and Answer()", len(body), status, got)
		}
	}
	if got := len(mock.Answer()); got != mock.AnswerSize {
		t.Errorf("len(Answer()) = %d, want %d", got, mock.AnswerSize)
	}
	if got, want := s.Served(), (mock.Served{Answers: 3, Renamed: 2}); got != want {
		t.Errorf("Served() = %+v, want %+v", got, want)
	}
}

func TestServerStreams(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options string
		events  int // "data:" lines in all
		usage   int // events with a usage object
	}{
		{name: "usage not asked for", options: "", events: 5},
		{name: "usage asked for", options: `,"stream_options":{"include_usage":true}`, events: 6, usage: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := start(t)
			prompt := mock.Stream{Events: 3, Size: 200, Every: time.Millisecond}.Prompt()
			status, got := post(t, c, "http://"+s.Addr()+mock.Path, fmt.Sprintf(`{"messages":"%s","stream":true%s}`, prompt, tt.options))
			if status != 200 {
				t.Fatalf("status = %d, want 200", status)
			}
			if n := bytes.Count(got, []byte("data: ")); n != tt.events {
				t.Errorf("stream has %d events, want %d:\n%s", n, tt.events, got)
			}
			if n := bytes.Count(got, []byte(`"usage":{`)); n != tt.usage {
				t.Errorf("stream has %d usage objects, want %d", n, tt.usage)
			}
			if first, _, _ := bytes.Cut(got, []byte("\n\n")); len(first)+2 != 200 {
				t.Errorf("first event has %d bytes, want 200", len(first)+2)
			}
			if !bytes.HasSuffix(got, []byte("data: [DONE]\n\n")) {
				t.Errorf("stream ends %q, want [DONE]", got[max(0, len(got)-40):])
			}
			if got, want := s.Served(), (mock.Served{Streams: 1, Events: 3, Usage: int64(tt.usage)}); got != want {
				t.Errorf("Served() = %+v, want %+v", got, want)
			}
		})
	}
}

func TestServerHoldsUntilReleased(t *testing.T) {
	s, c := start(t)
	prompt := mock.Stream{Events: 1, Size: 200, Hold: true}.Prompt()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Addr()+mock.Path, strings.NewReader(`{"m":"`+prompt+`","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 200)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatalf("reading the first event: %v", err)
	}
	s.Release()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.HasSuffix(rest, []byte("data: [DONE]\n\n")) {
		t.Errorf("after Release read %q, %v, want an end with [DONE]", rest, err)
	}
}

func TestServerRejects(t *testing.T) {
	for _, tt := range []struct {
		name, path, body string
		want             int
	}{
		{name: "another path", path: "/v1/models", body: `{}`, want: 404},
		{name: "a stream of unknown form", path: mock.Path, body: `{"stream":true}`, want: 400},
		{name: "a stream with a malformed number", path: mock.Path, body: `{"m":"mock-stream 1,x,3,false;","stream":true}`, want: 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := start(t)
			if status, _ := post(t, c, "http://"+s.Addr()+tt.path, tt.body); status != tt.want {
				t.Errorf("status = %d, want %d", status, tt.want)
			}
			if got := s.Served().Rejected; got != 1 {
				t.Errorf("Served().Rejected = %d, want 1", got)
			}
		})
	}
}
