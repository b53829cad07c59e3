package gateway_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// hostileJSON is what a decoder and encoder would not give back: order,
// numbers, escapes, white space, unknown members, nulls.
const hostileJSON = "{\n\t\"zeta\" : 1.0e+02, \"n\":1,\"big\":123456789012345678901234567890, \"e\":\"\\u0041\\/\\ud83d\\ude00\",\"nul\":null,\n" +
	`"messages":[{"role":"user","content":"hello","x-new":{"b":1,"a":[1,2,{}]}}], "model" : "m" ,"seed":-0,"dup":{"a":1},"tools":[]}` + "\r\n \n"

func TestBodiesPassByteForByte(t *testing.T) {
	for _, tt := range []struct{ name, target, body, want string }{
		{"nothing to change", "", hostileJSON, hostileJSON},
		{"the model's name alone", "model: theirs", hostileJSON, strings.Replace(hostileJSON, `"model" : "m"`, `"model" : "theirs"`, 1)},
		{"a name that must be quoted", `model: "a\"b\\c"`, `{"model":"m","messages":[]}`, `{"model":"a\"b\\c","messages":[]}`},
		{"usage is asked for", "", `{"model":"m","stream":true,"messages":[]}`, `{"stream_options":{"include_usage":true},"model":"m","stream":true,"messages":[]}`},
		{"usage: null", "", `{"model":"m","stream":true,"stream_options":null}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`},
		{"usage: false, other members kept", "", `{"model":"m","stream":true,"stream_options":{"include_usage":false,"include_obfuscation":true}}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":true}}`},
		{"usage: asked for already", "", `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`},
		{"not where the target refuses it", "stream_usage: false", `{"model":"m","stream":true}`, `{"model":"m","stream":true}`},
		{"not with data_sources", "", `{"model":"m","stream":true,"data_sources":[]}`, `{"model":"m","stream":true,"data_sources":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newRecorder(t, `{"object":"x"}`)
			target := "upstream: up"
			if tt.target != "" {
				target += ", " + tt.target
			}
			g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: "*", targets: [{ `+target+` }] }]
`, "UP", up.URL)
			resp := g.Post(t, "/v1/chat/completions", tt.body)
			if b := gatetest.Body(t, resp); resp.StatusCode != 200 {
				t.Fatalf("status %d: %s", resp.StatusCode, b)
			}
			if got := up.body(); !sameEdits(got, tt.want) {
				t.Errorf("upstream got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// sameEdits compares bodies. Where a member was inserted, it may stand at
// either end of its object.
func sameEdits(got, want string) bool {
	const member = `"stream_options":{"include_usage":true}`
	if got == want {
		return true
	}
	moved := strings.Replace(strings.Replace(want, member+",", "", 1), "}", ","+member+"}", 1)
	return strings.Contains(want, "{"+member+",") && got == moved
}

// A recorder is an upstream that keeps what it was sent and answers the same
// to everything.
type recorder struct {
	URL      string
	requests chan recorded
}

type recorded struct {
	uri    string
	header http.Header
	body   string
}

func newRecorder(t *testing.T, answer string, header ...string) *recorder {
	t.Helper()
	r := &recorder{requests: make(chan recorded, 100)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.requests <- recorded{req.RequestURI, req.Header, string(b)}
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	r.URL = srv.URL
	return r
}

func (r *recorder) body() string { return (<-r.requests).body }

// TestAnswersPassByteForByte plants in whole answers and streams what a
// gateway that decodes would lose.
func TestAnswersPassByteForByte(t *testing.T) {
	big := `{"pad":"` + strings.Repeat("x", 200_000) + `","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	stream := ": hello\n\n" +
		"event: odd\r\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":null}\r\n\r\n" +
		"id: 7\nretry: 10\ndata: {\"choices\":[],\ndata: \"prompt_filter_results\":[],\"usage\":{\"prompt_tokens\":1}}\n\n" +
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"big\":\"" + strings.Repeat("y", 100_000) + "\"}\n\n" +
		"data: [DONE]\n\n"
	for _, tt := range []struct{ name, contentType, answer string }{
		{"whole, small", "application/json", hostileJSON},
		{"whole, large", "application/json; charset=utf-8", big},
		{"stream", "text/event-stream; charset=utf-8", stream},
	} {
		for _, request := range []string{`{"model":"m"}`, `{"model":"m","stream":true}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`} {
			up := newRecorder(t, tt.answer, "Content-Type", tt.contentType,
				"X-Secret-Internal", "1", "Openai-Processing-Ms", "12", "X-Request-Id", "theirs", "Set-Cookie", "a=b")
			g := gatetest.Start(t, `
upstreams: [{ name: up, kind: compatible, endpoint: "${UP}" }]
models: [{ name: "*", targets: [{ upstream: up, dialects: [chat, responses, messages, completions] }] }]
`, "UP", up.URL)
			resp := g.Post(t, "/v1/chat/completions", request)
			if got := gatetest.Body(t, resp); got != tt.answer {
				t.Errorf("%s, %s: got %d bytes, want %d; first difference at %d", tt.name, request, len(got), len(tt.answer), diff(got, tt.answer))
			}
			h := resp.Header
			if h.Get("Content-Type") != tt.contentType || h.Get("Openai-Processing-Ms") != "12" || h.Get("X-Upstream-Request-Id") != "theirs" {
				t.Errorf("%s: headers %v lack what must pass", tt.name, h)
			}
			if h.Get("Set-Cookie") != "" || h.Get("X-Secret-Internal") != "" || !strings.HasPrefix(h.Get("X-Request-Id"), "req_") {
				t.Errorf("%s: headers %v have what must not pass", tt.name, h)
			}
		}
	}
}

func diff(a, b string) int {
	for i := 0; i < min(len(a), len(b)); i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// rawUpstream answers every connection with whatever answer writes, once the
// request's head has come.
func rawUpstream(t *testing.T, answer func(conn *net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 64<<10)
			var head []byte
			for !bytes.Contains(head, []byte("\r\n\r\n")) {
				n, err := conn.Read(buf)
				if err != nil {
					break
				}
				head = append(head, buf[:n]...)
			}
			answer(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}
