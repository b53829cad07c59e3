package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

// metered is a gateway before the simulator, with a target that is not asked
// for its usage.
const metered = `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: "sim-*", targets: [{ upstream: sim }] }
  - { name: "mute-*", targets: [{ upstream: sim, model: sim-1, stream_usage: false }] }
`

// TestUsageIsWhatWasServed: the ledger has the upstream's own numbers, for
// every dialect and every kind of token.
func TestUsageIsWhatWasServed(t *testing.T) {
	g := gatetest.Start(t, metered)
	headers := map[string][]string{
		"plain":               nil,
		"cached":              {"X-Sim-Cached", "5"},
		"reasoning":           {"X-Sim-Think", "1"},
		"cached and thinking": {"X-Sim-Cached", "half", "X-Sim-Think", "1"},
		"CRLF, by bytes":      {"X-Sim-Crlf", "1", "X-Sim-One-Byte", "1"},
		"comments":            {"X-Sim-Comments", "1"},
		"a huge answer":       {"X-Sim-Huge", "200KiB"},
		"many events":         {"X-Sim-Events", "300"},
		"no DONE":             {"X-Sim-No-Done", "1"},
	}
	n := 0
	for name, header := range headers {
		both(t, func(t *testing.T, c dialectCase, stream bool) {
			if name == "no DONE" && (!stream || c.clean != "[DONE]") {
				return
			}
			n++
			r := converse(t, g, c.path, c.ask("sim-1", stream), header...)
			wantEnd(t, c, r, endClean, "")
			served := lastServed(t, g)
			if served.Usage == nil || served.Usage.Output == 0 {
				t.Fatalf("%s: the simulator told the client of no usage: %+v", name, served)
			}
			told := *served.Usage
			if c.name == "messages" {
				told.Reasoning = 0 // the protocol counts thinking with the rest of the output
			}
			wantUsage(t, name, r.entry.Usage, &told)
			if asked := strings.Contains(served.Body, "include_usage"); asked != (stream && c.clean == "[DONE]") {
				t.Errorf("%s: the upstream was asked for its usage: %v; body %s", name, asked, served.Body)
			}
		})
	}
	g.Entries(t, n)
}

func lastServed(t *testing.T, g *gatetest.Gate) simulator.Record {
	t.Helper()
	gatetest.Until(t, func() bool { return g.Sim.Served().InFlight == 0 })
	all := g.Sim.Served().Requests
	return all[len(all)-1]
}

func wantUsage(t *testing.T, name string, got llm.Usage, served *simulator.Usage) {
	t.Helper()
	if served == nil {
		t.Fatalf("%s: the simulator told nothing", name)
	}
	if got.Provenance != reported || got.Input != int64(served.Input) || got.CachedInput != int64(served.Cached) ||
		got.Output != int64(served.Output) || got.Reasoning != int64(served.Reasoning) {
		t.Errorf("%s: usage = %+v, want what was served: %+v", name, got, *served)
	}
}

// TestUsageOfOtherOperations: embeddings are counted, counting is not.
func TestUsageOfOtherOperations(t *testing.T) {
	g := gatetest.Start(t, metered)
	r := converse(t, g, "/v1/embeddings", `{"model":"sim-1","input":["hello there","good morning"]}`)
	served := lastServed(t, g)
	wantUsage(t, "embeddings", r.entry.Usage, served.Usage)
	if r.entry.Usage.Input == 0 || r.entry.Usage.Output != 0 {
		t.Errorf("usage of embeddings = %+v, want input alone", r.entry.Usage)
	}
	r = converse(t, g, "/v1/messages/count_tokens", `{"model":"sim-1","messages":[{"role":"user","content":"hello"}]}`)
	if r.status != 200 || r.entry.Usage != (llm.Usage{Provenance: llm.UsageNone}) {
		t.Errorf("count_tokens: %d, usage %+v, want 200 and nothing used", r.status, r.entry.Usage)
	}
}

