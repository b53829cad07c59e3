package upstream_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/upstream"
)

// BenchmarkDo compares a call that has the headers of Codex CLI, and every
// timeout, with what net/http alone takes to send those headers to the same
// server. The difference is this package's share.
func BenchmarkDo(b *testing.B) {
	endpoint := serve(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", "req_1")
		_, _ = io.WriteString(w, "{}")
	})
	body := bytes.Repeat([]byte("a"), 1024)
	header := http.Header{
		"Accept": {"text/event-stream"}, "Content-Type": {"application/json"}, "Connection": {"keep-alive"}, "User-Agent": {"codex_exec/0.169.0"},
		"Originator": {"codex_exec"}, "Session-Id": {"s"}, "Thread-Id": {"t"}, "X-Client-Request-Id": {"s"},
		"X-Codex-Window-Id": {"w"}, "X-Codex-Turn-Metadata": {"{}"}, "X-Codex-Beta-Features": {"remote_compaction_v2"},
	}
	buf := make([]byte, 64)
	drain := func(body io.ReadCloser) {
		for err := error(nil); err == nil; {
			_, err = body.Read(buf)
		}
		_ = body.Close()
	}
	b.Run("upstream", func(b *testing.B) {
		u := open(b, upstream.Settings{
			Kind: upstream.OpenAI, Endpoint: endpoint, Auth: upstream.Auth{Mode: upstream.AuthAPIKey, Secret: "sesame-0123456789"},
			Timeouts: upstream.Timeouts{Connect: 10 * time.Second, FirstByte: 5 * time.Minute, Idle: 15 * time.Minute, Total: 15 * time.Minute},
		})
		c := call()
		c.Header, c.Body, c.RequestID, c.Sent = header, body, "0123456789abcdef", func() {}
		b.ReportAllocs()
		for b.Loop() {
			a, err := u.Do(b.Context(), c)
			if err != nil {
				b.Fatal(err)
			}
			drain(a.Body)
		}
	})
	b.Run("net/http alone", func(b *testing.B) {
		transport := &http.Transport{DisableCompression: true}
		defer transport.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header = header
			resp, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			drain(resp.Body)
		}
	})
}
