package app

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/config"
)

// shown is how many lines a list of the announcement has at most.
const shown = 10

// announce tells the log, and the person who has started Weir, what serves
// where and with which key. No secret is among it.
func (a *App) announce() {
	cfg := a.config()
	a.log.Info("listening", "address", a.server.Addr().String(), "tls", a.server.TLS(), "config", cfg.Source,
		"upstreams", len(cfg.Upstreams), "models", len(cfg.Models), "keys", len(cfg.Keys))
	fmt.Fprintf(a.notes, "weir listens on %s (address %s, configuration: %s)\n", a.URL(), a.server.Addr(), cfg.Source)
	a.note(a.choices()...)
	a.noteSome("upstreams", a.upstreamLines())
	a.noteSome("models", a.modelLines())
	a.note(a.modelNotes()...)
	if door := cfg.Transparent; door.Upstream != "" {
		a.log.Info("transparent door", "url", a.DoorURL(), "prefix", door.Prefix, "upstream", door.Upstream)
		a.note("every path below " + a.DoorURL() + door.Prefix + " → upstream " + door.Upstream + ", as it is")
	}
	a.note(a.whoMayCall()...)
	a.note(a.clients()...)
	a.note("data: " + cfg.DataDir)
	if a.kept.db == nil {
		a.note("stored responses and ids are in memory, and unknown after a restart")
	}
}

// clients says what clients are to be given, of the kinds that are served.
func (a *App) clients() []string {
	kinds := make(map[string]config.Kind)
	for i := range a.config().Upstreams {
		kinds[a.config().Upstreams[i].Name] = a.config().Upstreams[i].Kind
	}
	var out []string
	if door := a.config().Transparent; door.Upstream != "" {
		kind, base := kinds[door.Upstream], a.DoorURL()+strings.TrimSuffix(door.Prefix, "/")
		if kind == config.KindAzure {
			out = append(out, "Azure OpenAI clients: endpoint "+base)
		} else {
			out = append(out, clientsOf(base, kind)...)
		}
	}
	var served []config.Kind
	for _, m := range a.config().Models {
		for _, t := range m.Targets {
			served = append(served, kinds[t.Upstream])
		}
	}
	return append(out, clientsOf(a.URL(), served...)...)
}

// clientsOf says what clients of upstreams of these kinds are to be given.
func clientsOf(base string, kinds ...config.Kind) []string {
	var parts []string
	if slices.ContainsFunc(kinds, func(k config.Kind) bool { return k != config.KindAnthropic }) {
		parts = append(parts, "OpenAI clients: base URL "+base+"/v1")
	}
	if slices.ContainsFunc(kinds, func(k config.Kind) bool { return k != config.KindAzure && k != config.KindOpenAI }) {
		parts = append(parts, "Anthropic clients: "+base)
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{strings.Join(parts, "    ")}
}

// note writes lines for the person.
func (a *App) note(lines ...string) {
	for _, line := range lines {
		fmt.Fprintf(a.notes, "  %s\n", line)
	}
}

// noteSome writes the first lines of a list, and how many there are more.
func (a *App) noteSome(what string, lines []string) {
	a.note(lines[:min(len(lines), shown)]...)
	if more := len(lines) - shown; more > 0 {
		a.note(fmt.Sprintf("… and %d more %s", more, what))
	}
}

// choices says where the configuration comes from, if nobody has written it.
func (a *App) choices() []string {
	switch {
	case a.config().FromEnvironment():
		return []string{"no file: the environment decides; weir check --print shows why"}
	case a.config().Source == config.BuiltIn:
		return []string{"no file: the simulator serves; weir init writes one to begin with"}
	default:
		return nil
	}
}

func (a *App) upstreamLines() []string {
	var out []string
	for i := range a.config().Upstreams {
		u := &a.config().Upstreams[i]
		host := u.Host()
		if host == "" {
			host = "built in"
		}
		out = append(out, fmt.Sprintf("upstream %s: %s, %s, %s", u.Name, u.Kind, host, u.CalledWith()))
	}
	return out
}

func (a *App) modelLines() []string {
	var out []string
	for _, m := range a.config().Models {
		out = append(out, "model "+m.Name+" → "+m.Leads())
	}
	return out
}

// modelNotes says what the models' own lines do not.
func (a *App) modelNotes() []string {
	var out []string
	if header := a.config().Routing.Header; header != "" {
		out = append(out, "clients may choose an upstream by its name, in the header "+header)
	}
	if len(a.config().Models) > 0 && !a.config().ListsModels() {
		out = append(out, "GET /v1/models lists none: names with * are not listed, so clients must be told a model's name")
	}
	return out
}

// whoMayCall says who is served, and what they must send.
func (a *App) whoMayCall() []string {
	var names []string
	for _, k := range a.config().Keys {
		if !k.Disabled {
			names = append(names, k.Name)
		}
	}
	switch {
	case len(a.config().Keys) == 0:
		return []string{"no keys: " + a.servesWhom()}
	case len(names) == 0:
		return []string{"keys: all are disabled, nobody may call"}
	case len(names) > shown:
		names = append(names[:shown], fmt.Sprintf("… and %d more", len(names)-shown))
	}
	lines := []string{"keys: " + strings.Join(names, ", ")}
	for i := range a.config().Upstreams {
		if a.config().Upstreams[i].Auth.Method == config.AuthPassthrough {
			return append(lines, "clients of "+a.config().Upstreams[i].Name+" send Weir's key in x-weir-key, and their own where they always did")
		}
	}
	return lines
}

// servesWhom says who may call a listener without keys.
func (a *App) servesWhom() string {
	host, _, _ := net.SplitHostPort(a.server.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return "every program on this machine is served, and no other"
	}
	everybody := "everybody who can reach " + a.server.Addr().String() + " is served"
	names := append([]string{"localhost", "127.0.0.1", "[::1]"}, a.config().Listen.Hosts...)
	if slices.Contains(a.config().Listen.Hosts, "*") {
		return everybody + ", under any name"
	}
	return everybody + ", under the names " + strings.Join(names, ", ") + " (listen.hosts)"
}
