package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"
)

// pairConfiguration leads every model to the first upstream, and to the second
// where the first fails, in the way that Weir does unless it is told otherwise.
var pairConfiguration = template.Must(template.New("pair.yaml").Parse(`
listen: { address: "127.0.0.1:0", drain: 5s }
timeouts: { connect: 5s, first_byte: 20s, idle: 20s, total: 60s }
upstreams:
  - { name: first, kind: {{.Kind}}, endpoint: "{{.First}}/v1", auth: { api_key: {{.Key}} } }
  - { name: second, kind: {{.Kind}}, endpoint: "{{.Second}}/v1", auth: { api_key: {{.Key}} } }
models:
  - name: "*"
    targets:
      - { upstream: first, dialects: [{{.Dialect}}] }
      {{if not .Alone}}- { upstream: second, dialects: [{{.Dialect}}] }{{end}}
keys: [{ name: client, tenant: e2e, secret: {{.ClientKey}} }]
`))

// A pair is a Weir with two upstreams, each of which has a simulator of its own.
type pair struct {
	*house
	first, second *recorder
}

// pairLanes are the lanes of pairs: the client's bytes pass, or are translated.
var pairLanes = []lane{ // immutable
	{dialect: "responses, chat", kind: "openai"},
	{dialect: "chat", kind: "compatible"},
}

// newPair starts a pair whose upstreams are asked as l says. If the first is
// alone, no model leads to the second.
func newPair(t *testing.T, l lane, alone bool) *pair {
	t.Helper()
	p := &pair{house: &house{key: clientKey}}
	for _, r := range []**recorder{&p.first, &p.second} {
		p.simulator = start(t, "simulate", "--listen", "127.0.0.1:0", "--strict")
		*r = record(t, "http://"+p.simulator.address)
	}
	p.upstream = p.first
	path := filepath.Join(t.TempDir(), "weir.yaml")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := pairConfiguration.Execute(file, map[string]any{
		"First": p.first.url, "Second": p.second.url, "Key": upstreamKey, "ClientKey": clientKey,
		"Kind": l.kind, "Dialect": l.dialect, "Alone": alone,
	}); err != nil {
		t.Fatal(err)
	}
	p.weir = start(t, "serve", "--config", path)
	p.url = "http://" + p.weir.address
	return p
}

// refuse makes the first upstream answer 429 to its first n requests, or to all
// if n is negative, and ask to wait for so many seconds if after is not empty.
func (p *pair) refuse(n int, after string) {
	p.first.meddle = func(i int, h http.Header) {
		if n >= 0 && i >= n {
			return
		}
		h.Set("x-sim-status", "429")
		if after != "" {
			h.Set("x-sim-header", "retry-after: "+after)
		}
	}
}

// checkAsked checks how many requests the upstreams had.
func (p *pair) checkAsked(t *testing.T, first, second int) {
	t.Helper()
	if f, s := len(p.first.requests()), len(p.second.requests()); f != first || s != second {
		t.Errorf("the first upstream had %d requests and the second %d, want %d and %d", f, s, first, second)
	}
}

// TestCodexTargetDies: Codex does not notice that the server of its first turn
// is no more when it comes with the second.
func TestCodexTargetDies(t *testing.T) {
	t.Parallel()
	for i, task := range []codexTask{codexTasks[0], codexTasks[1], codexTasks[3]} {
		for j, l := range pairLanes {
			if !runs(i, j) {
				continue
			}
			t.Run(task.name+" to "+l.dialect, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, l, false)
				c := newCodex(t, p.house)
				c.front.meddle = func(n int, _ http.Header) {
					if n == 1 {
						p.first.die()
					}
				}
				task.do(t, c, l.dialect == "chat")
				if n := len(c.posts()); n != 2 || len(p.first.requests()) != 1 || len(p.second.requests()) == 0 {
					t.Fatalf("Codex sent %d requests, %d of which reached the first upstream and %d the second",
						n, len(p.first.requests()), len(p.second.requests()))
				}
				for _, post := range c.posts() {
					if post.Status != http.StatusOK {
						t.Errorf("Codex saw status %d", post.Status)
					}
				}
				if lines := p.logged(t, 2); len(lines) != 2 || lines[1].Upstream != "second" || lines[1].Attempts < 2 {
					t.Errorf("Weir logged %+v, want two exchanges, the second with several attempts, at last at the second upstream", lines)
				}
			})
		}
	}
}

