package store_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/responsestore"
	"github.com/weir-gateway/weir/internal/responsestore/storetest"
	"github.com/weir-gateway/weir/internal/secret"
	"github.com/weir-gateway/weir/internal/store"
)

// root returns a root of secrets that are made of their names.
func root(t *testing.T, names ...string) *secret.Root {
	t.Helper()
	var all []string
	for _, name := range names {
		all = append(all, base64.StdEncoding.EncodeToString([]byte((name + strings.Repeat(".-", 16))[:secret.Size])))
	}
	r, err := secret.Parse(strings.Join(all, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// open opens a store that the test closes.
func open(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dir, store.Options{Root: root(t, "one"), Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeDB(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func TestResponses(t *testing.T) {
	storetest.TestBackend(t, func(t *testing.T) responsestore.Backend {
		db := open(t, t.TempDir())
		t.Cleanup(func() { closeDB(t, db) })
		return db.Responses()
	})
}

// TestOdd: a folder whose name means something in a URL.
func TestOdd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%20?c=#d&_pragma=x")
	db := open(t, dir)
	closeDB(t, db)
	if _, err := os.Stat(filepath.Join(dir, store.FileName)); err != nil {
		t.Error(err)
	}
}

// TestSettings: what a write returned for is on the disk, and what is deleted
// is overwritten.
func TestSettings(t *testing.T) {
	db := open(t, t.TempDir())
	defer db.Close()
	got, err := db.Pragmas(t.Context(), "synchronous", "secure_delete", "foreign_keys", "auto_vacuum", "trusted_schema")
	if want := []int{2, 1, 1, 2, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	dir := filepath.Join(t.TempDir(), "data")
	check := func() {
		t.Helper()
		db := open(t, dir)
		defer closeDB(t, db)
		put(t, db, "resp")
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 4 {
			t.Errorf("%v, %v, want the lock and the three files of SQLite", files, err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v, want 0600", f.Name(), info.Mode(), err)
			}
		}
	}
	check()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v, want 0700", info.Mode(), err)
	}
	name := filepath.Join(dir, store.FileName)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o606); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	_, err := store.Open(t.Context(), dir, store.Options{Root: root(t, "one")})
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another data_dir") || !strings.Contains(err.Error(), "store: none") {
		t.Errorf("Open = %v", err)
	}
	closeDB(t, db)
	closeDB(t, open(t, dir))
}

// TestCannotBeUsed: what is wrong with a file is told with its name and what can
// be done, and the file stays as it is.
func TestCannotBeUsed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, file string)
		want  error
		says  string
	}{
		{"no database", func(t *testing.T, file string) {
			write(t, file, []byte(strings.Repeat("no database ", 1000)))
		}, store.ErrDamaged, "restore it from a copy"},
		{"cut", func(t *testing.T, file string) {
			b := read(t, file)
			write(t, file, b[:len(b)/2])
		}, store.ErrDamaged, "move it away"},
		{"newer", func(t *testing.T, file string) {
			execute(t, file, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, store.ErrTooNew, "schema is version 9999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, dir)
			put(t, db, "resp")
			closeDB(t, db)
			file := filepath.Join(dir, store.FileName)
			tt.spoil(t, file)
			before := read(t, file)
			_, err := store.Open(t.Context(), dir, store.Options{Root: root(t, "one")})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Open = %v", err)
			}
			if !bytes.Equal(read(t, file), before) {
				t.Error("the file was changed")
			}
		})
	}
}

// read returns what is in a file, but for the two counters of SQLite's header
// that say how often it was opened to be written.
func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[24:28])
	clear(b[92:96])
	return b
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// execute does something to a closed file, as an operator would.
func execute(t *testing.T, file, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// TestRootSecret: the file opens as long as the secret is there that something
// in it may have been sealed with, and no longer asks for one that is not
// needed.
func TestRootSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, store.FileName)
	db := open(t, dir)
	put(t, db, "resp")
	closeDB(t, db)
	var kept [secret.Size]byte
	for i, tt := range []struct {
		secrets []string
		later   bool // by more than anything is kept
		want    error
	}{
		{[]string{"one"}, false, nil},
		{[]string{"two"}, false, store.ErrOtherSecret},
		{[]string{"two", "one"}, false, nil},
		{[]string{"two"}, false, store.ErrOtherSecret}, // what the first has sealed is still there
		{[]string{"one"}, false, store.ErrOtherSecret}, // and what the second has
		{[]string{"two", "one"}, true, nil},
		{[]string{"two"}, false, nil},
		{[]string{"one"}, false, store.ErrOtherSecret},
	} {
		if tt.later {
			execute(t, file, "UPDATE checks SET until = ?", time.Now().Add(-time.Second).UnixMilli())
		}
		db, err := store.Open(t.Context(), dir, store.Options{Root: root(t, tt.secrets...), Keep: time.Hour})
		if !errors.Is(err, tt.want) {
			t.Fatalf("%d: Open with %q = %v, want %v", i, tt.secrets, err, tt.want)
		}
		if err != nil {
			if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "old secret behind the new one") {
				t.Errorf("Open = %v", err)
			}
			continue
		}
		got, err := db.Secret(t.Context(), "pins", [secret.Size]byte{byte(i + 1)})
		if err != nil {
			t.Error(err)
		}
		if i == 0 {
			kept = got
		}
		if got != kept || got != [secret.Size]byte{1} {
			t.Errorf("%d: the kept secret is %x", i, got)
		}
		if _, err := db.Responses().Purge(t.Context(), 1); err != nil {
			t.Error(err)
		}
		closeDB(t, db)
	}
}

// TestRootSecretOfNothing: where nothing is kept, any secret will do.
func TestRootSecretOfNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		db, err := store.Open(t.Context(), dir, store.Options{Root: root(t, name), Keep: time.Hour})
		if err != nil {
			t.Fatalf("with the secret %s: %v", name, err)
		}
		if got, err := db.Secret(t.Context(), "pins", [secret.Size]byte(([]byte)(strings.Repeat(name, 16))[:secret.Size])); err != nil || !strings.HasPrefix(string(got[:]), name) {
			t.Errorf("the kept secret is %s, %v", got, err)
		}
		closeDB(t, db)
	}
}

func TestClosed(t *testing.T) {
	db := open(t, t.TempDir())
	closeDB(t, db)
	if err := db.Pins().Apply(t.Context(), []pin.Change{{}}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Apply = %v, want ErrClosed", err)
	}
}

// TestSpaceIsGivenBack: the file shrinks again when what has expired goes.
func TestSpaceIsGivenBack(t *testing.T) {
	dir := t.TempDir()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, store.FileName))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	db := open(t, dir)
	for i := range 100 {
		row := response(strings.Repeat("x", i+1))
		row.Expires, row.Data = time.Now(), make([]byte, 100<<10)
		if err := db.Responses().Put(t.Context(), row, responsestore.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
	closeDB(t, db)
	before := size()
	db = open(t, dir)
	for {
		n, err := db.Responses().Purge(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	closeDB(t, db)
	if after := size(); before < 9<<20 || after > before/10 {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
}
