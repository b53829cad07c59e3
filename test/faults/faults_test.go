package faults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// slack is how much longer than its waits an exchange may take, on a busy
// machine.
const slack = 5 * time.Second

// TestFaults: whatever an upstream does, there is an answer, and it is the one
// that it should be.
func TestFaults(t *testing.T) {
	p := startToxiproxy(t)
	t.Run("all", func(t *testing.T) { // ends when all that is in it has
		for i, f := range slices.Concat(connections(), answers(), statuses()) {
			for j, c := range cases(i, os.Getenv("WEIR_MATRIX") != "") {
				t.Run(fmt.Sprintf("%s/%d: %s", f.name, j, c), func(t *testing.T) {
					t.Parallel()
					c.fault = &f
					c.run(t, p)
				})
			}
		}
	})
}

// A situation is a fault with what it meets.
type situation struct {
	*fault
	lane
	stream, two bool
}

func (c situation) String() string {
	return fmt.Sprintf("%s, %s, %s", c.lane, map[bool]string{false: "whole", true: "stream"}[c.stream], map[bool]string{false: "alone", true: "with another"}[c.two])
}

// cases returns the situations of the i-th fault: each lane with whole answers
// and streams, with one target and with two. Not all are the half of them in
// which each two of these meet, of the lanes one express and one translated.
func cases(i int, all bool) []situation {
	var out []situation
	for j, l := range lanes {
		for k := range 4 {
			c := situation{lane: l, stream: k&1 != 0, two: k&2 != 0}
			odd := (k == 1 || k == 2) == (j%2 == 0)
			if all || odd && j/2 == i%3 {
				out = append(out, c)
			}
		}
	}
	return out
}

// An outcome is what is to come of a situation.
type outcome struct {
	attempts []llm.Code // by attempt; empty is success
	told     bool       // of its failure inside a stream
}

// outcome returns what is to come of c.
func (c *situation) outcome() outcome {
	course, code := c.whole, c.code
	if c.stream {
		course = c.fault.stream
	}
	switch {
	case course == smooth:
		return outcome{attempts: []llm.Code{""}}
	case course == final:
		return outcome{attempts: []llm.Code{code}}
	case course == begun, course == opened && !c.two:
		return outcome{attempts: []llm.Code{code}, told: true}
	case c.two && (course == same || course == opened):
		return outcome{attempts: []llm.Code{code, code, ""}}
	case c.two:
		return outcome{attempts: []llm.Code{code, ""}}
	case course == next, course == account:
		return outcome{attempts: []llm.Code{code}}
	default:
		return outcome{attempts: []llm.Code{code, code}}
	}
}

func (c *situation) run(t *testing.T, p *toxiproxy) {
	h := build(t, p, c.fault, c.lane, c.two)
	want := c.outcome()
	began := time.Now()
	resp := h.Post(t, c.path(), c.body(c.stream))
	body := gatetest.Body(t, resp) // fails if it breaks off
	took := time.Since(began)
	e := h.Entries(t, 1)[0]
	last := want.attempts[len(want.attempts)-1]

	switch {
	case last == "":
		c.checkAnswer(t, resp.StatusCode, body)
	case want.told:
		c.checkToldInside(t, resp.StatusCode, body)
	default:
		c.checkRefusal(t, resp.StatusCode, resp.Header.Get, body)
	}
	attempts := strconv.Itoa(len(want.attempts))
	if attempts == "1" && (last == "" || want.told) {
		attempts = "" // nothing to tell
	}
	if got := resp.Header.Get("X-Weir-Attempts"); got != attempts {
		t.Errorf("x-weir-attempts = %q, want %q", got, attempts)
	}
	c.checkEntry(t, &e, want)
	if e.Status != resp.StatusCode || e.Code != last || e.ID != resp.Header.Get("X-Request-Id") {
		t.Errorf("entry %s has status %d and code %q, want %s with %d and %q", e.ID, e.Status, e.Code, resp.Header.Get("X-Request-Id"), resp.StatusCode, last)
	}
	least := time.Duration(0)
	if c.wait > 0 && !c.two {
		least = c.wait
	}
	most := least + slack
	if took < least || took > most {
		t.Errorf("it took %v, want %v to %v", took, least, most)
	}
	h.Stop(t)
	if got := h.told(e.ID); got != len(e.Attempts) {
		t.Errorf("observers were told of %d attempts, want %d", got, len(e.Attempts))
	}
	if n := h.Ledger.Total(); n != 1 {
		t.Errorf("%d entries, want one", n)
	}
}

