package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/retry"
	"github.com/weir-gateway/weir/internal/upstream"
)

const (
	// streamBuffer is what a stream costs while it is silent. It grows as soon
	// as a read fills it.
	streamBuffer = 2 << 10

	// maxHeld is how much of an event is held back until its end has come.
	// Larger events are passed on in pieces.
	maxHeld = 64 << 10

	// wholeBuffer is the size up to which a whole answer is checked to be
	// complete before its status is sent.
	wholeBuffer = 64 << 10
)

// relay passes the answer on as it comes.
func (x *exchange) relay() error {
	if x.estimated {
		return x.tellCount(x.counted)
	}
	switch media := mediaType(x.answer.Header.Get("Content-Type")); {
	case x.answer.Status == http.StatusNoContent: // which cannot be passed on with an error
		return &llm.Error{Code: llm.CodeUpstreamTruncated, Op: "gateway.relay", Upstream: x.target.Upstream}
	case x.translation != nil && x.op.Counts():
		return x.relayCount()
	case x.translation != nil:
		return x.relayTranslated(media)
	case media == "text/event-stream":
		return x.relayStream()
	case x.retell != nil && (media == "" || media == "application/json" || strings.HasSuffix(media, "+json")):
		return x.relayRetold()
	case media == "", media == "application/json", strings.HasSuffix(media, "+json"):
		return x.relayWhole()
	case x.op == llm.OpSpeech && isSound(media):
		return x.relayBytes(false)
	case (x.op == llm.OpTranscription || x.op == llm.OpTranslation) && isText(media):
		return x.relayBytes(true)
	default:
		return x.up.Unreadable(x.answer)
	}
}

// mediaType returns what stands before the parameters of an upstream's
// Content-Type. They need not be valid: some servers' are not.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// send sends the status and the headers of the answer.
func (x *exchange) send(length int64) {
	x.releaseBody() // nothing is tried again from here on
	x.countAttempts(2)
	x.explainItself(nil)
	h := x.w.Header()
	maps.Copy(h, x.answer.Header)
	if x.up.Kind() == upstream.Simulator {
		h["X-Weir-Simulator"] = []string{"true"}
	}
	if length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	x.writeStatus(x.answer.Status)
	x.entry.FirstByte = time.Since(x.start)
}

// relayWhole passes a whole answer on. An answer that fits into the buffer is
// seen to be complete before its status is sent, so that the client is told of
// a fault by status; a larger one is passed on as it comes.
func (x *exchange) relayWhole() error {
	if x.tap == nil {
		x.tap = x.dialect.NewTap(false)
	}
	x.keepsIDs()
	s := x.h.memory.get(wholeBuffer)
	defer x.h.memory.put(s)
	buf := s.b[:cap(s.b)]
	n := 0
	for {
		x.disarm()
		m, err := x.answer.Body.Read(buf[n:])
		if _, _, tapErr := x.tap.Next(buf[n : n+m]); tapErr != nil {
			return tapErr
		}
		if x.tap.Broken() { // a page, most often: none of it is passed on
			_, err := x.tap.Close()
			return err
		}
		n += m
		switch {
		case atEnd(err):
			return x.endWhole(buf[:n])
		case err != nil:
			return err
		case n < len(buf):
			continue
		}
		if !x.sent {
			x.send(x.answer.ContentLength)
		}
		if x.tap.Done() { // these are its last bytes, though not all that was asked to be read
			_, _ = x.tap.Close() // endWhole asks again
			x.notePins()
		}
		if err := x.write(buf[:n]); err != nil {
			return err
		}
		n = 0
	}
}

// endWhole passes the last bytes of a whole answer on.
func (x *exchange) endWhole(last []byte) error {
	if _, err := x.tap.Close(); err != nil {
		return err
	}
	if !x.sent && x.object == nil {
		if err := x.toldFirst(); err != nil {
			return err
		}
	}
	x.notePins()
	if !x.sent {
		x.send(int64(len(last)))
	}
	x.noteFailure()
	return x.write(last)
}

// noteFailure keeps, for the account, that the upstream has told of a failure
// inside an answer that began as a success. It passes as it came.
func (x *exchange) noteFailure() {
	if code, message, failed := x.tap.Failed(); failed && x.object == nil {
		x.told = x.up.Told(x.answer, code, message)
	}
}

// relayStream passes a stream on, whole events at a time, as they come.
func (x *exchange) relayStream() error {
	x.tap, x.streaming = x.dialect.NewTap(true), true
	x.tap.Expect(x.req.Choices)
	x.keepsIDs()
	if !x.holdsStream() {
		if err := x.openStream(); err != nil {
			return err
		}
	}
	defer func() { x.alive.stop() }()
	s := x.h.memory.get(streamBuffer)
	defer func() { x.h.memory.put(s) }()
	held := 0
	for {
		if held == cap(s.b) {
			grown := x.h.memory.get(2 * held)
			grown.b = append(grown.b, s.b[:held]...)
			x.h.memory.put(s)
			s = grown
		}
		buf := s.b[:cap(s.b)]
		n, readErr := x.answer.Body.Read(buf[held:])
		if n > 0 {
			x.run.FirstByte()
		}
		x.alive.lock()
		before := x.entry.BytesOut
		rest, err := x.forward(buf[:held+n], held)
		x.disarm()
		x.alive.unlock(x.entry.BytesOut > before)
		if err != nil {
			return err
		}
		held = copy(buf, rest)
		if held == 0 && cap(s.b) > streamBuffer { // the large event is gone: be small again
			x.h.memory.put(s)
			s = x.h.memory.get(streamBuffer)
			buf = s.b[:cap(s.b)]
		}
		if readErr != nil {
			x.alive.stop()
			return x.endStream(buf[:held], readErr)
		}
	}
}

