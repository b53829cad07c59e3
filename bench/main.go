package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/weir-gateway/weir/bench/internal/mock"
)

// options are the flags.
type options struct {
	weir, proxy, nginx string
	also               list // name=program, other builds of Weir
	peers, figures     list // empty: all
	rounds             int  // 0: what the scale says
	cpu                int
	quick              bool
	length             time.Duration // of one measurement; 0: what the scale says
	json               string
}

// A list is a flag that may be given more than once, or once with commas.
type list []string

// String implements [flag.Value].
func (l *list) String() string { return strings.Join(*l, ",") }

// Set implements [flag.Value].
func (l *list) Set(s string) error {
	*l = append(*l, strings.Split(s, ",")...)
	return nil
}

// picks reports whether name is in the list. An empty list has everything.
func (l *list) picks(name string) bool {
	return len(*l) == 0 || slices.Contains(*l, name)
}

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// command is main with an error. An interrupt ends the run and stops the
// peers; what was measured until then is still printed.
func command(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	opts, err := parseFlags(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return run(ctx, opts, os.Stdout, os.Stderr)
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.weir, "weir", "", "program of Weir; empty: left out")
	fs.StringVar(&o.proxy, "proxy", "", "program built from bench/proxy; empty: left out")
	fs.StringVar(&o.nginx, "nginx", "", "program of nginx; empty: left out")
	fs.Var(&o.also, "also", "another build of Weir to compare, `name=program`; may be repeated")
	fs.Var(&o.peers, "peers", "measure only these peers, by `name`")
	fs.Var(&o.figures, "figures", "take only these figures, by `name`: "+strings.Join(taskNames(fullScale()), ", "))
	fs.IntVar(&o.rounds, "rounds", 0, "number of rounds; 0: 21, or 2 with -quick")
	fs.IntVar(&o.cpu, "cpu", 1, "the processor of the peer that is measured; negative: any. Start this program on another")
	fs.BoolVar(&o.quick, "quick", false, "two short rounds with fewer streams, to see that all works")
	fs.DurationVar(&o.length, "for", 0, "measure every figure for this long at a time, up to 90s, to watch a peer meanwhile")
	fs.StringVar(&o.json, "json", "", "write every sample to this `file` too")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.length < 0 || o.length > longest {
		return o, fmt.Errorf("-for %v: not between 0 and %v", o.length, longest)
	}
	return o, nil
}

// longest is less than a connection of package load may live.
const longest = 90 * time.Second

// limit bounds a whole run, far above what one takes.
const limit = 30 * time.Minute

// chooseScale returns how much o asks for.
func chooseScale(o options) scale {
	s := fullScale()
	if o.quick {
		s = quickScale()
	}
	if o.rounds > 0 {
		s.rounds = o.rounds
	}
	if o.length > 0 {
		s.whole, s.events = o.length, int(o.length/s.every)
	}
	return s
}

// run measures and writes the report to out and its progress to progress. It
// returns an error if anything could not be measured, after the report of
// what could.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := chooseScale(o)
	raiseDescriptors(&s, progress)
	peers, err := choosePeers(o)
	if err != nil {
		return err
	}
	if runtime.GOMAXPROCS(0) != 1 {
		fmt.Fprintln(progress, "bench: not bound to one processor: the generator may disturb the peer; bench/run.sh sees to that")
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	upstream, err := mock.Listen(ctx, "127.0.0.1:0", targetModel)
	if err != nil {
		return err
	}
	defer upstream.Close()

	b := newBench(o, s, peers, upstream, dir, progress)
	started := time.Now()
	err = b.run(ctx)
	r := b.report(started)
	if werr := r.markdown(out); werr != nil {
		return errors.Join(err, werr)
	}
	if o.json != "" {
		if werr := r.writeJSON(o.json); werr != nil {
			return errors.Join(err, werr)
		}
	}
	if err == nil && len(r.Failures) > 0 {
		err = fmt.Errorf("%d figures could not be taken; see the report", len(r.Failures))
	}
	return err
}
