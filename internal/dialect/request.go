package dialect

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	// maxModel is the longest model name, in bytes.
	maxModel = 256

	// maxChoicesAsked bounds what is multiplied by it. No upstream takes more.
	maxChoicesAsked = 1 << 16
)

// A Request is what the gateway knows of a request body. It holds no bytes of
// the body, only offsets into it.
type Request struct {
	// Model is the name that the client asks for. Empty if HasModel is false.
	Model    string
	HasModel bool

	// ModelSpan is where the value of "model" is, its quotes included. Absent
	// if there is no such member; present without HasModel if it is null.
	ModelSpan jsonscan.Span

	// Stream is true if the answer is asked for as an event stream.
	Stream bool

	// Choices is how many answers are asked for at once: "n", where the
	// protocol has it. At least 1.
	Choices int

	// Kept is true if the upstream is to keep what it answers, so that the ids
	// in the answer lead to it later.
	Kept bool

	// Store is where the request says whether that is to be kept. A Kind of
	// zero means that it does not.
	Store jsonscan.Hit

	// References are the ids of what an upstream keeps that the request names,
	// in their order.
	References []Reference

	// DefaultModel is the name that the API means where the request names no
	// model. Empty if it must name one.
	DefaultModel string

	// Characters is how long the text is that is to be spoken, where the
	// request is for that.
	Characters int64

	// CacheKey is where "prompt_cache_key" is, by which a client says which of
	// its requests begin alike. Absent if it is no string.
	CacheKey jsonscan.Span

	// Tools is true if the request brings tools along, Images if it brings
	// images.
	Tools, Images bool

	// MaxOutput is how many tokens the answer may have at most, of several
	// members that say it the least. Zero means that none does. Limits are those
	// members, in the order of [LimitNames]; a Kind of zero means absent.
	MaxOutput int64
	Limits    [limits]jsonscan.Hit

	// Options and IncludeUsage are "stream_options" and the member
	// "include_usage" in it, where the protocol has them. A Kind of zero means
	// absent.
	Options      jsonscan.Hit
	IncludeUsage jsonscan.Hit

	// DataSources is true if "data_sources" is given: Azure's "on your data",
	// which refuses stream_options.
	DataSources bool

	// Marked is true if a string in the body begins with [SealPrefix], where
	// the protocol has places for what Weir has sealed.
	Marked bool

	// Counts are the sizes of all strings in the body, whatever they are for.
	Counts jsonscan.Counts

	// Object is where the whole object is in the body.
	Object jsonscan.Span
}

// NeedModel returns an *llm.Error if r names no model.
func (r Request) NeedModel() error {
	if r.HasModel {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeMissingParameter, Op: opRead, Param: "model",
		Public: "you must provide a model parameter",
	}
}

// ModelEdit returns the edit that makes body ask for the model called name. It
// returns false if body does so already.
func (r Request) ModelEdit(body []byte, name string) (jsonscan.Edit, bool) {
	if r.HasModel && r.Model == name {
		return jsonscan.Edit{}, false
	}
	value := jsonscan.AppendQuote(nil, name)
	if r.ModelSpan != (jsonscan.Span{}) {
		return jsonscan.Edit{Span: r.ModelSpan, Text: value}, true
	}
	return jsonscan.InsertMember(body, r.Object, append([]byte(`"model":`), value...)), true
}

// AddEdit returns edits with one more among them, in ascending order.
func AddEdit(edits []jsonscan.Edit, e jsonscan.Edit) []jsonscan.Edit {
	i := 0
	for i < len(edits) && edits[i].Span.Start < e.Span.Start {
		i++
	}
	return slices.Insert(edits, i, e)
}

// CheckModel returns an *llm.Error unless name can be the name of a model: 1
// to 256 bytes without control characters.
func CheckModel(name string) error {
	switch {
	case name == "":
		return invalid("model", "model must not be empty")
	case len(name) > maxModel:
		return invalid("model", fmt.Sprintf("model must not be longer than %d bytes", maxModel))
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return invalid("model", "model must not contain control characters")
		}
	}
	return nil
}

const opRead = "dialect.read_request"

func invalid(param, public string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: opRead, Param: param, Public: public}
}

// The members that a request is read for. Those from atOptions on are of the
// protocols whose answers are made of choices.
const (
	atModel = iota
	atStream
	atStore
	atCacheKey
	atTools
	atLimits // the first of LimitNames
)

const (
	atOptions = atLimits + limits + iota
	atIncludeUsage
	atDataSources
	atChoices
)

// limits is how many names there are for the limit of an answer.
const limits = 3

// LimitNames are the members by which protocols limit how many tokens an answer
// may have.
var LimitNames = [limits]string{"max_tokens", "max_completion_tokens", "max_output_tokens"} // immutable

var watchedMembers = []string{ // immutable
	atModel:        "model",
	atStream:       "stream",
	atStore:        "store",
	atCacheKey:     "prompt_cache_key",
	atTools:        "tools",
	atLimits:       LimitNames[0],
	atLimits + 1:   LimitNames[1],
	atLimits + 2:   LimitNames[2],
	atOptions:      "stream_options",
	atIncludeUsage: "stream_options.include_usage",
	atDataSources:  "data_sources",
	atChoices:      "n",
}

