package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/listen"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/spool"
	"github.com/weir-gateway/weir/internal/telemetry"
)

const (
	// ringSize is how many exchanges the ring and the in-memory ledger keep.
	ringSize = 1000

	// drainGrace is what cut exchanges get to write their last bytes and their
	// entry.
	drainGrace = 6 * time.Second
)

// Options are what an [App] is made of.
type Options struct {
	Config *config.Config // required; valid
	Log    io.Writer      // where log lines go, from several goroutines at once; required
	Notes  io.Writer      // where lines for the person who starts it go; nil means nowhere

	// Source is where Config has come from: it is looked at while the App runs,
	// by nobody else, and a change is served as soon as it is seen. Nil means
	// that the configuration never changes.
	Source *config.Source

	// Trace is where everything that passes is shown, with what it says: the
	// terminal of the person who looks on. Nil shows nothing. It demands that
	// only this machine can reach the listeners.
	Trace io.Writer

	// Root is the root secret. Nil means the one that the configuration names,
	// or the file in its data_dir, which is made if it is not there.
	Root *secret.Root

	// Ledger keeps the account. Nil means memory.
	Ledger gateway.Ledger

	// Responses keep what upstreams do not. Nil means
	// what the configuration says.
	Responses gateway.Responses

	// Observers are told what happens, beside the log and the ring.
	Observers []gateway.Observer
}

// App is a built gateway.
type App struct {
	log       *slog.Logger
	level     slog.LevelVar // of log
	notes     io.Writer
	observers []gateway.Observer
	handler   *gateway.Handler
	ring      *telemetry.Ring
	trace     *telemetry.Trace // nil: nothing is shown
	spool     *spool.Spool
	server    *listen.Server
	door      *listen.Server // the transparent door's own; nil if it has none
	live      live
	kept      *kept

	cfg atomic.Pointer[config.Config] // the one that serves

	mu      sync.Mutex // held by whoever changes the configuration
	source  *config.Source
	snap    *gateway.Snapshot // of cfg
	stopped bool              // the configuration does not change any more
}

// New builds the gateway and opens its sockets, so that whatever is wrong is
// known before the first request. The caller must call [App.Run] once.
//
// ctx is the life of the sockets: when it ends, running requests are
// cancelled.
func New(ctx context.Context, o Options) (_ *App, err error) {
	cfg := o.Config
	a := &App{notes: o.Notes, source: o.Source, ring: telemetry.NewRing(ringSize), live: newLive()}
	a.cfg.Store(cfg)
	if a.notes == nil {
		a.notes = io.Discard
	}
	if o.Trace != nil {
		if !cfg.LocalOnly() {
			return nil, errors.New("bodies are only shown where no other machine can send them: let every listener have a loopback address")
		}
		a.trace = telemetry.NewTrace(o.Trace, cfg.Secrets())
	}
	if err := a.level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	a.log = telemetry.NewLogger(o.Log, &a.level, cfg.Log.Format == "text")
	if a.snap, err = a.buildSnapshot(cfg); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.snap.Release()
		}
	}()
	if err := a.openSpool(cfg); err != nil {
		return nil, err
	}
	lasts := true
	if o.Root == nil {
		if o.Root, lasts, err = a.openRoot(cfg); err != nil {
			return nil, err
		}
	}
	if a.kept, err = a.openKept(ctx, cfg, o.Root, lasts); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.kept.close())
		}
	}()
	if o.Ledger == nil {
		o.Ledger = ledger.NewMemory(ringSize)
	}
	if o.Responses == nil {
		o.Responses = a.kept.responses
	}
	var lines io.Writer
	if cfg.Log.Format == "json" {
		lines = o.Log
	}
	a.observers = append([]gateway.Observer{telemetry.NewLog(a.log, lines), a.ring}, o.Observers...)
	a.handler = gateway.New(gateway.Options{
		Snapshot:     a.snap,
		Ledger:       o.Ledger,
		Observers:    a.observers,
		Pins:         a.kept.pins,
		Seals:        o.Root.Box("reasoning"),
		Responses:    o.Responses,
		NewID:        telemetry.RequestID,
		Spool:        a.spool,
		BodyTimeout:  cfg.Listen.Timeouts.Body,
		WriteTimeout: cfg.Listen.Timeouts.Write,
	})
	if err := a.open(ctx, cfg); err != nil {
		return nil, err
	}
	a.loaded(cfg)
	return a, nil
}

// config returns the configuration that serves.
func (a *App) config() *config.Config { return a.cfg.Load() }

// Logger returns the logger that the gateway writes to.
func (a *App) Logger() *slog.Logger { return a.log }

// Ring returns the last exchanges.
func (a *App) Ring() *telemetry.Ring { return a.ring }

// Explained returns why an exchange went where it went; see
// [gateway.Handler.Explained].
func (a *App) Explained(requestID string) (*gateway.Explanation, bool) {
	return a.handler.Explained(requestID)
}

// Spool returns where the files of uploads are.
func (a *App) Spool() *spool.Spool { return a.spool }

// Run serves until ctx ends, then drains: no new exchanges, running ones get
// `listen.drain` to end by themselves, then they are cut and accounted. It
// returns nil after that, and an error if serving has failed.
func (a *App) Run(ctx context.Context) error {
	servers := a.servers()
	served := make(chan error, len(servers))
	for _, s := range servers {
		go func() { served <- s.Serve() }()
	}
	a.announce()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { a.watch(watching) })
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	defer stopKeeping()
	var keep sync.WaitGroup
	keep.Go(func() { a.kept.run(keeping) })
	var err error
	running := len(servers)
	select {
	case <-ctx.Done():
	case err = <-served:
		running--
	}
	stop()
	watch.Wait()
	a.drain()
	for range running {
		err = errors.Join(err, <-served)
	}
	stopKeeping() // nothing is noted any more
	keep.Wait()
	err = errors.Join(err, a.kept.close())
	a.log.Info("stopped")
	return err
}

// drain stops the gateway first and what it stands on last.
func (a *App) drain() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	patience := a.config().Listen.Drain
	a.log.Info("stopping", "drain", patience.String())
	a.handler.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range a.servers() {
		all.Go(func() {
			if err := s.Drain(ctx, gateway.ErrShutdown, drainGrace); err != nil {
				a.log.Warn("exchanges were cut, the time to drain was over", "drain", patience.String(), "address", s.Addr().String())
			}
		})
	}
	all.Wait()
	a.snap.Release()
}
