package config

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for a secret wherever one would be written.
const redacted = "[redacted]"

// A Secret is a text that no printer, logger or encoder writes: all of them
// write "[redacted]" instead, or nothing if the Secret is empty. The zero
// Secret is empty. Secrets are compared with [Secret.Equal]; == does not
// compile.
type Secret struct {
	// A function, because fmt prints every other kind of field where it
	// cannot call methods, behind pointers too. nil if empty.
	reveal func() hidden
}

// hidden is what a Secret hides.
type hidden struct {
	text  string
	shown string // the text with its references in place and its literal parts redacted
}

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret { return newSecret(text, redacted) }

func newSecret(text, shown string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() hidden { return hidden{text, shown} }}
}

// Reveal returns the text of the secret. It is the only way to it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal().text
}

// source returns what Print may show of the secret.
func (s Secret) source() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal().shown
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether both secrets hold the same text, in a time that
// depends on their lengths alone.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s.reveal == nil {
		return ""
	}
	return redacted
}

// GoString is [Secret.String] for the verb %#v.
func (s Secret) GoString() string { return s.String() }

// Format writes [Secret.String] for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is [Secret.String] for package slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is [Secret.String] for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is [Secret.String] as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML is [Secret.String] as a YAML value.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
