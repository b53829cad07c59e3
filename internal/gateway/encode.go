package gateway

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// encode sets x.out to the bytes for the target: the client's, but for the
// model's name, the member that asks for the usage of a stream that would not
// report it, and what capabilities demand. A form is encoded as it is sent.
func (x *exchange) encode() error {
	if x.upload != nil {
		return nil
	}
	if x.target.Lane == llm.Translated {
		return x.translate()
	}
	x.forget()
	edits, losses := x.trimmed()
	if !x.target.NoStreamUsage {
		for _, e := range x.dialect.UsageEdits(x.req, x.body.bytes()) {
			edits = dialect.AddEdit(edits, e)
			x.injected = true
		}
	}
	fitted, lost, err := x.fitBytes()
	if err != nil {
		return err
	}
	for _, e := range fitted {
		edits = dialect.AddEdit(edits, e)
	}
	losses = append(losses, lost...)
	if err := x.lose(losses); err != nil {
		return err
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
