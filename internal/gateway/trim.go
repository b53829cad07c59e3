package gateway

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// trim returns what is taken out of body for the target, which is sent the
// client's own bytes:
// what Weir itself has put into the conversation, what the upstream is
// configured not to take, and what it has refused once.
func (x *exchange) trim(body []byte, req *dialect.Request) dialect.Trim {
	t := dialect.Trim{Sealed: req.Marked}
	p := x.profile()
	t.Open = p.Traits[x.target.As.Dialect()].Reasoning != ""
	if x.dialect.Name() != llm.Responses {
		return t
	}
	if bytes.Contains(body, mintedMark) {
		t.Minted = true
		for _, ref := range x.unknown {
			if dialect.IsMinted(ref.ID) {
				t.Nobodys = append(t.Nobodys, ref.ID)
			}
		}
	}
	t.Foreign = x.target.Drops
	return t.And(x.configuredTrim()).And(x.mended)
}

// configuredTrim is what the upstream is configured not to take, in whichever
// lane. It keeps nothing for a key of which nothing may be kept, or of what it
// is only to count.
func (x *exchange) configuredTrim() dialect.Trim {
	t := x.profile().Trim
	t.Store = t.Store && x.target.As == llm.OpResponses && x.target.Lane != llm.Joined && !x.caller.Principal.KeepsNothing()
	return t
}

// mintedMark is in every id that Weir has made up.
var mintedMark = []byte("_" + dialect.MintedPrefix) // immutable

// trimmed returns the edits that trim body, in ascending order, and what is lost
// by them.
func (x *exchange) trimmed(body []byte, req *dialect.Request) ([]jsonscan.Edit, []dialect.Loss) {
	trimmer, ok := x.dialect.(dialect.Trimmer)
	if !ok {
		return nil, nil
	}
	t := x.trim(body, req)
	if t.None() {
		return nil, nil
	}
	x.req.Kept = x.req.Kept || t.Store
	edits, losses := trimmer.Trim(body, t)
	for i := range losses {
		if place, ok := responses.Place(losses[i].Path); ok && x.ahead > 0 { // as the client counts
			_, rest, _ := strings.Cut(losses[i].Path, "]")
			losses[i].Path = "input[" + strconv.Itoa(place-x.ahead) + "]" + rest
		}
	}
	return edits, losses
}

// mendable reports whether the request may be sent once more, to the same
// upstream, without what it has refused to take.
func (x *exchange) mendable() bool {
	return x.mended.None() && x.body != nil && x.target.As.Dialect() == llm.Responses
}

// diagnose notes what would have to go from the request after a refusal, if
// that can help. Nothing that is lost by it goes against the client's will.
func (x *exchange) diagnose(refusal []byte) {
	mender, ok := dialects(x.target.As.Dialect()).(dialect.Mender)
	if !ok || !x.mendable() {
		return
	}
	cure, ok := mender.Mend(x.body.bytes(), refusal, x.trim(x.body.bytes(), &x.req))
	if x.translation != nil {
		cure, ok = x.diagnoseTranslated(mender, refusal)
	}
	if ok && !(cure.Foreign && x.strict() != "") {
		x.cure = cure
	}
}

// diagnoseTranslated is diagnose where the upstream was sent other bytes than
// the client's: what it has made itself is all that it can refuse.
func (x *exchange) diagnoseTranslated(mender dialect.Mender, refusal []byte) (dialect.Trim, bool) {
	const reasoning = `{"input":[{"type":"reasoning","encrypted_content":"-"}]}`
	cure, ok := mender.Mend([]byte(reasoning), refusal, dialect.Trim{})
	if !ok || !cure.Foreign {
		return dialect.Trim{}, false
	}
	r, err := x.decode()
	defer x.forget()
	return cure, err == nil && slices.ContainsFunc(r.Items, func(i llm.Item) bool { return i.Sealed != "" })
}
