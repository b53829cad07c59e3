package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/weir-gateway/weir/internal/secret"
)

// FileName is the file's name in its folder. SQLite puts two more beside it,
// with -wal and -shm at the end.
const FileName = "weir.db"

// readers is how many may read at once; more wait.
const readers = 4

//go:embed migrations/*.sql
var migrations embed.FS // immutable

// The reasons why a folder cannot be used, beside those of the system. The
// texts of errors that wrap them name the file, and the remedy.
var (
	ErrInUse       = errors.New("another process uses it")
	ErrNoPlace     = errors.New("it cannot be written to")
	ErrDamaged     = errors.New("it is damaged")
	ErrTooNew      = errors.New("a newer Weir has made it")
	ErrOtherSecret = errors.New("it was sealed with another root secret")

	// ErrClosed is returned by everything that is called after Close.
	ErrClosed = errors.New("store: it is closed")
)

// Options are what a [DB] is opened with.
type Options struct {
	Root *secret.Root // required

	// Keep is the longest time for which something that the root secret has
	// sealed is kept.
	Keep time.Duration
}

// DB is an open file. Its methods, and those of its views, may be called by
// many goroutines at once.
type DB struct {
	lock  *os.File
	write *sql.DB // one connection; only the writer's goroutine uses it once Open has returned
	read  *sql.DB
	box   *secret.Box
	keep  time.Duration

	queue   chan *job
	batches atomic.Int64  // transactions that were committed
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer has ended
}

// Open opens the file in the folder dir, and makes both if they are not there,
// for their owner alone. The caller must call [DB.Close].
func Open(ctx context.Context, dir string, o Options) (_ *DB, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the store: %w: %w", ErrNoPlace, err)
	}
	d := &DB{
		box: o.Root.Box("store"), keep: o.Keep,
		queue: make(chan *job, queueLength), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	if d.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.release())
		}
	}()
	name := filepath.Join(dir, FileName)
	if err := prepare(name); err != nil {
		return nil, err
	}
	if err := d.connect(ctx, name); err != nil {
		return nil, explain(name, err)
	}
	if err := d.checkSecret(ctx); err != nil {
		return nil, explain(name, err)
	}
	go d.run()
	return d, nil
}

// connect opens the connections and brings the schema up to date.
func (d *DB) connect(ctx context.Context, name string) (err error) {
	const common = "_pragma=busy_timeout(5000)&_pragma=trusted_schema(0)&_pragma=foreign_keys(1)&_pragma=temp_store(2)"
	// A new file is told first how it gives space back, before anything is in it.
	if d.write, err = sql.Open("sqlite", dsn(name, common+"&_txlock=immediate&_pragma=auto_vacuum(2)&_pragma=journal_mode(WAL)"+
		"&_pragma=synchronous(FULL)&_pragma=journal_size_limit(67108864)&_pragma=secure_delete(ON)")); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if err := migrate(ctx, d.write); err != nil {
		return err
	}
	if d.read, err = sql.Open("sqlite", dsn(name, common+"&_pragma=query_only(1)")); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	return d.read.PingContext(ctx)
}

func dsn(name, query string) string {
	path := filepath.ToSlash(name)
	if path[0] != '/' {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}

// prepare makes the file, for its owner alone, and closes one that is there to
// everybody else on the machine. Those that SQLite puts beside it have the same
// permissions.
func prepare(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the store: %w: %w", ErrNoPlace, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("opening the store: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("opening the store: %s is no file", name)
	case info.Mode()&0o007 == 0 || runtime.GOOS == "windows":
		return nil
	}
	if err := f.Chmod(info.Mode().Perm() &^ 0o007); err != nil {
		return fmt.Errorf("closing the store to others: %w", err)
	}
	return nil
}

// migrate takes the steps of the schema that are missing.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err //nolint:wrapcheck // only for a name that is no path
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("reading the steps of the schema: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reading the version of the schema: %w", err)
	case have > want:
		return fmt.Errorf("%w: its schema is version %d, and this one knows %d", ErrTooNew, have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("upgrading the schema: %w", err)
	}
	return nil
}

// explain adds the file's name and what can be done to an error of Open.
func explain(name string, err error) error {
	var remedy string
	switch e, _ := errors.AsType[*sqlite.Error](err); {
	case errors.Is(err, ErrOtherSecret):
		return fmt.Errorf("the store %s cannot be used: %w: put the old secret behind the new one in the list, or move the file away, and what it holds is lost", name, err)
	case errors.Is(err, ErrTooNew):
		remedy = "run that one, or move the file away, and what it holds is lost"
	case e != nil && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
		remedy = fmt.Sprintf("restore it from a copy, or move it away together with %[1]s-wal and %[1]s-shm, and what it holds is lost", FileName)
	default:
		return fmt.Errorf("the store %s cannot be used: %w", name, err)
	}
	return fmt.Errorf("the store %s cannot be used: %w: %s", name, err, remedy)
}

// Close waits for the writes that have begun, ends everything and gives the
// folder free. It may be called once.
func (d *DB) Close() error {
	close(d.closing)
	<-d.stopped
	return d.release()
}

// release closes what is open. The lock goes last.
func (d *DB) release() error {
	var err error
	for _, db := range []*sql.DB{d.read, d.write} { // the last one tidies up the file
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return errors.Join(err, d.lock.Close())
}
