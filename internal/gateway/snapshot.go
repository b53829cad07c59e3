package gateway

import (
	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/upstream"
)

// A Snapshot is everything that a configuration decides about an exchange. It
// is immutable once given to a [Handler].
type Snapshot struct {
	Keys      *auth.Keys
	Routes    *route.Table
	Upstreams map[string]*upstream.Upstream // :: name → upstream; every target's is here

	// Hosts are the host names, without port, that a listener without keys
	// serves beside localhost, 127.0.0.1 and [::1]. "*" is any.
	Hosts []string

	// Origins are the origins whose pages may call, in lower case and without
	// the usual port, as browsers write them. "*", alone, is any.
	Origins []string

	// RouteHeader is the canonical name of the header by which a client may
	// choose one of Routes.Upstreams(). Empty means that there is none.
	RouteHeader string

	// OneTenant says that everybody who may call is of one tenant.
	OneTenant bool

	// Forwards are the names of the upstreams that decide themselves about
	// ids that nobody has seen.
	Forwards []string

	// BodyLimit is the size of the largest request body in bytes, as sent and
	// as decoded. It must be positive.
	BodyLimit int64
}
