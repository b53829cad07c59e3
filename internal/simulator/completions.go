package simulator

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// serveCompletions answers POST …/completions, the legacy dialect.
func (x *exchange) serveCompletions() error {
	c := &completion{x: x}
	if err := c.parse(); err != nil {
		return err
	}
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	c.head = appendString([]byte(`{"id":`), x.sim.id("cmpl-"))
	c.head = strconv.AppendInt(append(c.head, `,"object":"text_completion","created":`...), time.Now().Unix(), 10)
	c.head = appendString(append(c.head, `,"model":`...), c.model)
	c.head = append(c.head, `,"system_fingerprint":"fp_sim","choices":[`...)
	c.answer()
	if x.streaming(c.stream) {
		c.streamed()
		return nil
	}
	return x.whole(c.whole(), c.cost)
}

// A completion is one exchange in the Completions dialect.
type completion struct {
	turn
	x            *exchange
	includeUsage bool
	prompts      []string
	head         []byte // how every object begins
	choices      []answer
	cost         usage
}

func (c *completion) parse() error {
	var k checker
	req := c.x.req
	c.model = c.x.deployment
	if c.model == "" {
		c.model = k.needText(req, "model")
	}
	c.prompts = inputs(&k, req.get("prompt"), "prompt")
	c.stream = k.flag(req, "stream")
	options := k.dict(req, "stream_options")
	if options != nil && !c.stream {
		k.fail("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	c.includeUsage = k.flag(options, "include_usage")
	c.n = k.integer(req, "n", 1, 128, 1)
	if c.n*len(c.prompts) > maxInputs {
		k.fail("n", "Invalid 'n': more than %d choices.", maxInputs)
	}
	c.max = k.integer(req, "max_tokens", 0, math.MaxInt32, 0)
	k.number(req, "temperature", 2)
	k.number(req, "top_p", 1)
	if req.get("logprobs").exists() {
		k.fail("logprobs", "'logprobs' are not supported with this model.")
	}
	return k.err()
}

// maxInputs bounds the texts of one request, and the choices of one answer.
const maxInputs = 2048

// inputs returns the texts of a prompt or an embeddings input: a string, an
// array of strings, an array of tokens or an array of those. Tokens become
// text of four bytes each, so that they count as what they are.
func inputs(k *checker, v value, param string) []string {
	switch {
	case v.isString():
		return []string{v.str()}
	case !v.exists():
		k.fail(param, "Missing required parameter: '%s'.", param)
		return nil
	case !v.isArray():
		k.fail(param, "Invalid type for '%s': expected a string or an array, but got %s.", param, v.kind())
		return nil
	}
	list := v.elems()
	if len(list) == 0 {
		k.fail(param, "Invalid '%s': the array is empty.", param)
		return nil
	}
	if list[0].isNumber() {
		// One text, however many tokens it has.
		return []string{strings.Repeat("tok ", len(list))}
	}
	if len(list) > maxInputs {
		k.fail(param, "Invalid '%s': more than %d texts.", param, maxInputs)
		return nil
	}
	var texts []string
	for i, e := range list {
		switch {
		case e.isString():
			texts = append(texts, e.str())
		case e.isArray():
			texts = append(texts, strings.Repeat("tok ", len(e.elems())))
		default:
			k.fail(param, "Invalid type for '%s[%d]': expected a string, but got %s.", param, i, e.kind())
		}
	}
	return texts
}

// answer makes n choices for each prompt.
func (c *completion) answer() {
	for _, prompt := range c.prompts {
		t := c.turn
		t.share = c.n * len(c.prompts)
		t.say(prompt)
		choices, cost := c.x.answers(&t)
		c.choices = append(c.choices, choices...)
		c.cost.input += cost.input
		c.cost.cached += cost.cached
		c.cost.output += cost.output
		c.cost.reasoning += cost.reasoning
	}
}

func (c *completion) whole() []byte {
	b := append([]byte(nil), c.head...)
	for i := range c.choices {
		b = append(b, openComma(i, "")...)
		b = appendString(append(b, `{"text":`...), c.choices[i].text)
		b = fmt.Appendf(b, `,"index":%d,"logprobs":null,"finish_reason":%q`, i, c.choices[i].finishReason())
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

func (c *completion) streamed() {
	x := c.x
	x.open(eventStream, x.failOpenAI)
	if x.shape == shapeAzure {
		b := append(x.fresh("data: "), c.head...)
		b = append(append(b, `],"prompt_filter_results":`...), promptFilter...)
		x.event(append(b, '}'))
	}
	for i := range c.choices {
		for cut := c.choices[i].textCutter(); !x.over; {
			piece, ok := cut.next()
			if !ok {
				break
			}
			x.delta(c.chunk(i, piece, ""))
		}
		x.event(c.chunk(i, "", c.choices[i].finishReason()))
	}
	reported := c.includeUsage && !x.m.noUsage
	if reported {
		b := append(x.fresh("data: "), c.head...)
		x.event(append(c.cost.appendChat(append(b, `],"usage":`...)), '}'))
	}
	x.used(c.cost, reported)
	if !x.m.noDone {
		x.event(x.fresh("data: [DONE]"))
	}
}

func (c *completion) chunk(i int, text, finish string) []byte {
	b := append(c.x.fresh("data: "), c.head...)
	b = appendString(append(b, `{"text":`...), text)
	b = strconv.AppendInt(append(b, `,"index":`...), int64(i), 10)
	b = appendOptional(append(b, `,"logprobs":null,"finish_reason":`...), finish)
	b = append(b, "}]"...)
	if c.includeUsage {
		b = append(b, `,"usage":null`...)
	}
	return append(b, '}')
}
