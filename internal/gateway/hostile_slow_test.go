package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// trickle sends text one byte at a time, more slowly than any limit of the
// tests that use it allows, until the connection is closed or stop is.
func (w *wire) trickle(text string) {
	tick := time.NewTicker(20 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range len(text) {
			<-tick.C
			if _, err := w.Write([]byte(text[i : i+1])); err != nil {
				return
			}
		}
	}()
	w.t.Cleanup(func() {
		w.Close()
		<-done
		tick.Stop()
	})
}

// TestSlowHeaders: who takes too long to say what it wants is hung up on.
func TestSlowHeaders(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := gatetest.Start(t, `
listen: { timeouts: { header: 100ms, idle: 100ms } }
`+simple)
	endless := posted("X-A: " + strings.Repeat("a", 2000))
	for _, tt := range []struct{ name, first, slow string }{
		{"not a byte", "", ""},
		{"in the request line", "", endless},
		{"in the headers", "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n", endless},
		{"before the blank line", strings.TrimSuffix(posted(), "\r\n"), ""},
		{"in the second request of a connection", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTT", endless},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := connect(t, g)
			began := time.Now()
			w.send(tt.first)
			w.trickle(tt.slow)
			got := w.end()
			// net/http takes half a line for a malformed one, and says so.
			got = strings.TrimSuffix(got, "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")
			if n := strings.Count(got, "x-request-id:"); n != 0 {
				t.Errorf("a client that never finished its headers got %q", got)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the connection was closed after %v, want some 100ms", took)
			}
		})
	}
	wantNothing(t, g)
}

// bodyless are requests that announce a body and never send it, and what they
// are told without it.
var bodyless = []struct { // immutable
	name, head string
	code       llm.Code // empty: 200
}{
	{"no key", posted("Content-Length: 1000"), llm.CodeMissingKey},
	{"no key, chunked", posted("Transfer-Encoding: chunked"), llm.CodeMissingKey},
	{"a wrong key", posted("Content-Length: 1000", "x-api-key: wrong"), llm.CodeInvalidKey},
	{"a wrong key, a large body", posted("Content-Length: 50000000", "x-api-key: wrong"), llm.CodeInvalidKey},
	{"no such path", "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", llm.CodeUnknownURL},
	{"no such method", "DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", llm.CodeMethodNotAllowed},
	{"not canonical", "POST /v1//chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", llm.CodeUnknownURL},
	{"WebSocket", "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1000\r\n\r\n", llm.CodeWebSocketUnsupported},
	{"OPTIONS of everything", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", llm.CodeUnknownURL},
	{"models, no key", "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", llm.CodeMissingKey},
	{"models", "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nx-api-key: " + aliceKey + "\r\n\r\n", ""},
	{"health", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", ""},
}

// TestBodiesThatNobodyWaitsFor: an answer that does not depend on the body
// does not wait for it, and its connection does not stay for ever.
func TestBodiesThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()                        // it waits more than it works
	patient := gatetest.Start(t, keyed) // waits 30s for a body
	hasty := gatetest.Start(t, `
listen: { timeouts: { body: 60ms } }
`+keyed)
	for _, tt := range bodyless {
		t.Run(tt.name, func(t *testing.T) {
			for _, g := range []*gatetest.Gate{patient, hasty} {
				w := connect(t, g)
				began := time.Now()
				w.send(tt.head)
				status, header, body := w.answer()
				if tt.code != "" {
					wantFailure(t, status, header, body, tt.code)
				} else if status != http.StatusOK {
					t.Errorf("%d %s, want 200", status, body)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("answered after %v, want at once", took)
				}
				if g == hasty {
					if rest := w.end(); rest != "" {
						t.Errorf("a second answer came: %q", rest)
					}
				}
			}
		})
	}
	wantNothing(t, patient)
	wantNothing(t, hasty)
}

// TestBodiesThatDoNotCome: a client with a key that stops sending is told so
// in the time for a body, and its connection ends.
func TestBodiesThatDoNotCome(t *testing.T) {
	t.Parallel() // it waits more than it works
	g := gatetest.Start(t, `
listen: { timeouts: { body: 80ms } }
`+keyed)
	const key = "x-api-key: " + aliceKey
	for i, tt := range []struct{ name, text, slow string }{
		{"nothing", posted(key, "Content-Length: 1000"), ""},
		{"nothing, in chunks", posted(key, "Transfer-Encoding: chunked"), ""},
		{"the beginning", posted(key, "Content-Length: 1000") + `{"model":`, ""},
		{"all but the end", posted(key, "Content-Length: "+strconv.Itoa(len(hello)+1)) + hello, ""},
		{"all but the last chunk", posted(key, "Transfer-Encoding: chunked") + strings.TrimSuffix(inChunks(hello), "0\r\n\r\n"), ""},
		{"a trickle", posted(key, "Content-Length: 1000"), padded(1000)},
		{"a trickle of empty chunks' beginnings", posted(key, "Transfer-Encoding: chunked"), strings.Repeat("1\r\n \r\n", 1000)},
		{"a trickle of a chunk's size", posted(key, "Transfer-Encoding: chunked"), strings.Repeat("0", 1000)},
		{"a trickle behind gzip's first bytes", posted(key, "Content-Encoding: gzip", "Content-Length: 1000") + gzipped(t, hello)[:12], gzipped(t, hello)[12:]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := connect(t, g)
			w.send(tt.text)
			w.trickle(tt.slow)
			status, header, body := w.answer()
			wantFailure(t, status, header, body, llm.CodeRequestTimeout)
			if rest := w.end(); rest != "" {
				t.Errorf("a second answer came: %q", rest)
			}
			if e := g.Entries(t, i+1)[i]; e.Code != llm.CodeRequestTimeout || e.Usage.Provenance != llm.UsageNone {
				t.Errorf("entry = %+v, want a request timeout that used nothing", e)
			}
		})
	}
	if n := g.Sim.Served().Total; n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
}

