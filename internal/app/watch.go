package app

import (
	"time"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/health"
	"github.com/weir-gateway/weir/internal/retry"
)

// watchOf returns what is done about an upstream that fails, but for its health,
// and how that is judged.
func watchOf(c *config.Upstream) (*gateway.Watch, health.Settings) {
	r := &c.Retry
	w := &gateway.Watch{
		Retry: retry.Policy{
			Attempts: r.Attempts, Retries: r.MaxRetries, Base: r.Base, Max: r.Max,
			Statuses: r.Statuses, Honour: r.RetryAfterMax, Within: r.Within,
		},
	}
	if r.Jitter == config.JitterAdded {
		w.Retry.Jitter = retry.Added
	}
	switch r.Commit {
	case config.CommitStatus:
		w.Commit = gateway.CommitStatus
	case config.CommitFirstEvent:
		w.Commit = gateway.CommitEvent
	default:
		w.Commit = gateway.CommitAuto
	}
	h := &c.Health
	s := health.Settings{
		Failures: h.Failures, Ratio: h.Ratio, Samples: h.Samples, Window: time.Minute, Slow: h.SlowFirstByte,
		Out: h.Out, MaxOut: h.MaxOut,
		InFlight: c.MaxInFlight, Queue: c.Queue.Length, Wait: c.Queue.Wait,
		Budget: r.Budget, Every: h.Check, Timeout: h.CheckTimeout,
	}
	return w, s
}
