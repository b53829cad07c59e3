package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var onlyReference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}$`)

// CalledWith says in a few words what credential an upstream is called with,
// and where it comes from, never what it is.
func (u *Upstream) CalledWith() string {
	switch u.Auth.Method {
	case AuthAPIKey:
		return "with " + u.Auth.APIKey.origin("a key")
	case AuthBearer:
		return "with " + u.Auth.Bearer.origin("a token")
	case AuthPassthrough:
		return "with the caller's own key"
	}
	if len(u.Headers) > 0 {
		return "with headers of the configuration"
	}
	return "without a key"
}

// origin says where a secret comes from; what it is called otherwise.
func (s Secret) origin(what string) string {
	src := s.source()
	if m := onlyReference.FindStringSubmatch(src); m != nil {
		return m[1]
	}
	if file, ok := strings.CutPrefix(src, "file:"); ok {
		return what + " from " + file
	}
	return what + " of the configuration"
}

// Host is where the upstream is: host and port of its endpoint, with the scheme
// if that is not https. It is empty for the built-in simulator.
func (u *Upstream) Host() string {
	e, err := url.Parse(u.Endpoint)
	if err != nil {
		return ""
	}
	if e.Scheme == "https" {
		return e.Host
	}
	return strings.TrimSuffix(e.Scheme+"://"+e.Host, "://")
}

// String says where a target leads: "foundry as my-deployment".
func (t Target) String() string {
	switch {
	case t.Model != "":
		return t.Upstream + " as " + t.Model
	case t.Strip != "":
		return t.Upstream + " as the name asked for without " + t.Strip
	default:
		return t.Upstream + " as the name asked for"
	}
}

// Leads says where a model's targets lead, best first.
func (m Model) Leads() string {
	out := make([]string, len(m.Targets))
	for i, t := range m.Targets {
		out[i] = t.String()
	}
	return strings.Join(out, ", else ")
}

// ListsModels reports whether GET /v1/models has anything to list: patterns
// have no names.
func (c *Config) ListsModels() bool {
	return slices.ContainsFunc(c.Models, func(m Model) bool { return !strings.Contains(m.Name, "*") })
}
