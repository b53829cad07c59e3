package gateway

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/capability"
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/completions"
	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

// A Profile says how requests are translated for a target.
type Profile struct {
	// Traits are the target's, by the dialect in which it is asked.
	Traits map[llm.Dialect]dialect.Traits

	// Family names the model's family, where its name does not. See
	// capability.Find.
	Family string

	// Policy is what is done with what the model does not know.
	Policy capability.Policy

	// RefuseHosted refuses every tool that would run at a provider, where it
	// cannot.
	RefuseHosted bool

	// KeepAlive is how long a stream may be silent before the client is told
	// that it is still there. Zero means never.
	KeepAlive time.Duration
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

func upstreamCodec(d llm.Dialect) dialect.UpstreamCodec {
	switch d {
	case llm.Chat:
		return chat.Dialect{}
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

	out  []byte // what is to be written to the client
	text int64  // bytes of what the model has put out
	said bool   // the model has put out something
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

// decode returns the request in neutral form.
func (x *exchange) decode() (*llm.Request, error) {
	if x.neutral == nil {
		cost := neutralCost * int64(len(x.body.bytes()))
		if err := x.h.memory.reserve(cost); err != nil {
			return nil, err
		}
		x.decoded = cost
		r, err := clientCodec(x.op.Dialect()).DecodeRequest(x.body.bytes())
		if err != nil {
			return nil, err
		}
		r.Model = x.entry.Model
		x.neutral = r
	}
	return x.neutral, nil
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
	t := &translation{profile: &x.snap.Profiles[x.target.Profile], client: clientCodec(x.op.Dialect()), target: upstreamCodec(spoken)}
	traits := t.profile.Traits[spoken]
	fitted := *r
	items, losses := x.takeBack(r.Items)
	fitted.Items = items
	losses = append(losses, x.fit(&fitted, t.profile)...)
	lowered, tools, lost, err := dialect.Lower(&fitted, traits, t.profile.RefuseHosted)
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
	t.tools = tools
	t.options = dialect.ReplyOptions{
		Request: kept(r), ID: mintedPrefix + strings.ReplaceAll(x.id, "-", ""), Model: x.entry.Model,
		Time: x.start, Now: time.Now, Seal: x.seal,
	}
	x.translation = t
	x.out = x.h.memory.newBuffer()
	if err := x.out.grow(len(encoded.Body)); err != nil {
		return err
	}
	x.out.slab.b = append(x.out.slab.b, encoded.Body...)
	x.forget()
	return nil
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

// kept returns what an answer must know of its request. It lives longer than
// the request's body, to which r refers.
func kept(r *llm.Request) *llm.Request {
	k := *r
	k.Items, k.Tools, k.Choice, k.Format, k.LogitBias = nil, nil, llm.ToolChoice{}, llm.Format{}, nil
	k.Echo, k.Others = slices.Clone(r.Echo), slices.Clone(r.Others)
	for _, members := range [...][]llm.Member{k.Echo, k.Others} {
		for i := range members {
			members[i].Value = bytes.Clone(members[i].Value)
		}
	}
	return &k
}

// mintedPrefix begins every id that Weir makes up, behind the prefix of its
// kind: resp_weir_….
const mintedPrefix = "weir_"

// fit leaves out what the model does not know, by the profile's policy.
func (x *exchange) fit(r *llm.Request, p *Profile) []dialect.Loss {
	var family capability.Family
	for _, name := range [...]string{p.Family, x.entry.Model, x.target.Model} {
		if family = capability.Find(name); family.Known() {
			break
		}
	}
	var losses []dialect.Loss
	for _, c := range capability.Apply(r, family, p.Policy) {
		if c.Loss {
			losses = append(losses, dialect.Loss{Path: r.Path(c.Field), Why: c.Why})
		}
	}
	return losses
}

// The headers of the translated lane.
const (
	headerLossy  = "X-Weir-Lossy"
	headerStrict = "X-Weir-Strict"
	maxLossy     = 2 << 10 // bytes of the header's value
)

// lose tells the client what will not be done, or refuses the request if the
// client wants it as it is or not at all.
func (x *exchange) lose(losses []dialect.Loss) error {
	if strings.EqualFold(x.r.Header.Get(headerStrict), "true") {
		return &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: "gateway.translate", Param: losses[0].Path,
			Public: losses[0].Path + ": " + losses[0].Why + " (x-weir-strict)",
		}
	}
	var b strings.Builder
	for i, l := range losses {
		if slices.ContainsFunc(losses[:i], func(m dialect.Loss) bool { return m.Path == l.Path }) {
			continue // for another reason
		}
		if b.Len()+len(l.Path) > maxLossy {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(headerSafe(l.Path))
	}
	x.w.Header()[headerLossy] = []string{b.String()}
	return nil
}

// headerSafe returns a path without what no header can carry: a client's own
// names may be anything.
func headerSafe(path string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ',' {
			return '?'
		}
		return r
	}, path)
}
