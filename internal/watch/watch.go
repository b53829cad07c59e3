package watch

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Timing says when [Run] tells. A zero field means its usual value.
type Timing struct {
	// Quiet is how long nothing must have happened after something has, so
	// that a file is not read while it is written. Usually 200ms.
	Quiet time.Duration

	// Most is how long Run waits for that at most. Usually 2s.
	Most time.Duration

	// Every is how often Run tells although nothing has happened, for file
	// systems that do not say what others do with them. Usually 10s.
	Every time.Duration
}

func (t Timing) withDefaults() Timing {
	def := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	def(&t.Quiet, 200*time.Millisecond)
	def(&t.Most, 2*time.Second)
	def(&t.Every, 10*time.Second)
	return t
}

// Run calls look, from its own goroutine, whenever one of the files may have
// changed, and once at the beginning, until ctx ends. Files is asked again after
// each look. A file need not be there.
//
// Where the system does not tell of changes, that is logged, and look is called
// every so often.
func Run(ctx context.Context, log *slog.Logger, t Timing, files func() []string, look func()) {
	t = t.withDefaults()
	var events chan fsnotify.Event // nil: the system does not tell
	var failures chan error
	w, err := fsnotify.NewWatcher()
	if err == nil {
		defer w.Close()
		events, failures = w.Events, w.Errors
	} else {
		log.Warn("the system does not tell when files change, so they are looked at every so often", "every", t.Every.String(), "error", err.Error())
	}
	watched := folders{watcher: w, log: log}
	every := time.NewTicker(t.Every)
	defer every.Stop()
	quiet := time.NewTimer(0) // once at the beginning
	defer quiet.Stop()
	var since time.Time // when the first change was that was not told
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(min(t.Quiet, max(0, t.Most-time.Since(since))))
			continue
		case err := <-failures:
			log.Debug("some changes of files were not told, perhaps ours", "error", err.Error())
			quiet.Reset(t.Quiet)
			continue
		case <-quiet.C:
		case <-every.C:
			if !since.IsZero() {
				continue // soon
			}
		}
		since = time.Time{}
		// First the folders, so that what changes from now on is told.
		watched.set(files())
		look()
		watched.set(files())
	}
}

// folders are what the system is asked to tell of.
type folders struct {
	watcher *fsnotify.Watcher // nil: nothing
	log     *slog.Logger
	now     map[string]bool
	failed  bool // was logged
}

// set makes the folders of files those that are watched. A folder, and not the
// file: a file that is replaced is another one.
func (f *folders) set(files []string) {
	if f.watcher == nil {
		return
	}
	want := make(map[string]bool)
	for _, file := range files {
		for _, dir := range foldersOf(file) {
			want[dir] = true
		}
	}
	for dir := range f.now {
		if !want[dir] {
			_ = f.watcher.Remove(dir) // may have gone
		}
	}
	for dir := range want {
		// One that has gone and come again is not the one that is watched. To
		// add one that is does nothing.
		if err := f.watcher.Add(dir); err != nil && !f.failed {
			f.failed = true
			f.log.Warn("a folder cannot be watched, its files are looked at every so often", "folder", dir, "error", err.Error())
		}
	}
	f.now = want
}
