package app

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/spool"
)

// openRoot returns the root secret: the environment's, or that of data_dir. As
// with openSpool, only a folder that somebody has named must do. lasts reports
// whether it will be the same after a restart.
func (a *App) openRoot(cfg *config.Config) (root *secret.Root, lasts bool, err error) {
	if cfg.RootSecretFrom != "" {
		root, err = secret.Parse(cfg.RootSecret.Reveal())
		return root, true, err
	}
	name := cfg.RootSecretFile()
	root, made, err := secret.Open(name)
	switch {
	case made && err == nil:
		a.log.Info("made a root secret: keep a copy, what it seals opens with nothing else", "file", name)
	case errors.Is(err, secret.ErrNotMade) && !cfg.DataDirNamed:
		a.log.Warn("the root secret is in memory, what it seals does not open after a restart: name a folder that Weir may write to as data_dir, or set WEIR_SECRET_KEY",
			"data_dir", cfg.DataDir, "error", err.Error())
		return secret.Random(), false, nil
	case err != nil:
		return nil, false, fmt.Errorf("%w; or set WEIR_SECRET_KEY", err)
	}
	return root, true, nil
}

// openSpool makes the place for files that clients send. A folder that somebody
// has named must do; without the one that Weir finds by itself, everything else
// works.
func (a *App) openSpool(cfg *config.Config) error {
	a.spool = spool.New(filepath.Join(cfg.DataDir, "spool"), cfg.Listen.BodyDisk)
	err := a.spool.Prepare()
	switch {
	case err == nil:
	case cfg.DataDirNamed:
		return fmt.Errorf("data_dir %s cannot be used: %w; name a folder that Weir may write to", cfg.DataDir, err)
	default:
		a.log.Warn("files cannot be taken (images/edits, images/variations, audio/transcriptions, audio/translations): name a folder that Weir may write to as data_dir",
			"data_dir", cfg.DataDir, "error", err.Error())
	}
	return nil
}
