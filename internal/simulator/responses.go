package simulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// serveResponses answers POST …/responses.
func (x *exchange) serveResponses() error {
	c := &response{x: x, request: x.req}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	if x.m.azureItems {
		if err := c.checkItems(); err != nil {
			return err
		}
	}
	c.id, c.created = x.sim.id("resp_"), time.Now().Unix()
	c.finished = c.created
	list, cost := x.answers(&c.turn)
	c.answer, c.cost = &list[0], cost
	stream := x.streaming(c.stream)
	if c.background && !stream {
		c.state, c.polls = "queued", x.m.polls
	}
	if c.stored {
		c.keep()
	}
	switch {
	case stream:
		c.streamed()
		x.used(c.cost, !x.m.noUsage)
	case c.state != "":
		x.writeWhole(x.success(), "application/json", indent(c.object(nil, c.state, false)))
		x.used(c.cost, false)
	default:
		c.compose()
		return x.whole(c.object(nil, c.status(), true), c.cost)
	}
	return nil
}

// A response is one exchange in the Responses dialect.
type response struct {
	turn
	x       *exchange
	request object
	counts  bool // it is asked how large it is, not for an answer
	sealed  bool // the client wants encrypted reasoning
	stored  bool // it is to be kept

	background bool
	state      string // queued, in_progress or cancelled; "" once it is finished
	polls      int    // how often it is in progress before it is finished

	id       string
	created  int64
	finished int64
	answer   *answer
	cost     usage
	items    [][]byte // finished output items
	ids      int      // ids of items given

	echo struct{ head, tail []byte } // settings around output, the same in every object
	seq  int
	from int  // the first event that is sent
	open bool // the items are to be sent as events
}

func (c *response) req(name string) value { return c.request.get(name) }

// itemID returns a new id for an item. The same response has the same ids
// however often it is composed.
func (c *response) itemID(prefix string) string {
	c.ids++
	return fmt.Sprintf("%s%s%02x", prefix, strings.TrimPrefix(c.id, "resp_"), c.ids)
}

// parse reads the request.
func (c *response) parse() error {
	var k checker
	req := c.request
	c.n = 1
	if c.model = k.text(req, "model"); c.model == "" && !c.counts {
		k.needText(req, "model")
	}
	c.stream = k.flag(req, "stream")
	c.size += len(k.text(req, "instructions"))
	previous := k.text(req, "previous_response_id")
	if previous != "" {
		size, ok := c.x.sim.sizes.get(previous)
		if !ok {
			k.failCode("previous_response_not_found", "previous_response_id", "Previous response with id '%s' not found.", previous)
		}
		c.size += size
	}
	c.input(&k, previous != "" || c.counts)
	c.max = k.integer(req, "max_output_tokens", 1, math.MaxInt32, 0)
	k.number(req, "temperature", 2)
	k.number(req, "top_p", 1)
	c.stored = !req.get("store").exists() || k.flag(req, "store")
	if c.background = k.flag(req, "background"); c.background && !c.stored {
		k.fail("background", "'background' needs 'store' to be true.")
	}
	k.dict(req, "metadata")
	k.dict(req, "reasoning")
	k.dict(req, "stream_options")
	c.parallel = !req.get("parallel_tool_calls").exists() || k.flag(req, "parallel_tool_calls")
	for _, v := range k.list(req, "include") {
		c.sealed = c.sealed || v.str() == "reasoning.encrypted_content"
	}
	c.offers(&k, k.list(req, "tools"), "tools", "")
	c.choose(&k, req.get("tool_choice"))
	k.offered(&c.turn, len(req.get("tools").elems()) > 0)
	if format := k.dict(k.dict(req, "text"), "format"); format != nil {
		kind := format.get("type").str()
		k.oneOf("text.format.type", kind, "text json_object json_schema")
		c.demand(&k, kind, "text.format", format)
	}
	return k.err()
}

