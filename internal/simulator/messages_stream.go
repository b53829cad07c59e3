package simulator

import (
	"iter"
	"strconv"
)

// A block is one content block of an answer: text, thinking or a tool call.
type block struct {
	kind      string // "text", "thinking" or "tool_use"
	text      string // or the input of a tool
	cut       cutter // over text
	signature string
	id, name  string
}

// blocks yields the content of the answer.
func (c *message) blocks() iter.Seq[block] {
	a := c.answer
	return func(yield func(block) bool) {
		if a.reasoning != "" {
			b := block{kind: "thinking", text: a.reasoning, cut: a.cutter(a.reasoning), signature: c.x.sim.seal(a.reasoning)}
			if !yield(b) {
				return
			}
		}
		if a.text != "" && !yield(block{kind: "text", text: a.text, cut: a.textCutter()}) {
			return
		}
		for _, call := range a.calls {
			b := block{kind: "tool_use", text: call.input, cut: a.cutter(call.input), id: c.x.sim.id("toolu_"), name: call.tool.name}
			if !yield(b) {
				return
			}
		}
	}
}

// appendWhole appends the finished block.
func (o *block) appendWhole(b []byte) []byte {
	switch o.kind {
	case "thinking":
		b = appendString(append(b, `{"type":"thinking","thinking":`...), o.text)
		return append(appendString(append(b, `,"signature":`...), o.signature), '}')
	case "tool_use":
		input := value(o.text)
		if !isJSONObject(o.text) { // raw text was asked for; a whole answer cannot hold it
			input = value(`{"input":` + quote(o.text) + `}`)
		}
		b = o.tool(b)
		return append(append(b, input...), '}')
	}
	return append(appendString(append(b, `{"type":"text","text":`...), o.text), '}')
}

// tool appends a tool_use block up to its input.
func (o *block) tool(b []byte) []byte {
	b = appendString(append(b, `{"type":"tool_use","id":`...), o.id)
	return append(appendString(append(b, `,"name":`...), o.name), `,"input":`...)
}

// appendStart appends the block as it begins.
func (o *block) appendStart(b []byte) []byte {
	switch o.kind {
	case "thinking":
		return append(b, `{"type":"thinking","thinking":"","signature":""}`...)
	case "tool_use":
		return append(o.tool(b), "{}}"...)
	}
	return append(b, `{"type":"text","text":""}`...)
}

// delta returns how a delta of the block begins.
func (o *block) delta() string {
	switch o.kind {
	case "thinking":
		return `,"delta":{"type":"thinking_delta","thinking":`
	case "tool_use":
		return `,"delta":{"type":"input_json_delta","partial_json":`
	}
	return `,"delta":{"type":"text_delta","text":`
}

// streamed sends the answer as events.
func (c *message) streamed() {
	x := c.x
	x.open(eventStream, c.fail)
	b := c.head(append(c.begin("message_start"), `,"message":`...))
	b = append(b, `],"stop_reason":null,"stop_sequence":null`...)
	if !x.m.noUsage {
		b = c.cost.appendMessages(append(b, `,"usage":`...), 1)
	}
	x.event(append(b, "}}"...))
	if !x.m.noUsage {
		begun := c.cost
		begun.output, begun.reasoning = 1, 0
		x.used(begun, true)
	}
	x.event(append(c.begin("ping"), '}'))
	i := 0
	for o := range c.blocks() {
		c.sendBlock(&o, i)
		i++
	}
	b = append(c.begin("message_delta"), `,"delta":{"stop_reason":`...)
	b = append(appendString(b, c.stopReason()), `,"stop_sequence":null}`...)
	if !x.m.noUsage {
		b = c.cost.appendMessages(append(b, `,"usage":`...), c.cost.output)
	}
	x.event(append(b, '}'))
	x.used(c.cost, !x.m.noUsage)
	x.event(append(c.begin("message_stop"), '}'))
}

// sendBlock sends the events of one block.
func (c *message) sendBlock(o *block, i int) {
	x := c.x
	b := o.appendStart(append(c.index("content_block_start", i), `,"content_block":`...))
	x.event(append(b, '}'))
	for !x.over {
		piece, ok := o.cut.next()
		if !ok {
			break
		}
		b := append(c.index("content_block_delta", i), o.delta()...)
		x.delta(append(appendString(b, piece), "}}"...))
	}
	if o.kind == "thinking" {
		b := append(c.index("content_block_delta", i), `,"delta":{"type":"signature_delta","signature":`...)
		x.event(append(appendString(b, o.signature), "}}"...))
	}
	x.event(append(c.index("content_block_stop", i), '}'))
}

// begin begins an event; what follows are members of its object.
func (c *message) begin(kind string) []byte {
	b := append(c.x.fresh("event: "), kind...)
	b = append(append(b, "\ndata: {\"type\":\""...), kind...)
	return append(b, '"')
}

// index begins an event about block i.
func (c *message) index(kind string, i int) []byte {
	return strconv.AppendInt(append(c.begin(kind), `,"index":`...), int64(i), 10)
}

// fail sends the failure of the stream.
func (c *message) fail() {
	f := c.x.streamFault()
	kind := c.x.m.errorCode
	if kind == "" {
		kind = anthropicType(f.status)
	}
	b := appendString(append(c.begin("error"), `,"error":{"type":`...), kind)
	c.x.event(append(appendString(append(b, `,"message":`...), f.message), "}}"...))
}
