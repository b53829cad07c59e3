package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// Events of chat streams, without their blank lines.
const (
	firstEvent  = `data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"hi there, everybody"},"finish_reason":null}],"usage":null}`
	finishEvent = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`
	usageEvent  = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}`
	doneEvent   = "data: [DONE]"
)

// stream joins events by blank lines, and ends with one.
func stream(events ...string) string { return strings.Join(events, "\n\n") + "\n\n" }

// reported and estimated are how sure a usage is.
const (
	reported  = llm.UsageReported
	estimated = llm.UsageEstimated
)

// An oddStream is a stream of chat and what becomes of it.
type oddStream struct {
	name    string
	options string // members of the request
	sent    string
	want    string // empty: what was sent
	code    llm.Code
	usage   llm.Provenance
	in, out int64 // if usage is reported
}

const (
	askUsage = `"stream_options":{"include_usage":true},`
	twoAsked = `"n":2,`
)

func oddStreams() []oddStream {
	usual := stream(firstEvent, finishEvent, usageEvent, doneEvent)
	hidden := stream(firstEvent, finishEvent, doneEvent)
	azure := `data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}`
	azureUsage := strings.Replace(usageEvent, `"choices":[]`, `"choices":[],"prompt_filter_results":[{"prompt_index":0}]`, 1)
	choice := func(index int, finish string) string {
		return fmt.Sprintf(`data: {"choices":[{"index":%d,"delta":{"content":"x"},"finish_reason":%s}]}`, index, finish)
	}
	withUsage := func(event, usage string) string { return strings.Replace(event, `"usage":null`, `"usage":`+usage, 1) }
	planted := `{\"choices\":[],\"usage\":{\"prompt_tokens\":9999,\"completion_tokens\":9999}}`
	return []oddStream{
		{"as it should be", "", usual, hidden, "", reported, 7, 5},
		{"usage was asked for", askUsage, usual, "", "", reported, 7, 5},
		{"CRLF", "", strings.ReplaceAll(usual, "\n", "\r\n"), strings.ReplaceAll(hidden, "\n", "\r\n"), "", reported, 7, 5},
		{"CR", "", strings.ReplaceAll(usual, "\n", "\r"), strings.ReplaceAll(hidden, "\n", "\r"), "", reported, 7, 5},
		{"CR and LF mixed", "", strings.ReplaceAll(usual, "\n\n", "\r\n\r"), strings.ReplaceAll(hidden, "\n\n", "\r\n\r"), "", reported, 7, 5},
		{"a byte order mark", "", "\ufeff" + usual, "\ufeff" + hidden, "", reported, 7, 5},
		{"no space behind the colon", "", strings.ReplaceAll(usual, "data: ", "data:"), strings.ReplaceAll(hidden, "data: ", "data:"), "", reported, 7, 5},
		{"data in several lines", "", strings.ReplaceAll(usual, `"choices"`, "\ndata: \"choices\""), strings.ReplaceAll(hidden, `"choices"`, "\ndata: \"choices\""), "", reported, 7, 5},
		{"comments, ids, retry, names", "", ": hi\n\n:\nid: 7\nretry: 5\nevent: odd\n" + usual, ": hi\n\n:\nid: 7\nretry: 5\nevent: odd\n" + hidden, "", reported, 7, 5},
		{"comments inside of events", "", strings.ReplaceAll(usual, "\n\n", "\n: c\n\n"), strings.ReplaceAll(hidden, "\n\n", "\n: c\n\n"), "", reported, 7, 5},
		{"empty events", "", "data:\n\ndata\n\nevent: ping\n\n\n\n" + usual, "data:\n\ndata\n\nevent: ping\n\n\n\n" + hidden, "", reported, 7, 5},

		{"no blank line at the end", "", strings.TrimSuffix(usual, "\n\n"), hidden, "", reported, 7, 5},
		{"one line end at the end", "", strings.TrimSuffix(usual, "\n"), hidden, "", reported, 7, 5},
		{"the usage event has no blank line", "", stream(firstEvent, finishEvent) + usageEvent, stream(firstEvent, finishEvent), "", reported, 7, 5},
		{"the usage event has no blank line, and was asked for", askUsage, stream(firstEvent, finishEvent) + usageEvent, stream(firstEvent, finishEvent, usageEvent), "", reported, 7, 5},
		{"no DONE", "", stream(firstEvent, finishEvent, usageEvent), stream(firstEvent, finishEvent), "", reported, 7, 5},
		{"no finish", "", stream(firstEvent, usageEvent, doneEvent), stream(firstEvent, doneEvent), "", reported, 7, 5},
		{"half an event at the end", "", stream(firstEvent) + finishEvent[:40], stream(firstEvent), llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"half an event behind the finish", "", stream(firstEvent, finishEvent) + usageEvent[:40], stream(firstEvent, finishEvent), "", estimated, 0, 0},
		{"neither finish nor DONE", "", stream(firstEvent), "", llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"nothing but comments", "", ": a\n\n: b\n\n", "", llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"nothing but usage", "", stream(usageEvent), "\x00", llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"a page in the middle", "", stream(firstEvent) + "<html>502</html>", stream(firstEvent), llm.CodeUpstreamTruncated, estimated, 0, 0},

		{"DONE twice", "", usual + stream(doneEvent), hidden + stream(doneEvent), "", reported, 7, 5},
		{"more behind DONE", "", usual + stream(firstEvent), hidden + stream(firstEvent), "", reported, 7, 5},
		{"half an event behind DONE", "", usual + firstEvent[:30], hidden, "", reported, 7, 5},
		{"usage behind DONE", "", stream(firstEvent, finishEvent, doneEvent, usageEvent), "", "", estimated, 0, 0},
		{"another usage behind DONE", "", usual + stream(strings.ReplaceAll(usageEvent, "5", "500")), hidden + stream(strings.ReplaceAll(usageEvent, "5", "500")), "", reported, 7, 5},

		{"usage with the finish", "", stream(firstEvent, withUsage(finishEvent, `{"prompt_tokens":7,"completion_tokens":5}`), doneEvent), "", "", reported, 7, 5},
		{"usage on every event", "", stream(withUsage(firstEvent, `{"prompt_tokens":7,"completion_tokens":1}`), withUsage(finishEvent, `{"prompt_tokens":7,"completion_tokens":5}`), doneEvent), "", "", reported, 7, 5},
		{"zeroes, then usage", "", stream(withUsage(firstEvent, `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`), withUsage(finishEvent, `{"prompt_tokens":7,"completion_tokens":5}`), doneEvent), "", "", reported, 7, 5},
		{"usage, then zeroes", "", stream(withUsage(firstEvent, `{"prompt_tokens":7,"completion_tokens":5}`), withUsage(finishEvent, `{"prompt_tokens":0,"completion_tokens":0}`), doneEvent), "", "", reported, 7, 5},
		{"nothing but zeroes", "", stream(withUsage(firstEvent, `{"prompt_tokens":0,"completion_tokens":0}`), finishEvent, doneEvent), "", "", estimated, 0, 0},
		{"usage null in an event without choices", "", stream(firstEvent, finishEvent, `data: {"choices":[],"usage":null}`, doneEvent), "", "", estimated, 0, 0},
		{"details", "", stream(firstEvent, finishEvent, `data: {"usage":{"completion_tokens_details":{"reasoning_tokens":3},"prompt_tokens_details":{"cached_tokens":6},"completion_tokens":5,"prompt_tokens":7},"choices":[ ]}`, doneEvent), hidden, "", reported, 7, 5},

		{"Azure's first event", "", stream(azure) + usual, stream(azure) + hidden, "", reported, 7, 5},
		{"Azure's usage with filter results", "", stream(firstEvent, finishEvent, azureUsage, doneEvent), "", "", reported, 7, 5},
		{"Azure's filter results behind the text", "", stream(firstEvent, finishEvent, `data: {"choices":[{"index":0,"delta":{},"content_filter_offsets":{"check_offset":5}}]}`, usageEvent, doneEvent), stream(firstEvent, finishEvent, `data: {"choices":[{"index":0,"delta":{},"content_filter_offsets":{"check_offset":5}}]}`, doneEvent), "", reported, 7, 5},

		{"two choices", twoAsked, stream(choice(0, "null"), choice(1, "null"), choice(0, `"stop"`), choice(1, `"stop"`)), "", "", estimated, 0, 0},
		{"two choices, one unfinished", twoAsked, stream(choice(0, "null"), choice(1, "null"), choice(0, `"stop"`)), "", llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"two choices, one unbegun", twoAsked, stream(choice(0, "null"), choice(0, `"stop"`)), "", llm.CodeUpstreamTruncated, estimated, 0, 0},
		{"two choices, one unbegun, but DONE", twoAsked, stream(choice(0, "null"), choice(0, `"stop"`), doneEvent), "", "", estimated, 0, 0},

		{"usage planted in the text", "", stream(strings.Replace(firstEvent, "hi there, everybody", planted, 1), finishEvent, usageEvent, doneEvent), stream(strings.Replace(firstEvent, "hi there, everybody", planted, 1), finishEvent, doneEvent), "", reported, 7, 5},
		{"usage planted in arguments", "", stream(`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"`+planted+`"}}]}}]}`, finishEvent, doneEvent), "", "", estimated, 0, 0},
		{"usage planted in nested objects", "", stream(`data: {"x":{"usage":{"prompt_tokens":999,"completion_tokens":999}},"choices":[{"index":0,"delta":{"usage":{"prompt_tokens":999}},"usage":{"prompt_tokens":999}}]}`, finishEvent, usageEvent, doneEvent), stream(`data: {"x":{"usage":{"prompt_tokens":999,"completion_tokens":999}},"choices":[{"index":0,"delta":{"usage":{"prompt_tokens":999}},"usage":{"prompt_tokens":999}}]}`, finishEvent, doneEvent), "", reported, 7, 5},
		{"usage in a member with an escaped name", "", stream(firstEvent, finishEvent, strings.Replace(usageEvent, `"usage"`, `"us\u0061ge"`, 1), doneEvent), hidden, "", reported, 7, 5},
	}
}

