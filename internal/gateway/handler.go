package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/spool"
)

// ErrShutdown is the cause with which the contexts of running requests must be
// cancelled when they are cut by a shutdown, so that clients are told so.
var ErrShutdown = errors.New("shutting down")

// Options are what a [Handler] is made of. All fields are required unless
// said otherwise.
type Options struct {
	Snapshot  *Snapshot
	Ledger    Ledger
	Observers []Observer // called in this order; may be empty
	Pins      Pins
	Seals     Seals

	// Responses keep what upstreams do not. Nil keeps nothing.
	Responses Responses

	// NewID returns a new request id for a request that arrives now.
	NewID func(now time.Time) string

	// Spool keeps files that clients send, for as long as it takes to send
	// them on.
	Spool *spool.Spool

	// BodyTimeout is how long a client may be silent while it sends a body,
	// WriteTimeout how long one write to it may take. Zero means no limit.
	BodyTimeout  time.Duration
	WriteTimeout time.Duration
}

// Handler is the data plane. It may be used by many goroutines at once.
type Handler struct {
	current      atomic.Pointer[lease]
	reasons      atomic.Pointer[[]string] // what /readyz tells while the handler serves; nil: nothing
	ledger       Ledger
	observers    []Observer
	pins         Pins
	affinities   *route.Affinities
	seals        Seals
	responses    Responses // nil: nothing is kept
	newID        func(time.Time) string
	memory       memory
	spool        *spool.Spool
	bodyTimeout  time.Duration
	writeTimeout time.Duration
	paths        *paths
	draining     atomic.Bool
	records      records
}

// New returns a handler that serves.
func New(o Options) *Handler {
	h := &Handler{
		ledger:       o.Ledger,
		observers:    o.Observers,
		pins:         o.Pins,
		affinities:   route.NewAffinities(maxAffinities, affinityTTL),
		seals:        o.Seals,
		responses:    o.Responses,
		newID:        o.NewID,
		spool:        o.Spool,
		bodyTimeout:  o.BodyTimeout,
		writeTimeout: o.WriteTimeout,
		paths:        newPaths(),
	}
	h.Swap(o.Snapshot)
	return h
}

// Swap makes s the configuration of every exchange that begins from now on.
// Those that run keep theirs, which is released when the last of them has
// ended; see [Snapshot.Release].
func (h *Handler) Swap(s *Snapshot) {
	h.memory.limit.Store(s.BodyMemory)
	if old := h.current.Swap(newLease(s)); old != nil {
		old.drop()
	}
}

// Tell makes reasons what /readyz tells from now on, beside that the handler
// serves. They are codes: lower case and underscores.
func (h *Handler) Tell(reasons ...string) { h.reasons.Store(&reasons) }

// Drain refuses every exchange that begins from now on with
// [llm.CodeShuttingDown]. Exchanges that have begun are not touched.
func (h *Handler) Drain() { h.draining.Store(true) }

// ServeHTTP serves one request. It answers every failure in the shape of the
// caller's dialect.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.handle(w, r, false) }

// Transparent returns what serves the transparent door's own listener.
func (h *Handler) Transparent() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.handle(w, r, true) })
}

// handle serves one request. Apart says that it came by the transparent door's
// own listener.
func (h *Handler) handle(w http.ResponseWriter, r *http.Request, apart bool) {
	now := time.Now()
	held := h.hold() // once: see the invariants in doc.go
	defer held.drop()
	x := &exchange{
		h:     h,
		snap:  held.Snapshot,
		w:     w,
		rc:    http.NewResponseController(w),
		r:     r,
		id:    h.newID(now),
		start: now,
	}
	w.Header()["X-Request-Id"] = []string{x.id}
	x.shareAnswer()
	h.serve(x, apart)
	x.arm() // for what net/http has not sent yet
	x.linger()
}

func (h *Handler) serve(x *exchange, apart bool) {
	serve, err := h.find(x, apart)
	if err == nil {
		err = serve(x)
	}
	if err != nil {
		h.refuse(x, err)
	}
}

