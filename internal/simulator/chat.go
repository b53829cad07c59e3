package simulator

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// serveChat answers POST …/chat/completions.
func (x *exchange) serveChat() error {
	c := &chat{x: x}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	c.id, c.created = x.sim.id("chatcmpl-"), time.Now().Unix()
	c.choices, c.cost = x.answers(&c.turn)
	if c.stored {
		c.keep()
	}
	if x.streaming(c.stream) {
		c.streamed()
		return nil
	}
	return x.whole(c.whole(), c.cost)
}

// A chat is one exchange in the Chat Completions dialect.
type chat struct {
	turn
	x            *exchange
	includeUsage bool
	stored       bool // it is to be kept
	id           string
	created      int64
	choices      []answer
	cost         usage
	chunkHead    string // how every chunk begins
}

// parse reads the request.
func (c *chat) parse() error {
	var k checker
	req := c.x.req
	c.model = c.x.deployment
	if c.model == "" {
		c.model = k.needText(req, "model")
	}
	messages := k.list(req, "messages")
	if len(messages) == 0 {
		k.fail("messages", "Missing required parameter: 'messages'.")
	}
	c.messages(&k, messages)
	c.stream = k.flag(req, "stream")
	options := k.dict(req, "stream_options")
	if options != nil && !c.stream {
		k.fail("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	c.includeUsage = k.flag(options, "include_usage")
	c.stored = k.flag(req, "store")
	k.dict(req, "metadata")
	c.n = k.integer(req, "n", 1, 128, 1)
	c.max = k.integer(req, "max_tokens", 1, math.MaxInt32, 0)
	c.max = k.integer(req, "max_completion_tokens", 1, math.MaxInt32, c.max)
	k.number(req, "temperature", 2)
	k.number(req, "top_p", 1)
	k.number(req, "presence_penalty", 2)
	k.number(req, "frequency_penalty", 2)
	if k.flag(req, "logprobs") {
		k.fail("logprobs", "'logprobs' are not supported with this model.")
	}
	c.parallel = !req.get("parallel_tool_calls").exists() || k.flag(req, "parallel_tool_calls")
	c.offers(&k, k.list(req, "tools"))
	c.choose(&k, req.get("tool_choice"))
	k.offered(&c.turn, false)
	c.shapes(&k, k.dict(req, "response_format"))
	return k.err()
}

// messages reads the conversation.
func (c *chat) messages(k *checker, list []value) {
	called := make(map[string]bool)
	for i, v := range list {
		m := k.element(v, "messages", i)
		param := func(name string) string { return fmt.Sprintf("messages[%d].%s", i, name) }
		role := m.get("role").str()
		if role == "" {
			k.fail(param("role"), "Missing required parameter: '%s'.", param("role"))
		}
		k.oneOf(param("role"), role, "system developer user assistant tool function")
		content := m.get("content")
		if !content.exists() && role != "assistant" {
			k.fail(param("content"), "Missing required parameter: '%s'.", param("content"))
		}
		texts := c.content(k, content, param("content"))
		switch role {
		case "user":
			for _, text := range texts {
				c.say(text)
			}
			continue
		case "tool":
			id := m.get("tool_call_id").str()
			if id == "" {
				k.fail(param("tool_call_id"), "Missing required parameter: '%s'.", param("tool_call_id"))
			}
			if c.x.sim.options.Strict && !called[id] {
				k.fail(param("role"), "Messages with role 'tool' must follow a message with the 'tool_calls' they answer: '%s'.", id)
			}
			c.hear(joined(texts))
			continue
		}
		for _, text := range texts {
			c.size += len(text)
		}
		for _, call := range m.get("tool_calls").elems() {
			o := call.object()
			called[o.get("id").str()] = true
			c.size += len(o.get("function").object().get("arguments").str()) + len(o.get("custom").object().get("input").str())
		}
	}
}

// content returns the texts of a message's content: a string, parts or null.
func (c *chat) content(k *checker, v value, param string) []string {
	switch {
	case v.isString():
		return []string{v.str()}
	case v.isArray():
		return k.parts(v, param)
	case v.exists():
		k.fail(param, "Invalid type for '%s': expected a string or an array, but got %s.", param, v.kind())
	}
	return nil
}

// offers reads the tools.
func (c *chat) offers(k *checker, list []value) {
	for i, v := range list {
		o := k.element(v, "tools", i)
		kind := o.get("type").str()
		k.oneOf(fmt.Sprintf("tools[%d].type", i), kind, "function custom")
		def := o.get(kind).object()
		name := def.get("name").str()
		if name == "" {
			k.fail(fmt.Sprintf("tools[%d].%s.name", i, kind), "Missing required parameter: 'tools[%d].%s.name'.", i, kind)
		}
		c.tools = append(c.tools, tool{name: name, custom: kind == "custom", schema: def.get("parameters")})
	}
}

// choose reads the tool choice.
func (c *chat) choose(k *checker, v value) {
	switch {
	case !v.exists():
		return
	case v.isString():
		k.oneOf("tool_choice", v.str(), "none auto required")
		c.choice.none, c.choice.required = v.str() == "none", v.str() == "required"
	case v.isObject():
		kind := v.object().get("type").str()
		if kind == "allowed_tools" {
			c.choice.required = v.object().get(kind).object().get("mode").str() == "required"
			break
		}
		c.choice.required = true
		if c.choice.name = v.object().get(kind).object().get("name").str(); c.choice.name == "" {
			k.fail("tool_choice", "Missing required parameter: 'tool_choice.%s.name'.", kind)
		}
	default:
		k.fail("tool_choice", "Invalid type for 'tool_choice': expected a string or an object, but got %s.", v.kind())
	}
}

// shapes reads the response format.
func (c *chat) shapes(k *checker, format object) {
	if format == nil {
		return
	}
	kind := format.get("type").str()
	k.oneOf("response_format.type", kind, "text json_object json_schema")
	def := format.get("json_schema").object()
	c.demand(k, kind, "response_format.json_schema", def)
}

// demand sets the format of the answer; def holds name and schema.
func (t *turn) demand(k *checker, kind, param string, def object) {
	switch kind {
	case "json_object":
		t.format = value(`{"type":"object"}`)
	case "json_schema":
		if def.get("name").str() == "" {
			k.fail(param+".name", "Missing required parameter: '%s.name'.", param)
		}
		if t.format = def.get("schema"); !t.format.isObject() {
			k.fail(param+".schema", "Missing required parameter: '%s.schema'.", param)
		}
	}
}

// finishReason says how a choice ended.
func (a *answer) finishReason() string {
	switch {
	case a.cut:
		return "length"
	case len(a.calls) > 0:
		return "tool_calls"
	}
	return "stop"
}

// whole returns the answer in one object.
func (c *chat) whole() []byte {
	b := c.head(nil, "chat.completion")
	b = append(b, `"choices":[`...)
	for i := range c.choices {
		a := &c.choices[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"index":`...), strconv.Itoa(i)...)
		b = c.message(append(b, `,"message":`...), i)
		b = appendString(append(b, `,"logprobs":null,"finish_reason":`...), a.finishReason())
		if c.x.shape == shapeAzure {
			b = append(append(b, `,"content_filter_results":`...), harmless...)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if c.x.shape == shapeAzure {
		b = append(append(b, `,"prompt_filter_results":`...), promptFilter...)
	}
	if !c.x.m.noUsage {
		b = c.cost.appendChat(append(b, `,"usage":`...))
	}
	return append(b, '}')
}

// head begins an object of the given kind with what all of them carry.
func (c *chat) head(b []byte, kind string) []byte {
	b = appendString(append(b, `{"id":`...), c.id)
	b = appendString(append(b, `,"object":`...), kind)
	b = strconv.AppendInt(append(b, `,"created":`...), c.created, 10)
	b = appendString(append(b, `,"model":`...), c.model)
	return append(b, `,"service_tier":"default","system_fingerprint":"fp_sim",`...)
}

// message appends what choice n says.
func (c *chat) message(b []byte, n int) []byte {
	a := &c.choices[n]
	b = append(b, `{"role":"assistant","content":`...)
	if len(a.calls) > 0 {
		b = append(b, "null"...)
	} else {
		b = appendString(b, a.text)
	}
	b = append(b, `,"refusal":null,"annotations":[]`...)
	if a.reasoning != "" {
		b = appendString(append(b, `,"reasoning_content":`...), a.reasoning)
	}
	for i, call := range a.calls {
		b = append(b, openComma(i, `,"tool_calls":[`)...)
		b = c.call(append(b, '{'), call, c.callID(n, i), call.input)
	}
	if len(a.calls) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// callID returns the id of call n of a choice, whole and streamed.
func (c *chat) callID(choice, n int) string {
	return fmt.Sprintf("call_%s%02x%02x", strings.TrimPrefix(c.id, "chatcmpl-"), choice, n)
}

// openComma returns open before the first element of a list and a comma before
// the others.
func openComma(i int, open string) string {
	if i == 0 {
		return open
	}
	return ","
}

// call appends the members of a tool call and closes its object.
func (c *chat) call(b []byte, call call, id, input string) []byte {
	b = appendString(append(b, `"id":`...), id)
	kind, content := "function", "arguments"
	if call.tool.custom {
		kind, content = "custom", "input"
	}
	b = append(append(append(b, `,"type":"`...), kind...), `","`...)
	b = appendString(append(append(b, kind...), `":{"name":`...), call.tool.name)
	b = append(append(append(b, `,"`...), content...), `":`...)
	return append(appendString(b, input), `}}`...)
}

// appendChat appends u in the form of Chat Completions.
func (u usage) appendChat(b []byte) []byte {
	return fmt.Appendf(b, `{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,`+
		`"prompt_tokens_details":{"cached_tokens":%d,"audio_tokens":0},`+
		`"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
		u.input, u.output, u.input+u.output, u.cached, u.reasoning)
}

// What Azure adds to every answer: that nothing was filtered.
const (
	harmless = `{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},` +
		`"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`
	promptFilter = `[{"prompt_index":0,"content_filter_results":` + harmless + `}]`
)
