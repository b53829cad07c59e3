package simulator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

// A kind is a way to ask for something that x-sim headers can spoil.
type kind struct{ name, path, body string }

// streams are requests for a stream of at least eight events.
var streams = []kind{ // immutable
	{"chat", "/v1/chat/completions", `{"model":"MODEL","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a b c d e f"}]}`},
	{"completions", "/v1/completions", `{"model":"MODEL","stream":true,"prompt":"a b c d e f g h"}`},
	{"responses", "/v1/responses", `{"model":"MODEL","stream":true,"input":"a b c d e f"}`},
	{"messages", "/v1/messages", `{"model":"MODEL","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"a b c d e f"}]}`},
	{"azure", "/openai/v1/chat/completions", `{"model":"MODEL","stream":true,"messages":[{"role":"user","content":"a b c d e f"}]}`},
}

// ollamaStream is one whose events are lines.
var ollamaStream = kind{"ollama", "/api/chat", `{"model":"MODEL","messages":[{"role":"user","content":"a b c d e f g"}]}`} // immutable

// wholes are requests for a whole answer.
var wholes = []kind{ // immutable
	{"chat", "/v1/chat/completions", `{"model":"MODEL","messages":[{"role":"user","content":"a"}]}`},
	{"responses", "/v1/responses", `{"model":"MODEL","input":"a"}`},
	{"messages", "/v1/messages", `{"model":"MODEL","max_tokens":99,"messages":[{"role":"user","content":"a"}]}`},
	{"ollama", "/api/chat", `{"model":"MODEL","stream":false,"messages":[{"role":"user","content":"a"}]}`},
}

func (k kind) request(t *testing.T, url, model string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+k.path, strings.NewReader(strings.Replace(k.body, "MODEL", model, 1)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	for _, line := range headers {
		if name, text, ok := strings.Cut(line, ":"); ok {
			r.Header.Add(name, strings.TrimSpace(text))
		}
	}
	return r
}

// last returns the record of the last request, when none is in flight.
func last(t *testing.T, sim *simulator.Simulator) simulator.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sim.Wait(ctx); err != nil {
		t.Fatalf("requests are still in flight: %v", err)
	}
	requests := sim.Served().Requests
	return requests[len(requests)-1]
}

func TestStreamsThatAreCutShort(t *testing.T) {
	sim, server := serve(t, simulator.Options{Strict: true})
	for _, tt := range []struct {
		name, model, header string
		wantEvents          int
		wantErr             error // of reading the body
	}{
		{"cut by header", "sim-1", "x-sim-cut: 2", 2, io.ErrUnexpectedEOF},
		{"cut by model", "sim-cut", "", 3, io.ErrUnexpectedEOF},
		{"cut before the first event", "sim-1", "x-sim-cut: 0", 0, io.ErrUnexpectedEOF},
		{"header before model", "sim-cut", "x-sim-cut: 4", 4, io.ErrUnexpectedEOF},
		{"ends early", "sim-1", "x-sim-end-early: 4", 4, nil},
		{"ends early by model", "sim-end-early", "", 3, nil},
	} {
		for _, k := range append(streams, ollamaStream) {
			t.Run(tt.name+"/"+k.name, func(t *testing.T) {
				resp, body, err := do(t, server, k.request(t, server.URL, tt.model, tt.header))
				if !errors.Is(err, tt.wantErr) {
					t.Fatalf("reading the body: %v, want %v", err, tt.wantErr)
				}
				blank := "\n\n"
				if k.name == "ollama" {
					blank = "\n"
				}
				if got := strings.Count(body, blank); got != tt.wantEvents || resp.StatusCode != http.StatusOK {
					t.Errorf("%d with %d events, want 200 with %d: %q", resp.StatusCode, got, tt.wantEvents, body)
				}
				r := last(t, sim)
				if r.Ended != "cut" || r.Events != tt.wantEvents {
					t.Errorf("served: %q after %d events, want cut after %d", r.Ended, r.Events, tt.wantEvents)
				}
				if k.name != "messages" && r.Usage != nil {
					t.Errorf("served: usage %+v was told, want none", *r.Usage)
				}
			})
		}
	}
}

