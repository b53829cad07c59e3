package dialecttest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// scraps are what made-up texts consist of: what breaks when bytes, lines or
// JSON are taken for one another.
var scraps = []string{ // immutable
	"a", "word ", "é", "日本", "👩‍👩‍👧", "\n", "\r\n", "\"", "\\", "\\u00e9", "data: ", "[DONE]", "\u2028", "</think>", "{\"a\":1}", "\t", "usage", "\x7f",
}

func someText(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(8) {
		b.WriteString(scraps[r.IntN(len(scraps))])
	}
	return b.String()
}

// someJSON returns the arguments of a function.
func someJSON(r *rand.Rand) string {
	return fmt.Sprintf(`{"n":%d,"list":[true,null,1.50],"s":%q}`, r.IntN(1000), "x\ny")
}

// pieces cuts s at characters, as models put it out.
func pieces(r *rand.Rand, s string) []string {
	var out []string
	for len(s) > 0 {
		n := 1 + r.IntN(6)
		cut := len(s)
		for i := range s {
			if i >= n {
				cut = i
				break
			}
		}
		out = append(out, s[:cut])
		s = s[cut:]
	}
	return out
}

// generate makes up an answer that the protocol can carry, and tells emit of
// it as it arrives.
func (s CodecSuite) generate(r *rand.Rand, emit func(llm.Event)) *llm.Reply {
	b := llm.NewBuilder(emit)
	b.Begin("upstream-id", "m", 1700000000)
	if s.Carries.Reasoning && r.IntN(2) == 0 {
		s.reasoning(r, b)
	}
	spoken := r.IntN(4) > 0 || s.Carries.TextAlone
	if spoken {
		s.message(r, b)
	}
	called := r.IntN(2) == 0 || !spoken
	if s.Carries.TextAlone {
		called = false
	}
	if called {
		s.calls(r, b)
	}
	a := b.Reply()
	u := llm.Usage{Input: int64(10 + r.IntN(90)), Output: int64(20 + r.IntN(50)), Provenance: llm.UsageReported}
	u.CachedInput = int64(r.IntN(10))
	if s.Carries.CacheWrite {
		u.CacheWrite = int64(r.IntN(5))
		u.Input += u.CacheWrite
	}
	if s.Carries.ReasonTokens {
		u.Reasoning = int64(r.IntN(10))
	}
	if s.Carries.NoCache {
		u.CachedInput = 0
	}
	a.Usage = u
	reason := ""
	switch k := r.IntN(6); {
	case called: // an answer that is cut short loses its last call
	case k == 0:
		reason = llm.ReasonLength
	case k == 1 && s.Carries.Filtered:
		reason = llm.ReasonFilter
	}
	b.Finish(reason)
	return a
}

func (s CodecSuite) reasoning(r *rand.Rand, b *llm.Builder) {
	item := llm.Item{Kind: llm.ItemReasoning}
	if s.Carries.Sealed && r.IntN(2) == 0 {
		item.Sealed = "sealed-" + strconv.Itoa(r.IntN(1000))
	}
	i := b.Open(item)
	kind := llm.PartReasoning
	if s.Carries.Summary && r.IntN(2) == 0 {
		kind = llm.PartSummary
	}
	for _, p := range pieces(r, someText(r)) {
		b.Delta(i, kind, p, nil)
	}
	b.Done(i, "")
}

func (s CodecSuite) message(r *rand.Rand, b *llm.Builder) {
	i := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	for range 1 + r.IntN(2) {
		kind, logs := llm.PartText, s.Carries.Logprobs && r.IntN(3) == 0
		if s.Carries.Refusal && r.IntN(5) == 0 {
			kind, logs = llm.PartRefusal, false
		}
		b.Part(i, llm.Part{Kind: kind})
		for k, p := range pieces(r, someText(r)) {
			var l []byte
			if logs {
				l = fmt.Appendf(nil, `[{"token":"t%d","bytes":[116],"logprob":-0.5,"top_logprobs":[]}]`, k)
			}
			b.Delta(i, kind, p, l)
		}
		if kind == llm.PartText && s.Carries.Annotations && r.IntN(3) == 0 {
			b.Annotate(i, llm.Annotation{URL: "https://example.com/" + strconv.Itoa(r.IntN(9)), Title: "a title", Start: 1, End: 2})
		}
	}
	b.Done(i, "")
}

