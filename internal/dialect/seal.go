package dialect

import (
	"strings"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

// SealPrefix begins everything that Weir has sealed for a client to keep: see
// ReplyOptions.Seal. No provider has ever seen one, and none can read it.
const SealPrefix = "weir1."

// A SealCutter is a [Dialect] whose requests may hold what Weir has sealed.
type SealCutter interface {
	// CutSealed returns the edit that takes out of a request what Weir has
	// sealed, for an upstream that is sent the client's own bytes. With text,
	// the upstream can read reasoning that nobody has signed. Losses say what
	// is missing then. It returns false if there is nothing to take out. body
	// has passed ReadRequest.
	CutSealed(body []byte, text bool) (e jsonscan.Edit, losses []Loss, ok bool)
}

// IsSealed reports whether v is a text that Weir has sealed.
func IsSealed(v jsontree.Value) bool {
	return v.Kind() == jsontree.String && strings.HasPrefix(v.Text(), SealPrefix)
}

// Sealed is why what Weir has sealed is a [Loss].
const Sealed = "only the upstream that has made it can read it, and by another protocol than the client's"
