package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/telemetry"
)

func serveCommand() *cobra.Command {
	var (
		o     config.Options
		trace bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve clients",
		Long: `Serve clients until SIGTERM or SIGINT, then stop taking new requests, give the
running ones the time of listen.drain (30s) to end, and exit. A second signal
exits at once.

A changed configuration file is served as soon as it is seen, and SIGHUP reads it
again; running requests keep what they have begun with. One that is wrong is
logged and changes nothing. Addresses, certificates' names, listen.timeouts,
data_dir, store, responses and log.format need a restart.

The configuration is the file named by --config, $WEIR_CONFIG or $CONFIG_PATH,
else ./weir.yaml ("weir init" writes one). Without any, variables decide:
AZURE_OPENAI_ENDPOINT with AZURE_OPENAI_API_KEY, OPENAI_API_KEY, OPENAI_BASE_URL,
ANTHROPIC_API_KEY, OLLAMA_BASE_URL, PROXY_API_KEY and PORT, or those of
azure-openai-proxy; "weir check --print" shows what they come to. Without those,
a built-in simulator answers as the models sim-*, on this machine only.

Log lines go to standard output, one JSON object each.`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkFlags(o); err != nil {
				return err
			}
			source := config.NewSource(o)
			cfg, err := source.Load()
			if err != nil {
				return usageError{err}
			}
			var terminal io.Writer
			if trace {
				if terminal, err = mayTrace(cfg, cmd.ErrOrStderr()); err != nil {
					return usageError{err}
				}
			}
			tuneMemory()
			out := telemetry.NewBuffered(cmd.OutOrStdout())
			defer func() { err = errors.Join(err, out.Close()) }()
			return untilSignal(func(ctx context.Context) error {
				a, err := app.New(context.Background(), app.Options{
					Config: cfg, Source: source, Log: out, Notes: cmd.ErrOrStderr(), Trace: terminal,
				})
				if err != nil {
					return err
				}
				// net/http has a few words for the standard logger, about
				// single connections.
				log.SetFlags(0)
				log.SetOutput(slog.NewLogLogger(a.Logger().Handler(), slog.LevelDebug).Writer())
				defer onHangup(func() { _ = a.Reload("SIGHUP") })() // what is wrong is logged
				return a.Run(ctx)
			})
		},
	}
	configFlags(cmd, &o)
	cmd.Flags().BoolVar(&o.BuiltIn, "simulator", false, "serve the built-in simulator, whatever files and variables there are")
	cmd.Flags().BoolVar(&trace, "trace-bodies", false, "show on this terminal what passes, prompts and answers too, but for credentials; on loopback only")
	return cmd
}

// mayTrace returns where bodies may be shown: a terminal, of a Weir that no
// other machine can reach.
func mayTrace(cfg *config.Config, w io.Writer) (io.Writer, error) {
	if !cfg.LocalOnly() {
		return nil, errors.New("--trace-bodies shows what people write: it wants every listener on a loopback address (listen.address, transparent.address), such as 127.0.0.1:8787")
	}
	if f, ok := w.(*os.File); !ok || !isTerminal(f) {
		return nil, errors.New("--trace-bodies shows what people write on a terminal and nowhere else: leave standard error where it is, without 2> and |")
	}
	return w, nil
}

// isTerminal reports whether f is a terminal: a device of characters that is
// not the one that swallows everything.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// signalled is the signal that ended the program at once.
type signalled syscall.Signal

func (s signalled) Error() string { return syscall.Signal(s).String() }

// untilSignal runs work until SIGTERM or SIGINT ends its context. A second
// signal ends untilSignal at once, and with it the program.
func untilSignal(work func(context.Context) error) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	select {
	case err := <-done:
		return err
	case <-signals:
		stop()
	}
	select {
	case err := <-done:
		return err
	case s := <-signals:
		note(os.Stderr, "weir: a second signal: exchanges that are still running are cut, and not accounted")
		return signalled(s.(syscall.Signal))
	}
}

// note writes a line for the person at the terminal.
func note(w io.Writer, format string, a ...any) { fmt.Fprintf(w, format+"\n", a...) }
