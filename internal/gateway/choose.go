package gateway

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// takeRouteHeader takes the header by which a client may choose an upstream
// out of the request: it is for Weir alone, and goes nowhere.
func (x *exchange) takeRouteHeader() {
	name := x.snap.RouteHeader
	if name == "" {
		return
	}
	if values := x.r.Header[name]; len(values) > 0 {
		x.chosen = values
		delete(x.r.Header, name)
	}
}

// choose sets x.chose to the upstream that the client's header names. An empty
// value chooses none.
func (x *exchange) choose() error {
	value := ""
	for _, v := range x.chosen {
		v = strings.TrimSpace(v)
		switch {
		case v == "" || strings.EqualFold(v, value):
		case value == "":
			value = v
		default:
			return x.notChosen("two different values were given in " + x.headerName())
		}
	}
	if value == "" {
		return modelError(x.caller.Principal, x.entry.Model, x.model != nil)
	}
	name, ok := x.snap.Routes.Upstream(value)
	if !ok {
		return x.notChosen(fmt.Sprintf("%s names no upstream: there is no %.64q", x.headerName(), value))
	}
	if !x.caller.Principal.MayChoose(name) {
		return &llm.Error{
			Code: llm.CodeProviderNotAllowed, Op: "gateway.choose",
			Public: "the key `" + x.caller.Principal.Key + "` may not choose " + name + " by " + x.headerName(),
		}
	}
	x.chose = name
	return nil
}

// notChosen is the refusal of a choice, with the names that there are.
func (x *exchange) notChosen(why string) error {
	const most = 20
	names := x.snap.Routes.Upstreams()
	more := ""
	if len(names) > most {
		names, more = names[:most], " …"
	}
	return &llm.Error{
		Code: llm.CodeUnknownProvider, Op: "gateway.choose",
		Public: why + "; it may be one of " + strings.Join(names, ", ") + more + ", or be left out",
	}
}

// headerPrefer is where a client says what it prefers of targets.
const headerPrefer = "X-Weir-Prefer"

// decide finds the targets that may be tried, and their order.
func (x *exchange) decide() error {
	who := x.caller.Principal
	f := route.Facts{
		Ask:   route.Ask{Op: x.op, State: x.state()},
		Model: x.entry.Model, Stream: x.req.Stream, Tools: x.req.Tools, Images: x.req.Images,
		EstimatedInput: textTokens(x.req.Counts), RequestedOutput: x.req.MaxOutput,
		Tenant: who.Tenant, Key: who.Key, Roles: who.Roles, Metadata: who.Metadata, Header: x.r.Header.Get,
		Now: x.start, Seed: rand.Uint64(), //nolint:gosec // whoever can guess it learns nothing
		Chosen: x.chose, Pinned: x.pinnedTo,
		Demands: who.Labels, KeyPrefers: route.Prefer(who.Prefer),
	}
	if v := strings.TrimSpace(x.r.Header.Get(headerPrefer)); v != "" {
		if f.Client = route.Prefer(strings.ToLower(v)); !f.Client.Valid() {
			return &llm.Error{
				Code: llm.CodeInvalidValue, Op: "gateway.decide", Param: strings.ToLower(headerPrefer),
				Public: fmt.Sprintf("the header x-weir-prefer is %.64q; it may be cost, quality or latency", v),
			}
		}
	}
	f.Near, f.Bound = x.near()
	if x.body != nil {
		f.Needs = x.needs
	}
	x.decision = x.snap.Routes.Decide(x.model, &f, x.snap.Watches)
	return nil
}

// choiceNote is the end of a refusal that the client's choice has a part in.
func (x *exchange) choiceNote() string {
	if x.chose == "" {
		return ""
	}
	return "; " + x.headerName() + " has chosen " + x.chose
}

func (x *exchange) headerName() string { return "the header " + strings.ToLower(x.snap.RouteHeader) }
