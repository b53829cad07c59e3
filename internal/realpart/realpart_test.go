package realpart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/realpart"
)

// A recorder is a testing.TB that keeps how the test was ended instead of
// ending the test that uses it.
type recorder struct {
	testing.TB

	ended string // "", "skip: …" or "fail: …"
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.ended = "skip: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.ended = "fail: " + fmt.Sprint(args...)
	runtime.Goexit()
}

// record runs f the way the testing package runs a test: in a goroutine that
// Skip and Fatal end.
func record(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.ended
}

func TestNeed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		strict string
		part   string
		want   string
	}{
		{name: "a command in PATH is found", part: "go", strict: "1"},
		{name: "a file below the root is found", part: "internal/realpart/doc.go", strict: "1"},
		{name: "a folder below the root is found", part: "internal/realpart", strict: "1"},
		{name: "a missing command is left out", part: "no-such-command", want: "skip: LEFT OUT: the part — add it with: make deps"},
		{name: "a missing file is left out", part: "no/such/file", want: "skip: LEFT OUT: the part — add it with: make deps"},
		{name: "zero is not strict", strict: "0", part: "no/such/file", want: "skip: LEFT OUT: the part — add it with: make deps"},
		{name: "strict makes a missing part a failure", strict: "1", part: "no-such-command", want: "fail: LEFT OUT: the part — add it with: make deps"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(realpart.Strict, tt.strict)
			var path string
			got := record(t, func(tb testing.TB) { path = realpart.Need(tb, "the part", tt.part) })
			if got != tt.want {
				t.Fatalf("Need(%q) ended the test with %q, want %q", tt.part, got, tt.want)
			}
			if tt.want != "" {
				return
			}
			if !filepath.IsAbs(path) {
				t.Errorf("Need(%q) = %q, want an absolute path", tt.part, path)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("Need(%q) = %q, which does not exist: %v", tt.part, path, err)
			}
		})
	}
}

func TestNeedPrefersFetchedCommands(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/weir-gateway/weir\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, ".cache", "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	fetched := filepath.Join(bin, "go")
	if err := os.WriteFile(fetched, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(bin)
	if got := realpart.Need(t, "Go", "go"); !sameFile(t, got, fetched) {
		t.Errorf("Need(go) = %q, want %q", got, fetched)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	ai, errA := os.Stat(a)
	bi, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(ai, bi)
}

func TestOnly(t *testing.T) {
	const variable = "WEIR_REALPART_TEST"
	only := func(tb testing.TB) { realpart.Only(tb, "make soak", variable) }

	t.Setenv(realpart.Strict, "1")
	t.Setenv(variable, "")
	if got, want := record(t, only), "skip: OWN TARGET: make soak"; got != want {
		t.Errorf("Only without the variable ended the test with %q, want %q", got, want)
	}
	t.Setenv(variable, "1")
	if got := record(t, only); got != "" {
		t.Errorf("Only with the variable ended the test with %q, want nothing", got)
	}
}

func TestRootIsTheModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(realpart.Root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(mod), "module github.com/weir-gateway/weir\n") {
		t.Errorf("Root does not hold Weir's go.mod")
	}
}
