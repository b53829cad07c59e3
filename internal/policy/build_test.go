package policy

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/realpart"
)

// linked is every module whose code may be in the binary. A new one has a
// reason in docs/adr first. The second column says what it brings in.
var linked = map[string]string{ // immutable
	"github.com/weir-gateway/weir":         "itself",
	"github.com/coder/websocket":           "WebSockets: realtime, and the simulator's",
	"github.com/fsnotify/fsnotify":         "what the system tells of changed files",
	"github.com/expr-lang/expr":            "routing rules",
	"github.com/go-json-experiment/json":   "jsontext",
	"github.com/goccy/go-yaml":             "the configuration file",
	"github.com/google/jsonschema-go":      "the configuration's schema",
	"github.com/klauspost/compress":        "zstd and gzip bodies",
	"golang.org/x/sys":                     "by fsnotify",
	"github.com/spf13/cobra":               "the command line",
	"github.com/spf13/pflag":               "by cobra",
	"github.com/inconshreveable/mousetrap": "by cobra, on Windows",

	"modernc.org/sqlite":               "what is kept on one machine",
	"modernc.org/libc":                 "by sqlite",
	"modernc.org/mathutil":             "by sqlite",
	"modernc.org/memory":               "by sqlite",
	"github.com/dustin/go-humanize":    "by sqlite",
	"github.com/google/uuid":           "by sqlite",
	"github.com/mattn/go-isatty":       "by sqlite",
	"github.com/ncruces/go-strftime":   "by sqlite",
	"github.com/remyoudompheng/bigfft": "by sqlite",
	"github.com/pressly/goose/v3":      "the steps of the database's schema",
	"github.com/mfridman/interpolate":  "by goose",
	"github.com/sethvargo/go-retry":    "by goose",
	"go.uber.org/multierr":             "by goose",
	"golang.org/x/sync":                "by goose",
}

func TestBinaryIsLinkedFromAllowedModules(t *testing.T) {
	var found []string
	for _, goos := range []string{"linux", "darwin", "windows"} {
		out := goCommand(t, []string{"GOOS=" + goos, "CGO_ENABLED=0"}, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/weir")
		for mod := range strings.FieldsSeq(out) {
			if _, ok := linked[mod]; !ok && !slices.Contains(found, mod) {
				found = append(found, mod)
				t.Errorf("cmd/weir is linked with %s, which is not in the list of internal/policy", mod)
			}
		}
	}
}

func TestBinaryIsStatic(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "weir")
	goCommand(t, []string{"GOOS=linux", "CGO_ENABLED=0"}, "build", "-trimpath", "-o", bin, "./cmd/weir")
	if why, err := dynamic(bin); err != nil || why != "" {
		t.Errorf("the binary built without cgo is not static: %s, %v", why, err)
	}
}

// TestDynamicSeesASharedLibrary proves that the check above can fail, on the
// dynamic binary that every Linux machine has.
func TestDynamicSeesASharedLibrary(t *testing.T) {
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Skip(realpart.LeftOut + "a dynamic binary — run the tests on Linux")
	}
	why, err := dynamic(shell)
	if _, ok := errors.AsType[*elf.FormatError](err); ok {
		t.Skip(realpart.LeftOut + "a dynamic binary — run the tests on Linux")
	}
	if err != nil || why == "" {
		t.Errorf("dynamic(%s) = %q, %v, want a reason", shell, why, err)
	}
}

// dynamic returns what makes an ELF file need others at run time, or "".
func dynamic(name string) (string, error) {
	f, err := elf.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "it names an interpreter", nil
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return "", err
	}
	return strings.Join(libraries, ", "), nil
}

// goCommand runs go at the root with additional environment and returns what
// it printed.
func goCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = realpart.Root(t)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}
