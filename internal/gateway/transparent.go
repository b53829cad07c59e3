package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// A transparent door lets any method, path, query and body through to one
// upstream, with the caller's own credential and every header that is not for
// one connection alone; the answer comes back in the same way. Neither is
// collected, changed or waited for. What is left of an exchange is who, how
// much and how long.
//
// The guards of a listener without keys against foreign names and pages do not
// stand here. They keep a web page from spending a credential of the
// operator's, and there is none behind this door: an upstream with `auth:
// passthrough` is called with what the caller sends, and a page that knows a
// credential can spend it without Weir. To be called by a name of its own is
// what the door is for.

// throughDoor returns the path behind the transparent door, if the request
// goes there.
func (x *exchange) throughDoor(apart bool) (path string, ok bool) {
	t := x.snap.Transparent
	if t == nil || t.Apart != apart || !apart && isProbe(x.r) {
		return "", apart
	}
	path = x.r.URL.EscapedPath()
	if path == "" { // of an absolute URL, as proxies are sent
		path = "/"
	}
	path, ok = t.below(path)
	return path, ok || apart // on a listener of its own nothing else is served
}

// findBehind returns what serves a request to a path behind the door; an empty
// one is before it.
func (x *exchange) findBehind(path string) (server, *llm.Error) {
	x.speak(llm.Chat)
	switch {
	case asksForSocket(x.r):
		return nil, &llm.Error{Code: llm.CodeWebSocketUnsupported, Op: "gateway.transparent"}
	case path == "":
		return nil, &llm.Error{
			Code: llm.CodeUnknownURL, Op: "gateway.transparent",
			Public: "there is nothing at " + quotePath(x.r) + ": what passes here has a path that begins with transparent.prefix",
		}
	case path != "/" && !canonical(strings.TrimSuffix(path, "/")):
		return nil, notCanonical(x.r)
	case x.r.Method == http.MethodOptions && len(x.snap.Origins) > 0 && origin(x.r.Header) != "" && x.r.Header["Access-Control-Request-Method"] != nil:
		return options(nil), nil
	}
	x.op = llm.OpTransparent
	p := &passing{x: x, path: path}
	return func(*exchange) *llm.Error { return p.serve() }, nil
}

// refuseTunnel answers CONNECT.
func (x *exchange) refuseTunnel() *llm.Error {
	x.w.Header()["Allow"] = allowMethods
	return &llm.Error{
		Code: llm.CodeMethodNotAllowed, Op: "gateway.connect",
		Public: "CONNECT is not served: inside a tunnel Weir could see nothing; make Weir the client's base URL, and not its https_proxy",
	}
}

// A passing is an exchange through the transparent door.
type passing struct {
	x    *exchange
	path string // behind the door, escaped

	body   *passingBody // nil if there is none
	ctx    context.Context
	cancel context.CancelCauseFunc

	informing sync.Mutex // held while an answer that is not the last is sent
	answered  bool       // the last one is there; guarded by informing

	tapping bool   // x.tap has still something to find
	sample  []byte // the beginning of a refusal, for the log
}

