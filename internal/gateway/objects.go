package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/upstream"
)

// An objectCall is what can be asked of an object that an upstream keeps. It
// is no exchange: no model works, nothing is used, and the observers are told
// with ObjectDone.
type objectCall struct {
	method string
	suffix string   // behind the id
	query  []string // what of the client's query goes upstream
	list   bool     // the answer lists objects
	body   bool     // the request has a body
}

// included choose what an answer holds; they alone may be given several times.
var included = []string{"include", "include[]"} // immutable

var responseCalls = []objectCall{ // immutable
	{method: http.MethodGet, query: []string{"include", "include[]", "stream", "starting_after", "include_obfuscation"}},
	{method: http.MethodDelete},
	{method: http.MethodPost, suffix: "/cancel"},
	{method: http.MethodGet, suffix: "/input_items", query: []string{"include", "include[]", "after", "before", "limit", "order"}, list: true},
}

var chatCalls = []objectCall{ // immutable
	{method: http.MethodGet},
	{method: http.MethodPost, body: true},
	{method: http.MethodDelete},
	{method: http.MethodGet, suffix: "/messages", query: []string{"after", "before", "limit", "order"}},
}

// chatList lists the stored chat completions.
var chatList = objectCall{ // immutable
	method: http.MethodGet, query: []string{"model", "metadata", "after", "before", "limit", "order"}, list: true,
}

// objectEndpoints are the paths of objects. Only responses live below /openai
// alone; there a query names the version.
func objectEndpoints() []endpoint {
	var table []endpoint
	add := func(base string, op llm.Operation, calls []objectCall) {
		for i := range calls {
			table = append(table, endpoint{calls[i].method, base + "/{name}" + calls[i].suffix, op, calls[i].serve})
		}
	}
	for _, base := range [...]string{"/v1", "/openai/v1"} {
		add(base+"/responses", llm.OpResponses, responseCalls)
		add(base+"/chat/completions", llm.OpChat, chatCalls)
		table = append(table, endpoint{http.MethodGet, base + "/chat/completions", llm.OpChat, chatList.serve})
	}
	add("/openai/responses", llm.OpResponses, responseCalls)
	return table
}

// idForm is what every id of an object looks like. Nothing in it could be taken
// for more of a path.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,256}$`)

// serve is the life of a call about an object: authenticate, look the id up,
// forward. It leaves no entry; see [Observer].ObjectDone.
func (c *objectCall) serve(x *exchange) *llm.Error {
	if err := x.authenticate(); err != nil {
		return llm.AsError(err)
	}
	x.object = c
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
		x.finish(err)
	}()
	if x.h.draining.Load() {
		err = &llm.Error{Code: llm.CodeShuttingDown, Op: opObject, RetryAfter: time.Second}
		return nil
	}
	if x.isKept() {
		err = c.tell(x)
		return nil
	}
	if err = c.find(x); err != nil {
		return nil
	}
	if err = c.send(x); err != nil {
		return nil
	}
	err = x.relayObject()
	return nil
}

const opObject = "gateway.object"

// find sets the upstream that keeps the object.
func (c *objectCall) find(x *exchange) error {
	if c == &chatList {
		return x.findList()
	}
	id := x.pathName
	if !idForm.MatchString(id) {
		return objectNotFound(errors.New("that is no id"))
	}
	p, known, err := x.pinOf(x.r.Context(), id)
	switch {
	case err != nil:
		return err
	case known:
		x.entry.Model = p.Model
		return x.setUpstream(p.Upstream)
	}
	name, why := x.forwardsTo(id)
	if name == "" {
		return objectNotFound(why)
	}
	return x.setUpstream(name)
}

// setUpstream sets where x goes.
func (x *exchange) setUpstream(name string) error {
	up := x.snap.Upstreams[name]
	if up == nil {
		return objectNotFound(fmt.Errorf("it is kept by the upstream %q, which is not configured any more", name))
	}
	x.up, x.target = up, route.Candidate{Target: &route.Target{Upstream: name}, Lane: llm.Express}
	x.entry.Upstream, x.entry.Lane = name, llm.Express
	return nil
}

