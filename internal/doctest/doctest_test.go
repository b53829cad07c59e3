package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/realpart"
)

// TestDocuments runs every snippet of every document.
func TestDocuments(t *testing.T) {
	root := realpart.Root(t)
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	if len(documents) == 0 {
		t.Fatalf("no documents in %s", root)
	}
	for _, path := range documents {
		t.Run(filepath.Base(path), func(t *testing.T) { runDocument(t, path) })
	}
}

// TestExample runs a document that uses everything this package can do.
func TestExample(t *testing.T) { runDocument(t, filepath.Join("testdata", "example.md")) }

func runDocument(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks, faults := parse(string(text))
	for _, f := range faults {
		t.Error(f)
	}
	if len(blocks) == 0 || len(faults) > 0 {
		return
	}
	s := start(t, blocks)
	for _, b := range blocks {
		t.Run(fmt.Sprintf("line %d %s %s", b.line, b.lang, b.how), func(t *testing.T) {
			for _, part := range b.needs() {
				realpart.Need(t, part[0], part[1])
			}
			if err := s.do(t.Context(), b); err != nil {
				t.Errorf("%s:%d: %v", filepath.Base(path), b.line, err)
			}
		})
	}
}

// start builds bin/weir, which the blocks use, and opens a session.
func start(t *testing.T, blocks []block) *session {
	t.Helper()
	realpart.Need(t, "bash", "bash")
	root := realpart.Root(t)
	s, err := newSession(root, blocks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.run(t.Context(), `command make --no-print-directory -C "$DOCTEST_ROOT" build`, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParse(t *testing.T) {
	const document = "# Title\n\n" +
		"```sh\ncurl -s localhost\n```\n" +
		"<!-- test: output -->\n\n~~~json\n{...}\n~~~\n" +
		"A picture:\n```text\n  ```sh is not a fence here\n```\n" +
		"<!-- test: server 127.0.0.1:9000 -->\n```bash\nweir simulate\n```\n" +
		"<!-- test: run wants \"echo: hi\" -->\n```python\nprint()\n```\n" +
		"```yaml\nkeys: []\n```\n" +
		"````sh\n```\n````\n"
	want := []block{
		{line: 3, lang: "sh", how: "run", text: "curl -s localhost\n"},
		{line: 8, lang: "json", how: "output", text: "{...}\n"},
		{line: 16, lang: "bash", how: "server", arg: "127.0.0.1:9000", text: "weir simulate\n"},
		{line: 20, lang: "python", how: "run", wants: "echo: hi", text: "print()\n"},
		{line: 23, lang: "yaml", how: "config", arg: "weir.yaml", text: "keys: []\n"},
		{line: 26, lang: "sh", how: "run", text: "```\n"},
	}
	got, faults := parse(document)
	if len(faults) > 0 {
		t.Errorf("parse() found faults: %q", faults)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(block{})); diff != "" {
		t.Errorf("parse() (-want +got):\n%s", diff)
	}
}

func TestParseFindsFaults(t *testing.T) {
	for _, tt := range []struct{ name, document, want string }{
		{"a language that nothing runs", "```ruby\nputs\n```\n", `line 1: a block in "ruby"`},
		{"no language", "```\nls\n```\n", `line 1: a block in ""`},
		{"an unknown way", "<!-- test: skip -->\n```sh\nls\n```\n", `line 2: "skip" cannot be done with a block in sh`},
		{"a way of another language", "<!-- test: codex -->\n```yaml\na: 1\n```\n", `line 2: "codex" cannot be done with a block in yaml`},
		{"a comment that cannot be read", "<!-- test: run wants hi -->\n```sh\nls\n```\n", "line 2: cannot read <!--"},
		{"an argument too many", "<!-- test: run hi -->\n```sh\nls\n```\n", `line 2: "run" takes no argument`},
		{"wants of what prints nothing", "<!-- test: server wants \"hi\" -->\n```sh\nls\n```\n", `line 2: "server" prints nothing`},
		{"a comment without a block", "<!-- test: run -->\n\nText.\n", "line 1: no block follows"},
		{"a comment at the end", "<!-- test: run -->\n", "line 1: no block follows"},
		{"a block that is not closed", "```sh\nls\n", "line 1: the block is not closed"},
		{"a file without a name", "<!-- test: file -->\n```ini\na\n```\n", "line 2: a file needs a name"},
		{"a file that nothing uses", "<!-- test: file a.ini -->\n```ini\na\n```\n```sh\nls\n```\n", "line 2: no block below uses a.ini"},
		{"a Codex configuration that nothing uses", "```toml\na = 1\n```\n", "line 1: no block below uses codex"},
		{"an output of nothing", "<!-- test: output -->\n```text\nhi\n```\n", "line 2: the block before this output prints nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := parse(tt.document)
			if len(faults) != 1 || !strings.HasPrefix(faults[0], tt.want) {
				t.Errorf("parse() found %q, want one that begins with %q", faults, tt.want)
			}
		})
	}
}

// TestBlocksFail proves that a snippet which does not work is noticed.
func TestBlocksFail(t *testing.T) {
	s := start(t, nil)
	for _, tt := range []struct {
		name string
		b    block
		want string
	}{
		{"a command fails", block{lang: "sh", how: "run", text: "false\ntrue\n"}, "exit status 1"},
		{"a command fails in a pipe", block{lang: "sh", how: "run", text: "false | cat\n"}, "exit status 1"},
		{"a variable is not set", block{lang: "sh", how: "run", text: "echo $NOBODY_SET_THIS\n"}, "NOBODY_SET_THIS"},
		{"another text is printed", block{lang: "sh", how: "run", wants: "yes", text: "echo no\n"}, `wanted "yes"; it printed` + "\nno"},
		{"a make target does not exist", block{lang: "sh", how: "run", text: "make nonsense\n"}, "nonsense"},
		{"a package to be tested does not exist", block{lang: "sh", how: "run", text: "go test ./internal/nonsense\n"}, "there is no package ./internal/nonsense"},
		{"a Python package is not pinned", block{lang: "sh", how: "run", text: "pip install nonsense\n"}, "nonsense is not pinned"},
		{"a Node package is not pinned", block{lang: "sh", how: "run", text: "npm install -g @open/nonsense@1.2.3\n"}, "@open/nonsense is not pinned"},
		{"a Node package has another version", block{lang: "sh", how: "run", text: "npm install openai@0.0.1\n"}, "0.0.1 is not pinned"},
		{"a Go module is not pinned", block{lang: "sh", how: "run", text: "go get github.com/open/nonsense@latest\n"}, "github.com/open/nonsense is not pinned"},
		{"a repository is not Weir's", block{lang: "sh", how: "run", text: "git clone https://example.com/weir\n"}, "not where Weir comes from"},
		{"a configuration has an unknown key", block{lang: "yaml", how: "config", arg: "weir.yaml", text: "nonsense: 1\n"}, "nonsense"},
		{"a server ends by itself", block{lang: "sh", how: "server", arg: "127.0.0.1:1", text: "echo gone\n"}, "nothing serves on 127.0.0.1:1; the block printed\ngone"},
		{"an output differs", block{lang: "text", how: "output", text: "something else"}, "the block before printed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.do(t.Context(), tt.b)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("do(%q) = %v, want an error with %q", tt.b.text, err, tt.want)
			}
		})
	}
}

func TestContains(t *testing.T) {
	for _, tt := range []struct {
		got, want string
		ok        bool
	}{
		{"a b c", "a ... c", true},
		{"a b c", "...", true},
		{"a b c", "c ... a", false},
		{"a b c", "a ... d", false},
		{`{"id":"x"}`, `{"id":"..."}`, true},
	} {
		if ok := contains(tt.got, tt.want); ok != tt.ok {
			t.Errorf("contains(%q, %q) = %v, want %v", tt.got, tt.want, ok, tt.ok)
		}
	}
}
