package dialect

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

// SealPrefix begins everything that Weir has sealed for a client to keep: see
// ReplyOptions.Seal. No provider has ever seen one, and none can read it.
const SealPrefix = "weir1."

// A Trim says what is taken out of a request for an upstream that is sent the
// client's own bytes, and of what is put in its place. The zero Trim is
// nothing.
type Trim struct {
	// Sealed is what Weir has sealed: the upstream could not read it.
	Sealed bool

	// Minted are ids that Weir has made up, of items that say all they are.
	Minted bool

	// Nobodys are the ids of reasoning that says nothing but in its text, and
	// that no upstream keeps. It goes as what is sealed does. Only those that
	// Weir has made up count.
	Nobodys []string

	// Foreign is all encrypted reasoning, whoever has made it. ForeignIDs are
	// the ids of items that say all they are, but for those of reasoning, which
	// upstreams take as it came or not at all; ReasoningIDs are those too.
	Foreign      bool
	ForeignIDs   bool
	ReasoningIDs bool

	// Open says that the upstream can read reasoning that nobody has signed:
	// the text stays where what is sealed goes.
	Open bool

	// Store makes the request ask that the answer is kept.
	Store bool
}

// And returns what both t and u say.
func (t Trim) And(u Trim) Trim {
	t.Sealed, t.Minted = t.Sealed || u.Sealed, t.Minted || u.Minted
	t.Nobodys = append(slices.Clip(t.Nobodys), u.Nobodys...)
	t.Foreign, t.ForeignIDs, t.ReasoningIDs = t.Foreign || u.Foreign, t.ForeignIDs || u.ForeignIDs, t.ReasoningIDs || u.ReasoningIDs
	t.Open, t.Store = t.Open || u.Open, t.Store || u.Store
	return t
}

// None reports whether nothing would be done by t.
func (t *Trim) None() bool {
	return !(t.Sealed || t.Minted || len(t.Nobodys) > 0 || t.Foreign || t.ForeignIDs || t.ReasoningIDs || t.Store)
}

// A Trimmer is a [Dialect] whose requests can be trimmed.
type Trimmer interface {
	// Trim returns the edits that do what t says, in ascending order, and what
	// is lost by them. Every byte that is not in the way stays. body has passed
	// ReadRequest.
	Trim(body []byte, t Trim) ([]jsonscan.Edit, []Loss)
}

// A Mender is a [Dialect] that knows what to do after some refusals.
type Mender interface {
	// Mend returns what is to be taken out of a request beside t, with which it
	// was sent, so that the upstream that has refused it may take it. It returns
	// false for every refusal that taking something out does not help against.
	// body has passed ReadRequest, refusal is the upstream's answer.
	Mend(body, refusal []byte, t Trim) (Trim, bool)
}

// MintedPrefix begins every id that Weir makes up, behind the prefix of its
// kind: resp_weir_….
const MintedPrefix = "weir_"

// IsMinted reports whether Weir has made up the id of an item.
func IsMinted(id string) bool {
	kind, rest, ok := strings.Cut(id, "_")
	return ok && kind != "resp" && strings.HasPrefix(rest, MintedPrefix)
}

// Edits returns the edits that take cuts out of a body, and further ones, in
// ascending order. All of them count from base, and none overlaps another.
func Edits(base int, cuts []jsonscan.Span, further ...jsonscan.Edit) []jsonscan.Edit {
	edits := make([]jsonscan.Edit, 0, len(cuts)+len(further))
	for _, s := range cuts {
		edits = append(edits, jsonscan.Edit{Span: s})
	}
	edits = append(edits, further...)
	for i := range edits {
		edits[i].Span.Start += base
		edits[i].Span.End += base
	}
	slices.SortFunc(edits, func(a, b jsonscan.Edit) int { return a.Span.Start - b.Span.Start })
	return edits
}

// IsSealed reports whether v is a text that Weir has sealed.
func IsSealed(v jsontree.Value) bool {
	return v.Kind() == jsontree.String && strings.HasPrefix(v.Text(), SealPrefix)
}

// Sealed is why what Weir has sealed is a [Loss].
const Sealed = "only the upstream that has made it can read it, and by another protocol than the client's"
