package route_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// vitals are what a test knows of each upstream.
type vitals map[string]route.Vitals

func (v vitals) Of(id route.ID) route.Vitals { return v[id.Upstream] }

var chat = []llm.Operation{llm.OpChat} // immutable

// model returns a model of these targets, all of which can be asked for a chat.
func model(targets ...route.Target) *route.Model {
	for i := range targets {
		targets[i].Serves = chat
	}
	return &route.Model{Name: "m", Targets: targets}
}

// decide asks for a chat.
func decide(m *route.Model, f route.Facts, h route.Health) route.Decision {
	f.Op, f.Model = llm.OpChat, "m"
	return route.New(nil).Decide(m, &f, h)
}

func names(d route.Decision) []string {
	var out []string
	for _, c := range d.Candidates {
		out = append(out, c.Upstream)
	}
	return out
}

func TestOrder(t *testing.T) {
	price := func(in, out int64) route.Price { return route.Price{Known: true, Input: in, Output: out} }
	second := func(n int) route.Vitals { return route.Vitals{FirstByte: time.Duration(n) * time.Second} }
	eu := map[string]string{"region": "eu"}
	for _, tt := range []struct {
		name    string
		targets []route.Target
		facts   route.Facts
		health  vitals
		want    []string
	}{
		{"the list's own", []route.Target{{Upstream: "b"}, {Upstream: "a"}, {Upstream: "c"}}, route.Facts{}, nil, []string{"b", "a", "c"}},
		{
			"priorities",
			[]route.Target{{Upstream: "c", Priority: 3}, {Upstream: "b", Priority: 2}, {Upstream: "a"}},
			route.Facts{},
			nil,
			[]string{"a", "b", "c"},
		},
		{
			"weight none behind weight",
			[]route.Target{{Upstream: "b"}, {Upstream: "a", Weight: 1}},
			route.Facts{},
			nil,
			[]string{"a", "b"},
		},
		{
			"quality within a priority",
			[]route.Target{{Upstream: "c", Priority: 2, Quality: 9}, {Upstream: "b", Quality: 1}, {Upstream: "a", Quality: 2}},
			route.Facts{Client: route.PreferQuality},
			nil,
			[]string{"a", "b", "c"},
		},
		{
			"cost, of the request",
			[]route.Target{{Upstream: "c"}, {Upstream: "b", Price: price(1, 100)}, {Upstream: "a", Price: price(10, 10)}},
			route.Facts{Client: route.PreferCost, EstimatedInput: 100, RequestedOutput: 100},
			nil,
			[]string{"a", "b", "c"},
		},
		{
			"cost, of another request",
			[]route.Target{{Upstream: "c"}, {Upstream: "b", Price: price(1, 100)}, {Upstream: "a", Price: price(10, 10)}},
			route.Facts{Client: route.PreferCost, EstimatedInput: 10_000, RequestedOutput: 10},
			nil,
			[]string{"b", "a", "c"},
		},
		{
			"free before what is not known",
			[]route.Target{{Upstream: "c"}, {Upstream: "b", Price: price(0, 0)}, {Upstream: "a", Price: price(1, 1)}},
			route.Facts{KeyPrefers: route.PreferCost},
			nil,
			[]string{"b", "a", "c"},
		},
		{
			"latency",
			[]route.Target{{Upstream: "c"}, {Upstream: "b"}, {Upstream: "a"}},
			route.Facts{Client: route.PreferLatency},
			vitals{"a": second(1), "b": second(2), "c": second(3)},
			[]string{"a", "b", "c"},
		},
		{
			"the client before the key",
			[]route.Target{{Upstream: "b", Quality: 1}, {Upstream: "a", Quality: 2, Price: price(1, 1)}, {Upstream: "c"}},
			route.Facts{Client: route.PreferQuality, KeyPrefers: route.PreferCost},
			nil,
			[]string{"a", "b", "c"},
		},
		{
			"what is out comes last, and what spills before it",
			[]route.Target{{Upstream: "out"}, {Upstream: "full", MaxInFlight: 2}, {Upstream: "well", Priority: 9}},
			route.Facts{},
			vitals{"out": {Out: true, Why: "it fails"}, "full": {InFlight: 2}},
			[]string{"well", "full", "out"},
		},
		{
			"utilisation",
			[]route.Target{{Upstream: "ptu", SpillAt: 0.9}, {Upstream: "payg", Priority: 2}},
			route.Facts{},
			vitals{"ptu": {Utilization: 0.9}, "payg": {Utilization: 0.99}},
			[]string{"payg", "ptu"},
		},
		{
			"no requests left",
			[]route.Target{{Upstream: "a"}, {Upstream: "b"}},
			route.Facts{},
			vitals{"a": {Requests: route.Quota{Known: true}}, "b": {Requests: route.Quota{Known: true, Left: 1}}},
			[]string{"b", "a"},
		},
		{
			"too few tokens left",
			[]route.Target{{Upstream: "a"}, {Upstream: "b"}},
			route.Facts{EstimatedInput: 50, RequestedOutput: 51},
			vitals{"a": {Tokens: route.Quota{Known: true, Left: 100}}},
			[]string{"b", "a"},
		},
		{
			"near, among equals",
			[]route.Target{{Upstream: "a", Weight: 1000}, {Upstream: "b", Weight: 1}, {Upstream: "c", Priority: 2}},
			route.Facts{Near: route.ID{Upstream: "b"}},
			nil,
			[]string{"b", "a", "c"},
		},
		{
			"near is no reason to take the less wanted",
			[]route.Target{{Upstream: "a", Weight: 1}, {Upstream: "c", Weight: 1, Priority: 2}},
			route.Facts{Near: route.ID{Upstream: "c"}},
			nil,
			[]string{"a", "c"},
		},
		{
			"bound",
			[]route.Target{{Upstream: "a", Weight: 1}, {Upstream: "c", Weight: 1, Priority: 2}},
			route.Facts{Near: route.ID{Upstream: "c"}, Bound: true},
			vitals{"c": {Utilization: 2}},
			[]string{"c", "a"},
		},
		{
			"bound to what is out",
			[]route.Target{{Upstream: "a"}, {Upstream: "c"}},
			route.Facts{Near: route.ID{Upstream: "c"}, Bound: true},
			vitals{"c": {Out: true}},
			[]string{"a", "c"},
		},
		{
			"labels",
			[]route.Target{{Upstream: "a"}, {Upstream: "b", Labels: eu}, {Upstream: "c", Labels: map[string]string{"region": "us"}}},
			route.Facts{Demands: []llm.Label{{Name: "region", Value: "eu"}}},
			vitals{"b": {Out: true}},
			[]string{"b"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(model(tt.targets...), tt.facts, tt.health)
			if got := names(d); !slices.Equal(got, tt.want) {
				t.Errorf("= %v, want %v", got, tt.want)
			}
			for _, c := range d.Candidates {
				if drops := tt.facts.Bound && c.Upstream != tt.facts.Near.Upstream; c.Drops != drops {
					t.Errorf("%s drops what is bound: %t", c.Upstream, c.Drops)
				}
				if (c.Standing == route.Spilled) != (c.Spills != "") {
					t.Errorf("%s is %s: %q", c.Upstream, c.Standing, c.Spills)
				}
			}
		})
	}
}

