package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weir-gateway/weir/bench/internal/load"
	"github.com/weir-gateway/weir/bench/internal/mock"
	"github.com/weir-gateway/weir/bench/internal/stats"
)

const (
	askedModel  = "bench-model"
	targetModel = "bench-target"
	clientKey   = "bench-client-key-0123456789abcdef"

	requestSize = 1024    // bytes
	largeSize   = 2 << 20 // bytes
)

// A scale says how much is measured.
type scale struct {
	rounds     int
	freshEvery int           // fresh tasks are done in one of so many rounds
	warm       time.Duration // before each figure, on the same connections
	whole      time.Duration // of closed loops and of the fixed rate
	settle     time.Duration // before memory is read

	streams, events int           // streams at once, events of each
	every           time.Duration // between two events of a stream
	eventSize       int           // bytes

	rate, rateConns int   // requests per second, on how many connections
	largeConns      int   // connections with large bodies
	idle            []int // numbers of idle streams, rising
}

// fullScale takes many short rounds: what disturbs a machine for some seconds
// then disturbs all peers of a few rounds, which the median leaves out. Memory
// takes longer and varies less.
func fullScale() scale {
	return scale{
		rounds: 21, freshEvery: 3, warm: 300 * time.Millisecond, whole: time.Second, settle: time.Second,
		streams: 100, events: 100, every: 20 * time.Millisecond, eventSize: 200,
		rate: 1000, rateConns: 16, largeConns: 4, idle: []int{2000, 5000},
	}
}

func quickScale() scale {
	s := fullScale()
	s.rounds, s.freshEvery, s.warm, s.whole, s.settle = 2, 1, 200*time.Millisecond, 600*time.Millisecond, 300*time.Millisecond
	s.events, s.idle = 25, []int{200, 500}
	return s
}

// A sample is what one task found out about one peer in one round, by the key
// of the figure.
type sample map[string]float64

// A task is one way to take figures of a peer.
type task struct {
	name string

	// direct is true if the mock with nothing before it is measured too.
	direct bool

	// gateways is true if only gateways can do it.
	gateways bool

	// fresh is true if the task starts its own instance of the peer, while no
	// other is running: it is handed one that is not.
	fresh bool

	run func(ctx context.Context, b *bench, in *instance) (sample, error)
}

// tasks returns what is done in every round.
func tasks(s scale) []task {
	return []task{
		{name: "requests32", run: requests(32)},
		{name: "requests128", run: requests(128)},
		{name: "events", run: events},
		{name: "latency", direct: true, run: latency},
		{name: "large", run: large},
		{name: "memory", fresh: true, run: memory(s.idle)},
		{name: "lanes", gateways: true, run: laneRequests("lane 1k", 32, requestSize)},
		{name: "laneevents", gateways: true, run: laneEvents},
		{name: "lanelarge", gateways: true, run: laneRequests("lane 2m", s.largeConns, largeSize)},
	}
}

// taskNames returns the names of tasks, for the help text.
func taskNames(s scale) []string {
	var out []string
	for _, t := range tasks(s) {
		out = append(out, t.name)
	}
	return out
}

// requests returns a task that measures whole answers in a closed loop.
func requests(conns int) func(context.Context, *bench, *instance) (sample, error) {
	return func(ctx context.Context, b *bench, in *instance) (sample, error) {
		m, err := b.closed(ctx, in, conns, wholeBody(requestSize))
		if err != nil {
			return nil, err
		}
		n := strconv.Itoa(conns)
		return sample{
			"cpu" + n:  micros(m.cpu) / float64(m.n),
			"rps" + n:  float64(m.n) / m.wall.Seconds(),
			"busy" + n: 100 * m.cpu.Seconds() / m.wall.Seconds(),
		}, nil
	}
}

// large measures requests with a large body and a small answer.
func large(ctx context.Context, b *bench, in *instance) (sample, error) {
	m, err := b.closed(ctx, in, b.scale.largeConns, wholeBody(largeSize))
	if err != nil {
		return nil, err
	}
	return sample{"cpularge": micros(m.cpu) / float64(m.n)}, nil
}

// A meter is what a peer used while n units were done.
type meter struct {
	n         int64
	cpu, wall time.Duration
}

// measure runs f, which does a number of units, and reads what in used.
func measure(in *instance, f func() (int64, error)) (meter, error) {
	began := time.Now()
	before, err := in.proc.CPU()
	if err != nil {
		return meter{}, err
	}
	n, err := f()
	if err != nil {
		return meter{}, err
	}
	after, err := in.proc.CPU()
	if err != nil {
		return meter{}, err
	}
	if n == 0 {
		return meter{}, errors.New("nothing was answered in time")
	}
	return meter{n: n, cpu: after - before, wall: time.Since(began)}, nil
}

// closed measures a closed loop on conns connections after warming up, and
// checks with the mock that it served exactly what was answered.
func (b *bench) closed(ctx context.Context, in *instance, conns int, body []byte) (meter, error) {
	pool, err := load.Dial(ctx, in.addr, conns)
	if err != nil {
		return meter{}, err
	}
	defer pool.Close()
	req := load.NewRequest(in.addr, mock.Path, clientKey, body)
	if _, err := pool.Closed(ctx, b.scale.warm, req, load.Exactly(mock.Answer())); err != nil {
		return meter{}, err
	}
	before := b.mock.Served()
	m, err := measure(in, func() (int64, error) { return pool.Closed(ctx, b.scale.whole, req, load.Exactly(mock.Answer())) })
	if err != nil {
		return meter{}, err
	}
	return m, b.check(in, before, mock.Served{Answers: m.n})
}

