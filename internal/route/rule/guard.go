package rule

import (
	"fmt"
	"reflect"
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
		msg = binary(n)
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
func binary(n *ast.BinaryNode) string {
	switch n.Operator {
	case "matches":
		if _, constant := n.Right.(*ast.StringNode); !constant {
			return "the pattern must stand here in quotes"
		}
	case "..":
		from, ok1 := n.Left.(*ast.IntegerNode)
		to, ok2 := n.Right.(*ast.IntegerNode)
		if !ok1 || !ok2 || to.Value-from.Value > maxRange {
			return fmt.Sprintf("a range needs two whole numbers, at most %d apart", maxRange)
		}
	case "+":
		if k := n.Type().Kind(); k == reflect.String || k == reflect.Interface {
			return "texts cannot be added"
		}
	}
	return ""
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
