package gateway

import (
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/completions"
	"github.com/weir-gateway/weir/internal/dialect/media"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

// failAnywhere tells the client of e, wherever the answer stands. It reports
// whether the connection must be broken off, because nothing else would tell
// the client that its answer is not whole.
func (x *exchange) failAnywhere(e *llm.Error) (abort bool) {
	switch {
	case x.sent && x.socket != nil:
		return false // its close frame has said it
	case e.Kind() == llm.Cancelled:
		if !x.sent {
			x.entry.Status = e.Status()
		}
		return true // nobody is there, or nobody reads: never a clean end
	case !x.sent:
		x.fail(e)
		return false
	case x.streaming:
		return x.failStream(e) != nil
	default:
		return true
	}
}

// failStream ends a stream that has begun in its dialect's own failure.
func (x *exchange) failStream(e *llm.Error) error {
	f := dialect.Failure{Err: e, RequestID: x.id, Time: time.Now(), Torn: x.partial}
	var end []byte
	if x.translation != nil {
		x.translation.options.Store = false
		end = x.translation.writer.Fail(nil, f)
	} else {
		if x.retell != nil {
			f.ResponseID = x.retell.ID
		}
		end = x.dialect.StreamFailure(nil, f, x.tap)
	}
	if err := x.write(end); err != nil {
		return err
	}
	return x.flush()
}

// fail answers with e instead of a success. No status has been sent yet.
func (x *exchange) fail(e *llm.Error) {
	row := e.Code.Row()
	status, body, passes := row.Status, []byte(nil), false
	x.countAttempts(1)
	x.explainItself(e)
	h := x.w.Header()
	if e.Answer != nil {
		maps.Copy(h, e.Answer.Header)
		if row.PassAnswer {
			status, body, passes = e.Answer.Status, e.Answer.Body, true
		}
	}
	if body == nil {
		body = x.dialect.Failure(nil, dialect.Failure{Err: e, RequestID: x.id})
		h["Content-Type"] = []string{"application/json"}
	}
	x.advise(h, status, e.RetryAfter, row.Kind == llm.Limited)
	if !row.Retry && retried(status) && (!passes || row.Kind == llm.UpstreamLimited) {
		if _, said := h["X-Should-Retry"]; !said {
			h["X-Should-Retry"] = []string{"false"}
		}
	}
	switch status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{"Bearer"}
	case http.StatusUpgradeRequired:
		h["Upgrade"] = []string{"HTTP/1.1"} // RFC 9110 §15.5.22 demands one; there is nothing newer to offer
		if e.Code == llm.CodeWebSocketRequired {
			h["Upgrade"], h["Connection"] = []string{"websocket"}, []string{"Upgrade"}
		}
	}
	x.respond(status, "", body)
}

// advise tells the client when to come again, in the header that all SDKs
// read. Codex gives up on a 429 without an integer Retry-After.
func (x *exchange) advise(h http.Header, status int, after time.Duration, ours bool) {
	if status == http.StatusTooManyRequests || after > 0 || ours {
		seconds := max(1, int64((after+time.Second-1)/time.Second))
		h["Retry-After"] = []string{strconv.FormatInt(seconds, 10)}
	}
}

// retried reports whether SDKs try again after a status by themselves.
func retried(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// respond sends a short answer of Weir's own.
func (x *exchange) respond(status int, contentType string, body []byte) {
	h := x.w.Header()
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.writeStatus(status)
	x.entry.FirstByte = time.Since(x.start)
	_ = x.write(body) // a client that has left need not be told
}

// dialectOf returns the implementation of the protocol that op is spoken in.
func dialectOf(op llm.Operation) dialect.Dialect {
	if op == llm.OpChat || op == llm.OpEmbeddings { // most are
		return chat.Dialect{}
	}
	if d, ok := media.Of(op); ok {
		return d
	}
	return dialects(op.Dialect())
}

// dialects returns the implementation of d.
func dialects(d llm.Dialect) dialect.Dialect {
	switch d {
	case llm.Responses:
		return responses.Dialect{}
	case llm.Messages:
		return messages.Dialect{}
	case llm.Completions:
		return completions.Dialect{}
	default:
		return chat.Dialect{}
	}
}
