package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// keep remembers the response for those who ask for it later.
func (c *response) keep() {
	sim := c.x.sim
	sim.sizes.put(c.id, c.size+4*(c.cost.output-c.cost.reasoning), 0)
	kept := *c
	kept.x = nil
	size := 4<<10 + 2*len(c.x.body) + len(c.answer.reasoning) + len(c.answer.text)
	sim.responses.put(c.id, kept, size)
}

// stored returns a response that was kept. One that runs in the background is
// finished by being looked at, if look says that it is, though not at once if
// the client that made it wanted to wait.
func (x *exchange) stored(look bool) (*response, error) {
	c, ok := x.sim.responses.change(x.object, func(c *response) {
		switch {
		case !look || c.state != "queued" && c.state != "in_progress":
		case c.polls > 0:
			c.polls, c.state = c.polls-1, "in_progress"
		default:
			c.state, c.finished = "", time.Now().Unix()
		}
	})
	if !ok {
		return nil, &fault{status: http.StatusNotFound, message: fmt.Sprintf("Response with id '%s' not found.", x.object)}
	}
	c.x = x
	return &c, nil
}

// show answers with the whole response.
func (c *response) show() {
	status := c.state
	if status == "" {
		status = c.status()
		c.compose()
	}
	c.x.writeWhole(c.x.success(), "application/json", indent(c.object(nil, status, c.state == "")))
}

// serveResponse answers GET and DELETE …/responses/{id}.
func (x *exchange) serveResponse() error {
	if x.r.Method == http.MethodDelete {
		return x.deleteResponse()
	}
	var k checker
	query := x.r.URL.Query()
	stream := k.queryFlag(query.Get("stream"), "stream")
	from := 0
	if s := query.Get("starting_after"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			k.fail("starting_after", "Invalid 'starting_after': '%s' is not the number of an event.", s)
		}
		if !stream {
			k.fail("starting_after", "The 'starting_after' parameter is only allowed when 'stream' is enabled.")
		}
		from = n + 1
	}
	if err := k.err(); err != nil {
		return err
	}
	c, err := x.stored(true)
	if err != nil {
		return err
	}
	if stream && c.state != "" {
		return invalid("stream", fmt.Sprintf("Response with id '%s' is %s and cannot be streamed.", x.object, c.state))
	}
	if ok, err := x.ready("", stream); !ok {
		return err
	}
	if stream {
		c.from = from
		c.streamed()
	} else {
		c.show()
	}
	return nil
}

// queryFlag reads a flag of the query.
func (c *checker) queryFlag(text, name string) bool {
	if text == "" {
		return false
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		c.fail(name, "Invalid '%s': '%s' is neither true nor false.", name, text)
	}
	return on
}

