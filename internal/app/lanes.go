package app

import (
	"time"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// keepAlive is how long a translated stream may be silent before the client is
// told that it is still there. Codex gives up after 300 s, proxies in front
// after 30 and more.
const keepAlive = 15 * time.Second

// lanes collects how each target is asked.
type lanes struct {
	upstreams map[string]*config.Upstream // :: name → upstream
	profiles  []gateway.Profile
}

// add gives target its protocols, and its profile for those that are not the
// client's.
func (l *lanes) add(target *route.Target, t *config.Target) {
	u := l.upstreams[t.Upstream]
	if u == nil {
		return
	}
	names := addRoutes(target, u, t, u.DialectsOf(t))
	p := gateway.Profile{
		Traits: make(map[llm.Dialect]dialect.Traits, len(names)),
		Family: t.Family, Policy: capability.Policy(t.Capabilities), RefuseHosted: t.HostedTools == config.HostedRefuse,
		Strict:    t.Strict,
		KeepAlive: keepAlive, Trim: trims[u.ResponsesItems],
	}
	if t.KeepAliveGiven {
		p.KeepAlive, target.KeepAlive = t.KeepAlive, t.KeepAlive
	}
	p.Efforts = t.Efforts
	switch {
	case t.WebSearch == config.WebSearchRefuse:
		p.Search = capability.SearchRefused
	case t.WebSearch == "" && p.Policy == capability.Foundry && u.Kind == config.KindAzure:
		p.Search = capability.SearchRefusedModern
	}
	target.Lacks = make(map[llm.Dialect]llm.Features)
	for _, name := range names {
		d := llm.Dialect(name)
		target.Dialects = append(target.Dialects, d)
		traits := traits(u, t, d)
		if lacks := features(&t.Features, d, lacks(u, d), &traits); lacks != 0 {
			target.Lacks[d] = lacks
		}
		p.Traits[d] = traits
	}
	target.Profile = len(l.profiles)
	l.profiles = append(l.profiles, p)
}

// trims are what is taken out of every request in the Responses protocol.
var trims = map[config.ResponsesItems]dialect.Trim{ // immutable
	config.ItemsStripIDs:           {ForeignIDs: true, ReasoningIDs: true},
	config.ItemsStripKeepReasoning: {ForeignIDs: true},
	config.ItemsForceStore:         {Store: true},
}

// everyTool are the kinds of tools that OpenAI's own Responses servers know.
var everyTool = []llm.ToolKind{ // immutable
	llm.ToolCustom, llm.ToolNamespace, llm.ToolLocalShell, llm.ToolShell, llm.ToolApplyPatch, llm.ToolSearch,
}

// traits returns in what an upstream differs from others of the same protocol.
func traits(u *config.Upstream, t *config.Target, d llm.Dialect) dialect.Traits {
	out := dialect.Traits{StreamUsage: t.StreamUsage, ThinkTags: t.ThinkTags, NumCtx: int64(t.Ollama.NumCtx), KeepAlive: t.Ollama.KeepAlive}
	if out.KeepAlive == config.Forever {
		out.KeepAlive = "-1" // Ollama's word for it
	}
	switch u.Kind {
	case config.KindOpenAI, config.KindAzure:
		out.OpenAI, out.MaxCompletionTokens, out.Developer, out.ToolChoice = true, true, true, true
		out.Files, out.Audio, out.ImageURLs = true, true, true
		out.Tools = []llm.ToolKind{llm.ToolCustom}
		if d == llm.Responses {
			out.Tools, out.Audio = everyTool, false
			out.Hosted = []string{
				llm.HostedSearch, "file_search", "code_interpreter", "image_generation", "mcp", "computer", "computer_use_preview",
			}
		}
	case config.KindOllama:
		out.Reasoning = "reasoning"
	case config.KindSimulator:
		out.OpenAI, out.MaxCompletionTokens, out.Developer, out.ToolChoice = true, true, true, true
		out.Files, out.Audio, out.ImageURLs = true, true, true
		out.Reasoning = "reasoning_content"
		if d == llm.Responses {
			out.Tools = everyTool
		}
	case config.KindAnthropic:
		out.ToolChoice, out.Files, out.ImageURLs = true, true, true
		out.Hosted = []string{llm.HostedSearch}
	case config.KindCompatible:
		out.ToolChoice, out.ImageURLs = true, true
		out.Reasoning = "reasoning_content"
	}
	echo(t.EchoReasoning, &out)
	return out
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}