// openStream sends the head of a stream.
func (x *exchange) openStream() error {
	h := x.w.Header()
	h["Cache-Control"] = []string{"no-cache, no-transform"}
	h["X-Accel-Buffering"] = []string{"no"} // proxies in front must not collect events
	x.send(-1)
	if err := x.flush(); err != nil {
		return err
	}
	x.disarm()
	x.keepAlive(x.target.KeepAlive)
	return nil
}

// pass sends events of a stream, behind its head if that has been held back.
func (x *exchange) pass(p []byte) error {
	if len(p) > 0 && !x.sent {
		if err := x.openStream(); err != nil {
			return err
		}
	}
	if x.retell != nil {
		return x.passRetold(p)
	}
	return x.write(p)
}

// forward passes on the events that end in p, of which the first `seen` bytes
// have been through the tap already, and returns what is held back: the
// beginning of the event that has not ended, or all of a stream that has not
// meant anything yet.
func (x *exchange) forward(p []byte, seen int) (rest []byte, err error) {
	out, start := 0, x.eventAt // p[:out] is done with; the current event begins at start
	written := 0
	for pos := seen; pos < len(p); {
		n, end, err := x.tap.Next(p[pos:])
		pos += n
		if err != nil {
			return nil, err
		}
		switch end {
		case dialect.Event:
			x.meant = x.meant || x.tap.Content() || x.tap.Ended()
			x.noteToken()
			x.notePins()
		case dialect.None:
			continue
		}
		if x.injected && !x.partial && x.tap.Drop() {
			if err := x.pass(p[out:start]); err != nil {
				return nil, err
			}
			written += start - out
			out = pos
		}
		start, x.partial = pos, false
	}
	if len(p)-start >= maxHeld && x.retell == nil { // too large to be held back
		start, x.partial = len(p), true
	}
	if x.eventAt = 0; !x.sent && out == 0 && start < maxHeld {
		if err := x.toldFirst(); err != nil {
			return nil, err
		}
		if !x.meant && !x.heldLong() {
			x.eventAt = start
			return p, nil
		}
	}
	if err := x.pass(p[out:start]); err != nil {
		return nil, err
	}
	if written += start - out; written == 0 {
		return p[start:], nil
	}
	if err := x.flush(); err != nil {
		return nil, err
	}
	x.tellEvent(written)
	return p[start:], nil
}

// toldFirst returns the failure that an answer has told of before the client
// has had any of it, if another attempt may do better. Otherwise the client is to hear it
// from the upstream.
func (x *exchange) toldFirst() error {
	code, message, failed := x.tap.Failed()
	if !failed {
		return nil
	}
	if e := x.up.Told(x.answer, code, message); x.after(e).Move != retry.Stop {
		return e
	}
	x.meant = true
	return nil
}

// tellEvent tells the observers how much of a stream was sent.
func (x *exchange) tellEvent(bytes int) {
	if x.object != nil {
		return
	}
	for _, o := range x.h.observers {
		o.Event(x.id, bytes)
	}
}

// noteToken tells the observers when the first model output has passed.
func (x *exchange) noteToken() {
	if x.firstToken || !x.tap.Content() || x.object != nil {
		return
	}
	x.firstToken = true
	after := time.Since(x.start)
	for _, o := range x.h.observers {
		o.FirstToken(x.id, after)
	}
}

// endStream ends a stream after the upstream's last byte: rest is what came
// after the last whole event.
func (x *exchange) endStream(rest []byte, readErr error) error {
	if atEnd(readErr) {
		// The last event may lack its blank line. If it is whole otherwise, the
		// client gets it with one; half an event is not passed on.
		end, _ := x.tap.Close() // the error is one of those found below
		x.notePins()
		if end == dialect.Event && !(x.injected && !x.partial && x.tap.Drop()) {
			missing := "\n\n"
			if bytes.HasSuffix(rest, []byte("\n")) {
				missing = "\n" // its last line has an end
			}
			rest = append(rest, missing...)
			x.partial, x.eventAt, x.meant = false, len(rest), true
			if err := x.pass(rest); err != nil {
				return err
			}
		}
	}
	x.noteFailure()
	if !x.sent && (x.tap.Complete() || x.told != nil) {
		if err := x.pass(rest[:x.eventAt]); err != nil {
			return err
		}
	}
	switch {
	case !x.sent && !atEnd(readErr):
		return readErr
	case !x.sent:
		return &llm.Error{Code: llm.CodeUpstreamTruncated, Op: "gateway.relay", Upstream: x.target.Upstream}
	case x.tap.Complete() && !x.partial && (x.tap.Ended() || atEnd(readErr) || isCancelled(readErr)):
		// Everything was written. Clients hang up at the last event, so that
		// neither a failed flush nor a cancelled read means anything now.
		_ = x.flush()
		return nil
	case isCancelled(readErr):
		return readErr
	case x.told != nil && x.op != llm.OpResponses && !x.partial:
		return x.flush() // the upstream has said why itself, in the dialect's way
	case x.told != nil:
		// An error event does not end a stream of responses: Codex waits on.
		return x.told
	case !atEnd(readErr):
		return readErr
	default:
		return &llm.Error{Code: llm.CodeUpstreamTruncated, Op: "gateway.relay", Upstream: x.target.Upstream}
	}
}

