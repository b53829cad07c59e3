package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/weir-gateway/weir/bench/internal/stats"
)

// A report is what a run found, as it is written to JSON.
type report struct {
	Date    time.Time `json:"date"`
	Minutes float64   `json:"minutes"`
	Machine string    `json:"machine"`
	Go      string    `json:"go"` // of this program and so of ReverseProxy
	Load    [2]string `json:"load"`
	Rounds  int       `json:"rounds"`

	FreshEvery int `json:"fresh_every"` // memory and start: in one of so many rounds

	Peers    []string  `json:"peers"`
	Rows     []row     `json:"figures"`
	Failures []failure `json:"failures,omitempty"`
}

// A row is one figure of every peer.
type row struct {
	Key    string          `json:"key"`
	Title  string          `json:"title"`
	Unit   string          `json:"unit"`
	Values map[string]cell `json:"values"` // :: peer → value
	Ratios []ratio         `json:"ratios"`
	digits int
}

// A cell is the value of a figure of one peer.
type cell struct {
	stats.Summary
	Samples []*float64 `json:"samples"` // one per round, nil if not taken
	Bound   float64    `json:"bound,omitempty"`
}

// A ratio compares a figure of two peers, round by round.
type ratio struct {
	Peer string `json:"peer"`
	To   string `json:"to"`
	stats.Summary
	Bound float64 `json:"bound,omitempty"`
}

// report reduces the samples.
func (b *bench) report(started time.Time) report {
	r := report{
		Date: started.UTC().Truncate(time.Second), Minutes: math.Round(time.Since(started).Minutes()*10) / 10,
		Machine: machine(), Go: runtime.Version(), Load: b.load, Rounds: b.scale.rounds, FreshEvery: b.scale.freshEvery, Failures: b.failures,
	}
	for _, p := range b.peers {
		r.Peers = append(r.Peers, p.name)
	}
	for _, f := range figures(b.scale) {
		if row := b.row(f); row.taken() {
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

func (b *bench) row(f figure) row {
	out := row{Key: f.key, Title: f.title, Unit: f.unit, digits: f.digits, Values: make(map[string]cell)}
	for _, p := range b.peers {
		samples := f.samples(b, p.name)
		c := cell{Summary: stats.Summarize(samples), Samples: nullable(samples)}
		if p.gateway {
			c.Bound = f.itself
		}
		out.Values[p.name] = c
		if !f.alone && p.name != nginxName {
			out.Ratios = append(out.Ratios, b.ratios(f, p, samples)...)
		}
	}
	return out
}

// taken reports whether the figure was taken of any peer.
func (r row) taken() bool {
	for _, c := range r.Values {
		if c.N > 0 {
			return true
		}
	}
	return false
}

// ratios compares the samples of p to those of ReverseProxy and of nginx.
func (b *bench) ratios(f figure, p peer, samples []float64) []ratio {
	var out []ratio
	for _, to := range []struct {
		name  string
		bound float64
	}{{proxyName, f.toProxy}, {nginxName, f.toNginx}} {
		s := stats.Summarize(stats.Ratios(samples, f.samples(b, to.name)))
		if s.N == 0 || p.name == to.name {
			continue
		}
		q := ratio{Peer: p.name, To: to.name, Summary: s}
		if p.gateway {
			q.Bound = to.bound
		}
		out = append(out, q)
	}
	return out
}

// nullable returns samples with nil for NaN, which JSON does not have.
func nullable(samples []float64) []*float64 {
	out := make([]*float64, len(samples))
	for i, v := range samples {
		if !math.IsNaN(v) {
			out[i] = &v
		}
	}
	return out
}

// writeJSON writes the report to file.
func (r report) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600) //nolint:gosec // the file is named by whoever runs this
}

// markdown writes the report for people.
func (r report) markdown(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "# What Weir costs\n\n%s, %s. %s. %d rounds in %.1f minutes; load average %s before, %s after.\n",
		r.Date.Format("2 January 2006"), r.Machine, r.Go, r.Rounds, r.Minutes, r.Load[0], r.Load[1])
	s.WriteString("Values are medians over the rounds. Ratios are medians of the ratios inside each round, with the smallest and the largest.\n")
	if r.FreshEvery > 1 {
		fmt.Fprintf(&s, "Memory and start were measured in one of %d rounds.\n", r.FreshEvery)
	}
	s.WriteString("\n")
	pairs := r.pairs()
	s.WriteString("| figure | unit |")
	for _, p := range r.Peers {
		fmt.Fprintf(&s, " %s |", p)
	}
	for _, p := range pairs {
		fmt.Fprintf(&s, " %s / %s |", p[0], p[1])
	}
	s.WriteString("\n|---|---|" + strings.Repeat("---|", len(r.Peers)+len(pairs)) + "\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&s, "| %s | %s |", row.Title, row.Unit)
		for _, p := range r.Peers {
			fmt.Fprintf(&s, " %s |", row.value(p))
		}
		for _, p := range pairs {
			fmt.Fprintf(&s, " %s |", row.ratio(p))
		}
		s.WriteString("\n")
	}
	if len(r.Failures) > 0 {
		s.WriteString("\nNot measured, or not to be trusted:\n\n")
		for _, f := range r.Failures {
			fmt.Fprintf(&s, "- %s, %s, round %d: %s\n", f.Peer, f.Task, f.Round, f.Error)
		}
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// pairs returns every pair of peers that some row compares, in the order of
// the rows.
func (r report) pairs() [][2]string {
	var out [][2]string
	seen := make(map[[2]string]bool)
	for _, row := range r.Rows {
		for _, q := range row.Ratios {
			if p := [2]string{q.Peer, q.To}; !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// value returns the text of a peer's cell.
func (r row) value(peer string) string {
	c := r.Values[peer]
	if c.N == 0 {
		return "–"
	}
	return fmt.Sprintf("%.*f", r.digits, c.Median) + verdict(c.Median, c.Bound)
}

// ratio returns the text of the cell that compares p[0] to p[1].
func (r row) ratio(p [2]string) string {
	for _, q := range r.Ratios {
		if q.Peer == p[0] && q.To == p[1] {
			return fmt.Sprintf("%.2f (%.2f–%.2f)", q.Median, q.Min, q.Max) + verdict(q.Median, q.Bound)
		}
	}
	return "–"
}

// verdict says whether value keeps bound, and nothing where there is none.
func verdict(value, bound float64) string {
	switch {
	case bound <= 0:
		return ""
	case value <= bound:
		return fmt.Sprintf(" ≤ %v ok", bound)
	default:
		return fmt.Sprintf(" > %v **missed**", bound)
	}
}

// machine returns the kind and number of processors.
func machine() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	model, n := "", 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "model name":
			model = strings.TrimSpace(value)
		case "processor":
			n++
		}
	}
	return fmt.Sprintf("%d × %s", n, model)
}

// loadAverage returns how busy the machine was in the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
