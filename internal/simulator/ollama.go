package simulator

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const ndjson = "application/x-ndjson"

// serveOllamaChat answers POST /api/chat, Ollama's own dialect. It streams
// unless told not to.
func (x *exchange) serveOllamaChat() error {
	c := &ollama{chat: chat{x: x}}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	list, cost := x.answers(&c.turn)
	c.answer, c.cost = &list[0], cost
	if x.streaming(c.stream) {
		c.streamed()
		return nil
	}
	x.writeWhole(x.success(), "application/json", append(c.last(c.message(c.line(nil), c.answer.text, c.answer.reasoning, c.answer.calls)), '\n'))
	x.used(c.cost, !x.m.noUsage)
	return nil
}

// An ollama is one exchange in Ollama's native dialect.
type ollama struct {
	chat
	answer *answer
}

// parse reads the request.
func (c *ollama) parse() error {
	var k checker
	req := c.x.req
	c.n, c.parallel, c.stream = 1, true, true
	c.model = k.needText(req, "model")
	if req.get("stream").exists() {
		c.stream = k.flag(req, "stream")
	}
	for i, v := range k.list(req, "messages") {
		m := k.element(v, "messages", i)
		role, content := m.get("role").str(), m.get("content")
		k.oneOf("role", role, "system user assistant tool")
		if content.exists() && !content.isString() {
			k.fail("content", "content must be a string, not %s", content.kind())
		}
		switch role {
		case "user":
			c.say(content.str())
		case "tool":
			c.hear(content.str())
		default:
			c.size += len(content.str())
		}
		for _, call := range k.list(m, "tool_calls") {
			arguments := call.object().get("function").object().get("arguments")
			if !arguments.isObject() {
				k.fail("arguments", "invalid tool call arguments: want an object, not %s", arguments.kind())
			}
			c.size += len(arguments.compact())
		}
	}
	c.offers(&k, k.list(req, "tools"))
	k.offered(&c.turn, false)
	options := k.dict(req, "options")
	if c.max = k.integer(options, "num_predict", -2, math.MaxInt32, 0); c.max < 0 {
		c.max = 0
	}
	switch format := req.get("format"); {
	case format.isObject():
		c.format = format
	case format.str() == "json":
		c.format = value(`{"type":"object"}`)
	case format.str() != "":
		k.fail("format", "invalid format: %s", format)
	}
	return k.err()
}

// line begins one line of the answer.
func (c *ollama) line(b []byte) []byte {
	b = appendString(append(b, `{"model":`...), c.model)
	return fmt.Appendf(b, `,"created_at":"%s"`, time.Now().UTC().Format(time.RFC3339Nano))
}

// message appends the message of one line.
func (c *ollama) message(b []byte, text, thinking string, calls []call) []byte {
	b = appendString(append(b, `,"message":{"role":"assistant","content":`...), text)
	if thinking != "" {
		b = appendString(append(b, `,"thinking":`...), thinking)
	}
	for i, call := range calls {
		input := call.input
		if !isJSONObject(input) {
			input = `{"input":` + quote(input) + `}`
		}
		b = append(b, openComma(i, `,"tool_calls":[`)...)
		b = appendString(append(b, `{"id":`...), c.x.sim.id("call_"))
		b = fmt.Appendf(b, `,"function":{"index":%d,"name":%s,"arguments":%s}}`, i, quote(call.tool.name), strings.TrimSpace(input))
	}
	if len(calls) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// last ends the line that ends the answer.
func (c *ollama) last(b []byte) []byte {
	reason := "stop"
	if c.answer.cut {
		reason = "length"
	}
	b = fmt.Appendf(b, `,"done":true,"done_reason":"%s","total_duration":1000000,"load_duration":100000`, reason)
	if !c.x.m.noUsage {
		b = fmt.Appendf(b, `,"prompt_eval_count":%d,"prompt_eval_duration":100000,"eval_count":%d,"eval_duration":800000`, c.cost.input, c.cost.output)
	}
	return append(b, '}')
}

// streamed sends the answer as lines.
func (c *ollama) streamed() {
	x := c.x
	x.lines = true
	x.open(ndjson, func() {
		x.event(append(appendString(x.fresh(`{"error":`), x.streamFault().message), '}'))
	})
	for cut := c.answer.cutter(c.answer.reasoning); ; {
		piece, ok := cut.next()
		if !ok || x.over {
			break
		}
		x.delta(append(c.message(c.line(x.fresh("")), "", piece, nil), `,"done":false}`...))
	}
	for cut := c.answer.textCutter(); ; {
		piece, ok := cut.next()
		if !ok || x.over {
			break
		}
		x.delta(append(c.message(c.line(x.fresh("")), piece, "", nil), `,"done":false}`...))
	}
	if len(c.answer.calls) > 0 {
		x.delta(append(c.message(c.line(x.fresh("")), "", "", c.answer.calls), `,"done":false}`...))
	}
	x.event(c.last(c.message(c.line(x.fresh("")), "", "", nil)))
	x.used(c.cost, !x.m.noUsage)
}

// servePull answers POST /api/pull: everything is already there.
func (x *exchange) servePull() error {
	if ok, err := x.ready(x.req.get("model").str()+x.req.get("name").str(), true); !ok {
		return err
	}
	if stream := x.req.get("stream"); stream.isBool() && !stream.isTrue() {
		x.writeWhole(x.success(), "application/json", []byte(`{"status":"success"}`+"\n"))
		return nil
	}
	x.lines = true
	x.open(ndjson, func() {
		x.event(append(appendString(x.fresh(`{"error":`), x.streamFault().message), '}'))
	})
	for _, status := range []string{"pulling manifest", "success"} {
		x.event(append(appendString(x.fresh(`{"status":`), status), '}'))
	}
	return nil
}
