package policy

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// checkNoInit forbids work that happens because a package is linked in:
// whoever needs it calls it.
func checkNoInit(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		declarations(f, func(d *ast.FuncDecl) {
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, f.at(d.Pos(), "init function"))
			}
		})
	}
	return found
}

// checkVariables forbids package variables that could change while the
// program runs. Allowed are errors, compiled regular expressions, embedded
// files, and whatever a comment calls immutable: a promise of the author,
// which a reader can hold the code to. Tests may keep their flags.
func checkVariables(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		if f.isTest() {
			continue
		}
		declarations(f, func(d *ast.GenDecl) {
			if d.Tok != token.VAR || promised(d.Doc) {
				return
			}
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && !promised(v.Doc) && !f.promisedBeside(v) && !cannotChange(v) {
					found = append(found, f.at(v.Pos(), "package variable %s is neither an error, a regular expression nor embedded, and no comment calls it immutable", v.Names[0].Name))
				}
			}
		})
	}
	return found
}

// promised reports whether a comment calls its variable immutable or embeds
// a file in it.
func promised(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ") || strings.Contains(c.Text, "immutable")
	})
}

// promisedBeside reports whether a comment on the first or the last line of v
// does.
func (f *file) promisedBeside(v ast.Node) bool {
	first, last := f.fset.Position(v.Pos()).Line, f.fset.Position(v.End()).Line
	return slices.ContainsFunc(f.ast.Comments, func(group *ast.CommentGroup) bool {
		line := f.fset.Position(group.Pos()).Line
		return (line == first || line == last) && promised(group)
	})
}

func cannotChange(v *ast.ValueSpec) bool {
	if !slices.ContainsFunc(v.Names, func(name *ast.Ident) bool { return name.Name != "_" }) {
		return true // a check at compile time
	}
	return len(v.Values) > 0 && !slices.ContainsFunc(v.Values, func(e ast.Expr) bool {
		return !isCall(e, "errors", "New") && !isCall(e, "regexp", "MustCompile")
	})
}

// startsGoroutines names the packages that may start goroutines: each has an
// owner in it that waits for them.
var startsGoroutines = map[string]string{ // immutable
	"cmd/weir":           "runs a command until a signal, and waits unless a second one comes",
	"internal/app":       "runs listeners and workers, and waits for them in Run",
	"internal/listen":    "serves each socket, and waits in Shutdown",
	"internal/upstream":  "watches calls in flight and health",
	"internal/tunnel":    "pumps messages between two sockets, and waits for its pumps in Run",
	"internal/gateway":   "tells clients of silent streams that they are still there, and stops that before the exchange ends",
	"internal/health":    "asks upstreams whether they are there, and waits for that in Close",
	"internal/telemetry": "writes log lines when it is time, and stops that in Close",
	"internal/ledger":    "writes entries behind the exchange",
	"internal/store":     "writes for all, and ends in Close",
	"internal/simulator": "reads a socket while it answers, and waits when it ends",
	"internal/gatetest":  "runs a gateway for a test, and stops it in Cleanup",

	// Not part of the product.
	"bench/*":          "drives load",
	"bench/internal/*": "drives load",
	"test/e2e":         "runs clients and servers for tests",

	"internal/responsestore/storetest": "asks a backend from several sides, and waits",
}

// checkGoroutines demands that only those packages start goroutines. Tests may
// anywhere: goleak watches them.
func checkGoroutines(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		if _, ok := lookUp(startsGoroutines, f.dir()); ok || f.isTest() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, _ := n.(*ast.CallExpr)
			switch {
			case n == nil:
			case isGo(n):
				found = append(found, f.at(n.Pos(), "%s may not start goroutines", f.dir()))
			case call != nil && isWaitGroupGo(call):
				found = append(found, f.at(n.Pos(), "%s may not start goroutines", f.dir()))
			case isCall(n, "time", "AfterFunc"):
				found = append(found, f.at(n.Pos(), "%s may not start goroutines, and a timer's function runs in one", f.dir()))
			}
			return true
		})
	}
	return found
}

func isGo(n ast.Node) bool {
	_, ok := n.(*ast.GoStmt)
	return ok
}

// isWaitGroupGo recognises wg.Go(f) by its shape: sync.WaitGroup, errgroup.
func isWaitGroupGo(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Go" && len(call.Args) == 1
}

// checkNoSleep forbids tests that wait by the clock: they are slow on a good
// day and fail on a bad one. Inside synctest.Test the clock is the test's own,
// and sleeping is how it is moved.
func checkNoSleep(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		if !f.isTest() && f.dir() != "internal/gatetest" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if n != nil && isCall(n, "synctest", "Test") {
				return false
			}
			if n != nil && isCall(n, "time", "Sleep") {
				found = append(found, f.at(n.Pos(), "time.Sleep in a test"))
			}
			return true
		})
	}
	return found
}

// checkNoRoundTripper forbids upstreams that are not reached over a socket:
// sockets have the bugs.
func checkNoRoundTripper(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		if !f.isTest() && f.dir() != "internal/gatetest" {
			continue
		}
		declarations(f, func(d *ast.FuncDecl) {
			if d.Recv != nil && d.Name.Name == "RoundTrip" {
				found = append(found, f.at(d.Pos(), "a test stands in for an http.RoundTripper: use the simulator over a socket"))
			}
		})
	}
	return found
}

// Nobody reads past these.
const (
	maxFileLines = 900 // of a file that is not a test; 500 is what to aim at
	maxFuncLines = 150 // 60 is what to aim at
)

func checkSize(all tree) []string {
	var found []string
	for _, f := range all.goFiles() {
		if lines := strings.Count(f.text, "\n"); lines > maxFileLines && !f.isTest() {
			found = append(found, f.inFile("%d lines, the limit is %d", lines, maxFileLines))
		}
		declarations(f, func(d *ast.FuncDecl) {
			lines := f.fset.Position(d.End()).Line - f.fset.Position(d.Pos()).Line + 1
			if lines > maxFuncLines {
				found = append(found, f.at(d.Pos(), "%s has %d lines, the limit is %d", d.Name.Name, lines, maxFuncLines))
			}
		})
	}
	return found
}