func TestACutInTheMiddleOfAnEvent(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for _, k := range streams {
		_, body, err := do(t, server, k.request(t, server.URL, "sim-1", "x-sim-cut: 2", "x-sim-cut-bytes: 5"))
		parts := strings.Split(body, "\n\n")
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(parts) != 3 || len(parts[2]) != 5 {
			t.Errorf("%s: %v after %q, want five bytes of the third event", k.name, err, body)
		}
	}
}

func TestWholeAnswersThatAreCutShort(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for _, k := range wholes {
		t.Run(k.name, func(t *testing.T) {
			resp, body, err := do(t, server, k.request(t, server.URL, "sim-cut"))
			if !errors.Is(err, io.ErrUnexpectedEOF) || int64(len(body)) != resp.ContentLength/2 {
				t.Errorf("%v after %d bytes of %d, want half", err, len(body), resp.ContentLength)
			}
			_, body, err = do(t, server, k.request(t, server.URL, "sim-1", "x-sim-cut: 1", "x-sim-cut-bytes: 7"))
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 7 {
				t.Errorf("%v after %d bytes, want 7", err, len(body))
			}
			if r := last(t, sim); r.Ended != "cut" || r.Usage != nil || r.FullUsage == nil {
				t.Errorf("served: %q, usage %v of %v, want cut and none told", r.Ended, r.Usage, r.FullUsage)
			}
		})
	}
}

