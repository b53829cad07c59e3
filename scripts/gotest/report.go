package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/weir-gateway/weir/internal/realpart"
)

// A report prints what matters of a test run as it comes and remembers what
// did not run.
type report struct {
	out     io.Writer
	pending map[testName][]string // :: output of tests that have not ended
	notRun  []skip
}

type testName struct{ pkg, test string }

func (n testName) String() string { return n.pkg + " " + n.test }

// A skip is one test that did not run.
type skip struct {
	test   testName
	reason string // "LEFT OUT: …", "OWN TARGET: …", or the test's own words
}

func newReport(out io.Writer) *report {
	return &report{out: &lockedWriter{w: out}, pending: map[testName][]string{}}
}

// A lockedWriter lets the copier of go's standard error and the reader of its
// standard output write to one place.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// event takes one event. Output of a package is printed at once, output of a
// test only if it fails.
func (r *report) event(e event) {
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "output":
		switch {
		case e.Test != "":
			r.pending[name] = append(r.pending[name], e.Output)
		case e.Output != "PASS\n" && !strings.Contains(e.Output, "[no test files]"):
			fmt.Fprint(r.out, e.Output)
		}
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "fail":
		for _, line := range r.pending[name] {
			fmt.Fprint(r.out, line)
		}
		delete(r.pending, name)
	case "skip":
		// An input that a fuzz target finds uninteresting is not a test left out.
		if e.Test != "" && !(strings.HasPrefix(e.Test, "Fuzz") && strings.Contains(e.Test, "/")) {
			r.notRun = append(r.notRun, skip{name, reason(r.pending[name])})
		}
		delete(r.pending, name)
	case "pass":
		delete(r.pending, name)
	}
}

// reason returns why a test was skipped, from its output: the words after
// "file.go:12: " on the last line that the test itself wrote.
func reason(output []string) string {
	found := "no reason given"
	for _, line := range output {
		text := strings.TrimSpace(line)
		if i := strings.Index(text, realpart.LeftOut); i >= 0 {
			return text[i:]
		}
		if i := strings.Index(text, realpart.OwnTarget); i >= 0 {
			return text[i:]
		}
		if file, rest, ok := strings.Cut(text, ".go:"); ok && !strings.Contains(file, " ") {
			if _, words, ok := strings.Cut(rest, ": "); ok {
				found = words
			}
		}
	}
	return found
}

// close prints what was not run and reports whether that fails the run.
func (r *report) close(strict bool) (failed bool) {
	for _, tests := range r.pending { // a test that never ended: its process died
		for _, line := range tests {
			fmt.Fprint(r.out, line)
		}
	}
	parts, own, others := map[string][]testName{}, map[string][]testName{}, map[string][]testName{}
	for _, s := range r.notRun {
		if what, ok := strings.CutPrefix(s.reason, realpart.LeftOut); ok {
			parts[what] = append(parts[what], s.test)
		} else if command, ok := strings.CutPrefix(s.reason, realpart.OwnTarget); ok {
			own[command] = append(own[command], s.test)
		} else {
			others[s.reason] = append(others[s.reason], s.test)
		}
	}
	fmt.Fprintln(r.out)
	if len(r.notRun) == 0 {
		fmt.Fprintln(r.out, "Nothing was left out.")
	}
	r.list("Left out, because a part is missing on this machine:", parts)
	r.list("Skipped for a reason of their own:", others)
	r.list("Run by a target of their own:", own)
	failed = strict && len(parts)+len(others) > 0
	if failed {
		fmt.Fprintf(r.out, "FAIL: with %s nothing may be left out (CONTRIBUTING.md, Add a test)\n", realpart.Strict)
	}
	return failed
}

// list prints one heading and what belongs under it, largest group first.
func (r *report) list(heading string, groups map[string][]testName) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintln(r.out, heading)
	names := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), cmp.Compare(a, b))
	})
	for _, name := range names {
		tests := groups[name]
		fmt.Fprintf(r.out, "  %s (%d, such as %s)\n", name, len(tests), tests[0])
	}
}
