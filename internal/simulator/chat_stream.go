package simulator

import "strconv"

const eventStream = "text/event-stream; charset=utf-8"

// streamed sends the answer as chunks.
func (c *chat) streamed() {
	x := c.x
	x.open(eventStream, x.failOpenAI)
	if x.shape == shapeAzure {
		b := x.fresh(`data: {"choices":[],"created":0,"id":"","model":"","object":"chat.completion.chunk","prompt_filter_results":`)
		x.event(append(append(b, promptFilter...), '}'))
	}
	c.chunkHead = string(c.head([]byte("data: "), "chat.completion.chunk"))
	for i := range c.choices {
		role := `{"role":"assistant","content":"","refusal":null}`
		if len(c.choices[i].calls) > 0 {
			role = `{"role":"assistant","content":null}`
		}
		x.event(c.endChunk(append(c.beginChunk(i), role...), ""))
	}
	c.deltas()
	for i := range c.choices {
		x.event(c.endChunk(append(c.beginChunk(i), "{}"...), c.choices[i].finishReason()))
	}
	reported := c.includeUsage && !x.m.noUsage
	if reported {
		b := append(x.fresh(c.chunkHead), `"choices":[],"usage":`...)
		x.event(append(c.cost.appendChat(b), '}'))
	}
	x.used(c.cost, reported)
	if !x.m.noDone {
		x.event(x.fresh("data: [DONE]"))
	}
}

// failOpenAI sends the failure of a chat or completions stream.
func (x *exchange) failOpenAI() {
	b := x.fresh(`data: {"error":`)
	x.event(append(append(b, x.streamFault().openAI()...), '}'))
}

// deltas sends what the choices say, one delta of each in turn.
func (c *chat) deltas() {
	cursors := make([]cursor, len(c.choices))
	for i := range cursors {
		cursors[i].a = &c.choices[i]
	}
	for open := len(cursors); open > 0 && !c.x.over; {
		open = 0
		for i := range cursors {
			s, piece, first, ok := cursors[i].next()
			if !ok {
				continue
			}
			open++
			b := c.appendDelta(c.beginChunk(i), i, s, piece, first)
			c.x.delta(c.endChunk(b, ""))
		}
	}
}

// appendDelta appends the delta object of one chunk of a choice.
func (c *chat) appendDelta(b []byte, choice int, s stage, piece string, first bool) []byte {
	a := &c.choices[choice]
	switch s {
	case stageReasoning:
		return append(appendString(append(b, `{"reasoning_content":`...), piece), '}')
	case stageText:
		return append(appendString(append(b, `{"content":`...), piece), '}')
	}
	n := int(s - stageCall)
	b = strconv.AppendInt(append(b, `{"tool_calls":[{"index":`...), int64(n), 10)
	if first {
		b = c.call(append(b, ','), a.calls[n], c.callID(choice, n), "")
	} else {
		kind := `,"function":{"arguments":`
		if a.calls[n].tool.custom {
			kind = `,"custom":{"input":`
		}
		b = append(appendString(append(b, kind...), piece), "}}"...)
	}
	return append(b, "]}"...)
}

// beginChunk begins a chunk of choice i up to its delta.
func (c *chat) beginChunk(i int) []byte {
	b := append(c.x.fresh(c.chunkHead), `"choices":[{"index":`...)
	b = strconv.AppendInt(b, int64(i), 10)
	return append(b, `,"delta":`...)
}

// endChunk ends a chunk after its delta.
func (c *chat) endChunk(b []byte, finish string) []byte {
	b = appendOptional(append(b, `,"logprobs":null,"finish_reason":`...), finish)
	b = append(b, "}]"...)
	if c.includeUsage {
		b = append(b, `,"usage":null`...)
	}
	return append(b, '}')
}
