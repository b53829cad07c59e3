package store

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockName is the file that a process holds. It is empty, and stays.
const lockName = "weir.lock"

// lockFolder takes a folder for this process, until the file is closed or the
// process ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the folder for the store: %w: %w", ErrNoPlace, err)
	}
	held, err := lock(f)
	switch {
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("locking the folder for the store: %w: %w", ErrNoPlace, err)
	case held:
		_ = f.Close()
		return nil, fmt.Errorf("the folder %s cannot be used: %w; give this one another data_dir (--data-dir), or set `store: none` (WEIR_STORE=none)", dir, ErrInUse)
	}
	return f, nil
}
