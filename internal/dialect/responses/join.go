package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Joint is what a request is sent with to a server that keeps nothing: the
// conversation so far.
type Joint struct {
	Before  [][]byte       // items that stand before those of the input
	Instead map[int][]byte // items for those that refer to them, by their place in the input
}

// Where a request keeps what is joined.
const (
	atInput = iota
	atStore
	atPrevious
	atConversation
	atBackground
)

var joined = jsonscan.Compile(jsonscan.Spec{Watch: []string{ // immutable
	atInput: "input", atStore: "store", atPrevious: "previous_response_id", atConversation: "conversation", atBackground: "background",
}})

// Join returns the edits by which a request says all of its conversation
// itself, and asks its server to keep nothing. body has passed ReadRequest. The
// error is an *llm.Error: for a server that keeps nothing, a request cannot be
// part of a conversation of the server's own, nor go on in the background; and
// a value that is written over must have been one that the server would take.
func Join(body []byte, with Joint) ([]jsonscan.Edit, error) {
	found, err := joined.Scan(body, nil)
	if err != nil {
		return nil, nil //nolint:nilerr // never: it has passed ReadRequest
	}
	var edits []jsonscan.Edit
	var members []byte // that are not there yet
	insert := func(member string, value []byte) {
		if len(members) > 0 {
			members = append(members, ',')
		}
		members = append(append(members, `"`+member+`":`...), value...)
	}
	set := func(path int, member, value string) {
		if h, ok := found.First(path); !ok {
			insert(member, []byte(value))
		} else if string(body[h.Span.Start:h.Span.End]) != value {
			edits = dialect.AddEdit(edits, jsonscan.Edit{Span: h.Span, Text: []byte(value)})
		}
	}
	if h, ok := found.First(atConversation); ok && h.Kind != jsonscan.Null {
		return nil, NoConversations()
	}
	if h, ok := found.First(atBackground); ok && string(body[h.Span.Start:h.Span.End]) == "true" {
		return nil, dialect.UnsupportedValue("background", "the upstream of this model keeps no responses, so that nothing can go on in the background")
	}
	if h, ok := found.First(atPrevious); ok {
		if h.Kind != jsonscan.String && h.Kind != jsonscan.Null {
			return nil, mustBe("previous_response_id", "a string")
		}
		set(atPrevious, "previous_response_id", "null")
	}
	if h, ok := found.First(atStore); ok && h.Kind != jsonscan.Bool && h.Kind != jsonscan.Null {
		return nil, mustBe("store", "a boolean")
	}
	set(atStore, "store", "false")
	if len(with.Before)+len(with.Instead) > 0 {
		input, err := inputOf(body)
		if err != nil {
			return nil, err
		}
		text := with.input(input)
		if h, ok := found.First(atInput); ok {
			edits = dialect.AddEdit(edits, jsonscan.Edit{Span: h.Span, Text: text})
		} else {
			insert("input", text)
		}
	}
	if len(members) > 0 {
		edits = dialect.AddEdit(edits, jsonscan.InsertMember(body, found.Object, members))
	}
	return edits, nil
}

func mustBe(member, what string) error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: opDecode, Param: member, Public: member + " must be " + what}
}

// NoConversations is the error of a request that names a conversation, for a
// server that has none.
func NoConversations() error {
	return dialect.UnsupportedValue("conversation", "the upstream of this model keeps no conversations: go on with previous_response_id, or send the conversation as input")
}

// input returns the whole of an input.
func (j *Joint) input(own jsontree.Value) []byte {
	size := len(own.Raw()) + 128
	for _, item := range j.Before {
		size += len(item) + 1
	}
	for _, item := range j.Instead {
		size += len(item)
	}
	w := jsontree.NewWriter(make([]byte, 0, size)).Open('[')
	for _, item := range j.Before {
		w.Raw(item)
	}
	if own.Kind() == jsontree.String {
		w.Raw(userMessage(own))
	}
	for i, v := range own.Elements() {
		if item, ok := j.Instead[i]; ok {
			w.Raw(item)
		} else {
			w.Raw(v.Raw())
		}
	}
	return w.Close(']').Bytes()
}
