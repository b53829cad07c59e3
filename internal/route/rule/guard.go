package rule

import (
	"fmt"
	"reflect"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// A guard looks at each part of a condition while it is compiled, for what
// could cost much and for what only the configuration knows. It remembers the
// first fault.
type guard struct {
	headers []string
	clock   clock
	targets bool
	steps   int                     // of all patterns together
	ranges  map[ast.Node]file.Error // those that stand behind no `in`, so far
	fault   *file.Error
}

// Visit looks at one part.
func (g *guard) Visit(node *ast.Node) {
	msg := ""
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		msg = g.identifier(n)
	case *ast.CallNode:
		msg = g.call(n)
	case *ast.BuiltinNode:
		if !slices.Contains(builtins, n.Name) { // some cannot be disabled
			msg = "unknown name " + n.Name
		}
	case *ast.BinaryNode:
		msg = g.binary(n)
	case *ast.PredicateNode:
		if nested(n) {
			msg = "a condition on each element cannot hold another one"
		}
	case *ast.VariableDeclaratorNode:
		msg = "let is not allowed: write the expression where it is used"
	case *ast.SequenceNode:
		msg = "one condition is wanted, without ;"
	}
	if msg != "" && g.fault == nil {
		g.fault = &file.Error{Location: (*node).Location(), Message: msg}
	}
}

// end returns the first fault, once all parts have been looked at.
func (g *guard) end() *file.Error {
	for _, loose := range g.ranges {
		if g.fault == nil || loose.From < g.fault.From {
			g.fault = &loose
		}
	}
	return g.fault
}

func (g *guard) identifier(n *ast.IdentifierNode) string {
	switch n.Value {
	case "$env":
		return "$env is not allowed: name what is wanted"
	case "targets":
		g.targets = true
	}
	return ""
}

// call checks what is called, and with what.
func (g *guard) call(n *ast.CallNode) string {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return "methods cannot be called"
	}
	named := 0 // the argument that is a name
	switch callee.Value {
	case "header":
	case "hour", "weekday", "date":
		named = 1
	default:
		return ""
	}
	if len(n.Arguments) <= named {
		return ""
	}
	name, constant := n.Arguments[named].(*ast.StringNode)
	if !constant {
		return "the name must stand here in quotes"
	}
	if named == 1 {
		return g.zone(name.Value)
	}
	if !slices.ContainsFunc(g.headers, func(h string) bool { return strings.EqualFold(h, name.Value) }) {
		return fmt.Sprintf("the header %.64q is not among routing.headers", name.Value)
	}
	return ""
}

// zone notes a zone that a condition names.
func (g *guard) zone(name string) string {
	if g.clock[name] != nil {
		return ""
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return fmt.Sprintf("there is no time zone %.64q: write one as Europe/Berlin", name)
	}
	g.clock[name] = zone
	return ""
}

// binary checks operators that can make much of little.
func (g *guard) binary(n *ast.BinaryNode) string {
	switch n.Operator {
	case "in":
		delete(g.ranges, n.Right)
	case "matches":
		pattern, constant := n.Right.(*ast.StringNode)
		if !constant {
			return "the pattern must stand here in quotes"
		}
		if g.steps += steps(pattern.Value); g.steps > maxSteps {
			return "the pattern is too large: it repeats too much"
		}
	case "..":
		from, ok1 := n.Left.(*ast.IntegerNode)
		to, ok2 := n.Right.(*ast.IntegerNode)
		if !ok1 || !ok2 || to.Value-from.Value > maxRange {
			return fmt.Sprintf("a range needs two whole numbers, at most %d apart", maxRange)
		}
		if g.ranges == nil {
			g.ranges = map[ast.Node]file.Error{}
		}
		g.ranges[n] = file.Error{Location: n.Location(), Message: "a range can stand behind `in` alone: hour(now) in 9..17"}
	case "+":
		if k := n.Type().Kind(); k == reflect.String || k == reflect.Interface {
			return "texts cannot be added"
		}
	}
	return ""
}

// steps returns how many steps a regular expression takes for each character of
// a text, at most. Of one that is none, the compiler tells.
func steps(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// nested reports whether there is another condition on elements in n.
func nested(n *ast.PredicateNode) bool {
	f := finder{}
	ast.Walk(&n.Node, &f)
	return f.found
}

type finder struct{ found bool }

func (f *finder) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok {
		f.found = true
	}
}