// input reads the conversation.
func (c *response) input(k *checker, continued bool) {
	v := c.req("input")
	switch {
	case v.isString():
		c.say(v.str())
		return
	case v.isArray():
	case v.exists():
		k.fail("input", "Invalid type for 'input': expected a string or an array, but got %s.", v.kind())
	default:
		if !continued && !c.req("prompt").exists() && !c.req("conversation").exists() {
			k.fail("input", "Missing required parameter: 'input'.")
		}
	}
	called := make(map[string]bool)
	for i, e := range v.elems() {
		item := k.element(e, "input", i)
		kind := item.get("type").str()
		if kind == "" && item.get("role").isString() {
			kind = "message"
		}
		switch kind {
		case "":
			k.fail(fmt.Sprintf("input[%d].type", i), "Missing required parameter: 'input[%d].type'.", i)
		case "message":
			c.message(k, item, i)
		case "additional_tools":
			c.offers(k, k.list(item, "tools"), fmt.Sprintf("input[%d].tools", i), "")
		case "reasoning", "compaction":
			c.reasoning(k, item, i)
		case "item_reference":
			continued = true // what it stands for is not known here
		case "function_call", "custom_tool_call":
			called[k.needText(item, "call_id")] = true
			k.needText(item, "name")
			c.size += len(item.get("arguments").str()) + len(item.get("input").str())
		case "function_call_output", "custom_tool_call_output":
			id := k.needText(item, "call_id")
			if c.x.sim.options.Strict && !continued && !called[id] {
				k.fail("input", "No tool call found for %s with call_id %s.", strings.ReplaceAll(kind, "_", " "), id)
			}
			c.hear(joined(c.content(k, item.get("output"), fmt.Sprintf("input[%d].output", i))))
		}
	}
}

// message reads a message item.
func (c *response) message(k *checker, item object, i int) {
	role := item.get("role").str()
	k.oneOf(fmt.Sprintf("input[%d].role", i), role, "system developer user assistant")
	for _, text := range c.content(k, item.get("content"), fmt.Sprintf("input[%d].content", i)) {
		if role == "user" {
			c.say(text)
		} else {
			c.size += len(text)
		}
	}
}

// content returns the texts of a content: a string or parts.
func (c *response) content(k *checker, v value, param string) []string {
	switch {
	case v.isString():
		return []string{v.str()}
	case v.isArray():
		return k.parts(v, param)
	}
	k.fail(param, "Invalid type for '%s': expected a string or an array, but got %s.", param, v.kind())
	return nil
}

// reasoning checks that what an item has sealed is the simulator's own.
func (c *response) reasoning(k *checker, item object, i int) {
	sealed := item.get("encrypted_content").str()
	if sealed == "" || c.x.sim.opens(sealed) || !c.x.sim.options.Strict {
		return
	}
	k.failCode("invalid_encrypted_content", "input", "The encrypted content of input[%d] could not be verified.", i)
}

// offers reads tools. Those that the server itself would run are offered to no
// prompt.
func (c *response) offers(k *checker, list []value, param, namespace string) {
	for i, v := range list {
		o := k.element(v, param, i)
		kind, name := o.get("type").str(), o.get("name").str()
		at := fmt.Sprintf("%s[%d]", param, i)
		switch kind {
		case "":
			k.fail(at+".type", "Missing required parameter: '%s.type'.", at)
		case "function", "custom", "namespace":
			if name == "" {
				k.fail(at+".name", "Missing required parameter: '%s.name'.", at)
			}
		}
		switch kind {
		case "function", "custom":
			c.tools = append(c.tools, tool{name: name, namespace: namespace, custom: kind == "custom", schema: o.get("parameters")})
		case "namespace":
			c.offers(k, k.list(o, "tools"), at+".tools", name)
		}
	}
}

// choose reads the tool choice.
func (c *response) choose(k *checker, v value) {
	o := v.object()
	switch {
	case !v.exists():
		return
	case v.isString():
		k.oneOf("tool_choice", v.str(), "none auto required")
		c.choice.none, c.choice.required = v.str() == "none", v.str() == "required"
	case o == nil:
		k.fail("tool_choice", "Invalid type for 'tool_choice': expected a string or an object, but got %s.", v.kind())
	case o.get("type").str() == "allowed_tools":
		c.choice.required = o.get("mode").str() == "required"
	default:
		// Other types are tools that the server runs; none of them is here.
		c.choice.name = o.get("name").str()
		c.choice.required = c.choice.name != ""
	}
}

// joined puts the texts of one tool output together.
func joined(texts []string) string { return strings.Join(texts, "\n") }

// status is how the answer ends.
func (c *response) status() string {
	if c.answer.cut {
		return "incomplete"
	}
	return "completed"
}

