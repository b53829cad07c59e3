package simulator_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weir-gateway/weir/internal/realpart"
	"github.com/weir-gateway/weir/internal/simulator"
)

// A document is a published OpenAPI document whose schemas are the oracle.
type document struct {
	compiler *jsonschema.Compiler
	name     string
	schemas  map[string]*jsonschema.Schema
}

func load(t *testing.T, folder, file string) *document {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	mend(doc)
	d := &document{compiler: jsonschema.NewCompiler(), name: "mem:///" + file, schemas: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := d.compiler.AddResource(d.name, doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// mend turns the nullable of OpenAPI 3.0, which still stands here and there in
// the documents, into what JSON Schema understands, and takes out keywords of
// an older draft.
func mend(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			mend(e)
		}
	case map[string]any:
		if kind, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
			if list, ok := v["enum"].([]any); ok {
				v["enum"] = append(list, nil)
			}
		}
		delete(v, "$recursiveAnchor")
		delete(v, "$recursiveRef")
		for _, e := range v {
			mend(e)
		}
	}
}

// validate checks text against the named schema of the document.
func (d *document) validate(t *testing.T, schema, text string) {
	t.Helper()
	s := d.schemas[schema]
	if s == nil {
		var err error
		if s, err = d.compiler.Compile(d.name + "#/components/schemas/" + schema); err != nil {
			t.Fatal(err)
		}
		d.schemas[schema] = s
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if err := s.Validate(v); err != nil {
		t.Fatalf("does not fit %s: %v\n%s", schema, err, text)
	}
}

// responsesBody is a request that makes an answer of every kind of item.
const responsesBody = `"instructions":"be brief","metadata":{"a":"b"},"reasoning":{"effort":"low"},"text":{"verbosity":"low"},` +
	`"include":["reasoning.encrypted_content"],"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}},` +
	`{"type":"custom","name":"c"},{"type":"namespace","name":"ns","description":"d","tools":[{"type":"function","name":"g"}]}]`

// conversations are requests whose answers and streams must fit the schemas.
var conversations = []struct { // immutable
	name, path, body string
	whole, chunk     string // names of schemas; "event" is that of the event's name
	open             bool   // fits Open Responses too, which knows function tools alone and no schema
}{
	{"chat text", "/v1/chat/completions", `"messages":[{"role":"user","content":"think hi"}],"n":2`, "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse", false},
	{"chat cut", "/v1/chat/completions", `"messages":[{"role":"user","content":"a long text"}],"max_tokens":1`, "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse", false},
	{"chat calls", "/v1/chat/completions", `"messages":[{"role":"user","content":"call f {\"a\":1} call f {}"}],"tools":[{"type":"function","function":{"name":"f"}}]`, "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse", false},
	{"chat custom call", "/v1/chat/completions", `"messages":[{"role":"user","content":"call f <<<a>>>"}],"tools":[{"type":"custom","custom":{"name":"f"}}]`, "CreateChatCompletionResponse", "", false},
	{"azure chat", "/openai/v1/chat/completions", `"messages":[{"role":"user","content":"hi"}]`, "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse", false},
	// The document has no schema for their chunks: it names that of the whole
	// answer, where a choice has always finished.
	{"completions", "/v1/completions", `"prompt":["a","b"],"n":2`, "CreateCompletionResponse", "", false},
	{"embeddings", "/v1/embeddings", `"input":["a","b"],"dimensions":8`, "CreateEmbeddingResponse", "", false},
	{"responses text", "/v1/responses", `"input":"think hi",` + responsesBody, "Response", "event", false},
	{"responses calls of functions", "/v1/responses", `"input":"think call f {}","store":false,"tools":[{"type":"function","name":"f","parameters":{}}]`, "Response", "event", true},
	{"responses calls", "/v1/responses", `"input":"think call f {\"a\":1} call c <<<raw>>> call g {}",` + responsesBody, "Response", "event", false},
	{"responses cut", "/v1/responses", `"input":"a longer text","max_output_tokens":1`, "Response", "event", true},
	{"responses continued", "/v1/responses", `"input":[{"role":"user","content":"call f {}"},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"x"}]`, "Response", "event", true},
	{"responses schema", "/v1/responses", `"input":"hi","text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}`, "Response", "event", false},
}

func TestAnswersFitThePublishedSchemas(t *testing.T) {
	folder := realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC")
	openai := load(t, folder, "openai-openapi.json")
	open := load(t, folder, "openresponses-openapi.json")
	names := eventSchemas()
	_, server := serve(t, simulator.Options{Strict: true})
	for _, tt := range conversations {
		t.Run(tt.name, func(t *testing.T) {
			whole := post(t, server, tt.path, `{"model":"sim-1",`+tt.body+`}`, http.StatusOK)
			openai.validate(t, tt.whole, whole)
			if tt.open {
				open.validate(t, "ResponseResource", whole)
			}
			if tt.chunk == "" {
				return
			}
			usage := `,"stream_options":{"include_usage":true}`
			if tt.chunk == "event" {
				usage = ""
			}
			for _, e := range events(t, post(t, server, tt.path, `{"model":"sim-1","stream":true`+usage+`,`+tt.body+`}`, http.StatusOK)) {
				switch {
				case e.data == nil:
				case tt.chunk == "event":
					openai.validate(t, names[e.name], withoutNullUsage(e.text))
					if tt.open {
						open.validate(t, openSchema(names[e.name]), e.text)
					}
				default:
					openai.validate(t, tt.chunk, withoutNullUsage(e.text))
				}
			}
		})
	}
	t.Run("models", func(t *testing.T) {
		_, body, err := do(t, server, request(t, server, http.MethodGet, "/v1/models", ""))
		if err != nil {
			t.Fatal(err)
		}
		openai.validate(t, "ListModelsResponse", body)
	})
	for _, form := range []string{"error", "failed"} {
		t.Run("responses "+form, func(t *testing.T) {
			stream := post(t, server, "/v1/responses", `{"model":"sim-error","stream":true,"input":"hi"}`, http.StatusOK, "x-sim-error-form: "+form)
			list := events(t, stream)
			e := list[len(list)-1]
			openai.validate(t, names[e.name], withoutNullUsage(e.text))
		})
	}
	t.Run("error", func(t *testing.T) {
		openai.validate(t, "ErrorResponse", post(t, server, "/v1/responses", `{"model":"sim-429","input":"hi"}`, http.StatusTooManyRequests))
	})
}

// withoutNullUsage takes out what the prose of the document promises and its
// schema forbids.
func withoutNullUsage(text string) string { return strings.Replace(text, `,"usage":null`, "", 1) }

// openSchema returns what Open Responses calls the schema of an event.
func openSchema(name string) string {
	name = strings.TrimSuffix(name, "Event") + "StreamingEvent"
	name = strings.Replace(name, "ReasoningSummaryText", "ReasoningSummary", 1)
	return strings.Replace(name, "ResponseText", "ResponseOutputText", 1)
}

// eventSchemas names the schema of each event that the simulator sends.
func eventSchemas() map[string]string {
	return map[string]string{
		"error":                                  "ResponseErrorEvent",
		"response.created":                       "ResponseCreatedEvent",
		"response.queued":                        "ResponseQueuedEvent",
		"response.in_progress":                   "ResponseInProgressEvent",
		"response.completed":                     "ResponseCompletedEvent",
		"response.incomplete":                    "ResponseIncompleteEvent",
		"response.failed":                        "ResponseFailedEvent",
		"response.output_item.added":             "ResponseOutputItemAddedEvent",
		"response.output_item.done":              "ResponseOutputItemDoneEvent",
		"response.content_part.added":            "ResponseContentPartAddedEvent",
		"response.content_part.done":             "ResponseContentPartDoneEvent",
		"response.output_text.delta":             "ResponseTextDeltaEvent",
		"response.output_text.done":              "ResponseTextDoneEvent",
		"response.reasoning_summary_part.added":  "ResponseReasoningSummaryPartAddedEvent",
		"response.reasoning_summary_part.done":   "ResponseReasoningSummaryPartDoneEvent",
		"response.reasoning_summary_text.delta":  "ResponseReasoningSummaryTextDeltaEvent",
		"response.reasoning_summary_text.done":   "ResponseReasoningSummaryTextDoneEvent",
		"response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDeltaEvent",
		"response.function_call_arguments.done":  "ResponseFunctionCallArgumentsDoneEvent",
		"response.custom_tool_call_input.delta":  "ResponseCustomToolCallInputDeltaEvent",
		"response.custom_tool_call_input.done":   "ResponseCustomToolCallInputDoneEvent",
	}
}
