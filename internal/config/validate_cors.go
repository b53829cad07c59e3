package config

import (
	"fmt"
	"regexp"
	"strings"
)

// originForm is an origin as browsers write it (RFC 6454 §6.2), but for case.
var originForm = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)

// cors checks the origins that may call.
func (d *decoder) cors(c *Config) {
	seen := make(map[string]bool, len(c.CORS.Origins))
	for i, origin := range c.CORS.Origins {
		path := fmt.Sprintf("cors.origins[%d]", i)
		shown, lower := d.quoteValue(path, origin), strings.ToLower(origin)
		const form = "write the scheme, the host and the port if it is not the usual one: https://chat.example.com, http://localhost:3000"
		switch {
		case !d.sound(path):
		case origin == "*" && len(c.CORS.Origins) > 1:
			d.fault(path, "is any origin, and others are named beside it", "leave the others out, or *")
		case origin == "*":
			d.anyOrigin(c, path)
		case lower == "null":
			d.fault(path, shown+" is the origin of every page that hides its own", "serve the page from a host and name that, or write * for any")
		case strings.Contains(origin, "*"):
			d.fault(path, shown+" is a pattern", "name each origin, or write * for any")
		case !originForm.MatchString(origin):
			d.fault(path, shown+" is not an origin", form)
		case strings.HasPrefix(lower, "https:") && strings.HasSuffix(lower, ":443"), strings.HasPrefix(lower, "http:") && strings.HasSuffix(lower, ":80"):
			d.fault(path, shown+" names the usual port, which browsers leave out", form)
		case seen[lower]:
			d.fault(path, shown+" is there twice", "remove one of the two")
		}
		seen[lower] = true
	}
}

// anyOrigin warns of what any web page may do.
func (d *decoder) anyOrigin(c *Config, path string) {
	told := c.Listen.Open && !isLoopback(c.Listen.Address) // that anyone does
	if owner := credentialOwner(c); owner >= 0 && len(c.Keys) == 0 && d.sound("keys") && !told {
		d.warn(path, "any web page that is opened where Weir can be reached spends the credential of upstream "+d.upstreamName(c, owner), d.words("name the origins that may, or add keys", "set PROXY_API_KEY"))
	}
}
