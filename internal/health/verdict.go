package health

import (
	"errors"
	"net/http"

	"github.com/weir-gateway/weir/internal/llm"
)

// VerdictOf returns what an attempt that ended with err says of its target. A
// nil error is a success: of a stream, that it came to its own end.
//
// What the client's request is to blame for, or its leaving, says nothing. Nor
// does an error of ours.
func VerdictOf(err error) Verdict {
	if err == nil {
		return Good
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return Neutral
	}
	switch e.Code {
	case llm.CodeUpstreamAuth:
		return Broken
	case llm.CodeUpstreamLimited, llm.CodeUpstreamQuota:
		return Limited
	case llm.CodeFiltered:
		return Good // it has answered
	case llm.CodeUpstreamRejected:
		if e.Answer != nil && (e.Answer.Status == http.StatusRequestTimeout || e.Answer.Status == http.StatusTooEarly) {
			return Bad
		}
		return Neutral
	}
	switch e.Kind() {
	case llm.UpstreamUnavailable, llm.UpstreamInvalid, llm.Timeout:
		return Bad
	}
	return Neutral
}
