package gateway

import (
	"net/http"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/retry"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/upstream"
)

// An exchange is one request on its way through the gateway. One goroutine
// uses it. Each step fills in its own part.
type exchange struct {
	h     *Handler
	snap  *Snapshot
	w     http.ResponseWriter
	rc    *http.ResponseController
	r     *http.Request
	id    string
	start time.Time
	mark  time.Duration // from start to the end of the last step

	op       llm.Operation
	pathName string          // what {name} stands for in the path: a model, or an id; empty if there is none
	dialect  dialect.Dialect // the client's

	caller auth.Caller

	chosen []string // values of the header by which a client chooses an upstream
	chose  string   // the upstream that it has chosen; empty if none

	body *buffer // as the client sent it; nil until read, and again once it is not needed
	req  dialect.Request

	upload *upload // instead of body and out, if the body is a form

	bodyRead bool // to its end

	model   *route.Model   // nil if nobody knows the name, and the client has chosen an upstream
	lowered []llm.Loss     // what a rule has lowered of what the client asked for
	anchors []route.Anchor // what it has in common with earlier requests, if there is anything to choose
	limited bool           // the limit of the answer is Weir's, and not the client's

	neutral    *llm.Request // the request in neutral form; nil as long as nobody needs it
	notNeutral error        // why it could not be had; nil if it could, or nobody has asked
	decoded    int64        // what of the memory of bodies is set aside for it

	try // the present one
	further

	object *objectCall // what is asked of an object; nil if x is an exchange

	who                pin.Identity         // of the caller's own credential, once it was asked for
	unknown            []*dialect.Reference // what nobody has seen
	pinnedTo, pinnedBy string               // the upstream that keeps what the request refers to, and the member that does
	recalled           *recalled            // what Weir keeps of what the request goes on with
	keeping            *keeping             // what will be kept of the exchange; nil if nothing

	sent          bool      // a status has been sent
	lingers       bool      // and the client may still be sending its body
	writeDeadline time.Time // of the connection, as last set

	socket *socket // nil unless it is one

	entry ledger.Entry
}

// A try is what belongs to one attempt alone.
type try struct {
	target route.Candidate
	up     *upstream.Upstream
	began  time.Time   // zero until it is sent
	next   *retry.Step // what follows on its failure; nil until that is decided

	run        *health.Run // nil if nobody looks after the target
	leavePlace func()      // nil if there is none to give back

	out         *buffer      // what is sent; may be the exchange's body
	translation *translation // nil in the other lanes

	retell *responses.Reteller // of the joined lane; nil in the other lanes
	ahead  int                 // how many items stand before those of the client

	counted   int64 // tokens, about, where the upstream is not asked for them
	estimated bool  // counted is the answer

	answer     *upstream.Answer
	tap        *dialect.Tap
	keeps      bool   // the ids in the answer are noted
	noted      string // the answer's own id, once it is
	streaming  bool   // the answer is an event stream
	injected   bool   // the stream's usage event is there because Weir asked for it
	meant      bool   // something that means something has come of the stream
	eventAt    int    // where in what is held of the stream its present event begins
	firstToken bool   // the observers have been told
	partial    bool   // the beginning of an event has been sent, its end has not
	alive      *alive // of a stream; nil if its client is never told

	told *llm.Error   // what the upstream has told of inside a success
	cure dialect.Trim // what would have to go from the request after a refusal, if that may help
}

// speak sets the dialect that x is answered in.
func (x *exchange) speak(d llm.Dialect) { x.dialect = dialects(d) }

// step runs one step and tells the observers when it has succeeded.
func (x *exchange) step(name Step, run func(*exchange) error) error {
	if err := run(x); err != nil {
		return err
	}
	at := time.Since(x.start)
	took := at - x.mark
	x.mark = at
	for _, o := range x.h.observers {
		o.StepDone(x.id, name, took)
	}
	return nil
}

// authenticate finds the caller, and starts the entry.
func (x *exchange) authenticate() error {
	caller, err := x.snap.Keys.Authenticate(x.r.Header)
	if err != nil {
		return err
	}
	x.caller = caller
	x.entry = ledger.Entry{
		ID: x.id, Time: x.start,
		Tenant: caller.Principal.Tenant, Key: caller.Principal.Key,
		Remote: x.r.RemoteAddr, Operation: x.op, Dialect: x.op.Dialect(),
	}
	x.mark = time.Since(x.start)
	return nil
}

// announce tells the observers that an exchange has begun.
func (x *exchange) announce() {
	for _, o := range x.h.observers {
		o.ExchangeStarted(x.id, x.start)
		o.StepDone(x.id, StepAuthenticate, x.mark)
	}
}

// admit checks that the caller may use the model.
func (x *exchange) admit() error {
	err := x.admitModel()
	if err != nil && x.pathName == "" && !x.req.HasModel {
		return x.noDefault(err)
	}
	return err
}

