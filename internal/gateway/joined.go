package gateway

import (
	"bytes"
	"io"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/responsestore"
)

// join returns the client's request as a server can be sent it that keeps
// nothing: with all of the conversation in it, and what is lost of that. The caller
// drops the buffer, also after an error.
func (x *exchange) join() (*buffer, dialect.Request, []dialect.Loss, error) {
	id := mint()
	if err := x.keepHere(id); err != nil {
		return nil, dialect.Request{}, nil, err
	}
	if x.op == llm.OpResponses {
		x.retell = &responses.Reteller{ID: "resp_" + id, Parent: x.previousID(), Store: x.keeping != nil, Keep: x.keep}
	}
	before, losses := x.carried()
	size := 0
	for _, item := range before {
		size += len(item)
	}
	if err := x.h.memory.reserve(int64(size)); err != nil { // it is in an edit before it is in the request
		return nil, dialect.Request{}, nil, err
	}
	defer x.h.memory.used.Add(-int64(size))
	joint := responses.Joint{Before: before}
	if x.recalled != nil {
		joint.Instead = x.recalled.instead
	}
	edits, err := responses.Join(x.body.bytes(), joint)
	if err != nil {
		return nil, dialect.Request{}, nil, err
	}
	x.ahead = len(before)
	out, err := x.spliced(x.body, edits)
	if err != nil {
		return out, dialect.Request{}, nil, err
	}
	req, err := x.dialect.ReadRequest(out.bytes())
	return out, req, losses, err
}

// previousID returns what the answer says that it goes on with.
func (x *exchange) previousID() string {
	for i := range x.req.References {
		if ref := &x.req.References[i]; ref.Param == "previous_response_id" {
			return ref.ID
		}
	}
	return ""
}

// carried returns the items of the conversation so far, as the target can be
// sent them. The loss is that of what only others can read.
func (x *exchange) carried() (items [][]byte, losses []dialect.Loss) {
	if x.recalled == nil {
		return nil, nil
	}
	here, text := x.bound(), x.takesText()
	for _, r := range x.recalled.chain {
		c := responses.Carrier{Maker: r.Bound == "" || r.Bound == here, Text: text}
		for _, list := range [...][]responsestore.Item{r.Input, r.Output} {
			for i := range list {
				item, lost := c.Carry(list[i].Raw)
				if item != nil {
					items = append(items, item)
				}
				if lost && losses == nil {
					losses = []dialect.Loss{{Path: "previous_response_id", Why: "some of it only the upstream can read that has made it"}}
				}
			}
		}
	}
	return items, losses
}

// takesText reports whether the target takes reasoning that nobody has signed.
func (x *exchange) takesText() bool {
	return x.profile().Traits[x.target.As.Dialect()].Reasoning != ""
}

// spliced returns src with edits, in a buffer of its own, which the caller
// drops, also after an error.
func (x *exchange) spliced(src *buffer, edits []jsonscan.Edit) (*buffer, error) {
	size := len(src.bytes())
	for _, e := range edits {
		size += len(e.Text)
	}
	out := x.h.memory.newBuffer()
	if err := out.grow(size); err != nil {
		return out, err
	}
	out.slab.b = jsonscan.Splice(out.slab.b, src.bytes(), edits...)
	return out, nil
}

// relayRetold passes a whole response on under the id that Weir has given it.
func (x *exchange) relayRetold() error {
	x.tap = x.dialect.NewTap(false)
	x.disarm()
	body, err := io.ReadAll(io.LimitReader(x.answer.Body, maxTranslated+1))
	if err != nil {
		return err
	}
	if len(body) > maxTranslated {
		return x.tooLarge()
	}
	if _, _, err := x.tap.Next(body); err != nil {
		return err
	}
	if _, err := x.tap.Close(); err != nil {
		return err
	}
	told := x.retell.Whole(nil, body)
	x.send(int64(len(told)))
	x.noteFailure()
	return x.write(told)
}

// passRetold sends events of a stream under the id that Weir has given it.
// Those before the last do not wait until it is kept.
func (x *exchange) passRetold(p []byte) error {
	out := 0
	for at := 0; at < len(p); {
		end := at + responses.EventEnd(p[at:])
		event := p[at:end]
		if responses.Ends(event) {
			if err := x.write(p[out:at]); err != nil {
				return err
			}
			if out = at; at > 0 {
				if err := x.flush(); err != nil {
					return err
				}
			}
		}
		if told, changed := x.retell.Event(nil, event); changed {
			if err := x.write(p[out:at]); err != nil {
				return err
			}
			if err := x.write(told); err != nil {
				return err
			}
			out = end
		}
		at = end
	}
	return x.write(p[out:])
}

// neverKept returns the edit by which an upstream keeps nothing of a request
// of a key that wants nothing kept.
func (x *exchange) neverKept(req *dialect.Request, body []byte) (jsonscan.Edit, bool) {
	if !x.caller.Principal.KeepsNothing() || x.op != llm.OpResponses && x.op != llm.OpChat {
		return jsonscan.Edit{}, false
	}
	none := len(bytes.TrimSpace(body[req.Object.Start+1:req.Object.End-1])) == 0 // and the upstream will say so
	switch said := string(body[req.Store.Span.Start:req.Store.Span.End]); {
	case said == "false", said != "true" && x.op == llm.OpChat, none:
		return jsonscan.Edit{}, false
	case said == "":
		return jsonscan.InsertMember(body, req.Object, []byte(`"store":false`)), true
	default:
		return jsonscan.Edit{Span: req.Store.Span, Text: []byte("false")}, true
	}
}
