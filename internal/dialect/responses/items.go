package responses

import (
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// An Item is one item of a conversation as bytes.
type Item struct {
	ID   string // empty if it has none
	Type string // "message" also where it goes without
	Raw  []byte // its JSON exactly as it was
}

// ReadItem returns an item of its JSON, which has been read before.
func ReadItem(raw []byte) Item {
	v, err := jsontree.Parse(raw)
	if err != nil {
		return Item{Raw: raw}
	}
	return readItem(v)
}

// readItem returns an element of an input or an output.
func readItem(v jsontree.Value) Item {
	item := Item{ID: v.Get("id").Text(), Type: v.Get("type").Text(), Raw: v.Raw()}
	if item.Type == "" {
		if item.Type = "message"; !v.Get("role").Given() && item.ID != "" {
			item.Type = typeReference
		}
	}
	return item
}

const typeReference = "item_reference"

// InputItems returns the items of a request's input; a text is a message of the
// user's. They refer to body, which has passed ReadRequest. The error is an
// *llm.Error.
func InputItems(body []byte) ([]Item, error) {
	input, err := inputOf(body)
	if err != nil {
		return nil, err
	}
	if input.Kind() == jsontree.String {
		return []Item{{Type: "message", Raw: userMessage(input)}}, nil
	}
	items := make([]Item, 0, input.Len())
	for _, v := range input.Elements() {
		items = append(items, readItem(v))
	}
	return items, nil
}

var inputAlone = jsonscan.Compile(jsonscan.Spec{Watch: []string{"input"}}) // immutable

// inputOf returns the input of a request. There may be none.
func inputOf(body []byte) (jsontree.Value, error) {
	found, err := inputAlone.Scan(body, nil)
	if err != nil || len(found.Hits) == 0 {
		return jsontree.Value{}, nil //nolint:nilerr // never an error: it has passed ReadRequest
	}
	span := found.Hits[0].Span
	input, err := jsontree.Parse(body[span.Start:span.End])
	if err != nil {
		return jsontree.Value{}, &llm.Error{Code: llm.CodeInvalidJSON, Op: opDecode, Param: "input", Public: "input: " + err.Error()}
	}
	return input, nil
}

// userMessage returns what an input means that is nothing but a text.
func userMessage(text jsontree.Value) []byte {
	j := jsontree.NewWriter(nil).Open('{').Name("type").Text("message").Name("role").Text("user").Name("content").Open('[')
	return j.Open('{').Name("type").Text("input_text").Name("text").Raw(text.Raw()).Close('}').Close(']').Close('}').Bytes()
}

// OutputItems returns the items of a whole response. They refer to body.
func OutputItems(body []byte) []Item {
	v, err := jsontree.Parse(body)
	if err != nil {
		return nil
	}
	return outputOf(v)
}

func outputOf(response jsontree.Value) []Item {
	output := response.Get("output")
	items := make([]Item, 0, output.Len())
	for _, v := range output.Elements() {
		items = append(items, readItem(v))
	}
	return items
}

// IDPrefix returns how the ids of the items of a type begin.
func IDPrefix(typ string) string {
	if kind, ok := callTypes.kind(typ); ok {
		return itemPrefixes[kind]
	}
	switch typ {
	case "message":
		return "msg_"
	case "reasoning":
		return "rs_"
	case "function_call_output":
		return "fco_"
	default:
		return "item_"
	}
}

// List appends a page of items as …/input_items answers it: each with its id,
// its type and a status, texts as parts.
func List(dst []byte, items []Item, more bool) []byte {
	j := jsontree.NewWriter(dst).Open('{').Name("object").Text("list").Name("data").Open('[')
	for i := range items {
		listed(j, &items[i])
	}
	j.Close(']').Name("first_id")
	if len(items) == 0 {
		j.Null().Name("last_id").Null()
	} else {
		j.Text(items[0].ID).Name("last_id").Text(items[len(items)-1].ID)
	}
	return j.Name("has_more").Bool(more).Close('}').Bytes()
}

func listed(j *jsontree.Writer, item *Item) {
	v, err := jsontree.Parse(item.Raw)
	if err != nil || v.Kind() != jsontree.Object {
		return // never: it was read before
	}
	j.Open('{').Name("id").Text(item.ID).Name("type").Text(item.Type)
	if !v.Get("status").Given() {
		j.Name("status").Text(string(llm.ItemCompleted))
	}
	for name, m := range v.Members() {
		switch {
		case name == "id", name == "type", name == "status" && !m.Given():
		case name == "content" && item.Type == "message" && m.Kind() == jsontree.String:
			j.Name(name).Open('[')
			if v.Get("role").Is("assistant") {
				j.Open('{').Name("type").Text("output_text").Name("text").Raw(m.Raw())
				j.Name("annotations").Open('[').Close(']').Name("logprobs").Open('[').Close(']').Close('}')
			} else {
				j.Open('{').Name("type").Text("input_text").Name("text").Raw(m.Raw()).Close('}')
			}
			j.Close(']')
		default:
			j.Name(name).Raw(m.Raw())
		}
	}
	j.Close('}')
}

// A Carrier is who is sent items of the conversation so far.
type Carrier struct {
	Maker bool // it has made them, and can read what nobody else can
	Text  bool // it takes reasoning that nobody has signed
}

// Carry returns an item as c can be sent it, nil if it cannot. lost says that
// something is missing which only its maker can read.
func (c Carrier) Carry(item []byte) (out []byte, lost bool) {
	v, err := jsontree.Parse(item)
	if err != nil || v.Kind() != jsontree.Object {
		return item, false
	}
	switch typ := v.Get("type"); {
	case typ.Is("reasoning"):
		return c.reasoning(v)
	case hostedItems[typ.Text()] || isSearchType(typ) && !v.Get("execution").Is("client"):
		if !c.Maker {
			return nil, true
		}
		return item, false
	default:
		return item, false
	}
}

func isSearchType(typ jsontree.Value) bool {
	return typ.Is(callTypes[llm.ToolSearch]) || typ.Is(outputTypes[llm.ToolSearch])
}

func (c Carrier) reasoning(v jsontree.Value) (out []byte, lost bool) {
	sealed := v.Get("encrypted_content")
	theirs := sealed.Given() && !dialect.IsSealed(sealed)
	switch {
	case theirs && c.Maker:
		return v.Raw(), false
	case !c.Text || !says(v):
		return nil, sealed.Given()
	case sealed.Given():
		return without(v, "encrypted_content"), true
	default:
		return v.Raw(), false
	}
}

// without returns an object without one of its members.
func without(v jsontree.Value, name string) []byte {
	j := jsontree.NewWriter(make([]byte, 0, len(v.Raw()))).Open('{')
	for n, m := range v.Members() {
		if n != name {
			j.Name(n).Raw(m.Raw())
		}
	}
	return j.Close('}').Bytes()
}

// IsBound reports whether only its maker can read all of an item.
func (i *Item) IsBound() bool {
	if i.Type == "message" {
		return false // most are
	}
	_, lost := Carrier{}.Carry(i.Raw)
	return lost
}

// Place returns which element of the input a path is about: 3 of "input[3].id".
func Place(path string) (int, bool) {
	rest, ok := strings.CutPrefix(path, "input[")
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, "]")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}
