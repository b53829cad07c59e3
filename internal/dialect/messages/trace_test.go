package messages_test

import (
	"fmt"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// options are those of a client that takes everything.
func options() *dialect.ReplyOptions {
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: llm.Messages, Model: "m", Thinking: "adaptive", WantSealed: true},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
		Seal: func(item *llm.Item) string { return item.Sealed },
	}
}

// line writes an event for people.
func line(e llm.Event) string {
	switch e.Kind {
	case llm.ReplyBegun:
		return fmt.Sprintf("begun %q %q, usage %s", e.Reply.ID, e.Reply.Model, used(e.Reply.Usage))
	case llm.ItemBegun:
		switch i := e.Item(); i.Kind {
		case llm.ItemReasoning:
			return fmt.Sprintf("%d reasoning", e.Index)
		case llm.ItemCall:
			return fmt.Sprintf("%d call of %q by %q", e.Index, i.Name, i.CallID)
		case llm.ItemHosted:
			return fmt.Sprintf("%d hosted %s", e.Index, i.Type)
		default:
			return fmt.Sprintf("%d message of %s", e.Index, i.Role)
		}
	case llm.PartBegun:
		return fmt.Sprintf("%d.%d begun", e.Index, e.Part)
	case llm.PartDelta:
		return fmt.Sprintf("%d.%d + %q", e.Index, e.Part, e.Text)
	case llm.InputDelta:
		return fmt.Sprintf("%d + %q", e.Index, e.Text)
	case llm.AnnotationMade:
		notes := e.Item().Parts[e.Part].Annotations
		n := notes[len(notes)-1]
		return fmt.Sprintf("%d.%d cites %q %q for %d to %d %s", e.Index, e.Part, n.URL, n.Title, n.Start, n.End, n.Raw)
	case llm.PartDone:
		return fmt.Sprintf("%d.%d done %q", e.Index, e.Part, e.Item().Parts[e.Part].Text)
	case llm.ItemDone:
		i := e.Item()
		return fmt.Sprintf("%d done %s input %q sealed %q %s", e.Index, i.Status, i.Input, i.Sealed, i.Raw)
	case llm.ReplyDone:
		a := e.Reply
		return fmt.Sprintf("done %s %q, word %q, stop %q, usage %s", a.Status, a.Reason, a.Words, a.Stop, used(a.Usage))
	default:
		return fmt.Sprintf("failed %+v", *e.Reply.Failure)
	}
}

func used(u llm.Usage) string {
	return fmt.Sprintf("%d (cached %d, written %d) %d (reasoning %d) %s", u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning, u.Provenance)
}

// relay reads a stream in these pieces and writes it for a client.
func relay(d messages.Dialect, o *dialect.ReplyOptions, pieces ...string) (lines []string, wire []byte) {
	w := d.NewWriter(o)
	b := llm.NewBuilder(func(e llm.Event) {
		lines = append(lines, line(e))
		wire = w.Append(wire, e)
	})
	r := d.NewReader(b)
	err := error(nil)
	for _, p := range pieces {
		if err = r.Write([]byte(p)); err != nil {
			break
		}
	}
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		lines = append(lines, "error "+string(llm.AsError(err).Code))
		wire = w.Fail(wire, dialect.Failure{Err: llm.AsError(err), RequestID: "req_1"})
	}
	return lines, wire
}

// decode reads a whole answer.
func decode(d messages.Dialect, body string) (lines []string, a *llm.Reply, err error) {
	b := llm.NewBuilder(func(e llm.Event) { lines = append(lines, line(e)) })
	if err = d.DecodeReply([]byte(body), b); err != nil {
		lines = append(lines, "error "+string(llm.AsError(err).Code))
	}
	return lines, b.Reply(), err
}
