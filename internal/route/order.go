package route

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// order puts the candidates into the order in which they are to be tried: by
// their standing, then by priority, then by what is preferred, then by who was
// asked before. Those that are still equal are drawn by weight, and of each
// two that are drawn the one with less to do goes first; those without a weight
// keep their order.
func (d *Decision) order(f *Facts, h Health) {
	all := d.Candidates
	for i := range all {
		all[i].place(f, h)
	}
	if len(all) < 2 {
		return
	}
	cost := func(c *Candidate) int { return c.rank(d.Prefer, f) }
	before := func(a, b Candidate) int {
		return cmp.Or(
			cmp.Compare(a.Standing, b.Standing),
			cmp.Compare(max(a.Priority, 1), max(b.Priority, 1)),
			cmp.Compare(cost(&a), cost(&b)),
			cmp.Compare(a.turn(), b.turn()),
		)
	}
	slices.SortStableFunc(all, before)
	chance := rand.New(rand.NewPCG(f.Seed, uint64(len(all)))) //nolint:gosec // whoever can guess it learns nothing
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && before(all[start], all[end]) == 0 {
			end++
		}
		if all[start].Weight > 0 {
			draw(all[start:end], chance)
		}
		start = end
	}
}

// turn says who goes first of equals: who was asked before, those that are
// drawn, those that are not.
func (c *Candidate) turn() int {
	switch {
	case c.Weight <= 0:
		return 2
	case c.Near:
		return 0
	default:
		return 1
	}
}

// place finds out how willingly c is tried.
func (c *Candidate) place(f *Facts, h Health) {
	if h != nil {
		c.Vitals = h.Of(c.ID())
	}
	c.Near = f.Near.Upstream != "" && c.ID() == f.Near
	reads := f.Bound && c.Upstream == f.Near.Upstream
	c.Drops = f.Bound && !reads
	c.Standing = Ready
	switch {
	case c.Vitals.Out:
		c.Standing = Out
	case reads:
		c.Standing = Bound
	default:
		if c.Spills = c.spills(c.Vitals, f.EstimatedInput+f.RequestedOutput); c.Spills != "" {
			c.Standing = Spilled
		}
	}
}

// rank is what c's place goes by where something is preferred: less is better.
func (c *Candidate) rank(p Prefer, f *Facts) int {
	switch p {
	case PreferQuality:
		return -c.Quality
	case PreferCost:
		return c.cost(f)
	case PreferLatency:
		return int(c.Vitals.FirstByte)
	default:
		return 0
	}
}

// cost is what c would take for the request, in a unit that is the same for
// all. A client that does not say how much it wants is expected to want as much
// as it gives.
func (c *Candidate) cost(f *Facts) int {
	if !c.Price.Known {
		return math.MaxInt
	}
	in := max(float64(f.EstimatedInput), 1)
	out := in
	if f.RequestedOutput > 0 {
		out = float64(f.RequestedOutput)
	}
	total := in*float64(c.Price.Input) + out*float64(c.Price.Output)
	return int(min(total, math.MaxInt/2))
}

// draw orders equals: again and again two of those that are left are drawn by
// weight, and the one with less to do goes next.
func draw(equals []Candidate, chance *rand.Rand) {
	for ; len(equals) > 1; equals = equals[1:] {
		total := 0
		for i := range equals {
			total += equals[i].Weight
		}
		mean := float64(total) / float64(len(equals))
		next := pick(equals, chance.IntN(total))
		if other := pick(equals, chance.IntN(total)); other != next && lighter(&equals[other], &equals[next], mean) {
			next = other
		}
		c := equals[next]
		copy(equals[1:next+1], equals[:next])
		equals[0] = c
	}
}

// pick returns the place of the candidate that n falls on: each has as many
// numbers as its weight.
func pick(equals []Candidate, n int) int {
	for i := range equals {
		if n -= equals[i].Weight; n < 0 {
			return i
		}
	}
	return len(equals) - 1
}

// much is how much less there must be to do that it counts: what is less is
// noise, and would take its meaning from the weights.
const much = 0.8

// lighter reports whether a has much less to do than b. Mean is the mean weight
// of all.
func lighter(a, b *Candidate, mean float64) bool {
	first := func(c, other *Candidate) float64 {
		if c.Vitals.FirstByte <= 0 {
			c = other
		}
		return max(float64(c.Vitals.FirstByte), 1)
	}
	load := func(c *Candidate) float64 {
		return 1 + float64(c.Vitals.InFlight)*mean/float64(c.Weight)
	}
	return load(a)*first(a, b) < much*load(b)*first(b, a)
}
