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

	// Excerpt is the line of the value that is meant, and below it a caret at the
	// place in it. Empty if Pos says enough.
	Excerpt string
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
	if f.Excerpt != "" {
		b.WriteString("\n\t" + strings.ReplaceAll(f.Excerpt, "\n", "\n\t"))
	}
	if f.Remedy != "" {
		b.WriteString("\n\t" + f.Remedy)
	}
	return b.String()
}

// point makes f tell of a place in a value, which begins at f.Pos: a line and
// a column from 1. Source is the document. Where the value does not stand in it
// as it is, but escaped or on folded lines, only the excerpt tells the place.
func (f *Fault) point(source []byte, value string, line, column int) {
	lines := strings.Split(value, "\n")
	if line > len(lines) {
		return
	}
	const most = 120
	shown, at := []rune(strings.ReplaceAll(lines[line-1], "\t", " ")), min(column-1, len([]rune(lines[line-1])))
	if len(shown) > most {
		from := max(0, min(at-most/2, len(shown)-most))
		shown, at = shown[from:from+most], at-from
	}
	f.Excerpt = string(shown) + "\n" + strings.Repeat(" ", at) + "^"
	raw := strings.Split(string(source), "\n")
	for i, n := f.Pos.Line-1, 0; i >= 0 && i < len(raw) && n < len(lines); i++ {
		start := 0
		if i == f.Pos.Line-1 {
			start = min(len(string([]rune(raw[i])[:min(f.Pos.Column-1, len([]rune(raw[i])))])), len(raw[i]))
		}
		found := strings.Index(raw[i][start:], strings.ReplaceAll(lines[n], "$", "$$"))
		switch {
		case found < 0 && n > 0:
			return // it is written otherwise
		case found >= 0 && n == line-1:
			before := []rune(lines[n])[:min(column-1, len([]rune(lines[n])))]
			f.Pos.Line = i + 1
			f.Pos.Column = len([]rune(raw[i][:start+found])) + len(before) + strings.Count(string(before), "$") + 1
			return
		case found >= 0:
			n++
		}
	}
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
