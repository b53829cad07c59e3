package policy

import (
	"bytes"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-gateway/weir/internal/realpart"
)

// A rule of the house. Its name is that of a file in testdata, which holds
// sources that break it; see TestRulesFindWhatTheyForbid.
type rule struct {
	name  string
	check func(tree) []string
}

var rules = []rule{ // immutable
	{"imports", checkImports},
	{"packagedoc", checkPackageDoc},
	{"packagename", checkPackageName},
	{"init", checkNoInit},
	{"variables", checkVariables},
	{"goroutines", checkGoroutines},
	{"sleep", checkNoSleep},
	{"roundtripper", checkNoRoundTripper},
	{"size", checkSize},
	{"leftovers", checkNoLeftovers},
	{"secrets", checkNoSecrets},
	{"hosts", checkNoRegistryHosts},
	{"paths", checkNoMachinePaths},
	{"adr", checkDependenciesAreExplained},
}

func TestRepositoryKeepsTheRules(t *testing.T) {
	all, err := load(os.DirFS(realpart.Root(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(all.goFiles()) < 10 {
		t.Fatalf("found %d Go files, want the whole repository", len(all.goFiles()))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, finding := range r.check(all) {
				t.Error(finding)
			}
		})
	}
}

// TestRulesFindWhatTheyForbid runs each rule on the files of its archive in
// testdata. The archive's comment lists the findings, one a line, exactly; a
// line that begins with "#" is for the reader. Files in the archive which have
// no finding show what the rule allows.
//
// A file may not contain what the rules about text forbid, even as an example:
// "{{}}" inside a word of an archive is removed when it is read.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			want, files := readArchive(t, "testdata/"+r.name+".txtar")
			all, err := load(files)
			if err != nil {
				t.Fatal(err)
			}
			got := r.check(all)
			for _, finding := range got {
				if !slices.Contains(want, finding) {
					t.Errorf("unexpected finding: %s", finding)
				}
			}
			for _, finding := range want {
				if !slices.Contains(got, finding) {
					t.Errorf("not found: %s", finding)
				}
			}
		})
	}
}

// readArchive returns the findings that an archive expects, and its files.
func readArchive(t *testing.T, name string) (want []string, files fs.FS) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(bytes.ReplaceAll(text, []byte("{{}}"), nil))
	for line := range strings.Lines(string(archive.Comment)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			want = append(want, line)
		}
	}
	if len(want) == 0 {
		t.Fatal("the archive expects no finding, so it cannot fail")
	}
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return want, fsys
}

func TestLoadReportsWhatDoesNotParse(t *testing.T) {
	if _, err := load(fstest.MapFS{"a/a.go": {Data: []byte("pakage a\n")}}); err == nil {
		t.Error("load(file with a syntax error) returned no error")
	}
}

func TestLoadLeavesOutWhatIsFetched(t *testing.T) {
	all, err := load(fstest.MapFS{
		"test/e2e/node_modules/x/x.go": {Data: []byte("not go\n")},
		".cache/a.md":                  {Data: []byte("a\n")},
		"picture.png":                  {Data: []byte("\x00\x01")},
		"README.md":                    {Data: []byte("a\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].path != "README.md" {
		t.Errorf("load() = %d files, want README.md alone", len(all))
	}
}
