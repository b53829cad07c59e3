package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// tired answers the first request on each connection with 503, and closes it
// on the second, as if it had been idle for too long.
type tired struct {
	mu     sync.Mutex
	served map[string]bool // connections
	bodies [][]byte
}

func (s *tired) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	again := s.served[r.RemoteAddr]
	s.served[r.RemoteAddr] = true
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	if again {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`{"error":{"message":"busy"}}`))
}

// TestDeadConnectionInTheEnd: the last attempt of all can find a dead
// connection, too. The one instead of it sends the same request.
func TestDeadConnectionInTheEnd(t *testing.T) {
	const boundary = "made-up-boundary"
	form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n" + strings.Repeat("sound ", 5000) + "\r\n--" + boundary + "--\r\n"
	for _, tt := range []struct{ path, kind, body, carries string }{
		{"/v1/chat/completions", "application/json", `{"model":"m","messages":[{"role":"user","content":"hello"}]}`, "hello"},
		{"/v1/audio/transcriptions", "multipart/form-data; boundary=" + boundary, form, strings.Repeat("sound ", 5000)},
	} {
		t.Run(tt.path, func(t *testing.T) {
			s := &tired{served: map[string]bool{}}
			up := httptest.NewServer(s)
			defer up.Close()
			g := gatetest.Start(t, `
upstreams: [{ name: up, kind: openai, endpoint: "${UP}", auth: { api_key: made-up-key-0123 }, retry: { attempts: 2, base: 1ms } }]
models: [{ name: m, targets: [{ upstream: up }] }]
`, "UP", up.URL)
			resp := g.Do(t, "POST", tt.path, tt.body, "Content-Type", tt.kind)
			if body := gatetest.Body(t, resp); resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%d %s, want the upstream's 503", resp.StatusCode, body)
			}
			if e := g.Entries(t, 1)[0]; len(e.Attempts) != 3 || e.Attempts[1].Code != "upstream_connection_lost" {
				t.Errorf("the attempts were %+v, want the dead connection's between two others", e.Attempts)
			}
			if len(s.bodies) != 3 {
				t.Fatalf("%d requests came, want 3", len(s.bodies))
			}
			for i, b := range s.bodies {
				if !bytes.Contains(b, []byte(tt.carries)) {
					t.Errorf("attempt %d sent %d bytes, and not what the client has sent", i+1, len(b))
				}
			}
		})
	}
}

// TestClientLeavesTheQueue: who leaves while it waits for a place has left,
// whatever another target has answered before.
func TestClientLeavesTheQueue(t *testing.T) {
	busy := make(chan struct{})
	full := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		busy <- struct{}{}
		<-r.Context().Done()
	}))
	defer full.Close()
	asked := make(chan struct{}, 1)
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		asked <- struct{}{}
	}))
	defer failing.Close()
	g := gatetest.Start(t, `
upstreams:
  - { name: failing, kind: openai, endpoint: "${FAILING}", auth: { api_key: made-up-key-0123 }, retry: { max_retries: 0 } }
  - { name: full, kind: openai, endpoint: "${FULL}", auth: { api_key: made-up-key-0123 }, max_in_flight: 1 }
models:
  - { name: m, targets: [{ upstream: full }] }
  - { name: both, targets: [{ upstream: failing }, { upstream: full }] }
`, "FAILING", failing.URL, "FULL", full.URL)
	ask := func(ctx context.Context, model string, done *sync.WaitGroup) {
		done.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/v1/chat/completions",
				strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"hello"}]}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
				t.Error("a client that has left was answered")
			}
		})
	}
	holding, leaveHolding := context.WithCancel(context.Background())
	waiting, leaveWaiting := context.WithCancel(context.Background())
	var held, waits sync.WaitGroup
	ask(holding, "m", &held)
	<-busy
	ask(waiting, "both", &waits)
	<-asked
	gatetest.Until(t, func() bool { return strings.Contains(g.Log.String(), "attempt failed") }) // it waits next
	leaveWaiting()
	waits.Wait()
	if e := g.Entries(t, 1)[0]; e.Code != "client_closed_request" || e.Status != 499 || len(e.Attempts) != 1 {
		t.Errorf("the entry has code %q, status %d and %d attempts, want one attempt of a client that has left", e.Code, e.Status, len(e.Attempts))
	}
	leaveHolding()
	held.Wait()
}

// TestExplainedFailure: what an answer says of itself has its last attempt as
// it ended, and no name of a machine.
func TestExplainedFailure(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: up, kind: openai, endpoint: "http://127.0.0.1:1", auth: { api_key: made-up-key-0123 }, retry: none, health: { failures: off, ratio: off, check: 1s, check_timeout: 1s } }]
models: [{ name: m, targets: [{ upstream: up }] }]
keys: [{ name: curious, secret: 0123456789abcdef01, explain: true }]
`)
	text := ""
	gatetest.Until(t, func() bool {
		resp := g.Do(t, "POST", "/v1/chat/completions", `{"model":"m","messages":[]}`, "Authorization", "Bearer 0123456789abcdef01", "X-Weir-Explain", "true")
		gatetest.Body(t, resp)
		text = resp.Header.Get("X-Weir-Explanation")
		return strings.Contains(text, "does not answer checks")
	})
	if strings.Contains(text, "127.0.0.1") {
		t.Errorf("the explanation names a machine: %s", text)
	}
	if !strings.Contains(text, `"attempts":[{"upstream":"up","model":"m","code":"upstream_connect_failed"`) || !strings.Contains(text, `"refused":"upstream_connect_failed"`) {
		t.Errorf("the explanation is %s, want the code of its last attempt", text)
	}
}
