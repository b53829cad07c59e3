package gateway

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/route"
)

// A recalled is what Weir keeps of what a request goes on with. Nil is nothing.
type recalled struct {
	chain    []*responsestore.Record
	instead  map[int][]byte // items that the input refers to, by their place in it
	looked   int            // how many items the store was asked for
	reserved int64          // of the memory of bodies

	ids   []string          // of all items that the input refers to
	found map[string][]byte // those that the store has given, by their ids
}

// maxLooked bounds for how many items of one request the store is asked.
const maxLooked = 512

// scope is whose responses x can see: the tenant's, and where upstreams are
// called with the caller's own credential, those of the same caller alone.
func (x *exchange) scope() string {
	tenant := x.caller.Principal.Tenant
	if x.caller.Own.Value == "" {
		return tenant
	}
	for _, u := range x.snap.Upstreams {
		if u.Passthrough() {
			who := x.identity()
			return tenant + "\x00" + hex.EncodeToString(who[:])
		}
	}
	return tenant
}

// keepsState reports whether Weir stands in for upstreams that keep nothing.
func (x *exchange) keepsState() bool {
	return x.h.responses != nil && x.op.Dialect() == llm.Responses
}

// recallChain gets the conversation that the request goes on with, if Weir has
// it to give.
func (x *exchange) recallChain() error {
	if !x.keepsState() {
		return nil
	}
	for i := range x.req.References {
		ref := &x.req.References[i]
		if ref.Param != "previous_response_id" || !strings.HasPrefix(ref.ID, reservedID) || !idForm.MatchString(ref.ID) {
			continue
		}
		x.recalled = &recalled{}
		chain, err := x.h.responses.Chain(x.r.Context(), x.scope(), ref.ID, x.reserveRecalled)
		if err != nil {
			return x.notRecalled(ref, err)
		}
		if err := x.checkChain(ref, chain); err != nil {
			return err
		}
		for _, r := range chain {
			x.req.Counts.TextBytes += int64(sizeOf(r.Input) + sizeOf(r.Output))
		}
		x.recalled.chain = chain
		return nil
	}
	return nil
}

func sizeOf(items []responsestore.Item) (n int) {
	for i := range items {
		n += len(items[i].Raw)
	}
	return n
}

func (x *exchange) reserveRecalled(n int64) error {
	if err := x.h.memory.reserve(n); err != nil {
		return err
	}
	x.recalled.reserved += n
	return nil
}

// dropRecalled gives back what was recalled.
func (x *exchange) dropRecalled() {
	if x.recalled != nil {
		x.h.memory.used.Add(-x.recalled.reserved)
		x.recalled = nil
	}
}

// isRecalled reports whether ref is the conversation that was recalled.
func (x *exchange) isRecalled(ref *dialect.Reference) bool {
	return ref.Param == "previous_response_id" && x.recalled.has() && len(x.recalled.chain) > 0
}

// notRecalled is the answer for a conversation that the store does not give.
func (x *exchange) notRecalled(ref *dialect.Reference, err error) error {
	switch {
	case errors.Is(err, responsestore.ErrNotFound):
		return referenceError(ref)
	case errors.Is(err, responsestore.ErrTooLong):
		return &llm.Error{
			Code: llm.CodeInvalidValue, Op: opReference, Param: ref.Param, Err: err,
			Public: fmt.Sprintf("the conversation is too long to be gone on with by previous_response_id: at most %d responses and %d MiB; begin anew, with what matters of it as input",
				responsestore.MaxChain, responsestore.MaxChainBytes>>20),
		}
	default:
		return storeError(err)
	}
}

// storeError is the answer where the store itself fails, or there is no room
// for what it has.
func storeError(err error) error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	return &llm.Error{Code: llm.CodeInternal, Op: "gateway.store", Err: err}
}

// checkChain checks whether the caller may go on with a conversation, and
// whether its end can be gone on with.
func (x *exchange) checkChain(ref *dialect.Reference, chain []*responsestore.Record) error {
	for _, r := range chain {
		if err := x.mayRead(r); err != nil {
			err.Param = ref.Param
			return err
		}
	}
	switch last := chain[len(chain)-1]; last.Status {
	case string(llm.StatusCompleted), string(llm.StatusIncomplete):
		return nil
	default:
		return &llm.Error{
			Code: llm.CodeInvalidValue, Op: opReference, Param: ref.Param,
			Public: "the response with the id '" + last.ID + "' is " + strings.ReplaceAll(last.Status, "_", " ") + ": only one that has ended well can be gone on with",
		}
	}
}

// mayRead returns an error if the caller's key may not use the model that has
// made a response.
func (x *exchange) mayRead(r *responsestore.Record) *llm.Error {
	if r.Model == "" || x.caller.Principal.MayUse(r.Model) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeModelNotAllowed, Op: opReference,
		Public: "the key `" + x.caller.Principal.Key + "` may not use the model `" + r.Model + "`, which has made this object",
	}
}

// inChain finds an item that the input refers to in the conversation that it
// goes on with: the newest of its id.
func (x *exchange) inChain(ref *dialect.Reference) bool {
	place, ok := itemPlace(ref)
	if !ok || x.recalled == nil {
		return false
	}
	for _, r := range slices.Backward(x.recalled.chain) {
		for _, items := range [...][]responsestore.Item{r.Output, r.Input} {
			for k := range items {
				if items[k].ID == ref.ID {
					x.recalled.take(place, items[k].Raw)
					return true
				}
			}
		}
	}
	return false
}

