package upstream

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

const (
	headerAuthorization = "Authorization"
	headerAPIKey        = "Api-Key"
	headerXAPIKey       = "X-Api-Key"

	headerUpstreamRequestID = "X-Upstream-Request-Id"
	headerApimRequestID     = "Apim-Request-Id"

	maxUserAgent = 512
)

var (
	jsonType = []string{"application/json"} // immutable
	identity = []string{"identity"}         // immutable
	ownAgent = []string{"weir"}             // immutable
)

// requestHeader returns the header to send: what the allow-list lets through
// of the client's, Weir's own, the configured extra headers, and last the
// credential.
func (u *Upstream) requestHeader(c *Call) (http.Header, error) {
	h := make(http.Header, len(c.Header)+4)
	dropped := connectionHeaders(c.Header)
	messages := c.Op.Dialect() == llm.Messages
	for name, values := range c.Header {
		name = http.CanonicalHeaderKey(name)
		if u.forwards(name, messages) && !slices.Contains(dropped, name) && validValues(values) {
			h[name] = values
		}
	}
	if agent := h.Get("User-Agent"); agent == "" {
		h["User-Agent"] = ownAgent
	} else if len(agent) > maxUserAgent {
		h["User-Agent"] = []string{agent[:maxUserAgent]}
	}
	if messages && h.Get(headerAnthropicVersion) == "" {
		h[headerAnthropicVersion] = []string{defaultAnthropicVersion}
	}
	switch {
	case len(c.Body) > 0:
		h["Content-Type"] = jsonType
	case c.Content != nil:
		h["Content-Type"] = []string{c.Content.Type}
	}
	h["Accept-Encoding"] = identity
	if c.RequestID != "" {
		h["X-Request-Id"] = []string{c.RequestID}
	}
	maps.Copy(h, u.headers.extra)
	return h, u.authorize(h, c.Credential)
}

// authorize sets the credential. It comes after everything else, so that no
// other header can take its place.
func (u *Upstream) authorize(h http.Header, c Credential) error {
	if !u.passthrough {
		maps.Copy(h, u.headers.auth)
		return nil
	}
	if c.Value == "" {
		return nil
	}
	if !validToken(c.Value) {
		return u.fail(llm.CodeInvalidKey, opDo, nil)
	}
	c.Header = http.CanonicalHeaderKey(c.Header)
	name, value := u.plan.pass(c)
	u.plan.authorize(h, name, value)
	return nil
}

// forwards reports whether a client's header may go to this upstream. It is an
// allow-list: everything else, credentials, cookies, proxies' headers, Weir's
// own and the connection's, stays here.
//
//   - What describes the client's machine (x-stainless-…) stays too: no
//     provider acts on it.
//   - An Idempotency-Key goes with the client's own credential alone. Behind a
//     shared one, two tenants could choose the same and be given each other's
//     answers.
//   - x-ms-oai-image-generation-deployment stays: it names a deployment that
//     nobody has authorised. An operator may configure it.
func (u *Upstream) forwards(name string, messages bool) bool {
	switch name {
	case "Accept", "User-Agent", "X-Client-Request-Id":
		return true
	case "Idempotency-Key":
		return u.passthrough
	case headerAnthropicVersion, "Anthropic-Beta":
		return messages
	case "Openai-Beta",
		// Codex CLI:
		"Originator", "Version", "Session-Id", "Session_id", "Thread-Id", "Conversation-Id", "Conversation_id", "X-Openai-Subagent":
		return !messages
	case "Openai-Organization", "Openai-Project", "Chatgpt-Account-Id":
		// They choose among the accounts of whoever the credential belongs to.
		return u.passthrough && !messages
	}
	switch {
	case strings.HasPrefix(name, "X-Codex-"), strings.HasPrefix(name, "X-Openai-Internal-Codex-"):
		return !messages
	case strings.HasPrefix(name, headerSimulator):
		return u.kind == Simulator
	}
	return false
}

// connectionHeaders returns the canonical names that the client's Connection
// header declares to be for this hop alone. RFC 9110 §7.6.1.
func connectionHeaders(h http.Header) []string {
	var names []string
	for _, value := range h["Connection"] {
		if strings.EqualFold(value, "keep-alive") {
			continue // what most clients send; canonical names cost an allocation
		}
		for name := range strings.SplitSeq(value, ",") {
			switch name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name {
			case "", "Close", "Keep-Alive":
			default:
				names = append(names, name)
			}
		}
	}
	return names
}

// answerHeader returns what of the upstream's header the client may see, and
// the upstream's own id of the request.
func answerHeader(from http.Header) (h http.Header, id string) {
	h = make(http.Header, 8)
	for name, values := range from {
		if returns(name) {
			h[name] = values
		}
	}
	if id = upstreamID(from); id != "" {
		h[headerUpstreamRequestID] = []string{id}
		return h, id
	}
	return h, from.Get(headerApimRequestID)
}

// upstreamID returns what the upstream calls the request.
func upstreamID(h http.Header) string {
	if id := h.Get("X-Request-Id"); id != "" {
		return id
	}
	return h.Get("Request-Id")
}

// returns reports whether an upstream's header may reach the client.
func returns(name string) bool {
	switch name {
	case "Content-Type", "Retry-After", "Retry-After-Ms", "X-Should-Retry",
		"Openai-Processing-Ms", "Openai-Model", "X-Models-Etag", "X-Reasoning-Included",
		headerApimRequestID, "Azure-Openai-Deployment-Utilization":
		return true
	}
	return strings.HasPrefix(name, "X-Codex-") ||
		strings.HasPrefix(name, "X-Ratelimit-") ||
		strings.HasPrefix(name, "Anthropic-Ratelimit-")
}

// validHeaderName reports whether s is a token. RFC 9110 §5.6.2.
func validHeaderName(s string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return s != ""
}

// validHeaderValue reports whether s has no control character but tabs.
func validHeaderValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func validValues(values []string) bool {
	for _, v := range values {
		if !validHeaderValue(v) {
			return false
		}
	}
	return true
}

// validToken reports whether s can be a credential: visible ASCII.
func validToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
