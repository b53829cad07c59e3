package messages

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// defaultMaxTokens is the limit of an answer where nobody gave one.
const defaultMaxTokens = 8192

// EncodeRequest writes r for a server of the protocol. What a client of the
// same protocol wrote goes as it came, but for what has been changed since.
func (d Dialect) EncodeRequest(r *llm.Request, t *dialect.Target) (dialect.Encoded, error) {
	e := encoder{r: r, t: t.Traits, own: r.Dialect == llm.Messages, counting: d.Counting, losses: dialect.LostTo(llm.Messages, r)}
	if err := e.refuse(); err != nil {
		return dialect.Encoded{}, err
	}
	all, err := e.conversation()
	if err != nil {
		return dialect.Encoded{}, err
	}
	e.j.Open('{').Name("model").Text(t.Model)
	if !d.Counting {
		e.limit()
	}
	e.system(all.system)
	e.j.Name("messages").Open('[')
	for i := range all.messages {
		if err := e.message(&all.messages[i], i == len(all.messages)-1); err != nil {
			return dialect.Encoded{}, err
		}
	}
	e.j.Close(']')
	if err := e.tools(); err != nil {
		return dialect.Encoded{}, err
	}
	e.think()
	if !d.Counting {
		e.sampling()
	}
	if err := e.others(); err != nil {
		return dialect.Encoded{}, err
	}
	e.j.Close('}')
	return dialect.Encoded{Body: e.j.Bytes(), Losses: e.losses}, nil
}

// An encoder writes one request.
type encoder struct {
	r        *llm.Request
	t        dialect.Traits
	own      bool // the client speaks the protocol too
	counting bool
	j        jsontree.Writer
	losses   []dialect.Loss
}

const noSetting = "the target has no such setting"

func (e *encoder) lose(path, why string) {
	e.losses = append(e.losses, dialect.Loss{Path: path, Why: why})
}

// refuse returns an error for what the protocol cannot be asked for.
func (e *encoder) refuse() error {
	r := e.r
	switch {
	case r.N > 1:
		return dialect.UnsupportedValue(r.Path(llm.FieldN), "one answer at a time is all that can be had here")
	case r.Logprobs:
		return dialect.Unsupported(r.Path(llm.FieldLogprobs))
	case r.TopLogprobs != nil && *r.TopLogprobs > 0:
		return dialect.Unsupported(r.Path(llm.FieldTopLogprobs))
	case !zero(r.PresencePenalty):
		return dialect.Unsupported(r.Path(llm.FieldPresencePenalty))
	case !zero(r.FrequencyPenalty):
		return dialect.Unsupported(r.Path(llm.FieldFrequencyPenalty))
	case len(r.LogitBias) > len("{}"):
		return dialect.Unsupported(r.Path(llm.FieldLogitBias))
	case r.PreviousID != "":
		return &llm.Error{
			Code: llm.CodePreviousNotFound, Op: opEncode, Param: r.Path(llm.FieldPreviousID),
			Public: "Previous response with id '" + r.PreviousID + "' not found.",
		}
	case slices.ContainsFunc(r.Stop, func(s string) bool { return strings.TrimSpace(s) == "" }):
		return dialect.UnsupportedValue(r.Path(llm.FieldStop), "a sequence of nothing but white space is not possible with the model that serves this request")
	}
	return nil
}

const opEncode = "messages.encode_request"

// zero reports whether n is 0, or not given.
func zero(n llm.Number) bool {
	f, err := strconv.ParseFloat(string(n), 64)
	return n == "" || err == nil && f == 0
}

func (e *encoder) limit() {
	limit := int64(defaultMaxTokens)
	switch {
	case e.r.MaxOutput != nil:
		limit = *e.r.MaxOutput
	case e.t.MaxTokens > 0:
		limit = e.t.MaxTokens
	}
	e.j.Name("max_tokens").Int(limit)
}

// written returns a member as a client of the same protocol wrote it, absent
// for others.
func (e *encoder) written(name string) jsontree.Value {
	if !e.own {
		return jsontree.Value{}
	}
	for _, m := range e.r.Echo {
		if m.Name == name {
			v, _ := jsontree.Parse(m.Value) // it has been parsed before
			return v
		}
	}
	return jsontree.Value{}
}

// copyRest writes the members of v but these.
func (e *encoder) copyRest(v jsontree.Value, but ...string) {
	for name, m := range v.Members() {
		if !slices.Contains(but, name) {
			e.j.Name(name).Raw(m.Raw())
		}
	}
}

// think writes whether the model is to think, how hard, and what its text must
// look like.
func (e *encoder) think() {
	if e.own {
		e.outputConfig(e.ownThinking())
	} else {
		e.outputConfig(e.effort())
	}
}

// ownThinking writes thinking as the client did. A model that refuses a budget
// is given an effort in its place.
func (e *encoder) ownThinking() (effort string) {
	r, own := e.r, e.written("thinking")
	switch {
	case r.Thinking == "enabled" && e.t.Adaptive:
		e.lose(r.Path(llm.FieldThinking), "the model takes an effort, and no budget")
		e.j.Name("thinking").Open('{').Name("type").Text("adaptive")
		e.copyRest(own, "type", "budget_tokens")
		e.j.Close('}')
		return dialect.Effort(r)
	case r.Thinking == "":
	case own.Given():
		e.j.Name("thinking").Raw(own.Raw())
	default:
		e.j.Name("thinking").Open('{').Name("type").Text(r.Thinking)
		if r.ThinkingBudget != nil {
			e.j.Name("budget_tokens").Int(*r.ThinkingBudget)
		}
		e.j.Close('}')
	}
	return r.Effort
}

