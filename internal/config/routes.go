package config

import (
	"slices"
	"strings"
)

// A Lead is where requests for an operation go.
type Lead struct {
	Route string // how they are asked there: an operation, by its path
	Path  string // on the upstream's host, "{deployment}" in it; empty is the upstream's own for Route

	// Sure is false where nothing says what is spoken at Path, so that clients
	// that are served there are those whose protocol the upstream is known to
	// speak.
	Sure bool
}

// anyRoute is the route of every operation that is not named.
const anyRoute = "*"

// conversations are the operations that can be asked in each other's place.
// The last one is asked by no client.
var conversations = []string{"chat/completions", "responses", "messages", "completions", ollamaRoute} // immutable

const ollamaRoute = "api/chat"

// otherRoutes are the rest of the operations that can have a route.
var otherRoutes = []string{ // immutable
	"responses/input_tokens", "responses/compact", "messages/count_tokens", "embeddings", "moderations",
	"images/generations", "images/edits", "images/variations", "audio/speech", "audio/transcriptions", "audio/translations",
}

func isConversation(route string) bool { return slices.Contains(conversations, route) }

func isRoute(name string) bool { return isConversation(name) || slices.Contains(otherRoutes, name) }

// Lead returns where requests for an operation go that is served by t at u, and
// false if no route is made for it. The target's routes go before the
// upstream's, and a name before "*". "*" is not for what cannot be asked as it
// says: images are no conversation.
func (u *Upstream) Lead(t *Target, route string) (Lead, bool) {
	if !isRoute(route) {
		return Lead{}, false
	}
	for _, table := range []map[string]string{t.Routes, u.Routes} {
		for _, name := range []string{route, anyRoute} {
			value := table[name]
			if value == "" {
				continue
			}
			lead := u.lead(value, name)
			if lead.Route == "" {
				lead.Route, lead.Sure = route, name != anyRoute
			}
			if goesAs(route, lead.Route) {
				return lead, true
			}
		}
	}
	return Lead{}, false
}

// goesAs reports whether an operation can be asked as another.
func goesAs(route, as string) bool { return route == as || isConversation(route) && isConversation(as) }

// lead returns where the value of a route leads. Its Route is empty where the
// client's own is meant.
func (u *Upstream) lead(value, name string) Lead {
	lead := Lead{Path: value, Sure: true}
	if !strings.HasPrefix(value, "/") {
		lead.Path, name = u.Routes[value], value
		if !strings.HasPrefix(lead.Path, "/") {
			lead.Path = ""
		}
	}
	switch {
	case routeAt(lead.Path) != "":
		lead.Route = routeAt(lead.Path)
	case isRoute(name):
		lead.Route = name
	default:
		lead.Sure = false
	}
	return lead
}

// routeAt returns the operation that a path ends in, or "".
func routeAt(path string) string {
	path, _, _ = strings.Cut(strings.ToLower(path), "?")
	longest := ""
	for _, routes := range [][]string{conversations, otherRoutes} {
		for _, r := range routes {
			if len(r) > len(longest) && strings.HasSuffix(path, "/"+r) {
				longest = r
			}
		}
	}
	return longest
}

// OwnPaths returns the paths of the operations that the upstream has elsewhere
// than its kind, whatever target is asked.
func (u *Upstream) OwnPaths() map[string]string {
	out := make(map[string]string)
	for name, value := range u.Routes {
		if lead := u.lead(value, name); isRoute(name) && lead.Path == value && lead.Route == name {
			out[name] = value
		}
	}
	return out
}

// Has reports whether the API of the upstream's kind has an operation, by its
// path.
func (u *Upstream) Has(route string) bool {
	if !isRoute(route) {
		return false
	}
	anthropic := route == "messages" || route == "messages/count_tokens"
	switch u.Kind {
	case KindAnthropic:
		return anthropic
	case KindOllama:
		return slices.Contains([]string{"chat/completions", "completions", "responses", "messages", "embeddings", "audio/transcriptions", ollamaRoute}, route)
	case KindOpenAI:
		return !anthropic && route != ollamaRoute
	case KindCompatible:
		return route != ollamaRoute
	case KindAzure:
		missing := []string{"moderations", "images/variations"}
		if u.API == APIClassic {
			missing = append(missing, "responses/input_tokens", "responses/compact")
		}
		return !anthropic && route != ollamaRoute && !slices.Contains(missing, route)
	default:
		return true
	}
}
