package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/listen"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/spool"
	"github.com/weir-gateway/weir/internal/telemetry"
	"github.com/weir-gateway/weir/internal/upstream"
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

	// Trace is where everything that passes is shown, with what it says: the
	// terminal of the person who looks on. Nil shows nothing. It demands that
	// only this machine can reach the listeners.
	Trace io.Writer

	// Root is the root secret. Nil means the one that the configuration names,
	// or the file in its data_dir, which is made if it is not there.
	Root *secret.Root

	// Ledger keeps the account. Nil means memory.
	Ledger gateway.Ledger

	// Observers are told what happens, beside the log and the ring.
	Observers []gateway.Observer
}

// App is a built gateway.
type App struct {
	cfg       *config.Config
	log       *slog.Logger
	notes     io.Writer
	handler   *gateway.Handler
	ring      *telemetry.Ring
	trace     *telemetry.Trace // nil: nothing is shown
	spool     *spool.Spool
	server    *listen.Server
	door      *listen.Server // the transparent door's own; nil if it has none
	sim       *listen.Server // the embedded simulator; nil if no upstream needs it
	upstreams map[string]*upstream.Upstream
}

// New builds the gateway and opens its sockets, so that whatever is wrong is
// known before the first request. The caller must call [App.Run] once.
//
// ctx is the life of the sockets: when it ends, running requests are
// cancelled.
func New(ctx context.Context, o Options) (*App, error) {
	cfg := o.Config
	a := &App{cfg: cfg, notes: o.Notes, ring: telemetry.NewRing(ringSize)}
	if a.notes == nil {
		a.notes = io.Discard
	}
	if o.Trace != nil {
		if !cfg.LocalOnly() {
			return nil, errors.New("bodies are only shown where no other machine can send them: let every listener have a loopback address")
		}
		a.trace = telemetry.NewTrace(o.Trace, cfg.Secrets())
	}
	level, err := logLevel(cfg.Log.Level)
	if err != nil {
		return nil, err
	}
	a.log = telemetry.NewLogger(o.Log, level, cfg.Log.Format == "text")
	simURL := ""
	if needsSimulator(cfg) {
		a.sim, err = listen.Listen(ctx, listen.Settings{Address: "127.0.0.1:0"}, simulator.New(simulator.Options{Records: -1}), a.log)
		if err != nil {
			return nil, fmt.Errorf("starting the simulator: %w", err)
		}
		simURL = "http://" + a.sim.Addr().String()
	}
	snap, err := a.buildSnapshot(simURL)
	if err != nil {
		return nil, errors.Join(err, a.closeSockets())
	}
	a.upstreams = snap.Upstreams
	if err := a.openSpool(); err != nil {
		return nil, errors.Join(err, a.closeSockets())
	}
	if o.Root == nil {
		if o.Root, err = a.openRoot(); err != nil {
			return nil, errors.Join(err, a.closeSockets())
		}
	}
	if o.Ledger == nil {
		o.Ledger = ledger.NewMemory(ringSize)
	}
	var lines io.Writer
	if cfg.Log.Format == "json" {
		lines = o.Log
	}
	a.handler = gateway.New(gateway.Options{
		Snapshot:     snap,
		Ledger:       o.Ledger,
		Observers:    append([]gateway.Observer{telemetry.NewLog(a.log, lines), a.ring}, o.Observers...),
		Pins:         pin.NewKeyed(0, o.Root.Derive("pins")),
		Seals:        o.Root.Box("reasoning"),
		NewID:        telemetry.RequestID,
		BodyMemory:   cfg.Listen.BodyMemory,
		Spool:        a.spool,
		BodyTimeout:  cfg.Listen.Timeouts.Body,
		WriteTimeout: cfg.Listen.Timeouts.Write,
	})
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.closeSockets())
	}
	return a, nil
}

// openRoot returns the root secret: the environment's, or that of data_dir. As
// with openSpool, only a folder that somebody has named must do.
func (a *App) openRoot() (*secret.Root, error) {
	if a.cfg.RootSecretFrom != "" {
		return secret.Parse(a.cfg.RootSecret.Reveal())
	}
	name := a.cfg.RootSecretFile()
	root, made, err := secret.Open(name)
	switch {
	case made && err == nil:
		a.log.Info("made a root secret: keep a copy, what it seals opens with nothing else", "file", name)
	case errors.Is(err, secret.ErrNotMade) && !a.cfg.DataDirNamed:
		a.log.Warn("the root secret is in memory, what it seals does not open after a restart: name a folder that Weir may write to as data_dir, or set WEIR_SECRET_KEY",
			"data_dir", a.cfg.DataDir, "error", err.Error())
		return secret.Random(), nil
	case err != nil:
		return nil, fmt.Errorf("%w; or set WEIR_SECRET_KEY", err)
	}
	return root, err
}

// openSpool makes the place for files that clients send. A folder that somebody
// has named must do; without the one that Weir finds by itself, everything else
// works.
func (a *App) openSpool() error {
	a.spool = spool.New(filepath.Join(a.cfg.DataDir, "spool"), a.cfg.Listen.BodyDisk)
	err := a.spool.Prepare()
	switch {
	case err == nil:
	case a.cfg.DataDirNamed:
		return fmt.Errorf("data_dir %s cannot be used: %w; name a folder that Weir may write to", a.cfg.DataDir, err)
	default:
		a.log.Warn("files cannot be taken (images/edits, images/variations, audio/transcriptions, audio/translations): name a folder that Weir may write to as data_dir",
			"data_dir", a.cfg.DataDir, "error", err.Error())
	}
	return nil
}

