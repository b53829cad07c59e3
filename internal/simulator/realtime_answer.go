package simulator

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// A reply is one answer in a session.
type reply struct {
	*realtime
	turn
	id         string
	request    object // what response.create said
	sound      bool   // the answer is spoken
	heard      int    // bytes of sound in what it answers
	output     []string
	cancelled  bool
	cost       usage
	soundParts int // tokens of cost.output that are sound
}

// settings reads what a session and one answer can say alike.
func (r *realtime) settings(k *checker, o object) (sound bool) {
	sound = true
	if list := k.list(o, "output_modalities"); list != nil {
		sound = false
		for _, v := range list {
			k.oneOf("output_modalities", v.str(), "text audio")
			sound = sound || v.str() == "audio"
		}
	}
	k.text(o, "instructions")
	for i, v := range k.list(o, "tools") {
		k.needText(k.element(v, "tools", i), "type")
	}
	return sound
}

// respond answers response.create.
func (r *realtime) respond(k *checker, request object) {
	merged := merge(r.session, request).object()
	c := &reply{realtime: r, id: r.x.sim.id("resp_"), request: request, sound: r.settings(k, merged)}
	c.n, c.parallel = 1, true
	c.read(k, merged)
	if k.fault != nil {
		return
	}
	list, cost := r.x.answers(&c.turn)
	a := &list[0]
	a.reasoning, cost.output, cost.reasoning = "", cost.output-cost.reasoning, 0
	cost.input += (c.heard + audioPerToken - 1) / audioPerToken
	if c.sound && len(a.calls) == 0 {
		c.soundParts = tokens(len(a.text))
		cost.output += c.soundParts
	}
	c.cost = cost
	r.emit("response.created", `"response":%s`, c.object("in_progress", false))
	for i := range a.calls {
		c.callTool(a.calls[i])
	}
	if len(a.calls) == 0 {
		c.speak(a)
	}
	c.finish(a)
}

// read makes a turn of the conversation and what the request adds to it.
func (c *reply) read(k *checker, merged object) {
	c.size += len(merged.get("instructions").str())
	items := c.items
	if input := k.list(c.request, "input"); input != nil {
		items = nil
		for i, v := range input {
			k.element(v, "response.input", i)
			items = append(items, realtimeItem{value: v})
		}
	}
	for _, item := range items {
		c.heard += item.audio
		c.item(item.value.object())
	}
	for _, v := range k.list(merged, "tools") {
		if o := v.object(); o.get("type").str() == "function" {
			c.tools = append(c.tools, tool{name: k.needText(o, "name"), schema: o.get("parameters")})
		}
	}
	if choice := merged.get("tool_choice"); choice.isString() {
		c.choice.none, c.choice.required = choice.str() == "none", choice.str() == "required"
	} else if choice.isObject() {
		c.choice.name = choice.object().get("name").str()
		c.choice.required = c.choice.name != ""
	}
	k.offered(&c.turn, true)
}

// item reads one item of the conversation.
func (c *reply) item(o object) {
	switch o.get("type").str() {
	case "function_call_output":
		c.hear(o.get("output").str())
		return
	case "function_call":
		c.size += len(o.get("arguments").str())
		return
	}
	for _, part := range o.get("content").elems() {
		text := part.object().get("text").str() + part.object().get("transcript").str()
		if o.get("role").str() == "user" {
			c.say(text)
		} else {
			c.size += len(text)
		}
	}
}

// begun sends what comes before an item of the output, and returns its id and
// where it stands.
func (c *reply) begun(item func(status, content string) string) (at string) {
	before := c.before(len(c.items))
	c.emit("response.output_item.added", `"response_id":%s,"output_index":%d,"item":%s`, quote(c.id), len(c.output), item("in_progress", ""))
	c.emit("conversation.item.added", `"previous_item_id":%s,"item":%s`, before, item("in_progress", ""))
	return fmt.Sprintf(`"response_id":%s,"output_index":%d`, quote(c.id), len(c.output))
}

// done sends what comes after an item of the output, and keeps it.
func (c *reply) done(id, item string) {
	c.emit("conversation.item.done", `"previous_item_id":%s,"item":%s`, c.before(len(c.items)), item)
	c.emit("response.output_item.done", `"response_id":%s,"output_index":%d,"item":%s`, quote(c.id), len(c.output), item)
	c.output = append(c.output, item)
	if c.request.get("conversation").str() != "none" && len(c.items) < maxItems && c.bytes+len(item) <= maxItemBytes {
		c.items = append(c.items, realtimeItem{id: id, value: value(item)})
		c.bytes += len(item)
	}
}

// delta sends a piece of the output, unless the client has cancelled it.
func (c *reply) delta(kind, at, piece string) {
	c.cancelled = c.cancelled || c.poll(func(m inbound) bool {
		event, err := parseObject(m.data)
		return err == nil && event.get("type").str() == "response.cancel"
	})
	if !c.cancelled && !c.x.over {
		c.emit(kind, `%s,"delta":%s`, at, quote(piece))
		c.x.spoke = true
	}
}

