package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/upstream"
)

// nothing is an upstream without sockets, so that the benchmark below counts
// this package's work alone. It is no test double: no test uses it.
type nothing struct{ resp http.Response }

func (n *nothing) RoundTrip(*http.Request) (*http.Response, error) {
	resp := n.resp
	resp.Body = io.NopCloser(strings.NewReader("{}"))
	return &resp, nil
}

// BenchmarkDo is one call with the headers of Codex CLI, without net/http.
func BenchmarkDo(b *testing.B) {
	u := open(b, upstream.Settings{
		Kind: upstream.OpenAI, Auth: upstream.Auth{Mode: upstream.AuthAPIKey, Secret: "sesame-0123456789"},
		Timeouts: upstream.Timeouts{Connect: 10 * time.Second, FirstByte: 5 * time.Minute, Idle: 15 * time.Minute, Total: 15 * time.Minute},
		Transport: &nothing{http.Response{StatusCode: 200, ContentLength: 2, Header: http.Header{
			"Content-Type": {"application/json"}, "X-Request-Id": {"req_1"}, "Openai-Processing-Ms": {"12"}, "Server": {"x"}, "Date": {"x"},
		}}},
	})
	c := call()
	c.RequestID = "0123456789abcdef"
	c.Header = http.Header{
		"Authorization": {"Bearer x"}, "Accept": {"text/event-stream"}, "Content-Type": {"application/json"}, "Content-Length": {"13"}, "Connection": {"keep-alive"},
		"User-Agent": {"codex_exec/0.169.0"}, "Originator": {"codex_exec"}, "Session-Id": {"s"}, "Thread-Id": {"t"}, "X-Client-Request-Id": {"s"},
		"X-Codex-Window-Id": {"w"}, "X-Codex-Turn-Metadata": {"{}"}, "X-Codex-Beta-Features": {"remote_compaction_v2"},
	}
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		a, err := u.Do(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = a.Body.Read(buf)
		}
		_ = a.Body.Close()
	}
}