// open opens the sockets that clients connect to.
func (a *App) open(ctx context.Context) (err error) {
	s := listen.Settings{
		Address:       a.cfg.Listen.Address,
		CertFile:      a.cfg.Listen.TLS.Cert,
		KeyFile:       a.cfg.Listen.TLS.Key,
		HeaderTimeout: a.cfg.Listen.Timeouts.Header,
		IdleTimeout:   a.cfg.Listen.Timeouts.Idle,
		WriteTimeout:  a.cfg.Listen.Timeouts.Write,
	}
	if a.server, err = listen.Listen(ctx, s, a.shown(a.handler), a.log); err != nil {
		return err
	}
	own := a.cfg.Transparent
	if own.Upstream == "" || own.Address == "" {
		return nil
	}
	s.Address, s.CertFile, s.KeyFile = own.Address, own.TLS.Cert, own.TLS.Key
	if a.door, err = listen.Listen(ctx, s, a.shown(a.handler.Transparent()), a.log); err != nil {
		return fmt.Errorf("the transparent door: %w", err)
	}
	return nil
}

// shown returns h, with what it is asked and answers shown if somebody looks
// on.
func (a *App) shown(h http.Handler) http.Handler {
	if a.trace == nil {
		return h
	}
	return a.trace.Handler(h)
}

func logLevel(name string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return 0, fmt.Errorf("log.level: %w", err)
	}
	return level, nil
}

func needsSimulator(cfg *config.Config) bool {
	for _, u := range cfg.Upstreams {
		if u.Kind == config.KindSimulator && u.Endpoint == "" {
			return true
		}
	}
	return false
}

// Addr returns the address that clients connect to.
func (a *App) Addr() net.Addr { return a.server.Addr() }

// Logger returns the logger that the gateway writes to.
func (a *App) Logger() *slog.Logger { return a.log }

// Ring returns the last exchanges.
func (a *App) Ring() *telemetry.Ring { return a.ring }

// Spool returns where the files of uploads are.
func (a *App) Spool() *spool.Spool { return a.spool }

// URL returns the base URL for clients on this machine.
func (a *App) URL() string { return urlOf(a.server) }

// DoorURL returns the base URL of the transparent door, without the prefix; it
// is empty if there is none.
func (a *App) DoorURL() string {
	switch {
	case a.cfg.Transparent.Upstream == "":
		return ""
	case a.door == nil:
		return a.URL()
	default:
		return urlOf(a.door)
	}
}

func urlOf(s *listen.Server) string {
	scheme := "http"
	if s.TLS() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return scheme + "://" + net.JoinHostPort("127.0.0.1", port)
	}
	return scheme + "://" + s.Addr().String()
}

// Run serves until ctx ends, then drains: no new exchanges, running ones get
// `listen.drain` to end by themselves, then they are cut and accounted. It
// returns nil after that, and an error if serving has failed.
func (a *App) Run(ctx context.Context) error {
	servers := a.servers()
	if a.sim != nil {
		servers = append(servers, a.sim)
	}
	served := make(chan error, len(servers))
	for _, s := range servers {
		go func() { served <- s.Serve() }()
	}
	a.announce()
	var err error
	running := len(servers)
	select {
	case <-ctx.Done():
	case err = <-served:
		running--
	}
	a.drain()
	for range running {
		err = errors.Join(err, <-served)
	}
	return err
}

// servers returns those that clients connect to.
func (a *App) servers() []*listen.Server {
	var all []*listen.Server
	for _, s := range []*listen.Server{a.server, a.door} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// drain stops the gateway first and what it stands on last.
func (a *App) drain() {
	a.log.Info("stopping", "drain", a.cfg.Listen.Drain.String())
	a.handler.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.Listen.Drain)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range a.servers() {
		all.Go(func() {
			if err := s.Drain(ctx, gateway.ErrShutdown, drainGrace); err != nil {
				a.log.Warn("exchanges were cut, the time to drain was over", "drain", a.cfg.Listen.Drain.String(), "address", s.Addr().String())
			}
		})
	}
	all.Wait()
	for _, u := range a.upstreams {
		u.CloseIdle()
	}
	if a.sim != nil {
		gone, cancel := context.WithCancel(context.Background())
		cancel() // nobody is left who could call it
		_ = a.sim.Drain(gone, gateway.ErrShutdown, drainGrace)
	}
	a.log.Info("stopped")
}

// closeSockets closes what New has opened before it failed.
func (a *App) closeSockets() error {
	var err error
	for _, s := range a.servers() {
		err = errors.Join(err, s.Close())
	}
	if a.sim != nil {
		err = errors.Join(err, a.sim.Close())
	}
	return err
}

// operations are those that an upstream may be asked for.
var operations = []llm.Operation{ // immutable
	llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpInputTokens, llm.OpCompact, llm.OpEmbeddings, llm.OpMessages, llm.OpCountTokens, llm.OpModerations,
	llm.OpImageGeneration, llm.OpImageEdit, llm.OpImageVariation, llm.OpSpeech, llm.OpTranscription, llm.OpTranslation,
	llm.OpRealtime, llm.OpOllamaChat,
}
