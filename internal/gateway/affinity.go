package gateway

import (
	"bytes"
	"slices"
	"time"

	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// What is remembered of who has served what.
const (
	maxAffinities = 100_000
	affinityTTL   = time.Hour // no provider keeps the cache of a prompt longer without being asked

	maxSealedAnchors = 4
)

// encryptedMark is in every body that may have encrypted reasoning.
var encryptedMark = []byte("encrypted_content") // immutable

// near finds out who has served what the request goes on with, if there is
// anything to choose: the target, and whether it alone can read all of it.
func (x *exchange) near() (route.ID, bool) {
	if by, bound := x.recalled.near(x.model); by != (route.ID{}) {
		return by, bound
	}
	if x.model == nil || len(x.model.Targets) < 2 || x.body == nil {
		return route.ID{}, false
	}
	x.anchors = x.links()
	by, anchor, _ := x.h.affinities.Find(x.anchors, x.start)
	return by, anchor.Required
}

// links returns what the request says of those before it. That it is of the
// same key, and for the same model, is not enough to send it where those went:
// shares would have no meaning.
func (x *exchange) links() []route.Anchor {
	l := route.Links{Tenant: x.caller.Principal.Tenant, Key: x.caller.Principal.Key, Model: x.entry.Model, Header: x.r.Header.Get}
	body := x.body.bytes()
	if s := x.req.CacheKey; s.End > 0 {
		l.CacheKey = string(body[s.Start:s.End])
	}
	if (x.op == llm.OpResponses || x.op == llm.OpCompact) && bytes.Contains(body, encryptedMark) {
		l.Sealed = responses.Dialect{}.Sealed(body, maxSealedAnchors)
	}
	all := route.Anchors(&l)
	return all[:len(all)-1]
}

// served remembers that the present target has served the request. One that
// was sent it without what others have sealed has not read that.
func (x *exchange) served() {
	if len(x.anchors) == 0 || x.target.Target == nil {
		return
	}
	if x.target.Drops || x.mended.Foreign {
		x.anchors = slices.DeleteFunc(x.anchors, func(a route.Anchor) bool { return a.Required })
	}
	x.h.affinities.Note(x.anchors, x.target.ID(), time.Now())
}