// object appends the response object in the given status. The final one has
// usage.
func (c *response) object(b []byte, status string, final bool) []byte {
	if c.echo.head == nil {
		c.echo.head, c.echo.tail = c.settings()
	}
	b = append(b, c.echo.head...)
	b = appendString(append(b, `,"status":`...), status)
	b = append(b, `,"completed_at":`...)
	if status == "completed" {
		b = fmt.Appendf(b, "%d", c.finished)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"incomplete_details":`...)
	if status == "incomplete" {
		b = append(b, `{"reason":"max_output_tokens"}`...)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"error":`...)
	if status == "failed" {
		f := c.x.streamFault()
		b = appendString(append(b, `{"code":`...), f.code)
		b = append(appendString(append(b, `,"message":`...), f.message), '}')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"output":[`...)
	for i, item := range c.items {
		b = append(append(b, openComma(i, "")...), item...)
	}
	b = append(append(b, ']'), c.echo.tail...)
	b = append(b, `,"usage":`...)
	if final && !c.x.m.noUsage {
		b = c.cost.appendResponses(b)
	} else {
		b = append(b, "null"...)
	}
	return append(b, '}')
}

// settings returns what the object repeats of the request, before and after
// its output.
func (c *response) settings() (head, tail []byte) {
	head = appendString([]byte(`{"id":`), c.id)
	head = fmt.Appendf(head, `,"object":"response","created_at":%d`, c.created)
	head = appendString(append(head, `,"model":`...), c.model)

	put := func(name, def string) {
		tail = append(append(append(tail, `,"`...), name...), `":`...)
		tail = append(tail, c.req(name).or(def).compact()...)
	}
	put("background", "false")
	put("frequency_penalty", "0.0")
	put("instructions", "null")
	put("max_output_tokens", "null")
	put("max_tool_calls", "null")
	put("metadata", "{}")
	put("parallel_tool_calls", "true")
	put("presence_penalty", "0.0")
	put("previous_response_id", "null")
	put("prompt_cache_key", "null")
	tail = append(append(tail, `,"reasoning":`...), withDefaults(c.req("reasoning"), "effort", "null", "summary", "null")...)
	put("safety_identifier", "null")
	tail = append(tail, `,"service_tier":"default"`...)
	put("store", "true")
	put("temperature", "1.0")
	tail = append(append(tail, `,"text":`...), c.textEcho()...)
	put("tool_choice", `"auto"`)
	tail = append(append(tail, `,"tools":`...), c.toolsEcho()...)
	put("top_logprobs", "0")
	put("top_p", "1.0")
	put("truncation", `"disabled"`)
	if c.req("user").exists() {
		put("user", "")
	}
	return head, tail
}

// textEcho returns the settings of the text, with what they are if not said.
func (c *response) textEcho() []byte {
	b := []byte{'{'}
	for _, m := range c.req("text").object() {
		if m.name == "format" || m.name == "verbosity" {
			continue
		}
		b = append(append(appendString(b, m.name), ':'), m.value.compact()...)
		b = append(b, ',')
	}
	text := c.req("text").object()
	format := []byte(text.get("format").or(`{"type":"text"}`).compact())
	if text.get("format").object().get("type").str() == "json_schema" {
		format = withDefaults(format, "strict", "false")
	}
	b = append(append(b, `"format":`...), format...)
	b = append(append(b, `,"verbosity":`...), text.get("verbosity").or(`"medium"`)...)
	return append(b, '}')
}

// toolsEcho returns the tools with the members that every function tool of an
// answer has.
func (c *response) toolsEcho() []byte {
	b := []byte{'['}
	for i, v := range c.req("tools").elems() {
		b = append(b, openComma(i, "")...)
		if v.object().get("type").str() == "function" {
			b = append(b, withDefaults(v, "description", "null", "parameters", "null", "strict", "true")...)
		} else {
			b = append(b, v.compact()...)
		}
	}
	return append(b, ']')
}

// withDefaults returns the object v, which may be absent, with members added
// that it lacks; pairs are names and JSON texts.
func withDefaults(v value, pairs ...string) []byte {
	b := slices.Clone(v.or("{}").compact())
	have := b.object()
	b = b[:len(b)-1]
	for pair := range slices.Chunk(pairs, 2) {
		if len(have.get(pair[0])) > 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(appendString(b, pair[0]), ':'), pair[1]...)
	}
	return append(b, '}')
}

// appendResponses appends u in the form of Responses.
func (u usage) appendResponses(b []byte) []byte {
	return fmt.Appendf(b, `{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":0},`+
		`"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}`,
		u.input, u.cached, u.output, u.reasoning, u.input+u.output)
}
