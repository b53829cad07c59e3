package gateway

import (
	"strings"
	"sync/atomic"

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

	Watches Watches

	// Hosts are the host names, without port, that a listener without keys
	// serves beside localhost, 127.0.0.1 and [::1]. "*" is any.
	Hosts []string

	// Origins are the origins whose pages may call, in lower case and without
	// the usual port, as browsers write them. "*", alone, is any.
	Origins []string

	// Transparent is the door to one upstream. Nil means that there is none.
	Transparent *Transparent

	// RouteHeader is the canonical name of the header by which a client may
	// choose one of Routes.Upstreams(). Empty means that there is none.
	RouteHeader string

	// OneTenant says that everybody who may call is of one tenant.
	OneTenant bool

	// Forwards are the names of the upstreams that decide themselves about
	// ids that nobody has seen.
	Forwards []string

	// Passages are the paths that pass to an upstream as they are. No path of
	// an operation is among them; the first that matches counts.
	Passages []Passage

	// Profiles are what route.Target.Profile counts: how requests are
	// translated for each target.
	Profiles []Profile

	// BodyLimit is the size of the largest request body in bytes, as sent and
	// as decoded. It must be positive.
	BodyLimit int64

	// BodyMemory bounds all request bodies in memory together, in bytes: those
	// of exchanges that began before too. It must be positive.
	BodyMemory int64

	// Release, if not nil, is called once, when another snapshot has replaced
	// this one and the last exchange that used it has ended, by whoever came
	// last: it must be quick.
	Release func()
}

// A lease counts who uses a snapshot: the handler, while it is the current one,
// and each exchange.
type lease struct {
	*Snapshot
	users atomic.Int64 // 0: released, and never again more
}

func newLease(s *Snapshot) *lease {
	l := &lease{Snapshot: s}
	l.users.Store(1)
	return l
}

// hold returns the current snapshot, which is not released before its drop.
func (h *Handler) hold() *lease {
	for {
		l := h.current.Load()
		for n := l.users.Load(); n > 0; n = l.users.Load() {
			if l.users.CompareAndSwap(n, n+1) {
				return l
			}
		}
		// It was replaced and left between the two loads: there is another.
	}
}

// drop ends one use. The last one releases the snapshot.
func (l *lease) drop() {
	if l.users.Add(-1) == 0 && l.Release != nil {
		l.Release()
	}
}

// A Transparent is a door to one upstream, through which requests pass without
// being read. See transparent.go.
type Transparent struct {
	Upstream *upstream.Upstream

	// Prefix is what a path begins with, which is taken off: "/", or a canonical
	// path without a slash at its end.
	Prefix string

	// Apart is true if the door has a listener of its own: see
	// [Handler.Transparent].
	Apart bool
}

// below returns the path behind the door, and whether path leads there.
func (t *Transparent) below(path string) (rest string, ok bool) {
	if t.Prefix == "/" {
		return path, true
	}
	switch rest, ok = strings.CutPrefix(path, t.Prefix); {
	case ok && rest == "":
		return "/", true
	case ok && rest[0] == '/':
		return rest, true
	default:
		return "", false
	}
}
