package upstream

import (
	"net/http"
	"net/url"

	"github.com/weir-gateway/weir/internal/llm"
)

// Target returns the URL that a call would go to.
func (u *Upstream) Target(op llm.Operation, model string) (*url.URL, error) {
	return u.plan.target(op, model)
}

// RequestHeader returns the header that c would be sent with.
func (u *Upstream) RequestHeader(c *Call) (http.Header, error) { return u.requestHeader(c) }
