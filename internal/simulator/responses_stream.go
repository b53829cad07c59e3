package simulator

import (
	"fmt"
	"strconv"
)

// compose makes the output items, and sends their events if a stream is open.
func (c *response) compose() {
	a := c.answer
	if a.reasoning != "" {
		c.reason()
	}
	if len(a.calls) == 0 {
		c.speak()
	}
	for i := range a.calls {
		c.callTool(a.calls[i])
	}
}

// streamed sends the answer as events.
func (c *response) streamed() {
	x := c.x
	x.open(eventStream, c.fail)
	about := func(kind, status string, final bool) {
		c.push(c.object(append(c.begin(kind), `"response":`...), status, final), false)
	}
	if c.background {
		about("response.created", "queued", false)
		about("response.queued", "queued", false)
	} else {
		about("response.created", "in_progress", false)
	}
	about("response.in_progress", "in_progress", false)
	c.open = true
	c.compose()
	about("response."+c.status(), c.status(), true)
}

// push sends an event whose object lacks its end, unless the client has had it
// already.
func (c *response) push(b []byte, delta bool) {
	b = c.end(b)
	switch {
	case c.seq <= c.from:
		c.x.buf = b[:0]
	case delta:
		c.x.delta(b)
	default:
		c.x.event(b)
	}
}

// fail ends the stream with response.failed, or the bare error event that
// servers send when nothing has been created yet.
func (c *response) fail() {
	c.seq-- // the event in whose place this comes was not sent
	form := c.x.m.errorForm
	if form == "" && c.seq > 0 {
		form = "failed"
	}
	if form == "failed" {
		b := c.begin("response.failed")
		c.x.event(c.end(c.object(append(b, `"response":`...), "failed", false)))
		return
	}
	f := c.x.streamFault()
	b := appendString(append(c.begin("error"), `"code":`...), f.code)
	b = appendString(append(b, `,"message":`...), f.message)
	c.x.event(c.end(append(b, `,"param":null`...)))
}

// begin begins an event; what follows are members of its object.
func (c *response) begin(kind string) []byte {
	b := append(c.x.fresh("event: "), kind...)
	b = append(append(b, "\ndata: {\"type\":\""...), kind...)
	return append(b, `",`...)
}

// end adds the sequence number and closes the object.
func (c *response) end(b []byte) []byte {
	b = strconv.AppendInt(append(b, `,"sequence_number":`...), int64(c.seq), 10)
	c.seq++
	return append(b, '}')
}

// at appends the members that say which item an event is about.
func (c *response) at(b []byte, id string) []byte {
	b = appendString(append(b, `"item_id":`...), id)
	return strconv.AppendInt(append(b, `,"output_index":`...), int64(len(c.items)), 10)
}

// emit sends one event about an item.
func (c *response) emit(kind, id, members string) {
	if c.open {
		c.push(append(c.at(c.begin(kind), id), members...), false)
	}
}

// deltas sends the deltas of a text.
func (c *response) deltas(kind, id, members string, cut cutter, after string) {
	for c.open && !c.x.over {
		piece, ok := cut.next()
		if !ok {
			return
		}
		b := append(c.at(c.begin(kind), id), members...)
		b = appendString(append(b, `,"delta":`...), piece)
		c.push(append(b, after...), true)
	}
}

// added announces an item.
func (c *response) added(item string) {
	if c.open {
		b := strconv.AppendInt(append(c.begin("response.output_item.added"), `"output_index":`...), int64(len(c.items)), 10)
		c.push(append(append(b, `,"item":`...), item...), false)
	}
}

// done finishes an item.
func (c *response) done(item string) {
	if c.open {
		b := strconv.AppendInt(append(c.begin("response.output_item.done"), `"output_index":`...), int64(len(c.items)), 10)
		c.push(append(append(b, `,"item":`...), item...), false)
	}
	c.items = append(c.items, []byte(item))
}

// reason makes the reasoning item.
func (c *response) reason() {
	id, text := c.itemID("rs_"), quote(c.answer.reasoning)
	head := `{"id":` + quote(id) + `,"type":"reasoning"`
	sealed := ""
	if c.sealed {
		sealed = `,"encrypted_content":` + quote(c.x.sim.seal(c.answer.reasoning))
	}
	c.added(head + `,"summary":[]}`)
	c.emit("response.reasoning_summary_part.added", id, `,"summary_index":0,"part":{"type":"summary_text","text":""}`)
	c.deltas("response.reasoning_summary_text.delta", id, `,"summary_index":0`, c.answer.cutter(c.answer.reasoning), "")
	c.emit("response.reasoning_summary_text.done", id, `,"summary_index":0,"text":`+text)
	part := `{"type":"summary_text","text":` + text + `}`
	c.emit("response.reasoning_summary_part.done", id, `,"summary_index":0,"part":`+part)
	c.done(head + `,"summary":[` + part + `]` + sealed + `}`)
}

// speak makes the message item.
func (c *response) speak() {
	id, text := c.itemID("msg_"), quote(c.answer.text)
	item := func(status, content string) string {
		return `{"id":` + quote(id) + `,"type":"message","status":"` + status + `","role":"assistant","content":[` + content + `]}`
	}
	part := func(text string) string {
		return `{"type":"output_text","text":` + text + `,"annotations":[],"logprobs":[]}`
	}
	c.added(item("in_progress", ""))
	c.emit("response.content_part.added", id, `,"content_index":0,"part":`+part(`""`))
	c.deltas("response.output_text.delta", id, `,"content_index":0`, c.answer.textCutter(), `,"logprobs":[]`)
	c.emit("response.output_text.done", id, `,"content_index":0,"text":`+text+`,"logprobs":[]`)
	c.emit("response.content_part.done", id, `,"content_index":0,"part":`+part(text))
	c.done(item(c.status(), part(text)))
}

// callTool makes the item of one tool call.
func (c *response) callTool(call call) {
	kind, prefix, content := "function_call", "fc_", "arguments"
	event := "response.function_call_arguments"
	if call.tool.custom {
		kind, prefix, content = "custom_tool_call", "ctc_", "input"
		event = "response.custom_tool_call_input"
	}
	id, name := c.itemID(prefix), quote(call.tool.name)
	head := fmt.Sprintf(`{"id":%s,"type":"%s","call_id":%s,"name":%s`, quote(id), kind, quote(c.itemID("call_")), name)
	if call.tool.namespace != "" {
		head += `,"namespace":` + quote(call.tool.namespace)
	}
	item := func(status, text string) string {
		return head + `,"status":"` + status + `","` + content + `":` + text + `}`
	}
	c.added(item("in_progress", `""`))
	c.deltas(event+".delta", id, "", c.answer.cutter(call.input), "")
	text := `,"` + content + `":` + quote(call.input)
	if !call.tool.custom {
		text = `,"name":` + name + text
	}
	c.emit(event+".done", id, text)
	c.done(item("completed", quote(call.input)))
}
