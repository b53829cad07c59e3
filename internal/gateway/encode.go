package gateway

import (
	"github.com/weir-gateway/weir/internal/dialect"
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
	src, req := x.body, x.req
	var losses []dialect.Loss
	if x.target.Lane == llm.Joined {
		var err error
		if src, req, losses, err = x.join(); err != nil {
			if src != nil {
				src.drop()
			}
			return err
		}
	}
	out, err := x.edited(src, &req, losses)
	if out != src && src != x.body {
		src.drop()
	}
	x.out = out
	return err
}

// edited returns src, which req was read from, with what the target must be
// told otherwise: src itself if there is nothing. It tells the client all that
// is lost on the way.
func (x *exchange) edited(src *buffer, req *dialect.Request, losses []dialect.Loss) (*buffer, error) {
	body := src.bytes()
	if err := x.checkHosted(body); err != nil {
		return nil, err
	}
	edits, lost := x.trimmed(body, req)
	losses = append(losses, lost...)
	if !x.target.NoStreamUsage {
		for _, e := range x.dialect.UsageEdits(*req, body) {
			edits = dialect.AddEdit(edits, e)
			x.injected = true
		}
	}
	fitted, lost, err := x.fitBytes(body)
	if err != nil {
		return nil, err
	}
	losses = append(losses, lost...)
	for _, e := range fitted {
		edits = dialect.AddEdit(edits, e)
	}
	if err := x.lose(append(losses, x.lowered...)); err != nil {
		return nil, err
	}
	if never, needed := x.neverKept(req, body); needed {
		edits = dialect.AddEdit(edits, never)
	}
	if edit, needed := x.renameLimit(req, body); needed {
		edits = dialect.AddEdit(edits, edit)
	}
	if model, needed := req.ModelEdit(body, x.target.Model); needed {
		edits = dialect.AddEdit(edits, model)
	}
	if len(edits) == 0 {
		return src, nil
	}
	return x.spliced(src, edits)
}
