package responses

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// minOutput is the least that max_output_tokens may be.
const minOutput = 16

// EncodeRequest writes r for a server of the protocol.
func (d Dialect) EncodeRequest(r *llm.Request, t *dialect.Target) (dialect.Encoded, error) {
	e := requestEncoder{r: r, t: t, j: new(jsontree.Writer), own: r.Dialect == llm.Responses}
	e.losses = dialect.LostTo(llm.Responses, r)
	if err := e.refuse(); err != nil {
		return dialect.Encoded{}, err
	}
	e.j.Open('{').Name("model").Text(t.Model)
	if r.Instructions != "" {
		e.j.Name("instructions").Text(r.Instructions)
	}
	e.j.Name("input").Open('[')
	for i := range r.Items {
		if err := e.item(&r.Items[i], i); err != nil {
			return dialect.Encoded{}, err
		}
	}
	e.j.Close(']')
	if err := e.tools(); err != nil {
		return dialect.Encoded{}, err
	}
	if d.Counting {
		e.counted()
	} else {
		e.settings()
		e.others()
	}
	e.j.Close('}')
	return dialect.Encoded{Body: e.j.Bytes(), Losses: e.losses}, nil
}

type requestEncoder struct {
	r      *llm.Request
	t      *dialect.Target
	j      *jsontree.Writer
	own    bool // the client speaks the protocol too: what it wrote can go as it came
	losses []dialect.Loss
}

func (e *requestEncoder) lose(path, why string) {
	e.losses = append(e.losses, dialect.Loss{Path: path, Why: why})
}

// refuse returns an error for a setting that the protocol has not and that
// would change the answer.
func (e *requestEncoder) refuse() error {
	r := e.r
	switch {
	case r.N > 1:
		return dialect.UnsupportedValue(r.Path(llm.FieldN), "the model that serves this request gives one answer at a time")
	case len(r.Stop) > 0:
		return dialect.Unsupported(r.Path(llm.FieldStop))
	case !none(r.PresencePenalty):
		return dialect.Unsupported(r.Path(llm.FieldPresencePenalty))
	case !none(r.FrequencyPenalty):
		return dialect.Unsupported(r.Path(llm.FieldFrequencyPenalty))
	}
	if v, err := jsontree.Parse(r.LogitBias); err == nil && v.Len() > 0 {
		return dialect.Unsupported(r.Path(llm.FieldLogitBias))
	}
	for _, name := range [...]string{"modalities", "audio"} {
		value := r.Other(name)
		if value == nil || e.own {
			continue
		}
		v, _ := jsontree.Parse(value)
		if textOnly := v.Kind() == jsontree.Array && v.Len() == 1 && firstElement(v).Is("text"); name == "audio" || !textOnly {
			return dialect.Unsupported(name)
		}
	}
	return nil
}

func firstElement(v jsontree.Value) jsontree.Value {
	for _, e := range v.Elements() {
		return e
	}
	return jsontree.Value{}
}

// none reports whether a penalty is none.
func none(n llm.Number) bool {
	v, err := jsontree.Parse([]byte(n))
	if err != nil {
		return n == ""
	}
	f, ok := v.Float()
	return ok && f == 0
}

// settings writes the members that have a field of their own. Where the
// defaults of the client's protocol are others than here, they are written.
func (e *requestEncoder) settings() {
	r, j := e.r, e.j
	if r.MaxOutput != nil {
		limit := *r.MaxOutput
		if limit < minOutput && !e.own {
			e.lose(r.Path(llm.FieldMaxOutput), "the least that the model's server takes is 16")
			limit = minOutput
		}
		j.Name("max_output_tokens").Int(limit)
	}
	if r.Temperature != "" {
		j.Name("temperature").Raw([]byte(r.Temperature))
	}
	if r.TopP != "" {
		j.Name("top_p").Raw([]byte(r.TopP))
	}
	if r.ParallelTools != nil {
		j.Name("parallel_tool_calls").Bool(*r.ParallelTools)
	}
	e.reasoning()
	e.unsaid()
	e.format()
	e.include()
	if r.TopLogprobs != nil {
		j.Name("top_logprobs").Int(*r.TopLogprobs)
	}
	if r.Stream {
		j.Name("stream").Bool(true)
		if r.Obfuscation != nil && e.t.Traits.OpenAI {
			j.Name("stream_options").Open('{').Name("include_obfuscation").Bool(*r.Obfuscation).Close('}')
		}
	}
	switch {
	case r.Store != nil:
		j.Name("store").Bool(*r.Store)
	case !e.own:
		j.Name("store").Bool(false)
	}
	if r.PreviousID != "" {
		j.Name("previous_response_id").Text(r.PreviousID)
	}
}

// noSetting says why a setting is lost.
const noSetting = "the model's server has no such setting"

