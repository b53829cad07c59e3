package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/retry"
	"github.com/weir-gateway/weir/internal/route"
)

// An Explanation is why a request goes where it goes. It holds no text of a
// prompt and no secret.
type Explanation struct {
	RequestID string        `json:"request_id,omitempty"` // empty if nobody has sent it
	Time      time.Time     `json:"time"`
	Tenant    string        `json:"tenant"`
	Key       string        `json:"key,omitempty"`
	Operation llm.Operation `json:"operation"`
	Model     string        `json:"model"`            // the name that the client asks for
	Serves    string        `json:"serves,omitempty"` // the model that a rule has put in its place

	Rules     []ExplainedRule      `json:"rules,omitempty"`
	Prefer    route.Prefer         `json:"prefer,omitempty"`
	Demands   []string             `json:"demands,omitempty"` // labels, as name=value
	OutputCap int64                `json:"output_cap,omitempty"`
	Targets   []ExplainedTarget    `json:"targets,omitempty"` // in the order in which they are tried
	Rejected  []ExplainedRejection `json:"rejected,omitempty"`
	Attempts  []ExplainedAttempt   `json:"attempts,omitempty"` // empty if nobody has sent it

	Refused string `json:"refused,omitempty"` // why it is answered without asking anybody, or how it ended
}

// An ExplainedRule is what a rule says of a request.
type ExplainedRule struct {
	Rule  string `json:"rule"`
	Holds bool   `json:"holds"`
	Error string `json:"error,omitempty"`
}

// An ExplainedTarget is a target that may be tried.
type ExplainedTarget struct {
	Upstream string        `json:"upstream"`
	Model    string        `json:"model"` // what the upstream knows
	Lane     llm.Lane      `json:"lane"`
	As       llm.Operation `json:"as"`
	Path     string        `json:"path,omitempty"`
	Why      string        `json:"why"`

	Standing    string  `json:"standing"`
	Reason      string  `json:"reason,omitempty"` // of the standing
	Priority    int     `json:"priority"`
	Weight      int     `json:"weight,omitempty"`
	InFlight    int     `json:"in_flight,omitempty"`
	FirstByteMS float64 `json:"first_byte_ms,omitempty"`
	Drops       bool    `json:"drops_bound_items,omitempty"`

	Rewrites []string `json:"rewrites,omitempty"` // what differs in the body; not of what was sent
	Lossy    []string `json:"lossy,omitempty"`    // fields that it cannot have
	Refused  string   `json:"refused,omitempty"`  // why the request cannot be put so

	Retries  int    `json:"retries"`  // of the same target
	Attempts int    `json:"attempts"` // at all targets together
	Waits    string `json:"waits,omitempty"`
}

// An ExplainedRejection is a target that may not be tried.
type ExplainedRejection struct {
	Upstream string `json:"upstream"`
	Model    string `json:"model,omitempty"`
	Why      string `json:"why"`
}

// An ExplainedAttempt is one that was made.
type ExplainedAttempt struct {
	Upstream string   `json:"upstream"`
	Model    string   `json:"model"`
	Status   int      `json:"status,omitempty"`
	Code     llm.Code `json:"code,omitempty"`
	TookMS   float64  `json:"took_ms"`
	Next     string   `json:"next,omitempty"` // what followed, and why
}

// A Question is a request of which nobody is sure where it would go.
type Question struct {
	Key    string      // the name of the key that would send it; empty where no key is demanded
	Path   string      // of the API, "/v1/chat/completions"
	Header http.Header // may be nil
	Body   []byte      // JSON
	At     time.Time   // when it would be sent
}

