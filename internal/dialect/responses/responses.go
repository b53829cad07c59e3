package responses

import (
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// Dialect is the Responses protocol. The zero value is ready.
type Dialect struct {
	// Counting is true for a codec of requests to count tokens: they have
	// nothing that does not stand in front of the model.
	Counting bool
}

// Name returns [llm.Responses].
func (Dialect) Name() llm.Dialect { return llm.Responses }

// ReadRequest finds the facts of a request body. A response is kept unless the
// request says otherwise.
func (Dialect) ReadRequest(body []byte) (dialect.Request, error) {
	return dialect.ReadReferring(request, members, len(imageMembers), body, true)
}

// UsageEdits returns nil: the last event always carries the usage.
func (Dialect) UsageEdits(dialect.Request, []byte) []jsonscan.Edit { return nil }

// NewTap returns a tap for one answer.
func (Dialect) NewTap(stream bool) *dialect.Tap {
	if stream {
		return dialect.NewTap(events, true)
	}
	return dialect.NewTap(bodies, false)
}

// Failure appends {"error":{…}}.
func (Dialect) Failure(dst []byte, f dialect.Failure) []byte { return f.AppendOpenAI(dst) }

// StreamFailure appends response.failed, the one end of a failed stream that
// every client understands: Codex ignores the bare error event and retries
// the turn on this one.
//
// The response has the id, model and time that the stream has told, and every
// other member that OpenAI's and the Open Responses schema demand, with the
// value it has where nothing was asked for. Its error's code is one of
// OpenAI's closed list, so that clients know what to do: rate_limit_exceeded
// for limits, else server_error, both of which Codex retries. The gateway's
// own code is beside it as weir_code.
func (Dialect) StreamFailure(dst []byte, f dialect.Failure, t *dialect.Tap) []byte {
	k := told(f, t)
	dst = f.AppendTornEnd(dst)
	const unset = `,"background":false,"completed_at":null,"frequency_penalty":0,"incomplete_details":null,` +
		`"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"output":[],` +
		`"parallel_tool_calls":true,"presence_penalty":0,"previous_response_id":null,"prompt_cache_key":null,` +
		`"reasoning":null,"safety_identifier":null,"service_tier":"default","store":false,"temperature":1,` +
		`"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,` +
		`"truncation":"disabled","usage":null`
	dst = append(dst, "event: response.failed\ndata: "...)
	dst = append(dst, `{"type":"response.failed","sequence_number":`...)
	dst = strconv.AppendInt(dst, k.sequence+1, 10)
	dst = append(dst, `,"response":{"id":`...)
	dst = jsonscan.AppendQuote(dst, k.id)
	dst = append(dst, `,"object":"response","created_at":`...)
	dst = strconv.AppendInt(dst, k.created, 10)
	dst = append(dst, `,"status":"failed","model":`...)
	dst = jsonscan.AppendQuote(dst, k.model)
	dst = append(dst, `,"error":`...)
	dst = appendError(dst, f)
	dst = append(dst, unset...)
	return append(dst, "}}\n\n"...)
}

func appendError(dst []byte, f dialect.Failure) []byte {
	code := "server_error"
	if f.Limited() {
		code = "rate_limit_exceeded"
	}
	dst = append(dst, `{"code":`...)
	dst = jsonscan.AppendQuote(dst, code)
	dst = append(dst, `,"message":`...)
	dst = f.AppendMessage(dst)
	dst = append(dst, `,"weir_code":`...)
	dst = jsonscan.AppendQuote(dst, f.Code())
	dst = append(dst, `,"request_id":`...)
	dst = jsonscan.AppendQuote(dst, f.RequestID)
	dst = append(dst, ',')
	dst = f.AppendAdvice(dst)
	return append(dst, '}')
}

type facts struct {
	id, model         string
	sequence, created int64
}

// told returns what the stream has said of its response, or what stands for
// it.
func told(f dialect.Failure, t *dialect.Tap) facts {
	k := facts{sequence: -1}
	if t != nil {
		k = facts{t.ResponseID(), t.Model(), t.Sequence(), t.Created()}
	}
	if f.ResponseID != "" {
		k.id = f.ResponseID
	}
	if k.id == "" {
		// Codex takes no response without an id. This one is never found
		// again: nothing is kept under it.
		k.id = "resp_weir_" + strings.Map(idRune, f.RequestID)
	}
	if k.created == 0 && !f.Time.IsZero() {
		k.created = f.Time.Unix()
	}
	return k
}

// idRune drops what does not belong into an id.
func idRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
		return r
	}
	return -1
}
