package llm

import "time"

// A Dialect is a wire protocol for inference.
type Dialect string

// The dialects that Weir names. Operations that have no dialect of their own
// (embeddings, models) are answered in the shape of [Chat].
const (
	Chat        Dialect = "chat"        // OpenAI Chat Completions
	Responses   Dialect = "responses"   // OpenAI Responses
	Messages    Dialect = "messages"    // Anthropic Messages
	Completions Dialect = "completions" // OpenAI legacy Completions
	Ollama      Dialect = "ollama"      // Ollama's own /api/chat, of upstreams alone
)

// An Operation is what a client asks for.
type Operation string

// The operations that Weir serves.
const (
	OpChat        Operation = "chat"
	OpCompletions Operation = "completions"
	OpResponses   Operation = "responses"
	OpEmbeddings  Operation = "embeddings"
	OpMessages    Operation = "messages"
	OpCountTokens Operation = "count_tokens"
	OpModels      Operation = "models" // answered from the catalog; never leaves the gateway

	OpOllamaChat  Operation = "ollama_chat"  // a chat in Ollama's own protocol, which no client is served in
	OpInputTokens Operation = "input_tokens" // how many tokens a responses request would be
	OpCompact     Operation = "compact"      // a responses conversation made shorter
	OpModerations Operation = "moderations"

	OpImageGeneration Operation = "image_generation"
	OpImageEdit       Operation = "image_edit"
	OpImageVariation  Operation = "image_variation"
	OpSpeech          Operation = "speech"
	OpTranscription   Operation = "transcription"
	OpTranslation     Operation = "translation"

	OpRealtime    Operation = "realtime"    // a WebSocket
	OpPassthrough Operation = "passthrough" // a path of an upstream's passthrough_paths
	OpTransparent Operation = "transparent" // anything through a transparent door
)

// Dialect returns the protocol that o is spoken in.
func (o Operation) Dialect() Dialect {
	switch o {
	case OpResponses, OpInputTokens, OpCompact:
		return Responses
	case OpMessages, OpCountTokens:
		return Messages
	case OpCompletions:
		return Completions
	case OpOllamaChat:
		return Ollama
	default:
		return Chat
	}
}

// Operation returns the operation by which a model is asked in d.
func (d Dialect) Operation() Operation {
	switch d {
	case Responses:
		return OpResponses
	case Messages:
		return OpMessages
	case Completions:
		return OpCompletions
	case Ollama:
		return OpOllamaChat
	default:
		return OpChat
	}
}

// Counts reports whether o asks how many tokens a request has, and nothing of a
// model.
func (o Operation) Counts() bool { return o == OpCountTokens || o == OpInputTokens }

// Counting returns the operation by which a server of d counts the tokens of a
// request, "" if the protocol has none.
func (d Dialect) Counting() Operation {
	switch d {
	case Responses:
		return OpInputTokens
	case Messages:
		return OpCountTokens
	default:
		return ""
	}
}

// routes are the paths of operations below their API's version; Ollama's own
// has none, and is whole.
var routes = [...]struct { // immutable
	op   Operation
	path string
}{
	{OpChat, "chat/completions"},
	{OpCompletions, "completions"},
	{OpResponses, "responses"},
	{OpInputTokens, "responses/input_tokens"},
	{OpCompact, "responses/compact"},
	{OpMessages, "messages"},
	{OpCountTokens, "messages/count_tokens"},
	{OpOllamaChat, "api/chat"},
	{OpEmbeddings, "embeddings"},
	{OpModerations, "moderations"},
	{OpImageGeneration, "images/generations"},
	{OpImageEdit, "images/edits"},
	{OpImageVariation, "images/variations"},
	{OpSpeech, "audio/speech"},
	{OpTranscription, "audio/transcriptions"},
	{OpTranslation, "audio/translations"},
	{OpRealtime, "realtime"},
}

// Route returns the path of o below its API's version, such as
// "chat/completions", or "" if it has none.
func (o Operation) Route() string {
	for i := range routes {
		if routes[i].op == o {
			return routes[i].path
		}
	}
	return ""
}

// OperationAt returns the operation whose [Operation.Route] is route, or "".
func OperationAt(route string) Operation {
	for i := range routes {
		if routes[i].path == route {
			return routes[i].op
		}
	}
	return ""
}

// A Lane is how an attempt is carried.
type Lane string

// The lanes.
const (
	Express    Lane = "express"    // bytes pass as they came
	Joined     Lane = "joined"     // as in express, with the conversation so far put in front
	Translated Lane = "translated" // through the neutral form
	Estimated  Lane = "estimated"  // not at all: Weir counts by itself
)

// A Label is what a target is said to be, or is to be: region is eu.
type Label struct{ Name, Value string }

// A Provenance says where the counts of a [Usage] come from. The zero value
// is [UsageUnknown], so a forgotten count is never taken for a free one.
type Provenance uint8

// The provenances.
const (
	UsageUnknown   Provenance = iota // nobody said, and nothing was counted
	UsageReported                    // the upstream said so
	UsageEstimated                   // Weir counted bytes, because the upstream could not say any more
	UsageNone                        // nothing was used: no attempt reached a model
	UsageCounted                     // the upstream reports none of what it did in full, and Weir counted its units: pictures, characters
)

// String returns the name used in logs and in the ledger.
func (p Provenance) String() string {
	switch p {
	case UsageReported:
		return "reported"
	case UsageEstimated:
		return "estimated"
	case UsageNone:
		return "none"
	case UsageCounted:
		return "counted"
	default:
		return "unknown"
	}
}

// Usage is what one exchange used. Input to Reasoning are tokens: Input
// includes CachedInput and CacheWrite, and Output includes Reasoning, whatever
// the dialect's own arithmetic is. What providers sell by other units is
// counted in those, beside tokens or instead of them. The zero value is an
// unknown usage.
type Usage struct {
	Input       int64
	CachedInput int64
	CacheWrite  int64
	Output      int64
	Reasoning   int64

	InputAudio  int64 // of Input, those that are sound
	OutputAudio int64 // of Output

	Images     int64         // pictures made
	Characters int64         // of text that was spoken
	Audio      time.Duration // of sound that was listened to

	Provenance Provenance
}
