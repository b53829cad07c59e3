package gateway

import (
	"io"
	"net/http"
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/estimate"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// headerEstimated marks a count that nobody but Weir has made.
const headerEstimated = "X-Weir-Estimated"

// maxCount bounds the answer that holds a count.
const maxCount = 64 << 10

// countingCodec is upstreamCodec for requests that are only counted.
func countingCodec(d llm.Dialect) dialect.UpstreamCodec {
	if d == llm.Messages {
		return messages.Dialect{Counting: true}
	}
	return responses.Dialect{Counting: true}
}

// estimate counts the request's tokens where no upstream does.
func (x *exchange) estimate() error {
	r, err := x.decode()
	if err != nil {
		return err
	}
	x.counted, x.estimated = estimate.Request(r), true
	x.forget()
	return nil
}

// cannotCount reports whether the upstream has refused to count because it has
// no such route. Only of a server of unknown making that is no surprise.
func (x *exchange) cannotCount(answer *upstream.Answer) bool {
	if !x.op.Counts() || x.up.Kind() != upstream.Compatible {
		return false
	}
	switch answer.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// relayCount passes on a count of another protocol.
func (x *exchange) relayCount() error {
	body, err := io.ReadAll(io.LimitReader(x.answer.Body, maxCount))
	if err != nil {
		return err
	}
	n, ok := dialect.ReadCount(body)
	if !ok {
		return &llm.Error{Code: llm.CodeUpstreamInvalid, Op: "gateway.count", Upstream: x.target.Upstream}
	}
	return x.tellCount(n)
}

// tellCount answers with a number of tokens.
func (x *exchange) tellCount(n int64) error {
	body := []byte(`{"input_tokens":` + strconv.FormatInt(n, 10) + `}`)
	if x.op == llm.OpInputTokens {
		body = []byte(`{"object":"response.input_tokens","input_tokens":` + strconv.FormatInt(n, 10) + `}`)
	}
	if x.estimated {
		x.w.Header()[headerEstimated] = []string{"true"}
		x.respond(http.StatusOK, "application/json", body)
		return nil
	}
	x.answer.Header.Set("Content-Type", "application/json")
	x.send(int64(len(body)))
	return x.write(body)
}
