package simulator

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// What an image costs in tokens, one that comes in and one that goes out.
const (
	imageIn  = 64
	imageOut = 256
)

// An images is one exchange that makes images.
type images struct {
	x *exchange

	model, prompt string
	n, partial    int
	stream        bool
	inputs        int    // images in the request
	echo          string // what the images carry
	url           bool   // links are wanted

	size, quality, background, format string

	created int64
	cost    usage
	text    int // tokens of cost.input that are text
}

// dalle reports whether the model is one of the old family: links, no usage, no
// streams.
func (c *images) dalle() bool { return strings.HasPrefix(c.model, "dall-e") }

// serveImageGeneration answers POST …/images/generations.
func (x *exchange) serveImageGeneration() error {
	var k checker
	c := &images{x: x, prompt: k.needText(x.req, "prompt"), model: x.model(&k, "dall-e-2")}
	c.echo = c.prompt
	c.parse(&k)
	return c.serve(&k)
}

// serveImageEdit answers POST …/images/edits, which takes files in a form or
// links in JSON.
func (x *exchange) serveImageEdit() error {
	var k checker
	x.fields(&k, fields{
		files: "image mask", lists: "image",
		texts: "prompt background model n size response_format output_format output_compression user input_fidelity stream partial_images quality moderation",
	})
	c := &images{x: x, prompt: k.needText(x.req, "prompt"), model: x.model(&k, "gpt-image-1.5")}
	if x.boundary != "" || x.m.early {
		c.inputs = c.files(&k, 16)
		c.echo = x.form.describe()
	} else {
		c.inputs = c.references(&k)
		c.echo = fmt.Sprintf("%s; images=%d", c.prompt, c.inputs)
	}
	c.parse(&k)
	return c.serve(&k)
}

// serveImageVariation answers POST …/images/variations.
func (x *exchange) serveImageVariation() error {
	var k checker
	x.fields(&k, fields{files: "image", texts: "model n response_format size user"})
	c := &images{x: x, model: x.model(&k, "dall-e-2")}
	c.inputs = c.files(&k, 1)
	c.echo = x.form.describe()
	c.parse(&k)
	return c.serve(&k)
}

// files counts the images of a form.
func (c *images) files(k *checker, most int) int {
	c.x.needFile(k, "image")
	list := c.x.form.files("image")
	for _, p := range list {
		if len(p.data) == 0 {
			k.fail(p.name, "Invalid '%s': the file is empty.", p.name)
		}
	}
	if len(list) > most {
		k.fail("image", "Invalid 'image': more than %d.", most)
	}
	return len(list)
}

// references counts the images that a JSON body names.
func (c *images) references(k *checker) int {
	list := k.list(c.x.req, "images")
	if len(list) == 0 {
		k.fail("images", "Missing required parameter: 'images'.")
	}
	if len(list) > 16 {
		k.fail("images", "Invalid 'images': more than 16.")
	}
	for i, v := range list {
		o := k.element(v, "images", i)
		if o.get("image_url").isString() == o.get("file_id").isString() {
			k.fail(fmt.Sprintf("images[%d]", i), "Invalid 'images[%d]': exactly one of 'image_url' and 'file_id' is wanted.", i)
		}
	}
	return len(list)
}

// parse reads what all operations have in common.
func (c *images) parse(k *checker) {
	req := c.x.req
	c.n = k.integer(req, "n", 1, 10, 1)
	c.partial = k.integer(req, "partial_images", 0, 3, 0)
	k.integer(req, "output_compression", 0, 100, 100)
	c.stream = k.flag(req, "stream")
	word := func(name, list string) string {
		s := k.text(req, name)
		if s != "" {
			k.oneOf(name, s, list)
		}
		return s
	}
	c.url = word("response_format", "url b64_json") != "b64_json" && c.dalle()
	c.size = orIf(word("size", "auto 1024x1024 1536x1024 1024x1536 256x256 512x512 1792x1024 1024x1792"), "auto", "1024x1024")
	c.quality = orIf(word("quality", "standard hd low medium high auto"), "auto", "medium")
	c.background = orIf(word("background", "transparent opaque auto"), "auto", "opaque")
	c.format = orIf(word("output_format", "png jpeg webp"), "", "png")
	switch {
	case c.stream && c.dalle():
		k.fail("stream", "'stream' is not supported with this model.")
	case c.stream && c.n > 1:
		k.fail("n", "Invalid 'n': a stream carries one image.")
	}
}

