package app

import (
	"slices"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// addRoutes gives target the routes of t at u, and what they lead to among the
// operations that it serves. It returns dialects with the protocols that are
// spoken there behind them.
func addRoutes(target *route.Target, u *config.Upstream, t *config.Target, dialects []string) []string {
	own := u.OwnPaths()
	for _, op := range operations {
		lead, ok := u.Lead(t, op.Route())
		if !ok {
			continue
		}
		r := route.Route{As: llm.OperationAt(lead.Route), Path: lead.Path}
		if r.Path == own[lead.Route] {
			r.Path = "" // the upstream goes there by itself
		}
		if r != (route.Route{As: op}) {
			if target.Routes == nil {
				target.Routes = make(map[llm.Operation]route.Route)
			}
			target.Routes[op] = r
		}
		if !slices.Contains(target.Serves, r.As) {
			target.Serves = append(target.Serves, r.As)
		}
		if name := string(r.As.Dialect()); lead.Sure && r.As == r.As.Dialect().Operation() && !slices.Contains(dialects, name) {
			dialects = append(slices.Clip(dialects), name)
		}
	}
	return dialects
}

// ownPaths returns the paths of u's operations that are not where its kind has
// them.
func ownPaths(u *config.Upstream) map[llm.Operation]string {
	paths := make(map[llm.Operation]string)
	for name, path := range u.OwnPaths() {
		paths[llm.OperationAt(name)] = path
	}
	return paths
}
