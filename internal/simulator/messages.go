package simulator

import (
	"fmt"
	"math"
)

// serveMessages answers POST …/v1/messages.
func (x *exchange) serveMessages() error {
	c := &message{x: x}
	if err := c.parse(true); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	c.id = x.sim.id("msg_")
	list, cost := x.answers(&c.turn)
	c.answer, c.cost = &list[0], cost
	if x.streaming(c.stream) {
		c.streamed()
		return nil
	}
	return x.whole(c.whole(), c.cost)
}

// serveCountTokens answers POST …/v1/messages/count_tokens.
func (x *exchange) serveCountTokens() error {
	c := &message{x: x}
	if err := c.parse(false); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, false); !ok {
		return err
	}
	x.writeWhole(x.success(), "application/json", fmt.Appendf(nil, "{\"input_tokens\":%d}\n", tokens(c.size)))
	return nil
}

// A message is one exchange in the Messages dialect.
type message struct {
	turn
	x      *exchange
	id     string
	answer *answer
	cost   usage
}

// parse reads the request; answered is whether an answer is wanted or only its
// price.
func (c *message) parse(answered bool) error {
	var k checker
	req := c.x.req
	c.n, c.parallel = 1, true
	c.model = k.needText(req, "model")
	if answered {
		if c.max = k.integer(req, "max_tokens", 1, math.MaxInt32, 0); c.max == 0 {
			k.fail("max_tokens", "Field required")
		}
	}
	c.stream = k.flag(req, "stream")
	k.number(req, "temperature", 1)
	k.number(req, "top_p", 1)
	k.dict(req, "thinking")
	k.dict(req, "metadata")
	for _, text := range c.content(&k, req.get("system"), "system") {
		c.size += len(text)
	}
	list := k.list(req, "messages")
	if len(list) == 0 {
		k.fail("messages", "at least one message is required")
	}
	c.messages(&k, list)
	c.offers(&k, k.list(req, "tools"))
	c.choose(&k, k.dict(req, "tool_choice"))
	k.offered(&c.turn, len(req.get("tools").elems()) > 0)
	if format := k.dict(k.dict(req, "output_config"), "format"); format != nil {
		k.oneOf("output_config.format.type", format.get("type").str(), "json_schema")
		c.format = format.get("schema")
	}
	return k.err()
}

// messages reads the conversation.
func (c *message) messages(k *checker, list []value) {
	called := make(map[string]bool)
	for i, v := range list {
		m := k.element(v, "messages", i)
		role := m.get("role").str()
		k.oneOf(fmt.Sprintf("messages.%d.role", i), role, "user assistant system")
		param := fmt.Sprintf("messages.%d.content", i)
		content := m.get("content")
		if !content.exists() {
			k.fail(param, "Field required")
		}
		if content.isString() {
			c.take(role, content.str())
			continue
		}
		for j, e := range content.elems() {
			c.block(k, e.object(), fmt.Sprintf("%s.%d", param, j), role, called)
		}
	}
}

func (c *message) take(role, text string) {
	if role == "user" {
		c.say(text)
	} else {
		c.size += len(text)
	}
}

// block reads one content block.
func (c *message) block(k *checker, b object, param, role string, called map[string]bool) {
	switch kind := b.get("type").str(); kind {
	case "":
		k.fail(param+".type", "Field required")
	case "text":
		if !b.get("text").isString() {
			k.fail(param+".text", "Field required")
		}
		c.take(role, b.get("text").str())
	case "tool_use":
		called[k.needText(b, "id")] = true
		k.needText(b, "name")
		if !b.get("input").isObject() {
			k.fail(param+".input", "Input should be an object")
		}
		c.size += len(b.get("input").compact())
	case "tool_result":
		id := k.needText(b, "tool_use_id")
		if c.x.sim.options.Strict && !called[id] {
			k.fail(param, "unexpected tool_use_id found in tool_result blocks: %s", id)
		}
		c.hear(joined(c.content(k, b.get("content"), param+".content")))
	case "thinking":
		if c.x.sim.options.Strict && !c.x.sim.opens(b.get("signature").str()) {
			k.fail(param, "Invalid signature in thinking block")
		}
	}
}

// content returns the texts of a content: a string, blocks, or nothing.
func (c *message) content(k *checker, v value, param string) []string {
	switch {
	case v.isString():
		return []string{v.str()}
	case v.isArray():
		return k.parts(v, param)
	case v.exists():
		k.fail(param, "Input should be a string or a list of blocks")
	}
	return nil
}

// offers reads the tools; those with another type than custom are the
// server's.
func (c *message) offers(k *checker, list []value) {
	for i, v := range list {
		o := k.element(v, "tools", i)
		if kind := o.get("type").str(); kind != "" && kind != "custom" {
			continue
		}
		name, schema := o.get("name").str(), o.get("input_schema")
		if name == "" {
			k.fail(fmt.Sprintf("tools.%d.name", i), "Field required")
		}
		if !schema.isObject() {
			k.fail(fmt.Sprintf("tools.%d.input_schema", i), "Field required")
		}
		c.tools = append(c.tools, tool{name: name, schema: schema})
	}
}

// choose reads the tool choice.
func (c *message) choose(k *checker, o object) {
	if o == nil {
		return
	}
	kind := o.get("type").str()
	k.oneOf("tool_choice.type", kind, "auto any tool none")
	c.choice.none = kind == "none"
	c.choice.required = kind == "any" || kind == "tool"
	if kind == "tool" {
		c.choice.name = k.needText(o, "name")
	}
	c.parallel = !k.flag(o, "disable_parallel_tool_use")
}

// stopReason says how the answer ended.
func (c *message) stopReason() string {
	switch {
	case c.answer.cut:
		return "max_tokens"
	case len(c.answer.calls) > 0:
		return "tool_use"
	}
	return "end_turn"
}

// head appends the message object up to its content.
func (c *message) head(b []byte) []byte {
	b = appendString(append(b, `{"id":`...), c.id)
	b = appendString(append(b, `,"type":"message","role":"assistant","model":`...), c.model)
	return append(b, `,"content":[`...)
}

// whole returns the answer in one object.
func (c *message) whole() []byte {
	b := c.head(nil)
	i := 0
	for block := range c.blocks() {
		b = append(b, openComma(i, "")...)
		b = block.appendWhole(b)
		i++
	}
	b = appendString(append(b, `],"stop_reason":`...), c.stopReason())
	b = append(b, `,"stop_sequence":null`...)
	if !c.x.m.noUsage {
		b = c.cost.appendMessages(append(b, `,"usage":`...), c.cost.output)
	}
	return append(b, '}')
}

// appendMessages appends u in the form of Messages, where input does not
// include what was cached, with the output so far.
func (u usage) appendMessages(b []byte, output int) []byte {
	return fmt.Appendf(b, `{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":%d,"output_tokens":%d,"service_tier":"standard"}`,
		u.input-u.cached, u.cached, output)
}