// TestOddStreams: whatever form a stream has, it passes byte for byte but for
// the one event that is Weir's own, its usage is found, and where it is cut it
// ends in failure.
func TestOddStreams(t *testing.T) {
	rows := oddStreams()
	const whole, bytewise = "whole", "by bytes"
	up := newProvider(t, func(c *upcall) {
		way, name, _ := strings.Cut(c.model, ": ")
		for _, row := range rows {
			if row.name != name {
				continue
			}
			c.keep = true
			c.send(chunked(streamHead))
			if way == whole {
				c.send(chunk(row.sent), "0\r\n\r\n")
				continue
			}
			for i := range len(row.sent) {
				c.send(chunk(row.sent[i : i+1]))
			}
			c.send("0\r\n\r\n")
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	c := dialectCases[0]
	for _, row := range rows {
		for _, way := range []string{whole, bytewise} {
			t.Run(row.name+"/"+way, func(t *testing.T) {
				body := strings.Replace(c.ask(way+": "+row.name, true), "{", "{"+row.options, 1)
				r := converse(t, g, c.path, body)
				want := row.want
				if want == "" {
					want = row.sent
				}
				end := endClean
				if row.code != "" {
					end = endFailed
					passed, _, _ := strings.Cut(r.body, c.failure)
					r.body = r.body[len(passed):]
					if passed != strings.Trim(want, "\x00") {
						t.Errorf("before the failure got\n%q\nwant\n%q", passed, want)
					}
				} else if r.body != want {
					t.Errorf("got\n%q\nwant\n%q", r.body, want)
				}
				wantEnd(t, c, r, end, row.code)
				u := r.entry.Usage
				if u.Provenance != row.usage || row.usage == reported && (u.Input != row.in || u.Output != row.out) {
					t.Errorf("usage = %+v, want %d in, %d out, %s", u, row.in, row.out, row.usage)
				}
			})
		}
	}
	g.Entries(t, 2*len(rows))
	up.idle(t)
}

// TestUsageEventSplit: the event is dropped, or passed, wherever it is cut.
func TestUsageEventSplit(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		at := 0
		_, _ = fmt.Sscanf(c.model, "at %d", &at)
		all := stream(firstEvent, finishEvent, usageEvent, doneEvent)
		at += len(stream(firstEvent, finishEvent)) - 2
		c.keep = true
		c.send(chunked(streamHead), chunk(all[:at]))
		<-time.After(time.Millisecond) // so that most are read in two
		c.send(chunk(all[at:]), "0\r\n\r\n")
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	c := dialectCases[0]
	client := &http.Transport{}
	defer client.CloseIdleConnections()
	for at := range len(usageEvent) + 6 {
		for options, want := range map[string]string{"": stream(firstEvent, finishEvent, doneEvent), askUsage: stream(firstEvent, finishEvent, usageEvent, doneEvent)} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+c.path, strings.NewReader(strings.Replace(c.ask(fmt.Sprint("at ", at), true), "{", "{"+options, 1)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := client.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := gatetest.Body(t, resp); got != want {
				t.Errorf("split at %d, %q: got\n%q\nwant\n%q", at, options, got, want)
			}
			resp.Body.Close()
		}
	}
	for _, e := range g.Entries(t, 2*(len(usageEvent)+6)) {
		if u := e.Usage; u.Input != 7 || u.Output != 5 || u.Provenance != reported {
			t.Fatalf("usage = %+v, want 7 in and 5 out", u)
		}
	}
}

// TestPassedOnAtOnce: what is whole reaches the client although nothing
// follows it.
func TestPassedOnAtOnce(t *testing.T) {
	huge := strings.Repeat("x", 300_000)
	for _, tt := range []struct{ name, sent, want string }{
		{"a comment without a blank line", ": wait\n", ": wait\n"},
		{"a comment and the blank line's first half", ": wait\r\n\r", ": wait\r\n\r"},
		{"an event", stream(firstEvent), stream(firstEvent)},
		{"an event that ends in CR", firstEvent + "\r\r", firstEvent + "\r\r"},
		{"an event and half of the next", stream(firstEvent) + finishEvent[:20], stream(firstEvent)},
		{"an event before one that is hidden", stream(firstEvent, finishEvent, usageEvent), stream(firstEvent, finishEvent)},
		{"most of a huge event", "data: {\"x\":\"" + huge, "data: {\"x\":\"" + huge[:250_000]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newProvider(t, func(c *upcall) {
				c.send(chunked(streamHead), chunk(tt.sent))
				c.hang()
			})
			g := gatetest.Start(t, wired, "UP", up.URL)
			resp := g.Post(t, "/v1/chat/completions", dialectCases[0].body)
			late := time.AfterFunc(5*time.Second, func() { resp.Body.Close() })
			defer late.Stop()
			got := make([]byte, len(tt.want))
			if n, err := readFull(resp, got); err != nil || string(got) != tt.want {
				t.Errorf("got %q (%v), want %q at once", tail(string(got[:n])), err, tail(tt.want))
			}
			resp.Body.Close()
			up.idle(t)
		})
	}
}

func readFull(resp *http.Response, p []byte) (n int, err error) {
	r := bufio.NewReader(resp.Body)
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// TestCommentsThenData: keep-alives of minutes before the first token.
func TestCommentsThenData(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.send(chunked(streamHead))
		for range 1000 {
			c.send(chunk(": OPENROUTER PROCESSING\n\n"))
		}
		c.send(chunk(stream(firstEvent, finishEvent, doneEvent)), "0\r\n\r\n")
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	r := converse(t, g, "/v1/chat/completions", dialectCases[0].body)
	wantEnd(t, dialectCases[0], r, endClean, "")
	if n := bytes.Count([]byte(r.body), []byte("OPENROUTER")); n != 1000 || !strings.HasSuffix(r.body, doneEvent+"\n\n") {
		t.Errorf("%d comments came, want 1000 and the end:\n%s", n, tail(r.body))
	}
}
