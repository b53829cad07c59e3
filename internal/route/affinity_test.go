package route_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/weir-gateway/weir/internal/route"
)

func whys(all []route.Anchor) (out []string) {
	for _, a := range all {
		if a.Required {
			out = append(out, "!"+a.Why)
		} else {
			out = append(out, a.Why)
		}
	}
	return out
}

// TestAnchors: the surest comes first, and only what nobody else can read is
// required.
func TestAnchors(t *testing.T) {
	h := http.Header{}
	h.Set("session_id", "s")
	h.Set("x-session-id", "s")
	h.Set("x-codex-turn-state", "s")
	for _, tt := range []struct {
		name  string
		links route.Links
		want  []string
	}{
		{"nothing", route.Links{}, []string{"key and model"}},
		{"everything", route.Links{PreviousID: "s", Sealed: []string{"s", "t"}, CacheKey: "s", Header: h.Get}, []string{
			"previous response", "!encrypted reasoning", "!encrypted reasoning", "prompt cache key",
			"header session_id", "header x-session-id", "header x-codex-turn-state", "key and model",
		}},
		{"a long conversation", route.Links{Sealed: slices.Repeat([]string{"s"}, 1000)}, []string{
			"!encrypted reasoning", "!encrypted reasoning", "!encrypted reasoning", "!encrypted reasoning", "key and model",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := whys(route.Anchors(&tt.links)); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestAnchorsDiffer: the same words are other anchors for another tenant, in
// another place, and divided otherwise.
func TestAnchorsDiffer(t *testing.T) {
	seen := map[[16]byte]string{}
	for name, l := range map[string]route.Links{
		"one":            {Tenant: "one", PreviousID: "s", CacheKey: "s", Sealed: []string{"s"}, Key: "a", Model: "bc"},
		"two":            {Tenant: "two", PreviousID: "s", CacheKey: "s", Sealed: []string{"s"}, Key: "a", Model: "bc"},
		"another key":    {Tenant: "one", Key: "ab", Model: "c"},
		"another tenant": {Tenant: "on", Key: "ea", Model: "bc"},
	} {
		for _, a := range route.Anchors(&l) {
			if other, twice := seen[a.Sum]; twice {
				t.Errorf("%s of %s is %s", a.Why, name, other)
			}
			seen[a.Sum] = a.Why + " of " + name
		}
	}
	a := route.Anchors(&route.Links{Tenant: "one", Key: "k", Model: "m"})
	if b := route.Anchors(&route.Links{Tenant: "one", Key: "k", Model: "m"}); a[0] != b[0] {
		t.Error("the same request has another anchor")
	}
}
