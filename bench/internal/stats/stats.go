package stats

import (
	"math"
	"slices"
	"time"
)

// A Summary is what is left of the samples of one figure.
// The zero Summary is that of no samples.
type Summary struct {
	N        int     `json:"n"` // samples that counted
	Median   float64 `json:"median"`
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
	Deviates float64 `json:"mad"` // median distance from the median
}

// Summarize reduces samples, in any order. NaN stands for a sample that could
// not be taken and is left out.
func Summarize(samples []float64) Summary {
	s := make([]float64, 0, len(samples))
	for _, v := range samples {
		if !math.IsNaN(v) {
			s = append(s, v)
		}
	}
	if len(s) == 0 {
		return Summary{}
	}
	slices.Sort(s)
	m := middle(s)
	apart := make([]float64, len(s))
	for i, v := range s {
		apart[i] = math.Abs(v - m)
	}
	slices.Sort(apart)
	return Summary{N: len(s), Median: m, Min: s[0], Max: s[len(s)-1], Deviates: middle(apart)}
}

// middle returns the median of sorted, which is not empty.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Ratios returns a[i]/b[i] for every round i that both have. It is NaN where
// either is NaN or where b[i] is not above zero: a ratio to nothing says
// nothing.
func Ratios(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = math.NaN()
		if b[i] > 0 {
			out[i] = a[i] / b[i]
		}
	}
	return out
}

// Differences returns a[i]-b[i] for every round i that both have, NaN where
// either is NaN.
func Differences(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] - b[i]
	}
	return out
}

// Percentile returns the smallest of durations that at least the fraction p of
// them do not exceed (nearest rank), 0 if there are none. p is above 0 and at
// most 1. It sorts durations in place.
func Percentile(durations []time.Duration, p float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	rank := int(math.Ceil(p * float64(len(durations))))
	return durations[min(max(rank, 1), len(durations))-1]
}

// Rotate returns items beginning at item by, so that over len(items) rounds
// each of them is measured once in each place. The order of items is kept.
func Rotate[T any](items []T, by int) []T {
	if len(items) == 0 {
		return nil
	}
	by %= len(items)
	return slices.Concat(items[by:], items[:by])
}
