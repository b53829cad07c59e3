package gateway

import (
	"errors"

	"github.com/weir-gateway/weir/internal/dialect/media"
	"github.com/weir-gateway/weir/internal/estimate"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// bytesPerToken is the rule of thumb where nobody has counted tokens.
const bytesPerToken = estimate.BytesPerToken

// usage returns what the exchange used: what the upstream has reported, else
// an estimate if a model may have been at work, else nothing.
func (x *exchange) usage(failure *llm.Error) llm.Usage {
	if x.op == llm.OpTransparent || x.op == llm.OpPassthrough {
		return x.passedUsage(failure)
	}
	var u llm.Usage
	if x.tap != nil {
		u = x.tap.Usage()
		if u.Provenance == llm.UsageNone || isFinal(u) && (failure == nil || x.tap.Complete()) {
			u.Characters = x.req.Characters
			return u
		}
	}
	if x.tap != nil && x.tap.Unfinished() {
		return llm.Usage{Provenance: llm.UsageUnknown}
	}
	if x.socket != nil {
		return x.socket.usage()
	}
	if x.translation != nil {
		if u = x.translation.usage(); isFinal(u) && x.translation.over() {
			return u
		}
	}
	if x.began.IsZero() || x.op.Counts() || refused(failure) {
		return llm.Usage{Provenance: llm.UsageNone}
	}
	if _, ok := x.dialect.(*media.Dialect); ok {
		return x.units(u, failure)
	}
	u.Input = max(u.Input, textTokens(x.req.Counts))
	if x.tap != nil {
		u.Output = max(u.Output, (x.tap.OutputBytes()+bytesPerToken-1)/bytesPerToken)
	}
	if x.translation != nil {
		u.Output = max(u.Output, (x.translation.text+bytesPerToken-1)/bytesPerToken)
	}
	u.Provenance = llm.UsageEstimated
	return u
}

// textTokens estimates the tokens of what was counted.
func textTokens(c jsonscan.Counts) int64 {
	return estimate.Bytes(c.TextBytes, c.Base64Bytes)
}

// isFinal reports whether u is all there is to say.
func isFinal(u llm.Usage) bool {
	return u.Provenance == llm.UsageReported || u.Provenance == llm.UsageCounted
}

// units returns what an exchange used that is not about text, where its answer
// has not told all of it: u is what it has.
func (x *exchange) units(u llm.Usage, failure *llm.Error) llm.Usage {
	switch x.op {
	case llm.OpModerations: // are free
		return llm.Usage{Provenance: llm.UsageNone}
	case llm.OpSpeech:
		u.Characters, u.Provenance = x.req.Characters, llm.UsageCounted
		if failure != nil { // nobody knows how much of it was spoken
			u.Provenance = llm.UsageEstimated
		}
	case llm.OpImageGeneration, llm.OpImageEdit, llm.OpImageVariation:
		u.Images, u.Provenance = max(u.Images, int64(x.req.Choices)), llm.UsageEstimated
	}
	// How much sound was listened to, or how much text came of it, nobody can
	// tell from the bytes.
	return u
}

// refused reports whether a failure means that no model was at work.
func refused(failure *llm.Error) bool {
	if failure == nil {
		return false
	}
	switch failure.Code {
	case llm.CodeUpstreamConnect, llm.CodeUpstreamTLS, llm.CodeConnectTimeout, llm.CodeUpstreamAuth, llm.CodeModelUnavailable:
		return true
	}
	switch failure.Kind() {
	case llm.Invalid, llm.Unauthenticated: // found before anything was sent, or said by the upstream
		return true
	}
	return failure.Answer != nil || errors.Is(failure, upstream.ErrNotSent)
}