// find returns what serves x, or says why nothing does.
func (h *Handler) find(x *exchange, apart bool) (server, *llm.Error) {
	x.speak(guessDialect(x.r))
	if x.r.Method == http.MethodConnect {
		return nil, x.refuseTunnel()
	}
	if path, ok := x.throughDoor(apart); ok {
		return x.findBehind(path)
	}
	x.takeRouteHeader()
	for _, g := range guards {
		if err := g(x.snap, x.r); err != nil {
			return nil, err
		}
	}
	e, name, allow, ok := h.paths.find(x.r.Method, x.r.URL.EscapedPath())
	if !ok && allow == nil {
		if pass := x.findPassage(); pass != nil {
			return pass, nil
		}
	}
	switch {
	case ok:
		x.op, x.pathName = e.op, name
		if e.op != llm.OpModels {
			x.dialect = dialectOf(e.op)
		}
		return e.serve, nil
	case x.r.Method == http.MethodOptions && (allow != nil || len(x.snap.Origins) > 0):
		return options(allow), nil
	case allow != nil:
		return nil, x.wrongMethod(allow)
	default:
		return nil, &llm.Error{
			Code: llm.CodeUnknownURL, Op: "gateway.find",
			Public: fmt.Sprintf("there is nothing at %s (%s)%s", quotePath(x.r), x.r.Method, h.paths.hint(x.r.URL.EscapedPath())),
		}
	}
}

// wrongMethod is the refusal of a method that the path does not take.
func (x *exchange) wrongMethod(allow []string) *llm.Error {
	x.w.Header()["Allow"] = []string{strings.Join(allow, ", ")}
	return &llm.Error{
		Code: llm.CodeMethodNotAllowed, Op: "gateway.find",
		Public: fmt.Sprintf("%s does not take %s, only %s", quotePath(x.r), x.r.Method, strings.Join(allow, ", ")),
	}
}

// guessDialect names the dialect of a caller whose path says nothing.
func guessDialect(r *http.Request) llm.Dialect {
	p := r.URL.Path
	if strings.HasPrefix(p, "/v1/messages") || strings.HasPrefix(p, "/anthropic/") || len(r.Header["Anthropic-Version"]) > 0 {
		return llm.Messages
	}
	return llm.Chat
}

// refuse answers a request that never became an exchange, and tells the
// observers.
func (h *Handler) refuse(x *exchange, err *llm.Error) {
	x.fail(err)
	path := strings.Trim(quotePath(x.r), "`")
	for _, o := range h.observers {
		o.Refused(x.id, x.r.Method, path, x.r.RemoteAddr, err)
	}
}

// health answers the probes: /healthz while the process lives, /readyz while
// it takes new requests. Who asks is not known, so reasons are codes alone.
func (x *exchange) health() *llm.Error {
	status, body := http.StatusOK, `{"status":"ok"}`
	switch reasons := x.h.reasons.Load(); {
	case x.op != opReady:
	case x.h.draining.Load():
		status, body = http.StatusServiceUnavailable, `{"status":"unavailable","reasons":["`+string(llm.CodeShuttingDown)+`"]}`
	case reasons != nil && len(*reasons) > 0:
		body = `{"status":"ok","reasons":["` + strings.Join(*reasons, `","`) + `"]}`
	}
	x.respond(status, "application/json", []byte(body+"\n"))
	return nil
}

// panicked is the error for what recover has returned.
func panicked(v any) error {
	return &llm.Error{Code: llm.CodeInternal, Op: "gateway.panic", Err: fmt.Errorf("%v\n%s", v, debug.Stack())}
}

// serve is the life of an exchange. Nothing here is clever; the steps are.
func (x *exchange) serve() *llm.Error {
	// 1. Authenticate: headers to Principal. Failures are nobody's exchange.
	if err := x.authenticate(); err != nil {
		return llm.AsError(err)
	}

	// 7. Account, however the rest ends, a panic included.
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
		x.finish(err)
	}()

	x.announce()

	// 2. Read: bytes to what must be known of the request. Needed before
	// admission, because what may be admitted depends on the model.
	if err = x.step(StepRead, (*exchange).read); err != nil {
		return nil
	}
	// 3. Admit: may this caller ask for this model, now?
	if err = x.step(StepAdmit, (*exchange).admit); err != nil {
		return nil
	}
	// 4. Route: model name to target.
	if err = x.step(StepRoute, (*exchange).route); err != nil {
		return nil
	}
	// 5. Attempt and 6. Relay: encode for the target, send, pass its answer on
	// as it comes; and again, as long as the client has been sent nothing.
	err = x.carry()
	return nil
}
