package app

import (
	"context"
	"log/slog"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/telemetry"
)

// What is asked, and what is answered, so that cmd/weir need not know the
// gateway.
type (
	// A Question is a request of which nobody is sure where it would go.
	Question = gateway.Question

	// An Explanation is why it goes there.
	Explanation = gateway.Explanation

	// An ExplainedTarget is a place where it may go.
	ExplainedTarget = gateway.ExplainedTarget
)

// Explain answers q for a gateway that has just started with cfg: all its
// upstreams are well, and it remembers no id. Nothing is opened that others can
// reach, and no upstream is called.
func Explain(ctx context.Context, cfg *config.Config, q *Question) (*Explanation, error) {
	a := &App{log: slog.New(slog.DiscardHandler), live: newLive()}
	snap, err := a.buildSnapshot(cfg)
	if err != nil {
		return nil, err
	}
	defer snap.Release()
	root := secret.Random()
	h := gateway.New(gateway.Options{
		Snapshot: snap, Ledger: ledger.NewMemory(1), NewID: telemetry.RequestID,
		Pins: pin.NewKeyed(0, root.Derive("pins")), Seals: root.Box("reasoning"),
	})
	return h.Explain(ctx, q)
}