// TestAskWithoutListening: who asks again and again and never reads an answer
// is hung up on.
func TestAskWithoutListening(t *testing.T) {
	g := gatetest.Start(t, `
listen: { timeouts: { write: 200ms } }
`+keyed)
	w := connect(t, g)
	requests := strings.Repeat("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000)
	for {
		_, err := io.WriteString(w, requests)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the gateway keeps the connection open")
		}
		if err != nil {
			break
		}
	}
	settle(t)
}

// TestAnswerBeforeTheBody: a client that sends its whole body before it looks
// for an answer is told why it was refused, however large the body is.
func TestAnswerBeforeTheBody(t *testing.T) {
	g := gatetest.Start(t, keyed)
	for _, n := range []int{1000, 200_000, 20_000_000} {
		w := connect(t, g)
		w.send(posted(fmt.Sprintf("Content-Length: %d", n)))
		w.send(padded(n))
		status, header, body := w.answer()
		wantFailure(t, status, header, body, llm.CodeMissingKey)
		if rest := w.end(); rest != "" {
			t.Errorf("a second answer came: %q", rest)
		}
	}
	wantNothing(t, g)
}

// TestSilentClientsDoNotHoldUpAStop: a stop cuts clients that send nothing as it
// cuts streams, and accounts for them before it is over.
func TestSilentClientsDoNotHoldUpAStop(t *testing.T) {
	t.Parallel() // it waits more than it works
	const endless = `{"model":"sim-endless","stream":true,"messages":[{"role":"user","content":"x"}]}`
	const key = "x-api-key: " + aliceKey
	for _, tt := range []struct {
		name, text string
		code       llm.Code // of the entry; empty: none
		answer     string
	}{
		{"no key, no body", posted("Content-Length: 1000"), "", " 401 "},
		{"no body", posted(key, "Content-Length: 1000"), llm.CodeShuttingDown, " 503 "},
		{"no body, in chunks", posted(key, "Transfer-Encoding: chunked"), llm.CodeShuttingDown, " 503 "},
		{"half a body", posted(key, "Content-Length: 1000") + "{", llm.CodeShuttingDown, " 503 "},
		{"a stream", posted(key, "X-Sim-Event-Delay: 1us", "X-Sim-Event-Size: 60000", "Content-Length: "+strconv.Itoa(len(endless))) + endless, llm.CodeShuttingDown, " 200 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(chan struct{}, 1)
			g := gatetest.StartWith(t, gatetest.Options{Observers: []gateway.Observer{begun{seen: seen, token: tt.name == "a stream"}}}, "listen: { drain: 100ms }\n"+keyed)
			w := connect(t, g)
			w.send(tt.text)
			<-seen
			began := time.Now()
			g.Stop(t)
			limit := 5 * time.Second
			if tt.name == "a stream" {
				limit = 10 * time.Second // what a client does not read gets a grace
			}
			if took := time.Since(began); took > limit {
				t.Errorf("the stop took %v, want at most %v", took, limit)
			}
			entries := g.Ledger.Entries() // now, not later: the process would have ended
			if tt.code == "" && len(entries) != 0 || tt.code != "" && (len(entries) != 1 || entries[0].Code != tt.code) {
				t.Errorf("entries = %+v, want one with %q (none if empty)", entries, tt.code)
			}
			if got := w.end(); !strings.Contains(got[:min(len(got), 20)], tt.answer) {
				t.Errorf("the client got %q, want %s", tail(got), tt.answer)
			}
		})
	}
}

// begun tells when a request is in the gateway's hands, or, with token, when
// its stream has begun.
type begun struct {
	gateway.Observer
	seen  chan struct{}
	token bool
}

func (b begun) tell() {
	select {
	case b.seen <- struct{}{}:
	default:
	}
}

func (b begun) ExchangeStarted(string, time.Time) {
	if !b.token {
		b.tell()
	}
}
func (b begun) Refused(_, _, _, _ string, _ *llm.Error)               { b.tell() }
func (begun) StepDone(string, gateway.Step, time.Duration)            {}
func (begun) AttemptDone(string, *ledger.Attempt, *llm.Error, string) {}
func (b begun) FirstToken(string, time.Duration)                      { b.tell() }
func (begun) Event(string, int)                                       {}
func (begun) ExchangeDone(*ledger.Entry, *llm.Error)                  {}
func (begun) KeepFailed(*ledger.Entry, error)                         {}
func (begun) LedgerFailed(*ledger.Entry, error)                       {}
func (begun) ConfigLoaded([]string)                                   {}
func (begun) ConfigRefused(error)                                     {}
