package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// Ping asks whether the upstream is there: for its list of models. Any answer
// will do that is no failure of its own (5xx), a refusal above all. It returns
// why it is not there, in words that clients may read; the context bounds how long that may take.
func (u *Upstream) Ping(ctx context.Context) error {
	a, err := u.Pass(ctx, &Passage{Transparent: u.passthrough, Method: http.MethodGet, Path: "/v1/models", Header: http.Header{}})
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("no answer in time: %w", context.Cause(ctx))
		}
		return errors.New(llm.AsError(err).Message()) // its cause has names and addresses
	}
	defer func() { _ = a.Body.Close() }() // nothing was to be read
	a.Rest(time.Second, maxRefusal)
	if a.Status >= http.StatusInternalServerError {
		return fmt.Errorf("status %d", a.Status)
	}
	return nil
}
