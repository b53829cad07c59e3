package policy

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// may says what the code of a package may import beside the standard library
// and its own folder.
type may struct {
	ours   []string // folders; a pattern in the form of path.Match, or "..." for any package of the product
	others []string // import paths of other modules' packages
	tests  []string // folders that its tests may import in addition
}

// The other modules' packages by the names that the table uses.
const (
	jsonTokens = "github.com/go-json-experiment/json/jsontext"
	schema     = "github.com/google/jsonschema-go/jsonschema"
	cobra      = "github.com/spf13/cobra"
	gzip       = "github.com/klauspost/compress/gzip"
	zstd       = "github.com/klauspost/compress/zstd"
	websocket  = "github.com/coder/websocket"
	fsnotify   = "github.com/fsnotify/fsnotify"
)

// The YAML library is one thing in several packages.
var yaml = []string{ // immutable
	"github.com/goccy/go-yaml",
	"github.com/goccy/go-yaml/ast",
	"github.com/goccy/go-yaml/lexer",
	"github.com/goccy/go-yaml/parser",
	"github.com/goccy/go-yaml/token",
}

// The language of rules is one thing in several packages.
var exprLang = []string{ // immutable
	"github.com/expr-lang/expr",
	"github.com/expr-lang/expr/ast",
	"github.com/expr-lang/expr/file",
	"github.com/expr-lang/expr/vm",
}

// domain packages keep what Weir knows about tenants and their use.
var domain = []string{"internal/auth", "internal/limit", "internal/ledger", "internal/responsestore", "internal/audit"} // immutable