var (
	plainRequest  = jsonscan.Compile(jsonscan.Spec{Watch: watchedMembers[:atOptions]}) // immutable
	choiceRequest = jsonscan.Compile(jsonscan.Spec{Watch: watchedMembers})             // immutable
)

// ReadRequest reads what the requests of every protocol have in common.
func ReadRequest(body []byte) (Request, error) {
	return readRequest(plainRequest, body)
}

// ReadChoiceRequest reads the requests of the protocols whose answers are made
// of choices. Only they have stream_options.include_usage.
func ReadChoiceRequest(body []byte) (Request, error) {
	r, err := readRequest(choiceRequest, body)
	if err != nil {
		return r, err
	}
	return r.checkOptions()
}

// checkOptions checks what is edited where the usage of a stream is asked for.
func (r Request) checkOptions() (Request, error) {
	if !r.Stream {
		return r, nil
	}
	switch r.Options.Kind {
	case 0, jsonscan.Null, jsonscan.Object:
	default:
		return Request{}, invalid("stream_options", "stream_options must be an object or null")
	}
	switch r.IncludeUsage.Kind {
	case 0, jsonscan.Null, jsonscan.Bool:
	default:
		return Request{}, invalid("stream_options.include_usage", "stream_options.include_usage must be a boolean")
	}
	return r, nil
}

func readRequest(paths *jsonscan.Paths, body []byte) (Request, error) {
	var buf [atChoices + 1]jsonscan.Hit
	found, err := paths.Scan(body, buf[:0])
	if err != nil {
		return Request{}, syntaxError(err)
	}
	r := Request{Choices: 1, Counts: found.Counts, Object: found.Object}
	for _, h := range found.Hits {
		if err := r.take(h, body[h.Span.Start:h.Span.End]); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}

func syntaxError(err error) error {
	if e, ok := errors.AsType[*jsonscan.SyntaxError](err); ok {
		return &llm.Error{
			Code: llm.CodeInvalidJSON, Op: opRead,
			Public: fmt.Sprintf("the request body is not valid JSON: %s at byte offset %d", e.Msg, e.Offset),
		}
	}
	return &llm.Error{Code: llm.CodeInvalidJSON, Op: opRead, Err: err}
}

// take notes one member, whose value is raw.
func (r *Request) take(h jsonscan.Hit, raw []byte) error {
	switch h.Path {
	case atModel:
		r.ModelSpan = h.Span
		return r.takeModel(h.Kind, raw)
	case atStream:
		if h.Kind != jsonscan.Bool && h.Kind != jsonscan.Null {
			return invalid("stream", "stream must be a boolean")
		}
		r.Stream = string(raw) == "true"
	case atStore:
		r.Store = h
		if h.Kind == jsonscan.Bool { // anything else is for the upstream to refuse
			r.Kept = string(raw) == "true"
		}
	case atCacheKey:
		if h.Kind == jsonscan.String {
			r.CacheKey = h.Span
		}
	case atTools:
		r.Tools = h.Kind == jsonscan.Array && len(bytes.TrimSpace(raw[1:len(raw)-1])) > 0
	case atLimits, atLimits + 1, atLimits + 2:
		r.Limits[h.Path-atLimits] = h
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && n > 0 && (r.MaxOutput == 0 || n < r.MaxOutput) {
			r.MaxOutput = n
		}
	case atOptions:
		r.Options = h
	case atIncludeUsage:
		r.IncludeUsage = h
	case atDataSources:
		r.DataSources = h.Kind != jsonscan.Null
	case atChoices:
		r.Ask(string(raw))
	}
	return nil
}

// Ask notes how many answers are asked for at once. Anything but a sensible
// number is for the upstream to refuse.
func (r *Request) Ask(n string) {
	if n, err := strconv.Atoi(n); err == nil && n > 1 {
		r.Choices = min(n, maxChoicesAsked)
	}
}

func (r *Request) takeModel(kind jsonscan.ValueKind, raw []byte) error {
	switch kind {
	case jsonscan.Null:
		return nil
	case jsonscan.String:
	default:
		return invalid("model", "model must be a string")
	}
	name, err := jsonscan.Unquote(raw)
	if err != nil {
		return syntaxError(err)
	}
	r.Model, r.HasModel = name, true
	return CheckModel(name)
}

// UsageEdits returns the edits by which the upstream of a stream of choices
// reports its usage, nil if it does so anyway or cannot be asked. See
// Dialect.UsageEdits.
func (r Request) UsageEdits(body []byte) []jsonscan.Edit {
	const wanted = `{"include_usage":true}`
	if !r.Stream || r.DataSources {
		return nil
	}
	switch {
	case r.Options.Kind == 0:
		member := []byte(`"stream_options":` + wanted)
		return []jsonscan.Edit{jsonscan.InsertMember(body, r.Object, member)}
	case r.Options.Kind == jsonscan.Null:
		return []jsonscan.Edit{{Span: r.Options.Span, Text: []byte(wanted)}}
	case r.IncludeUsage.Kind == 0:
		member := []byte(`"include_usage":true`)
		return []jsonscan.Edit{jsonscan.InsertMember(body, r.Options.Span, member)}
	case string(body[r.IncludeUsage.Span.Start:r.IncludeUsage.Span.End]) == "true":
		return nil
	default:
		return []jsonscan.Edit{{Span: r.IncludeUsage.Span, Text: []byte("true")}}
	}
}
