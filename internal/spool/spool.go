// Package spool keeps on disk, for as long as a request takes, what of its body
// is too large for memory.
//
// A [File] is created for its owner alone and has lost its name before a byte
// is in it, so that nobody else can open it and nothing is left of it when the
// process ends, however it ends. All files together have one budget.
//
// Package spool knows nothing of requests, gives nothing a name, and does not
// wait for the disk: what is in a file need not survive the machine.
package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// ErrFull is returned by a write for which the budget has no room.
var ErrFull = errors.New("spool: too much is on disk")

// A Spool is a folder of files without names. It may be used by several
// goroutines at once.
type Spool struct {
	dir   string
	limit atomic.Int64 // bytes in all files; may be set at any time
	used  atomic.Int64 // bytes in all files
	files atomic.Int64 // that are open
}

// New returns the spool in the folder dir, whose files may hold limit bytes
// together. It touches no disk: see [Spool.Prepare].
func New(dir string, limit int64) *Spool {
	s := &Spool{dir: dir}
	s.limit.Store(limit)
	return s
}

// SetLimit changes how many bytes all files may hold together. Those that hold
// more already keep them.
func (s *Spool) SetLimit(limit int64) { s.limit.Store(limit) }

// prefix begins the name that a file has while it is created.
const prefix = "upload-"

// Prepare makes the folder, for its owner alone, and removes what a process
// that was killed between two calls has left there. It may be called again.
func (s *Spool) Prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for uploads: %w", err)
	}
	if err := os.Chmod(s.dir, 0o700); err != nil { //nolint:gosec // a folder, that may have been there and open to all
		return fmt.Errorf("closing the folder for uploads to others: %w", err)
	}
	left, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("looking through the folder for uploads: %w", err)
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), prefix) {
			// One that another process is creating right now does not need its
			// name any more either.
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
	f, err := s.Create()
	if err != nil {
		return err
	}
	return f.Close()
}

// Files returns how many files are open.
func (s *Spool) Files() int64 { return s.files.Load() }

// Used returns how many bytes all files hold.
func (s *Spool) Used() int64 { return s.used.Load() }

// Create returns a new, empty file. If the folder has gone it is made again.
func (s *Spool) Create() (*File, error) {
	name := filepath.Join(s.dir, prefix+rand.Text())
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrNotExist) && os.MkdirAll(s.dir, 0o700) == nil {
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("creating a file for an upload: %w", err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("taking the name from a file: %w", err), f.Close())
	}
	s.files.Add(1)
	return &File{spool: s, f: f}, nil
}

// A File is bytes on disk. One goroutine writes and closes it; several may
// read it.
type File struct {
	spool *Spool
	f     *os.File
	size  int64
}

// Write appends p, within the budget, or fails with [ErrFull].
func (f *File) Write(p []byte) (int, error) {
	n := int64(len(p))
	if f.spool.used.Add(n) > f.spool.limit.Load() {
		f.spool.used.Add(-n)
		return 0, ErrFull
	}
	f.size += n
	return f.f.Write(p) //nolint:wrapcheck // io.Writer's contract
}

// ReadAt reads what was written.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	return f.f.ReadAt(p, off) //nolint:wrapcheck // io.ReaderAt's contract
}

// Close gives the bytes back. Reads that come after it fail.
func (f *File) Close() error {
	f.spool.used.Add(-f.size)
	f.spool.files.Add(-1)
	f.size = 0
	if err := f.f.Close(); err != nil {
		return fmt.Errorf("closing a file of an upload: %w", err)
	}
	return nil
}
