package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	// Size is the length of a secret in bytes.
	Size = 32

	// maxSecrets is how many a list may have.
	maxSecrets = 16
)

// A Root is the root secret. It is immutable, may be used by many goroutines
// at once, and prints, logs and marshals as "[redacted]". The zero Root is not
// usable: see [Parse], [Open] and [Random].
type Root struct {
	// A function, because fmt prints every other kind of field where it cannot
	// call methods.
	reveal func() [][]byte // the first seals
}

func newRoot(secrets [][]byte) *Root { return &Root{func() [][]byte { return secrets }} }

// Random returns a root of one secret that nobody else has.
func Random() *Root { return newRoot([][]byte{random(Size)}) }

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic("secret: no random bytes: " + err.Error()) // crypto/rand never fails on a supported system
	}
	return b
}

// Parse reads secrets in base64 (RFC 4648, either alphabet, with or without
// padding) with commas or white space between them. The error says which of
// them is wrong, and nothing of what it says.
func Parse(text string) (*Root, error) {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	})
	switch {
	case len(words) == 0:
		return nil, errors.New("there is no secret in it")
	case len(words) > maxSecrets:
		return nil, fmt.Errorf("there are more than %d secrets in it", maxSecrets)
	}
	secrets := make([][]byte, len(words))
	for i, word := range words {
		b, err := decode(word)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d is no base64", i+1, len(words))
		}
		if len(b) != Size {
			return nil, fmt.Errorf("secret %d of %d is %d bytes long, and not %d", i+1, len(words), len(b), Size)
		}
		if weak(b) {
			return nil, fmt.Errorf("secret %d of %d is one byte again and again", i+1, len(words))
		}
		secrets[i] = b
	}
	return newRoot(secrets), nil
}

func decode(word string) ([]byte, error) {
	word = strings.TrimRight(word, "=")
	if strings.ContainsAny(word, "-_") {
		return base64.RawURLEncoding.DecodeString(word)
	}
	return base64.RawStdEncoding.DecodeString(word)
}

// weak reports whether a secret is what an example left to fill in.
func weak(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// Derive returns a key of 32 bytes for one purpose, from the secret that
// seals. It is for keyed hashes; to seal, see [Root.Box].
func (r *Root) Derive(purpose string) [Size]byte {
	return [Size]byte(derive(r.reveal()[0], "derive "+purpose))
}

func derive(secret []byte, label string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "weir "+label, Size)
	if err != nil {
		panic("secret: " + err.Error()) // only for lengths that SHA-256 cannot give
	}
	return key
}

// redacted stands for a secret wherever one would be written.
const redacted = "[redacted]"

// String returns "[redacted]".
func (r Root) String() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (r Root) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is [Root.String] for package slog.
func (r Root) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is [Root.String] for encoders.
func (r Root) MarshalText() ([]byte, error) { return []byte(redacted), nil }
