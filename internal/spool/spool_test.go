package spool_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/spool"
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "spool")
	s := spool.New(dir, 100)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v (%v), want it for its owner alone", d, info.Mode(), err)
		}
	}
	f, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, dir); len(got) > 0 {
		t.Errorf("the folder holds %v, want a file without a name", got)
	}
	if mode, err := f.Mode(); err != nil || mode != 0o600 {
		t.Errorf("the file is %v (%v), want it for its owner alone", mode, err)
	}
	for _, piece := range []string{"hello ", "world"} {
		if _, err := io.WriteString(f, piece); err != nil {
			t.Fatal(err)
		}
	}
	if s.Files() != 1 || s.Used() != 11 {
		t.Errorf("%d files with %d bytes, want 1 with 11", s.Files(), s.Used())
	}
	got := make([]byte, 5)
	if _, err := f.ReadAt(got, 6); err != nil || string(got) != "world" {
		t.Errorf("ReadAt = %q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.ReadAt(got, 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReadAt of a closed file = %v, want os.ErrClosed", err)
	}
	if s.Files() != 0 || s.Used() != 0 {
		t.Errorf("%d files with %d bytes are left", s.Files(), s.Used())
	}
}

func TestBudget(t *testing.T) {
	s := spool.New(t.TempDir(), 1000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				f, err := s.Create()
				if err != nil {
					t.Error(err)
					return
				}
				for err == nil {
					_, err = f.Write(bytes.Repeat([]byte("x"), 90))
					if used := s.Used(); used > 1000+8*90 { // what is being asked for counts
						t.Errorf("%d bytes are used of 1000", used)
					}
				}
				if !errors.Is(err, spool.ErrFull) {
					t.Errorf("Write = %v, want ErrFull", err)
				}
				f.Close()
			}
		})
	}
	wg.Wait()
	if s.Files() != 0 || s.Used() != 0 {
		t.Errorf("%d files with %d bytes are left", s.Files(), s.Used())
	}
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"upload-STALE", "somebody-elses"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := spool.New(dir, 1).Prepare(); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, dir); len(got) != 1 || got[0] != "somebody-elses" {
		t.Errorf("the folder holds %v, want what is not ours", got)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (%v), want it for its owner alone", info.Mode(), err)
	}
}

// TestNoFolder is a folder that cannot be there, and one that comes later.
func TestNoFolder(t *testing.T) {
	base := t.TempDir()
	inTheWay := filepath.Join(base, "data")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := spool.New(filepath.Join(inTheWay, "spool"), 100)
	if err := s.Prepare(); err == nil {
		t.Error("Prepare is content with a file in the way")
	}
	if _, err := s.Create(); err == nil {
		t.Error("Create is content with a file in the way")
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	f, err := s.Create()
	if err != nil {
		t.Fatalf("Create = %v, once the way is free", err)
	}
	f.Close()
}
