package stats_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/weir-gateway/weir/bench/internal/stats"
)

func TestSummarize(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name    string
		samples []float64
		want    stats.Summary
	}{
		{name: "no samples", samples: nil, want: stats.Summary{}},
		{name: "only missing samples", samples: []float64{nan, nan}, want: stats.Summary{}},
		{name: "one sample", samples: []float64{3}, want: stats.Summary{N: 1, Median: 3, Min: 3, Max: 3}},
		{name: "odd count takes the middle one", samples: []float64{9, 1, 5}, want: stats.Summary{N: 3, Median: 5, Min: 1, Max: 9, Deviates: 4}},
		{name: "even count takes the mean of two", samples: []float64{4, 1, 2, 10}, want: stats.Summary{N: 4, Median: 3, Min: 1, Max: 10, Deviates: 1.5}},
		{name: "missing samples do not count", samples: []float64{nan, 2, nan, 4}, want: stats.Summary{N: 2, Median: 3, Min: 2, Max: 4, Deviates: 1}},
		{name: "an outlier moves neither median nor deviation", samples: []float64{1, 1, 1, 1, 1000}, want: stats.Summary{N: 5, Median: 1, Min: 1, Max: 1000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := stats.Summarize(tt.samples); got != tt.want {
				t.Errorf("Summarize(%v) = %+v, want %+v", tt.samples, got, tt.want)
			}
		})
	}
}

func TestSummarizeKeepsItsInput(t *testing.T) {
	in := []float64{3, 1, 2}
	stats.Summarize(in)
	if want := []float64{3, 1, 2}; !slices.Equal(in, want) {
		t.Errorf("after Summarize input = %v, want %v", in, want)
	}
}

func TestRatios(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		a, b []float64
		want []float64
	}{
		{name: "round by round", a: []float64{2, 9}, b: []float64{1, 3}, want: []float64{2, 3}},
		{name: "shorter side decides", a: []float64{2, 9}, b: []float64{1}, want: []float64{2}},
		{name: "missing on either side", a: []float64{nan, 1}, b: []float64{1, nan}, want: []float64{nan, nan}},
		{name: "nothing and less than nothing are no base", a: []float64{1, 1}, b: []float64{0, -1}, want: []float64{nan, nan}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := stats.Ratios(tt.a, tt.b); !equal(got, tt.want) {
				t.Errorf("Ratios(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	nan := math.NaN()
	got := stats.Differences([]float64{5, nan, 1}, []float64{2, 1, 4})
	if want := []float64{3, nan, -3}; !equal(got, want) {
		t.Errorf("Differences = %v, want %v", got, want)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i) // 100 down to 1
	}
	for _, tt := range []struct {
		name string
		in   []time.Duration
		p    float64
		want time.Duration
	}{
		{name: "nothing", in: nil, p: 0.5, want: 0},
		{name: "half of a hundred", in: hundred, p: 0.5, want: 50},
		{name: "99 of a hundred", in: hundred, p: 0.99, want: 99},
		{name: "all of them", in: hundred, p: 1, want: 100},
		{name: "one sample is every percentile", in: []time.Duration{7}, p: 0.01, want: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := stats.Percentile(slices.Clone(tt.in), tt.p); got != tt.want {
				t.Errorf("Percentile(p=%v) = %d, want %d", tt.p, got, tt.want)
			}
		})
	}
}

func TestRotate(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		by   int
		want []string
	}{
		{name: "not at all", in: []string{"a", "b", "c"}, by: 0, want: []string{"a", "b", "c"}},
		{name: "by one", in: []string{"a", "b", "c"}, by: 1, want: []string{"b", "c", "a"}},
		{name: "past the end begins again", in: []string{"a", "b", "c"}, by: 5, want: []string{"c", "a", "b"}},
		{name: "nothing to turn", in: nil, by: 3, want: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := stats.Rotate(tt.in, tt.by); !slices.Equal(got, tt.want) {
				t.Errorf("Rotate(%v, %d) = %v, want %v", tt.in, tt.by, got, tt.want)
			}
		})
	}
}

// equal is slices.Equal for which NaN equals NaN.
func equal(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool {
		return x == y || math.IsNaN(x) && math.IsNaN(y)
	})
}
