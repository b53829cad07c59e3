package gateway

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/retry"
)

// maxTranslated bounds an answer that is translated, in bytes: one that is whole
// for the client or the upstream must be there before any of it can be passed
// on, and of a stream the texts are kept for its end.
const maxTranslated = 64 << 20

// relayTranslated passes the answer on in the client's protocol. What was
// asked for decides in which form, whatever form it comes in.
func (x *exchange) relayTranslated(media string) error {
	stream := media == "text/event-stream" || media == "application/x-ndjson"
	if whole := media == "" || media == "application/json" || strings.HasSuffix(media, "+json"); !stream && !whole {
		return x.up.Unreadable(x.answer)
	}
	t := x.translation
	t.builder = llm.NewBuilder(x.translated)
	t.builder.Tools = t.tools
	delete(x.answer.Header, "Content-Type")
	if x.req.Stream {
		return x.streamTranslated(stream)
	}
	if err := x.readTranslated(stream, nil); err != nil {
		return err
	}
	r := t.builder.Reply()
	if r.Status == llm.StatusFailed {
		return x.up.Told(x.answer, r.Failure.Code, r.Failure.Message)
	}
	x.answer.Header.Set("Content-Type", "application/json")
	body := t.client.EncodeReply(nil, r, &t.options)
	x.send(int64(len(body)))
	if err := x.write(body); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	x.answer.Rest(restTime, restBytes)
	return nil
}

// What is read, at most, behind the end of an answer, so that its connection
// can be used again: most often the end of a chunked body, which comes at once.
const (
	restTime  = 100 * time.Millisecond
	restBytes = 64 << 10
)

// What the builder keeps of an event beside its texts, in bytes, about.
const keptOfEvent = 512

// translated takes an event of the answer.
func (x *exchange) translated(e llm.Event) {
	t := x.translation
	switch e.Kind {
	case llm.PartDelta, llm.InputDelta:
		t.text += int64(len(e.Text))
		t.kept += int64(len(e.Text) + len(e.Logprobs))
		t.said = true
	case llm.ItemBegun:
		t.kept += keptOfEvent + int64(len(e.Item().Raw))
	case llm.PartBegun, llm.AnnotationMade:
		t.kept += keptOfEvent
	}
	if e.Kind == llm.ReplyDone || e.Kind == llm.ReplyFailed {
		x.keepReply(e.Reply)
	}
	if t.writer != nil {
		t.out = t.writer.Append(t.out, e)
	}
}

// readTranslated reads the answer to its end. between, if there is one, is
// called after each read, with what there is to write. The answer is over
// afterwards, or an error is returned.
func (x *exchange) readTranslated(stream bool, between func() error) error {
	err := x.readAnswer(stream, between)
	if err == nil && !x.translation.over() {
		err = &llm.Error{Code: llm.CodeUpstreamTruncated, Op: "gateway.relay", Upstream: x.target.Upstream}
	}
	return err
}

func (x *exchange) readAnswer(stream bool, between func() error) error {
	t := x.translation
	if !stream {
		body, err := io.ReadAll(io.LimitReader(x.answer.Body, maxTranslated+1))
		if err != nil {
			return err
		}
		if len(body) > maxTranslated {
			return x.tooLarge()
		}
		return x.named(t.target.DecodeReply(body, t.builder))
	}
	reader := t.target.NewReader(t.builder)
	s := x.h.memory.get(streamBuffer)
	defer x.h.memory.put(s)
	buf, total := s.b[:cap(s.b)], int64(0)
	for {
		n, readErr := x.answer.Body.Read(buf)
		if n > 0 {
			x.run.FirstByte()
		}
		if total += int64(n); between == nil && total > maxTranslated {
			return x.tooLarge()
		}
		err := reader.Write(buf[:n])
		if err == nil && t.kept > maxTranslated {
			err = x.tooLarge()
		}
		if between != nil {
			err = errors.Join(err, between())
		}
		switch {
		case err != nil:
			return x.named(err)
		case t.builder.Over(): // what an upstream sends behind the end is nobody's
			return nil
		case atEnd(readErr):
			return x.named(reader.Close())
		case readErr != nil:
			return readErr
		}
	}
}

func (x *exchange) tooLarge() error {
	return &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: "gateway.relay", Upstream: x.target.Upstream}
}

// named returns err with the upstream's name.
func (x *exchange) named(err error) error {
	if err == nil {
		return nil
	}
	e := *llm.AsError(err)
	if e.Upstream == "" && e.Kind() != llm.Cancelled {
		e.Upstream = x.target.Upstream
	}
	return &e
}

// streamTranslated answers with a stream. Its first event leaves at once: the
// upstream has said that it will answer. Where another attempt can take its
// place, nothing leaves before it has meant something.
func (x *exchange) streamTranslated(stream bool) error {
	t := x.translation
	t.writer, x.streaming = t.client.NewWriter(&t.options), true
	x.answer.Header["Content-Type"] = []string{"text/event-stream; charset=utf-8"}
	defer func() { x.alive.stop() }()
	t.builder.Begin("", "", 0)
	if err := x.flushTranslated(); err != nil {
		return err
	}
	err := x.readTranslated(stream, x.flushTranslated)
	if r := t.builder.Reply(); !x.sent && r.Status == llm.StatusFailed {
		if told := x.up.Told(x.answer, r.Failure.Code, r.Failure.Message); x.after(told).Move != retry.Stop {
			return told
		}
	}
	if err != nil && !x.sent {
		return err
	}
	t.said = t.said || !x.sent // whatever it is, it is all
	if flushErr := x.flushTranslated(); err == nil {
		err = flushErr
	}
	x.alive.stop()
	if err == nil {
		x.answer.Rest(restTime, restBytes)
	}
	if r := t.builder.Reply(); r.Status == llm.StatusFailed {
		x.told = x.up.Told(x.answer, r.Failure.Code, r.Failure.Message)
		return nil // the client has been told in the upstream's words
	}
	if t.over() && (err == nil || isCancelled(err)) {
		return nil // everything was written; clients hang up at the last event
	}
	return err
}

// flushTranslated writes what there is to write.
func (x *exchange) flushTranslated() error {
	t := x.translation
	n := len(t.out)
	switch {
	case n == 0:
		return nil
	case x.sent:
	case !t.said && n < maxHeld && x.holdsStream() && !x.heldLong():
		return nil
	default:
		x.openTranslated()
	}
	x.alive.lock()
	defer x.alive.unlock(true)
	if t.said && !x.firstToken {
		x.firstToken = true
		after := time.Since(x.start)
		for _, o := range x.h.observers {
			o.FirstToken(x.id, after)
		}
	}
	err := x.write(t.out)
	if err == nil {
		err = x.flush()
	}
	x.disarm()
	if t.out = t.out[:0]; cap(t.out) > wholeBuffer {
		t.out = nil
	}
	for _, o := range x.h.observers {
		o.Event(x.id, n)
	}
	return err
}

// openTranslated sends the head of a stream.
func (x *exchange) openTranslated() {
	h := x.w.Header()
	h["Cache-Control"] = []string{"no-cache, no-transform"}
	h["X-Accel-Buffering"] = []string{"no"}
	x.send(-1)
	x.keepAlive(x.translation.profile.KeepAlive)
}
