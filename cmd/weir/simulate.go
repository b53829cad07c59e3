package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/listen"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/telemetry"
)

func simulateCommand() *cobra.Command {
	var o simulator.Options
	address := "127.0.0.1:8786"
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a model server that needs no account",
		Long: `Run the simulator by itself: a model server that speaks the dialects of OpenAI,
Azure OpenAI, Anthropic and Ollama, answers with an echo of what it was asked,
and misbehaves on request (headers x-sim-*, or model names such as sim-slow).

It is for tests and first tries. GET /sim/served tells what it has served.

` + simulator.Manual(),
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilSignal(func(ctx context.Context) error {
				log := telemetry.NewLogger(cmd.OutOrStdout(), slog.LevelInfo, false)
				s, err := listen.Listen(context.Background(), listen.Settings{Address: address, HeaderTimeout: 10 * time.Second}, simulator.New(o), log)
				if err != nil {
					return err
				}
				served := make(chan error, 1)
				go func() { served <- s.Serve() }()
				note(cmd.ErrOrStderr(), "the simulator listens on http://%s", s.Addr())
				select {
				case err := <-served:
					return err
				case <-ctx.Done():
				}
				gone, cancel := context.WithCancel(context.Background())
				cancel() // a simulator need not wait for anybody
				if err := s.Drain(gone, context.Canceled, time.Second); err != nil && !errors.Is(err, context.Canceled) {
					return err
				}
				return <-served
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&address, "listen", "l", address, "address to listen on")
	f.StringSliceVar(&o.Keys, "key", nil, "credential it demands; may be given again (default: none)")
	f.BoolVar(&o.Strict, "strict", false, "refuse what a gateway must never send")
	f.BoolVar(&o.KeepBodies, "keep-bodies", false, "show request bodies up to 64 KiB in /sim/served")
	return cmd
}
