package gateway

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// The places in dialect.LimitNames.
const (
	limitTokens = iota
	limitCompletion
	limitOutput
)

// limitsOf are the members by which a request of op may limit its answer, the
// first that which is added where there is none. What has none is no
// conversation.
func limitsOf(op llm.Operation) []int {
	switch op {
	case llm.OpChat:
		return []int{limitTokens, limitCompletion}
	case llm.OpCompletions, llm.OpMessages:
		return []int{limitTokens}
	case llm.OpResponses:
		return []int{limitOutput}
	default:
		return nil
	}
}

// limitOutput makes the client's request ask for no more tokens than a rule
// allows, whichever target it goes to. What was read of it is read again, for
// nothing is where it was.
func (x *exchange) limitOutput() error {
	most := x.decision.OutputCap
	names := limitsOf(x.op)
	if most == 0 || names == nil || x.body == nil {
		return nil
	}
	value := strconv.AppendInt(nil, most, 10)
	body := x.body.bytes()
	var edits []jsonscan.Edit
	said := false
	for _, i := range names {
		h := x.req.Limits[i]
		if h.Kind == 0 || h.Kind == jsonscan.Null && len(names) > 1 {
			continue
		}
		said = true
		if n, err := strconv.ParseInt(string(body[h.Span.Start:h.Span.End]), 10, 64); err == nil && n >= 0 && n <= most {
			continue
		}
		edits = append(edits, jsonscan.Edit{Span: h.Span, Text: value})
		if h.Kind != jsonscan.Null {
			why := fmt.Sprintf("an answer may have %d tokens here", most)
			x.lowered = append(x.lowered, llm.Loss{Path: dialect.LimitNames[i], Why: why})
		}
	}
	if !said {
		edits = append(edits, x.addLimit(names[0], value))
		if h := x.req.Limits[limitCompletion]; h.Kind != 0 && len(names) > 1 { // null, and another name for the same
			cut, _ := jsonscan.RemoveMembers(body, h.Span)
			edits = append(edits, cut...)
		}
		x.limited = true
	}
	if len(edits) == 0 {
		return nil
	}
	slices.SortFunc(edits, func(a, b jsonscan.Edit) int { return a.Span.Start - b.Span.Start })
	return x.rewrite(edits)
}

// addLimit returns the edit that gives the request a limit, which it has not,
// or has as null.
func (x *exchange) addLimit(name int, value []byte) jsonscan.Edit {
	if h := x.req.Limits[name]; h.Kind != 0 {
		return jsonscan.Edit{Span: h.Span, Text: value}
	}
	member := append([]byte(`"`+dialect.LimitNames[name]+`":`), value...)
	return jsonscan.InsertMember(x.body.bytes(), x.req.Object, member)
}

// rewrite puts a body with these edits in the place of the client's.
func (x *exchange) rewrite(edits []jsonscan.Edit) error {
	size := len(x.body.bytes())
	for _, e := range edits {
		size += len(e.Text)
	}
	edited := x.h.memory.newBuffer()
	if err := edited.grow(size); err != nil {
		edited.drop()
		return err
	}
	edited.slab.b = jsonscan.Splice(edited.slab.b, x.body.bytes(), edits...)
	x.forget() // its texts are those of the old body
	x.dropBody()
	x.body = edited
	req, err := x.dialect.ReadRequest(edited.bytes())
	x.req = req
	return err
}

// renameLimit returns the edit that calls a limit of Weir's own
// max_completion_tokens, for a chat server that takes no other. Req was read
// from body.
func (x *exchange) renameLimit(req *dialect.Request, body []byte) (jsonscan.Edit, bool) {
	rules := x.rules()
	if !x.limited || x.op != llm.OpChat || rules.LimitsCompletion() || !x.profile().Traits[llm.Chat].MaxCompletionTokens {
		return jsonscan.Edit{}, false
	}
	name := jsonscan.Name(body, req.Limits[limitTokens].Span)
	return jsonscan.Edit{Span: name, Text: []byte(`"` + dialect.LimitNames[limitCompletion] + `"`)}, true
}