// checkEntry looks at the attempts.
func (c *situation) checkEntry(t *testing.T, e *ledger.Entry, want outcome) {
	t.Helper()
	var codes []llm.Code
	for i, a := range e.Attempts {
		codes = append(codes, a.Code)
		upstream := "first"
		if c.two && i == len(want.attempts)-1 && a.Code == "" && c.whole != smooth {
			upstream = "second"
		}
		if a.Upstream != upstream || a.Target != "m" || a.Total <= 0 {
			t.Errorf("attempt %d is %s/%s in %v, want %s/m", i, a.Upstream, a.Target, a.Total, upstream)
		}
		if i == len(e.Attempts)-1 {
			break // what the last one used is the entry's
		}
		if u := a.Usage.Provenance; u == llm.UsageUnknown || a.Status >= 400 && u != llm.UsageNone || a.Status == 200 && u == llm.UsageNone {
			t.Errorf("attempt %d with status %d used %+v", i, a.Status, a.Usage)
		}
	}
	if !slices.Equal(codes, want.attempts) {
		t.Errorf("attempts = %q, want %q", codes, want.attempts)
	}
	if e.Upstream != e.Attempts[len(e.Attempts)-1].Upstream {
		t.Errorf("the entry's upstream is %s, want that of the last attempt", e.Upstream)
	}
	if ok := want.attempts[len(want.attempts)-1] == ""; ok && e.Usage.Provenance != llm.UsageReported {
		t.Errorf("usage = %+v, want what was reported", e.Usage)
	}
}

// ends are the last words of streams.
var ends = map[string]string{ // immutable
	"chat": "data: [DONE]\n\n", "messages": "event: message_stop\n", "responses": "event: response.completed\n",
}

// failures are the words of streams that have failed.
var failures = map[string]string{ // immutable
	"chat": `data: {"error":`, "messages": "event: error\n", "responses": "event: response.failed\n",
}

// checkAnswer looks at an answer.
func (c *situation) checkAnswer(t *testing.T, status int, body string) {
	t.Helper()
	whole := strings.Contains(body, "echo: hello there")
	if c.stream {
		whole = strings.Contains(body, "echo") && strings.Contains(body, "there") && strings.Count(body, ends[c.client]) == 1
	}
	if status != 200 || !whole || strings.Contains(body, failures[c.client]) {
		t.Errorf("answer = %d %s, want all of it", status, body)
	}
}

// checkToldInside looks at a stream that has failed after it began.
func (c *situation) checkToldInside(t *testing.T, status int, body string) {
	t.Helper()
	if status != 200 || strings.Count(body, failures[c.client]) != 1 || strings.Contains(body, ends[c.client]) {
		t.Errorf("answer = %d %s, want a stream that tells of its failure", status, body)
	}
}

// checkRefusal looks at an error.
func (c *situation) checkRefusal(t *testing.T, status int, header func(string) string, body string) {
	t.Helper()
	want := c.status
	switch {
	case c.inside && c.client == c.target:
		want = 200
	case want == 0:
		want = 502
	}
	if status != want {
		t.Errorf("status = %d, want %d", status, want)
	}
	var e struct {
		Type  string `json:"type"`
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Type == "" || e.Error.Message == "" || (e.Type == "error") != (c.client == "messages") {
		t.Errorf("answer = %s, want an error as clients of %s know it", body, c.client)
	}
	after := header("Retry-After")
	if seconds, err := strconv.Atoi(after); (after != "" || status == 429) && (err != nil || seconds < 1) {
		t.Errorf("Retry-After = %q, want whole seconds", after)
	}
	if c.fault.after != "" && after != c.fault.after {
		t.Errorf("Retry-After = %q, want %q", after, c.after)
	}
	if got := header("X-Should-Retry"); (got == "false") != c.hopeless {
		t.Errorf("x-should-retry = %q, although hopeless is %t", got, c.hopeless)
	}
}