func TestAStallEndsWhenTheClientLeaves(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for _, k := range append(append([]kind{ollamaStream}, streams...), wholes...) {
		t.Run(k.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			resp, err := server.Client().Do(k.request(t, server.URL, "sim-stall").WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if n, err := io.ReadFull(resp.Body, make([]byte, 20)); err != nil {
				t.Fatalf("%d bytes, then %v", n, err)
			}
			requests := sim.Served().Requests
			if r := requests[len(requests)-1]; r.Ended != "" || sim.Served().InFlight != 1 {
				t.Errorf("while it stalls: ended %q, %d in flight, want one in flight", r.Ended, sim.Served().InFlight)
			}
			cancel()
			if r := last(t, sim); r.Ended != "client_gone" || r.Duration > patience/2 {
				t.Errorf("served: %q after %v, want client_gone at once", r.Ended, r.Duration)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	k := streams[0]
	start := time.Now()
	if _, _, err := do(t, server, k.request(t, server.URL, "sim-1", "x-sim-first-byte: 60ms")); err != nil || time.Since(start) < 60*time.Millisecond {
		t.Errorf("%v after %v, want at least 60ms", err, time.Since(start))
	}
	start = time.Now()
	if _, body, err := do(t, server, k.request(t, server.URL, "sim-slow", "x-sim-event-delay: 5ms", "x-sim-first-byte: 0s")); err != nil ||
		time.Since(start) < time.Duration(strings.Count(body, "\n\n"))*5*time.Millisecond {
		t.Errorf("%v after %v, want 5ms for each of %d events", err, time.Since(start), strings.Count(body, "\n\n"))
	}
}

func TestBytesOfEventsThatAreOdd(t *testing.T) {
	_, server := serve(t, simulator.Options{Name: "same"})
	plain := func(t *testing.T, k kind, headers ...string) string {
		t.Helper()
		_, body, err := do(t, server, k.request(t, server.URL, "sim-1", headers...))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for _, k := range streams {
		t.Run(k.name, func(t *testing.T) {
			want := strings.Count(plain(t, k), "\n\n")
			if body := plain(t, k, "x-sim-crlf:"); strings.Count(body, "\r\n\r\n") != want || strings.Count(body, "\n") != strings.Count(body, "\r\n") {
				t.Errorf("crlf: %q", body)
			}
			if body := plain(t, k, "x-sim-comments:"); strings.Count(body, ": keep-alive\n\n") != want || strings.Count(body, "\n\n") != 2*want {
				t.Errorf("comments: %q", body)
			}
			if body := plain(t, k, "x-sim-crlf:", "x-sim-comments:"); strings.Count(body, "\n") != strings.Count(body, "\r\n") {
				t.Errorf("comments with crlf: %q", body)
			}
			if got := strings.Count(plain(t, k, "x-sim-one-byte:"), "\n\n"); got != want {
				t.Errorf("one byte: %d events, want %d", got, want)
			}
		})
	}
}

// dial opens a connection to the server at url.
func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func TestErrorsThatWereAskedFor(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for _, k := range wholes {
		t.Run(k.name, func(t *testing.T) {
			resp, body, err := do(t, server, k.request(t, server.URL, "sim-1", "x-sim-status: 529", "x-sim-header: retry-after: 3", "x-sim-header: x-should-retry: false"))
			if err != nil || resp.StatusCode != 529 || resp.Header.Get("Retry-After") != "3" || resp.Header.Get("X-Should-Retry") != "false" {
				t.Fatalf("%v, %v, want 529 with its headers", err, resp)
			}
			v := decode(t, body)
			switch k.name {
			case "messages":
				if str(v, "error", "type") != "overloaded_error" || str(v, "request_id") != resp.Header.Get("Request-Id") {
					t.Errorf("body = %s", body)
				}
			case "ollama":
				if str(v, "error") == "" {
					t.Errorf("body = %s", body)
				}
			default:
				if str(v, "error", "type") != "server_error" || str(v, "error", "message") == "" {
					t.Errorf("body = %s", body)
				}
			}
			resp, body, err = do(t, server, k.request(t, server.URL, "sim-429"))
			if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" || !strings.Contains(body, "error") {
				t.Errorf("sim-429 = %d, Retry-After %q: %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
			}
			_, body, err = do(t, server, k.request(t, server.URL, "sim-1", "x-sim-status: 400", `x-sim-body: {"mine":1}`))
			if err != nil || body != `{"mine":1}` {
				t.Errorf("own body = %q, %v", body, err)
			}
			resp, body, err = do(t, server, k.request(t, server.URL, "sim-html"))
			if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(body, "<!DOCTYPE html>") {
				t.Errorf("html = %d %s %q", resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
			resp, _, err = do(t, server, k.request(t, server.URL, "sim-unknown"))
			if err != nil || resp.StatusCode != http.StatusNotFound {
				t.Errorf("sim-unknown = %d, want 404", resp.StatusCode)
			}
		})
	}
}

func TestErrorsInsideStreams(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for _, tt := range []struct {
		kind                kind
		first, middle, code string // names of the event, and where its code is
	}{
		{streams[0], "", "", "error.code"},
		{streams[1], "", "", "error.code"},
		{streams[2], "error", "response.failed", ""},
		{streams[3], "error", "error", "error.type"},
	} {
		t.Run(tt.kind.name, func(t *testing.T) {
			_, body, err := do(t, server, tt.kind.request(t, server.URL, "sim-error-first", "x-sim-error-code: mine"))
			if err != nil {
				t.Fatal(err)
			}
			list := events(t, body)
			if len(list) != 1 || list[0].name != tt.first || !strings.Contains(list[0].text, `"mine"`) {
				t.Errorf("first: %q, want one event %q with the code", body, tt.first)
			}
			_, body, err = do(t, server, tt.kind.request(t, server.URL, "sim-error"))
			if err != nil {
				t.Fatal(err)
			}
			list = events(t, body)
			e := list[len(list)-1]
			if e.name != tt.middle || !strings.Contains(body, `"echo:"`) || strings.Contains(body, `" f"`) || strings.Contains(body, "[DONE]") {
				t.Errorf("middle: %q, want text, then an event %q", body, tt.middle)
			}
			if tt.kind.name == "responses" {
				if str(e.data, "response", "error", "code") != "server_error" || num(e.data, "sequence_number") != len(list)-1 {
					t.Errorf("failed response = %s", e.text)
				}
			} else if at(e.data, "error") == nil {
				t.Errorf("error = %s", e.text)
			}
		})
	}
	_, body, err := do(t, server, ollamaStream.request(t, server.URL, "sim-error"))
	lines := strings.Split(strings.TrimSpace(body), "\n")
	if err != nil || len(lines) != 2 || str(decode(t, lines[1]), "error") == "" {
		t.Errorf("ollama: %q, %v, want a line and an error", body, err)
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for _, k := range append(append([]kind{ollamaStream}, streams...), wholes...) {
		_, body, err := do(t, server, k.request(t, server.URL, "sim-no-usage"))
		if told := strings.Contains(body, "input_tokens") || strings.Contains(body, "prompt_tokens") || strings.Contains(body, "eval_count"); err != nil || told {
			t.Errorf("%s without usage: %v, %s", k.name, err, body)
		}
		if r := last(t, sim); r.Usage != nil || r.FullUsage == nil || r.Ended != "complete" {
			t.Errorf("%s: usage %v, full usage %v, %s", k.name, r.Usage, r.FullUsage, r.Ended)
		}
	}
	_, body, err := do(t, server, streams[0].request(t, server.URL, "sim-no-done"))
	if err != nil || strings.Contains(body, "[DONE]") || !strings.Contains(body, `"finish_reason":"stop"`) {
		t.Errorf("without [DONE]: %v, %s", err, body)
	}
}

func TestTheOtherForm(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for i, k := range []int{0, 2, 3} {
		_, body, err := do(t, server, streams[k].request(t, server.URL, "sim-json-to-stream"))
		if err != nil || at(decode(t, body), "id") == nil {
			t.Errorf("%s: JSON to stream: %v, %q", streams[k].name, err, body)
		}
		resp, body, err := do(t, server, wholes[i].request(t, server.URL, "sim-1", "x-sim-stream-to-json: 1"))
		if err != nil || len(events(t, body)) < 4 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s: stream to JSON: %v, %q", wholes[i].name, err, body)
		}
	}
}

func TestSizes(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for _, k := range streams {
		_, body, err := do(t, server, k.request(t, server.URL, "sim-1", "x-sim-huge: 300KiB"))
		longest := 0
		for _, e := range events(t, body) {
			longest = max(longest, len(e.text))
		}
		if err != nil || longest < 300<<10 {
			t.Errorf("%s: huge: longest event %d bytes, %v", k.name, longest, err)
		}
	}
	body := post(t, server, "/v1/chat/completions", strings.Replace(streams[0].body, "MODEL", "m", 1), http.StatusOK, "x-sim-events: 100", "x-sim-event-size: 10")
	var sizes []int
	for _, e := range events(t, body) {
		if text := str(e.data, "choices", 0, "delta", "content"); text != "" {
			sizes = append(sizes, len(text))
		}
	}
	if len(sizes) != 100 || sizes[0] != 10 || sizes[99] != 10 {
		t.Errorf("sizes of deltas = %v, want 100 of 10 bytes", sizes)
	}
	if r := last(t, sim); r.Usage.Output != 250 || r.Events != 104 {
		t.Errorf("served %d tokens in %d events, want 250 in 104", r.Usage.Output, r.Events)
	}
	if got := readChat(t, post(t, server, "/v1/chat/completions", strings.Replace(wholes[0].body, "MODEL", "m", 1), http.StatusOK, "x-sim-huge: 2MiB")); len(got.Text) != 2<<20 {
		t.Errorf("huge whole text: %d bytes, want 2 MiB", len(got.Text))
	}
}

func TestWhatDoesNotEnd(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for _, tt := range []struct {
		kind  kind
		model string
		after int // bytes until the client leaves
	}{
		{streams[0], "sim-endless", 2000},
		{streams[2], "sim-endless", 2000},
		{streams[3], "sim-endless", 2000},
		{ollamaStream, "sim-endless", 2000},
		{streams[0], "sim-endless-line", 1 << 20},
		{wholes[1], "sim-endless-line", 1 << 20},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		resp, err := server.Client().Do(tt.kind.request(t, server.URL, tt.model).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, resp.Body, int64(tt.after)); err != nil {
			t.Errorf("%s %s: %d bytes, then %v", tt.kind.name, tt.model, n, err)
		}
		cancel()
		_ = resp.Body.Close()
		if r := last(t, sim); r.Ended != "client_gone" {
			t.Errorf("%s %s: %q, want client_gone", tt.kind.name, tt.model, r.Ended)
		}
	}
}

func TestLengthsThatAreWrong(t *testing.T) {
	_, server := serve(t, simulator.Options{Name: "n"})
	for _, k := range []kind{wholes[0], streams[0]} {
		for _, off := range []int{10, -10} {
			conn := dial(t, server.URL)
			body := strings.Replace(k.body, "MODEL", "sim-1", 1)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Sim-Wrong-Length: %d\r\n\r\n%s", k.path, len(body), off, body)
			raw, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			head, rest, _ := strings.Cut(string(raw), "\r\n\r\n")
			_, after, _ := strings.Cut(head, "Content-Length: ")
			said, _, _ := strings.Cut(after, "\r\n")
			if length, err := strconv.Atoi(said); err != nil || length != len(rest)+off {
				t.Errorf("%s, %+d: said %q for %d bytes", k.name, off, said, len(rest))
			}
		}
	}
}

func TestAResetInsteadOfAnAnswer(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	_, _, err := do(t, server, streams[0].request(t, server.URL, "sim-reset"))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error = %v, want connection reset", err)
	}
	if r := last(t, sim); r.Ended != "cut" || r.Status != 0 {
		t.Errorf("served: %q with status %d, want cut without", r.Ended, r.Status)
	}
}

func TestAnAnswerBeforeTheBody(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	for path, want := range map[string]int{"/v1/responses": 200, "/v1/chat/completions": 200, "/v1/messages": 413} {
		conn := dial(t, server.URL)
		status := ""
		if want != 200 {
			status = "X-Sim-Status: " + strconv.Itoa(want) + "\r\n"
		}
		// The body is announced and never sent.
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAnthropic-Version: 2023-06-01\r\nContent-Length: 5000000\r\nX-Sim-Early-Answer:\r\n%s\r\n{", path, status)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != want || !resp.Close {
			t.Errorf("%s: %d, %v: %s", path, resp.StatusCode, err, body)
		}
		if r := last(t, sim); r.BodySize != 0 || r.Ended != "complete" {
			t.Errorf("%s: served %d bytes of body, %s", path, r.BodySize, r.Ended)
		}
	}
}

func TestHeadersThatMakeNoSense(t *testing.T) {
	_, server := serve(t, simulator.Options{})
	for _, header := range []string{
		"x-sim-nonsense: 1", "x-sim-cut: -1", "x-sim-cut: many", "x-sim-first-byte: 1", "x-sim-first-byte: 11m", "x-sim-status: 99", "x-sim-status: 204",
		"x-sim-header: colonless", "x-sim-error: last", "x-sim-huge: 65MiB", "x-sim-crlf: maybe", "x-sim-error-form: bare", "x-sim-events: -1",
		"x-sim-huge: 999999999999999999MiB",
	} {
		resp, body, err := do(t, server, wholes[0].request(t, server.URL, "sim-1", header))
		name, _, _ := strings.Cut(header, ":")
		if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, name) {
			t.Errorf("%s: %d %s, want 400 with its name", header, resp.StatusCode, body)
		}
	}
	post(t, server, "/v1/responses", `{"model":"m","input":""}`, http.StatusBadRequest, "x-sim-events: 60000000", "x-sim-event-size: 2")
	if diff := cmp.Diff("echo: a", readChat(t, post(t, server, wholes[0].path, strings.Replace(wholes[0].body, "MODEL", "sim-999", 1), http.StatusOK)).Text); diff != "" {
		t.Errorf("sim-999 is a model like any other (-want +got):\n%s", diff)
	}
}