// atEnd reports whether an answer has come to its true end. An error that only
// wraps io.EOF says how it was cut.
func atEnd(err error) bool { return err == io.EOF } //nolint:errorlint // io.Reader's contract

func isCancelled(err error) bool {
	e, ok := errors.AsType[*llm.Error](err)
	return ok && e.Kind() == llm.Cancelled
}

// writeStatus sends the status line with the headers that have been set.
func (x *exchange) writeStatus(status int) {
	x.sent = true
	x.entry.Status = status
	if x.dialect.Name() == llm.Messages {
		x.w.Header()["Request-Id"] = []string{x.id} // Anthropic's SDKs read no other
	}
	x.arm()
	if limit := x.h.bodyTimeout; !x.bodyRead && x.r.Body != http.NoBody && x.r.ProtoMajor == 1 && limit > 0 {
		// net/http would read what is left of a small body before it answers.
		// It does not where the connection ends with the answer.
		x.w.Header()["Connection"] = []string{"close"}
		_ = x.rc.SetReadDeadline(time.Now().Add(min(limit, maxLinger))) // fails only on a dead connection
		x.lingers = true
	}
	x.w.WriteHeader(status)
}

// maxLinger bounds the time for which a client may go on sending a body that
// nobody needs.
const maxLinger = 5 * time.Second

// linger reads what a client goes on sending that was answered before its body
// had come. To close a connection on bytes that nobody has read is to reset
// it, and the reset can overtake the answer.
func (x *exchange) linger() {
	if !x.lingers || x.flush() != nil {
		return
	}
	defer x.heedShutdown()()
	_, _ = io.Copy(io.Discard, x.r.Body) // it does not matter how it ends
}

// heedShutdown makes reads of the body end when a shutdown cuts the exchange,
// until the returned function is called: net/http ends them only with the
// connection, and who sends nothing must not hold up a shutdown.
func (x *exchange) heedShutdown() (stop func() bool) {
	return context.AfterFunc(x.r.Context(), func() {
		if x.cut() {
			_ = x.rc.SetReadDeadline(time.Unix(1, 0)) // fails only on a dead connection
		}
	})
}

// cut reports whether a shutdown has ended the exchange's context. net/http
// cancels it too, when the client leaves and when a read fails.
func (x *exchange) cut() bool { return errors.Is(context.Cause(x.r.Context()), ErrShutdown) }

// write sends p to the client, or fails with [llm.CodeClientClosed] or
// [llm.CodeClientTooSlow].
func (x *exchange) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	x.arm()
	n, err := x.w.Write(p)
	x.entry.BytesOut += int64(n)
	return x.writeError(err)
}

// flush sends what has been written so far.
func (x *exchange) flush() error { return x.writeError(x.rc.Flush()) }

func (x *exchange) writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded), x.resetAtDeadline():
		return &llm.Error{Code: llm.CodeClientTooSlow, Op: "gateway.write", Err: err}
	default:
		return &llm.Error{Code: llm.CodeClientClosed, Op: "gateway.write", Err: err}
	}
}

// resetAtDeadline reports whether a write that has failed was too slow. HTTP/2
// says of a deadline no more than that the stream is closed.
func (x *exchange) resetAtDeadline() bool {
	return x.r.ProtoMajor == 2 && !x.writeDeadline.IsZero() && !time.Now().Before(x.writeDeadline)
}

// arm gives the next write its deadline. It is set anew only when a quarter of
// the time has gone. The last one is left to stand: it covers what net/http
// itself still has to write.
func (x *exchange) arm() {
	limit := x.h.writeTimeout
	if limit <= 0 {
		return
	}
	if now := time.Now(); x.writeDeadline.Sub(now) < limit-limit/4 {
		x.writeDeadline = now.Add(limit)
		_ = x.rc.SetWriteDeadline(x.writeDeadline) // fails only on a dead connection
	}
}

// disarm takes the deadline off before the upstream is waited for. HTTP/1 does
// not notice a deadline that passes between two writes, HTTP/2 resets the
// stream.
func (x *exchange) disarm() {
	if x.r.ProtoMajor == 2 && !x.writeDeadline.IsZero() {
		x.writeDeadline = time.Time{}
		_ = x.rc.SetWriteDeadline(x.writeDeadline) // fails only on a dead connection
	}
}