// serve is the life of an exchange through the door: that of any other,
// without the steps that need to know what is asked.
func (p *passing) serve() *llm.Error {
	x := p.x
	// 1. Authenticate: x-weir-key to Principal, where keys are demanded.
	principal, err := x.snap.Keys.AuthenticateApart(x.r.Header)
	if err != nil {
		return llm.AsError(err)
	}
	x.caller = auth.Caller{Principal: principal}
	x.begin(p.pathModel())
	p.ctx, p.cancel = context.WithCancelCause(x.r.Context())
	defer p.cancel(nil)
	defer x.heedShutdown()()

	// 5. Account.
	defer func() {
		if v := recover(); v != nil {
			err = &llm.Error{Code: llm.CodeInternal, Op: "gateway.panic", Err: fmt.Errorf("%v\n%s", v, debug.Stack())}
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

// begin starts the entry of an exchange that is not read: where it went is all
// that is known of it, and perhaps a model by its path.
func (x *exchange) begin(model string) {
	x.entry = ledger.Entry{
		ID: x.id, Time: x.start,
		Tenant: x.caller.Principal.Tenant, Key: x.caller.Principal.Key,
		Remote: x.r.RemoteAddr, Operation: x.op, Model: model,
		Method: x.r.Method, Path: strings.Trim(quotePath(x.r), "`"),
	}
	x.mark = time.Since(x.start)
}

// pathModel returns the deployment that the path names, or "".
func (p *passing) pathModel() string {
	_, rest, ok := strings.Cut(p.path, "/deployments/")
	if !ok {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(segment)
	if err != nil || dialect.CheckModel(name) != nil {
		return ""
	}
	return name
}

// admit checks what can be checked of a request that is not read.
func (p *passing) admit(x *exchange) error {
	switch limit := x.snap.BodyLimit; {
	case x.h.draining.Load():
		return &llm.Error{Code: llm.CodeShuttingDown, Op: "gateway.transparent", RetryAfter: time.Second}
	case x.caller.Principal.MustBeRead() != "":
		return &llm.Error{
			Code: llm.CodeTransparentRefused, Op: "gateway.transparent",
			Public: "the key `" + x.caller.Principal.Key + "` " + x.caller.Principal.MustBeRead() + ", and what passes here is not read: take a key without such limits",
		}
	case x.caller.Principal.KeepsNothing():
		return &llm.Error{
			Code: llm.CodeTransparentRefused, Op: "gateway.transparent",
			Public: "nothing may be kept of what the key `" + x.caller.Principal.Key + "` asks, and what passes here is not read: take a key without `store: never`",
		}
	case x.r.ContentLength > limit:
		return tooLarge(limit)
	}
	x.up = x.snap.Transparent.Upstream
	x.entry.Upstream = x.up.Name()
	return nil
}

// attempt sends the request and waits until the upstream has answered.
func (p *passing) attempt(x *exchange) error {
	x.began = time.Now()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{Upstream: x.up.Name()})
	call := &upstream.Passage{
		Transparent: true,
		Method:      x.r.Method, Path: p.path, Query: x.r.URL.RawQuery, Header: x.r.Header,
		Informed: p.inform,
	}
	if x.r.Body != http.NoBody {
		// Some upstreams begin to answer while they still read.
		_ = x.rc.EnableFullDuplex() // HTTP/1 alone needs it
		p.body = newPassingBody(x, p.cancel)
		call.Body, call.Length = p.body, x.r.ContentLength
	}
	answer, err := x.up.Pass(p.ctx, call)
	p.informing.Lock()
	p.answered = true
	p.informing.Unlock()
	if err != nil {
		return err
	}
	x.answer = answer
	a := &x.entry.Attempts[0]
	a.Status, a.UpstreamRequestID, a.FirstByte = answer.Status, answer.RequestID, time.Since(x.began)
	return nil
}

// inform passes on an answer that is not the last.
func (p *passing) inform(status int, header http.Header) {
	p.informing.Lock()
	defer p.informing.Unlock()
	if p.answered || !p.x.r.ProtoAtLeast(1, 1) {
		return
	}
	h := p.x.w.Header()
	ours := maps.Clone(h)
	clear(h)
	maps.Copy(h, header)
	p.x.arm()
	p.x.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, ours)
}

// relay passes the answer on as it comes.
func (p *passing) relay(x *exchange) error {
	p.send()
	if err := x.flush(); err != nil {
		return err
	}
	refused := x.answer.Status >= http.StatusBadRequest
	if !refused {
		p.putTap()
	}
	s := x.h.memory.get(passingBuffer)
	defer x.h.memory.put(s)
	buf := s.b[:cap(s.b)]
	for {
		x.disarm()
		n, readErr := x.answer.Body.Read(buf)
		if n > 0 {
			if err := x.write(buf[:n]); err != nil {
				return err
			}
			if err := x.flush(); err != nil {
				return err
			}
			p.watch(buf[:n])
			if refused {
				p.keep(buf[:n])
			}
		}
		if readErr != nil {
			p.closeTap()
			if refused {
				x.told = x.up.Refusal(x.answer, p.kept()) // for the account and the log: it passes as it is
			}
			if atEnd(readErr) {
				return nil
			}
			return readErr
		}
	}
}

// passingBuffer is how much is passed on at once.
const passingBuffer = 16 << 10

// send sends the status and every header of the answer. Where pages may call,
// the upstream's rules for them give way to those of the configuration.
func (p *passing) send() {
	x := p.x
	h := x.w.Header()
	vary := h["Vary"]
	for name, values := range x.answer.Header {
		if len(x.snap.Origins) == 0 || !strings.HasPrefix(name, "Access-Control-") {
			h[name] = values
		}
	}
	if len(vary) > 0 && len(x.answer.Header["Vary"]) > 0 {
		h["Vary"] = append(vary[:1:1], x.answer.Header["Vary"]...)
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // else net/http would guess one
	}
	if n := x.answer.ContentLength; n >= 0 && x.answer.Status != http.StatusNoContent && x.answer.Status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
	if p.body != nil && !p.body.complete() && x.r.ProtoMajor == 1 {
		h["Connection"] = []string{"close"} // what is left of the body may not have been read by the end
	}
	x.sent, x.entry.Status = true, x.answer.Status
	x.arm()
	x.w.WriteHeader(x.answer.Status)
	x.entry.FirstByte = time.Since(x.start)
}

// leaveBody sees to it that nobody reads the request's body any more, when the
// exchange has ended with err. What an HTTP/1 client still sends behind a whole
// answer gets some time: see linger.
func (p *passing) leaveBody(err error) {
	if p.body == nil {
		return
	}
	x := p.x
	complete, n := p.body.leave()
	x.bodyRead, x.entry.BytesIn = complete, n
	if complete || !x.sent || x.r.ProtoMajor != 1 {
		return
	}
	deadline := time.Now()
	if err == nil {
		x.lingers = true
		deadline = deadline.Add(maxLinger)
		if limit := x.h.bodyTimeout; 0 < limit && limit < maxLinger {
			deadline = time.Now().Add(limit)
		}
	}
	_ = x.rc.SetReadDeadline(deadline) // fails only on a dead connection
}
