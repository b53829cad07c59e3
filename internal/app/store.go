package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/store"
)

const (
	// purgeEvery is how often what has expired is removed.
	purgeEvery = 10 * time.Minute

	// purgeBatch is how many pins go in one step, so that no writer waits long.
	purgeBatch = 1000

	// lastWrites is how long the end waits for what is not yet written.
	lastWrites = 5 * time.Second
)

// kept is what is there after a restart, or would be.
type kept struct {
	app       *App
	db        *store.DB // nil: memory
	pins      *pin.Table
	responses *responsestore.Store
}

// openKept opens the store that the configuration asks for.
func (a *App) openKept(ctx context.Context, cfg *config.Config, root *secret.Root, lasts bool) (*kept, error) {
	k := &kept{app: a}
	var err error
	if k.db, err = a.openStore(ctx, cfg, root, lasts); err != nil {
		return nil, err
	}
	hashes, rows := root.Derive("pins"), responsestore.Backend(responsestore.NewMemory(0))
	if k.db != nil {
		if hashes, err = k.db.Secret(ctx, "pins", hashes); err != nil {
			return nil, errors.Join(err, k.db.Close())
		}
		rows = k.db.Responses()
	}
	k.pins = pin.NewKeyed(0, hashes)
	if k.db != nil {
		k.pins.Keep(k.db.Pins())
	}
	k.responses = responsestore.New(responsestore.Options{
		Backend: rows, Root: root, TTL: cfg.Responses.TTL,
		Quota: responsestore.Quota{Records: int64(cfg.Responses.MaxRecords), Bytes: cfg.Responses.MaxBytes},
	})
	return k, nil
}

// openStore returns nil where memory must do. As with openSpool, only a folder
// that somebody has named must do.
func (a *App) openStore(ctx context.Context, cfg *config.Config, root *secret.Root, lasts bool) (*store.DB, error) {
	const lost = "stored responses and ids are in memory, and unknown after a restart"
	switch {
	case cfg.Store == config.StoreNone:
		a.log.Info(lost, "store", "none")
		return nil, nil
	case !lasts: // nothing of it could be read
		a.log.Warn(lost + ", because the root secret is")
		return nil, nil
	}
	db, err := store.Open(ctx, cfg.DataDir, store.Options{Root: root, Keep: max(cfg.Responses.TTL, pin.TTL)})
	switch {
	case err == nil:
		return db, nil
	case !cfg.DataDirNamed && (errors.Is(err, store.ErrInUse) || errors.Is(err, store.ErrNoPlace)):
		a.log.Warn(lost+": name a folder of its own as data_dir (--data-dir), or set `store: none` (WEIR_STORE=none)", "data_dir", cfg.DataDir, "error", err.Error())
		return nil, nil
	}
	return nil, err
}

// run does what goes on beside the requests, until ctx ends.
func (k *kept) run(ctx context.Context) {
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { k.purge(ctx) })
	if k.db == nil {
		return
	}
	written := make(chan struct{})
	all.Go(func() {
		defer close(written)
		k.pins.Run(ctx, last, k.pinsFailed)
	})
	<-ctx.Done()
	timer := time.NewTimer(lastWrites)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
		stop()
	}
}

func (k *kept) pinsFailed(err error) {
	if err == nil {
		k.app.log.Info("ids are written again", "lost", k.pins.Lost())
		return
	}
	k.app.log.Error("ids cannot be written, those of now may be unknown after a restart", "error", err.Error())
}

// purge removes what has expired, now and then, until ctx ends.
func (k *kept) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		n, err := k.responses.Purge(ctx)
		for more := k.db != nil && err == nil; more; {
			var pins int
			pins, err = k.db.Pins().Purge(ctx, purgeBatch)
			more = err == nil && pins == purgeBatch
		}
		switch {
		case err != nil && ctx.Err() == nil:
			k.app.log.Error("what has expired cannot be removed", "error", err.Error())
		case n > 0:
			k.app.log.Debug("stored responses have expired", "responses", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// close closes the store, after the last request.
func (k *kept) close() error {
	err := k.responses.Close()
	if lost := k.pins.Lost(); lost > 0 {
		k.app.log.Warn("ids were not written, and are unknown after a restart", "lost", lost)
	}
	if k.db != nil {
		err = errors.Join(err, k.db.Close())
	}
	return err
}
