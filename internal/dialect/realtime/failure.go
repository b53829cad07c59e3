package realtime

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
)

// AppendError appends the event by which a server tells a client of a failure.
// id is the event's own; culprit is the event_id of the client's event that is
// to blame, empty if none is, or none that had one.
//
// Source: OpenAI's OpenAPI document, schema RealtimeServerEventError. The
// members request_id, retryable and upstream_status of the error are Weir's.
func AppendError(dst []byte, f dialect.Failure, id, culprit string) []byte {
	dst = append(dst, `{"type":"error","event_id":`...)
	dst = jsonscan.AppendQuote(dst, id)
	dst = append(dst, `,"error":`...)
	dst = f.AppendObject(dst)
	dst = append(dst[:len(dst)-1], `,"event_id":`...)
	if culprit == "" {
		dst = append(dst, "null"...)
	} else {
		dst = jsonscan.AppendQuote(dst, culprit)
	}
	return append(dst, "}}"...)
}