// TestCodexLimited: a 429 is the second target's work, or Weir's own to wait
// for. Only one that lasts is Codex's.
func TestCodexLimited(t *testing.T) {
	t.Parallel()
	for i, tt := range []struct {
		name          string
		alone         bool
		refused       int // requests that the first upstream answers with 429
		after         string
		posts         int
		first, second int
		atLeast       time.Duration
		exit          int
	}{
		{name: "Retry-After, and another target", refused: -1, after: "20", posts: 1, first: 1, second: 1},
		{name: "no Retry-After, and another target", refused: -1, posts: 1, first: 2, second: 1, atLeast: 500 * time.Millisecond},
		{name: "Retry-After, and no other target", alone: true, refused: 1, after: "2", posts: 1, first: 2, atLeast: 2 * time.Second},
		{name: "no Retry-After, and no other target", alone: true, refused: 1, posts: 1, first: 2, atLeast: 500 * time.Millisecond},
		{name: "two, and no other target", alone: true, refused: 2, posts: 2, first: 3},
		{name: "for good, and no other target", alone: true, refused: -1, posts: 6, first: 12, exit: 1},
	} {
		for j, model := range []string{classicModel, codeModel} {
			l := pairLanes[j]
			if !runs(i, j) {
				continue
			}
			t.Run(fmt.Sprint(tt.name, " of ", l.dialect), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, l, tt.alone)
				p.refuse(tt.refused, tt.after)
				c := newCodex(t, p.house)
				r := c.ask(t, model, "hi")
				if n := len(c.posts()); n != tt.posts {
					t.Errorf("Codex sent %d requests, want %d", n, tt.posts)
				}
				p.checkAsked(t, tt.first, tt.second)
				if r.exit != tt.exit || tt.exit == 0 && !strings.Contains(r.stdout, "echo: hi") {
					t.Errorf("Codex ended with exit code %d and %q, want %d", r.exit, r.stdout, tt.exit)
				}
				if r.took < tt.atLeast {
					t.Errorf("Codex was done after %v, want at least %v", r.took, tt.atLeast)
				}
			})
		}
	}
}

// pairCalls are two turns for each lane.
var pairCalls = [][]spec{ // immutable
	{{Case: "one", Call: "responses", Model: "m"}, {Case: "two", Call: "chat stream", Model: "m"}},
	{{Case: "one", Call: "responses stream", Model: "m"}, {Case: "two", Call: "responses", Model: "m"}},
}

// TestNodeTargetDies: the OpenAI SDK does not notice that a server is no more,
// and tries nothing again.
func TestNodeTargetDies(t *testing.T) {
	t.Parallel()
	for j, l := range pairLanes {
		t.Run(l.dialect, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, l, false)
			front := record(t, p.url)
			p.url = front.url
			front.meddle = func(n int, _ http.Header) {
				if n == 1 {
					p.first.die()
				}
			}
			for _, got := range p.node(t, "openai", "openai_errors.mjs", text(pairCalls[j])) {
				if got.Error != nil {
					t.Errorf("turn %s ended with %+v", got.Case, got.Error)
				}
			}
			if n := len(front.requests()); n != 2 {
				t.Errorf("the client sent %d requests, want 2", n)
			}
			p.checkAsked(t, 1, 1)
			// Where the old connection is found to be dead, there is one more.
			if n := front.requests()[1].Answer.Get("X-Weir-Attempts"); n != "3" && n != "4" {
				t.Errorf("the second turn took %q attempts, want two at the first upstream and one at the second", n)
			}
		})
	}
}

// TestNodeLimited: as for Codex; and what is refused for good the SDK tries
// three times, and Weir twice each time.
func TestNodeLimited(t *testing.T) {
	t.Parallel()
	for i, tt := range []struct {
		name          string
		alone         bool
		refused       int
		after         string
		sent          int
		first, second int
		status        int // of the error that the client sees; 0 for none
		atLeast       float64
		header        string // Retry-After of the error
	}{
		{name: "Retry-After, and another target", refused: -1, after: "20", sent: 1, first: 1, second: 1},
		{name: "no Retry-After, and another target", refused: -1, sent: 1, first: 2, second: 1, atLeast: .5},
		{name: "Retry-After, and no other target", alone: true, refused: 1, after: "2", sent: 1, first: 2, atLeast: 2},
		{name: "no Retry-After, and no other target", alone: true, refused: 1, sent: 1, first: 2, atLeast: .5},
		{name: "for good, and no other target", alone: true, refused: -1, sent: 3, first: 6, status: 429, header: "1"},
		{name: "longer than Weir waits", alone: true, refused: -1, after: "70", sent: 3, first: 3, status: 429, header: "70"},
	} {
		for j, l := range pairLanes {
			if !runs(i, j) {
				continue
			}
			t.Run(fmt.Sprint(tt.name, " of ", l.dialect), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, l, tt.alone)
				p.refuse(tt.refused, tt.after)
				front := record(t, p.url)
				p.url = front.url
				call := pairCalls[j][0]
				call.Retries = 2
				got := p.node(t, "openai", "openai_errors.mjs", text([]spec{call}))[0]
				status := 0
				if got.Error != nil {
					status = got.Error.Status
				}
				if status != tt.status || status != 0 && got.Error.Headers["retry-after"] != tt.header {
					t.Errorf("the call ended with %+v, want status %d", got.Error, tt.status)
				}
				if n := len(front.requests()); n != tt.sent {
					t.Errorf("the client sent %d requests, want %d", n, tt.sent)
				}
				p.checkAsked(t, tt.first, tt.second)
				if got.Seconds < tt.atLeast {
					t.Errorf("the call took %vs, want at least %vs", got.Seconds, tt.atLeast)
				}
			})
		}
	}
}
