package route

import (
	"crypto/sha256"
	"encoding/binary"
)

// An Anchor is something that a request may have in common with an earlier
// one, which was served by a target that this one should go to as well.
type Anchor struct {
	// Sum stands for it, for a table of who has served what. It tells the
	// tenants, and the kinds of anchors, apart.
	Sum [16]byte

	// Required says that nobody but who has served it before can read all of
	// the request: see [Facts.Bound]. Any other anchor is a preference.
	Required bool

	Why string // for people
}

// Links are what a request says of those before it. Empty fields are not
// given.
type Links struct {
	Tenant, Key, Model string // whose request, and the name it asks for

	PreviousID string   // of the response that it goes on with
	Sealed     []string // encrypted reasoning in it, the newest first
	CacheKey   string   // prompt_cache_key

	Header func(name string) string
}

// maxSealed bounds how much of a conversation's reasoning is looked for: who
// has made the newest has made the rest, or it was left out then.
const maxSealed = 4

// sessionHeaders are those by which clients name a conversation.
//
// Source: Codex CLI 0.169 sends session_id and x-codex-turn-state, read
// 2026-11-21; x-session-id is what other gateways take.
var sessionHeaders = [...]string{"session_id", "x-session-id", "x-codex-turn-state"} // immutable

// Anchors returns what l has in common with earlier requests, the surest first:
// the response it goes on with, reasoning that only its maker can read, the key
// of a prompt's cache, the client's own name of the conversation, and at last
// who asks and for what, which keeps the requests of a key together. That a
// response is kept by one upstream alone is not decided here: see
// [Facts.Pinned].
func Anchors(l *Links) []Anchor {
	var all []Anchor
	add := func(why string, required bool, parts ...string) {
		all = append(all, Anchor{Sum: sum(why, l.Tenant, parts), Required: required, Why: why})
	}
	if l.PreviousID != "" {
		add("previous response", false, l.PreviousID)
	}
	for i, s := range l.Sealed {
		if i == maxSealed {
			break
		}
		add("encrypted reasoning", true, s)
	}
	if l.CacheKey != "" {
		add("prompt cache key", false, l.CacheKey)
	}
	if l.Header != nil {
		for _, name := range sessionHeaders {
			if v := l.Header(name); v != "" {
				add("header "+name, false, v)
			}
		}
	}
	add("key and model", false, l.Key, l.Model)
	return all
}

// sum returns a hash of parts, each with its length in front.
func sum(kind, tenant string, parts []string) (out [16]byte) {
	h := sha256.New()
	write := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		_, _ = h.Write(n[:]) // never fails
		_, _ = h.Write([]byte(s))
	}
	write(kind)
	write(tenant)
	for _, p := range parts {
		write(p)
	}
	copy(out[:], h.Sum(nil))
	return out
}