// calls are one to three, which may arrive side by side.
func (s CodecSuite) calls(r *rand.Rand, b *llm.Builder) {
	type open struct {
		index int
		rest  []string
	}
	var calls []*open
	for n := range 1 + r.IntN(3) {
		item := llm.Item{Kind: llm.ItemCall, CallID: fmt.Sprintf("call_%d", n), Name: fmt.Sprintf("tool_%d", n)}
		input := someJSON(r)
		if s.Carries.Custom && r.IntN(3) == 0 {
			item.Tool, input = llm.ToolCustom, someText(r)
		}
		if s.Carries.Namespace && r.IntN(3) == 0 {
			item.Namespace = "space"
		}
		c := &open{b.Open(item), pieces(r, input)}
		if !s.Carries.Interleaved || r.IntN(2) == 0 {
			for _, p := range c.rest {
				b.Input(c.index, p)
			}
			b.Done(c.index, "")
			continue
		}
		calls = append(calls, c)
	}
	for len(calls) > 0 {
		k := r.IntN(len(calls))
		c := calls[k]
		if len(c.rest) == 0 {
			b.Done(c.index, "")
			calls = append(calls[:k], calls[k+1:]...)
			continue
		}
		b.Input(c.index, c.rest[0])
		c.rest = c.rest[1:]
	}
}

// generateRequest makes up a request of what every protocol has.
func (s CodecSuite) generateRequest(r *rand.Rand) *llm.Request {
	limit := int64(100 + r.IntN(1000))
	q := &llm.Request{Dialect: s.Codec.Name(), Model: "m", MaxOutput: &limit, Stream: r.IntN(2) == 0}
	say := func(role llm.Role, text string) {
		q.Items = append(q.Items, llm.Item{Kind: llm.ItemMessage, Role: role, Parts: []llm.Part{{Kind: llm.PartText, Text: text}}})
	}
	if r.IntN(2) == 0 {
		say(llm.RoleSystem, "be "+someText(r)+".")
	}
	for turn := range 1 + r.IntN(3) {
		say(llm.RoleUser, "u"+someText(r)+".")
		if r.IntN(2) == 0 {
			say(llm.RoleAssistant, "s"+someText(r)+".")
		}
		calls := r.IntN(3)
		for k := range calls {
			q.Items = append(q.Items, llm.Item{Kind: llm.ItemCall, CallID: fmt.Sprintf("call_%d_%d", turn, k), Name: "look", Input: someJSON(r)})
		}
		for k := range calls {
			q.Items = append(q.Items, llm.Item{
				Kind: llm.ItemOutput, CallID: fmt.Sprintf("call_%d_%d", turn, k),
				Parts: []llm.Part{{Kind: llm.PartText, Text: "o" + someText(r) + "."}},
			})
		}
	}
	say(llm.RoleUser, "last")
	q.Tools = []llm.Tool{{Name: "look", Description: "looks", Schema: []byte(`{"type":"object","properties":{"n":{"type":"number","default":1.50}}}`)}}
	if r.IntN(2) == 0 {
		q.Temperature = "0.25"
	}
	q.Choice.Mode = []llm.ChoiceMode{llm.ChoiceUnset, llm.ChoiceAuto, llm.ChoiceRequired}[r.IntN(3)]
	if r.IntN(3) == 0 {
		q.Choice = llm.ToolChoice{Mode: llm.ChoiceNamed, Named: llm.Tool{Name: "look"}}
	}
	return q
}
