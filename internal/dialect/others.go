package dialect

import (
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Fate is what becomes of a member of llm.Request.Others where the target
// does not speak the client's protocol.
type Fate uint8

// The fates.
const (
	Unknown Fate = iota // nobody knows the member
	Shared              // OpenAI's own servers take it, whatever their protocol
	Hint                // nothing is lost without it
	Lost                // the client has to be told that it is lost
)

// FateOf returns what becomes of m. The error is for what only one protocol
// can do and an answer would be another without.
func FateOf(m *llm.Member) (Fate, error) {
	value := string(m.Value)
	switch m.Name {
	case "conversation", "prompt", "audio":
		return Lost, Unsupported(m.Told())
	case "background":
		if value == "true" {
			return Lost, Unsupported(m.Told())
		}
		return Hint, nil
	case "modalities":
		v, _ := jsontree.Parse(m.Value) // it has been parsed before
		for _, kind := range v.Elements() {
			if !kind.Is("text") {
				return Lost, UnsupportedValue(m.Told(), "text is all that can be answered here")
			}
		}
		return Hint, nil
	case "truncation":
		if value == `"auto"` {
			return Lost, nil
		}
		return Hint, nil
	case "context_management":
		return Lost, nil
	case "prediction", "max_tool_calls":
		return Hint, nil
	}
	if IsShared(m.Name) {
		return Shared, nil
	}
	return Unknown, nil
}
