package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// DefaultTenant owns every key that names no tenant, and every request on a
// listener without keys.
const DefaultTenant = "default"

// A Key is a secret that admits a client.
type Key struct {
	Name     string
	Tenant   string        // empty means [DefaultTenant]
	Secret   string        // what the client sends; not kept
	Models   []llm.Pattern // names the key may use; empty means all
	Disabled bool          // as if the key were not there

	// KeepNothing says that nothing is kept of what the key asks, whatever its
	// requests say.
	KeepNothing  bool
	Strict       bool // see Principal
	RefuseHosted bool
	Explain      bool // whoever has it may ask why a request went where it went

	Routing Routing
}

// Routing is what a key says of where its requests go. It is immutable.
type Routing struct {
	// Roles and Metadata are what rules can see of the key.
	Roles    []string
	Metadata map[string]string

	// Prefer is what its requests prefer of targets, empty if nothing. See
	// package route.
	Prefer string

	// Labels are what targets must have.
	Labels []llm.Label

	// Choices are the upstreams that a client may choose, if Restricted. Else it
	// may choose any.
	Choices    []string
	Restricted bool
}

// A Principal is who a request acts for. It is immutable.
type Principal struct {
	Tenant string
	Key    string // the key's name; empty on a listener without keys

	// Strict refuses what could not be done as it is asked for, RefuseHosted
	// every tool that would run at a provider.
	Strict, RefuseHosted bool

	Routing
	models []llm.Pattern

	keepNothing bool

	// MayExplain says that p may ask why a request went where it went.
	MayExplain bool
}

// KeepsNothing reports whether nothing may be kept of what p asks, here or by
// an upstream, whatever its requests say.
func (p *Principal) KeepsNothing() bool { return p.keepNothing }

// MayUse reports whether p may ask for model.
func (p *Principal) MayUse(model string) bool {
	if len(p.models) == 0 {
		return true
	}
	for _, m := range p.models {
		if m.Match(model) {
			return true
		}
	}
	return false
}

// MayChoose reports whether p may choose an upstream.
func (p *Principal) MayChoose(upstream string) bool {
	return !p.Restricted || slices.Contains(p.Choices, upstream)
}

// MayUseAll reports whether p may ask for every model, wherever it is served.
func (p *Principal) MayUseAll() bool {
	return len(p.Labels) == 0 && (len(p.models) == 0 || slices.Contains(p.models, "*"))
}

// MustBeRead says why p's requests must be read, "" if they need not be.
func (p *Principal) MustBeRead() string {
	switch {
	case !p.MayUseAll():
		return "may not use every model"
	case p.RefuseHosted:
		return "may not use hosted tools"
	}
	return ""
}

// A Credential is a secret as a client sent it.
type Credential struct {
	Value  string
	Header string // canonical name of the header it came in; empty if there is none
}

// A Caller is what a request's headers say.
type Caller struct {
	Principal *Principal

	// Own is the credential that is not Weir's: what an upstream with
	// `auth: passthrough` is called with. Its zero value means there is none.
	Own Credential

	// OwnErr says why Own cannot be used although something was sent: it was
	// ambiguous, or it is one of Weir's own keys. It matters only to an
	// upstream with `auth: passthrough`.
	OwnErr error
}

// Keys knows every key. It is immutable and may be used by several goroutines
// at once.
type Keys struct {
	pepper   [32]byte // random: the order of the map tells nothing about secrets
	byDigest map[[32]byte]*Principal
	byName   map[string]*Principal
	disabled map[[32]byte]bool // still never forwarded
	nobody   *Principal        // nil if keys are demanded
}

// New returns the set of keys. If there are none at all, every request is let
// in as the default tenant. A set in which every key is disabled lets nobody
// in.
func New(keys []Key) *Keys {
	k := &Keys{byDigest: make(map[[32]byte]*Principal, len(keys)), byName: make(map[string]*Principal, len(keys)), disabled: make(map[[32]byte]bool)}
	if _, err := rand.Read(k.pepper[:]); err != nil {
		panic("auth: no random bytes: " + err.Error()) // crypto/rand never fails on a supported system
	}
	if len(keys) == 0 {
		k.nobody = &Principal{Tenant: DefaultTenant, MayExplain: true}
	}
	for _, key := range keys {
		if key.Disabled {
			k.disabled[k.digest(key.Secret)] = true
			continue
		}
		tenant := key.Tenant
		if tenant == "" {
			tenant = DefaultTenant
		}
		p := &Principal{
			Tenant: tenant, Key: key.Name, Strict: key.Strict, RefuseHosted: key.RefuseHosted, models: key.Models,
			keepNothing: key.KeepNothing, MayExplain: key.Explain, Routing: key.Routing,
		}
		k.byDigest[k.digest(key.Secret)], k.byName[key.Name] = p, p
	}
	return k
}

// Named returns the principal of the key with a name, or where no key is
// demanded the one that everybody is, whose name is empty. One that is disabled
// is not there.
func (k *Keys) Named(name string) (*Principal, bool) {
	if k.nobody != nil {
		return k.nobody, name == ""
	}
	p, ok := k.byName[name]
	return p, ok
}

// Demanded reports whether a request needs a key.
func (k *Keys) Demanded() bool { return k.nobody == nil }

