package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/responsestore"
)

// keepWait is how long the end of an answer waits until it is kept.
const keepWait = 250 * time.Millisecond

// A keeping is what will be kept of an exchange whose upstream keeps nothing.
type keeping struct {
	record   responsestore.Record
	reserved int64 // of the memory of bodies
}

// mint returns what makes an id of Weir's own, without the prefix of its kind:
// 130 random bits.
func mint() string { return dialect.MintedPrefix + strings.ToLower(rand.Text()) }

// keepHere begins to keep the exchange under an id, if its client wants it
// kept. Its input is copied: the body will be another request's as soon as it
// has been sent.
func (x *exchange) keepHere(id string) error {
	x.dropKeeping()
	if !x.keepsState() || x.op != llm.OpResponses || !x.req.Kept {
		return nil
	}
	items, err := responses.InputItems(x.body.bytes())
	if err != nil {
		return err
	}
	size := 0
	for i := range items {
		if raw, ok := x.insteadOf(i); ok {
			items[i].Raw = raw
		}
		size += len(items[i].Raw)
	}
	if err := x.h.memory.reserve(int64(size)); err != nil {
		return err
	}
	x.keeping = &keeping{reserved: int64(size)}
	r := &x.keeping.record
	r.ID, r.Tenant, r.Key = "resp_"+id, x.scope(), x.caller.Principal.Key
	r.Model, r.Upstream = x.entry.Model, x.target.Upstream
	if x.recalled.has() && len(x.recalled.chain) > 0 {
		r.Parent = x.recalled.chain[len(x.recalled.chain)-1].ID
	}
	all := make([]byte, 0, size)
	r.Input = make([]responsestore.Item, len(items))
	for i, item := range items {
		at := len(all)
		all = append(all, item.Raw...)
		r.Input[i] = responsestore.Item{ID: item.ID, Raw: all[at:len(all):len(all)]}
		if item.ID == "" {
			r.Input[i].ID = responses.IDPrefix(item.Type) + id + "_in" + strconv.Itoa(i)
		}
	}
	return nil
}

// insteadOf returns the item that stands for one of the input's.
func (x *exchange) insteadOf(place int) ([]byte, bool) {
	if x.recalled == nil {
		return nil, false
	}
	raw, ok := x.recalled.instead[place]
	return raw, ok
}

// dropKeeping gives back what was to be kept.
func (x *exchange) dropKeeping() {
	if x.keeping != nil {
		x.h.memory.used.Add(-x.keeping.reserved)
		x.keeping = nil
	}
}

// keep keeps an answer that has come to its end, and reports whether it will
// be there: the client is told, and may ask for it at once.
func (x *exchange) keep(e responses.Ended) bool {
	if x.keeping == nil {
		return false
	}
	r := &x.keeping.record
	r.Status, r.Body, r.Created = e.Status, e.Body, time.Now()
	r.Output = make([]responsestore.Item, len(e.Output))
	for i, item := range e.Output {
		r.Output[i] = responsestore.Item{ID: item.ID, Raw: item.Raw}
		if item.ID == "" {
			r.Output[i].ID = responses.IDPrefix(item.Type) + strings.TrimPrefix(r.ID, "resp_") + "_" + strconv.Itoa(i)
		}
		if item.IsBound() {
			r.Bound = x.bound()
		}
	}
	// A client that has left may come again and go on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), keepWait)
	defer cancel()
	err := x.h.responses.Put(ctx, r)
	if err == nil {
		return true
	}
	if !x.sent {
		x.addLossy("store")
	}
	for _, o := range x.h.observers {
		o.KeepFailed(&x.entry, err)
	}
	return false
}

// bound names who alone can read what the present target has sealed.
func (x *exchange) bound() string {
	m := x.maker()
	return string(m.dialect) + "/" + m.upstream + "/" + hex.EncodeToString(m.account[:]) + "/" + hex.EncodeToString(m.caller[:])
}

// keepReply is keep for an answer in neutral form.
func (x *exchange) keepReply(r *llm.Reply) {
	t := x.translation
	if t.options.Store = x.keeping != nil && r.Status != llm.StatusFailed; !t.options.Store {
		return
	}
	if t.writer != nil {
		_ = x.flushTranslated() // what has come does not wait; who has left is noticed later
	}
	end := time.Now()
	t.options.Now = func() time.Time { return end }
	body := t.client.EncodeReply(nil, r, &t.options)
	output := responses.OutputItems(body)
	if !t.options.Request.WantSealed && hasReasoning(r) {
		asked, o := *t.options.Request, t.options
		asked.WantSealed, o.Request = true, &asked
		output = responses.OutputItems(t.client.EncodeReply(nil, r, &o))
	}
	t.options.Store = x.keep(responses.Ended{Status: string(r.Status), Output: output, Body: body})
}

func hasReasoning(r *llm.Reply) bool {
	for i := range r.Items {
		if r.Items[i].Kind == llm.ItemReasoning {
			return true
		}
	}
	return false
}
