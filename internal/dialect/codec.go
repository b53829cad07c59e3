package dialect

import (
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Codec turns one protocol into the neutral form of package llm and back. It
// knows no other protocol. Implementations hold no state and may be used by
// any number of goroutines.
//
// What one side can say and the other cannot is decided by whoever encodes:
// it is left out where leaving it out changes nothing, reported as a [Loss]
// where it changes something, and an error where the answer would not be what
// was asked for.
type Codec interface {
	ClientCodec
	UpstreamCodec
}

// A ClientCodec is the half of a [Codec] that speaks with clients.
type ClientCodec interface {
	// Name returns the name of the protocol.
	Name() llm.Dialect

	// DecodeRequest reads a client's request. body has passed
	// Dialect.ReadRequest; the result refers to it. Errors are *llm.Error with
	// the client's path in Param: CodeInvalidValue, CodeMissingParameter,
	// CodeUnsupportedValue.
	DecodeRequest(body []byte) (*llm.Request, error)

	// EncodeReply appends a whole answer for a client. r has ended, and not as
	// failed.
	EncodeReply(dst []byte, r *llm.Reply, o *ReplyOptions) []byte

	// NewWriter returns a writer of a client's stream.
	NewWriter(o *ReplyOptions) StreamWriter
}

// An UpstreamCodec is the half of a [Codec] that speaks with upstreams.
type UpstreamCodec interface {
	// Name returns the name of the protocol.
	Name() llm.Dialect

	// EncodeRequest writes r for a target, which takes no tools but those that
	// its traits name (see Lower). It does not change r. Errors are *llm.Error
	// with the client's own path in Param: CodeUnsupportedParameter and
	// CodeUnsupportedValue.
	EncodeRequest(r *llm.Request, t *Target) (Encoded, error)

	// DecodeReply reads a whole answer of an upstream into b, up to its end.
	// An answer that tells of a failure inside a success ends as failed. The
	// error is an *llm.Error, CodeUpstreamInvalid, for what is no answer.
	DecodeReply(body []byte, b *llm.Builder) error

	// NewReader returns a reader of an upstream's stream, which goes into b.
	NewReader(b *llm.Builder) StreamReader
}

// A Target is what a request is encoded for.
type Target struct {
	Model  string // the upstream's name for it
	Traits Traits
}

// Traits say in what the servers of one protocol differ. The zero value is the
// least that one can count on: a server that speaks OpenAI's first chat
// protocol.
type Traits struct {
	// OpenAI is true for OpenAI's and Azure's own servers, which know the
	// members that their protocols share (metadata, service_tier, user …),
	// verbosity, log probabilities and obfuscation.
	OpenAI bool

	// MaxCompletionTokens is true if a chat server calls the limit of an answer
	// max_completion_tokens, and not max_tokens.
	MaxCompletionTokens bool

	// Developer is true if the model's template knows the role developer.
	// Elsewhere it is system.
	Developer bool

	// Tools are the kinds of tools that can be declared beside functions.
	Tools []llm.ToolKind

	// ToolChoice is true if a chat server obeys tool_choice. OpenAI's do.
	ToolChoice bool

	// Hosted lists the types of hosted tools that the server runs.
	Hosted []string

	// Files, Audio: whether the model can be shown them. ImageURLs: whether the
	// server fetches images, and does not want them in the request alone.
	Files, Audio, ImageURLs bool

	// Reasoning is the member in which a chat server gives and takes the
	// model's reasoning: reasoning_content, reasoning. Empty: it takes none
	// back.
	Reasoning string

	// ReasoningAlways is true if that member must be there with the calls that
	// came of it, even if it is empty.
	ReasoningAlways bool

	// ThinkTags is true if a chat server leaves what the model thinks in the
	// text, between <think> and </think> at its beginning. Then that is
	// reasoning; otherwise it is text like any other.
	ThinkTags bool

	// TopK is true if the server has top_k although its protocol has not.
	TopK bool

	// MaxTokens is the limit of an answer where the protocol demands one and
	// the client gave none; 0 means 8192.
	MaxTokens int64

	// Effort is true if the model of a messages server takes an effort.
	// Adaptive is true if it thinks as much as it finds right, and refuses to
	// be told how many tokens that may take.
	Effort, Adaptive bool

	// NumCtx and KeepAlive are options of Ollama's own protocol; zero and empty
	// leave them to the server.
	NumCtx    int64
	KeepAlive string

	// StreamUsage is true if a stream can be asked for its usage.
	StreamUsage bool
}

// An Encoded is a request in a target's protocol.
type Encoded struct {
	Body   []byte
	Losses []Loss
}

// A Loss is something that the client asked for and that will not be done.
type Loss = llm.Loss

// ReplyOptions are what a client's answer has to say beside what the model
// said.
type ReplyOptions struct {
	// Request is what was asked, in the client's dialect: answers of the
	// Responses protocol repeat it, and some are shaped by it. It must be
	// there.
	Request *llm.Request

	// ID is the answer's id, without the protocol's prefix. It is not the
	// upstream's.
	ID string

	// Model is the name that the answer gives its model. Empty means the
	// upstream's, else the one asked for.
	Model string

	// Time is when the answer began, where the upstream does not say.
	Time time.Time

	// Now tells the time at which the answer ends. Nil means Time.
	Now func() time.Time

	// Seal makes reasoning that its maker alone can read, or wants to have back,
	// fit to be kept by the client: see [SealPrefix]. It returns the same for
	// the same item again, and "" if there is nothing to be kept. Nil leaves it
	// out.
	Seal func(item *llm.Item) string

	// Store is what the answer says of being stored.
	Store bool
}

// Created returns when the answer began, in seconds of Unix time.
func (o *ReplyOptions) Created(r *llm.Reply) int64 {
	if r.Created > 0 {
		return r.Created
	}
	return o.Time.Unix()
}

// Ended returns when the answer ended, in seconds of Unix time; it began
// before.
func (o *ReplyOptions) Ended(r *llm.Reply) int64 {
	end := o.Time
	if o.Now != nil {
		end = o.Now()
	}
	return max(end.Unix(), o.Created(r))
}

// ModelOf returns the name that the answer gives its model.
func (o *ReplyOptions) ModelOf(r *llm.Reply) string {
	switch {
	case o.Model != "":
		return o.Model
	case r.Model != "":
		return r.Model
	default:
		return o.Request.Model
	}
}

// A StreamReader reads the stream of one upstream's answer.
type StreamReader interface {
	// Write takes the next piece of the stream, which may end anywhere, and
	// does not keep it. What has come out of it has been told to the Builder
	// when Write returns. The error is an *llm.Error, CodeUpstreamInvalid or
	// CodeUpstreamTooLarge; then Write must not be called again.
	Write(p []byte) error

	// Close says that the stream has ended, properly or not. If the answer has
	// not come to its proper end, the error is an *llm.Error,
	// CodeUpstreamTruncated; an answer that failed in the upstream's own words
	// is no error.
	Close() error
}

// A StreamWriter writes the stream of one client's answer.
type StreamWriter interface {
	// Append appends what e means for the client, whole events of the wire; it
	// may be nothing. Nothing must come after ReplyDone or ReplyFailed.
	Append(dst []byte, e llm.Event) []byte

	// Fail appends the end of a stream that Weir itself could not bring to its
	// proper end.
	Fail(dst []byte, f Failure) []byte

	// KeepAlive appends what tells a client that waits that the answer is
	// still being made. It stands between events, after the first.
	KeepAlive(dst []byte) []byte
}