// effort returns the effort that other protocols ask for, as this one spells
// it. Models that think as they find right are told to: others would have to
// be told how long. A call that is forced does not go with thinking.
func (e *encoder) effort() string {
	r := e.r
	effort := dialect.Effort(r)
	switch {
	case effort == "" || effort == "none":
		return ""
	case !e.t.Effort && !e.t.Adaptive:
		e.lose(r.Path(llm.FieldEffort), noSetting)
		return ""
	case effort == "minimal":
		e.lose(r.Path(llm.FieldEffort), "the least effort of the target is low")
		effort = "low"
	}
	forced := r.Choice.Mode == llm.ChoiceRequired || r.Choice.Mode == llm.ChoiceNamed || r.Choice.Mode == llm.ChoiceAllowed && r.Choice.Required
	if e.t.Adaptive && !forced {
		e.j.Name("thinking").Open('{').Name("type").Text("adaptive")
		if r.Summary != "" {
			e.j.Name("display").Text("summarized")
		}
		e.j.Close('}')
	}
	return effort
}

func (e *encoder) outputConfig(effort string) {
	own, f := e.written("output_config"), &e.r.Format
	if effort == "" && f.Kind != llm.FormatSchema && own.Len() == 0 {
		return
	}
	e.j.Name("output_config").Open('{')
	if effort != "" {
		e.j.Name("effort").Text(effort)
	}
	if f.Kind == llm.FormatSchema {
		e.j.Name("format").Open('{').Name("type").Text("json_schema").Name("schema")
		if f.Schema != nil {
			e.j.Raw(f.Schema)
		} else {
			e.j.Raw(schemaOf(nil))
		}
		e.copyRest(own.Get("format"), "type", "schema")
		e.j.Close('}')
	}
	e.copyRest(own, "effort", "format")
	e.j.Close('}')
}

// sampling writes how the next token is chosen, and when to stop.
func (e *encoder) sampling() {
	r := e.r
	if r.Temperature != "" {
		n := r.Temperature
		if f, err := strconv.ParseFloat(string(n), 64); err == nil && f > 1 && !e.own {
			e.lose(r.Path(llm.FieldTemperature), "the most that the target takes is 1")
			n = "1"
		}
		e.j.Name("temperature").Raw([]byte(n))
	}
	if r.TopP != "" {
		e.j.Name("top_p").Raw([]byte(r.TopP))
	}
	if r.TopK != "" {
		e.j.Name("top_k").Raw([]byte(r.TopK))
	}
	if len(r.Stop) > 0 {
		e.j.Name("stop_sequences").Open('[')
		for _, s := range r.Stop {
			e.j.Text(s)
		}
		e.j.Close(']')
	}
	if r.Stream {
		e.j.Name("stream").Bool(true)
	}
}

// others writes the members that have no field of their own. Of a client of
// the same protocol they go as they came.
func (e *encoder) others() error {
	if e.own {
		for _, name := range []string{"metadata", "service_tier", "cache_control", "diagnostics", "mcp_servers"} {
			if v := e.written(name); v.Given() {
				e.j.Name(name).Raw(v.Raw())
			}
		}
	}
	user := e.r.Other("safety_identifier")
	if user == nil {
		user = e.r.Other("user")
	}
	if user != nil && !e.own && !e.counting {
		e.j.Name("metadata").Open('{').Name("user_id").Raw(user).Close('}')
	}
	for i := range e.r.Others {
		m := &e.r.Others[i]
		switch {
		case e.own:
			if m.Path == "" {
				e.j.Name(m.Name).Raw(m.Value)
			}
		case e.counting:
		default:
			if err := e.foreign(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreign settles a member of another protocol: what changes nothing of an
// answer is left out, what does is lost or refused. What nobody knows of a
// responses client is a hint: Codex sends such.
func (e *encoder) foreign(m *llm.Member) error {
	value := string(m.Value)
	switch m.Name {
	case "service_tier":
		switch value {
		case `"auto"`:
			e.j.Name(m.Name).Text("auto")
		case `"default"`:
			e.j.Name(m.Name).Text("standard_only")
		default:
			e.lose(m.Told(), noSetting)
		}
	case "conversation", "prompt", "audio":
		return dialect.Unsupported(m.Told())
	case "background":
		if value == "true" {
			return dialect.Unsupported(m.Told())
		}
	case "modalities":
		v, err := jsontree.Parse(m.Value)
		for _, kind := range v.Elements() {
			if !kind.Is("text") {
				return dialect.UnsupportedValue(m.Told(), "text is all that can be answered here")
			}
		}
		return err
	case "truncation":
		if value == `"auto"` {
			e.lose(m.Told(), noSetting)
		}
	case "context_management", "moderation":
		e.lose(m.Told(), noSetting)
	case "prediction", "web_search_options":
	default:
		if !dialect.IsShared(m.Name) && e.r.Dialect != llm.Responses {
			e.lose(m.Told(), noSetting)
		}
	}
	return nil
}
