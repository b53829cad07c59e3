package policy

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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
			text, err := os.ReadFile("testdata/" + r.name + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			want, files := parseArchive(string(text))
			if len(want) == 0 {
				t.Fatal("the archive expects no finding, so it cannot fail")
			}
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

// parseArchive reads the findings and the files of an archive.
func parseArchive(text string) (want []string, files fstest.MapFS) {
	files = fstest.MapFS{}
	var current *fstest.MapFile
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(line, "{{}}", "")
		name, isName := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		switch {
		case isName:
			current = &fstest.MapFile{}
			files[strings.TrimSuffix(name, " --")] = current
		case current != nil:
			current.Data = append(current.Data, line...)
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#"):
			want = append(want, strings.TrimSpace(line))
		}
	}
	return want, files
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
