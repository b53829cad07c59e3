package completions

import (
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	maxStop   = 4 // stop sequences of a request
	noSetting = "the target has no such setting"
)

// EncodeRequest writes r for a target, which completes one text: a request
// that is more than that is refused.
func (Dialect) EncodeRequest(r *llm.Request, t *dialect.Target) (dialect.Encoded, error) {
	e := encoder{r: r, t: t.Traits}
	if err := e.refuse(); err != nil {
		return dialect.Encoded{}, err
	}
	prompt, err := e.prompt()
	if err != nil {
		return dialect.Encoded{}, err
	}
	e.w.Open('{')
	e.w.Name("model").Text(t.Model)
	e.w.Name("prompt").Text(prompt)
	if r.MaxOutput != nil {
		e.w.Name("max_tokens").Int(*r.MaxOutput)
	}
	e.sampling()
	if r.Stream {
		e.w.Name("stream").Bool(true)
		if t.Traits.StreamUsage {
			e.w.Name("stream_options").Open('{').Name("include_usage").Bool(true).Close('}')
		}
	}
	if err := e.others(); err != nil {
		return dialect.Encoded{}, err
	}
	e.w.Close('}')
	return dialect.Encoded{Body: e.w.Bytes(), Losses: e.losses}, nil
}

type encoder struct {
	r      *llm.Request
	t      dialect.Traits
	w      jsontree.Writer
	losses []dialect.Loss
}

func (e *encoder) lose(path, why string) {
	e.losses = append(e.losses, dialect.Loss{Path: path, Why: why})
}

// refuse returns an error for what a prompt cannot say.
func (e *encoder) refuse() error {
	r := e.r
	switch {
	case r.Instructions != "":
		return dialect.Unsupported(r.Path(llm.FieldInstructions))
	case len(r.Tools) > 0 && r.Choice.Mode != llm.ChoiceNone:
		return dialect.Unsupported(r.Path(llm.FieldTools))
	case r.Format.Kind != llm.FormatText:
		return dialect.Unsupported(r.Path(llm.FieldFormat))
	case r.N > 1:
		return dialect.UnsupportedValue(r.Path(llm.FieldN), "one answer at a time is all that can be had here")
	case len(r.Stop) > maxStop:
		return dialect.UnsupportedValue(r.Path(llm.FieldStop), "there can be no more than "+strconv.Itoa(maxStop))
	case r.PreviousID != "":
		return &llm.Error{
			Code: llm.CodePreviousNotFound, Op: "completions.encode_request", Param: r.Path(llm.FieldPreviousID),
			Public: "Previous response with id '" + r.PreviousID + "' not found.",
		}
	}
	return nil
}

// prompt returns the one thing that a user says.
func (e *encoder) prompt() (string, error) {
	var texts []string
	for i := range e.r.Items {
		item := &e.r.Items[i]
		if i > 0 || item.Kind != llm.ItemMessage || item.Role != llm.RoleUser {
			return "", dialect.UnsupportedValue(item.Path, "the target completes what one user says, and knows no conversation")
		}
		for k := range item.Parts {
			if item.Parts[k].Kind != llm.PartText {
				return "", dialect.UnsupportedValue(item.Parts[k].Path, "the target takes text alone")
			}
			texts = append(texts, item.Parts[k].Text)
		}
	}
	return strings.Join(texts, "\n\n"), nil
}

func (e *encoder) number(name string, n llm.Number) {
	if n != "" {
		e.w.Name(name).Raw([]byte(n))
	}
}

func (e *encoder) sampling() {
	r := e.r
	e.number("temperature", r.Temperature)
	e.number("top_p", r.TopP)
	if e.t.TopK {
		e.number("top_k", r.TopK)
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
	for _, lost := range []struct {
		given bool
		field llm.Field
	}{
		{r.TopK != "" && !e.t.TopK, llm.FieldTopK},
		{r.Logprobs, llm.FieldLogprobs},
		{!r.Logprobs && r.TopLogprobs != nil, llm.FieldTopLogprobs},
		{r.Effort != "" && r.Effort != "none", llm.FieldEffort},
		{r.Thinking != "" && r.Thinking != "disabled", llm.FieldThinking},
	} {
		if lost.given {
			e.lose(r.Path(lost.field), noSetting)
		}
	}
}

// others writes the members that have no field of their own: user for OpenAI's
// servers, and what nobody knows of clients of this protocol.
func (e *encoder) others() error {
	for i := range e.r.Others {
		m := &e.r.Others[i]
		fate, err := dialect.FateOf(m)
		if err != nil {
			return err
		}
		switch {
		case m.Name == "user" && e.t.OpenAI, fate == dialect.Unknown && e.r.Dialect == llm.Completions:
			e.w.Name(m.Name).Raw(m.Value)
		case fate == dialect.Lost, m.Name == "moderation", fate == dialect.Unknown && e.r.Dialect != llm.Responses:
			e.lose(m.Told(), noSetting)
		}
	}
	return nil
}
