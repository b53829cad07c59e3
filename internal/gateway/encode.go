package gateway

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// encode sets x.out to the bytes for the target: the client's, but for the
// model's name and, in a stream that would not report its usage, the member
// that asks for it. A form is encoded as it is sent.
func (x *exchange) encode() error {
	if x.upload != nil {
		return nil
	}
	if x.target.Lane == llm.Translated {
		return x.translate()
	}
	x.forget()
	var edits []jsonscan.Edit
	if !x.target.NoStreamUsage {
		edits = x.dialect.UsageEdits(x.req, x.body.bytes())
		x.injected = len(edits) > 0
	}
	if x.req.Marked {
		cut, found, err := x.cutSealed()
		if err != nil {
			return err
		}
		if found {
			edits = dialect.AddEdit(edits, cut)
		}
	}
	if model, needed := x.req.ModelEdit(x.body.bytes(), x.target.Model); needed {
		edits = dialect.AddEdit(edits, model)
	}
	if len(edits) == 0 {
		x.out = x.body
		return nil
	}
	size := len(x.body.bytes())
	for _, e := range edits {
		size += len(e.Text)
	}
	x.out = x.h.memory.newBuffer()
	if err := x.out.grow(size); err != nil {
		return err
	}
	x.out.slab.b = jsonscan.Splice(x.out.slab.b, x.body.bytes(), edits...)
	return nil
}
