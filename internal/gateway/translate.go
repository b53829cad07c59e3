package gateway

import (
	"slices"
	"time"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/completions"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Profile says how requests are translated for a target.
type Profile struct {
	// Traits are the target's, by the dialect in which it is asked.
	Traits map[llm.Dialect]dialect.Traits

	// Family names the model's family, where its name does not. See
	// capability.Find.
	Family string

	// Efforts are the values of reasoning effort that the model knows. Nil
	// means those of its family.
	Efforts []string

	// Policy is what is done with what the model does not know, in every lane.
	// Empty means capability.Safe where requests are translated, and else
	// capability.Off.
	Policy capability.Policy

	// Search is what becomes of a search of the web.
	Search capability.Search

	// RefuseHosted refuses every tool that would run at a provider.
	RefuseHosted bool

	// Strict refuses what could not be done as it is asked for.
	Strict bool

	// KeepAlive is how long a stream may be silent before the client is told
	// that it is still there. Zero means never.
	KeepAlive time.Duration

	// Trim is what is taken out of every request in the Responses protocol, in
	// every lane: ids, for an upstream that does not take them back. With Store
	// it keeps what it answers, whatever the client says.
	Trim dialect.Trim
}

// clientCodec and upstreamCodec return the halves of d's codec, nil if there
// is none.
func clientCodec(d llm.Dialect) dialect.ClientCodec {
	switch d {
	case llm.Chat:
		return chat.Dialect{}
	case llm.Responses:
		return responses.Dialect{}
	case llm.Messages:
		return messages.Dialect{}
	case llm.Completions:
		return completions.Dialect{}
	default:
		return nil
	}
}

func upstreamCodec(d llm.Dialect, t dialect.Traits) dialect.UpstreamCodec {
	switch d {
	case llm.Chat:
		return chat.Dialect{ThinkTags: t.ThinkTags}
	case llm.Responses:
		return responses.Dialect{}
	case llm.Messages:
		return messages.Dialect{}
	case llm.Completions:
		return completions.Dialect{}
	case llm.Ollama:
		return ollama.Dialect{}
	default:
		return nil
	}
}

// A translation is what an exchange needs of the translated lane: the
// protocols of both sides, and the answer as far as it has come.
type translation struct {
	profile *Profile
	client  dialect.ClientCodec
	target  dialect.UpstreamCodec
	tools   llm.ToolMap
	options dialect.ReplyOptions
	builder *llm.Builder
	writer  dialect.StreamWriter // nil until a stream has begun

	sealed map[sealedKey]string // what the client has been given to keep; nil if nothing

	echo *buffer // what the answer repeats of the request

	out  []byte // what is to be written to the client
	text int64  // bytes of what the model has put out
	kept int64  // bytes that the builder has to keep, about
	said bool   // the model has put out something
}

// free gives back what the exchange need not have any more.
func (t *translation) free() {
	if t != nil && t.echo != nil {
		t.echo.drop()
		t.echo = nil
	}
}

// over reports whether the answer has come to its end.
func (t *translation) over() bool { return t.builder != nil && t.builder.Over() }

// usage returns what the upstream has reported.
func (t *translation) usage() llm.Usage {
	if t.builder == nil {
		return llm.Usage{}
	}
	return t.builder.Reply().Usage
}

// neutralCost is how much memory a request in neutral form takes, by the byte
// of its body: more for many short items, less for a few long texts.
const neutralCost = 4

// decode returns the request in neutral form. It is decoded once, however
// often it is asked for.
func (x *exchange) decode() (*llm.Request, error) {
	if x.neutral == nil && x.notNeutral == nil {
		x.neutral, x.notNeutral = x.decodeBody()
	}
	return x.neutral, x.notNeutral
}

func (x *exchange) decodeBody() (*llm.Request, error) {
	cost := neutralCost * int64(len(x.body.bytes()))
	if x.recalled != nil {
		cost += neutralCost * x.recalled.reserved
	}
	if err := x.h.memory.reserve(cost); err != nil {
		return nil, err
	}
	x.decoded = cost
	codec := clientCodec(x.op.Dialect())
	if x.op == llm.OpCountTokens {
		codec = messages.Dialect{Counting: true}
	}
	r, err := codec.DecodeRequest(x.body.bytes())
	if err != nil {
		return nil, err
	}
	r.Model = x.entry.Model
	if err := x.goesOn(r); err != nil {
		return nil, err
	}
	return r, nil
}

// needs returns the features that the request uses. One that cannot be read
// needs none: whoever serves it will say what is wrong.
func (x *exchange) needs() llm.Features {
	r, err := x.decode()
	if err != nil {
		return 0
	}
	return r.Needs()
}

// translate sets x.out to the request in the target's protocol.
func (x *exchange) translate() error {
	r, err := x.decode()
	if err != nil {
		return err
	}
	spoken := x.target.As.Dialect()
	t := &translation{profile: &x.snap.Profiles[x.target.Profile], client: clientCodec(x.op.Dialect())}
	traits := t.profile.Traits[spoken]
	if spoken == llm.Messages { // whose models differ in how they are told to think
		traits.Adaptive = x.adaptive()
		traits.Effort = traits.Adaptive
	}
	t.target = upstreamCodec(spoken, traits)
	if x.target.As.Counts() {
		t.target = countingCodec(spoken)
	}
	fitted := *r
	items, losses := x.takeBack(r.Items)
	fitted.Items, fitted.Store = items, nil
	if x.op == llm.OpChat && x.req.Kept { // what is made of it is no chat completion, and could not be asked for
		losses = append(losses, dialect.Loss{Path: r.Path(llm.FieldStore), Why: "the upstream of this model keeps no chat completions"})
	}
	fit := x.rules()
	unfit, err := capability.Apply(&fitted, fit)
	if err != nil {
		return err
	}
	losses = append(append(losses, unfit...), x.lowered...)
	traits.MaxCompletionTokens = traits.MaxCompletionTokens || fit.LimitsCompletion()
	lowered, tools, lost, err := dialect.Lower(&fitted, traits, x.refusesHosted())
	if err != nil {
		return err
	}
	losses = append(losses, lost...)
	encoded, err := t.target.EncodeRequest(lowered, &dialect.Target{Model: x.target.Model, Traits: traits})
	if err != nil {
		return err
	}
	if losses = append(losses, encoded.Losses...); len(losses) > 0 {
		if err := x.lose(losses); err != nil {
			return err
		}
	}
	t.tools, x.translation = tools, t
	asked, err := t.remember(r, &x.h.memory)
	if err != nil {
		return err
	}
	id := mint()
	t.options = dialect.ReplyOptions{
		Request: asked, ID: id, Model: x.entry.Model,
		Time: x.start, Now: time.Now, Seal: x.seal,
	}
	if trim := x.configuredTrim(); spoken == llm.Responses && !trim.None() {
		edits, _ := responses.Dialect{}.Trim(encoded.Body, trim)
		encoded.Body = jsonscan.Splice(nil, encoded.Body, edits...)
	}
	x.out = x.h.memory.newBuffer()
	if err := x.out.become(encoded.Body); err != nil {
		return err
	}
	x.forget()
	if err := x.keepHere(id); err != nil {
		return err
	}
	t.options.Store = x.keeping != nil
	return nil
}

// remember returns what the answer must know of r, in bytes of its own: those
// of the body will be another request's as soon as it has been sent.
func (t *translation) remember(r *llm.Request, m *memory) (*llm.Request, error) {
	asked := *r
	asked.Items, asked.Tools, asked.Choice, asked.Format = nil, nil, llm.ToolChoice{}, llm.Format{}
	asked.LogitBias, asked.Others, asked.Lost, asked.Instructions = nil, nil, nil, ""
	size := 0
	for i := range r.Echo {
		size += len(r.Echo[i].Value)
	}
	if size == 0 {
		return &asked, nil
	}
	t.echo = m.newBuffer()
	if err := t.echo.grow(size); err != nil {
		return nil, err
	}
	asked.Echo = slices.Clone(r.Echo)
	b := t.echo.slab.b // does not move: there is room for all
	for i, said := range r.Echo {
		at := len(b)
		b = append(b, said.Value...)
		asked.Echo[i].Value = b[at:len(b):len(b)]
	}
	return &asked, nil
}

// forget gives back the request in neutral form.
func (x *exchange) forget() {
	if x.decoded == 0 {
		return
	}
	x.neutral = nil
	x.h.memory.used.Add(-x.decoded)
	x.decoded = 0
}
