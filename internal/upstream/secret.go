package upstream

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// An AuthMode says where the credential of a request comes from.
type AuthMode string

// The modes.
const (
	// AuthNone sends no credential.
	AuthNone AuthMode = "none"

	// AuthAPIKey sends [Auth.Secret] in the header in which the kind wants its
	// keys: api-key for azure, x-api-key for anthropic, Authorization: Bearer
	// for the others.
	AuthAPIKey AuthMode = "api_key"

	// AuthBearer sends [Auth.Secret] as Authorization: Bearer.
	AuthBearer AuthMode = "bearer"

	// AuthPassthrough sends the client's own credential: [Call.Credential].
	AuthPassthrough AuthMode = "passthrough"
)

const redacted = "[redacted]"

// Auth is an upstream's credential. It prints, logs and marshals without its
// secret. The zero value is [AuthNone].
type Auth struct {
	Mode   AuthMode
	Secret string // for AuthAPIKey and AuthBearer
}

// String returns the mode, and that there is a secret.
func (a Auth) String() string {
	if a.Secret == "" {
		return string(a.mode())
	}
	return string(a.mode()) + " " + redacted
}

// Format writes [Auth.String], whatever the verb is.
func (a Auth) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// LogValue returns [Auth.String].
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText returns [Auth.String].
func (a Auth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a Auth) mode() AuthMode {
	if a.Mode == "" {
		return AuthNone
	}
	return a.Mode
}

func (a Auth) check() error {
	switch a.mode() {
	case AuthNone, AuthPassthrough:
		if a.Secret != "" {
			return fmt.Errorf("auth: mode %s has no secret", a.mode())
		}
	case AuthAPIKey, AuthBearer:
		if a.Secret == "" {
			return fmt.Errorf("auth: mode %s needs a secret", a.mode())
		}
		if !validToken(a.Secret) {
			return errors.New("auth: the secret has a space, a line end or a character outside ASCII")
		}
	default:
		return fmt.Errorf("auth: unknown mode %q", a.Mode)
	}
	return nil
}

// A Credential is what a client sent as its own. It prints, logs and marshals
// without its value. The zero value is no credential.
type Credential struct {
	Header string // the header it came in: Authorization, X-Api-Key or Api-Key
	Value  string // without the scheme ("Bearer ")
}

// String returns the header, and that there is a value.
func (c Credential) String() string {
	if c.Value == "" {
		return string(AuthNone)
	}
	return c.Header + " " + redacted
}

// Format writes [Credential.String], whatever the verb is.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns [Credential.String].
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns [Credential.String].
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
