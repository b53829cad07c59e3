package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/weir-gateway/weir/internal/config"
)

// summarise says in a few lines what a configuration would serve.
func summarise(w io.Writer, cfg *config.Config) error {
	note(w, "ok: %s", cfg.Source)
	note(w, "listens on %s", listens(cfg))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, u := range cfg.Upstreams {
		fmt.Fprintf(t, "upstream %s\t%s\t%s\tauth %s\n", u.Name, u.Kind, u.Endpoint, u.Auth.Method)
	}
	for _, m := range cfg.Models {
		fmt.Fprintf(t, "model %s\t→ %s\n", m.Name, targets(m))
	}
	for _, k := range cfg.Keys {
		state := ""
		if k.Disabled {
			state = " (disabled)"
		}
		fmt.Fprintf(t, "key %s\ttenant %s\tmay use %s%s\n", k.Name, k.Tenant, strings.Join(k.Models, ", "), state)
	}
	return t.Flush()
}

func listens(cfg *config.Config) string {
	s := cfg.Listen.Address
	if cfg.Listen.TLS.Cert != "" {
		s += ", TLS"
	}
	if len(cfg.Keys) == 0 {
		return s + ", without keys"
	}
	return s
}

func targets(m config.Model) string {
	var out []string
	for _, t := range m.Targets {
		name := t.Model
		if name == "" {
			name = "the name asked for"
		}
		out = append(out, t.Upstream+" as "+name)
	}
	return strings.Join(out, ", else ")
}
