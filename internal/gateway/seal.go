package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/pin"
	"github.com/weir-gateway/weir/internal/upstream"
)

// Reasoning that only its maker can read, or wants to have back, is given to a
// client of another protocol sealed once more: SealPrefix and, in base64url,
// what Options.Seals makes of a thought, with the tenant as additional data.
// The client sends it back with the conversation. Where it opens, and the
// request goes to the upstream that has made it, by the same protocol and with
// the same credential, the upstream gets exactly what it made. Everywhere else
// it gets the text at most. See takeBack, and trim for the express lane.

// maxThought bounds what is sealed, in bytes: reasoning that is longer is not
// carried on.
const maxThought = 4 << 20

// A maker is who alone can read what was sealed.
type maker struct {
	dialect  llm.Dialect // in which the upstream was asked
	upstream string
	account  upstream.Account
	caller   pin.Identity // whose own credential it was called with; nobody, if it was not
}

func (x *exchange) maker() maker {
	o := maker{dialect: x.target.As.Dialect(), upstream: x.target.Upstream, account: x.up.Account()}
	if x.up.Passthrough() {
		o.caller = x.identity()
	}
	return o
}

// A sealedKey tells the items of an answer apart by what is sealed of them.
type sealedKey struct {
	id, payload string
	parts       *llm.Part
}

// seal returns what the client is to keep of item, the same each time.
func (x *exchange) seal(item *llm.Item) string {
	k := sealedKey{id: item.ID, payload: item.Sealed}
	if len(item.Parts) > 0 {
		k.parts = &item.Parts[0]
	}
	s, ok := x.translation.sealed[k]
	if !ok {
		s = x.sealAnew(item)
		if x.translation.sealed == nil {
			x.translation.sealed = make(map[sealedKey]string, 1)
		}
		x.translation.sealed[k] = s
	}
	return s
}

func (x *exchange) sealAnew(item *llm.Item) string {
	if item.Sealed == "" && len(item.Parts) == 0 {
		return ""
	}
	parts := item.Parts
	if item.Sealed == "" && x.op.Dialect() == llm.Messages {
		parts = nil // clients send it back as it is, and nobody checks it
	}
	b := writeThought(x.maker(), item, parts)
	if len(b) > maxThought {
		return ""
	}
	sealed := x.h.seals.Seal(nil, b, []byte(x.caller.Principal.Tenant))
	return dialect.SealPrefix + base64.RawURLEncoding.EncodeToString(sealed)
}

// takeBack returns items with what Weir has sealed for x's target as the
// target made it, and without what others have sealed: they would be refused
// for it. The loss is the first of those.
func (x *exchange) takeBack(items []llm.Item) ([]llm.Item, []dialect.Loss) {
	var losses []dialect.Loss
	var out []llm.Item
	var here maker
	for i := range items {
		if items[i].Sealed == "" {
			continue
		}
		if out == nil {
			out = append(out, items...)
			if !x.mended.Foreign { // else nobody here can read any of it
				here = x.maker()
			}
		}
		item := &out[i]
		from, t, ok := x.unseal(item.Sealed)
		item.Sealed, item.Redacted = "", false
		if !ok || from != here && t.payload != "" {
			if losses == nil {
				losses = []dialect.Loss{{Path: item.Path, Why: "only the upstream that has made it can read it"}}
			}
		}
		if !ok {
			continue
		}
		if from == here {
			item.ID, item.Sealed, item.Redacted = t.id, t.payload, t.redacted
		}
		if len(item.Parts) == 0 || from == here && (t.payload != "" || len(t.parts) > 0) {
			item.Parts = t.parts
		}
	}
	if out == nil {
		return items, nil
	}
	return out, losses
}

// unseal opens what a client has kept. It returns false for whatever was not
// sealed here for the tenant.
func (x *exchange) unseal(sealed string) (maker, thought, bool) {
	rest, ours := strings.CutPrefix(sealed, dialect.SealPrefix)
	if !ours || len(rest) > 2*maxThought {
		return maker{}, thought{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil {
		return maker{}, thought{}, false
	}
	b, err := x.h.seals.Open(nil, raw, []byte(x.caller.Principal.Tenant))
	if err != nil {
		return maker{}, thought{}, false
	}
	from, t, err := readThought(b)
	return from, t, err == nil
}

// A thought is what is sealed of an item.
type thought struct {
	id       string // as its maker calls it
	payload  string // what its maker alone can read
	redacted bool
	parts    []llm.Part
}

// thoughtVersion begins a thought: one of another form is not taken back.
const thoughtVersion = 1

// writeThought returns what readThought reads: the version, who can read it and
// what, each text with its length in front.
func writeThought(from maker, item *llm.Item, parts []llm.Part) []byte {
	var b []byte
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	redacted := byte(0)
	if item.Redacted {
		redacted = 1
	}
	b = append(b, thoughtVersion, redacted)
	b = append(b, from.account[:]...)
	b = append(b, from.caller[:]...)
	text(string(from.dialect))
	text(from.upstream)
	text(item.ID)
	text(item.Sealed)
	for i := range parts {
		b = append(b, byte(parts[i].Kind))
		text(parts[i].Text)
	}
	return b
}

var errThought = errors.New("gateway: no thought")

func readThought(b []byte) (from maker, t thought, err error) {
	head := 2 + len(from.account) + len(from.caller)
	if len(b) < head || b[0] != thoughtVersion {
		return maker{}, thought{}, errThought
	}
	t.redacted = b[1] == 1
	copy(from.account[:], b[2:])
	copy(from.caller[:], b[2+len(from.account):])
	b = b[head:]
	text := func() string {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			err = errThought
			b = nil
			return ""
		}
		s := string(b[size : size+int(n)])
		b = b[size+int(n):]
		return s
	}
	from.dialect = llm.Dialect(text())
	from.upstream = text()
	t.id = text()
	t.payload = text()
	for len(b) > 0 {
		kind := llm.PartKind(b[0])
		b = b[1:]
		t.parts = append(t.parts, llm.Part{Kind: kind, Text: text()})
	}
	if err != nil {
		return maker{}, thought{}, err
	}
	return from, t, nil
}
