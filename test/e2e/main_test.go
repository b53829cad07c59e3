package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// binary is the weir that is tested. TestMain sets it before any test runs.
var binary string // immutable

// root is the repository's root, seen from this folder.
const root = "../.."

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run builds weir once for all tests. WEIR_E2E_BINARY names one that is
// already built.
func run(m *testing.M) int {
	if binary = os.Getenv("WEIR_E2E_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "weir-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "weir")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/weir")
	build.Dir, build.Stdout, build.Stderr = root, os.Stderr, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building weir:", err)
		return 1
	}
	return m.Run()
}

// need returns the absolute path of a part that is not fetched with Go, given
// by its path below the repository's root, or ends the test without having run
// it.
func need(t *testing.T, what, path string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err == nil {
		return abs
	}
	message := "LEFT OUT: " + what + " — add it with: make deps"
	if s := os.Getenv("WEIR_TEST_STRICT"); s != "" && s != "0" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// needCommand is need for a command of the machine's own.
func needCommand(t *testing.T, what, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return need(t, what, ".cache/bin/"+name)
}