// Explain answers q as of now, and calls nobody. The error says that there is no
// such key or path; what is wrong with the request is part of the explanation.
func (h *Handler) Explain(ctx context.Context, q *Question) (*Explanation, error) {
	held := h.hold()
	defer held.drop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+q.Path, bytes.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range q.Header {
		r.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	r.Header.Set("Content-Type", "application/json")
	w := &unheard{header: http.Header{}}
	x := &exchange{h: h, snap: held.Snapshot, w: w, rc: http.NewResponseController(w), r: r, start: q.At}
	defer x.release()
	x.takeRouteHeader()
	e, name, _, ok := h.paths.find(http.MethodPost, q.Path)
	if !ok || !explains(e.op) {
		return nil, fmt.Errorf("there is nothing to explain at %s: name a path of the API that a model is asked at, such as /v1/chat/completions", q.Path)
	}
	who, ok := held.Keys.Named(q.Key)
	if !ok {
		return nil, fmt.Errorf("there is no key %q", q.Key)
	}
	x.op, x.pathName, x.dialect = e.op, name, dialectOf(e.op)
	x.caller = auth.Caller{Principal: who}
	x.entry = ledger.Entry{Tenant: who.Tenant, Key: who.Key, Operation: x.op}
	err = x.read()
	if err == nil {
		err = x.admit()
	}
	if err == nil {
		err = x.route()
	}
	rec := x.known()
	out := rec.explain()
	if err != nil {
		out.Refused = llm.AsError(err).Message()
		return out, nil
	}
	x.plan = retry.Begin(x.start, func() float64 { return 0 })
	for i := range out.Targets {
		x.rehearse(i, &out.Targets[i])
	}
	return out, nil
}

// explains reports whether an operation asks a model something, in JSON.
func explains(op llm.Operation) bool {
	json, _ := takes(op)
	switch op {
	case llm.OpModels, opHealth, opReady, llm.OpRealtime:
		return false
	}
	return json
}

// explain says it in words.
func (r *record) explain() *Explanation {
	d := &r.decision
	out := &Explanation{
		RequestID: r.id, Time: r.start, Tenant: r.entry.Tenant, Key: r.entry.Key, Operation: r.entry.Operation, Model: r.entry.Model,
		Prefer: d.Prefer, OutputCap: d.OutputCap, Refused: string(r.entry.Code),
	}
	if d.Model != r.entry.Model {
		out.Serves = d.Model
	}
	for _, l := range d.Demands {
		out.Demands = append(out.Demands, l.Name+"="+l.Value)
	}
	for _, v := range d.Verdicts {
		rule := ExplainedRule{Rule: v.Rule, Holds: v.Holds}
		if v.Err != nil {
			rule.Error = v.Err.Error()
		}
		out.Rules = append(out.Rules, rule)
	}
	for i := range d.Candidates {
		out.Targets = append(out.Targets, r.target(&d.Candidates[i]))
	}
	for _, no := range d.Rejected {
		out.Rejected = append(out.Rejected, ExplainedRejection{no.Upstream, no.Model, no.Why})
	}
	for i, a := range r.entry.Attempts {
		made := ExplainedAttempt{Upstream: a.Upstream, Model: a.Target, Status: a.Status, Code: a.Code, TookMS: milliseconds(a.Total)}
		if i < len(r.steps) {
			made.Next = r.steps[i]
		}
		out.Attempts = append(out.Attempts, made)
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r *record) target(c *route.Candidate) ExplainedTarget {
	out := ExplainedTarget{
		Upstream: c.Upstream, Model: c.Model, Lane: c.Lane, As: c.As, Path: c.Path, Why: c.Why,
		Standing: c.Standing.String(), Reason: c.Spills, Priority: max(c.Priority, 1), Weight: c.Weight,
		InFlight: c.Vitals.InFlight, FirstByteMS: milliseconds(c.Vitals.FirstByte), Drops: c.Drops, Attempts: 1,
	}
	if c.Standing == route.Out {
		out.Reason = c.Vitals.Why
	}
	w := r.watches[c.Upstream]
	if w == nil {
		return out
	}
	out.Retries, out.Attempts = w.Retry.Retries, max(w.Retry.Attempts, 1)
	var waits []string
	for n := 1; n <= min(w.Retry.Retries, 8); n++ {
		least, most := w.Retry.Wait(n, 0).String(), w.Retry.Wait(n, 1).String()
		if most != least {
			least += "–" + most
		}
		waits = append(waits, least)
	}
	out.Waits = strings.Join(waits, ", ")
	return out
}

// rehearse puts the request as the i-th target would get it, and sends nothing.
func (x *exchange) rehearse(i int, out *ExplainedTarget) {
	x.aim(i)
	x.w.(*unheard).header = http.Header{}
	err := x.encode()
	if lossy := x.w.Header().Get(headerLossy); lossy != "" {
		out.Lossy = strings.Split(lossy, ", ")
	}
	if err != nil {
		out.Refused = llm.AsError(err).Message()
		return
	}
	if x.out != nil {
		out.Rewrites = dialect.Rewrites(x.body.bytes(), x.out.bytes(), x.target.Lane == llm.Translated)
		if x.out != x.body {
			x.out.drop()
		}
	}
	x.translation.free()
	x.out = nil
}

// An unheard answer goes to nobody.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}
