package llm

import "strings"

// An ItemKind is what an [Item] is.
type ItemKind uint8

// The kinds of items.
const (
	ItemMessage   ItemKind = iota // somebody says something: Role, Parts
	ItemReasoning                 // what a model thought: Parts, Sealed
	ItemCall                      // a model calls a tool: Tool, CallID, Name, Namespace, Input
	ItemOutput                    // what the tool gave back: Tool, CallID, Parts, IsError
	ItemTools                     // tools that are declared on the way (additional_tools): Tools
	ItemReference                 // an item that is kept elsewhere: ID
	ItemHosted                    // work of a tool that the provider ran, or anything else that only the provider can read: Type, Raw
	ItemUnknown                   // of a type that nobody knows: Type, Raw
)

// A Role says whose message it is.
type Role string

// The roles.
const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// An ItemStatus says how far an item has come. The zero value means that
// nobody said.
type ItemStatus string

// The statuses.
const (
	ItemInProgress ItemStatus = "in_progress"
	ItemCompleted  ItemStatus = "completed"
	ItemIncomplete ItemStatus = "incomplete"
)

// An Item is one element of a conversation, asked or answered.
type Item struct {
	Kind   ItemKind
	ID     string // as the client or the upstream calls the item; may be empty
	Path   string // where the client wrote it: "input[2]", "messages[3]"; empty in answers
	Role   Role
	Status ItemStatus
	Parts  []Part

	Tool      ToolKind
	CallID    string
	Name      string // of the tool; of a message, who speaks, where the client says
	Namespace string

	// Input is what a tool is called with: JSON text of a function's
	// arguments, free text of a custom tool, the JSON of the action or
	// operation for those that the protocol knows by themselves.
	Input string

	// IsError is true if a tool says that it has failed.
	IsError bool

	// Sealed is reasoning that its maker alone can read: encrypted_content of
	// Responses, the signature of a thinking block, or, with Redacted, the data
	// of a redacted one. Of a call, the signature of the thought that led to it,
	// for who wants it back there.
	Sealed   string
	Redacted bool

	Tools []Tool

	// Others are members that have no field here, of an answered item.
	Others []Member

	Type string // as the protocol spells it, for kinds that need it
	Raw  []byte // the whole item as it came; nil if it was made here
}

// A PartKind is what a [Part] is.
type PartKind uint8

// The kinds of parts.
const (
	PartText      PartKind = iota // Text, Annotations, Logprobs
	PartRefusal                   // Text
	PartReasoning                 // Text: raw reasoning
	PartSummary                   // Text: a summary of reasoning
	PartImage                     // URL or FileID, Detail
	PartFile                      // Data or URL or FileID, Name
	PartAudio                     // Data, Media
	PartUnknown                   // Type, Raw
)

// A Part is a piece of an item's content.
type Part struct {
	Kind PartKind
	Path string // where the client wrote it: "messages[3].content[1]"
	Text string

	Annotations []Annotation
	Logprobs    []byte // JSON array, as OpenAI's dialects spell it

	URL    string // of an image or a file; a data URL (RFC 2397) holds it
	Data   string // base64, without the data URL's beginning
	Media  string // type of Data: "application/pdf", "wav"
	Name   string // of a file
	FileID string
	Detail string // of an image: low, high, auto, original

	Type string
	Raw  []byte
}

// An Annotation is a citation in a text.
type Annotation struct {
	URL, Title string
	Start, End int64  // in characters of the text
	Raw        []byte // in Responses' spelling; nil unless it came so
}

// Text returns the text of all parts of one kind together.
func (i *Item) Text(kind PartKind) string {
	if len(i.Parts) == 1 && i.Parts[0].Kind == kind {
		return i.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range i.Parts {
		if p.Kind == kind {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// A ToolKind is how a tool is declared and called.
type ToolKind uint8

// The kinds of tools.
const (
	ToolFunction   ToolKind = iota // Name, Schema; called with JSON
	ToolCustom                     // Name, Grammar; called with free text
	ToolNamespace                  // Name, Tools
	ToolLocalShell                 // the client runs a command; no name of its own
	ToolShell
	ToolApplyPatch
	ToolSearch // the client looks for further tools
	ToolHosted // the provider runs it: Type, Raw
)

// A Tool is something that a model may call.
type Tool struct {
	Kind        ToolKind
	Path        string // where the client declared it: "tools[3]"
	Name        string
	Namespace   string // that of the namespace it stands in
	Description string
	Schema      []byte // JSON Schema of a function's parameters; nil if there is none
	Strict      *bool
	Grammar     Grammar
	Tools       []Tool
	Type        string // as the protocol spells it; HostedSearch for every search of the web
	Search      *WebSearch
	Raw         []byte // the whole declaration as it came, in the client's dialect
}

// HostedSearch is the Type of a hosted tool that searches the web, whatever
// the client's protocol calls it. It has Search.
const HostedSearch = "web_search"

// A WebSearch is how a hosted tool is to search the web. Empty fields are left
// to the provider.
type WebSearch struct {
	Context         string   // how much is read: low, medium, high
	Allowed         []string // domains
	Blocked         []string
	Country, Region string // where the user is, about
	City, TimeZone  string
}

// Located reports whether s says anything of where the user is.
func (s *WebSearch) Located() bool {
	return s != nil && s.Country+s.Region+s.City+s.TimeZone != ""
}

// A Grammar restricts what a custom tool is called with. The zero value is
// free text.
type Grammar struct {
	Syntax     string // lark, regex
	Definition string
}

// A ToolChoice says which tools the model may or must call.
type ToolChoice struct {
	Mode ChoiceMode

	// Named is the one tool of ChoiceNamed.
	Named Tool

	// Allowed are the tools of ChoiceAllowed, Required whether one of them
	// must be called.
	Allowed  []Tool
	Required bool

	Raw []byte // as it came, in the client's dialect; nil if it was made here
}

// A ChoiceMode is the mode of a [ToolChoice]. The zero value means that the
// client did not say.
type ChoiceMode uint8

// The modes.
const (
	ChoiceUnset ChoiceMode = iota
	ChoiceAuto
	ChoiceNone
	ChoiceRequired
	ChoiceNamed
	ChoiceAllowed
	ChoiceHosted // a hosted tool: Raw
)
