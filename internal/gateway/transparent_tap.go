package gateway

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// tapped are the ends of the paths whose answers tell their usage in a way that
// is known, and the operation that they are of. The first that fits counts.
var tapped = []struct { // immutable
	end string
	op  llm.Operation
}{
	{"/chat/completions", llm.OpChat},
	{"/completions", llm.OpCompletions},
	{"/embeddings", llm.OpEmbeddings},
	{"/responses", llm.OpResponses},
	{"/responses/compact", llm.OpCompact},
	{"/messages", llm.OpMessages},
	{"/messages/count_tokens", llm.OpCountTokens},
	{"/images/generations", llm.OpImageGeneration},
	{"/images/edits", llm.OpImageEdit},
	{"/audio/transcriptions", llm.OpTranscription},
	{"/audio/translations", llm.OpTranslation},
}

// putTap puts a tap to an answer whose shape is known. It watches what passes and
// has no say in it. What is compressed it could not read.
func (p *passing) putTap() {
	x := p.x
	if x.r.Method != http.MethodPost || x.answer.Status/100 != 2 || encoded(x.answer.Header) {
		return
	}
	media := mediaType(x.answer.Header.Get("Content-Type"))
	x.entry.Stream = media == "text/event-stream"
	if !x.entry.Stream && media != "application/json" {
		return
	}
	for _, t := range tapped {
		if strings.HasSuffix(p.path, t.end) {
			x.entry.Dialect = t.op.Dialect()
			x.tap, p.tapping = dialectOf(t.op).NewTap(x.entry.Stream), true
			return
		}
	}
}

func encoded(h http.Header) bool {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

// maxSample is how much of a refusal is kept, in bytes.
const maxSample = 4 << 10

// keep keeps the beginning of a refusal that can be read.
func (p *passing) keep(b []byte) {
	if !encoded(p.x.answer.Header) {
		p.sample = append(p.sample, b[:min(len(b), maxSample-len(p.sample))]...)
	}
}

// kept returns what was kept, without the credentials that the caller has sent:
// some upstreams quote them.
func (p *passing) kept() []byte {
	const shortest = 6 // shorter ones are words
	for _, name := range []string{"Authorization", "Api-Key", "X-Api-Key", "Ocp-Apim-Subscription-Key", "Cookie"} {
		for _, value := range p.x.r.Header[name] {
			for _, secret := range []string{value, value[strings.LastIndexByte(value, ' ')+1:]} {
				if len(secret) >= shortest {
					p.sample = bytes.ReplaceAll(p.sample, []byte(secret), []byte("[redacted]"))
				}
			}
		}
	}
	return p.sample
}

// watch shows the tap what has passed.
func (p *passing) watch(b []byte) {
	for p.tapping && len(b) > 0 {
		n, end, err := p.x.tap.Next(b)
		if end == dialect.Event {
			p.x.noteToken()
		}
		p.tapping = err == nil
		b = b[n:]
	}
}

// closeTap draws the conclusions when nothing more passes.
func (p *passing) closeTap() {
	x := p.x
	if x.tap == nil {
		return
	}
	if p.tapping {
		_, _ = x.tap.Close() // whether it was whole is not judged here
	}
	x.noteFailure()
	if x.entry.Model == "" {
		x.entry.Model = x.tap.Model()
	}
}

// passedUsage is what an exchange through the transparent door used: what the
// upstream has reported, nothing where no model can have been at work, else
// nobody knows.
func (x *exchange) passedUsage(failure *llm.Error) llm.Usage {
	if x.tap != nil {
		if u := x.tap.Usage(); u.Provenance != llm.UsageUnknown {
			return u
		}
	}
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return llm.Usage{Provenance: llm.UsageNone}
	}
	if len(x.entry.Attempts) == 0 || refused(failure) {
		return llm.Usage{Provenance: llm.UsageNone}
	}
	return llm.Usage{Provenance: llm.UsageUnknown}
}
