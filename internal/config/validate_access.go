package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// whoMayCall applies the rule that protects credentials: what can be reached
// from other machines and spends yours asks for a key, unless said otherwise.
func (d *decoder) whoMayCall(c *Config) {
	const address = "listen.address"
	owner := credentialOwner(c)
	shown := d.quoteValue(address, c.Listen.Address)
	if !d.sound(address) || isLoopback(c.Listen.Address) {
		if len(c.Keys) == 0 && c.Listen.Open {
			d.warn("listen.open", "has no effect: only this machine can reach "+shown, d.words("remove it", "unset it"))
		}
		return
	}
	if len(c.Keys) == 0 && len(c.Listen.Hosts) == 0 && d.sound("keys") && !c.Transparent.takesAll() {
		d.warn(address, "other machines can reach "+shown+", but without keys it answers to localhost, 127.0.0.1 and [::1] only", d.words(
			"add the names and addresses by which clients call it to listen.hosts",
			"set PROXY_API_KEY to a key for clients, or WEIR_OPEN=true to serve anyone by any name"))
	}
	switch {
	case len(c.Keys) > 0:
		if c.Listen.Open {
			d.warn("listen.open", "has no effect: there are keys, and everyone needs one", d.words("remove it", "unset it"))
		}
	case !d.sound("keys"):
	case owner < 0:
	case c.Listen.Open:
		d.warn("listen.open", "anyone who can reach "+shown+" spends the credential of upstream "+d.upstreamName(c, owner),
			d.words("add keys", "set PROXY_API_KEY")+", unless something else guards this address")
	case d.environment:
		d.fault(fmt.Sprintf("upstreams[%d].auth", owner), "whoever can reach "+shown+" would spend it, for there is no key",
			"set PROXY_API_KEY to a key that clients then must send, or WEIR_OPEN=true if anyone may spend it, or listen on 127.0.0.1 alone")
	default:
		d.fault(address, fmt.Sprintf("other machines can reach %s, upstream %s has a credential of yours, and there are no keys", shown, d.upstreamName(c, owner)),
			`add keys: [{ name: me, secret: "${WEIR_KEY}" }], or listen on 127.0.0.1, or, if anyone may spend it, set listen.open: true`)
	}
}

// credentialOwner returns the index of the first upstream that holds a
// credential of the operator's, or -1.
func credentialOwner(c *Config) int {
	return slices.IndexFunc(c.Upstreams, func(u Upstream) bool { return u.hasCredential() })
}

// upstreamName returns the name of an upstream as it may be shown.
func (d *decoder) upstreamName(c *Config, i int) string {
	return d.quoteValue(fmt.Sprintf("upstreams[%d].name", i), c.Upstreams[i].Name)
}

// hasCredential reports whether calls through the upstream spend something of
// the operator's.
func (u *Upstream) hasCredential() bool {
	return u.Auth.Method == AuthAPIKey || u.Auth.Method == AuthBearer || len(u.Headers) > 0
}

// LocalOnly reports whether no other machine can reach any of the listeners.
func (c *Config) LocalOnly() bool {
	return isLoopback(c.Listen.Address) && (c.Transparent.Address == "" || isLoopback(c.Transparent.Address))
}

// Secrets returns every secret that the configuration holds.
func (c *Config) Secrets() []string {
	var all []string
	add := func(s Secret) {
		if !s.IsZero() {
			all = append(all, s.Reveal())
		}
	}
	for i := range c.Upstreams {
		add(c.Upstreams[i].Auth.APIKey)
		add(c.Upstreams[i].Auth.Bearer)
		for _, s := range c.Upstreams[i].Headers {
			add(s)
		}
	}
	for i := range c.Keys {
		add(c.Keys[i].Secret)
	}
	return all
}

// isLoopback reports whether only this machine can reach an address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopbackHost(host)
}

func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// callsItself reports whether an endpoint is the address that Weir listens on:
// what is sent there would come back without end.
func callsItself(listen string, endpoint *url.URL) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return false
	}
	other, otherPort := endpoint.Hostname(), endpoint.Port()
	if otherPort == "" {
		otherPort = map[string]string{"http": "80", "https": "443"}[endpoint.Scheme]
	}
	if port != otherPort {
		return false
	}
	ip, err := netip.ParseAddr(host)
	every := host == "" || err == nil && ip.IsUnspecified()
	return strings.EqualFold(host, other) || isLoopbackHost(other) && (every || strings.EqualFold(host, "localhost") || strings.EqualFold(other, "localhost") && isLoopbackHost(host))
}
