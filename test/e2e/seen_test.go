package e2e_test

import (
	"math"
	"slices"
)

// prompt is what every client says where nothing else is wanted: text that
// breaks if anybody on the way re-encodes it.
const prompt = `Grüße, 世界 🌊 "quoted" \ back`

// calls makes the simulator call a tool twice.
const calls = "call get_weather {\"city\":\"Paris\"}\ncall get_weather {\"city\":\"東京\"}"

// weather is the schema of the tool's arguments.
var weather = map[string]any{ // immutable
	"type":                 "object",
	"properties":           map[string]any{"city": map[string]any{"type": "string"}},
	"required":             []string{"city"},
	"additionalProperties": false,
}

// A seen is what a client's user saw of one exchange: one line of a client
// program, or one call of openai-go.
type seen struct {
	Case  string `json:"case"`
	Fault string `json:"fault,omitempty"` // the client could not make sense of the answer

	Model     string     `json:"model,omitempty"`
	Text      string     `json:"text,omitempty"`
	Reasoning string     `json:"reasoning,omitempty"`
	Finish    string     `json:"finish,omitempty"`
	Tools     []toolCall `json:"tools,omitempty"`
	RequestID string     `json:"request_id,omitempty"`

	Usage       *usage `json:"usage,omitempty"`
	UsageChunks int    `json:"usage_chunks,omitempty"`

	Deltas  int      `json:"deltas,omitempty"`  // pieces of text the stream came in
	Ordered bool     `json:"ordered,omitempty"` // sequence numbers are dense
	First   string   `json:"first,omitempty"`   // type of the first event
	Last    string   `json:"last,omitempty"`
	Events  []string `json:"events,omitempty"` // types of all events, each once
	Signed  bool     `json:"signed,omitempty"` // every thinking block has a signature

	Vectors    [][]float64 `json:"vectors,omitempty"`    // the first four numbers of each, rounded
	Dimensions []int       `json:"dimensions,omitempty"` // the lengths that occur
	IDs        []string    `json:"ids,omitempty"`

	Error   *failure `json:"error,omitempty"`
	Seconds float64  `json:"seconds,omitempty"`
}

type toolCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// usage has one shape for all dialects: the client programs convert.
type usage struct {
	Input     int64 `json:"input"`
	Output    int64 `json:"output"`
	Total     int64 `json:"total"`
	Cached    int64 `json:"cached"`
	Reasoning int64 `json:"reasoning"`
}

// A failure is what a client's exception tells.
type failure struct {
	Class     string            `json:"class"`
	Message   string            `json:"message"`
	Status    int               `json:"status"`
	Code      string            `json:"code"`
	Type      string            `json:"type"`
	Param     string            `json:"param"`
	RequestID string            `json:"request_id"`
	Headers   map[string]string `json:"headers"`
}

// addVector adds the beginning of one embedding as the client programs do.
func (s *seen) addVector(v []float64) {
	first := make([]float64, 0, 4)
	for _, x := range v[:min(4, len(v))] {
		first = append(first, math.Round(x*1e4)/1e4)
	}
	s.Vectors = append(s.Vectors, first)
	if !slices.Contains(s.Dimensions, len(v)) {
		s.Dimensions = append(s.Dimensions, len(v))
	}
}
