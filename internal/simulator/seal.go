package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// sealPrefix begins everything that a simulator has sealed.
const sealPrefix = "sim1."

// seal returns text in the form in which reasoning is opaque to clients. It is
// bound to the simulator's name, as a provider's is to an account, and no
// secret.
func (s *Simulator) seal(text string) string {
	encoded := base64.RawURLEncoding.EncodeToString([]byte(text))
	return sealPrefix + encoded + "." + s.mac(encoded)
}

// opens reports whether s sealed what sealed holds.
func (s *Simulator) opens(sealed string) bool {
	rest, ok := strings.CutPrefix(sealed, sealPrefix)
	encoded, mac, found := strings.Cut(rest, ".")
	return ok && found && mac == s.mac(encoded)
}

func (s *Simulator) mac(text string) string {
	h := hmac.New(sha256.New, []byte(s.name))
	_, _ = h.Write([]byte(text)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}