// orIf returns def for an empty s and for one that leaves the choice open.
func orIf(s, open, def string) string {
	if s == "" || s == open {
		return def
	}
	return s
}

func (c *images) serve(k *checker) error {
	if err := k.err(); err != nil {
		return err
	}
	x := c.x
	if ok, err := x.ready(c.model, c.stream); !ok {
		return err
	}
	c.created = time.Now().Unix()
	c.text = tokens(len(c.prompt))
	c.cost = usage{input: c.text + imageIn*c.inputs, output: imageOut * c.n, images: c.n}
	if x.streaming(c.stream) {
		c.streamed()
		return nil
	}
	x.writeWhole(x.success(), "application/json", indent(c.whole()))
	x.used(c.cost, !x.m.noUsage && !c.dalle())
	return nil
}

// picture returns image i of the answer in base64.
func (c *images) picture(i int) string {
	text := "echo: " + clip(c.echo, echoLimit)
	if c.x.m.huge > 0 {
		text = filler(min(c.x.m.huge, maxText/c.n))
	}
	return base64.StdEncoding.EncodeToString(picture(c.format, text, i))
}

func (c *images) whole() []byte {
	b := fmt.Appendf(nil, `{"created":%d,"data":[`, c.created)
	for i := range c.n {
		b = append(append(b, openComma(i, "")...), '{')
		if c.url {
			b = appendString(append(b, `"url":`...), "https://images.invalid/"+c.x.sim.id("img-")+"."+c.format)
		} else {
			b = appendString(append(b, `"b64_json":`...), c.picture(i))
		}
		if c.dalle() {
			b = appendString(append(b, `,"revised_prompt":`...), "echo: "+clip(c.echo, echoLimit))
		}
		if c.x.shape == shapeAzure {
			b = append(append(b, `,"content_filter_results":`...), harmless...)
			b = append(append(b, `,"prompt_filter_results":`...), harmless...)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if !c.dalle() {
		b = c.settings(append(b, ','))
		if !c.x.m.noUsage {
			b = c.usage(append(b, `,"usage":`...))
		}
	}
	return append(b, '}')
}

// settings appends how the images were made.
func (c *images) settings(b []byte) []byte {
	return fmt.Appendf(b, `"background":%q,"output_format":%q,"quality":%q,"size":%q`, c.background, c.format, c.quality, c.size)
}

func (c *images) usage(b []byte) []byte {
	return fmt.Appendf(b, `{"input_tokens":%d,"input_tokens_details":{"image_tokens":%d,"text_tokens":%d},`+
		`"output_tokens":%d,"output_tokens_details":{"image_tokens":%[4]d,"text_tokens":0},"total_tokens":%[5]d}`,
		c.cost.input, c.cost.input-c.text, c.text, c.cost.output, c.cost.input+c.cost.output)
}

// streamed sends the image as often as it was asked for while it is made, and
// then once more.
func (c *images) streamed() {
	x := c.x
	prefix := "image_generation"
	if x.operation != prefix {
		prefix = "image_edit"
	}
	x.open(eventStream, func() {
		b := append(x.fresh("event: error\ndata: {\"type\":\"error\",\"error\":"), x.streamFault().openAI()...)
		x.event(append(b, '}'))
	})
	begin := func(kind, encoded string) []byte {
		kind = prefix + "." + kind
		b := append(append(x.fresh("event: "), kind...), "\ndata: {\"type\":\""...)
		b = append(append(b, kind...), `","b64_json":`...)
		b = fmt.Appendf(appendString(b, encoded), `,"created_at":%d,`, c.created)
		return c.settings(b)
	}
	for i := range c.partial {
		x.delta(fmt.Appendf(begin("partial_image", c.picture(i+1)), `,"partial_image_index":%d}`, i))
	}
	b := begin("completed", c.picture(0))
	if !x.m.noUsage {
		b = c.usage(append(b, `,"usage":`...))
	}
	x.delta(append(b, '}'))
	x.used(c.cost, !x.m.noUsage)
}