func (x *exchange) deleteResponse() error {
	if _, err := x.stored(false); err != nil {
		return err
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	x.sim.responses.remove(x.object)
	x.sim.sizes.remove(x.object)
	return x.deleted("response")
}

// deleted answers that an object is gone.
func (x *exchange) deleted(kind string) error {
	b := appendString([]byte(`{"id":`), x.object)
	x.writeWhole(x.success(), "application/json", indent(fmt.Appendf(b, `,"object":%q,"deleted":true}`, kind)))
	return nil
}

// serveCancel answers POST …/responses/{id}/cancel. To cancel once more, or what
// is finished, changes nothing.
func (x *exchange) serveCancel() error {
	c, err := x.stored(false)
	if err != nil {
		return err
	}
	if !c.background {
		return invalid("", "Only a response that was created with 'background' set to true can be cancelled.")
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	x.sim.responses.change(x.object, func(c *response) {
		if c.state != "" {
			c.state = "cancelled"
		}
	})
	if c, err = x.stored(false); err != nil {
		return err // deleted meanwhile
	}
	c.show()
	return nil
}

// serveInputItems answers GET …/responses/{id}/input_items.
func (x *exchange) serveInputItems() error {
	var k checker
	page := k.page(x.r.URL.Query(), "desc", 20, 100)
	c, err := x.stored(false)
	if err != nil {
		return err
	}
	ids, items := c.inputItems()
	return x.answerList(&k, page, ids, items)
}

// inputItems returns the items of the request, each with an id, and texts as
// parts.
func (c *response) inputItems() (ids []string, items [][]byte) {
	c.ids = 0x1000 // behind those of the output
	input := c.req("input")
	if input.isString() {
		id := c.itemID("msg_")
		text := fmt.Appendf(nil, `{"id":%s,"type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":%s}]}`, quote(id), input)
		return []string{id}, [][]byte{text}
	}
	for _, v := range input.elems() {
		o := v.object()
		kind := o.get("type").str()
		if kind == "" {
			kind = "message"
		}
		id := o.get("id").str()
		if id == "" {
			id = c.itemID(itemPrefix(kind))
		}
		item := withDefaults(v, "id", quote(id), "type", quote(kind), "status", `"completed"`)
		if o.get("content").isString() {
			item = withParts(item, o)
		}
		ids, items = append(ids, id), append(items, item)
	}
	return ids, items
}

// itemPrefix begins the ids of a kind of items.
func itemPrefix(kind string) string {
	switch kind {
	case "message":
		return "msg_"
	case "function_call":
		return "fc_"
	case "custom_tool_call":
		return "ctc_"
	case "reasoning":
		return "rs_"
	}
	return "item_"
}

// withParts returns the message with its text as a part.
func withParts(item value, o object) []byte {
	part := `{"type":"input_text","text":` + string(o.get("content")) + `}`
	if o.get("role").str() == "assistant" {
		part = `{"type":"output_text","text":` + string(o.get("content")) + `,"annotations":[],"logprobs":[]}`
	}
	b := []byte{'{'}
	for i, m := range item.object() {
		b = append(appendString(append(b, openComma(i, "")...), m.name), ':')
		if m.name == "content" {
			b = append(append(append(b, '['), part...), ']')
		} else {
			b = append(b, m.value...)
		}
	}
	return append(b, '}')
}

// serveInputTokens answers POST …/responses/input_tokens: what the input of
// such a response would cost.
func (x *exchange) serveInputTokens() error {
	c := &response{x: x, request: x.req, counts: true}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, false); !ok {
		return err
	}
	x.writeWhole(x.success(), "application/json", indent(fmt.Appendf(nil, `{"object":"response.input_tokens","input_tokens":%d}`, tokens(c.size))))
	return nil
}

// serveCompact answers POST …/responses/compact: the last user text as it is,
// and the beginning of it once more, sealed, in the place of everything else.
func (x *exchange) serveCompact() error {
	var k checker
	k.needText(x.req, "model")
	if err := k.err(); err != nil {
		return err
	}
	c := &response{x: x, request: x.req, counts: true}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, false); !ok {
		return err
	}
	c.id = x.sim.id("resp_")
	sealed := x.sim.seal("compacted: " + clip(c.user, echoLimit))
	cost := usage{input: tokens(c.size), output: tokens(len(sealed))}
	cost.cached = min(x.m.cached, cost.input)
	b := fmt.Appendf(nil, `{"id":%s,"object":"response.compaction","created_at":%d,"output":[`, quote(c.id), time.Now().Unix())
	if c.user != "" {
		b = fmt.Appendf(b, `{"id":%s,"type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":%s}]},`, quote(c.itemID("msg_")), quote(c.user))
	}
	b = fmt.Appendf(b, `{"id":%s,"type":"compaction","encrypted_content":%s}]`, quote(c.itemID("cmp_")), quote(sealed))
	if !x.m.noUsage {
		b = cost.appendResponses(append(b, `,"usage":`...))
	}
	return x.whole(append(b, '}'), cost)
}
