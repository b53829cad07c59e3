package simulator

import (
	"fmt"
	"strings"
)

// categories of a moderation and, behind each, the kinds of input it looks at.
var categories = [][2]string{ // immutable
	{"harassment", `["text"]`},
	{"harassment/threatening", `["text"]`},
	{"hate", `["text"]`},
	{"hate/threatening", `["text"]`},
	{"illicit", `["text"]`},
	{"illicit/violent", `["text"]`},
	{"self-harm", `["text","image"]`},
	{"self-harm/instructions", `["text","image"]`},
	{"self-harm/intent", `["text","image"]`},
	{"sexual", `["text","image"]`},
	{"sexual/minors", `["text"]`},
	{"violence", `["text","image"]`},
	{"violence/graphic", `["text","image"]`},
}

// serveModerations answers POST …/moderations: a text that has the name of a
// category as a word is flagged for it.
func (x *exchange) serveModerations() error {
	var k checker
	model := x.model(&k, "omni-moderation-latest")
	texts := moderated(&k, x.req.get("input"))
	if err := k.err(); err != nil {
		return err
	}
	if ok, err := x.ready(model, false); !ok {
		return err
	}
	var cost usage
	b := appendString([]byte(`{"id":`), x.sim.id("modr-"))
	b = append(appendString(append(b, `,"model":`...), model), `,"results":[`...)
	for i, text := range texts {
		cost.input += tokens(len(text))
		b = appendVerdict(append(b, openComma(i, "")...), text)
	}
	x.writeWhole(x.success(), "application/json", indent(append(b, "]}"...)))
	x.used(cost, false)
	return nil
}

// moderated returns the texts that are judged one by one: a string, an array of
// them, or an array of parts that are judged together.
func moderated(k *checker, v value) []string {
	list := v.elems()
	if len(list) == 0 || !list[0].isObject() {
		return inputs(k, v, "input")
	}
	var texts []string
	for i, e := range list {
		o := k.element(e, "input", i)
		kind := o.get("type").str()
		at := fmt.Sprintf("input[%d]", i)
		k.oneOf(at+".type", kind, "text image_url")
		switch {
		case kind == "text" && !o.get("text").isString():
			k.fail(at+".text", "Missing required parameter: '%s.text'.", at)
		case kind == "image_url" && !o.get("image_url").object().get("url").isString():
			k.fail(at+".image_url.url", "Missing required parameter: '%s.image_url.url'.", at)
		}
		texts = append(texts, o.get("text").str())
	}
	return []string{strings.Join(texts, "\n")}
}

func appendVerdict(b []byte, text string) []byte {
	var flags, scores, kinds []byte
	flagged := false
	for i, c := range categories {
		found := wordIndex(text, c[0]) >= 0
		flagged = flagged || found
		score := 0.0001
		if found {
			score = 0.99
		}
		comma := openComma(i, "")
		flags = fmt.Appendf(flags, `%s%q:%t`, comma, c[0], found)
		scores = fmt.Appendf(scores, `%s%q:%g`, comma, c[0], score)
		kinds = fmt.Appendf(kinds, `%s%q:%s`, comma, c[0], c[1])
	}
	return fmt.Appendf(b, `{"flagged":%t,"categories":{%s},"category_scores":{%s},"category_applied_input_types":{%s}}`, flagged, flags, scores, kinds)
}
