package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// maxMessage is how many bytes of a failure's message a client is sent.
const maxMessage = 4 << 10

// AppendObject appends the error object that the OpenAI protocols share:
//
//	{"message","type","param","code","request_id","retryable","upstream_status"}
//
// in this order. The first four are always there (param is null if there is
// none), as OpenAI's SDKs expect; the rest is Weir's own, and upstream_status
// is null if no upstream answered.
//
// Source: https://github.com/openai/openai-openapi, schema Error.
func (f Failure) AppendObject(dst []byte) []byte {
	row := f.row()
	dst = append(dst, `{"message":`...)
	dst = f.AppendMessage(dst)
	dst = append(dst, `,"type":`...)
	dst = jsonscan.AppendQuote(dst, row.OpenAI)
	dst = append(dst, `,"param":`...)
	if param := f.Param(); param != "" {
		dst = jsonscan.AppendQuote(dst, param)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"code":`...)
	dst = jsonscan.AppendQuote(dst, f.Code())
	dst = append(dst, `,"request_id":`...)
	dst = jsonscan.AppendQuote(dst, f.RequestID)
	dst = append(dst, ',')
	dst = f.AppendAdvice(dst)
	return append(dst, '}')
}

// AppendOpenAI appends the body of a failed answer of the OpenAI protocols.
func (f Failure) AppendOpenAI(dst []byte) []byte {
	dst = append(dst, `{"error":`...)
	dst = f.AppendObject(dst)
	return append(dst, '}')
}

// AppendOpenAIEvent appends the event that ends a stream of choices which
// failed. No "[DONE]" follows: its absence is what tells a client that does
// not look at errors.
func (f Failure) AppendOpenAIEvent(dst []byte) []byte {
	dst = f.AppendTornEnd(dst)
	dst = append(dst, "data: "...)
	dst = f.AppendOpenAI(dst)
	return append(dst, "\n\n"...)
}

// AppendErrorEvent appends the event that ends a stream of typed events which
// failed. OpenAI's SDKs raise its member "error".
func (f Failure) AppendErrorEvent(dst []byte) []byte {
	dst = f.AppendTornEnd(dst)
	dst = append(dst, `event: error`+"\n"+`data: {"type":"error","error":`...)
	dst = f.AppendObject(dst)
	return append(dst, "}\n\n"...)
}

// AppendTornEnd appends the empty line that f.Torn asks for.
func (f Failure) AppendTornEnd(dst []byte) []byte {
	if f.Torn {
		dst = append(dst, tornEnd...)
	}
	return dst
}

// AppendAdvice appends Weir's own members, `"retryable":…,"upstream_status":…`.
func (f Failure) AppendAdvice(dst []byte) []byte {
	dst = append(dst, `"retryable":`...)
	dst = strconv.AppendBool(dst, f.row().Retry)
	dst = append(dst, `,"upstream_status":`...)
	if f.Err != nil && f.Err.Answer != nil {
		return strconv.AppendInt(dst, int64(f.Err.Answer.Status), 10)
	}
	return append(dst, "null"...)
}

// AppendMessage appends the message for the client as a JSON string of at most
// 4 KiB of text. Control characters come out spelled, never as themselves: the
// message may end on a terminal. Where the client may try again after a known
// time the message says so, since Codex reads it there.
func (f Failure) AppendMessage(dst []byte) []byte {
	text := f.row().Message
	if f.Err != nil {
		text = f.Err.Message()
		if wait := f.Err.RetryAfter; wait > 0 && f.row().Retry && !strings.Contains(text, "try again in") {
			seconds := (wait + time.Second - 1) / time.Second
			text = fmt.Sprintf("%s; try again in %ds", printable(text, maxMessage-40), seconds)
		}
	}
	return jsonscan.AppendQuote(dst, printable(text, maxMessage))
}

// Code returns the code of f as it is spelled on the wire.
func (f Failure) Code() string { return string(f.row().Code) }

// AnthropicType returns the value of error.type in Anthropic's protocol.
func (f Failure) AnthropicType() string { return f.row().Anthropic }

// Limited reports whether f is a limit that the client ran into.
func (f Failure) Limited() bool { return f.row().Status == 429 }

// Param returns the member of the request that is at fault, empty if there is
// none.
func (f Failure) Param() string {
	if f.Err == nil {
		return ""
	}
	return f.Err.Param
}

// printable returns at most limit bytes of s, as valid UTF-8, with every
// control character but line feed and tab spelled as an escape.
func printable(s string, limit int) string {
	const more = "…"
	var b strings.Builder
	for _, r := range s {
		part := string(r) // U+FFFD for a byte that is not UTF-8
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			quoted := strconv.QuoteRune(r)
			part = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(part) > limit {
			return clip(b.String(), limit-len(more)) + more
		}
		b.WriteString(part)
	}
	return b.String()
}

// clip returns at most limit bytes of s without cutting a character in two.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
