package responses

import (
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// What Trim looks at.
const (
	trimInput = iota
	trimStore
)

var trimmed = jsonscan.Compile(jsonscan.Spec{Watch: []string{trimInput: "input", trimStore: "store"}}) // immutable

// Trim takes out what t says, and sets store where t says so. Of reasoning that
// cannot stay the whole item goes, unless the upstream can read what it says
// beside.
func (Dialect) Trim(body []byte, t dialect.Trim) ([]jsonscan.Edit, []dialect.Loss) {
	found, err := trimmed.Scan(body, nil)
	input, given := found.First(trimInput)
	if err != nil || !given {
		return nil, nil
	}
	var edits []jsonscan.Edit
	var losses []dialect.Loss
	if list, err := jsontree.Parse(body[input.Span.Start:input.Span.End]); err == nil {
		r := trimming{Trim: t}
		cuts := list.Cuts(nil, r.item)
		edits, losses = dialect.Edits(input.Span.Start, append(cuts, r.cuts...), r.edits...), r.losses
	}
	if store, said := found.First(trimStore); t.Store && said {
		edits = dialect.AddEdit(edits, jsonscan.Edit{Span: store.Span, Text: []byte("true")})
	} else if t.Store {
		edits = dialect.AddEdit(edits, jsonscan.InsertMember(body, found.Object, []byte(`"store":true`)))
	}
	return edits, losses
}

// A trimming collects what is to be done with the items of one request.
type trimming struct {
	dialect.Trim
	cuts   []jsonscan.Span // inside items that stay
	edits  []jsonscan.Edit // inside items that stay
	losses []dialect.Loss
}

// item looks at item i, and reports whether it must go.
func (r *trimming) item(i int, _ string, item jsontree.Value) (goes bool) {
	typ, id := item.Get("type"), item.Get("id")
	switch {
	case typ.Is("reasoning"), dialect.IsSealed(item.Get("encrypted_content")):
		return r.reasoning(i, item)
	case r.ForeignIDs && ofOwn(item), r.ReasoningIDs && typ.Is("compaction"), r.Minted && ofOwn(item) && dialect.IsMinted(id.Text()):
		r.without(item, "id")
	}
	return false
}

// reasoning looks at an item of reasoning.
func (r *trimming) reasoning(i int, item jsontree.Value) (goes bool) {
	sealed, id := item.Get("encrypted_content"), item.Get("id").Text()
	encrypted := sealed.Text() != ""
	nobodys := !encrypted && dialect.IsMinted(id) && slices.Contains(r.Nobodys, id)
	if !nobodys && !(r.Sealed && dialect.IsSealed(sealed)) && !(r.Foreign && encrypted) {
		if r.ReasoningIDs && encrypted {
			r.without(item, "id")
		}
		return false
	}
	at := "input[" + strconv.Itoa(i) + "]"
	if encrypted {
		at += ".encrypted_content"
	}
	stays := r.Open && says(item)
	if encrypted || !stays && says(item) {
		r.losses = append(r.losses, dialect.Loss{Path: at, Why: dialect.Sealed})
	}
	if !stays {
		return true
	}
	r.without(item, "encrypted_content")
	if dialect.IsMinted(id) { // the protocol demands one
		place := item.Get("id").Place()
		r.edits = append(r.edits, jsonscan.Edit{Span: place, Text: jsonscan.AppendQuote(nil, "rs_"+strconv.Itoa(i))})
	}
	return false
}

// without takes a member out of an item that stays.
func (r *trimming) without(item jsontree.Value, member string) {
	r.cuts = item.Cuts(r.cuts, func(_ int, name string, _ jsontree.Value) bool { return name == member })
}

// ofOwn reports whether an item says all it is and may go without an id:
// messages, and the calls and outputs of tools. Codex sends all of them so to
// OpenAI. An output that is called by its id keeps it.
func ofOwn(item jsontree.Value) bool {
	typ := item.Get("type")
	switch name := typ.Text(); name {
	case "message", "additional_tools", "web_search_call":
		return true
	case outputTypes[llm.ToolLocalShell]:
		return item.Get("call_id").Given()
	default:
		_, call := callTypes.kind(name)
		_, output := outputTypes.kind(name)
		return call || output || !typ.Given() && item.Get("role").Given()
	}
}

// says reports whether an item of reasoning has text that can be read.
func says(item jsontree.Value) bool {
	for _, list := range [...]string{"summary", "content"} {
		for _, part := range item.Get(list).Elements() {
			if part.Get("text").Text() != "" {
				return true
			}
		}
	}
	return false
}
