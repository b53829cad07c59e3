package dialect

import "github.com/weir-gateway/weir/internal/jsonscan"

// Where lists keep things.
const inListID = 0

// Lists are the answers that list objects: each has an id of its own.
//
// Source: OpenAI's OpenAPI document, schemas ResponseItemList and
// ChatCompletionList.
var Lists = &Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{Watch: []string{inListID: "data[].id"}}),
	Read: func(v Values, o *Outcome) {
		for id := range v.Texts(inListID) {
			o.Make(id)
		}
	},
}

// Where an object keeps things.
const (
	inObjectID = iota
	inObjectFileID
	inObjectUsage
	inObjectInput
	inObjectOutput
	inObjectPrompt
	inObjectCompletion
	inObjectTotal
)

// Objects are the answers about an object whose kind is not known: a file, a
// batch, a conversation. An upload that is complete holds a file.
//
// Source: OpenAI's OpenAPI document, schemas OpenAIFile, Upload, Batch,
// ResponseUsage and CompletionUsage.
var Objects = &Schema{ // immutable
	Paths: jsonscan.Compile(jsonscan.Spec{Watch: []string{
		inObjectID:         "id",
		inObjectFileID:     "file.id",
		inObjectUsage:      "usage",
		inObjectInput:      "usage.input_tokens",
		inObjectOutput:     "usage.output_tokens",
		inObjectPrompt:     "usage.prompt_tokens",
		inObjectCompletion: "usage.completion_tokens",
		inObjectTotal:      "usage.total_tokens",
	}}),
	Read: func(v Values, o *Outcome) {
		o.Make(v.Text(inObjectID))
		o.Make(v.Text(inObjectFileID))
		if v.Kind(inObjectUsage) == jsonscan.Object {
			o.ReportTokens(v.Largest(inObjectInput, inObjectPrompt), v.Largest(inObjectOutput, inObjectCompletion), v.Largest(inObjectTotal))
		}
	},
}
