package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// resolve looks up what the request refers to. All of it must be kept by one
// upstream, which the exchange is then pinned to. What nobody has seen is left
// to checkUnknown, which knows where the exchange goes.
func (x *exchange) resolve() error {
	if err := x.recallChain(); err != nil {
		return err
	}
	for i := range x.req.References {
		ref := &x.req.References[i]
		if !idForm.MatchString(ref.ID) {
			return referenceError(ref)
		}
		if x.isRecalled(ref) || x.inChain(ref) {
			continue
		}
		p, known, err := x.pinOf(x.r.Context(), ref.ID)
		if err != nil {
			e := llm.AsError(err)
			e.Param = ref.Param
			return e
		}
		switch {
		case !known:
			found, err := x.recallItem(ref)
			if err != nil {
				return err
			}
			if !found {
				x.unknown = append(x.unknown, ref)
			}
		case x.snap.Upstreams[p.Upstream] == nil:
			e := referenceError(ref)
			e.Err = fmt.Errorf("it is kept by the upstream %q, which is not configured any more", p.Upstream)
			return e
		case x.pinnedTo == "":
			x.pinnedTo, x.pinnedBy = p.Upstream, ref.Param
		case x.pinnedTo != p.Upstream:
			e := referenceError(ref)
			e.Public += " It is kept elsewhere than what " + x.pinnedBy + " refers to, and the two cannot be used together."
			return e
		}
	}
	if previous := x.previousID(); previous != "" && x.recalled.has() && len(x.recalled.chain) == 0 {
		for i := range x.req.References { // one request never mixes what Weir and what an upstream keeps
			if place, ok := itemPlace(&x.req.References[i]); ok && x.recalled.instead[place] != nil {
				return referenceError(&x.req.References[i])
			}
		}
	}
	if x.pinnedTo != "" && x.chose != "" && x.chose != x.pinnedTo {
		return &llm.Error{
			Code: llm.CodeInvalidValue, Op: opReference, Param: x.pinnedBy,
			Public: x.headerName() + " has chosen another upstream than the one that keeps what " + x.pinnedBy + " refers to",
		}
	}
	return nil
}

const opReference = "gateway.reference"

// noTargetThere is the refusal of a model that the upstream which the exchange
// is pinned to does not serve.
func (x *exchange) noTargetThere() error {
	return &llm.Error{
		Code: llm.CodeInvalidValue, Op: opReference, Param: "model", Upstream: x.pinnedTo,
		Public: "the model `" + x.entry.Model + "` is not served where what " + x.pinnedBy + " refers to is kept",
	}
}

// unknownAt refuses references that nobody has seen, unless the upstream of c
// is to decide, or would never hear of them.
func (x *exchange) unknownAt(c *route.Candidate) error {
	for _, ref := range x.unknown {
		if c.Lane != llm.Express && strings.HasPrefix(ref.Param, "conversation") {
			return responses.NoConversations()
		}
		if (c.Lane != llm.Express || dialect.IsMinted(ref.ID)) && x.saidInFull(ref) {
			continue
		}
		forwards := slices.Contains(x.snap.Forwards, c.Upstream) && x.caller.Principal.MayUseAll()
		if !forwards || strings.HasPrefix(ref.ID, reservedID) {
			return referenceError(ref)
		}
	}
	return nil
}

// saidInFull reports whether a reference is the own id of an item that says
// all it is. Such an id is for the upstream that gave it, or for nobody if Weir
// has made it up; no other is sent it.
func (x *exchange) saidInFull(ref *dialect.Reference) bool {
	path, isID := strings.CutSuffix(ref.Param, ".id")
	if !isID {
		return false
	}
	r, err := x.decode()
	if err != nil {
		return true // and the request will be refused for that
	}
	return slices.ContainsFunc(r.Items, func(i llm.Item) bool { return i.Path == path && i.Kind == llm.ItemReasoning })
}

// referenceError is the answer for a reference that leads nowhere, or to
// somebody else's: the two must not differ. Of the first kind are the words
// that clients know from OpenAI.
func referenceError(ref *dialect.Reference) *llm.Error {
	code := llm.CodeForeignReference
	if ref.Param == "previous_response_id" {
		code = llm.CodePreviousNotFound
	}
	id := ref.ID
	if len(id) > maxShownID {
		id = id[:maxShownID] + "…"
	}
	return &llm.Error{
		Code: code, Op: opReference, Param: ref.Param,
		Public: fmt.Sprintf("%s with id '%s' not found.", referenceNoun(ref.Param), id),
	}
}

const maxShownID = 256

// referenceNoun names what a member of a request refers to.
func referenceNoun(param string) string {
	switch {
	case param == "previous_response_id":
		return "Previous response"
	case strings.HasPrefix(param, "conversation"):
		return "Conversation"
	case strings.Contains(param, "file_id"):
		return "File"
	case strings.Contains(param, "vector_store"):
		return "Vector store"
	case strings.Contains(param, "container"):
		return "Container"
	default:
		return "Item"
	}
}
