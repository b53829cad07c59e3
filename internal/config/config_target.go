package config

// Features say what the endpoint of a target takes, in whichever of its
// protocols has the like. What is left out is as the upstream's kind has it: of
// openai, azure and simulator everything, of ollama and anthropic what their
// servers take, and of compatible nothing in a request that is translated, and
// everything in one that passes as it is.
type Features struct {
	// Tools that take free text (`custom`). Where they are not taken they
	// become functions, and a grammar is described to the model.
	CustomTools *bool `json:"custom_tools"`

	// Tools in a `namespace`. Where they are not taken their names begin with
	// it.
	Namespaces *bool `json:"namespaces"`

	// The tools that a client runs and the Responses protocol has a type for:
	// `local_shell`, `shell`, `apply_patch` and `tool_search`. Where they are
	// not taken they become functions.
	ClientTools *bool `json:"client_tools"`

	// Tools that are declared in the middle of a conversation
	// (`additional_tools`). Where they are not taken they stand with the others.
	ToolItems *bool `json:"tool_items"`

	// Items of conversations that are of no type all servers know: those of
	// tools that run at the provider, compacted ones and the like.
	UnknownItems *bool `json:"unknown_items"`

	// Whether the server keeps responses: `previous_response_id`, `store` and
	// references to items.
	State *bool `json:"state"`

	// Whether `tool_choice` is obeyed.
	ToolChoice *bool `json:"tool_choice"`

	// Files in messages.
	Files *bool `json:"files"`

	// Sound in messages.
	Audio *bool `json:"audio"`

	// Images that the server has to fetch. Where they are not taken an image
	// must stand in the request, as a data URL.
	ImageURLs *bool `json:"image_urls"`
}

// OllamaSettings are what only Ollama's own protocol can say.
type OllamaSettings struct {
	// How many tokens of a conversation the model sees. Default: what the
	// server has for it.
	NumCtx int `json:"num_ctx" range:"1..16777216"`

	// How long the model stays in memory after a request: a duration (`0s`
	// unloads it at once), or `forever`. Default: what the server says.
	KeepAlive string `json:"keep_alive"`
}

// EchoReasoning says whether a model is sent what it thought before.
type EchoReasoning string

// The answers.
const (
	EchoRequired  EchoReasoning = "required"
	EchoOptional  EchoReasoning = "optional"
	EchoForbidden EchoReasoning = "forbidden"
)
