package e2e_test

// What every client of an OpenAI dialect must see, whatever its language.

const (
	echo      = "echo: " + prompt
	forecasts = "tool said: sunny in Paris\ntool said: sunny in 東京"
)

// asked are the tool calls of the prompt calls.
var asked = []toolCall{ // immutable
	{Name: "get_weather", Arguments: `{"city":"Paris"}`},
	{Name: "get_weather", Arguments: `{"city":"東京"}`},
}

// dimensions is how long the simulator's embeddings are unless one asks for
// another length.
const dimensions = 1536

// openAIWants are the cases of openai_calls.py, openai_calls.mjs and goClient.
func openAIWants() []want {
	return []want{
		{operation: "chat", seen: seen{Case: "chat", Model: "any", Text: echo, Finish: "stop"}},
		{operation: "chat", seen: seen{Case: "chat stream", Text: echo, Finish: "stop", Deltas: 3}, hidden: true},
		{operation: "chat", seen: seen{Case: "chat stream with usage", Text: echo, Finish: "stop", Deltas: 3, UsageChunks: 1}},
		{operation: "chat", seen: seen{Case: "chat tools: call", Finish: "tool_calls", Tools: asked}},
		{operation: "chat", seen: seen{Case: "chat tools: answer", Text: forecasts, Finish: "stop"}},
		{operation: "chat", seen: seen{Case: "chat tools stream", Finish: "tool_calls", Tools: asked}},
		{operation: "completions", seen: seen{Case: "completions", Text: echo, Finish: "stop"}},
		{operation: "completions", seen: seen{Case: "completions stream", Text: echo, Finish: "stop"}, hidden: true},
		{operation: "responses", seen: seen{Case: "responses", Model: "any", Text: echo, Finish: "completed"}},
		{operation: "responses", seen: seen{
			Case: "responses stream", Text: echo, Finish: "completed",
			Ordered: true, First: "response.created", Last: "response.completed", Deltas: 3,
		}},
		{operation: "responses", seen: seen{
			Case: "responses reasoning", Text: "echo: think first", Reasoning: "thinking about: think first", Finish: "completed",
			Ordered: true, First: "response.created", Last: "response.completed", Deltas: 3,
		}},
		{operation: "responses", seen: seen{Case: "responses tools: call", Finish: "completed", Tools: asked}},
		{operation: "responses", seen: seen{Case: "responses tools: answer", Text: forecasts, Finish: "completed"}},
		{operation: "embeddings", seen: seen{Case: "embeddings", Dimensions: []int{dimensions}}},
		{operation: "embeddings", seen: seen{Case: "embeddings float", Dimensions: []int{dimensions}}},
	}
}
