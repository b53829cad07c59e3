package chat_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/llm"
)

// options are those of a client that wants all there is.
func options() *dialect.ReplyOptions {
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: llm.Chat, Model: "m", Summary: "auto", Logprobs: true, IncludeUsage: true, Stream: true},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
	}
}

var (
	toolNames = []string{"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "tool_search", "hosted"} // immutable
	partNames = []string{"text", "refusal", "reasoning", "summary", "image", "file", "audio", "unknown"}                    // immutable
)

// line writes an event for people.
func line(e llm.Event) string {
	switch e.Kind {
	case llm.ReplyBegun:
		return fmt.Sprintf("begun %q %q %d", e.Reply.ID, e.Reply.Model, e.Reply.Created)
	case llm.ItemBegun:
		switch i := e.Item(); i.Kind {
		case llm.ItemReasoning:
			return fmt.Sprintf("%d reasoning", e.Index)
		case llm.ItemCall:
			return fmt.Sprintf("%d call of %s %q by %q", e.Index, toolNames[i.Tool], i.Name, i.CallID)
		default:
			return fmt.Sprintf("%d message of %s", e.Index, i.Role)
		}
	case llm.PartBegun:
		return fmt.Sprintf("%d.%d %s", e.Index, e.Part, partNames[e.Item().Parts[e.Part].Kind])
	case llm.PartDelta:
		s := fmt.Sprintf("%d.%d + %q", e.Index, e.Part, e.Text)
		if e.Logprobs != nil {
			s += " log probabilities " + string(e.Logprobs)
		}
		return s
	case llm.InputDelta:
		return fmt.Sprintf("%d + %q", e.Index, e.Text)
	case llm.AnnotationMade:
		notes := e.Item().Parts[e.Part].Annotations
		return fmt.Sprintf("%d.%d annotation %+v", e.Index, e.Part, notes[len(notes)-1])
	case llm.PartDone:
		return fmt.Sprintf("%d.%d done %q", e.Index, e.Part, e.Item().Parts[e.Part].Text)
	case llm.ItemDone:
		return fmt.Sprintf("%d done %s %q", e.Index, e.Item().Status, e.Item().Input)
	case llm.ReplyDone:
		a := e.Reply
		return fmt.Sprintf("done %s %q, word %q, usage %+v", a.Status, a.Reason, a.Words, a.Usage)
	default:
		return fmt.Sprintf("failed %+v", *e.Reply.Failure)
	}
}

// read reads a stream in these pieces and returns its events as lines, the
// last of which says how it ended.
func read(pieces ...string) []string {
	lines, _ := relay(chat.Dialect{}, pieces...)
	return lines
}

// relay reads a stream and writes it for a client.
func relay(d chat.Dialect, pieces ...string) (lines []string, wire []byte) {
	w := d.NewWriter(options())
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

// said is an answer in short: what it says, one thing after another.
func said(a *llm.Reply) string {
	var all []string
	for i := range a.Items {
		item := &a.Items[i]
		if item.Kind == llm.ItemCall {
			s := fmt.Sprintf("call %s %s %s", item.CallID, item.Name, item.Input)
			if item.Tool == llm.ToolCustom {
				s = "custom " + s
			}
			if item.Status == llm.ItemIncomplete {
				s += " (incomplete)"
			}
			all = append(all, s)
		}
		for _, p := range item.Parts {
			all = append(all, fmt.Sprintf("%s %q", partNames[p.Kind], p.Text))
		}
	}
	switch a.Status {
	case llm.StatusFailed:
		all = append(all, fmt.Sprintf("failed %q %q", a.Failure.Code, a.Failure.Message))
	case llm.StatusIncomplete:
		all = append(all, "incomplete "+a.Reason)
	default:
		all = append(all, string(a.Status))
	}
	return strings.Join(all, "; ")
}
