package dialecttest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/llm"
)

// essence is what of an answer must survive the protocol: lines, so that a
// difference can be read.
func (s CodecSuite) essence(a *llm.Reply) []string {
	lines := []string{fmt.Sprintf("status %s %s", a.Status, a.Reason), fmt.Sprintf("usage %+v", a.Usage)}
	var m said
	flush := func() {
		lines = append(lines, m.lines()...)
		m = said{}
	}
	for i := range a.Items {
		item := &a.Items[i]
		if item.Kind != llm.ItemMessage || s.Carries.Messages {
			flush()
		}
		switch item.Kind {
		case llm.ItemReasoning:
			lines = append(lines, s.reasoningLine(item))
		case llm.ItemCall:
			lines = append(lines, fmt.Sprintf("call %d %s %s.%s %s", item.Tool, item.CallID, item.Namespace, item.Name, item.Input))
		case llm.ItemMessage:
			for _, p := range item.Parts {
				s.hear(&m, p)
				if s.Carries.Parts {
					flush()
				}
			}
		}
	}
	flush()
	return lines
}

// said is what parts say that the protocol does not tell apart.
type said struct {
	text, refusal string
	logs          []string
	notes         []string
}

// hear adds a part. A note's place counts from the beginning of all the text.
func (s CodecSuite) hear(m *said, p llm.Part) {
	if p.Kind == llm.PartRefusal {
		m.refusal += p.Text
		return
	}
	if p.Kind != llm.PartText {
		return
	}
	if s.Carries.Annotations {
		before := int64(utf8.RuneCountInString(m.text))
		for _, n := range p.Annotations {
			m.notes = append(m.notes, fmt.Sprintf("annotation %s %s %d-%d", n.URL, n.Title, before+n.Start, before+n.End))
		}
	}
	if s.Carries.Logprobs && len(p.Logprobs) > 2 {
		m.logs = append(m.logs, string(p.Logprobs[1:len(p.Logprobs)-1]))
	}
	m.text += p.Text
}

func (m *said) lines() (lines []string) {
	if len(m.logs) > 0 {
		lines = append(lines, "log probabilities "+strings.Join(m.logs, ","))
	}
	lines = append(lines, m.notes...)
	if m.text != "" || m.refusal != "" {
		lines = append(lines, fmt.Sprintf("text %q refusal %q", m.text, m.refusal))
	}
	return lines
}

func (s CodecSuite) reasoningLine(item *llm.Item) string {
	text := item.Text(llm.PartReasoning)
	if s.Carries.Summary {
		return fmt.Sprintf("reasoning %q summary %q sealed %q", text, item.Text(llm.PartSummary), item.Sealed)
	}
	line := fmt.Sprintf("reasoning %q", text+item.Text(llm.PartSummary))
	if s.Carries.Sealed {
		line += " sealed " + item.Sealed
	}
	return line
}

// requestEssence is what of a request must survive: who says what in which
// order, tools and settings. Neighbouring messages of one role count as one,
// since some protocols know no others.
func requestEssence(q *llm.Request) []string {
	lines := []string{
		fmt.Sprintf("model %s stream %v temperature %s", q.Model, q.Stream, q.Temperature),
		fmt.Sprintf("choice %d %s", q.Choice.Mode, q.Choice.Named.Name),
	}
	if q.MaxOutput != nil {
		lines = append(lines, fmt.Sprintf("limit %d", *q.MaxOutput))
	}
	for _, t := range q.Tools {
		lines = append(lines, fmt.Sprintf("tool %d %s %s %s", t.Kind, t.Name, t.Description, t.Schema))
	}
	if q.Instructions != "" {
		lines = append(lines, fmt.Sprintf("%s %q", llm.RoleSystem, q.Instructions))
	}
	said := "" // by role, in messages that stand together
	var role llm.Role
	flush := func() {
		if said != "" {
			lines = append(lines, fmt.Sprintf("%s %q", role, said))
		}
		said = ""
	}
	for i := range q.Items {
		item := &q.Items[i]
		switch item.Kind {
		case llm.ItemMessage:
			if role != item.Role {
				flush()
			}
			role = item.Role
			said += strings.TrimSpace(item.Text(llm.PartText))
		case llm.ItemCall:
			flush()
			lines = append(lines, fmt.Sprintf("call %s %s %s", item.CallID, item.Name, item.Input))
		case llm.ItemOutput:
			flush()
			lines = append(lines, fmt.Sprintf("output %s %q", item.CallID, item.Text(llm.PartText)))
		}
	}
	flush()
	return lines
}
