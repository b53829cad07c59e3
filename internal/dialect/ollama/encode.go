package ollama

import (
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// EncodeRequest writes r for a server.
//
// Source: https://github.com/ollama/ollama, api/types.go, ChatRequest, read
// 2026-11-21.
func (Dialect) EncodeRequest(r *llm.Request, t *dialect.Target) (dialect.Encoded, error) {
	e := encoder{r: r, t: t.Traits, losses: dialect.LostTo(llm.Ollama, r)}
	if err := e.refuse(); err != nil {
		return dialect.Encoded{}, err
	}
	e.t.Reasoning, e.t.Developer = "thinking", false // it is always taken back, and templates know no developers
	turns, losses, err := dialect.Turns(r, e.t)
	if err != nil {
		return dialect.Encoded{}, err
	}
	e.losses = append(e.losses, losses...)
	e.w.Open('{').Name("model").Text(t.Model).Name("messages").Open('[')
	for i := range turns {
		if err := e.message(&turns[i]); err != nil {
			return dialect.Encoded{}, err
		}
	}
	e.w.Close(']').Name("stream").Bool(r.Stream) // it streams unless told not to
	if err := e.tools(); err != nil {
		return dialect.Encoded{}, err
	}
	e.format()
	e.think()
	e.options()
	e.logprobs()
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

// refuse returns an error for what cannot be asked of the protocol.
func (e *encoder) refuse() error {
	r := e.r
	switch {
	case r.N > 1:
		return dialect.UnsupportedValue(r.Path(llm.FieldN), "one answer at a time is all that can be had here")
	case r.PreviousID != "":
		return &llm.Error{
			Code: llm.CodePreviousNotFound, Op: "ollama.encode_request", Param: r.Path(llm.FieldPreviousID),
			Public: "Previous response with id '" + r.PreviousID + "' not found.",
		}
	}
	return nil
}

func (e *encoder) format() {
	switch f := &e.r.Format; {
	case f.Kind == llm.FormatObject, f.Kind == llm.FormatSchema && f.Schema == nil:
		e.w.Name("format").Text("json")
	case f.Kind == llm.FormatSchema:
		e.w.Name("format").Raw(f.Schema)
	}
}

// think writes how much the model is to think: a level, or whether at all. A
// model that knows no levels thinks at each of them.
func (e *encoder) think() {
	r := e.r
	switch effort := dialect.Effort(r); effort {
	case "":
		if r.Thinking == "enabled" || r.Thinking == "adaptive" {
			e.w.Name("think").Bool(true)
		}
	case "none":
		e.w.Name("think").Bool(false)
	case "minimal":
		e.nearest("low")
	case "low", "medium", "high", "max":
		e.w.Name("think").Text(effort)
	default: // xhigh, ultra: what is above high
		e.nearest("high")
	}
	if r.Effort == "" && r.ThinkingBudget != nil {
		e.lose(r.Path(llm.FieldThinking), "the target knows efforts, and no budget")
	}
}

// nearest writes a level in the place of one that the server does not know.
func (e *encoder) nearest(level string) {
	e.w.Name("think").Text(level)
	e.lose(e.r.Path(llm.FieldEffort), "the nearest effort that the target knows is "+level)
}

// options writes the options of the model's runner. What the client does not
// say is left to the model's own file.
func (e *encoder) options() {
	r, w := e.r, &e.w
	w.Name("options").Open('{')
	if r.MaxOutput != nil {
		w.Name("num_predict").Int(*r.MaxOutput)
	}
	for _, n := range [...]struct {
		name  string
		value llm.Number
	}{
		{"temperature", r.Temperature},
		{"top_p", r.TopP},
		{"top_k", r.TopK},
		{"seed", r.Seed},
		{"presence_penalty", r.PresencePenalty},
		{"frequency_penalty", r.FrequencyPenalty},
	} {
		if n.value != "" {
			w.Name(n.name).Raw([]byte(n.value))
		}
	}
	if len(r.Stop) > 0 {
		w.Name("stop").Open('[')
		for _, s := range r.Stop {
			w.Text(s)
		}
		w.Close(']')
	}
	if e.t.NumCtx > 0 {
		w.Name("num_ctx").Int(e.t.NumCtx)
	}
	w.Close('}')
	if keep := e.t.KeepAlive; keep != "" {
		if _, err := strconv.ParseInt(keep, 10, 64); err == nil {
			w.Name("keep_alive").Raw([]byte(keep)) // seconds
		} else {
			w.Name("keep_alive").Text(keep)
		}
	}
	if v, err := jsontree.Parse(r.LogitBias); err == nil && v.Len() > 0 {
		e.lose(r.Path(llm.FieldLogitBias), noSetting)
	}
}

func (e *encoder) logprobs() {
	if e.r.Logprobs || e.r.TopLogprobs != nil {
		e.w.Name("logprobs").Bool(true)
	}
	if e.r.TopLogprobs != nil {
		e.w.Name("top_logprobs").Int(*e.r.TopLogprobs)
	}
}

// others deals with the members that have no field, none of which the protocol
// has: those that change nothing are left out, the rest is lost or refused.
func (e *encoder) others() error {
	for i := range e.r.Others {
		m := &e.r.Others[i]
		value := string(m.Value)
		switch {
		case m.Name == "service_tier":
			if value != `"auto"` && value != `"default"` {
				e.lose(m.Told(), noSetting)
			}
		case m.Name == "moderation":
			e.lose(m.Told(), noSetting)
		case dialect.IsShared(m.Name), m.Name == "prediction":
		case slices.Contains([]string{"conversation", "prompt", "audio"}, m.Name), m.Name == "background" && value == "true":
			return dialect.Unsupported(m.Told())
		case m.Name == "modalities":
			if v, err := jsontree.Parse(m.Value); err != nil || !textAlone(v) {
				return dialect.UnsupportedValue(m.Told(), "text is all that can be answered here")
			}
		case m.Name == "truncation" && value == `"auto"`, m.Name == "context_management", e.r.Dialect != llm.Responses:
			e.lose(m.Told(), noSetting)
		}
	}
	return nil
}

// textAlone reports whether modalities are ["text"].
func textAlone(v jsontree.Value) bool {
	for _, m := range v.Elements() {
		if !m.Is("text") {
			return false
		}
	}
	return true
}
