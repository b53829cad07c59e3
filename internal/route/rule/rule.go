package rule

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // zones must be known wherever Weir runs

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// What a condition may cost.
const (
	maxSource = 4096   // bytes
	maxNodes  = 512    // of its syntax tree
	maxMemory = 10_000 // elements that it makes while it runs
	maxRange  = 1000   // numbers in a..b
	maxSteps  = 1000   // of its patterns together, for each character of a text
	maxText   = 4096   // bytes of a text that the client has sent
)

// builtins are the functions of the language that a condition may call, beside
// those of clock.go. All of them look at each element at most once, and make
// nothing larger than what they are given.
var builtins = []string{ // immutable
	"all", "any", "none", "one", "count", "filter", "find", "len", "min", "max", "abs", "lower", "upper", "trim",
}

// Options say what a condition may name.
type Options struct {
	// Headers are the names of those that may be read.
	Headers []string

	// Zone is that of hour(now), where a condition names none. Nil is UTC.
	Zone *time.Location
}

// A Condition is compiled. It is immutable and may be asked by many goroutines
// at once.
type Condition struct {
	program *vm.Program
	targets bool
}

// An Error is what is wrong with a condition, and where.
type Error struct {
	Line, Column int // in characters, from 1
	Msg          string
}

// Error returns what is wrong, after the place.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg) }

// Compile checks and compiles a condition. Its error is an *[Error].
func Compile(source string, o Options) (*Condition, error) {
	if len(source) > maxSource {
		return nil, &Error{1, 1, fmt.Sprintf("is longer than %d bytes", maxSource)}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	g := &guard{headers: o.Headers, clock: clock{"": o.Zone}}
	options := []expr.Option{
		expr.Env(Env{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(g),
		expr.Function("hour", g.clock.hour, new(func(time.Time) int), new(func(time.Time, string) int)),
		expr.Function("weekday", g.clock.weekday, new(func(time.Time) string), new(func(time.Time, string) string)),
		expr.Function("date", g.clock.date, new(func(time.Time) string), new(func(time.Time, string) string)),
	}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(source, options...)
	switch {
	case g.end() != nil: // found on the way
		return nil, place(g.fault.Bind(file.NewSource(source)))
	case err != nil:
		return nil, place(err)
	}
	return &Condition{program, g.targets}, nil
}

// place returns an error of the language as one of ours.
func place(err error) *Error {
	e, ok := errors.AsType[*file.Error](err)
	if !ok {
		return &Error{1, 1, err.Error()}
	}
	return &Error{max(e.Line, 1), e.Column + 1, e.Message}
}

// Targets reports whether the condition looks at targets, so that [Env.Targets]
// must be there.
func (c *Condition) Targets() bool { return c.targets }

// Holds asks the condition. An error says that it cannot be asked of e: it
// looks at the first of no roles, for example.
func (c *Condition) Holds(e *Env) (bool, error) {
	machine := vm.VM{MemoryBudget: maxMemory}
	v, err := machine.Run(c.program, e.bounded())
	if err != nil {
		return false, place(err)
	}
	holds, ok := v.(bool)
	if !ok {
		return false, &Error{1, 1, "is neither true nor false"} // nothing that Compile lets pass
	}
	return holds, nil
}
