package watch_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/watch"
)

// fast is quick enough for tests; what the system does not tell is not seen.
var fast = watch.Timing{Quiet: 5 * time.Millisecond, Most: 50 * time.Millisecond, Every: time.Hour} // immutable

// seen runs a watch over a file, and returns what the file held when it was
// last looked at.
func seen(t *testing.T, timing watch.Timing, file string) func() string {
	t.Helper()
	var now atomic.Pointer[string]
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		watch.Run(ctx, slog.New(slog.DiscardHandler), timing, func() []string { return []string{file} }, func() {
			b, _ := os.ReadFile(file)
			s := string(b)
			now.Store(&s)
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	gatetest.Until(t, func() bool { return now.Load() != nil })
	return func() string { return *now.Load() }
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name+".new"); err != nil {
		t.Fatal(err)
	}
	rename(t, name+".new", name)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestRun: whatever way a file changes, the new one is seen, again and again.
func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		set    func(t *testing.T, dir string) // makes dir/file hold "one"
		change func(t *testing.T, dir, text string)
	}{
		{"in place", nil, func(t *testing.T, dir, text string) { write(t, dir+"/file", text) }},
		{"by rename", nil, func(t *testing.T, dir, text string) {
			write(t, dir+"/.file.tmp", text)
			rename(t, dir+"/.file.tmp", dir+"/file")
		}},
		{"removed and made again", nil, func(t *testing.T, dir, text string) {
			if err := os.Remove(dir + "/file"); err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/file", text)
		}},
		{"in pieces", nil, func(t *testing.T, dir, text string) {
			for i := range len(text) + 1 {
				write(t, dir+"/file", text[:i])
			}
		}},
		{"the folder is replaced", nil, func(t *testing.T, dir, text string) {
			write(t, dir+".new/file", text)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			rename(t, dir+".new", dir)
		}},
		{
			"as Kubernetes does", func(t *testing.T, dir string) {
				write(t, dir+"/..2026_1/file", "one")
				link(t, "..2026_1", dir+"/..data")
				link(t, "..data/file", dir+"/file")
			}, func(t *testing.T, dir, text string) {
				write(t, dir+"/.."+text+"/file", text)
				link(t, ".."+text, dir+"/..data")
			},
		},
		{
			"a link in another folder", func(t *testing.T, dir string) {
				write(t, dir+"/a/releases/1/file", "one")
				link(t, "releases/1", dir+"/a/current")
				link(t, dir+"/a/current/file", dir+"/file")
			}, func(t *testing.T, dir, text string) {
				write(t, dir+"/a/releases/"+text+"/file", text)
				link(t, "releases/"+text, dir+"/a/current")
			},
		},
		{
			"in place behind a link", func(t *testing.T, dir string) {
				write(t, dir+"/a/file", "one")
				link(t, "a/file", dir+"/file")
			}, func(t *testing.T, dir, text string) { write(t, dir+"/a/file", text) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etc")
			write(t, dir+"/other", "")
			if tt.set == nil {
				write(t, dir+"/file", "one")
			} else {
				tt.set(t, dir)
			}
			now := seen(t, fast, dir+"/file")
			for _, text := range []string{"two", "three", "four"} {
				tt.change(t, dir, text)
				gatetest.Until(t, func() bool { return now() == text })
			}
		})
	}
}

// TestNotThere: a file, and the folders that lead to it, may come later.
func TestNotThere(t *testing.T) {
	dir := t.TempDir()
	now := seen(t, fast, dir+"/a/b/file")
	write(t, dir+"/a/b/file", "here")
	gatetest.Until(t, func() bool { return now() == "here" })
}

// TestEvery: what the system does not tell is found out.
func TestEvery(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/here/file", "one")
	write(t, dir+"/there/other", "")
	if err := os.Remove(dir + "/there/other"); err != nil {
		t.Fatal(err)
	}
	// What happens to a file by another name is not told to a folder.
	if err := os.Link(dir+"/here/file", dir+"/there/file"); err != nil {
		t.Fatal(err)
	}
	now := seen(t, watch.Timing{Quiet: 5 * time.Millisecond, Every: 20 * time.Millisecond}, dir+"/here/file")
	write(t, dir+"/there/file", "two")
	gatetest.Until(t, func() bool { return now() == "two" })
}

// TestLoop: links that lead nowhere do not hang it.
func TestLoop(t *testing.T) {
	dir := t.TempDir()
	link(t, "b", dir+"/a")
	link(t, "a", dir+"/b")
	now := seen(t, fast, dir+"/a/file")
	if err := os.Remove(dir + "/a"); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/a/file", "out")
	gatetest.Until(t, func() bool { return now() == "out" })
}
