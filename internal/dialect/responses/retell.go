package responses

import (
	"bytes"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

// maxItemsKept bounds what a Reteller keeps of a stream's items, in bytes.
const maxItemsKept = 32 << 20

// An Ended is a response that has come to its end.
type Ended struct {
	Status string // completed, incomplete
	Output []Item
	Body   []byte // the response, said to be stored
}

// A Reteller passes on the answer of a server that keeps nothing as that of one
// that does: with an id that can be asked for again. Everything else stays as
// it came. It is for one answer and one goroutine.
type Reteller struct {
	ID     string
	Parent string // previous_response_id; empty if there is none
	Store  bool   // what the answer says of being stored until Keep is asked

	// Keep takes the response when it has ended, before that is told, and
	// reports whether it will be there. What it is given refers to bytes that
	// change afterwards. Nil keeps nothing.
	Keep func(Ended) bool

	parser jsontree.Parser
	items  [][]byte // those that are done, in a stream
	size   int
}

// Whole appends a whole response. What is none stays as it is.
func (t *Reteller) Whole(dst, body []byte) []byte {
	v, err := jsontree.Parse(body)
	if err != nil || v.Kind() != jsontree.Object {
		return append(dst, body...)
	}
	status := v.Get("status").Text()
	if status == "" {
		status = "completed"
	}
	return t.response(dst, v, status)
}

// Event appends an event, its end included. If nothing in it has to be told
// otherwise it returns false, and appends nothing.
func (t *Reteller) Event(dst, event []byte) ([]byte, bool) {
	carries := bytes.Contains(event, []byte(`"response"`)) // no event of text has to be read
	if !carries && !bytes.Contains(event, []byte("response.output_item.done")) {
		return dst, false
	}
	span, data := dataOf(event)
	v, err := t.parser.Parse(data)
	if err != nil {
		return dst, false
	}
	if v.Get("type").Is("response.output_item.done") {
		t.keepItem(v.Get("item").Raw())
	}
	response := v.Get("response")
	if response.Kind() != jsontree.Object {
		return dst, false
	}
	status := ""
	switch typ := v.Get("type"); {
	case typ.Is("response.completed"):
		status = "completed"
	case typ.Is("response.incomplete"):
		status = "incomplete"
	case typ.Is("response.failed"):
		status = "failed"
	}
	at := response.Place()
	dst = append(append(dst, event[:span.Start]...), data[:at.Start]...)
	dst = t.response(dst, response, status)
	return append(append(dst, data[at.End:]...), event[span.End:]...), true
}

// keepItem keeps an item of a stream, in case its end does not repeat it.
func (t *Reteller) keepItem(raw []byte) {
	if t.Keep != nil && len(raw) > 0 && t.size+len(raw) <= maxItemsKept {
		t.size += len(raw)
		t.items = append(t.items, bytes.Clone(raw))
	}
}

// response appends a response; an empty status means that it has not ended.
func (t *Reteller) response(dst []byte, v jsontree.Value, status string) []byte {
	stored := t.Store
	switch status {
	case "completed", "incomplete":
		body := t.said(nil, v, true)
		if whole, err := jsontree.Parse(body); err == nil && t.Keep != nil {
			stored = t.Keep(Ended{Status: status, Output: outputOf(whole), Body: body})
		} else {
			stored = false
		}
		if stored {
			return append(dst, body...)
		}
		return t.said(dst, v, false)
	case "":
	default:
		stored = false
	}
	return t.said(dst, v, stored)
}

// said appends a response with what t says of it.
func (t *Reteller) said(dst []byte, v jsontree.Value, stored bool) []byte {
	whole := v.Place()
	raw := v.Raw()
	var edits []jsonscan.Edit
	var members []byte
	set := func(name string, value []byte) {
		if m := v.Get(name); m.Kind() != 0 {
			at := m.Place()
			edits = dialect.AddEdit(edits, jsonscan.Edit{Span: jsonscan.Span{Start: at.Start - whole.Start, End: at.End - whole.Start}, Text: value})
			return
		}
		if len(members) > 0 {
			members = append(members, ',')
		}
		members = append(append(members, `"`+name+`":`...), value...)
	}
	set("id", jsonscan.AppendQuote(nil, t.ID))
	parent := []byte("null")
	if t.Parent != "" {
		parent = jsonscan.AppendQuote(nil, t.Parent)
	}
	set("previous_response_id", parent)
	store := []byte("false")
	if stored {
		store = []byte("true")
	}
	set("store", store)
	if len(t.items) > 0 && v.Get("output").Len() == 0 {
		set("output", append(append([]byte{'['}, bytes.Join(t.items, []byte{','})...), ']'))
	}
	if len(members) > 0 {
		edits = dialect.AddEdit(edits, jsonscan.InsertMember(raw, jsonscan.Span{Start: 0, End: len(raw)}, members))
	}
	return jsonscan.Splice(dst, raw, edits...)
}

// Ends reports whether an event may be the last of a response that has ended
// well.
func Ends(event []byte) bool {
	return bytes.Contains(event, []byte("response.completed")) || bytes.Contains(event, []byte("response.incomplete"))
}

// EventEnd returns where the first event in p ends, its empty line included.
func EventEnd(p []byte) int {
	for at := 0; at < len(p); {
		i := bytes.IndexAny(p[at:], "\r\n")
		if i < 0 {
			break
		}
		end := at + i + 1
		if p[end-1] == '\r' && end < len(p) && p[end] == '\n' {
			end++
		}
		if i == 0 {
			return end
		}
		at = end
	}
	return len(p)
}

// dataOf returns the data of an event, and where in the event it stands. Data
// of several lines is one: what is between them is white space of JSON, and
// stands at the first.
func dataOf(event []byte) (jsonscan.Span, []byte) {
	var span jsonscan.Span
	var data []byte
	for at := 0; at < len(event); {
		end := len(event)
		if i := bytes.IndexAny(event[at:], "\r\n"); i >= 0 {
			end = at + i
		}
		if line, ok := bytes.CutPrefix(event[at:end], []byte("data:")); ok {
			line = bytes.TrimPrefix(line, []byte{' '})
			if span.End == 0 {
				span.Start, data = end-len(line), line
			} else {
				data = append(append(bytes.Clone(data), ' '), line...)
			}
			span.End = end
		}
		at = end + 1
	}
	return span, data
}
