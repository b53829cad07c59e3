package gateway

import (
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
)

type pinned = pin.Pin

// reservedID is how the ids begin that are Weir's own to give. An upstream
// that sends one, because it is another Weir, is passed on, but its id leads
// nowhere: one chain never mixes both kinds.
const reservedID = "resp_weir_"

// identity returns who the caller's own credential belongs to; nobody, if it
// has none.
func (x *exchange) identity() pin.Identity {
	if x.who == (pin.Identity{}) && x.caller.Own.Value != "" {
		x.who = x.h.pins.Identify(x.caller.Own.Value)
	}
	return x.who
}

// keepsIDs decides whether the ids in the answer are noted, and tells the tap.
func (x *exchange) keepsIDs() {
	x.keeps = x.keeps || x.req.Kept && x.retell == nil && x.up.Keeps()
	if x.keeps {
		x.tap.Collect()
	}
}

// notePins notes what the tap has found, before the client sees it: who asks
// for it at once must find it.
func (x *exchange) notePins() {
	if !x.keeps {
		return
	}
	// A message is not kept, but its container is.
	if id := x.tap.ResponseID(); id != "" && id != x.noted && x.dialect.Name() != llm.Messages {
		x.noted = id
		x.notePin(id)
	}
	for _, id := range x.tap.Made() {
		x.notePin(id)
	}
}

// notePin notes that the upstream keeps something under an id, for the
// caller's tenant, and where it was called with the caller's own credential for
// the caller alone.
func (x *exchange) notePin(id string) {
	if !idForm.MatchString(id) || strings.HasPrefix(id, reservedID) {
		return // nobody could ask for it
	}
	p := pin.Pin{Upstream: x.target.Upstream}
	if x.op != llm.OpPassthrough {
		p.Model = x.entry.Model
	}
	if x.up.Passthrough() {
		p.Caller = x.identity()
	}
	x.h.pins.Note(x.caller.Principal.Tenant, id, p)
}
