package faults_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A course is what follows on a fault.
type course uint8

const (
	smooth  course = iota // it is none: the answer comes
	same                  // tried again there, then at the next target
	waiting               // tried again there after a wait that the upstream asks for; at once at the next target if there is one
	next                  // never tried again there, but at the next target
	account               // as next, and that must be another account
	final                 // never tried again
	begun                 // of a stream: the client has had something, and is told in it
	opened                // of a stream: begun, but for a second target that would be as same
)

// A fault is what an upstream does.
type fault struct {
	name string

	// How it comes about.
	sim      []string // what the simulator is asked for, without x-sim-
	toxics   []toxic
	settings string // of the upstream
	endpoint string // instead of the way to the simulator
	tls      bool   // the server has a certificate that nobody knows
	down     bool   // nobody listens

	// What is to come of it.
	whole, stream course
	code          llm.Code      // of a failed attempt
	status        int           // what the client is told if nothing helps; 502 if zero
	wait          time.Duration // what the upstream asks for
	after         string        // Retry-After of the last answer; empty is any or none
	hopeless      bool          // x-should-retry is false
	inside        bool          // its status is a success, and the answer passes as it came where nothing helps
}

const quick = "timeouts: { first_byte: 300ms, idle: 300ms }, "

// connections are the faults of the way.
func connections() []fault {
	reset := []toxic{{"reset_peer", map[string]int{"timeout": 0}, 1}}
	// Whenever toxiproxy closes a connection, it resets it.
	resets := []toxic{{"reset_peer", nil, 0}}
	return []fault{
		{name: "none", whole: smooth, stream: smooth},
		{name: "slow, but in time", toxics: []toxic{{"latency", map[string]int{"latency": 150}, 1}}, whole: smooth, stream: smooth},
		{name: "in crumbs", toxics: []toxic{{"slicer", map[string]int{"average_size": 7, "delay": 10}, 1}}, whole: smooth, stream: smooth},
		{name: "refused", down: true, whole: same, stream: same, code: llm.CodeUpstreamConnect},
		{name: "no such name", endpoint: "http://" + strings.Repeat("x", 64) + ".invalid", whole: same, stream: same, code: llm.CodeUpstreamConnect},
		{name: "a certificate that nobody knows", tls: true, whole: next, stream: next, code: llm.CodeUpstreamTLS, hopeless: true},
		{name: "reset before the first byte", toxics: reset, whole: same, stream: same, code: llm.CodeUpstreamLost},
		{name: "reset by the server", sim: []string{"reset: true"}, whole: same, stream: same, code: llm.CodeUpstreamLost},
		{name: "reset after the first event", sim: []string{"cut: 1"}, toxics: resets, whole: same, stream: opened, code: llm.CodeUpstreamTruncated},
		{name: "reset in the middle", sim: []string{"cut: 5"}, toxics: resets, whole: same, stream: begun, code: llm.CodeUpstreamTruncated},
		{name: "cut in the head", toxics: []toxic{{"limit_data", map[string]int{"bytes": 20}, 1}}, whole: same, stream: same, code: llm.CodeUpstreamInvalid},
		{name: "a slow first byte", toxics: []toxic{{"latency", map[string]int{"latency": 3000}, 1}}, settings: quick, whole: same, stream: same, code: llm.CodeFirstByteTimeout, status: 504},
		{name: "no byte at all", toxics: []toxic{{"timeout", map[string]int{"timeout": 0}, 1}}, settings: quick, whole: same, stream: same, code: llm.CodeFirstByteTimeout, status: 504},
		{name: "a stall after the first event", sim: []string{"stall: 1"}, settings: quick, whole: same, stream: opened, code: llm.CodeIdleTimeout, status: 504},
		{name: "a stall in the middle", sim: []string{"stall: 5"}, settings: quick, whole: same, stream: begun, code: llm.CodeIdleTimeout, status: 504},
	}
}

// answers are the faults of what is said.
func answers() []fault {
	return []fault{
		{name: "a page", sim: []string{"html: true"}, whole: same, stream: same, code: llm.CodeUpstreamInvalid},
		{name: "half an answer", sim: []string{"end-early: 1"}, whole: same, stream: opened, code: llm.CodeUpstreamTruncated},
		{name: "half an answer, and the connection breaks", sim: []string{"cut: 1", "cut-bytes: 12"}, whole: same, stream: opened, code: llm.CodeUpstreamTruncated},
		{name: "broken off in the middle", sim: []string{"cut: 5"}, whole: same, stream: begun, code: llm.CodeUpstreamTruncated},
		{name: "an end in the middle", sim: []string{"end-early: 5"}, whole: same, stream: begun, code: llm.CodeUpstreamTruncated},
		{name: "an error first", sim: []string{"error: first"}, whole: same, stream: opened, code: llm.CodeUpstreamFailed, inside: true},
		{name: "a filter's refusal", sim: []string{"status: 400", `body: {"error":{"message":"no","type":"invalid_request_error","param":null,"code":"content_filter"}}`}, whole: final, stream: final, code: llm.CodeFiltered, status: 400},
		{name: "a spent account", sim: []string{"status: 429", `body: {"error":{"message":"no","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`}, whole: account, stream: account, code: llm.CodeUpstreamQuota, status: 429, hopeless: true},
	}
}

// statuses are the faults that have a number, with all that an upstream may
// say of when to come again.
func statuses() []fault {
	out := []fault{
		{name: "400", sim: []string{"status: 400"}, whole: final, stream: final, code: llm.CodeUpstreamRejected, status: 400},
		{name: "401", sim: []string{"status: 401"}, whole: final, stream: final, code: llm.CodeUpstreamAuth, status: 502, hopeless: true},
		{name: "403", sim: []string{"status: 403"}, whole: final, stream: final, code: llm.CodeUpstreamAuth, status: 502, hopeless: true},
		{name: "404", sim: []string{"status: 404"}, whole: final, stream: final, code: llm.CodeModelUnavailable, hopeless: true},
		{name: "501", sim: []string{"status: 501"}, whole: final, stream: final, code: llm.CodeUpstreamFailed, status: 501},
		{name: "429 until a date", sim: []string{"status: 429", "header: retry-after: " + time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT"}, whole: next, stream: next, code: llm.CodeUpstreamLimited, status: 429},
	}
	for _, status := range []int{408, 409, 425, 429, 500, 502, 503, 504, 529} {
		f := fault{
			name: strconv.Itoa(status), sim: []string{fmt.Sprintf("status: %d", status)},
			whole: same, stream: same, code: llm.CodeUpstreamFailed, status: status,
		}
		switch {
		case status == 429:
			f.code = llm.CodeUpstreamLimited
		case status < 500:
			f.code = llm.CodeUpstreamRejected
		}
		out = append(out, f)
		f.wait, f.whole, f.stream, f.after = 60*time.Millisecond, waiting, waiting, "1"
		out = append(out, f.with("in some milliseconds", "retry-after-ms: 60"))
		f.wait = time.Second
		out = append(out, f.with("in a second", "retry-after: 1"))
		f.wait, f.whole, f.stream, f.after = 0, next, next, "3600"
		out = append(out, f.with("in an hour", "retry-after: 3600"))
	}
	return out
}

// with returns f with a header in its answer.
func (f fault) with(name, header string) fault {
	f.name += " " + name
	f.sim = append(f.sim[:1:1], "header: "+header)
	return f
}