// TestNoTargetAllowed: what is demanded is never left.
func TestNoTargetAllowed(t *testing.T) {
	d := decide(model(route.Target{Upstream: "a"}), route.Facts{Demands: []llm.Label{{Name: "region", Value: "eu"}, {Name: "zone", Value: "1"}}}, nil)
	if d.Refused == nil || d.Refused.Code != llm.CodeNoTarget || d.Refused.Public != "no target of the model has what is demanded: region=eu, zone=1" {
		t.Errorf("refused = %v", d.Refused)
	}
	if len(d.Candidates) > 0 || len(d.Rejected) != 1 || d.Rejected[0].Why != "its label region is not eu" {
		t.Errorf("= %+v", d)
	}
}

// TestEveryTargetOnce: whatever is known, each target that may serve is tried
// once, and no other, and the same facts lead to the same order.
func TestEveryTargetOnce(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	one := func(p float64) bool { return chance.Float64() < p }
	prefers := []route.Prefer{"", route.PreferCost, route.PreferQuality, route.PreferLatency}
	for range 2000 {
		var targets []route.Target
		health, want := vitals{}, []string{}
		f := route.Facts{Seed: chance.Uint64(), Client: prefers[chance.IntN(4)], EstimatedInput: chance.Int64N(1e12), RequestedOutput: chance.Int64N(1e12)}
		if one(0.3) {
			f.Demands = []llm.Label{{Name: "region", Value: "eu"}}
		}
		for i := range chance.IntN(8) {
			u := fmt.Sprint("u", i)
			target := route.Target{
				Upstream: u, Priority: chance.IntN(3), Weight: chance.IntN(4), Quality: chance.IntN(3), MaxInFlight: chance.IntN(3),
				Price:  route.Price{Known: one(0.5), Input: chance.Int64N(1e15), Output: chance.Int64N(1e15)},
				Labels: map[string]string{"region": []string{"eu", "us"}[chance.IntN(2)]},
			}
			targets = append(targets, target)
			health[u] = route.Vitals{Out: one(0.3), InFlight: chance.IntN(3), FirstByte: time.Duration(chance.IntN(3)), Utilization: chance.Float64() * 1.1}
			if f.Demands == nil || target.Labels["region"] == "eu" {
				want = append(want, u)
			}
			if one(0.2) {
				f.Near, f.Bound = target.ID(), one(0.5)
			}
		}
		d := decide(model(targets...), f, health)
		if again := names(decide(model(targets...), f, health)); !slices.Equal(again, names(d)) {
			t.Fatalf("%v, and then %v", names(d), again)
		}
		got := names(d)
		for i := 1; i < len(d.Candidates); i++ {
			if a, b := d.Candidates[i-1], d.Candidates[i]; a.Standing > b.Standing || a.Standing == b.Standing && max(a.Priority, 1) > max(b.Priority, 1) {
				t.Fatalf("%s (%s, %d) before %s (%s, %d)", a.Upstream, a.Standing, a.Priority, b.Upstream, b.Standing, b.Priority)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("candidates %v, want %v", got, want)
		}
		if len(d.Candidates)+len(d.Rejected) != len(targets) {
			t.Fatalf("%d candidates and %d rejections of %d targets", len(d.Candidates), len(d.Rejected), len(targets))
		}
	}
}

// firsts counts which target is the first of many decisions.
func firsts(m *route.Model, h route.Health, n int) map[string]int {
	chance, count := rand.New(rand.NewPCG(3, 4)), map[string]int{}
	for range n {
		count[names(decide(m, route.Facts{Seed: chance.Uint64()}, h))[0]]++
	}
	return count
}

// TestWeights: of targets that do equally well each gets its share.
func TestWeights(t *testing.T) {
	const n = 20_000
	m := model(route.Target{Upstream: "a", Weight: 6}, route.Target{Upstream: "b", Weight: 3}, route.Target{Upstream: "c", Weight: 1})
	same := route.Vitals{FirstByte: time.Second}
	for name, h := range map[string]route.Health{
		"nothing is known":         nil,
		"idle, and equally quick":  vitals{"a": same, "b": same, "c": same},
		"busy as their weights":    vitals{"a": {InFlight: 60}, "b": {InFlight: 30}, "c": {InFlight: 10}},
		"differences that are few": vitals{"a": {FirstByte: time.Second}, "b": {FirstByte: 1100 * time.Millisecond}, "c": {FirstByte: 900 * time.Millisecond}},
	} {
		count := firsts(m, h, n)
		for u, share := range map[string]float64{"a": 0.6, "b": 0.3, "c": 0.1} {
			if got := float64(count[u]) / n; got < share-0.02 || got > share+0.02 {
				t.Errorf("%s: %s is first in %.3f of all, want %.1f", name, u, got, share)
			}
		}
	}
}

// TestTwoChoices: of two that are drawn the better one serves.
func TestTwoChoices(t *testing.T) {
	const n = 20_000
	m := model(route.Target{Upstream: "a", Weight: 1}, route.Target{Upstream: "b", Weight: 1})
	for name, h := range map[string]route.Health{
		"less to do": vitals{"a": {InFlight: 2}, "b": {InFlight: 8}},
		"quicker":    vitals{"a": {FirstByte: time.Second}, "b": {FirstByte: 3 * time.Second}},
		"more to do, but much quicker": vitals{
			"a": {FirstByte: 100 * time.Millisecond, InFlight: 3}, "b": {FirstByte: time.Second, InFlight: 1},
		},
	} {
		// The worse one is first where both draws fall on it: a quarter.
		if got := float64(firsts(m, h, n)["b"]) / n; got < 0.23 || got > 0.27 {
			t.Errorf("%s: the worse is first in %.3f of all, want 0.25", name, got)
		}
	}
}

// TestPriorityThatIsNotGiven: it is 1.
func TestPriorityThatIsNotGiven(t *testing.T) {
	d := decide(model(route.Target{Upstream: "first", Priority: 1}, route.Target{Upstream: "none"}, route.Target{Upstream: "two", Priority: 2}), route.Facts{}, nil)
	if got := names(d); !slices.Equal(got, []string{"first", "none", "two"}) {
		t.Errorf("the order is %v, want that of the list", got)
	}
}
