package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ErrSealed is returned for everything that does not open: it was not sealed
// here, or not for this purpose, or not with the same additional data, or it
// was changed. Which of these it was is not told.
var ErrSealed = errors.New("secret: it does not open")

const (
	version  = 1
	idSize   = 4
	saltSize = 12
	headSize = 1 + idSize + saltSize

	// Overhead is how many bytes longer something is when it is sealed.
	Overhead = headSize + 12 + 16 // nonce and tag
)

// A Box seals and opens for one purpose. It is immutable, may be used by many
// goroutines at once, and prints, logs and marshals as "[redacted]".
type Box struct {
	keys func() []key // the first seals
}

type key struct {
	id     [idSize]byte
	secret []byte // of the purpose
}

// Box returns what seals for a purpose. Whoever has the same root and names
// the same purpose can open it.
func (r *Root) Box(purpose string) *Box {
	var keys []key
	for _, s := range r.reveal() {
		keys = append(keys, key{id: [idSize]byte(derive(s, "id")), secret: derive(s, "seal "+purpose)})
	}
	return &Box{func() []key { return keys }}
}

// Seal appends plaintext, sealed, to dst. It opens only with the same
// additional data, which is not in it. The memory of dst must not be that of
// the others.
func (b *Box) Seal(dst, plaintext, additional []byte) []byte {
	k := &b.keys()[0]
	start := len(dst)
	dst = append(dst, version)
	dst = append(dst, k.id[:]...)
	dst = append(dst, random(saltSize)...)
	head := [headSize]byte(dst[start:])
	return k.aead(head[1+idSize:]).Seal(dst, nil, plaintext, bind(head[:], additional)) //nolint:gosec // nil: the cipher makes a random nonce itself
}

// Open appends what sealed holds to dst. The error is [ErrSealed], whatever is
// wrong.
func (b *Box) Open(dst, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrSealed
	}
	head, rest := sealed[:headSize], sealed[headSize:]
	for _, k := range b.keys() {
		if k.id != [idSize]byte(head[1:]) {
			continue
		}
		if out, err := k.aead(head[1+idSize:]).Open(dst, nil, rest, bind(head, additional)); err == nil {
			return out, nil
		}
	}
	return nil, ErrSealed
}

// Seals reports whether the secret that seals now has sealed this, and not one
// behind it in the list. Only what opens is known to be sealed at all.
func (b *Box) Seals(sealed []byte) bool {
	return len(sealed) >= Overhead && sealed[0] == version && b.keys()[0].id == [idSize]byte(sealed[1:])
}

// bind returns the additional data with the head before it, whose length is
// fixed.
func bind(head, additional []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(additional)), head...), additional...)
}

// aead returns the cipher of one sealing. It has its nonce in what it seals.
func (k *key) aead(salt []byte) cipher.AEAD {
	one, err := hkdf.Expand(sha256.New, k.secret, string(salt), Size)
	if err != nil {
		panic("secret: " + err.Error()) // only for lengths that SHA-256 cannot give
	}
	block, err := aes.NewCipher(one)
	if err != nil {
		panic("secret: " + err.Error()) // only for other lengths of keys
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: " + err.Error()) // only for other blocks than those of AES
	}
	return gcm
}

// String returns "[redacted]".
func (b Box) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (b Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is [Box.String] for package slog.
func (b Box) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is [Box.String] for encoders.
func (b Box) MarshalText() ([]byte, error) { return []byte(redacted), nil }
