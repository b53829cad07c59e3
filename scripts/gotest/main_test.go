package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSpec(t *testing.T) {
	for _, tt := range []struct {
		spec     string
		wantDir  string
		wantArgs []string
	}{
		{".", ".", []string{"test", "-json", "-count=1", "./..."}},
		{"test/e2e -race", "test/e2e", []string{"test", "-json", "-count=1", "./...", "-race"}},
		{". -run=^TestX$ ./a ./b", ".", []string{"test", "-json", "-count=1", "./a", "./b", "-run=^TestX$"}},
	} {
		dir, args := parseSpec(tt.spec)
		if dir != tt.wantDir || !cmp.Equal(args, tt.wantArgs) {
			t.Errorf("parseSpec(%q) = %q, %q, want %q, %q", tt.spec, dir, args, tt.wantDir, tt.wantArgs)
		}
	}
}

// TestRun runs go test for real, on a module of one package, because its
// output is what this program lives on.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name     string
		body     string // of TestIt
		strict   bool
		wantCode int
		want     []string
		wantNot  []string
	}{
		{
			name:    "a passing test is silent but for the package's line",
			body:    `t.Log("chatter")`,
			want:    []string{"ok  \tsample\t", "Nothing was left out."},
			wantNot: []string{"chatter", "PASS"},
		},
		{
			name:     "a failing test is printed",
			body:     `t.Error("broken")`,
			wantCode: 1,
			want:     []string{"--- FAIL: TestIt", "broken", "FAIL\tsample\t"},
		},
		{
			name:     "a test that takes the process with it is printed",
			body:     `panic("gone")`,
			wantCode: 1,
			want:     []string{"panic: gone", "FAIL\tsample\t"},
		},
		{
			name:     "a package that does not build is printed",
			body:     `undefined()`,
			wantCode: 1,
			want:     []string{"undefined: undefined", "[build failed]"},
		},
		{
			name: "a missing part is listed",
			body: `t.Skip("LEFT OUT: Codex CLI — add it with: make deps")`,
			want: []string{"Left out", "Codex CLI — add it with: make deps (1, such as sample TestIt)"},
		},
		{
			name:     "a missing part is a failure when strict",
			body:     `t.Skip("LEFT OUT: Codex CLI — add it with: make deps")`,
			strict:   true,
			wantCode: 1,
			want:     []string{"FAIL: with WEIR_TEST_STRICT nothing may be left out"},
		},
		{
			name:   "a test of another target is listed and never a failure",
			body:   `t.Skip("OWN TARGET: make soak")`,
			strict: true,
			want:   []string{"Run by a target of their own:", "make soak (1, such as sample TestIt)"},
		},
		{
			name:     "a bare skip is listed with its words and is a failure when strict",
			body:     `t.Skip("not today")`,
			strict:   true,
			wantCode: 1,
			want:     []string{"Skipped for a reason of their own:", "not today (1, such as sample TestIt)"},
		},
		{
			name:    "an input that a fuzz target passes over is no skipped test",
			body:    `}; func FuzzIt(f *testing.F) { f.Add(1); f.Fuzz(func(t *testing.T, _ int) { t.Skip() })`,
			strict:  true,
			want:    []string{"ok  \tsample\t", "Nothing was left out."},
			wantNot: []string{"FuzzIt"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), "module sample\n\ngo 1.26\n")
			write(t, filepath.Join(dir, "a_test.go"), "package a\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) {\n\t"+tt.body+"\n}\n")
			var out bytes.Buffer
			code, err := run(t.Context(), []string{"", dir}, tt.strict, &out)
			if err != nil {
				t.Fatal(err)
			}
			if code != tt.wantCode {
				t.Errorf("run() = %d, want %d", code, tt.wantCode)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q", want)
				}
			}
			for _, not := range tt.wantNot {
				if strings.Contains(out.String(), not) {
					t.Errorf("output holds %q", not)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", &out)
			}
		})
	}
}

func TestRunWithoutArgumentsIsAnError(t *testing.T) {
	for _, specs := range [][]string{nil, {""}} {
		if _, err := run(t.Context(), specs, false, &bytes.Buffer{}); err == nil {
			t.Errorf("run(%q) returned no error", specs)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
