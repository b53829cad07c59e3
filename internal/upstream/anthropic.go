package upstream

import (
	"net/url"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

const (
	anthropicEndpoint = "https://api.anthropic.com"

	headerAnthropicVersion  = "Anthropic-Version"
	defaultAnthropicVersion = "2023-06-01" // sent where the client names none; the API demands one
)

// planAnthropic is for Anthropic's API, and for Claude on Azure AI Foundry
// (endpoint …/anthropic). /v1 is appended unless the path ends in it: what
// stands in the middle of the path is a proxy's own version.
//
// A key goes as x-api-key. A client's own credential goes as it came: SDKs
// send OAuth tokens, and the newest ones their keys too, as Bearer, and the
// API tells the two apart by the header. Azure AI Foundry is sent a key as
// api-key too, as Anthropic's own SDK for it does.
//
// Source: https://docs.anthropic.com/en/api/overview and
// anthropics/anthropic-sdk-python src/anthropic/lib/foundry.py, read 2026-08-07.
func planAnthropic(base *url.URL) plan {
	if !version.MatchString(base.Path[strings.LastIndexByte(base.Path, '/')+1:]) {
		base = below(base, "/v1")
	}
	twin := ""
	if strings.HasSuffix(strings.ToLower(base.Hostname()), ".azure.com") {
		twin = headerAPIKey
	}
	return plan{
		twin:  twin,
		root:  unversioned(base),
		v1:    base,
		fixed: urls(base, llm.OpMessages, llm.OpCountTokens),
		key:   func(secret string) (name, value string) { return headerXAPIKey, secret },
		pass: func(c Credential) (name, value string) {
			if c.Header == headerAuthorization {
				return asBearer(c.Value)
			}
			return headerXAPIKey, c.Value
		},
	}
}