// events measures streams with a steady flow of events.
func events(ctx context.Context, b *bench, in *instance) (sample, error) {
	s := b.scale
	pool, err := load.Dial(ctx, in.addr, s.streams)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	one := mock.Stream{Events: 1, Size: s.eventSize, Every: s.every}
	if err := pool.Streams(ctx, streamRequest(in.addr, one), load.Chat, 1, s.every); err != nil {
		return nil, err
	}
	all := mock.Stream{Events: s.events, Size: s.eventSize, Every: s.every}
	want := mock.Served{Streams: int64(s.streams), Events: int64(s.streams * s.events)}
	before := b.mock.Served()
	m, err := measure(in, func() (int64, error) {
		return want.Events, pool.Streams(ctx, streamRequest(in.addr, all), load.Chat, s.events, s.every)
	})
	if err != nil {
		return nil, err
	}
	return sample{"cpuevent": micros(m.cpu) / float64(m.n)}, b.check(in, before, want)
}

// latency measures the time to an answer at a fixed rate.
func latency(ctx context.Context, b *bench, in *instance) (sample, error) {
	pool, err := load.Dial(ctx, in.addr, b.scale.rateConns)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	req := load.NewRequest(in.addr, mock.Path, clientKey, wholeBody(requestSize))
	if _, err := pool.Closed(ctx, b.scale.warm, req, load.Exactly(mock.Answer())); err != nil {
		return nil, err
	}
	before := b.mock.Served()
	took, err := pool.Rate(ctx, b.scale.whole, b.scale.rate, req, load.Exactly(mock.Answer()))
	if err != nil {
		return nil, err
	}
	return sample{
		"p50": micros(stats.Percentile(took, 0.50)),
		"p99": micros(stats.Percentile(took, 0.99)),
	}, b.check(in, before, mock.Served{Answers: int64(len(took))})
}

// memory returns a task that starts a peer of its own and measures its start,
// its memory with nothing to do, and what each idle stream adds.
func memory(idle []int) func(context.Context, *bench, *instance) (sample, error) {
	return func(ctx context.Context, b *bench, stopped *instance) (sample, error) {
		in, err := b.start(ctx, stopped.peer)
		if err != nil {
			return nil, err
		}
		defer in.stop()
		base, err := b.settled(ctx, in)
		if err != nil {
			return nil, err
		}
		out := sample{"start": float64(in.start) / float64(time.Millisecond), "idle": float64(base) / (1 << 20)}
		held := load.Hold(in.addr)
		defer held.Close()
		before := b.mock.Served()
		open := 0
		for _, n := range idle {
			req := streamRequest(in.addr, mock.Stream{Events: 1, Size: b.scale.eventSize, Hold: true})
			if err := held.Open(ctx, n-open, req); err != nil {
				return nil, fmt.Errorf("%d idle streams: %w", n, err)
			}
			open = n
			now, err := b.settled(ctx, in)
			if err != nil {
				return nil, err
			}
			out["stream"+strconv.Itoa(n)] = float64(now-base) / float64(n) / (1 << 10)
		}
		b.mock.Release()
		if err := held.Finish(ctx, 1); err != nil {
			return nil, fmt.Errorf("ending %d idle streams: %w", open, err)
		}
		return out, b.check(in, before, mock.Served{Streams: int64(open), Events: int64(open)})
	}
}

// settled waits until in has come to rest and returns its memory in bytes.
func (b *bench) settled(ctx context.Context, in *instance) (int64, error) {
	wait := time.NewTimer(b.scale.settle)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-wait.C:
	}
	return in.proc.Memory()
}

// check compares what the mock served since before with want. A gateway must
// have renamed the model of every request and asked for the usage of every
// stream; anybody else must have left both alone.
func (b *bench) check(in *instance, before, want mock.Served) error {
	if in.gateway {
		want.Renamed = want.Answers + want.Streams
		want.Usage = want.Streams
	}
	if got := b.mock.Served().Minus(before); got != want {
		return fmt.Errorf("the upstream served %+v, want %+v", got, want)
	}
	return nil
}

// wholeBody returns a request for a whole answer of about size bytes.
func wholeBody(size int) []byte {
	return []byte(chatBody(turns(size-len(chatBody("", askedModel))), askedModel))
}

// turns returns messages of a user of about size bytes, each behind a comma: of
// about a kilobyte, with the escapes that prompts have.
func turns(size int) string {
	const (
		frame = `,{"role":"user","content":""}`
		line  = `The weir holds back what the river brings, and \"lets it go\" evenly.\n`
	)
	var s strings.Builder
	for {
		room := size - s.Len() - len(frame)
		if room <= 0 {
			break
		}
		n := min(room, 1000)
		text := strings.Repeat(line, n/len(line)) + strings.Repeat(".", n%len(line))
		s.WriteString(frame[:len(frame)-2] + text + frame[len(frame)-2:])
	}
	return s.String()
}

// streamRequest asks for st.
func streamRequest(addr string, st mock.Stream) load.Request { return lanes()[0].stream(addr, st) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
