package config

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// ownSegments are what the paths of Weir's own begin with on the main listener.
// A test of package gateway holds its table of paths against them.
var ownSegments = []string{ // immutable
	"admin", "anthropic", "api", "deployments", "healthz", "metrics", "openai", "readyz", "v1",
}

// transparent checks the door through which everything passes.
func (d *decoder) transparent(c *Config) {
	const at = "transparent"
	t := c.Transparent
	if t == (Transparent{}) || !d.sound(at) {
		return
	}
	d.transparentUpstream(c)
	d.address(at+".address", t.Address)
	d.transparentAddress(c)
	d.certificate(at+".tls", t.TLS)
	if t.TLS != (TLS{}) && t.Address == "" && d.sound(at+".tls") {
		d.fault(at+".tls", "is for a listener of the door's own", "give it an address, or set listen.tls")
	}
	d.transparentPrefix(c)
}

func (d *decoder) transparentUpstream(c *Config) {
	const at = "transparent.upstream"
	name, upstreams := c.Transparent.Upstream, d.upstreamNames(c.Upstreams)
	switch {
	case !d.sound(at) || !d.sound("upstreams"):
	case name == "":
		d.fault(at, "missing", upstreams.remedy(""))
	case !upstreams.has(name):
		d.fault(at, "there is no upstream "+d.quoteValue(at, name), upstreams.remedy(name))
	default:
		i := slices.IndexFunc(c.Upstreams, func(u Upstream) bool { return u.Name == name })
		if i >= 0 && c.Upstreams[i].Auth.Method != AuthPassthrough && d.sound(at) {
			d.fault(at, "upstream "+d.quoteValue(at, name)+" does not have auth: passthrough: whoever came through would spend its credential unseen",
				"give that upstream auth: passthrough, or make another of the same endpoint for this")
		}
	}
}

// transparentAddress checks that the door's own listener is not the main one.
func (d *decoder) transparentAddress(c *Config) {
	const at = "transparent.address"
	host, port, err := net.SplitHostPort(c.Transparent.Address)
	mainHost, mainPort, mainErr := net.SplitHostPort(c.Listen.Address)
	if err != nil || mainErr != nil || !d.sound(at) || !d.sound("listen.address") || port == "0" || port != mainPort {
		return
	}
	if every(host) || every(mainHost) || strings.EqualFold(host, mainHost) {
		d.fault(at, d.quoteValue(at, c.Transparent.Address)+" is taken by listen.address", "choose another port, or remove it to have the door on the main listener")
	}
}

// every reports whether a host stands for all addresses.
func every(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// transparentPrefix checks that what a path through the door begins with has one
// spelling, and that no path of Weir's own begins so.
func (d *decoder) transparentPrefix(c *Config) {
	const at = "transparent.prefix"
	t := c.Transparent
	if !d.sound(at) || t.Prefix == "" {
		return
	}
	shown := d.quoteValue(at, t.Prefix)
	first, _, _ := strings.Cut(strings.TrimPrefix(t.Prefix, "/"), "/")
	switch {
	case t.Prefix[0] != '/' || path.Clean(t.Prefix) != t.Prefix || strings.ContainsAny(t.Prefix, "%?#;\\*") || strings.ContainsFunc(t.Prefix, func(r rune) bool { return r <= ' ' || r > '~' }):
		d.fault(at, shown+" is not a plain path", "write for example /azure: a slash in front and none behind, no //, . or .. segments and no % escapes")
	case t.Address != "":
	case t.Prefix == "/" && len(c.Models) > 0:
		d.fault(at, "would take every path of the main listener, and there are models to be served on it", "give the door an address of its own, or a prefix such as /azure")
	case slices.Contains(ownSegments, strings.ToLower(first)):
		d.fault(at, "paths of Weir's own begin with "+quote("/"+first), "choose another, such as /azure, or give the door an address of its own")
	}
}
