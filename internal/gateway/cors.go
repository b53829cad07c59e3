package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// Browsers ask before they let a page of another origin call, and look at
// every answer before they let it read one (Fetch §3.2). Pages send keys in
// headers, never in cookies, so that no answer ever allows credentials.

// Values of headers that are the same in every answer. They are shared by all
// answers and never written to.
var (
	anyOrigin     = []string{"*"}                                                                              // immutable
	varyOrigin    = []string{"Origin"}                                                                         // immutable
	varyPreflight = []string{"Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network"} // immutable
	allowMethods  = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}                                   // immutable
	allowUsual    = []string{"authorization, content-type, api-key, x-api-key, x-weir-key"}                    // immutable
	maxAge        = []string{"3600"}                                                                           // immutable; in seconds
	yes           = []string{"true"}                                                                           // immutable

	// exposed are the headers of answers that a page may read beside those that
	// it always may. A star would do, but not in every browser.
	exposed = []string{strings.Join([]string{ // immutable
		"x-request-id", "x-upstream-request-id", "request-id", "apim-request-id",
		"retry-after", "retry-after-ms", "x-should-retry", "location",
		"openai-model", "openai-processing-ms", "azure-openai-deployment-utilization",
		"x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
		"x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens",
		"x-ratelimit-reset-requests", "x-ratelimit-reset-tokens",
		"anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset",
		"anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset",
		"x-weir-simulator", "x-weir-lossy", "x-weir-estimated",
	}, ", ")}
)

// origin returns the one origin that a request comes from, or "".
func origin(h http.Header) string {
	if values := h["Origin"]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// namesOrigin reports whether the configuration lets pages of an origin call.
// The origin of a page that hides its own, "null", goes by no name.
func (s *Snapshot) namesOrigin(origin string) bool {
	return s.anyOrigin() || origin != "null" && slices.Contains(s.Origins, origin)
}

func (s *Snapshot) anyOrigin() bool { return len(s.Origins) == 1 && s.Origins[0] == "*" }

// shareAnswer lets a page of an origin that is named read the answer, whatever
// it will be.
func (x *exchange) shareAnswer() {
	if len(x.snap.Origins) == 0 {
		return
	}
	h := x.w.Header()
	h["Vary"] = varyOrigin
	from := origin(x.r.Header)
	if from == "" || !x.snap.namesOrigin(from) {
		return
	}
	h["Access-Control-Expose-Headers"] = exposed
	h["Access-Control-Allow-Origin"] = []string{from}
	if x.snap.anyOrigin() {
		h["Access-Control-Allow-Origin"] = anyOrigin
	}
}

// options answers OPTIONS, which needs no key. Methods are those of the path;
// nil if nothing is there: a page is allowed to see that by itself.
func options(methods []string) server {
	return func(x *exchange) *llm.Error {
		h, asked := x.w.Header(), x.r.Header
		if methods != nil {
			h["Allow"] = []string{strings.Join(methods, ", ") + ", " + http.MethodOptions}
		}
		if x.snap.anyOrigin() {
			h["Access-Control-Allow-Origin"] = anyOrigin
		}
		if h["Access-Control-Allow-Origin"] != nil {
			delete(h, "Access-Control-Expose-Headers") // there is nothing to read
			h["Access-Control-Allow-Methods"] = allowMethods
			h["Access-Control-Allow-Headers"] = requestedHeaders(asked["Access-Control-Request-Headers"])
			h["Access-Control-Max-Age"] = maxAge
			h["Vary"] = varyPreflight
			if asked.Get("Access-Control-Request-Private-Network") == "true" {
				h["Access-Control-Allow-Private-Network"] = yes
			}
		}
		x.writeStatus(http.StatusNoContent)
		return nil
	}
}

// What is repeated of the headers that a page asks to send.
const (
	maxRequested     = 64
	maxRequestedName = 128
)

// requestedHeaders returns the names that a preflight asks for, as far as they
// are names.
func requestedHeaders(lines []string) []string {
	var names []string
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if len(names) < maxRequested && len(name) <= maxRequestedName && isToken(name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return allowUsual
	}
	return []string{strings.Join(names, ", ")}
}

// isToken reports whether s can be a header's name (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