// objectNotFound is the answer for an object that is not there, and for one
// that is somebody else's: the two must not differ in a byte. why is for the
// log alone.
func objectNotFound(why error) *llm.Error {
	return &llm.Error{Code: llm.CodeObjectNotFound, Op: opObject, Err: why}
}

// findList chooses the upstream whose chat completions are listed: that of the
// model in the query, or the only one there is. A list shows everything that
// was made with the upstream's credential.
func (x *exchange) findList() error {
	name := x.r.URL.Query().Get("model")
	if name == "" {
		return x.findOnly()
	}
	model, known := x.snap.Routes.Lookup(name)
	if err := modelError(x.caller.Principal, name, known); err != nil {
		return err
	}
	x.entry.Model = name
	target, ok := model.Candidate(name, route.Ask{Op: llm.OpChat})
	if !ok {
		return &llm.Error{Code: llm.CodeUnsupportedOperation, Op: opObject, Param: "model", Public: "the model `" + name + "` has no upstream that keeps chat completions"}
	}
	x.entry.Target = target.Model
	if err := x.setUpstream(target.Upstream); err != nil {
		return err
	}
	return x.mayList()
}

func (x *exchange) findOnly() error {
	if !x.caller.Principal.MayUseAll() || len(x.snap.Upstreams) != 1 {
		return &llm.Error{
			Code: llm.CodeMissingParameter, Op: opObject, Param: "model",
			Public: "say which upstream's chat completions are to be listed: add ?model= with the name of a model",
		}
	}
	for name := range x.snap.Upstreams {
		if err := x.setUpstream(name); err != nil {
			return err
		}
	}
	return x.mayList()
}

// mayList refuses where a list would show what other tenants have made.
func (x *exchange) mayList() error {
	if x.snap.OneTenant || x.up.Passthrough() {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeUnsupportedOperation, Op: opObject,
		Public: "stored chat completions cannot be listed here: the list would show those of every tenant; ask for each by its id",
	}
}

// send asks the upstream. x.answer is a success afterwards, or an error is
// returned.
func (c *objectCall) send(x *exchange) error {
	credential, err := x.credential()
	if err != nil {
		return err
	}
	call := &upstream.Call{
		Op: x.op, Method: c.method, Query: c.pick(x), Header: x.r.Header,
		Credential: credential, RequestID: x.id,
	}
	if c != &chatList {
		call.Object = "/" + x.pathName + c.suffix
	}
	if c.body {
		if err := x.readObjectBody(); err != nil {
			return err
		}
		x.out = x.body
		x.out.hold()
		call.Body, call.Sent = x.out.bytes(), x.out.drop
	}
	x.entry.Stream = x.r.URL.Query().Get("stream") == "true"
	call.Stream = x.entry.Stream
	x.began = time.Now()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{Upstream: x.entry.Upstream, Target: x.entry.Target, Lane: llm.Express})
	if x.answer, err = x.up.Do(x.r.Context(), call); err != nil {
		return x.notServed(err)
	}
	a := &x.entry.Attempts[0]
	a.Status, a.UpstreamRequestID, a.FirstByte = x.answer.Status, x.answer.RequestID, time.Since(x.began)
	if x.answer.Status/100 == 2 {
		return nil
	}
	failure := x.refusal(x.answer)
	if e := llm.AsError(failure); x.answer.Status == http.StatusNotFound && !x.up.Passthrough() && e.Kind() != llm.Cancelled {
		missing := objectNotFound(e)
		missing.Upstream, missing.Answer = e.Upstream, &llm.Answer{Status: http.StatusNotFound}
		return missing
	}
	return failure
}

// readObjectBody reads a body that tells an upstream something of an object.
// What it says is the upstream's to judge: nothing in it leads elsewhere.
func (x *exchange) readObjectBody() (err error) {
	if !x.snap.Keys.Demanded() && !isJSON(x.r.Header.Get("Content-Type")) {
		return wrongType(x.op)
	}
	x.body, err = x.readBody()
	return err
}

// notServed returns err, or if it says that the upstream has no such objects,
// an error that says so.
func (x *exchange) notServed(err error) error {
	e := llm.AsError(err)
	if e.Code != llm.CodeUnsupportedOperation && e.Code != llm.CodeInvalidValue {
		return err
	}
	return &llm.Error{
		Code: llm.CodeUnsupportedOperation, Op: opObject, Upstream: e.Upstream, Err: e,
		Public: "the upstream that made this object has no API to ask for it",
	}
}

