package messages

import (
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// maxCount is the largest count that is believed.
const maxCount = 1 << 40

// mergeUsage takes over the counts of v into u. They are cumulative: each
// replaces the one before, and one that is absent, null or zero nothing.
// Anthropic counts what came from the cache and what went into it beside the
// input; an llm.Usage counts it within.
func mergeUsage(u *llm.Usage, v jsontree.Value) {
	if v.Kind() != jsontree.Object {
		return
	}
	plain := u.Input - u.CachedInput - u.CacheWrite
	for name, n := range v.Members() {
		switch name {
		case "input_tokens":
			count(n, &plain)
		case "cache_creation_input_tokens":
			count(n, &u.CacheWrite)
		case "cache_read_input_tokens":
			count(n, &u.CachedInput)
		case "output_tokens":
			count(n, &u.Output)
		case "output_tokens_details":
			count(n.Get("thinking_tokens"), &u.Reasoning)
		}
	}
	u.Input = plain + u.CachedInput + u.CacheWrite
	u.Reasoning = min(u.Reasoning, u.Output)
	if u.Input+u.Output > 0 {
		u.Provenance = llm.UsageReported
	}
}

func count(v jsontree.Value, to *int64) {
	if n, ok := v.Int(); ok && 0 < n && n <= maxCount {
		*to = n
	}
}

// writeCounts writes the counts that a message and its end have in common, as
// members.
func writeCounts(j *jsontree.Writer, u *llm.Usage) {
	j.Name("input_tokens").Int(max(0, u.Input-u.CachedInput-u.CacheWrite))
	j.Name("cache_creation_input_tokens").Int(u.CacheWrite)
	j.Name("cache_read_input_tokens").Int(u.CachedInput)
	j.Name("output_tokens").Int(u.Output)
	j.Name("output_tokens_details").Open('{').Name("thinking_tokens").Int(u.Reasoning).Close('}')
	j.Name("server_tool_use").Null()
}

// tiers are the service tiers that the protocol tells of.
var tiers = map[string]bool{"standard": true, "priority": true, "batch": true} // immutable

// writeUsage writes the usage of a message.
func writeUsage(j *jsontree.Writer, u *llm.Usage, tier string) {
	j.Name("usage").Open('{')
	writeCounts(j, u)
	j.Name("cache_creation").Null().Name("inference_geo").Null().Name("speed").Null()
	if j.Name("service_tier"); tiers[tier] {
		j.Text(tier)
	} else {
		j.Null()
	}
	j.Close('}')
}
