package messages

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

var messagesAlone = jsonscan.Compile(jsonscan.Spec{Watch: []string{"messages"}}) // immutable

// CutSealed takes out thinking that Weir has signed or redacted, and messages
// of nothing else. Servers of the protocol take no thinking that they have not
// signed.
func (Dialect) CutSealed(body []byte, _ bool) (jsonscan.Edit, []dialect.Loss, bool) {
	found, err := messagesAlone.Scan(body, nil)
	if err != nil || len(found.Hits) == 0 {
		return jsonscan.Edit{}, nil, false
	}
	span := found.Hits[0].Span
	list, err := jsontree.Parse(body[span.Start:span.End])
	if err != nil {
		return jsonscan.Edit{}, nil, false // never: Scan has read it
	}
	var losses []dialect.Loss
	w := jsontree.NewWriter(make([]byte, 0, span.End-span.Start)).Open('[')
	for i, m := range list.Elements() {
		cut := 0
		content := m.Get("content")
		for k, b := range content.Elements() {
			if sealedBlock(b) {
				cut++
				losses = append(losses, dialect.Loss{Path: "messages[" + strconv.Itoa(i) + "].content[" + strconv.Itoa(k) + "]", Why: dialect.Sealed})
			}
		}
		switch {
		case cut == 0:
			w.Raw(m.Raw())
		case cut < content.Len():
			writeOpen(w, m)
		}
	}
	return jsonscan.Edit{Span: span, Text: w.Close(']').Bytes()}, losses, len(losses) > 0
}

func sealedBlock(b jsontree.Value) bool {
	return dialect.IsSealed(b.Get("signature")) || b.Get("type").Is("redacted_thinking") && dialect.IsSealed(b.Get("data"))
}

// writeOpen writes a message without its sealed blocks.
func writeOpen(w *jsontree.Writer, m jsontree.Value) {
	w.Open('{')
	for name, v := range m.Members() {
		w.Name(name)
		if name != "content" {
			w.Raw(v.Raw())
			continue
		}
		w.Open('[')
		for _, b := range v.Elements() {
			if !sealedBlock(b) {
				w.Raw(b.Raw())
			}
		}
		w.Close(']')
	}
	w.Close('}')
}