// importTable is the table of docs/ARCHITECTURE.md. The key is a folder or a
// pattern of folders. A package that is not in it may not exist: whoever adds
// one says here what it may know.
var importTable = map[string]may{ // immutable
	"internal/llm":        {},
	"internal/pin":        {},
	"internal/retry":      {ours: []string{"internal/llm"}},
	"internal/estimate":   {ours: []string{"internal/llm"}},
	"internal/health":     {ours: []string{"internal/llm"}},
	"internal/sse":        {},
	"internal/simulator":  {others: []string{websocket}},
	"internal/form":       {},
	"internal/spool":      {},
	"internal/secret":     {},
	"internal/registry":   {},
	"internal/watch":      {others: []string{fsnotify}},
	"internal/jsonscan":   {others: []string{jsonTokens}},
	"internal/jsontree":   {ours: []string{"internal/jsonscan"}},
	"internal/price":      {ours: []string{"internal/llm"}},
	"internal/route":      {ours: []string{"internal/route/rule", "internal/llm", "internal/price", "internal/health"}},
	"internal/dialect":    {ours: []string{"internal/llm", "internal/sse", "internal/jsonscan", "internal/jsontree"}},
	"internal/route/rule": {others: exprLang},
	"internal/dialect/*": {
		ours:  []string{"internal/dialect", "internal/llm", "internal/sse", "internal/jsonscan", "internal/jsontree"},
		tests: []string{"internal/simulator"},
	},
	"internal/upstream":   {ours: []string{"internal/llm", "internal/tunnel"}},
	"internal/tunnel":     {ours: []string{"internal/llm"}, others: []string{websocket}},
	"internal/capability": {ours: []string{"internal/llm", "internal/jsonscan", "internal/jsontree"}},

	"internal/auth":          {ours: []string{"internal/llm", "internal/price"}},
	"internal/limit":         {ours: []string{"internal/llm", "internal/price"}},
	"internal/ledger":        {ours: []string{"internal/llm", "internal/price"}},
	"internal/responsestore": {ours: []string{"internal/secret"}, tests: []string{"internal/responsestore/storetest"}},
	"internal/audit":         {ours: []string{"internal/llm", "internal/price"}},
	"internal/store": {
		ours:   append([]string{"internal/pin", "internal/secret"}, domain...),
		others: []string{"github.com/pressly/goose/v3", "modernc.org/sqlite", "modernc.org/sqlite/lib", "golang.org/x/sys/windows"},
		tests:  []string{"internal/responsestore/storetest"},
	},

	"internal/gateway": {
		ours: append([]string{
			"internal/llm", "internal/pin", "internal/sse", "internal/jsonscan", "internal/price", "internal/route",
			"internal/dialect", "internal/dialect/*", "internal/upstream", "internal/tunnel", "internal/form", "internal/spool", "internal/capability", "internal/estimate", "internal/retry", "internal/health",
		}, domain...),
		others: []string{gzip, zstd},
		tests:  []string{"internal/app", "internal/config", "internal/secret"}, // some set up more than gatetest does
	},

	"internal/config":    {ours: []string{"internal/secret", "internal/route/rule", "internal/capability"}, others: yaml},
	"internal/admin":     {ours: append([]string{"internal/config", "internal/llm", "internal/price", "internal/route", "internal/upstream"}, domain...)},
	"internal/web":       {ours: []string{"internal/admin"}},
	"internal/listen":    {ours: []string{"internal/llm"}},
	"internal/telemetry": {ours: []string{"internal/llm", "internal/ledger"}}, // the log line of an exchange is its entry

	"internal/app":      {ours: []string{"..."}},
	"internal/gatetest": {ours: []string{"..."}},
	"cmd/weir":          {ours: []string{"..."}, others: []string{cobra, schema}},

	// Not part of the product.
	"internal/dialect/dialecttest": {
		ours:   []string{"internal/dialect", "internal/llm", "internal/sse", "internal/jsonscan", "internal/jsontree"},
		others: []string{"github.com/google/go-cmp/cmp", "github.com/santhosh-tekuri/jsonschema/v6"},
	},
	"internal/responsestore/storetest": {ours: []string{"internal/responsestore"}},

	"internal/realpart": {},
	"internal/policy":   {},
	"internal/doctest":  {},
	"scripts/gotest":    {ours: []string{"internal/realpart"}},
	"bench":             {ours: []string{"bench/internal/*"}},
	"bench/*":           {ours: []string{"bench/internal/*"}},
	"bench/internal/*":  {ours: []string{"bench/internal/*"}},
	"test/conformance":  {},
	"test/faults":       {tests: []string{"internal/gateway", "internal/telemetry"}},
	"test/e2e":          {ours: []string{"internal/realpart"}},
	"test/e2e/*":        {ours: []string{"internal/realpart"}},
}

// onlyFrom names the packages that few may import, whatever the table says.
// The first column is a pattern.
var onlyFrom = map[string][]string{ // immutable
	"internal/gateway":             {"internal/app", "internal/gatetest"},
	"internal/simulator":           {"internal/app", "internal/gatetest", "cmd/weir"},
	"internal/gatetest":            {},
	"internal/dialect/dialecttest": {},

	"internal/responsestore/storetest": {},

	"internal/realpart": {"scripts/gotest"},
	"internal/policy":   {},
	"internal/doctest":  {},
}

// What the tests of any package may import in addition.
var (
	testOurs   = []string{"internal/gatetest", "internal/simulator", "internal/realpart", "internal/dialect/dialecttest", "internal/llm", "internal/ledger"} // immutable
	testOthers = []string{                                                                                                                                   // immutable; each with everything below it
		"github.com/go-json-experiment/json",
		"github.com/google/go-cmp/cmp",
		"github.com/google/jsonschema-go",
		"github.com/rogpeppe/go-internal",
		"github.com/santhosh-tekuri/jsonschema/v6",
		"go.uber.org/goleak",
		"github.com/coder/websocket", // the other side of a socket
	}
	// The clients under test, in a module of their own.
	e2eOthers = []string{"github.com/openai/openai-go/v3", "github.com/anthropics/anthropic-sdk-go", "github.com/coder/websocket"} // immutable
)

