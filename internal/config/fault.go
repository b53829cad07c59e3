package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFaults is how many faults one document reports; more help nobody.
const maxFaults = 100

// A Pos is a place in a source.
type Pos struct {
	File   string // a file, a flag ("--listen") or an environment variable ("BODY_LIMIT")
	Line   int    // from 1; 0 where the source has no lines
	Column int    // in characters, from 1; 0 where the source has no lines
}

// String returns "file:line:column", or the file alone.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Fault is one thing that is wrong with a configuration, or worth a warning.
// None of its texts contains a secret or the value of a reference.
type Fault struct {
	Pos    Pos
	Path   string // the value meant, as in "upstreams[0].auth"; "" is the whole document
	Msg    string // what is wrong
	Remedy string // what to do about it
}

// String returns the fault on two lines: what is wrong, and indented the
// remedy.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Pos.String())
	if f.Path != "" {
		b.WriteString(": " + f.Path)
	}
	b.WriteString(": " + f.Msg)
	if f.Remedy != "" {
		b.WriteString("\n\t" + f.Remedy)
	}
	return b.String()
}

// Faults is everything that is wrong with a configuration, by position. It is
// an error if it is not empty.
type Faults []Fault //nolint:errname // the word of the package; a list is more than an error

// Error returns all faults, one below the other.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders faults by source and position; those of the environment and
// of flags come first. It keeps the first maxFaults.
func sorted(fs []Fault) []Fault {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(min(a.Pos.Line, 1), min(b.Pos.Line, 1)),
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
		)
	})
	if len(fs) > maxFaults {
		more := fmt.Sprintf("%d more faults follow", len(fs)-maxFaults)
		fs = append(fs[:maxFaults:maxFaults], Fault{Pos: fs[maxFaults].Pos, Msg: more, Remedy: "mend those above first"})
	}
	return fs
}
