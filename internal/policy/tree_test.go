package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const module = "github.com/weir-gateway/weir"

// A file is one text file of the repository.
type file struct {
	path string // slash-separated, below the root
	text string
	ast  *ast.File      // nil unless it is a Go file
	fset *token.FileSet // that of ast
}

// A tree is every text file of the repository in the order of paths, but for
// what git ignores.
type tree []*file

// ignored folders hold what is built or fetched.
var ignored = []string{".git", ".cache", "bin", "node_modules", "__pycache__"} // immutable

// load reads a tree. A Go file that does not parse is an error.
func load(fsys fs.FS) (tree, error) {
	var all tree
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(ignored, entry.Name()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil // .git is a file in a second worktree
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if strings.ContainsRune(string(data), 0) {
			return nil // not text
		}
		f := &file{path: name, text: string(data)}
		if strings.HasSuffix(name, ".go") && !strings.Contains(name, "testdata/") {
			f.fset = token.NewFileSet()
			f.ast, err = parser.ParseFile(f.fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
		}
		all = append(all, f)
		return nil
	})
	return all, err
}

// goFiles returns the Go files of the tree.
func (t tree) goFiles() tree {
	return slices.DeleteFunc(slices.Clone(t), func(f *file) bool { return f.ast == nil })
}

// packages returns the Go files by folder.
func (t tree) packages() map[string]tree {
	all := map[string]tree{}
	for _, f := range t.goFiles() {
		all[f.dir()] = append(all[f.dir()], f)
	}
	return all
}

func (f *file) dir() string  { return path.Dir(f.path) }
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// at forms a finding at a place in a Go file.
func (f *file) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// inFile forms a finding about a whole file.
func (f *file) inFile(format string, args ...any) string {
	return f.path + ": " + fmt.Sprintf(format, args...)
}

// eachLine calls check with every line of every file and keeps what it
// returns, unless that is empty, as findings at that line.
func (t tree) eachLine(check func(f *file, line string) string) []string {
	var found []string
	for _, f := range t {
		n := 0
		for line := range strings.Lines(f.text) {
			n++
			if what := check(f, line); what != "" {
				found = append(found, fmt.Sprintf("%s:%d: %s", f.path, n, what))
			}
		}
	}
	return found
}

// isCall reports whether e calls the function name of the package whose
// import path ends in pkg, such as "time", "Sleep".
func isCall(e ast.Node, pkg, name string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}
