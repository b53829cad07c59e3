package main

import (
	"fmt"
	"strconv"

	"github.com/weir-gateway/weir/bench/internal/stats"
)

// A figure is one row of the table.
type figure struct {
	key    string // of the samples, and in the JSON
	title  string
	unit   string
	digits int  // after the point
	alone  bool // true if a ratio of it says nothing

	gateways bool // true if only gateways have it

	// Bounds of Weir's median: of the ratio to the ReverseProxy, of the ratio
	// to nginx, and of the figure itself. 0: reported only.
	toProxy, toNginx, itself float64

	// of returns the samples of a peer, one per round. nil: those taken under
	// key.
	of func(b *bench, peer string) []float64
}

// samples returns the samples of one peer, one per round.
func (f figure) samples(b *bench, peer string) []float64 {
	if f.of != nil {
		return f.of(b, peer)
	}
	return b.taken(f.key, peer)
}

// figures returns the rows of the table from top to bottom.
func figures(s scale) []figure {
	out := []figure{
		{key: "cpu32", title: "CPU per request, 32 connections", unit: "µs", digits: 1, toProxy: 1.1, toNginx: 3.6},
		{key: "cpu128", title: "CPU per request, 128 connections", unit: "µs", digits: 1, toProxy: 1.1, toNginx: 3.6},
		{key: "rps128", title: "requests per second, 128 connections (more is better)", unit: "1/s"},
		{key: "busy32", title: "processor busy, 32 connections", unit: "%", alone: true},
		{key: "busy128", title: "processor busy, 128 connections", unit: "%", alone: true},
		{key: "cpuevent", title: fmt.Sprintf("CPU per event, %d streams", s.streams), unit: "µs", digits: 1, toProxy: 1.1},
	}
	for _, n := range s.idle {
		out = append(out, figure{
			key: "stream" + strconv.Itoa(n), title: fmt.Sprintf("memory per idle stream, %d streams", n), unit: "KiB", digits: 1, toProxy: 1.05,
		})
	}
	out = append(out,
		figure{key: "idle", title: "memory with nothing to do", unit: "MiB", digits: 1, itself: 25},
		figure{key: "start", title: "start to first answer", unit: "ms", itself: 100},
		figure{key: "added50", title: fmt.Sprintf("added median latency at %d/s", s.rate), unit: "µs", toProxy: 1.1, of: added("p50")},
		figure{key: "added99", title: fmt.Sprintf("added 99th percentile at %d/s", s.rate), unit: "µs", toProxy: 1.5, of: added("p99")},
		figure{key: "addedlarge", title: "CPU that a body of 2 MiB adds", unit: "µs", of: addedByLarge},
	)
	return append(out, laneFigures()...)
}

// added returns a percentile less that of the mock with nothing before it.
func added(key string) func(*bench, string) []float64 {
	return func(b *bench, peer string) []float64 {
		return stats.Differences(b.taken(key, peer), b.taken(key, directName))
	}
}

// addedByLarge returns what a large request takes more than a small one.
func addedByLarge(b *bench, peer string) []float64 {
	return stats.Differences(b.taken("cpularge", peer), b.taken("cpu32", peer))
}
