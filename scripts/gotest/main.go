package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/weir-gateway/weir/internal/realpart"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	strict := os.Getenv(realpart.Strict)
	code, err := run(ctx, os.Args[1:], strict != "" && strict != "0", os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		code = 2
	}
	stop()
	os.Exit(code)
}

// run runs every spec in order, prints the closing list, and returns the exit
// code. An error means that go test could not be run at all.
func run(ctx context.Context, specs []string, strict bool, out io.Writer) (int, error) {
	specs = slices.DeleteFunc(slices.Clone(specs), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(specs) == 0 {
		return 0, errors.New(`nothing to run: name a folder, as in gotest ". -race"`)
	}
	rep := newReport(out)
	failed := false
	for _, spec := range specs {
		ok, err := goTest(ctx, spec, rep)
		if err != nil {
			return 0, err
		}
		failed = failed || !ok
	}
	skipped := rep.close(strict)
	if failed || skipped {
		return 1, nil
	}
	return 0, nil
}

// goTest runs go test once and reports whether it passed.
func goTest(ctx context.Context, spec string, rep *report) (bool, error) {
	dir, args := parseSpec(spec)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Stderr = rep.out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("starting go test in %s: %w", dir, err)
	}
	readErr := rep.read(stdout)
	if err := cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); ok {
			return false, nil
		}
		return false, fmt.Errorf("running go test in %s: %w", dir, err)
	}
	return true, readErr
}

// parseSpec splits one argument into the folder and the arguments of go. A
// word that begins with "-" is a flag; flags with a value are written with "=".
// The packages go first: behind a flag of the tests' own, go would not see
// them.
func parseSpec(spec string) (dir string, args []string) {
	words := strings.Fields(spec)
	packages, flags := []string{}, []string{}
	for _, w := range words[min(1, len(words)):] {
		if strings.HasPrefix(w, "-") {
			flags = append(flags, w)
		} else {
			packages = append(packages, w)
		}
	}
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	if len(words) > 0 {
		dir = words[0]
	}
	return dir, slices.Concat([]string{"test", "-json", "-count=1"}, packages, flags)
}

// An event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// read reports the events of one run until its output ends.
func (r *report) read(stdout io.Reader) error {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.event(e)
			} else {
				fmt.Fprintf(r.out, "%s", line) // not an event: go itself complains
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the output of go test: %w", err)
		}
	}
}