// Authenticate finds the caller. Weir's key is the value of x-weir-key, else
// the one value found in Authorization: Bearer, x-api-key and api-key, where
// equal values count once.
//
// Its errors are *llm.Error with [llm.CodeMissingKey], [llm.CodeInvalidKey] or
// [llm.CodeAmbiguousCredentials]. Unknown and disabled keys cannot be told
// apart by answer or by time.
func (k *Keys) Authenticate(h http.Header) (Caller, error) {
	own, ownErr := ownCredential(h)
	if k.nobody != nil {
		return Caller{Principal: k.nobody, Own: own, OwnErr: ownErr}, nil
	}
	if v := h["X-Weir-Key"]; len(v) > 0 {
		key, err := single("X-Weir-Key", v)
		if err != nil {
			return Caller{}, err
		}
		p, err := k.lookup(key)
		if err != nil {
			return Caller{}, err
		}
		c := Caller{Principal: p, Own: own, OwnErr: ownErr}
		if own.Value != "" && k.isOurs(own.Value) {
			c.Own, c.OwnErr = Credential{}, errOurs
		}
		return c, nil
	}
	if ownErr != nil {
		return Caller{}, ownErr
	}
	if own.Value == "" {
		e := &llm.Error{Code: llm.CodeMissingKey, Op: "auth.authenticate"}
		if len(h["Authorization"]) > 0 {
			e.Public = "no API key was given: the Authorization header must be the word Bearer, a space, and the key"
		}
		return Caller{}, e
	}
	p, err := k.lookup(own.Value)
	if err != nil {
		return Caller{}, err
	}
	return Caller{Principal: p, OwnErr: errOurs}, nil
}

// AuthenticateApart finds the principal of a request whose credentials are an
// upstream's, and go there as they are: Weir's key is the value of x-weir-key,
// and nothing else. Its errors are those of Authenticate, and one if a key of
// Weir's stands in another header.
func (k *Keys) AuthenticateApart(h http.Header) (*Principal, error) {
	for name, values := range h {
		for _, v := range values {
			if name != "X-Weir-Key" && k.nobody == nil && (k.isOurs(strings.TrimSpace(v)) || k.isOurs(strings.TrimSpace(bearer(v)))) {
				return nil, errApart
			}
		}
	}
	if k.nobody != nil {
		return k.nobody, nil
	}
	v := h["X-Weir-Key"]
	if len(v) == 0 {
		return nil, errApart
	}
	key, err := single("X-Weir-Key", v)
	if err != nil {
		return nil, err
	}
	return k.lookup(key)
}

// errApart says where the key of a request that passes as it is has its place.
var errApart error = &llm.Error{ // immutable
	Code: llm.CodeMissingKey, Op: "auth.authenticate",
	Public: "what is sent here goes on to the upstream as it is: send Weir's key in x-weir-key alone, and the upstream's where it wants it",
}

func (k *Keys) lookup(secret string) (*Principal, error) {
	if p, ok := k.byDigest[k.digest(secret)]; ok {
		return p, nil
	}
	return nil, &llm.Error{Code: llm.CodeInvalidKey, Op: "auth.authenticate", Err: unknownKeyError(secret)}
}

func (k *Keys) isOurs(secret string) bool {
	d := k.digest(secret)
	_, ok := k.byDigest[d]
	return ok || k.disabled[d]
}

func (k *Keys) digest(secret string) [32]byte {
	var b [256]byte
	buf := append(append(b[:0], k.pepper[:]...), secret...)
	return sha256.Sum256(buf)
}

// unknownKeyError is a key that nobody has, shown as the beginning of its SHA-256
// so that an operator can compare it with `printf %s KEY | sha256sum`.
type unknownKeyError string

func (u unknownKeyError) Error() string {
	sum := sha256.Sum256([]byte(u))
	return "unknown key, sha256 " + hex.EncodeToString(sum[:4]) + "…"
}

// errOurs says why a caller has no credential of its own.
var errOurs error = &llm.Error{ // immutable
	Code: llm.CodeMissingKey, Op: "auth.authenticate",
	Public: "this model's upstream is called with the caller's own credential: send Weir's key in x-weir-key and the upstream's in Authorization, api-key or x-api-key",
}

// ownCredential returns the one value in the headers that clients send their
// keys in.
func ownCredential(h http.Header) (Credential, error) {
	var found Credential
	for _, name := range [...]string{"Authorization", "X-Api-Key", "Api-Key"} {
		for _, v := range h[name] {
			if name == "Authorization" {
				v = bearer(v)
			}
			v = strings.TrimSpace(v)
			switch {
			case v == "" || v == found.Value:
			case found.Value == "":
				found = Credential{Value: v, Header: name}
			default:
				return Credential{}, &llm.Error{Code: llm.CodeAmbiguousCredentials, Op: "auth.authenticate"}
			}
		}
	}
	return found, nil
}

func single(name string, values []string) (string, error) {
	for _, v := range values[1:] {
		if v != values[0] {
			return "", &llm.Error{
				Code: llm.CodeAmbiguousCredentials, Op: "auth.authenticate",
				Public: "two different values were given in " + strings.ToLower(name),
			}
		}
	}
	return strings.TrimSpace(values[0]), nil
}

// bearer returns the token of an Authorization header, or "" if its scheme is
// another one. The scheme's case does not matter (RFC 9110 §11.1).
func bearer(v string) string {
	const scheme = "bearer "
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return ""
	}
	return v[len(scheme):]
}