func (x *exchange) admitModel() error {
	var known bool
	x.model, known = x.snap.Routes.Lookup(x.entry.Model)
	if len(x.chosen) == 0 {
		return modelError(x.caller.Principal, x.entry.Model, known)
	}
	// Whoever chooses an upstream may send it any name that the key allows.
	if err := modelError(x.caller.Principal, x.entry.Model, true); err != nil {
		return err
	}
	return x.choose()
}

// modelError says why who may not have the model name, or returns nil.
func modelError(who *auth.Principal, name string, known bool) error {
	shown := "the model `" + name + "`"
	switch {
	case !who.MayUse(name):
		return &llm.Error{
			Code: llm.CodeModelNotAllowed, Op: "gateway.admit", Param: "model",
			Public: "the key `" + who.Key + "` may not use " + shown,
		}
	case !known:
		return &llm.Error{
			Code: llm.CodeModelNotFound, Op: "gateway.admit", Param: "model",
			Public: shown + " does not exist here; GET /v1/models lists what there is",
		}
	}
	return nil
}

// route finds the targets.
func (x *exchange) route() error {
	if x.caller.Principal.KeepsNothing() {
		x.req.Kept = false
	}
	if len(x.req.References) > 0 {
		if err := x.resolve(); err != nil {
			return err
		}
	}
	if err := x.decide(); err != nil {
		return err
	}
	ok := len(x.decision.Candidates) > 0
	switch {
	case x.notNeutral != nil && llm.AsError(x.notNeutral).Code == llm.CodeOverloaded:
		return x.notNeutral // what it needs is not known
	case x.decision.Refused != nil:
		return x.decision.Refused
	case !ok && x.pinnedTo != "":
		return x.noTargetThere()
	case !ok:
		return &llm.Error{
			Code: llm.CodeUnsupportedOperation, Op: "gateway.route", Param: "model",
			Public: "the model `" + x.entry.Model + "` cannot be asked for " + string(x.op) + ": no upstream that serves it has that API" + x.choiceNote(),
		}
	}
	x.aim(0)
	if len(x.unknown) > 0 {
		if err := x.unknownAt(&x.target); err != nil {
			return err
		}
	}
	return x.limitOutput()
}

// finish ends the exchange: the client is told of err, if it can be, and the
// entry is written.
func (x *exchange) finish(err error) {
	var failure *llm.Error
	if err != nil {
		failure = x.cause(err)
	}
	defer x.release()
	abort := false
	if failure != nil {
		abort = x.tell(failure)
	} else {
		failure = x.told // it has reached the client in the upstream's own words
	}
	if failure != nil {
		x.entry.Code = failure.Code
	} else {
		x.served()
	}
	if x.answer != nil {
		_ = x.answer.Body.Close() // relay has seen its errors
	}
	x.account(failure)
	if abort {
		// Half of a whole answer has been sent: only a broken connection
		// tells the client that the rest is missing.
		panic(http.ErrAbortHandler)
	}
}

// tell is failAnywhere for a client that must not cost the entry: whatever
// goes wrong, the connection is broken off and the account goes on.
func (x *exchange) tell(failure *llm.Error) (abort bool) {
	defer func() {
		if recover() != nil {
			abort = true
		}
	}()
	return x.failAnywhere(failure)
}

// release gives everything back that the exchange has borrowed.
func (x *exchange) release() {
	x.forget()
	x.dropRecalled()
	x.dropKeeping()
	x.dropBody()
	if x.upload != nil {
		x.upload.close()
	}
	if x.tap != nil {
		x.tap.Free()
	}
	x.translation.free()
	if x.out != nil {
		x.out.unreserve() // also where a transport never says that it is done
	}
}

// account completes the entry and hands it on. It is recorded before anybody
// is told, so that no observer can prevent it.
func (x *exchange) account(failure *llm.Error) {
	if x.object != nil {
		x.reportObject(failure)
		return
	}
	e := &x.entry
	e.Total = time.Since(x.start)
	e.Usage = x.usage(failure)
	x.h.record(e, failure, x.endAttempt())
	if x.decision.Model != "" {
		x.h.records.keep(x.known())
	}
}

// record hands a complete entry on. Ended says that its last attempt has ended
// with it.
func (h *Handler) record(e *ledger.Entry, failure *llm.Error, ended bool) {
	err := h.ledger.Record(e)
	for _, o := range h.observers {
		if n := len(e.Attempts); n > 0 && ended {
			o.AttemptDone(e.ID, &e.Attempts[n-1], failure, "")
		}
		if err != nil {
			o.LedgerFailed(e, err)
		}
		o.ExchangeDone(e, failure)
	}
}

// cause returns err as what it means for the exchange: a context that a
// shutdown has ended is not a client that has left.
func (x *exchange) cause(err error) *llm.Error {
	e := llm.AsError(err)
	if e.Code == llm.CodeClientClosed && x.cut() {
		return &llm.Error{Code: llm.CodeShuttingDown, Op: e.Op, Upstream: e.Upstream, RetryAfter: time.Second}
	}
	return e
}
