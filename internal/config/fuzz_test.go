package config_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gateway/weir/internal/config"
)

// leaked is part of every value that a reference stands for in FuzzParse.
const leaked = "never-shown"

// fuzzOptions answer every reference, but for variables that begin with U.
func fuzzOptions() config.Options {
	return config.Options{
		Path: "/etc/weir/weir.yaml",
		LookupEnv: func(name string) (string, bool) {
			switch {
			case name == "HOME":
				return "/srv/home", true
			case name == "BODY_LIMIT", name == "WEIR_DATA_DIR", name == "WEIR_STORE", strings.HasPrefix(name, "WEIR_SECRET_KEY"), name == "STATE_DIRECTORY", name == "XDG_STATE_HOME", strings.HasPrefix(name, "U"):
				return "", false
			}
			return leaked + "-" + name, true
		},
		Open: func(name string) (io.ReadCloser, error) {
			if !strings.HasPrefix(name, "/run/") {
				return nil, fs.ErrNotExist
			}
			return io.NopCloser(strings.NewReader(leaked + "-file\n")), nil
		},
	}
}

// sameConfig compares what configurations mean, not where they came from.
var sameConfig = cmp.Options{ // immutable
	cmpopts.IgnoreUnexported(config.Config{}),
	cmpopts.IgnoreFields(config.Config{}, "Source", "Warnings", "DataDirNamed"),
	cmpopts.EquateEmpty(),
}

// FuzzParse holds Parse to what it promises for any document: it ends, its
// faults have a place and one line each, nothing it says or prints holds the
// value of a reference, and what it prints loads to the same.
func FuzzParse(f *testing.F) {
	for _, a := range archives(f, "testdata/*/*.txtar") {
		for _, file := range a.data.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		start := time.Now()
		c, err := config.Parse(doc, fuzzOptions())
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("Parse took %v", took)
		}
		if err != nil {
			checkFaults(t, doc, err)
			return
		}
		var printed bytes.Buffer
		if err := c.Print(&printed); err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{printed.String(), config.Faults(c.Warnings).Error()} {
			if strings.Contains(said, leaked) {
				t.Fatalf("the value of a reference is shown:\n%s", said)
			}
		}
		if strings.Contains(printed.String(), "[redacted]") {
			return
		}
		again, err := config.Parse(printed.Bytes(), fuzzOptions())
		if err != nil {
			t.Fatalf("what Print wrote does not load: %v\n%s", err, printed.String())
		}
		if diff := cmp.Diff(c, again, sameConfig); diff != "" {
			t.Errorf("what Print wrote loads to another configuration (-first +again):\n%s\n%s", diff, printed.String())
		}
	})
}

// checkFaults checks what every error of Parse has in common.
func checkFaults(t *testing.T, doc []byte, err error) {
	t.Helper()
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("Parse error = %#v, want Faults", err)
	}
	if strings.Contains(err.Error(), leaked) {
		t.Errorf("the value of a reference is shown:\n%v", err)
	}
	lines := bytes.Count(doc, []byte("\n")) + bytes.Count(doc, []byte("\r")) + 1
	for _, fault := range faults {
		if fault.Pos.Line < 1 || fault.Pos.Line > lines || fault.Pos.Column < 1 || fault.Pos.File == "" {
			t.Errorf("fault at %+v, want a place within %d lines: %v", fault.Pos, lines, fault)
		}
		if fault.Msg == "" || fault.Remedy == "" {
			t.Errorf("fault %+v, want what is wrong and what to do", fault)
		}
		if strings.ContainsFunc(fault.Path+fault.Msg+fault.Remedy, unicode.IsControl) {
			t.Errorf("fault %q has control characters", fault.String())
		}
	}
}
