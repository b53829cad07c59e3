package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/watch"
)

// What /readyz tells of the configuration.
const (
	reasonRefused = "config_refused"   // the source holds one that cannot serve; an older one does
	reasonRestart = "restart_required" // some of its settings wait for a restart
)

// ErrFixed is returned by [App.Reload] where the configuration cannot change.
var ErrFixed = errors.New("the configuration of this process does not change any more")

// Reload reads the configuration again and serves by it. Every change takes
// this way, whoever wants it: read, validate, build, and swap one pointer.
// Exchanges that run keep what they have begun with. Why says who wants it, in
// a word.
//
// If the configuration cannot be served, the one before it serves on; what is
// wrong is logged, told by /readyz and returned, as [config.Faults] where it is
// in the text. Reload may be called by several goroutines at once.
func (a *App) Reload(why string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.source == nil {
		return ErrFixed
	}
	cfg, err := a.source.Load()
	var snap *gateway.Snapshot
	if err == nil {
		snap, err = a.buildSnapshot(cfg)
	}
	if err != nil {
		a.refused(why, err)
		return err
	}
	a.serve(cfg, snap)
	a.log.Info("configuration loaded", "by", why, "config", cfg.Source,
		"upstreams", len(cfg.Upstreams), "models", len(cfg.Models), "keys", len(cfg.Keys))
	a.loaded(cfg)
	return nil
}

// serve makes cfg the configuration that serves. Nothing in it can fail.
func (a *App) serve(cfg *config.Config, snap *gateway.Snapshot) {
	_ = a.level.UnmarshalText([]byte(cfg.Log.Level)) // one of four
	if a.trace != nil {
		a.trace.Hide(cfg.Secrets())
	}
	a.spool.SetLimit(cfg.Listen.BodyDisk)
	a.cfg.Store(cfg)
	a.snap = snap
	a.handler.Swap(snap)
}

// loaded says what is to be known of a configuration that has begun to serve.
func (a *App) loaded(cfg *config.Config) {
	for _, w := range cfg.Warnings {
		a.log.Warn("configuration", "warning", w.String())
	}
	var waiting []string
	for _, w := range cfg.Waiting {
		a.log.Warn("configuration: restart weir for this setting to take effect", "at", w.Pos.String(), "setting", w.Path)
		waiting = append(waiting, w.Path)
	}
	if len(waiting) > 0 {
		a.handler.Tell(reasonRestart)
	} else {
		a.handler.Tell()
	}
	for _, o := range a.observers {
		o.ConfigLoaded(waiting)
	}
}

// refused says what is wrong with a configuration that does not serve.
func (a *App) refused(why string, err error) {
	faults, _ := errors.AsType[config.Faults](err)
	attrs := []slog.Attr{slog.String("by", why), slog.Int("faults", len(faults))}
	if len(faults) == 0 {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	a.log.LogAttrs(context.Background(), slog.LevelError, "configuration refused, the one before it serves on", attrs...)
	for _, f := range faults {
		a.log.Error("configuration fault", "at", f.Pos.String(), "setting", f.Path, "fault", f.Msg, "remedy", f.Remedy)
	}
	reasons := []string{reasonRefused}
	if len(a.config().Waiting) > 0 {
		reasons = append(reasons, reasonRestart)
	}
	a.handler.Tell(reasons...)
	for _, o := range a.observers {
		o.ConfigRefused(err)
	}
}

// watch reloads the configuration whenever its files change, until ctx ends.
func (a *App) watch(ctx context.Context) {
	if a.source == nil {
		return
	}
	files := func() []string {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.source.Files()
	}
	look := func() {
		a.mu.Lock()
		changed := a.source.Changed()
		a.mu.Unlock()
		if changed {
			_ = a.Reload("file") // has been told
		}
	}
	watch.Run(ctx, a.log, watch.Timing{}, files, look)
}