// speak sends the text of the answer, and says it if it is to be heard.
func (c *reply) speak(a *answer) {
	id := c.x.sim.id("item_")
	form, part, event := "output_text", "text", "response.output_text"
	content := "text"
	if c.sound {
		form, part, event = "output_audio", "audio", "response.output_audio_transcript"
		content = "transcript"
	}
	item := func(status, parts string) string {
		return fmt.Sprintf(`{"id":%s,"object":"realtime.item","type":"message","status":"%s","role":"assistant","content":[%s]}`, quote(id), status, parts)
	}
	at := c.begun(item) + `,"item_id":` + quote(id) + `,"content_index":0`
	c.emit("response.content_part.added", `%s,"part":{"type":"%s","%s":""}`, at, part, content)
	var said strings.Builder
	for cut := a.textCutter(); !c.x.over && !c.cancelled; {
		piece, ok := cut.next()
		if !ok {
			break
		}
		c.delta(event+".delta", at, piece)
		if c.sound {
			c.delta("response.output_audio.delta", at, base64.StdEncoding.EncodeToString(tone(piece, pieceBytes)))
		}
		if !c.cancelled && said.Len()+len(piece) <= maxText {
			said.WriteString(piece)
		}
	}
	text := quote(said.String())
	if c.sound {
		c.emit("response.output_audio.done", "%s", at)
	}
	c.emit(event+".done", `%s,"%s":%s`, at, content, text)
	c.emit("response.content_part.done", `%s,"part":{"type":"%s","%s":%s}`, at, part, content, text)
	status := "completed"
	if c.cancelled {
		status = "incomplete"
	}
	c.done(id, item(status, `{"type":"`+form+`","`+content+`":`+text+`}`))
}

// callTool sends one tool call.
func (c *reply) callTool(call call) {
	id, callID, name := c.x.sim.id("item_"), quote(c.x.sim.id("call_")), quote(call.tool.name)
	item := func(status, input string) string {
		return fmt.Sprintf(`{"id":%s,"object":"realtime.item","type":"function_call","status":"%s","name":%s,"call_id":%s,"arguments":%s}`, quote(id), status, name, callID, quote(input))
	}
	at := c.begun(item) + `,"item_id":` + quote(id) + `,"call_id":` + callID
	c.delta("response.function_call_arguments.delta", at, call.input)
	c.emit("response.function_call_arguments.done", `%s,"name":%s,"arguments":%s`, at, name, quote(call.input))
	c.done(id, item("completed", call.input))
}

// finish tells how the answer ended and what it cost.
func (c *reply) finish(a *answer) {
	status := "completed"
	switch {
	case c.cancelled:
		status = "cancelled"
	case a.cut:
		status = "incomplete"
	}
	c.emit("response.done", `"response":%s`, c.object(status, true))
	c.emit("rate_limits.updated", `"rate_limits":[{"name":"requests","limit":1000,"remaining":999,"reset_seconds":0.06},{"name":"tokens","limit":100000,"remaining":99000,"reset_seconds":0.6}]`)
	reported := !c.x.over && !c.x.m.noUsage
	c.x.sim.served.update(c.x.rec, func(r *Record) {
		r.FullUsage = sum(r.FullUsage, exported(c.cost))
		if reported {
			r.Usage = sum(r.Usage, exported(c.cost))
		}
	})
}

// sum returns a, which may be nil, and b.
func sum(a, b *Usage) *Usage {
	total := *b
	if a != nil {
		total.add(a)
	}
	return &total
}

// object returns the response in the given status. The final one has usage.
func (c *reply) object(status string, final bool) string {
	modality := "text"
	if c.sound {
		modality = "audio"
	}
	b := fmt.Appendf(nil, `{"object":"realtime.response","id":%s,"status":"%s"`, quote(c.id), status)
	switch status {
	case "cancelled":
		b = append(b, `,"status_details":{"type":"cancelled","reason":"client_cancelled"}`...)
	case "incomplete":
		b = append(b, `,"status_details":{"type":"incomplete","reason":"max_output_tokens"}`...)
	}
	b = fmt.Appendf(b, `,"output":[%s],"output_modalities":["%s"],"max_output_tokens":"inf"`, strings.Join(c.output, ","), modality)
	b = fmt.Appendf(b, `,"metadata":%s,"usage":`, c.request.get("metadata").or("null").compact())
	if final && !c.x.m.noUsage {
		heard := (c.heard + audioPerToken - 1) / audioPerToken
		b = fmt.Appendf(b, `{"total_tokens":%d,"input_tokens":%d,"output_tokens":%d,`+
			`"input_token_details":{"text_tokens":%d,"audio_tokens":%d,"image_tokens":0,"cached_tokens":%d,"cached_tokens_details":{"text_tokens":%[6]d,"audio_tokens":0,"image_tokens":0}},`+
			`"output_token_details":{"text_tokens":%[7]d,"audio_tokens":%[8]d}}`,
			c.cost.input+c.cost.output, c.cost.input, c.cost.output, c.cost.input-heard, heard, c.cost.cached, c.cost.output-c.soundParts, c.soundParts)
	} else {
		b = append(b, "null"...)
	}
	return string(append(b, '}'))
}
