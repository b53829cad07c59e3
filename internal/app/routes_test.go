package app

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
	"github.com/weir-gateway/weir/internal/upstream"
)

// parse returns the first upstream of a document, and the target of its first
// model.
func parse(t *testing.T, upstream, target string) (*config.Upstream, *config.Target) {
	t.Helper()
	doc := "upstreams: [{ name: u, " + upstream + " }]\nmodels: [{ name: m, targets: [{ upstream: u, " + target + " }] }]\n"
	cfg, err := config.Parse([]byte(doc), config.Options{Path: "weir.yaml", LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	return &cfg.Upstreams[0], &cfg.Models[0].Targets[0]
}

// TestConfigKnowsWhatKindsServe: the file is checked without upstreams, so it
// has a list of its own.
func TestConfigKnowsWhatKindsServe(t *testing.T) {
	for _, kind := range []string{
		"kind: openai, auth: none", "kind: anthropic, auth: none", "kind: simulator", `kind: ollama, endpoint: "http://127.0.0.1:1"`,
		`kind: compatible, endpoint: "http://127.0.0.1:1"`, `kind: azure, endpoint: "https://a.example", auth: none`,
		`kind: azure, endpoint: "https://a.example", auth: none, api: classic`,
	} {
		u, _ := parse(t, kind, "model: m")
		s := (&App{}).settings(*u)
		if s.Endpoint == "" {
			s.Endpoint = "http://127.0.0.1:1"
		}
		up, err := upstream.New(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range operations {
			if want := up.Serves(op) && op != llm.OpRealtime; u.Has(op.Route()) != want {
				t.Errorf("%s: Has(%s) = %t, want %t", kind, op.Route(), !want, want)
			}
		}
	}
}

func TestRoutesOfATarget(t *testing.T) {
	type routes = map[llm.Operation]route.Route
	for _, tt := range []struct {
		name, upstream, target string
		routes                 routes
		dialects               string
		serves                 llm.Operation // that the kind does not
	}{
		{name: "none", upstream: "kind: openai, auth: none", target: "model: m", dialects: "responses chat completions"},
		{
			name: "every conversation in one protocol", upstream: "kind: openai, auth: none", target: `routes: { "*": chat/completions }`,
			routes: routes{
				llm.OpResponses: {As: llm.OpChat}, llm.OpMessages: {As: llm.OpChat}, llm.OpCompletions: {As: llm.OpChat}, llm.OpOllamaChat: {As: llm.OpChat},
			},
			dialects: "responses chat completions",
		},
		{
			name: "the upstream's own path needs no route", upstream: "kind: anthropic, auth: none, routes: { chat/completions: /openai/chat/completions }", target: "model: m",
			dialects: "messages chat",
		},
		{
			name: "a protocol at a path of the target", upstream: "kind: anthropic, auth: none", target: "routes: { responses: /foundry/responses }",
			routes:   routes{llm.OpResponses: {As: llm.OpResponses, Path: "/foundry/responses"}},
			dialects: "messages responses", serves: llm.OpResponses,
		},
		{
			name: "a path that does not say what is spoken adds no protocol", upstream: "kind: azure, auth: none, endpoint: \"https://a.example\"", target: `routes: { "*": "/score/{deployment}", embeddings: embeddings }, dialects: [chat]`,
			routes:   all("/score/{deployment}", llm.OpEmbeddings, llm.OpRealtime),
			dialects: "chat", serves: llm.OpModerations,
		},
		{
			name: "what is named by the target comes first", upstream: "kind: openai, auth: none, routes: { responses: chat/completions, embeddings: /e/embeddings }",
			target: "routes: { responses: responses, embeddings: /f/embeddings }", dialects: "responses chat completions",
			routes: routes{llm.OpEmbeddings: {As: llm.OpEmbeddings, Path: "/f/embeddings"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, c := parse(t, tt.upstream, tt.target)
			var target route.Target
			names := addRoutes(&target, u, c, u.DialectsOf(c))
			if diff := cmp.Diff(tt.routes, target.Routes); diff != "" {
				t.Errorf("routes (-want +got):\n%s", diff)
			}
			if got := strings.Join(names, " "); got != tt.dialects {
				t.Errorf("dialects = %s, want %s", got, tt.dialects)
			}
			if tt.serves != "" && !strings.Contains(join(target.Serves), " "+string(tt.serves)+" ") {
				t.Errorf("serves %s, want %s among them", join(target.Serves), tt.serves)
			}
		})
	}
}

func join(ops []llm.Operation) string {
	out := " "
	for _, op := range ops {
		out += string(op) + " "
	}
	return out
}

// all returns a route to path for every operation but some.
func all(path string, but ...llm.Operation) map[llm.Operation]route.Route {
	out := make(map[llm.Operation]route.Route)
	for _, op := range operations {
		out[op] = route.Route{As: op, Path: path}
	}
	for _, op := range but {
		delete(out, op)
	}
	return out
}

func TestFeaturesOfATarget(t *testing.T) {
	type tools = []llm.ToolKind
	clients := tools{llm.ToolLocalShell, llm.ToolShell, llm.ToolApplyPatch, llm.ToolSearch}
	const compatible, ollama, openAI = `kind: compatible, endpoint: "http://a"`, `kind: ollama, endpoint: "http://a"`, "kind: openai, auth: none"
	for _, tt := range []struct {
		name, upstream, target string
		in                     llm.Dialect
		lacks                  llm.Features
		tools                  tools
	}{
		{"compatible is believed", compatible, "dialects: [responses]", llm.Responses, 0, nil},
		{"no state", compatible, "dialects: [responses], features: { state: false }", llm.Responses, llm.FeatureState, nil},
		{"custom tools", compatible, "dialects: [responses], features: { custom_tools: true }", llm.Responses, 0, tools{llm.ToolCustom}},
		{"custom tools in chat", compatible, "features: { custom_tools: true, namespaces: true, client_tools: true, state: false }", llm.Chat, 0, tools{llm.ToolCustom}},
		{"no custom tools in chat", openAI, "features: { custom_tools: false }", llm.Chat, llm.FeatureCustomTools, nil},
		{"messages have none of them", openAI, "dialects: [messages], features: { custom_tools: true, state: false }", llm.Messages, 0, tools{llm.ToolCustom}},
		{"of OpenAI all but some", openAI, "features: { custom_tools: false, namespaces: false, unknown_items: false }", llm.Responses, llm.FeatureCustomTools | llm.FeatureNamespaces | llm.FeatureUnknownItems, clients},
		{"of Ollama none", ollama, "model: m", llm.Responses, ollamaLacks, nil},
		{"of Ollama some", ollama, "features: { state: true, client_tools: true, tool_items: true }", llm.Responses, ollamaLacks &^ (llm.FeatureState | llm.FeatureClientTools | llm.FeatureToolItems), clients},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, c := parse(t, tt.upstream, tt.target)
			l := &lanes{upstreams: map[string]*config.Upstream{"u": u}}
			target := route.Target{Upstream: "u"}
			l.add(&target, c)
			if got := target.Lacks[tt.in]; got != tt.lacks {
				t.Errorf("lacks %b, want %b", got, tt.lacks)
			}
			if diff := cmp.Diff(tt.tools, l.profiles[0].Traits[tt.in].Tools, cmp.Transformer("set", func(k tools) map[llm.ToolKind]bool {
				set := map[llm.ToolKind]bool{}
				for _, kind := range k {
					set[kind] = true
				}
				return set
			})); diff != "" {
				t.Errorf("tools (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTraitsOfATarget(t *testing.T) {
	chat := func(upstream, target string) dialect.Traits {
		u, c := parse(t, upstream, target)
		return traits(u, c, llm.Chat)
	}
	const compatible, ollama = `kind: compatible, endpoint: "http://a"`, `kind: ollama, endpoint: "http://a"`
	for _, tt := range []struct {
		upstream, target, reasoning string
		always                      bool
	}{
		{compatible, "model: m", "reasoning_content", true},
		{compatible, "echo_reasoning: optional", "reasoning_content", false},
		{compatible, "echo_reasoning: forbidden", "", false},
		{ollama, "model: m", "reasoning", false},
		{ollama, "echo_reasoning: required", "reasoning", true},
		{"kind: openai, auth: none", "model: m", "", false},
		{"kind: openai, auth: none", "echo_reasoning: required", "reasoning_content", true},
	} {
		if got := chat(tt.upstream, tt.target); got.Reasoning != tt.reasoning || got.ReasoningAlways != tt.always {
			t.Errorf("%s, %s: %q, always %t; want %q, %t", tt.upstream, tt.target, got.Reasoning, got.ReasoningAlways, tt.reasoning, tt.always)
		}
	}
	if got := chat(ollama, "think_tags: true, ollama: { num_ctx: 4096, keep_alive: forever }"); !got.ThinkTags || got.NumCtx != 4096 || got.KeepAlive != "-1" {
		t.Errorf("traits = %+v", got)
	}
	if got := chat(ollama, "ollama: { keep_alive: 10m }"); got.KeepAlive != "10m" {
		t.Errorf("traits = %+v", got)
	}
}
