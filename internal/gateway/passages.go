package gateway

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// A Passage lets paths through to an upstream as they are.
type Passage struct {
	Glob     Glob
	Upstream string // its name
}

// passMethods are those that pass.
var passMethods = []string{ // immutable
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

const opPassage = "gateway.passage"

// findPassage returns what serves a path that passes to an upstream, nil if
// none does. An escaped slash passes nowhere: some upstreams would take it for
// one, and the path for another.
func (x *exchange) findPassage() server {
	path := x.r.URL.EscapedPath()
	if len(x.snap.Passages) == 0 || strings.Contains(path, "%2F") {
		return nil
	}
	for i := range x.snap.Passages {
		if x.snap.Passages[i].Glob.Match(path) {
			return x.throughPassage(path, x.snap.Passages[i].Upstream)
		}
	}
	return nil
}

func (x *exchange) throughPassage(path, upstream string) server {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	case http.MethodOptions:
		return options(passMethods)
	default:
		return func(x *exchange) *llm.Error { return x.wrongMethod(passMethods) }
	}
	x.op = llm.OpPassthrough
	p := &passage{passing{x: x, path: path}, upstream}
	return func(*exchange) *llm.Error { return p.serve() }
}

// A passage is an exchange that passes to a path of passthrough_paths. Unlike
// what passes the transparent door it goes with the upstream's own credential,
// headers are held to the lists, and refusals are those of any exchange.
type passage struct {
	passing
	upstream string
}

// serve is the life of an exchange that is not read.
func (p *passage) serve() *llm.Error {
	x := p.x
	// 1. Authenticate.
	caller, err := x.snap.Keys.Authenticate(x.r.Header)
	if err != nil {
		return llm.AsError(err)
	}
	x.caller = caller
	x.begin("")
	p.ctx, p.cancel = context.WithCancelCause(x.r.Context())
	defer p.cancel(nil)
	defer x.heedShutdown()()

	// 5. Account.
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
		err = p.body.because(err)
		p.leaveBody(err)
		x.finish(err)
	}()

	x.announce()

	// 2. Admit: may this caller pass, and this much?
	if err = x.step(StepAdmit, p.admit); err != nil {
		return nil
	}
	// 3. Attempt: send, until the upstream has answered.
	if err = x.step(StepAttempt, p.attempt); err != nil {
		return nil
	}
	// 4. Relay: the answer, as it comes.
	err = x.step(StepRelay, p.relay)
	return nil
}

// admit checks what can be checked of a request that is not read.
func (p *passage) admit(x *exchange) error {
	switch limit := x.snap.BodyLimit; {
	case x.h.draining.Load():
		return &llm.Error{Code: llm.CodeShuttingDown, Op: opPassage, RetryAfter: time.Second}
	case x.caller.Principal.MustBeRead() != "":
		return &llm.Error{
			Code: llm.CodePassthroughRefused, Op: opPassage,
			Public: "the key `" + x.caller.Principal.Key + "` " + x.caller.Principal.MustBeRead() + ", and what passes here is not read: take a key without such limits",
		}
	case x.caller.Principal.KeepsNothing():
		return &llm.Error{
			Code: llm.CodePassthroughRefused, Op: opPassage,
			Public: "nothing may be kept of what the key `" + x.caller.Principal.Key + "` asks, and what passes here is not read: take a key without `store: never`",
		}
	case x.r.ContentLength > limit:
		return tooLarge(limit)
	}
	return x.setUpstream(p.upstream)
}

// attempt sends the request and waits until the upstream has answered.
func (p *passage) attempt(x *exchange) error {
	credential, err := x.credential()
	if err != nil {
		return err
	}
	x.began = time.Now()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{Upstream: p.upstream, Lane: llm.Express})
	call := &upstream.Passage{
		Method: x.r.Method, Path: p.path, Query: x.r.URL.RawQuery, Header: x.r.Header,
		Credential: credential, RequestID: x.id,
	}
	if x.r.Body != http.NoBody {
		_ = x.rc.EnableFullDuplex() // as for the transparent door
		p.body = newPassingBody(x, p.cancel)
		call.Body, call.Length = p.body, x.r.ContentLength
	}
	if x.answer, err = x.up.Pass(p.ctx, call); err != nil {
		return err
	}
	a := &x.entry.Attempts[0]
	a.Status, a.UpstreamRequestID, a.FirstByte = x.answer.Status, x.answer.RequestID, time.Since(x.began)
	if x.answer.Status < http.StatusBadRequest {
		return nil
	}
	failure := llm.AsError(x.refusal(x.answer))
	if failure.Code == llm.CodeUpstreamRejected && failure.Answer.Body == nil && x.answer.Status == http.StatusNotFound {
		// What it said is not in the words of the protocol.
		missing := objectNotFound(failure)
		missing.Upstream, missing.Answer = failure.Upstream, failure.Answer
		return missing
	}
	return failure
}

// relay passes the answer on as it comes. One in JSON that fits into the buffer
// is read to its end first: the ids in it must be known before the client
// sees them.
func (p *passage) relay(x *exchange) error {
	p.forget(x)
	hold := p.readable(x)
	s := x.h.memory.get(wholeBuffer)
	defer x.h.memory.put(s)
	buf := s.b[:cap(s.b)]
	for n := 0; ; {
		x.disarm()
		m, readErr := x.answer.Body.Read(buf[n:])
		if hold {
			_, _, _ = x.tap.Next(buf[n : n+m]) // a whole body has no events to be too large
		}
		n += m
		switch {
		case readErr != nil && !atEnd(readErr) && !x.sent && hold:
			return readErr // nothing of it has been sent
		case hold && readErr == nil && n < len(buf) && !x.tap.Broken():
			continue
		}
		if hold && (atEnd(readErr) || x.tap.Done()) {
			_, _ = x.tap.Close() // whether it was whole is not judged here
			x.notePins()
		}
		if !x.sent {
			p.send()
		}
		if err := x.write(buf[:n]); err != nil {
			return err
		}
		if n > 0 || readErr == nil {
			if err := x.flush(); err != nil {
				return err
			}
		}
		n = 0
		if atEnd(readErr) {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}

// readable puts a tap to an answer that may hold ids or usage: what was made,
// in JSON. It reports whether it has.
func (p *passage) readable(x *exchange) bool {
	media := mediaType(x.answer.Header.Get("Content-Type"))
	x.entry.Stream = media == "text/event-stream"
	if x.r.Method != http.MethodPost || media != "application/json" {
		return false
	}
	x.tap = dialect.NewTap(dialect.Objects, false)
	x.req.Kept = true
	x.keepsIDs()
	return true
}

// forget removes the pin of what is deleted.
func (p *passage) forget(x *exchange) {
	if id := p.path[strings.LastIndexByte(p.path, '/')+1:]; x.r.Method == http.MethodDelete && idForm.MatchString(id) {
		x.h.pins.Forget(x.caller.Principal.Tenant, id)
	}
}