// TestUsageEstimated: where the upstream is not asked, or does not say, the
// account has an estimate that says so, and never a silent zero.
func TestUsageEstimated(t *testing.T) {
	g := gatetest.Start(t, metered)
	sources := strings.Replace(dialectCases[0].ask("sim-1", true), "{", `{"data_sources":[{"type":"azure_search"}],`, 1)
	type row struct {
		name   string
		c      dialectCase
		body   string
		header []string
	}
	rows := []row{
		{"a target without stream_usage", dialectCases[0], dialectCases[0].ask("mute-1", true), nil},
		{"a target without stream_usage", dialectCases[1], dialectCases[1].ask("mute-1", true), nil},
		{"data_sources", dialectCases[0], sources, nil},
	}
	for _, c := range dialectCases {
		for _, stream := range []bool{false, true} {
			rows = append(rows, row{"no usage", c, c.ask("sim-no-usage", stream), nil})
			rows = append(rows, row{"no usage, and much said", c, c.ask("sim-1", stream), []string{"X-Sim-No-Usage", "1", "X-Sim-Huge", "40KiB"}})
		}
	}
	for i, row := range rows {
		t.Run(fmt.Sprintf("%d %s/%s", i, row.name, row.c.name), func(t *testing.T) {
			r := converse(t, g, row.c.path, row.body, row.header...)
			wantEnd(t, row.c, r, endClean, "")
			served := lastServed(t, g)
			if strings.Contains(served.Body, "include_usage") && row.name != "no usage" && row.name != "no usage, and much said" {
				t.Errorf("the upstream was asked for its usage: %s", served.Body)
			}
			// The simulator takes four bytes for a token too, so that the two
			// must be near each other: Weir counts roles and types as well.
			full, u := served.FullUsage, r.entry.Usage
			if u.Provenance != estimated || !near(u.Input, full.Input) || !near(u.Output, full.Output) {
				t.Errorf("usage = %+v, want an estimate of %+v", u, *full)
			}
		})
	}
	for _, line := range g.Log.Lines(t, "exchange") {
		if line["usage"] != "estimated" {
			t.Errorf("log line = %v, want it marked as estimated", line)
		}
	}
}

// near reports whether an estimate is not off by more than a few tokens and a
// quarter.
func near(got int64, want int) bool {
	d := got - int64(want)
	return max(d, -d) <= 24+int64(want)/4
}

// TestPlantedUsage: what a client or a model writes is no usage, wherever it
// stands and however it looks.
func TestPlantedUsage(t *testing.T) {
	const plant = `{"usage":{"prompt_tokens":9999,"completion_tokens":9999,"total_tokens":19998,"input_tokens":9999,"output_tokens":9999},"choices":[]}`
	quoted := strings.ReplaceAll(plant, `"`, `\"`)
	whole := map[string]string{
		"chat": `{"prior":[` + plant + `],"metadata":` + plant + `,"choices":[{"index":0,"finish_reason":"stop","usage":{"prompt_tokens":9999},"message":{"role":"assistant","content":"` + quoted + `","tool_calls":[{"function":{"name":"f","arguments":"` + quoted + `"}}]}}],` +
			"\n  \"usage\" :\t{ \"prompt_tokens\" : 7 , \"completion_tokens\":5,\"details\":" + plant + "},\"z\":" + plant + "}",
		"completions": `{"choices":[{"index":0,"text":"` + quoted + `","finish_reason":"stop","x":` + plant + `}],"usage":{"completion_tokens":5,"prompt_tokens":7},"z":` + plant + `}`,
		"responses": `{"id":"resp_1","text":{"format":{"type":"json_schema","schema":` + plant + `}},"tools":[{"type":"function","parameters":` + plant + `}],"metadata":` + plant + `,"instructions":"` + quoted + `",` +
			`"output":[{"type":"function_call","arguments":"` + quoted + `","usage":{"input_tokens":9999}}],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}`,
		"messages": `{"id":"m","content":[{"type":"tool_use","input":` + plant + `},{"type":"text","text":"` + quoted + `"}],"usage":{"input_tokens":4,"cache_read_input_tokens":2,"cache_creation_input_tokens":1,"output_tokens":5,"x":` + plant + `},"container":` + plant + `}`,
	}
	events := map[string]string{
		"responses": "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"usage\":null,\"tools\":[" + plant + "],\"text\":" + plant + "}}\n\n" +
			"event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"" + quoted + "\",\"usage\":{\"input_tokens\":9999}}\n\n" +
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"usage\":{\"input_tokens\":9999,\"output_tokens\":9999},\"response\":" + whole["responses"] + "}\n\n",
		"messages": goodAnswers["/v1/messages"].events[0] +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" + quoted + "\",\"usage\":{\"output_tokens\":9999}}}\n\n" +
			strings.Join(goodAnswers["/v1/messages"].events[2:], ""),
		"chat": "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + quoted + "\"},\"usage\":{\"prompt_tokens\":9999}}],\"x\":" + plant + "}\n\n" + stream(finishEvent, usageEvent, doneEvent),
	}
	events["completions"] = events["chat"]
	up := newProvider(t, func(c *upcall) {
		c.keep = true
		for _, d := range dialectCases {
			if d.path != c.path {
				continue
			}
			if c.stream {
				c.events(events[d.name])
			} else {
				c.whole(whole[d.name])
			}
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	both(t, func(t *testing.T, c dialectCase, stream bool) {
		r := converse(t, g, c.path, c.ask("m", stream))
		wantEnd(t, c, r, endClean, "")
		if u := r.entry.Usage; u.Input != 7 || u.Output != 5 || u.Provenance != reported {
			t.Errorf("usage = %+v, want 7 in and 5 out", u)
		}
	})
	up.idle(t)
}
