package conformance_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/realpart"
)

const (
	openaiGo = "github.com/openai/openai-go/v3"
	// baseVariable names the server for the generated tests, and marks them.
	baseVariable = "TEST_API_BASE_URL"
)

// A module is a copy of openai-go with its generated API tests and no others.
type module struct {
	version string
	dir     string
	tests   []generated       // :: by package, then as in the files
	bins    map[string]string // package → its test program
	home    string            // an empty home for the tests
}

// A generated test has a name that is unique in its package alone.
type generated struct {
	pkg  string // folder below the module's root; "." is the root
	name string
}

func (g generated) String() string {
	if g.pkg == "." {
		return "openai." + g.name
	}
	return g.pkg + "." + g.name
}

// copyModule copies the openai-go that test/e2e pins, leaves out the tests
// that are not generated from the document, and builds the others: without the
// folder's name in the programs, so that the next copy is built from the cache.
func copyModule(ctx context.Context, t *testing.T) *module {
	t.Helper()
	var from struct{ Dir, Version string }
	out := command(ctx, t, filepath.Join(realpart.Root(t), "test/e2e"), "go", "mod", "download", "-json", openaiGo)
	if err := json.Unmarshal([]byte(out), &from); err != nil {
		t.Fatalf("reading the answer of go mod download: %v", err)
	}
	m := &module{version: from.Version, dir: filepath.Join(t.TempDir(), "openai-go"), home: t.TempDir(), bins: map[string]string{}}
	if err := os.CopyFS(m.dir, os.DirFS(from.Dir)); err != nil {
		t.Fatal(err)
	}
	m.find(t)
	for _, g := range m.tests {
		if m.bins[g.pkg] != "" {
			continue
		}
		m.bins[g.pkg] = filepath.Join(m.dir, filepath.FromSlash(g.pkg), "generated.test")
		command(ctx, t, m.dir, "go", "test", "-c", "-trimpath", "-o", m.bins[g.pkg], "./"+g.pkg)
	}
	return m
}

// find lists the generated tests and removes all other files of tests: they
// need more modules, and minutes to build.
func (m *module) find(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(m.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") || !entry.Type().IsRegular() {
			return err
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		names, err := generatedTests(source)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return os.Remove(name)
		}
		folder, err := filepath.Rel(m.dir, filepath.Dir(name))
		if err != nil {
			return err
		}
		for _, test := range names {
			m.tests = append(m.tests, generated{path.Clean(filepath.ToSlash(folder)), test})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(m.tests, func(a, b generated) int { return strings.Compare(a.pkg, b.pkg) })
}

// generatedTests returns the names of the tests in a file that ask the
// environment for their server.
func generatedTests(source []byte) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		asks := false
		ast.Inspect(f, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			asks = asks || ok && text.Value == `"`+baseVariable+`"`
			return !asks
		})
		if asks {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// run runs one test, in a process of its own, with the server at url. It
// reports whether the test ran and passed, and what it printed.
func (m *module) run(ctx context.Context, g generated, url string) (passed bool, output string) {
	cmd := exec.CommandContext(ctx, m.bins[g.pkg], "-test.run=^"+g.name+"$", "-test.v", "-test.timeout=30s")
	cmd.Dir = filepath.Join(m.dir, filepath.FromSlash(g.pkg))
	cmd.Env = []string{baseVariable + "=" + url, "HOME=" + m.home, "PATH=/usr/bin:/bin", "TMPDIR=" + os.TempDir()}
	out, err := cmd.CombinedOutput()
	return err == nil && strings.Contains(string(out), "--- PASS: "+g.name), string(out)
}

// command runs a command in dir and returns what it wrote to its standard
// output. If it fails, the test ends.
func command(ctx context.Context, t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}
