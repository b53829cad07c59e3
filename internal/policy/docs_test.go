package policy

import (
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkPackageDoc demands exactly one comment per package, which says what
// the package does and what it does not: the second half is what keeps a
// package from growing into its neighbours.
func checkPackageDoc(all tree) []string {
	var found []string
	packages := all.packages()
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		var code, documented []*file
		for _, f := range packages[dir] {
			if f.isTest() {
				continue
			}
			code = append(code, f)
			if f.ast.Doc != nil {
				documented = append(documented, f)
			}
		}
		switch {
		case len(code) == 0: // a folder of tests alone
		case len(documented) == 0:
			found = append(found, dir+": no file has a package comment")
		case len(documented) > 1:
			found = append(found, documented[1].inFile("a second package comment, beside that of %s", documented[0].path))
		default:
			found = append(found, checkDocText(documented[0])...)
		}
	}
	return found
}

var negation = regexp.MustCompile(`(?i)\b(not|never|no|none|nor|neither|nothing|nobody|cannot|without)\b`)

func checkDocText(f *file) []string {
	var found []string
	text := f.ast.Doc.Text()
	if start := "Package " + f.ast.Name.Name + " "; f.ast.Name.Name != "main" && !strings.HasPrefix(text, start) {
		found = append(found, f.inFile("the package comment does not begin with %q", start))
	}
	if !strings.Contains(strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")), ". ") {
		found = append(found, f.inFile("the package comment is a single sentence: say what the package does and what it does not do"))
	}
	if !negation.MatchString(text) {
		found = append(found, f.inFile("the package comment does not say what the package does not do"))
	}
	return found
}

// emptyNames say nothing about what is inside, so anything ends up inside.
var emptyNames = []string{ // immutable
	"base", "common", "core", "helper", "helpers", "lib", "misc", "model", "models",
	"service", "services", "shared", "types", "util", "utils",
}

func checkPackageName(all tree) []string {
	var found []string
	packages := all.packages()
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if name := path.Base(dir); slices.Contains(emptyNames, name) {
			found = append(found, dir+": the name says nothing about what is inside")
		}
		for _, f := range packages[dir] {
			if name := strings.TrimSuffix(f.ast.Name.Name, "_test"); name != path.Base(dir) && slices.Contains(emptyNames, name) {
				found = append(found, f.at(f.ast.Name.Pos(), "the package name %s says nothing about what is inside", name))
			}
		}
	}
	return found
}

// declarations calls visit with every top-level declaration of kind D.
func declarations[D ast.Decl](f *file, visit func(D)) {
	for _, decl := range f.ast.Decls {
		if d, ok := decl.(D); ok {
			visit(d)
		}
	}
}
