package responses

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

var inputAlone = jsonscan.Compile(jsonscan.Spec{Watch: []string{"input"}}) // immutable

// CutSealed takes out items of reasoning that Weir has sealed; with text, what
// is sealed of those that say something beside.
func (Dialect) CutSealed(body []byte, text bool) (jsonscan.Edit, []dialect.Loss, bool) {
	found, err := inputAlone.Scan(body, nil)
	if err != nil || len(found.Hits) == 0 {
		return jsonscan.Edit{}, nil, false
	}
	span := found.Hits[0].Span
	input, err := jsontree.Parse(body[span.Start:span.End])
	if err != nil {
		return jsonscan.Edit{}, nil, false // never: Scan has read it
	}
	var losses []dialect.Loss
	w := jsontree.NewWriter(make([]byte, 0, span.End-span.Start)).Open('[')
	for i, item := range input.Elements() {
		switch {
		case !dialect.IsSealed(item.Get("encrypted_content")):
			w.Raw(item.Raw())
			continue
		case text && says(item):
			w.Open('{')
			for name, v := range item.Members() {
				if name != "encrypted_content" {
					w.Name(name).Raw(v.Raw())
				}
			}
			w.Close('}')
		}
		losses = append(losses, dialect.Loss{Path: "input[" + strconv.Itoa(i) + "].encrypted_content", Why: dialect.Sealed})
	}
	return jsonscan.Edit{Span: span, Text: w.Close(']').Bytes()}, losses, len(losses) > 0
}

// says reports whether an item of reasoning has text that can be read.
func says(item jsontree.Value) bool {
	for _, list := range [...]string{"summary", "content"} {
		for _, part := range item.Get(list).Elements() {
			if part.Get("text").Text() != "" {
				return true
			}
		}
	}
	return false
}
