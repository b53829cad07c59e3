package gateway

import (
	"errors"
	"io"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// maxRefusal bounds how much of an upstream's error answer is read.
const maxRefusal = 1 << 20

// attempt sends the request to the target and waits until it has answered.
// x.answer is a success afterwards, or an error is returned.
func (x *exchange) attempt() error {
	credential, err := x.credential()
	if err != nil {
		return err
	}
	if err := x.encode(); err != nil {
		return err
	}
	x.began = time.Now()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{
		Upstream: x.target.Upstream, Target: x.target.Model, Lane: x.target.Lane,
	})
	call := upstream.Call{
		Op:         x.target.As,
		Model:      x.target.Model,
		Header:     x.r.Header,
		Credential: credential,
		RequestID:  x.id,
		Stream:     x.req.Stream,
		Foreign:    x.translation != nil,
	}
	answer, err := x.do(&call)
	x.releaseBody()
	if err != nil {
		return err
	}
	x.answer = answer
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	a.Status, a.UpstreamRequestID, a.FirstByte = answer.Status, answer.RequestID, time.Since(x.began)
	if answer.Status/100 == 2 {
		return nil
	}
	return x.refusal(answer)
}

// do sends the call with the request's body.
func (x *exchange) do(call *upstream.Call) (*upstream.Answer, error) {
	if x.upload != nil {
		return x.upload.send(x.r.Context(), x.up, call)
	}
	x.out.hold() // for the transport, until Sent
	call.Body, call.Sent = x.out.bytes(), x.out.drop
	return x.up.Do(x.r.Context(), call)
}

// credential returns the caller's own credential if the upstream is called
// with it, and nothing otherwise.
func (x *exchange) credential() (upstream.Credential, error) {
	if !x.up.Passthrough() {
		return upstream.Credential{}, nil
	}
	own, err := x.caller.Own, x.caller.OwnErr
	if err != nil {
		return upstream.Credential{}, err
	}
	if own.Value == "" {
		return upstream.Credential{}, &llm.Error{
			Code: llm.CodeMissingKey, Op: "gateway.credential",
			Public: "this model's upstream is called with the caller's own credential: send it in Authorization, api-key or x-api-key",
		}
	}
	return upstream.Credential{Value: own.Value, Header: own.Header}, nil
}

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

// releaseBody ends the exchange's own holds of the bytes that were sent: no
// further attempt will need them.
func (x *exchange) releaseBody() {
	if x.out != x.body {
		x.out.drop()
	}
	x.dropBody()
	if x.upload != nil && x.upload.sent.Load() {
		x.upload.close()
	}
}

// dropBody ends the exchange's own hold of the request body.
func (x *exchange) dropBody() {
	if x.body != nil {
		x.body.drop()
		x.body = nil
	}
}

// refusal reads what the upstream says instead of a success.
func (x *exchange) refusal(answer *upstream.Answer) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal+1))
	if e, ok := errors.AsType[*llm.Error](err); ok && e.Kind() == llm.Cancelled {
		gone := *e
		gone.Answer = &llm.Answer{Status: answer.Status} // so nothing was used
		return &gone
	}
	if err != nil || len(body) > maxRefusal {
		body = nil // cut or endless: not to be passed on
	}
	return x.up.Refusal(answer, body)
}

// endAttempt completes the account of the attempt that was begun last, if
// there was one.
func (x *exchange) endAttempt() {
	if len(x.entry.Attempts) == 0 {
		return
	}
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	a.Total, a.Code = time.Since(x.began), x.entry.Code
}
