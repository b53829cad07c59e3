package realpart

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Strict is the environment variable that turns a missing part into a
// failure. Any value but "" and "0" does.
const Strict = "WEIR_TEST_STRICT"

// The first words of a skip message tell the test runner which list the test
// belongs to.
const (
	LeftOut   = "LEFT OUT: "   // a part is missing: "LEFT OUT: what — add it with: command"
	OwnTarget = "OWN TARGET: " // the test runs elsewhere: "OWN TARGET: command"
)

// Need returns the absolute path of a real part, or ends the test without
// having run it if this machine does not have the part.
//
// What names the part for people: "Codex CLI". Name is either a command
// ("codex"), looked for in test/e2e/node_modules/.bin, in .cache/bin and then
// in PATH, or a path with a slash below the root of the repository
// (".cache/venv/bin/python3", "test/e2e/node_modules/openai"), which may be a
// file or a folder. Call it from the test's own goroutine, before the test
// starts anything that has to be cleaned up.
func Need(t testing.TB, what, name string) string {
	t.Helper()
	path, ok := find(Root(t), name)
	if ok {
		return path
	}
	message := LeftOut + what + " — add it with: make deps"
	if isStrict(os.Getenv(Strict)) {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// Only returns the value of the environment variable that the make target
// sets, or skips the test if the variable is empty, strict or not: a long test
// is no part of `make check`. The command is what a person types, such as
// "make soak".
func Only(t testing.TB, command, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Skip(OwnTarget + command)
	}
	return value
}

// Root returns the absolute path of the repository's root, found upwards from
// the working directory, which for a test is its package's folder.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, ok := rootAbove(dir)
	if !ok {
		t.Fatalf("no folder from %s upwards holds the go.mod of Weir", dir)
	}
	return root
}

func rootAbove(dir string) (string, bool) {
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/weir-gateway/weir\n")) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

func find(root, name string) (string, bool) {
	if strings.Contains(name, "/") {
		path := filepath.Join(root, filepath.FromSlash(name))
		_, err := os.Stat(path)
		return path, err == nil
	}
	for _, dir := range Path(root) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", false
	}
	path, err = filepath.Abs(path)
	return path, err == nil
}

// Path returns the folders that hold the commands fetched for the repository
// at root, in the order in which [Need] searches them. Put them in front of
// PATH where a script calls such a command by its name.
func Path(root string) []string {
	return []string{
		filepath.Join(root, "test", "e2e", "node_modules", ".bin"),
		filepath.Join(root, ".cache", "bin"),
	}
}

func isStrict(value string) bool { return value != "" && value != "0" }
