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
		fmt.Fprintf(t, "upstream %s\t%s\t%s\t%s\n", u.Name, u.Kind, u.Endpoint, u.CalledWith())
	}
	for _, m := range cfg.Models {
		fmt.Fprintf(t, "model %s\t→ %s\n", m.Name, m.Leads())
	}
	for _, u := range cfg.Upstreams {
		if len(u.PassthroughPaths) > 0 {
			fmt.Fprintf(t, "paths %s\t→ %s, as they are\n", strings.Join(u.PassthroughPaths, " "), u.Name)
		}
		if u.UnknownIDs == config.UnknownForward {
			fmt.Fprintf(t, "unknown ids\t→ %s, which decides\n", u.Name)
		}
	}
	if door := cfg.Transparent; door.Upstream != "" {
		fmt.Fprintf(t, "transparent %s\t→ %s, as it is\n", door.Address+door.Prefix, door.Upstream)
	}
	for _, k := range cfg.Keys {
		state := ""
		if k.Disabled {
			state = " (disabled)"
		}
		fmt.Fprintf(t, "key %s\ttenant %s\tmay use %s%s\n", k.Name, k.Tenant, strings.Join(k.Models, ", "), state)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	note(w, "keeps data in %s", cfg.DataDir)
	if cfg.Store == config.StoreNone {
		note(w, "keeps stored responses and ids in memory, they are lost with a restart")
	}
	note(w, "seals with %s", cfg.SealsWith())
	if cfg.FromEnvironment() {
		note(w, "no file: the environment decides; weir check --print shows why")
	}
	return nil
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
