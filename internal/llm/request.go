package llm

// A Request is what is asked of a model, in the neutral form that every
// dialect is decoded to and encoded from. It follows the richest of them,
// OpenAI's Responses.
//
// Numbers that nobody calculates with keep the text in which they came. A zero
// field means that the client did not say; where zero is a value of its own
// the field is a pointer. Paths are the client's own ("messages[3].content"),
// so that it can be told of what it wrote.
type Request struct {
	Dialect Dialect // the client's
	Model   string

	// Names are what the client's dialect calls each setting; see Path. Set by
	// whoever decodes, shared and never written to.
	Names *[Fields]string

	// Instructions are those of a Responses request. System messages of other
	// dialects are items.
	Instructions string
	Items        []Item

	Tools         []Tool
	Choice        ToolChoice
	ParallelTools *bool

	Format    Format
	Verbosity string
	MaxOutput *int64 // tokens

	Effort         string // of reasoning: none, minimal, low, medium, high, xhigh, max
	Summary        string // of reasoning, as Responses clients ask for it: auto, concise, detailed
	Thinking       string // as Messages clients ask for it: enabled, adaptive, disabled
	ThinkingBudget *int64 // tokens
	WantSealed     bool   // reasoning.encrypted_content is in Include

	Temperature      Number
	TopP             Number
	TopK             Number
	Seed             Number
	PresencePenalty  Number
	FrequencyPenalty Number
	LogitBias        []byte // JSON object
	Stop             []string
	N                int64 // answers at once; 0 and 1 are the same
	Logprobs         bool
	TopLogprobs      *int64

	Stream       bool
	IncludeUsage bool  // a chat client wants the usage of its stream
	Obfuscation  *bool // stream_options.include_obfuscation

	Store      *bool
	PreviousID string
	Include    []string // of a Responses request, as it came

	// Functions is true if a chat client used functions and function_call, the
	// old form of tools, and expects its answer in it.
	Functions bool

	// Echo are members as they came, by name: of a Responses request those that
	// its answer repeats, of a Messages request those that are spelled
	// otherwise elsewhere.
	Echo []Member

	// Others are the members that have no field here, in their order: those
	// that OpenAI's dialects share (metadata, user, service_tier …) and those
	// that nobody knows. What another protocol calls otherwise is here by the
	// name that OpenAI's have for it, and as the client wrote it in Echo.
	Others []Member

	// Lost is what the fields here do not hold of what the client said, so that
	// only a target of its own protocol is told it.
	Lost []Loss
}

// Path returns what the client calls a setting, "" if its dialect has none.
func (r *Request) Path(f Field) string {
	if r.Names == nil {
		return ""
	}
	return r.Names[f]
}

// A Number is a JSON number as it was written; empty if there is none.
type Number string

// A Member is a member of a JSON object, its value as it was written.
type Member struct {
	Name  string
	Value []byte

	// Path is what the client calls it, where that is not Name.
	Path string
}

// Told returns what the client calls m.
func (m *Member) Told() string {
	if m.Path != "" {
		return m.Path
	}
	return m.Name
}

// A Loss is something that the client asked for and that will not be done.
type Loss struct {
	Path string // the client's own: "service_tier", "tools[3]"
	Why  string // for people: "the target has no such setting"
}

// Other returns the value of the member called name in Others, nil if there is
// none.
func (r *Request) Other(name string) []byte {
	for _, m := range r.Others {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// A Format is what the text of an answer must look like.
type Format struct {
	Kind        FormatKind
	Name        string
	Description string
	Schema      []byte // JSON Schema, byte for byte as it came
	Strict      *bool
}

// A FormatKind is the kind of a [Format]. The zero value is text.
type FormatKind string

// The formats.
const (
	FormatText   FormatKind = ""
	FormatObject FormatKind = "json_object"
	FormatSchema FormatKind = "json_schema"
)

// A Field names a setting of a request, whatever a dialect calls it.
type Field uint8

// The settings that a target may not be able to take.
const (
	FieldInstructions Field = iota
	FieldTools
	FieldToolChoice
	FieldParallelTools
	FieldFormat
	FieldVerbosity
	FieldMaxOutput
	FieldEffort
	FieldSummary
	FieldThinking
	FieldTemperature
	FieldTopP
	FieldTopK
	FieldSeed
	FieldPresencePenalty
	FieldFrequencyPenalty
	FieldLogitBias
	FieldStop
	FieldN
	FieldLogprobs
	FieldTopLogprobs
	FieldStream
	FieldStore
	FieldPreviousID
	Fields // how many there are
)