// pick returns of the client's query what goes upstream.
func (c *objectCall) pick(x *exchange) string {
	var kept []string
	seen := make(map[string]bool)
	for pair := range strings.SplitSeq(x.r.URL.RawQuery, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") || !c.takes(name) {
			continue
		}
		if seen[name] && !slices.Contains(included, name) {
			continue // two readers could take different ones
		}
		seen[name] = true
		if name == "model" && x.entry.Target != "" {
			value = x.entry.Target
		}
		kept = append(kept, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	return strings.Join(kept, "&")
}

// takes reports whether a parameter of the query goes upstream. The metadata
// to look for is spelled metadata[key].
func (c *objectCall) takes(name string) bool {
	if strings.HasPrefix(name, "metadata[") {
		name = "metadata"
	}
	return slices.Contains(c.query, name)
}

// relayObject passes the answer on.
func (x *exchange) relayObject() error {
	if x.object.method == http.MethodDelete {
		x.h.pins.Forget(x.caller.Principal.Tenant, x.pathName)
	}
	if x.answer.Status == http.StatusNoContent {
		x.send(-1)
		return nil
	}
	x.keeps = x.object.method != http.MethodDelete && x.up.Keeps()
	if x.object.list {
		x.tap = dialect.NewTap(dialect.Lists, false)
	}
	return x.relay()
}

// reportObject is account for a call about an object.
func (x *exchange) reportObject(failure *llm.Error) {
	x.entry.Total = time.Since(x.start)
	x.entry.Usage = llm.Usage{Provenance: llm.UsageNone}
	x.endAttempt()
	path := strings.Trim(quotePath(x.r), "`")
	for _, o := range x.h.observers {
		o.ObjectDone(&x.entry, x.r.Method, path, failure)
	}
}

// pinOf returns where an id leads for the caller. The error says that the
// caller's key may not use what is there.
func (x *exchange) pinOf(ctx context.Context, id string) (p pinned, ok bool, err error) {
	if strings.HasPrefix(id, reservedID) {
		return pinned{}, false, nil
	}
	p, ok, err = x.h.pins.Find(ctx, x.caller.Principal.Tenant, x.identity(), id)
	if err != nil {
		return pinned{}, false, &llm.Error{Code: llm.CodeInternal, Op: "gateway.pin", Err: err}
	}
	if ok && p.Model != "" && !x.caller.Principal.MayUse(p.Model) {
		return pinned{}, false, &llm.Error{
			Code: llm.CodeModelNotAllowed, Op: "gateway.pin",
			Public: "the key `" + x.caller.Principal.Key + "` may not use the model `" + p.Model + "`, which has made this object",
		}
	}
	return p, ok, nil
}

// forwardsTo returns the upstream that an unknown id goes to: the one that the
// route header names, else the only one with `unknown_ids: forward`, else that
// of the model in the query. If there is none it says why, for the log.
func (x *exchange) forwardsTo(id string) (name string, why error) {
	switch forwards := x.snap.Forwards; {
	case strings.HasPrefix(id, reservedID), len(forwards) == 0:
		return "", errors.New("nobody has seen it, or another tenant or caller has it")
	case !x.caller.Principal.MayUseAll():
		return "", errors.New("nobody has seen it, and who may use some models only is not let through to an upstream with it")
	case len(x.chosen) > 0 && x.chosen[0] != "":
		name, _ := x.snap.Routes.Upstream(strings.TrimSpace(x.chosen[0]))
		if slices.Contains(forwards, name) {
			return name, nil
		}
		return "", fmt.Errorf("nobody has seen it, and %s names no upstream that takes unknown ids", x.headerName())
	case len(forwards) == 1:
		return forwards[0], nil
	}
	if model, ok := x.snap.Routes.Lookup(x.r.URL.Query().Get("model")); ok {
		for i := range model.Targets {
			if name := model.Targets[i].Upstream; slices.Contains(x.snap.Forwards, name) {
				return name, nil
			}
		}
	}
	return "", errors.New("nobody has seen it, and several upstreams take unknown ids: ?model= says which")
}
