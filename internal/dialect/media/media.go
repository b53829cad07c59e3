package media

import (
	"strings"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Dialect is the protocol of one operation. It is immutable.
type Dialect struct {
	schema  *dialect.Schema
	reading *dialect.Reading
	members []string // that reading looks at beside model and stream
	model   string   // that the API means where none is named; empty: it demands one
}

// Members of requests that mean something here.
const (
	memberN            = "n"
	memberInput        = "input"
	memberStreamFormat = "stream_format"
)

// The models are the defaults of OpenAI's OpenAPI document, schemas
// CreateModerationRequest, CreateImageRequest, CreateImageEditRequest and
// CreateImageVariationRequest.
var dialects = map[llm.Operation]*Dialect{ // immutable
	llm.OpModerations: newDialect(moderations, "omni-moderation-latest", nil),

	// "Defaults to dall-e-2 unless a parameter specific to the GPT image models
	// is used": these, and stream. Which model is meant then, it does not say.
	llm.OpImageGeneration: newDialect(images, "dall-e-2",
		[]string{memberN, "background", "moderation", "output_compression", "output_format", "partial_images"}),
	llm.OpImageEdit:      newDialect(images, "gpt-image-1.5", []string{memberN}, "images[].file_id", "mask.file_id"),
	llm.OpImageVariation: newDialect(images, "dall-e-2", []string{memberN}),

	llm.OpSpeech:        newDialect(audio, "", []string{memberInput, memberStreamFormat}),
	llm.OpTranscription: newDialect(audio, "", nil),
	llm.OpTranslation:   newDialect(audio, "", nil),
}

func newDialect(schema *dialect.Schema, model string, members []string, references ...string) *Dialect {
	return &Dialect{schema, dialect.NewReading(members, nil, references...), members, model}
}

// Of returns the dialect of op, or false if op is none of those that this
// package is for.
func Of(op llm.Operation) (*Dialect, bool) {
	d, ok := dialects[op]
	return d, ok
}

// Name returns [llm.Chat]: failures are told in its shape.
func (*Dialect) Name() llm.Dialect { return llm.Chat }

// ReadRequest finds the facts of a JSON body.
func (d *Dialect) ReadRequest(body []byte) (dialect.Request, error) {
	special := false
	r, err := d.reading.Read(body, func(r *dialect.Request, member int, kind jsonscan.ValueKind, raw []byte) {
		switch d.members[member] {
		case memberN:
			r.Ask(string(raw))
		case memberInput:
			if kind == jsonscan.String {
				r.Characters = characters(raw)
			}
		case memberStreamFormat:
			r.Stream = r.Stream || string(raw) == `"sse"`
		default:
			special = special || kind != jsonscan.Null
		}
	})
	if err != nil {
		return dialect.Request{}, err
	}
	if !special && !(r.Stream && d == dialects[llm.OpImageGeneration]) {
		r.DefaultModel = d.model
	}
	return r, nil
}

// FormValues are the parts of a form that [Dialect.ReadForm] reads.
var FormValues = []string{"model", "stream", "n"} // immutable

// ReadForm finds the facts of a form. value returns the value of a part, and
// whether there is one. The error is an *llm.Error: CodeInvalidValue with the
// part's name in Param.
func (d *Dialect) ReadForm(value func(name string) (string, bool)) (dialect.Request, error) {
	r := dialect.Request{Choices: 1, DefaultModel: d.model}
	r.Model, r.HasModel = value("model")
	if r.HasModel {
		if err := dialect.CheckModel(r.Model); err != nil {
			return dialect.Request{}, err
		}
		if !utf8.ValidString(r.Model) {
			return dialect.Request{}, invalid("model", "model must be UTF-8")
		}
	}
	stream, _ := value("stream")
	switch strings.ToLower(stream) { // Python writes True
	case "", "false", "0":
	case "true", "1":
		r.Stream = true
	default:
		return dialect.Request{}, invalid("stream", "stream must be true or false")
	}
	n, _ := value("n")
	r.Ask(n)
	return r, nil
}

func invalid(param, public string) error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: "media.read_form", Param: param, Public: public}
}

// UsageEdits returns nil: nothing has to be asked for.
func (*Dialect) UsageEdits(dialect.Request, []byte) []jsonscan.Edit { return nil }

// NewTap returns a tap for one answer.
func (d *Dialect) NewTap(stream bool) *dialect.Tap { return dialect.NewTap(d.schema, stream) }

// Failure appends {"error":{…}}.
func (*Dialect) Failure(dst []byte, f dialect.Failure) []byte { return f.AppendOpenAI(dst) }

// StreamFailure appends an event called error whose data is
// {"type":"error","error":{…}}.
func (*Dialect) StreamFailure(dst []byte, f dialect.Failure, _ *dialect.Tap) []byte {
	return f.AppendErrorEvent(dst)
}

// characters returns how many characters a raw JSON string stands for. It has
// passed a strict scan: its escapes are well formed, its surrogates in pairs.
func characters(raw []byte) (n int64) {
	for s := raw[1 : len(raw)-1]; len(s) > 0; n++ {
		switch {
		case s[0] != '\\':
			_, size := utf8.DecodeRune(s)
			s = s[size:]
		case s[1] != 'u':
			s = s[2:]
		case (s[2] == 'd' || s[2] == 'D') && s[3] >= '8': // half of a pair
			s = s[12:]
		default:
			s = s[6:]
		}
	}
	return n
}