func checkImports(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		rule, ok := lookUp(importTable, f.dir())
		if !ok {
			found = append(found, f.inFile("package %s is not in the import table of internal/policy", f.dir()))
			continue
		}
		for _, spec := range f.ast.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil || allowed(f, rule, target) {
				continue
			}
			found = append(found, f.at(spec.Pos(), "%s may not import %s", kind(f), target))
		}
	}
	return found
}

func kind(f *file) string {
	if f.isTest() {
		return "a test of " + f.dir()
	}
	return f.dir()
}

// lookUp finds a folder in a table of patterns; its own name goes first.
func lookUp[V any](table map[string]V, dir string) (V, bool) {
	if v, ok := table[dir]; ok {
		return v, true
	}
	for pattern, v := range table {
		if ok, _ := path.Match(pattern, dir); ok {
			return v, true
		}
	}
	var none V
	return none, false
}

func allowed(f *file, rule may, target string) bool {
	folder, ours := strings.CutPrefix(target, module+"/")
	first, _, _ := strings.Cut(target, "/")
	switch {
	case ours:
		return allowedOurs(f, rule, folder)
	case !strings.Contains(first, "."):
		return true // the standard library
	case slices.Contains(rule.others, target):
		return true
	case strings.HasPrefix(f.path, "test/e2e/") && anyAbove(e2eOthers, target):
		return true
	}
	return f.isTest() && anyAbove(testOthers, target)
}

func allowedOurs(f *file, rule may, folder string) bool {
	if folder == f.dir() {
		return true // an external test of its own package
	}
	if f.isTest() && (slices.Contains(testOurs, folder) || slices.Contains(rule.tests, folder)) {
		return true
	}
	if few, ok := lookUp(onlyFrom, folder); ok && !f.isTest() && !slices.Contains(few, f.dir()) {
		return false
	}
	return slices.ContainsFunc(rule.ours, func(pattern string) bool {
		if pattern == "..." {
			return strings.HasPrefix(folder, "internal/")
		}
		ok, _ := path.Match(pattern, folder)
		return ok
	})
}

// anyAbove reports whether target is one of the paths or lies below one.
func anyAbove(paths []string, target string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		return target == p || strings.HasPrefix(target, p+"/")
	})
}

// checkDependenciesAreExplained demands a line of reason in docs/adr for
// every module that a go.mod of the repository names, and for every one that
// is imported while go.mod still calls it indirect.
func checkDependenciesAreExplained(all tree) []string {
	var reasons strings.Builder
	for _, f := range all {
		if strings.HasPrefix(f.path, "docs/adr/") {
			reasons.WriteString(f.text)
		}
	}
	var found []string
	for _, f := range all {
		if path.Base(f.path) != "go.mod" || strings.Contains(f.path, "testdata/") {
			continue
		}
		for _, mod := range required(f.text) {
			if (mod.direct || imported(all, f.dir(), mod.path)) && !strings.Contains(reasons.String(), mod.path) {
				found = append(found, f.inFile("%s has no line of reason in docs/adr", mod.path))
			}
		}
	}
	return found
}

type requirement struct {
	path   string
	direct bool
}

// required reads the requirements and tools of a go.mod.
func required(text string) []requirement {
	var all []requirement
	block := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case line == ")":
			block = ""
			continue
		case rest == "(":
			block = verb
			continue
		case block != "":
			verb, rest = block, line
		}
		if verb != "require" || strings.HasPrefix(rest, "//") || rest == "" {
			continue
		}
		name, _, _ := strings.Cut(rest, " ")
		all = append(all, requirement{name, !strings.HasSuffix(rest, "// indirect")})
	}
	return all
}

// imported reports whether a Go file in the module at dir imports a package
// of the module mod.
func imported(all tree, dir, mod string) bool {
	for _, f := range all.goFiles() {
		owner := "."
		if strings.HasPrefix(f.path, "test/e2e/") {
			owner = "test/e2e"
		}
		if owner != dir {
			continue
		}
		for _, spec := range f.ast.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if anyAbove([]string{mod}, target) {
				return true
			}
		}
	}
	return false
}
