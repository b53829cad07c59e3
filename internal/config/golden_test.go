package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-gateway/weir/internal/config"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata and what is generated from the types")

// An archive in testdata holds documents, NAME.yaml, each with what is
// expected of it, NAME.want. All of them see the environment of the file env
// and the other files under their paths without the leading slash.
type archive struct {
	name string
	data *txtar.Archive
}

func archives(tb testing.TB, pattern string) []archive {
	tb.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		tb.Fatalf("no archive is named %s", pattern)
	}
	var out []archive
	for _, name := range names {
		data, err := txtar.ParseFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, archive{name, data})
	}
	return out
}

// file returns the index of a file, or -1.
func (a archive) file(name string) int {
	for i, f := range a.data.Files {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// options are what the documents of the archive are parsed with.
func (a archive) options(name string) config.Options {
	o := config.Options{Path: "/etc/weir/" + name}
	env := map[string]string{"HOME": "/srv/home"}
	if i := a.file("env"); i >= 0 {
		variables(env, a.data.Files[i].Data)
	}
	o.Listen, o.DataDir = env["--listen"], env["--data-dir"]
	o.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	o.Open = func(name string) (io.ReadCloser, error) {
		i := a.file(strings.TrimPrefix(name, "/"))
		if i < 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return io.NopCloser(bytes.NewReader(a.data.Files[i].Data)), nil
	}
	return o
}

// variables adds lines NAME=VALUE to env.
func variables(env map[string]string, lines []byte) {
	for line := range strings.Lines(string(lines)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			env[name] = value
		}
	}
}

// run calls f with every document and compares what it returns with what is
// expected, or rewrites that.
func (a archive) run(t *testing.T, f func(t *testing.T, doc []byte, o config.Options) string) {
	t.Helper()
	a.runAll(t, ".yaml", f)
}

// runAll is run for documents whose names end in suffix.
func (a archive) runAll(t *testing.T, suffix string, f func(t *testing.T, doc []byte, o config.Options) string) {
	t.Helper()
	topic := strings.TrimSuffix(filepath.Base(a.name), ".txtar")
	var out []txtar.File
	for _, file := range a.data.Files {
		name, isDoc := strings.CutSuffix(file.Name, suffix)
		if strings.HasSuffix(file.Name, ".want") {
			continue
		}
		out = append(out, file)
		if !isDoc {
			continue
		}
		t.Run(topic+"/"+name, func(t *testing.T) {
			got := f(t, file.Data, a.options(file.Name))
			out = append(out, txtar.File{Name: name + ".want", Data: []byte(got)})
			if i := a.file(name + ".want"); !*update && (i < 0 || string(a.data.Files[i].Data) != got) {
				want := ""
				if i >= 0 {
					want = string(a.data.Files[i].Data)
				}
				t.Errorf("%s gives another result (-want +got):\n%s", file.Name, cmp.Diff(want, got))
			}
		})
	}
	if *update {
		data := txtar.Format(&txtar.Archive{Comment: a.data.Comment, Files: out})
		if err := os.WriteFile(a.name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseReportsFaults(t *testing.T) {
	for _, a := range archives(t, "testdata/faults/*.txtar") {
		a.run(t, func(t *testing.T, doc []byte, o config.Options) string {
			_, err := config.Parse(doc, o)
			if err == nil {
				t.Fatal("Parse succeeded, want faults")
			}
			checkFaultTexts(t, err)
			return err.Error() + "\n"
		})
	}
}

func TestParseWarns(t *testing.T) {
	for _, a := range archives(t, "testdata/warnings/*.txtar") {
		a.run(t, func(t *testing.T, doc []byte, o config.Options) string {
			c, err := config.Parse(doc, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Warnings) == 0 {
				return "no warnings\n"
			}
			return config.Faults(c.Warnings).Error() + "\n"
		})
	}
}

// TestPrintLoadsToTheSame also compares what is printed with the archive.
func TestPrintLoadsToTheSame(t *testing.T) {
	for _, a := range archives(t, "testdata/print/*.txtar") {
		a.run(t, func(t *testing.T, doc []byte, o config.Options) string {
			c, err := config.Parse(doc, o)
			if err != nil {
				t.Fatal(err)
			}
			var printed bytes.Buffer
			if err := c.Print(&printed); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(printed.String(), "[redacted]") {
				again, err := config.Parse(printed.Bytes(), o)
				if err != nil {
					t.Fatalf("what Print wrote does not load: %v\n%s", err, printed.String())
				}
				if diff := cmp.Diff(c, again, sameConfig); diff != "" {
					t.Errorf("what Print wrote loads to another configuration (-first +again):\n%s", diff)
				}
			}
			return printed.String()
		})
	}
}

// checkFaultTexts checks that every fault says what to do.
func checkFaultTexts(t *testing.T, err error) {
	t.Helper()
	faults, ok := err.(config.Faults) //nolint:errorlint // the type itself is promised
	if !ok {
		t.Fatalf("Parse error is %T, want Faults", err)
	}
	for _, f := range faults {
		if f.Remedy == "" {
			t.Errorf("no remedy for: %v", fmt.Sprint(f))
		}
	}
}