// itemPlace returns which item of the input a reference stands for.
func itemPlace(ref *dialect.Reference) (int, bool) {
	if !strings.HasSuffix(ref.Param, "].id") {
		return 0, false
	}
	return responses.Place(ref.Param)
}

func (r *recalled) take(place int, item []byte) {
	if r.instead == nil {
		r.instead = make(map[int][]byte, 1)
	}
	r.instead[place] = item
}

// recallItem finds an item that the input refers to among all that Weir keeps
// for the tenant. A key with models is only given what it goes on with: an item
// does not say which model has made it.
func (x *exchange) recallItem(ref *dialect.Reference) (bool, error) {
	place, ok := itemPlace(ref)
	if !ok || !x.keepsState() || !x.caller.Principal.MayUseAll() || x.recalled != nil && x.recalled.looked >= maxLooked {
		return false, nil
	}
	if x.recalled == nil {
		x.recalled = &recalled{}
	}
	raw, ok := x.recalled.found[ref.ID]
	if !ok {
		x.recalled.looked++
		items, err := x.h.responses.Items(x.r.Context(), x.scope(), ref.ID, x.otherItems()...)
		switch {
		case errors.Is(err, responsestore.ErrNotFound):
			return false, nil
		case err != nil:
			return false, storeError(err)
		}
		if err := x.found(items); err != nil {
			return false, err
		}
		raw = items[0].Raw
	}
	x.req.Counts.TextBytes += int64(len(raw))
	x.recalled.take(place, raw)
	return true, nil
}

// otherItems returns the ids of all items that the input refers to, once.
func (x *exchange) otherItems() []string {
	if x.recalled.found != nil {
		return x.recalled.ids
	}
	x.recalled.found = make(map[string][]byte)
	for i := range x.req.References {
		if _, ok := itemPlace(&x.req.References[i]); ok {
			x.recalled.ids = append(x.recalled.ids, x.req.References[i].ID)
		}
	}
	return x.recalled.ids
}

// found notes what the store has given.
func (x *exchange) found(items []responsestore.Item) error {
	size := 0
	for i := range items {
		size += len(items[i].Raw)
	}
	if err := x.reserveRecalled(int64(size)); err != nil {
		return err
	}
	for i := range items {
		if _, ok := x.recalled.found[items[i].ID]; !ok {
			x.recalled.found[items[i].ID] = items[i].Raw
		}
	}
	return nil
}

// has reports whether there is anything to go on with.
func (r *recalled) has() bool { return r != nil && len(r.chain)+len(r.instead) > 0 }

// near returns the target of m whose upstream has answered last, or alone can
// read some of what it has said, which is bound then. It is the zero value if
// there is none.
func (r *recalled) near(m *route.Model) (id route.ID, bound bool) {
	if m == nil || !r.has() || len(r.chain) == 0 {
		return route.ID{}, false
	}
	at := r.chain[len(r.chain)-1].Upstream
	for _, record := range slices.Backward(r.chain) {
		if record.Bound != "" {
			at, bound = record.Upstream, true
			break
		}
	}
	for i := range m.Targets {
		if m.Targets[i].Upstream == at {
			return m.Targets[i].ID(), bound
		}
	}
	return route.ID{}, false
}

// state returns what the request wants of what servers keep.
func (x *exchange) state() route.State {
	if !x.keepsState() {
		return route.Stateless
	}
	if x.recalled.has() {
		return route.Held
	}
	if x.op == llm.OpResponses && x.req.Kept {
		return route.Stateful
	}
	for i := range x.req.References {
		ref := &x.req.References[i]
		_, item := itemPlace(ref)
		if item || ref.Param == "previous_response_id" || strings.HasPrefix(ref.Param, "conversation") {
			return route.Stateful
		}
	}
	return route.Stateless
}

// goesOn returns the request with the conversation in front that Weir keeps.
func (x *exchange) goesOn(r *llm.Request) error {
	if !x.recalled.has() {
		return nil
	}
	var before []llm.Item
	for _, record := range x.recalled.chain {
		for _, items := range [...][]responsestore.Item{record.Input, record.Output} {
			for i := range items {
				item, err := decodeItem(items[i].Raw, "previous_response_id")
				if err != nil {
					return err
				}
				before = append(before, item)
			}
		}
	}
	for place, raw := range x.recalled.instead {
		if place >= len(r.Items) {
			continue
		}
		item, err := decodeItem(raw, r.Items[place].Path)
		if err != nil {
			return err
		}
		r.Items[place] = item
	}
	r.Items, r.PreviousID = append(before, r.Items...), ""
	return nil
}

// decodeItem reads an item that was kept, which the client has named at path.
func decodeItem(raw []byte, path string) (llm.Item, error) {
	r, err := responses.Dialect{}.DecodeRequest(append(append([]byte(`{"input":[`), raw...), `]}`...))
	if err != nil {
		e := *llm.AsError(err)
		e.Param = path // an upstream has taken what no other could be told
		return llm.Item{}, &e
	}
	return relocated(r.Items[0], path), nil
}

// relocated returns an item that the client has written by naming it at path.
func relocated(item llm.Item, path string) llm.Item {
	item.Path = path
	for i := range item.Parts {
		item.Parts[i].Path = path
	}
	for i := range item.Tools {
		item.Tools[i].Path = path
	}
	return item
}
