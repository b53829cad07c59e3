package llm

// A Status is how an answer ended.
type Status string

// The statuses of answers.
const (
	StatusInProgress Status = "in_progress"
	StatusCompleted  Status = "completed"
	StatusIncomplete Status = "incomplete"
	StatusFailed     Status = "failed"
)

// The reasons for which an answer is incomplete.
const (
	ReasonLength = "max_output_tokens"
	ReasonFilter = "content_filter"
)

// A Reply is what a model has answered, in neutral form.
type Reply struct {
	ID      string // the upstream's
	Model   string // the upstream's
	Created int64  // seconds of Unix time; 0 if the upstream did not say
	Status  Status
	Reason  string // why it is incomplete
	Stop    string // the sequence that ended it, if one did and the upstream told

	// Words are the upstream's own for its end (finish_reason, stop_reason),
	// for the log.
	Words string

	Items       []Item
	Usage       Usage
	ServiceTier string

	// Failure is set if Status is failed.
	Failure *Failure
}

// A Failure is why a model's answer failed, as the upstream said it.
type Failure struct {
	Code    string
	Type    string
	Message string
}

// Calls reports whether a has an item of a tool's call.
func (a *Reply) Calls() bool {
	for i := range a.Items {
		if a.Items[i].Kind == ItemCall {
			return true
		}
	}
	return false
}

// An EventKind is what an [Event] tells.
type EventKind uint8

// The kinds of events, in an order in which they may come. Items may be open
// side by side; the parts of one item are not.
const (
	ReplyBegun     EventKind = iota // Reply: ID, Model, Created
	ItemBegun                       // Item, Index
	PartBegun                       // Index, Part, of message and reasoning items
	PartDelta                       // Index, Part, Text: more of the part's text
	InputDelta                      // Index, Text: more of a call's input
	AnnotationMade                  // Index, Part, Annotation
	PartDone                        // Index, Part
	ItemDone                        // Index
	ReplyDone                       // Reply is completed or incomplete
	ReplyFailed                     // Reply.Failure says why
)

// An Event is one step of an answer that arrives.
//
// Reply is what has arrived so far. The text of a part is in it from PartDone
// on, what a call is called with from ItemDone on. It is the same Reply in
// each event and changes with the next.
type Event struct {
	Kind     EventKind
	Reply    *Reply
	Index    int // of the item in Reply.Items
	Part     int // of the part in its item
	Text     string
	Logprobs []byte // of Text: JSON array; nil if there are none
}

// Item returns the item that e is about.
func (e *Event) Item() *Item { return &e.Reply.Items[e.Index] }
