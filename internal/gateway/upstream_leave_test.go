package gateway_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// silences are where an upstream may be when its client leaves.
var silences = []struct { // immutable
	name string
	say  func(c *upcall, head, body string)
}{
	{"before the status", func(*upcall, string, string) {}},
	{"in the head", func(c *upcall, head, _ string) { c.send(head) }},
	{"after the head", func(c *upcall, head, _ string) { c.send(chunked(head)) }},
	{"after a comment", func(c *upcall, _, _ string) { c.send(chunked(streamHead), chunk(": wait\n\n")) }},
	{"in the middle", func(c *upcall, head, body string) { c.send(chunked(head), chunk(body[:len(body)/2])) }},
	{"in a large answer", func(c *upcall, _, _ string) {
		c.send(chunked(jsonHead), chunk(`{"pad":"`+strings.Repeat("x", 100_000)))
	}},
	{"in a large event", func(c *upcall, _, _ string) {
		c.send(chunked(streamHead), chunk(`data: {"pad":"`+strings.Repeat("x", 100_000)))
	}},
	{"in a refusal", func(c *upcall, _, _ string) {
		c.send(chunked("HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\n"), chunk(`{"error":`))
	}},
	{"before a refusal", func(c *upcall, _, _ string) {
		c.send(chunked("HTTP/1.1 429 Oh\r\nContent-Type: application/json\r\n"))
	}},
	{"in a page", func(c *upcall, _, _ string) { c.send(chunked(ok("text/html")), chunk("<html>")) }},
}

// TestClientLeavesSilence is promise 4: the upstream is told within a second,
// whatever it is doing, and the account has what was used until then.
func TestClientLeavesSilence(t *testing.T) {
	said, gone := make(chan struct{}), make(chan time.Time)
	up := newProvider(t, func(c *upcall) {
		head, body := jsonHead, goodAnswers[c.path].whole
		if c.stream {
			head, body = streamHead, strings.Join(goodAnswers[c.path].events, "")
		}
		for _, s := range silences {
			if s.name == c.model {
				s.say(c, head, body)
			}
		}
		said <- struct{}{}
		c.hang()
		gone <- time.Now()
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	n := 0
	for _, s := range silences {
		both(t, func(t *testing.T, c dialectCase, stream bool) {
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = converseOnce(ctx, g, c.path, c.ask(s.name, stream)) // fails: that is the point
			}()
			<-said
			<-time.After(2 * time.Millisecond) // most of what was said has arrived by then
			left := time.Now()
			leave()
			<-done
			if took := (<-gone).Sub(left); took > soon {
				t.Errorf("%s: the upstream was told after %v", s.name, took)
			}
			n++
			e := g.Entries(t, n)[n-1]
			if e.Code != llm.CodeClientClosed || e.Status != 499 && e.Status != 200 || len(e.Attempts) != 1 || e.Attempts[0].Code != llm.CodeClientClosed {
				t.Errorf("%s: entry: code %q, status %d, attempts %+v; want a client that has left", s.name, e.Code, e.Status, e.Attempts)
			}
			used := e.Attempts[0].Status < 400 // where the refusal had arrived when the client left, nothing was
			if u := e.Usage; used && (u.Provenance != estimated || u.Input == 0) || !used && u != (llm.Usage{Provenance: llm.UsageNone}) {
				t.Errorf("%s: usage = %+v, want an estimate, or nothing where the upstream refused", s.name, u)
			}
		})
	}
	up.idle(t)
}

// TestClientLeavesBehindTheEnd: who has the last event has everything, and
// the upstream need not have closed the connection.
func TestClientLeavesBehindTheEnd(t *testing.T) {
	gone := make(chan struct{}, 1)
	up := newProvider(t, func(c *upcall) {
		c.send(chunked(streamHead), chunk(strings.Join(goodAnswers[c.path].events, "")))
		c.hang()
		gone <- struct{}{}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	for i, c := range dialectCases {
		resp := g.Post(t, c.path, c.ask("m", true))
		events := goodAnswers[c.path].events
		last := events[len(events)-1]
		got := ""
		for buf := make([]byte, 4096); !strings.HasSuffix(got, last); {
			n, err := resp.Body.Read(buf)
			if got += string(buf[:n]); err != nil {
				t.Fatalf("%s: %v before the last event:\n%s", c.name, err, tail(got))
			}
		}
		resp.Body.Close()
		<-gone
		e := g.Entries(t, i+1)[i]
		if u := e.Usage; e.Code != "" || u.Input != 7 || u.Output != 5 || u.Provenance != reported {
			t.Errorf("%s: entry: code %q, usage %+v; want a success with what was reported", c.name, e.Code, u)
		}
	}
}

// TestClientLeavesUnread: the upstream has not even read the request.
func TestClientLeavesUnread(t *testing.T) {
	called, gone := make(chan struct{}), make(chan struct{})
	up := serveProvider(t, &provider{ln: narrow(t), early: true}, func(c *upcall) {
		called <- struct{}{}
		c.wait(t)
		close(gone)
	})
	g := gatetest.Start(t, wired, "UP", strings.Replace(up.URL, "https", "http", 1))
	wantLeft(t, g, func() { <-called }, func() { <-gone })
	up.idle(t)
}

// TestClientLeavesHandshake: there is no connection yet. net/http goes on with
// the handshake, for the next one, as long as connecting may take.
func TestClientLeavesHandshake(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	g := gatetest.Start(t, "timeouts: { connect: 700ms }\n"+wired, "UP", "https://"+ln.Addr().String())
	var conn net.Conn
	wantLeft(t, g, func() {
		if conn, err = ln.Accept(); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Read(make([]byte, 1)) // the handshake has begun
	}, func() {
		for err = nil; err == nil; {
			_, err = conn.Read(make([]byte, 4096))
		}
		conn.Close()
	})
	if u := g.Entries(t, 1)[0].Usage; u != (llm.Usage{Provenance: llm.UsageNone}) {
		t.Errorf("usage = %+v, want none of what was never sent", u)
	}
}

// wantLeft makes a request, lets its client leave once the upstream is busy
// with it, and checks that the upstream learns of it soon.
func wantLeft(t *testing.T, g *gatetest.Gate, busy, gone func()) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = converseOnce(ctx, g, "/v1/chat/completions", patterned("m", 1, 8<<20)) // fails: that is the point
	}()
	busy()
	left := time.Now()
	leave()
	<-done
	gone()
	if took := time.Since(left); took > soon {
		t.Errorf("the upstream was told after %v", took)
	}
	if e := g.Entries(t, 1)[0]; e.Code != llm.CodeClientClosed || e.Status != 499 || e.Total > soon {
		t.Errorf("entry: code %q, status %d, after %v; want that of a client that has left", e.Code, e.Status, e.Total)
	}
}
