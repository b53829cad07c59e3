// Package e2e runs real clients against a real weir binary: the official
// OpenAI SDKs for Python, Node and Go, the Anthropic SDK, the AI SDK and Codex
// CLI, each with a made-up key and a clean environment, through Weir to the
// simulator.
//
// It is a module of its own, so that the clients are no dependency of Weir,
// and it imports nothing of Weir: what it knows is what a client can see, what
// the simulator says it served (GET /sim/served) and what Weir logs. It has no
// code but tests. How the gateway behaves on bad days that no client can bring
// about is tested elsewhere.
package e2e
