package pin

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// maxToken is the longest token that is looked into, in bytes.
const maxToken = 16 << 10

// claims returns who has issued a token and for whom, if it is one (RFC 7519)
// and names both.
func claims(token string) (issuer, subject string, ok bool) {
	_, rest, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken || strings.Count(rest, ".") != 1 {
		return "", "", false
	}
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return "", "", false
	}
	var c struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if json.Unmarshal(raw, &c) != nil || strings.ContainsRune(c.Issuer, 0) {
		return "", "", false
	}
	return c.Issuer, c.Subject, c.Issuer != "" && c.Subject != ""
}
