package messages

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// Dialect is the Messages protocol. The zero value is ready.
type Dialect struct {
	// Own is true for a codec whose client and upstream both speak the
	// protocol. Then what only it can say of an answer (work of hosted tools,
	// citations of documents, reasons to stop) passes from the reader to the
	// writer. What a request says passes anyway.
	Own bool

	// Counting is true for a codec of requests to count tokens: they have no
	// max_tokens, and nothing that shapes an answer.
	Counting bool
}

// Name returns [llm.Messages].
func (Dialect) Name() llm.Dialect { return llm.Messages }

// reading notes what an upstream keeps and may be another tenant's: files, and
// the containers in which tools run code.
//
// Source: https://docs.claude.com/en/docs/build-with-claude/files, and there
// the code execution tool.
var reading = dialect.NewReading(nil, []string{"messages[].content[].type", "messages[].content[].content[].type"}, // immutable
	"container",
	"container.id",
	"messages[].content[].file_id",
	"messages[].content[].source.file_id",
	"messages[].content[].content[].source.file_id",
)

// ReadRequest finds the facts of a request body. Nothing of an answer is kept
// but the container that it names.
func (Dialect) ReadRequest(body []byte) (dialect.Request, error) {
	r, err := reading.Read(body, nil)
	r.Kept = true
	return r, err
}

// UsageEdits returns nil: every stream carries its usage.
func (Dialect) UsageEdits(dialect.Request, []byte) []jsonscan.Edit { return nil }

// NewTap returns a tap for one answer.
func (Dialect) NewTap(stream bool) *dialect.Tap {
	if stream {
		return dialect.NewTap(events, true)
	}
	return dialect.NewTap(bodies, false)
}

// Failure appends {"type":"error","error":{…},"request_id"}, where the error
// has type and message as Anthropic's have, and the gateway's own code,
// retryable, upstream_status and, if a member of the request is at fault,
// param.
//
// Source: https://docs.claude.com/en/api/errors.
func (Dialect) Failure(dst []byte, f dialect.Failure) []byte {
	dst = append(dst, `{"type":"error","error":{"type":`...)
	dst = jsonscan.AppendQuote(dst, f.AnthropicType())
	dst = append(dst, `,"message":`...)
	dst = f.AppendMessage(dst)
	dst = append(dst, `,"code":`...)
	dst = jsonscan.AppendQuote(dst, f.Code())
	if param := f.Param(); param != "" {
		dst = append(dst, `,"param":`...)
		dst = jsonscan.AppendQuote(dst, param)
	}
	dst = append(dst, ',')
	dst = f.AppendAdvice(dst)
	dst = append(dst, `},"request_id":`...)
	dst = jsonscan.AppendQuote(dst, f.RequestID)
	return append(dst, '}')
}

// StreamFailure appends the error event. It is named, because Anthropic's SDKs
// see no event that is not.
func (d Dialect) StreamFailure(dst []byte, f dialect.Failure, _ *dialect.Tap) []byte {
	dst = f.AppendTornEnd(dst)
	dst = append(dst, "event: error\ndata: "...)
	dst = d.Failure(dst, f)
	return append(dst, "\n\n"...)
}
