package gateway

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// maxRefusal bounds how much of an upstream's error answer is read.
const maxRefusal = 1 << 20

// attempt sends the request to the target and waits until it has answered.
// x.answer is a success afterwards, or an error is returned.
func (x *exchange) attempt() error {
	if x.target.Lane == llm.Estimated {
		x.entry.Upstream, x.entry.Target = "", ""
		return x.estimate()
	}
	credential, err := x.credential()
	if err != nil {
		return err
	}
	if err := x.encode(); err != nil {
		return err
	}
	x.tried()
	call := upstream.Call{
		Op:         x.target.As,
		Path:       x.target.Path,
		Model:      x.target.Model,
		Header:     x.r.Header,
		Credential: credential,
		RequestID:  x.id,
		Stream:     x.req.Stream,
		Foreign:    x.translation != nil,
	}
	answer, err := x.do(&call)
	x.releaseOut()
	if !x.more() {
		x.releaseBody()
	}
	if err != nil {
		return err
	}
	x.answer = answer
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	a.Status, a.UpstreamRequestID, a.FirstByte = answer.Status, answer.RequestID, time.Since(x.began)
	x.run.Limits(answer.Header)
	if answer.Status/100 != 2 {
		err := x.refusal(answer)
		if x.cannotCount(answer) {
			return x.estimate()
		}
		return err
	}
	if !x.req.Stream {
		x.run.FirstByte()
	}
	return nil
}

// tried begins the account of an attempt.
func (x *exchange) tried() {
	x.began = time.Now()
	x.plan.Tried()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{
		Upstream: x.target.Upstream, Target: x.target.Model, Lane: x.target.Lane,
	})
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

// releaseOut ends the exchange's own hold of what an attempt has sent.
func (x *exchange) releaseOut() {
	if x.out != x.body {
		x.out.drop()
	}
}

// releaseBody ends the exchange's own hold of the request: no further attempt
// will need it.
func (x *exchange) releaseBody() {
	x.dropRecalled()
	x.dropBody()
	if x.upload != nil {
		x.upload.release()
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
	if answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound {
		x.diagnose(body)
	}
	return x.up.Refusal(answer, body)
}

// endAttempt completes the account of the attempt that is under way, and
// reports whether there was one.
func (x *exchange) endAttempt() bool {
	if len(x.entry.Attempts) == 0 || x.began.IsZero() {
		return false
	}
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	a.Total, a.Code = time.Since(x.began), x.entry.Code
	return true
}
