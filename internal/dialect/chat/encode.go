package chat

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// maxStop is how many stop sequences a request may have.
const maxStop = 4

// EncodeRequest writes r for a target.
func (Dialect) EncodeRequest(r *llm.Request, t *dialect.Target) (dialect.Encoded, error) {
	e := encoder{r: r, t: t.Traits}
	if err := e.refuse(); err != nil {
		return dialect.Encoded{}, err
	}
	messages, losses, err := dialect.Turns(r, t.Traits)
	if err != nil {
		return dialect.Encoded{}, err
	}
	e.losses = append(dialect.LostTo(llm.Chat, r), losses...)
	e.w.Open('{')
	e.w.Name("model").Text(t.Model)
	e.w.Name("messages").Open('[')
	for i := range messages {
		if err := e.message(&messages[i]); err != nil {
			return dialect.Encoded{}, err
		}
	}
	e.w.Close(']')
	if err := e.tools(); err != nil {
		return dialect.Encoded{}, err
	}
	e.format()
	e.effort()
	e.sampling()
	e.stream()
	if err := e.others(); err != nil {
		return dialect.Encoded{}, err
	}
	e.w.Close('}')
	return dialect.Encoded{Body: e.w.Bytes(), Losses: e.losses}, nil
}

// An encoder writes one request.
type encoder struct {
	r      *llm.Request
	t      dialect.Traits
	w      jsontree.Writer
	losses []dialect.Loss
}

const noSetting = "the target has no such setting"

func (e *encoder) lose(path, why string) {
	e.losses = append(e.losses, dialect.Loss{Path: path, Why: why})
}

// refuse returns an error for what cannot be asked of one answer by this
// protocol.
func (e *encoder) refuse() error {
	r := e.r
	switch {
	case r.N > 1:
		return dialect.UnsupportedValue(r.Path(llm.FieldN), "one answer at a time is all that can be had here")
	case len(r.Stop) > maxStop:
		return dialect.UnsupportedValue(r.Path(llm.FieldStop), "there can be no more than "+strconv.Itoa(maxStop))
	case r.PreviousID != "":
		return &llm.Error{
			Code: llm.CodePreviousNotFound, Op: "chat.encode_request", Param: r.Path(llm.FieldPreviousID),
			Public: "Previous response with id '" + r.PreviousID + "' not found.",
		}
	}
	return nil
}

// number writes a number as the client wrote it.
func (e *encoder) number(name string, n llm.Number) {
	if n != "" {
		e.w.Name(name).Raw([]byte(n))
	}
}

func (e *encoder) text(name, s string) {
	if s != "" {
		e.w.Name(name).Text(s)
	}
}

func (e *encoder) format() {
	f := &e.r.Format
	switch f.Kind {
	case llm.FormatObject:
		e.w.Name("response_format").Open('{').Name("type").Text("json_object").Close('}')
	case llm.FormatSchema:
		e.w.Name("response_format").Open('{').Name("type").Text("json_schema").Name("json_schema").Open('{')
		e.w.Name("name").Text(f.Name)
		e.text("description", f.Description)
		if f.Schema != nil {
			e.w.Name("schema").Raw(f.Schema)
		}
		if f.Strict != nil {
			e.w.Name("strict").Bool(*f.Strict)
		}
		e.w.Close('}').Close('}')
	case llm.FormatText:
	}
	if e.t.OpenAI {
		e.text("verbosity", e.r.Verbosity)
	}
}

// effort writes how long the answer may be and how much thought goes into it.
func (e *encoder) effort() {
	r := e.r
	if r.MaxOutput != nil {
		name := "max_tokens"
		if e.t.MaxCompletionTokens {
			name = "max_completion_tokens"
		}
		e.w.Name(name).Int(*r.MaxOutput)
	}
	e.text("reasoning_effort", dialect.Effort(r))
	if r.Effort == "" && (r.ThinkingBudget != nil || r.Thinking == "disabled") {
		e.lose(r.Path(llm.FieldThinking), "the target knows efforts, and no budget")
	}
}

func (e *encoder) sampling() {
	r := e.r
	e.number("temperature", r.Temperature)
	e.number("top_p", r.TopP)
	switch {
	case r.TopK == "":
	case e.t.TopK:
		e.number("top_k", r.TopK)
	default:
		e.lose(r.Path(llm.FieldTopK), noSetting)
	}
	e.number("seed", r.Seed)
	e.number("presence_penalty", r.PresencePenalty)
	e.number("frequency_penalty", r.FrequencyPenalty)
	if len(r.LogitBias) > 0 {
		e.w.Name("logit_bias").Raw(r.LogitBias)
	}
	if len(r.Stop) > 0 {
		e.w.Name("stop").Open('[')
		for _, s := range r.Stop {
			e.w.Text(s)
		}
		e.w.Close(']')
	}
	switch {
	case !r.Logprobs && r.TopLogprobs == nil:
	case e.t.OpenAI:
		e.w.Name("logprobs").Bool(true)
		if r.TopLogprobs != nil {
			e.w.Name("top_logprobs").Int(*r.TopLogprobs)
		}
	case r.Logprobs:
		e.lose(r.Path(llm.FieldLogprobs), noSetting)
	default:
		e.lose(r.Path(llm.FieldTopLogprobs), noSetting)
	}
}

func (e *encoder) stream() {
	r := e.r
	if r.Stream {
		e.w.Name("stream").Bool(true)
		obfuscation := e.t.OpenAI && r.Obfuscation != nil
		if e.t.StreamUsage || obfuscation {
			e.w.Name("stream_options").Open('{')
			if e.t.StreamUsage {
				e.w.Name("include_usage").Bool(true)
			}
			if obfuscation {
				e.w.Name("include_obfuscation").Bool(*r.Obfuscation)
			}
			e.w.Close('}')
		}
	}
	// What a responses client wants stored is no chat object: Weir keeps it.
	if r.Store != nil && e.t.OpenAI && r.Dialect == llm.Chat {
		e.w.Name("store").Bool(*r.Store)
	}
}

// others writes the members that have no field of their own, by what they are:
// those that OpenAI's protocols share are for OpenAI's servers, those that
// change nothing are left out, those that cannot be are lost or refused. What
// nobody knows passes if it comes from a chat client, whose server may well
// know it; of a responses client, whose Codex sends such, it is a hint.
func (e *encoder) others() error {
	for i := range e.r.Others {
		m := &e.r.Others[i]
		if m.Name == "service_tier" {
			e.tier(m)
			continue
		}
		fate, err := dialect.FateOf(m)
		if err != nil {
			return err
		}
		switch {
		case fate == dialect.Shared && e.t.OpenAI, m.Name == "prediction" && e.t.OpenAI,
			fate == dialect.Unknown && e.r.Dialect == llm.Chat:
			e.w.Name(m.Name).Raw(m.Value)
		case fate == dialect.Lost, m.Name == "moderation", fate == dialect.Unknown && e.r.Dialect != llm.Responses:
			e.lose(m.Told(), noSetting)
		}
	}
	return nil
}

func (e *encoder) tier(m *llm.Member) {
	v, _ := jsontree.Parse(m.Value)
	switch name := v.Text(); {
	case e.t.OpenAI && dialect.IsTier(name):
		e.w.Name(m.Name).Text(name)
	case name != "auto" && name != "default":
		e.lose(m.Told(), noSetting)
	}
}
