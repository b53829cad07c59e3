package gateway_test

import (
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// toldFailures are the ways in which upstreams tell of a failure inside of a
// stream, by dialect. The error quotes nothing secret: what an upstream says in
// a stream passes as it is.
var toldFailures = map[string]map[string]string{ // immutable
	"chat": {
		"an error object": `data: {"error":{"message":"it broke","type":"server_error","param":null,"code":"server_error"}}` + "\n\n",
		"an error text":   `data: {"error":"it broke"}` + "\n\n",
		"a named event":   "event: error\n" + `data: {"error":{"message":"it broke","code":500}}` + "\n\n",
	},
	"completions": {
		"an error object": `data: {"error":{"message":"it broke","type":"server_error","param":null,"code":"server_error"}}` + "\n\n",
	},
	"responses": {
		"a flat error":      "event: error\n" + `data: {"type":"error","code":"server_error","message":"it broke","param":null,"sequence_number":3}` + "\n\n",
		"a nested error":    "event: error\n" + `data: {"type":"error","sequence_number":3,"error":{"type":"server_error","code":"server_error","message":"it broke","param":null}}` + "\n\n",
		"a failed response": "event: response.failed\n" + `data: {"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"it broke"},"usage":null}}` + "\n\n",
	},
	"messages": {
		"an error event": "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"it broke"}}` + "\n\n",
	},
}

// TestUpstreamTellsOfItsFailure: what the upstream says passes, wherever it
// says it and however the connection ends. Nothing is added, except where
// clients would wait on: a bare error does not end a stream of responses.
func TestUpstreamTellsOfItsFailure(t *testing.T) {
	type way struct {
		name string
		end  func(c *upcall)
	}
	ways := []way{
		{"ends properly", func(c *upcall) { c.keep = true; c.send("0\r\n\r\n") }},
		{"closes", func(*upcall) {}},
		{"resets", func(c *upcall) { c.reset() }},
		{"breaks the chunks", func(c *upcall) { c.send("zz\r\n") }},
		{"begins another event", func(c *upcall) { c.keep = true; c.send(chunk("event: mess"), "0\r\n\r\n") }},
		{"falls silent", func(c *upcall) { c.hang() }},
	}
	up := newProvider(t, func(c *upcall) {
		parts := strings.Split(c.model, "/")
		d := dialectCases[0]
		for _, d = range dialectCases {
			if d.path == c.path {
				break
			}
		}
		c.send(chunked(streamHead))
		if parts[0] == "idle in the middle" {
			c.send(chunk(goodAnswers[c.path].events[0]))
		}
		c.send(chunk(toldFailures[d.name][parts[1]]))
		for _, w := range ways {
			if w.name == parts[2] {
				w.end(c)
			}
		}
	})
	g := gatetest.Start(t, impatient, "UP", up.URL)
	var asks []ask
	for _, c := range dialectCases {
		for told := range toldFailures[c.name] {
			for _, where := range []string{"idle first", "idle in the middle"} {
				for _, w := range ways {
					asks = append(asks, ask{c, where + "/" + told + "/" + w.name, true, nil})
				}
			}
		}
	}
	for i, r := range converseAll(t, g, asks) {
		t.Run(asks[i].c.name+"/"+asks[i].model, func(t *testing.T) {
			c, parts := asks[i].c, strings.Split(asks[i].model, "/")
			want := toldFailures[c.name][parts[1]]
			if parts[0] == "idle in the middle" {
				want = goodAnswers[c.path].events[0] + want
			}
			rest, ok := strings.CutPrefix(r.body, want)
			if !ok {
				t.Fatalf("got\n%s\nwant at first\n%s", r.body, want)
			}
			end := endClean
			if c.name == "responses" && parts[1] != "a failed response" {
				end, r.body = endFailed, rest
				if !strings.Contains(rest, `"sequence_number":4,`) {
					t.Errorf("the failure does not go on where the stream stopped:\n%s", rest)
				}
			} else if rest != "" {
				t.Errorf("something was added to the upstream's own failure:\n%s", rest)
			}
			wantEnd(t, c, r, end, llm.CodeUpstreamFailed)
			if r.entry.Usage.Provenance != estimated {
				t.Errorf("usage = %+v, want an estimate", r.entry.Usage)
			}
		})
	}
	g.Entries(t, len(asks))
	up.idle(t)
}

// TestUpstreamTellsInAWholeAnswer: an error object with a status of success
// passes as it came, and the account says what it is.
func TestUpstreamTellsInAWholeAnswer(t *testing.T) {
	bodies := map[string]string{
		"object": `{"error":{"message":"it broke","type":"server_error","param":null,"code":"x"}}`,
		"text":   `{"error":"it broke"}`,
		"error":  `{"type":"error","error":{"type":"api_error","message":"it broke"}}`,
	}
	up := newProvider(t, func(c *upcall) { c.keep = true; c.whole(bodies[c.model]) })
	g := gatetest.Start(t, wired, "UP", up.URL)
	for model, body := range bodies {
		both(t, func(t *testing.T, c dialectCase, stream bool) {
			r := converse(t, g, c.path, c.ask(model, stream))
			wantEnd(t, c, r, endClean, llm.CodeUpstreamFailed)
			if r.body != body || r.entry.Usage.Provenance != estimated {
				t.Errorf("got %s, usage %+v; want %s and an estimate", r.body, r.entry.Usage, body)
			}
		})
	}
	up.idle(t)
}

// TestToldSecretsAreNotLogged: the log says what the upstream said, but not
// what it quoted.
func TestToldSecretsAreNotLogged(t *testing.T) {
	said := `{"error":{"message":"it broke: Incorrect key ` + upstreamSecret + `","type":"e","code":"invalid_api_key"}}`
	up := newProvider(t, func(c *upcall) {
		c.keep = true
		if c.stream {
			c.events("data: " + said + "\n\n")
			return
		}
		c.whole(said)
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	both(t, func(t *testing.T, c dialectCase, stream bool) {
		r := converse(t, g, c.path, c.ask("m", stream))
		if r.entry.Code != llm.CodeUpstreamFailed {
			t.Errorf("entry: code %q, want %q", r.entry.Code, llm.CodeUpstreamFailed)
		}
	})
	wantNothingLogged(t, g)
	if !strings.Contains(g.Log.String(), "it broke") {
		t.Errorf("the log does not say what the upstream said:\n%s", tail(g.Log.String()))
	}
}
