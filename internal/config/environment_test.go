package config_test

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/config"
)

// environmentOptions are those of a machine that has no file.
func environmentOptions(env map[string]string) config.Options {
	return config.Options{
		Listen: env["--listen"], DataDir: env["--data-dir"],
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Open: func(name string) (io.ReadCloser, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
	}
}

// TestEnvironment compares what variables alone come to: the faults, or the
// source, the warnings and what Print writes beside defaults.
func TestEnvironment(t *testing.T) {
	for _, a := range archives(t, "testdata/environment/*.txtar") {
		a.runAll(t, ".env", func(t *testing.T, doc []byte, _ config.Options) string {
			env := map[string]string{"HOME": "/srv/home"}
			variables(env, doc)
			o := environmentOptions(env)
			c, err := config.Load(o)
			if err != nil {
				checkFaultTexts(t, err)
				checkVariablesNamed(t, env, err)
				return err.Error() + "\n"
			}
			var out strings.Builder
			out.WriteString("from: " + c.Source + "\n")
			if len(c.Warnings) > 0 {
				checkVariablesNamed(t, env, config.Faults(c.Warnings))
				out.WriteString(config.Faults(c.Warnings).Error() + "\n")
			}
			printed := printAgain(t, c, o)
			for line := range strings.Lines(printed) {
				if !strings.HasSuffix(line, "# default\n") && !heading(line) {
					out.WriteString(line)
				}
			}
			return out.String()
		})
	}
}

// heading reports whether below a line there are defaults as a rule.
func heading(line string) bool {
	return slices.Contains([]string{"timeouts:", "health:", "queue:", "pool:", "log:"}, strings.TrimSpace(line))
}

// printAgain returns what Print writes, and checks that it loads as a file to
// the same configuration.
func printAgain(t *testing.T, c *config.Config, o config.Options) string {
	t.Helper()
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(printed.String(), "in a file at least") {
		return printed.String() // it says itself why it does not load
	}
	again, err := config.Parse(printed.Bytes(), o)
	if err != nil {
		t.Fatalf("what Print wrote does not load: %v\n%s", err, printed.String())
	}
	if diff := cmp.Diff(c, again, sameConfig); diff != "" {
		t.Errorf("what Print wrote loads to another configuration (-first +again):\n%s", diff)
	}
	return printed.String()
}

// checkVariablesNamed checks that faults name a variable or a flag, and no
// place in a document that nobody has written.
func checkVariablesNamed(t *testing.T, env map[string]string, err error) {
	t.Helper()
	for _, f := range err.(config.Faults) { //nolint:errorlint,forcetypeassert // checked before
		_, set := env[f.Pos.File]
		missing := f.Pos.File == "AZURE_OPENAI_ENDPOINT"
		if !set && !missing || f.Path != "" || f.Pos.Line != 0 {
			t.Errorf("fault at %+v, path %q: want the name of a variable that is set: %v", f.Pos, f.Path, f)
		}
	}
}
