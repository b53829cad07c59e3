package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/weir-gateway/weir/bench/internal/mock"
	"github.com/weir-gateway/weir/bench/internal/stats"
)

// A bench is one run.
type bench struct {
	opts     options
	scale    scale
	peers    []peer
	mock     *mock.Server
	dir      string // for everything that peers need; removed after the run
	progress io.Writer

	samples  map[string]map[string]series // :: figure → peer → samples
	failures []failure
	load     [2]string // /proc/loadavg before and after
}

// A series is what one task found out about one peer.
type series struct {
	task   string
	rounds []float64 // NaN if not taken
}

// A failure is one figure that could not be taken of one peer.
type failure struct {
	Peer  string `json:"peer"`
	Task  string `json:"task"`
	Round int    `json:"round"` // from 1
	Error string `json:"error"`
}

// newBench returns a run that has not begun. It owns neither upstream nor dir.
func newBench(o options, s scale, peers []peer, upstream *mock.Server, dir string, progress io.Writer) *bench {
	return &bench{
		opts: o, scale: s, peers: peers, mock: upstream, dir: dir, progress: progress,
		samples: make(map[string]map[string]series),
	}
}

// run goes through all rounds, or until ctx ends.
func (b *bench) run(ctx context.Context) error {
	b.load[0] = loadAverage()
	defer func() { b.load[1] = loadAverage() }()
	for round := range b.scale.rounds {
		fmt.Fprintf(b.progress, "bench: round %d of %d\n", round+1, b.scale.rounds)
		if err := b.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// round takes every figure of every peer: those that start a peer of their
// own with nothing else running, because two instances of one program share
// pages, and those of running peers with all of them running, so that turns
// follow each other closely. Which of the two comes first alternates.
func (b *bench) round(ctx context.Context, round int) error {
	parts := []func(context.Context, int) error{b.liveTasks}
	if round%b.scale.freshEvery == 0 {
		parts = append(parts, b.freshTasks)
	}
	for _, part := range stats.Rotate(parts, round/b.scale.freshEvery) {
		if err := part(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// freshTasks takes the figures of tasks that start peers themselves.
func (b *bench) freshTasks(ctx context.Context, round int) error {
	for _, t := range b.chosen(true) {
		for _, p := range stats.Rotate(b.peers, round) {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.take(ctx, t, &instance{peer: p}, round)
		}
	}
	return ctx.Err()
}

// liveTasks starts every peer, takes the figures of running peers, and stops
// them. The order of figures and of peers rotates with the round.
func (b *bench) liveTasks(ctx context.Context, round int) error {
	todo := stats.Rotate(b.chosen(false), round)
	if len(todo) == 0 {
		return nil
	}
	live := make(map[string]*instance)
	defer func() {
		for _, in := range live {
			in.stop()
		}
	}()
	for _, p := range stats.Rotate(b.peers, round) {
		in, err := b.start(ctx, p)
		if err != nil {
			b.fail(p.name, "start", round, err)
			continue
		}
		live[p.name] = in
	}
	for i, t := range todo {
		for _, in := range b.turns(t, live, round+i) {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.take(ctx, t, in, round)
		}
	}
	return ctx.Err()
}

// chosen returns the tasks that the flags ask for, those with fresh peers or
// the others.
func (b *bench) chosen(fresh bool) []task {
	var out []task
	for _, t := range tasks(b.scale) {
		if t.fresh == fresh && b.opts.figures.picks(t.name) {
			out = append(out, t)
		}
	}
	return out
}

// turns returns who is measured by t, in the order of this turn. A peer that
// has not started is missing.
func (b *bench) turns(t task, live map[string]*instance, turn int) []*instance {
	var out []*instance
	for _, p := range b.peers {
		if in := live[p.name]; in != nil && (p.gateway || !t.gateways) {
			out = append(out, in)
		}
	}
	if t.direct {
		out = append(out, &instance{peer: peer{name: directName}, addr: b.mock.Addr()})
	}
	return stats.Rotate(out, turn)
}

// take takes the figures of t of one peer and keeps them, or the failure. A
// peer that has failed in a task is not given another try at it.
func (b *bench) take(ctx context.Context, t task, in *instance, round int) {
	if b.failed(in.name, t.name) {
		return
	}
	got, err := t.run(ctx, b, in)
	if err != nil {
		b.fail(in.name, t.name, round, fmt.Errorf("%w; it printed: %s", err, in.tail()))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		b.keep(key, in.name, t.name, round, got[key])
		fmt.Fprintf(b.progress, "  %s %s %.1f\n", in.name, key, got[key])
	}
	if err := in.trim(); err != nil {
		b.fail(in.name, t.name, round, err)
	}
}

// keep stores one sample of the figure key.
func (b *bench) keep(key, name, task string, round int, value float64) {
	if b.samples[key] == nil {
		b.samples[key] = make(map[string]series)
	}
	s, ok := b.samples[key][name]
	if !ok {
		s = series{task: task, rounds: b.none()}
		b.samples[key][name] = s
	}
	s.rounds[round] = value
}

// taken returns the samples of a figure, one per round, NaN where there is
// none.
func (b *bench) taken(key, name string) []float64 {
	if s, ok := b.samples[key][name]; ok {
		return s.rounds
	}
	return b.none()
}

// none returns the samples of a figure that was not taken.
func (b *bench) none() []float64 {
	return slices.Repeat([]float64{math.NaN()}, b.scale.rounds)
}

// fail notes that a task failed with a peer and drops what it had found out
// about that peer in earlier rounds.
func (b *bench) fail(name, task string, round int, err error) {
	fmt.Fprintf(b.progress, "  %s %s FAILED: %v\n", name, task, err)
	b.failures = append(b.failures, failure{Peer: name, Task: task, Round: round + 1, Error: err.Error()})
	for _, peers := range b.samples {
		if peers[name].task == task {
			delete(peers, name)
		}
	}
}

// failed reports whether a task has failed with a peer.
func (b *bench) failed(name, task string) bool {
	return slices.ContainsFunc(b.failures, func(f failure) bool { return f.Peer == name && f.Task == task })
}