// unsaid tells of the settings that the protocol has no words for.
func (e *requestEncoder) unsaid() {
	r := e.r
	if r.TopK != "" {
		e.lose(r.Path(llm.FieldTopK), noSetting)
	}
	if r.Effort == "" && (r.ThinkingBudget != nil || r.Thinking == "disabled") {
		e.lose(r.Path(llm.FieldThinking), "the model's server knows efforts, and no budget")
	}
}

// counted writes the settings that a request to count tokens has.
func (e *requestEncoder) counted() {
	if e.r.ParallelTools != nil {
		e.j.Name("parallel_tool_calls").Bool(*e.r.ParallelTools)
	}
	e.reasoning()
	e.format()
}

func (e *requestEncoder) reasoning() {
	r, j := e.r, e.j
	effort, summary := dialect.Effort(r), r.Summary
	if summary == "" && (r.Thinking == "enabled" || r.Thinking == "adaptive") {
		summary = "auto" // a client that asks for thinking wants to see it
	}
	own := e.written("reasoning")
	if effort == "" && summary == "" && own.Len() == 0 {
		return
	}
	j.Name("reasoning").Open('{')
	if effort != "" {
		j.Name("effort").Text(effort)
	}
	if summary != "" {
		j.Name("summary").Text(summary)
	}
	e.copyRest(own, "effort", "summary", "generate_summary")
	j.Close('}')
}

// written returns what a client of the protocol itself wrote as this member.
func (e *requestEncoder) written(name string) jsontree.Value {
	for _, m := range e.r.Echo {
		if e.own && m.Name == name {
			v, _ := jsontree.Parse(m.Value) // it has been parsed before
			return v
		}
	}
	return jsontree.Value{}
}

// copyRest writes the members of v but these.
func (e *requestEncoder) copyRest(v jsontree.Value, but ...string) {
	for name, m := range v.Members() {
		if !slices.Contains(but, name) {
			e.j.Name(name).Raw(m.Raw())
		}
	}
}

func (e *requestEncoder) format() {
	r, j := e.r, e.j
	own := e.written("text")
	verbosity := r.Verbosity
	if !e.own && !e.t.Traits.OpenAI {
		verbosity = "" // a hint that other servers do not know
	}
	if r.Format.Kind == llm.FormatText && verbosity == "" && own.Len() == 0 {
		return
	}
	j.Name("text").Open('{')
	switch f, as := r.Format, own.Get("format"); {
	case as.Given() && (&decoder{}).format(as).Kind == f.Kind:
		j.Name("format").Raw(as.Raw())
	case f.Kind == llm.FormatObject:
		j.Name("format").Open('{').Name("type").Text("json_object").Close('}')
	case f.Kind == llm.FormatSchema:
		name := f.Name
		if name == "" {
			name = "output"
		}
		j.Name("format").Open('{').Name("type").Text("json_schema").Name("name").Text(name)
		if f.Description != "" {
			j.Name("description").Text(f.Description)
		}
		j.Name("schema").Raw(f.Schema)
		if f.Strict != nil {
			j.Name("strict").Bool(*f.Strict)
		}
		j.Close('}')
	}
	if verbosity != "" {
		j.Name("verbosity").Text(verbosity)
	}
	e.copyRest(own, "format", "verbosity")
	j.Close('}')
}

func (e *requestEncoder) include() {
	r, j := e.r, e.j
	include := slices.Clone(r.Include)
	if r.Logprobs && !slices.Contains(include, includeLogprobs) {
		include = append(include, includeLogprobs)
	}
	if r.WantSealed && !slices.Contains(include, includeSealed) {
		include = append(include, includeSealed)
	}
	if len(include) == 0 {
		return
	}
	j.Name("include").Open('[')
	for _, name := range include {
		j.Text(name)
	}
	j.Close(']')
}

// harmless are members of chat requests that ask for nothing that an answer
// shows.
var harmless = map[string]bool{"prediction": true, "modalities": true} // immutable

// others writes the members that have no field: those of the protocol itself,
// and those that OpenAI's protocols share.
func (e *requestEncoder) others() {
	for _, m := range e.r.Others {
		switch {
		case e.own, dialect.IsShared(m.Name) && e.t.Traits.OpenAI:
			e.j.Name(m.Name).Raw(m.Value)
		case m.Name == "service_tier":
			if value := string(m.Value); value != `"auto"` && value != `"default"` {
				e.lose(m.Told(), noSetting)
			}
		case harmless[m.Name], dialect.IsShared(m.Name) && m.Name != "moderation":
		default:
			e.lose(m.Told(), noSetting)
		}
	}
}

// maxCallID is the longest call_id that the protocol allows.
const maxCallID = 64

// callID returns an id as the protocol allows it: a longer one becomes the
// same other one in the call and in its output.
func callID(id string) string {
	if len(id) <= maxCallID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:16])
}
